//! Live streams: what a reader is told after a cursor, as it comes.

use std::future::Future;
use std::time::Duration;

use desk::Caller;
use futures_util::stream::{self, Stream};
use serde_json::Value;
use service::Problem;
use service::axum::response::Response;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::sse::{Event, LastEventId};

use crate::source::Source;

/// How long a stream waits for the next event before it looks again whether its reader still may read.
const IDLE: Duration = Duration::from_secs(1);

/// One message: the position it stands at, its type, what it says.
pub(crate) type Message = (u64, String, Value);

/// What is told, whatever it is.
pub(crate) trait Tale: Send + Sync + 'static {
    /// Where it is read from.
    fn source(&self) -> &Source;

    /// Some of what comes after `cursor`, in order, and how far it was looked for.
    fn after(
        &self,
        caller: &Caller,
        cursor: u64,
    ) -> impl Future<Output = Result<(Vec<Message>, u64), Problem>> + Send;
}

/// Where a stream begins: after what the client read last, else after the position it asks for, else now.
pub(crate) fn start(last: Option<LastEventId>, after: Option<u64>, now: u64) -> Result<u64, Problem> {
    let Some(LastEventId(id)) = last else { return Ok(after.unwrap_or(now)) };
    id.parse().map_err(|_| {
        Problem::new(Kind::MalformedHeader)
            .detail("last-event-id must be sent once, as the id of an event of this stream")
            .member("header", "last-event-id")
            .member("expected", "the id of an event of this stream")
    })
}

/// The stream of a tale after `cursor`.
///
/// # Errors
/// [`Problem`] `too-many-streams` when there is no room for it.
pub(crate) fn open<T: Tale>(tale: T, caller: Caller, cursor: u64) -> Result<Response, Problem> {
    let streams = tale.source().streams.clone();
    streams.open(live(tale, caller, cursor))
}

/// With what says which page of something is asked for that is told in the order of the journal.
pub(crate) fn after_a_position(operation: Operation) -> Operation {
    operation
        .view()
        .query_parameter("limit", Schema::Count, "How many at most, from 1.")
        .query_parameter("after", Schema::Count, "The last position that is known; 0 for none.")
        .problems([Kind::ListTooLong])
}

/// With what says where a live stream begins.
pub(crate) fn from_now_on(operation: Operation) -> Operation {
    let after = "The last position that is known; from now on if absent.";
    operation.query_parameter("after", Schema::Count, after)
}

/// What is told after `cursor`, as it comes. Nothing is lost when the reader is slow: it is read only as fast as it reads. It
/// ends when its reader no longer is who it was: a token that was revoked, a session that is over.
fn live<T: Tale>(tale: T, caller: Caller, cursor: u64) -> impl Stream<Item = Result<Event, String>> + Send {
    let start = (tale, caller, cursor, Vec::new());
    stream::try_unfold(start, |(tale, caller, mut cursor, mut ready)| async move {
        loop {
            let code = |problem: Problem| problem.code().to_owned();
            {
                let source = tale.source();
                let page = source.reading.now().map_err(code)?;
                if !desk::still(&page, &caller, source.desk.edge().now()).map_err(code)? {
                    return Ok(None);
                }
            }
            if let Some((position, kind, data)) = ready.pop() {
                let (position, kind): (u64, String) = (position, kind);
                let data: Value = data;
                let sent = Event::new(position.to_string(), kind, &data).map_err(|e| e.to_string())?;
                return Ok(Some((sent, (tale, caller, cursor, ready))));
            }
            tale.source().view.reached(cursor.saturating_add(1), IDLE).await;
            (ready, cursor) = tale.after(&caller, cursor).await.map_err(code)?;
            ready.reverse();
        }
    })
}
