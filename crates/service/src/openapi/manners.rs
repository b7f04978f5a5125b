//! What operations of one manner have in common: commands, views, lists, live streams.

use super::operation::{Answer, Operation, Parameter, Place, Schema};
use crate::problem::Kind;

/// The manners of the API. A service says which one an operation has; the rest follows.
impl Operation {
    /// As all commands: with `Idempotency-Key` and `If-Match`, and every way a command is refused.
    #[must_use]
    pub fn command(self) -> Self {
        let mut operation = self;
        for (name, description) in [
            (
                "Idempotency-Key",
                "The same key is the same command, recorded once: 1 to 128 visible ASCII characters.",
            ),
            (
                "If-Match",
                "The version this command was decided on, as in the ETag; refused if it is not the present one.",
            ),
        ] {
            let schema = Schema::Text;
            operation.parameters.push(Parameter {
                name,
                place: Place::Header,
                required: false,
                description,
                schema,
            });
        }
        operation.problems([
            Kind::MalformedHeader,
            Kind::RefusedNow,
            Kind::RefusedAlways,
            Kind::Contended,
            Kind::StaleVersion,
            Kind::KeyReused,
            Kind::BrokerUnreachable,
            Kind::AggregateStopped,
            Kind::JournalFull,
        ])
    }

    /// As all reads of views: with `at_least` and `wait_ms`.
    #[must_use]
    pub fn view(self) -> Self {
        self.query_parameter(
            "at_least",
            Schema::Count,
            "Answer only when this position of the journal is known here.",
        )
        .query_parameter("wait_ms", Schema::Count, "How long to wait for it, in milliseconds.")
        .problems([Kind::ViewBehind, Kind::WaitTooLong, Kind::NotReady, Kind::AggregateStopped])
    }

    /// As all lists: a view, by pages.
    #[must_use]
    pub fn list(self) -> Self {
        self.view()
            .query_parameter("limit", Schema::Count, "How many rows at most, from 1.")
            .query_parameter("cursor", Schema::Text, "Where to read on: the cursor of the page before.")
            .problems([Kind::ListTooLong, Kind::MalformedCursor])
    }

    /// As all live streams: resumable, `text/event-stream`.
    #[must_use]
    pub fn live(mut self, description: &'static str) -> Self {
        self.parameters.push(Parameter {
            name: "Last-Event-ID",
            place: Place::Header,
            required: false,
            description: "The id of the last event that was read: the stream resumes after it.",
            schema: Schema::Text,
        });
        let schema = Some(Schema::Text);
        let media_type = "text/event-stream";
        self.answer_with(Answer {
            status: 200,
            description,
            schema,
            media_type,
            example: None,
            headers: Vec::new(),
        })
        .problems([Kind::TooManyStreams, Kind::MalformedCursor])
    }
}
