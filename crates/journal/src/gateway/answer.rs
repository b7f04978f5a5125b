//! What a partner hears.

use std::future::Future;

use async_nats::HeaderMap;
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use bytes::Bytes;
use serde_json::json;

use super::command::PartnerCommand;

/// The header of every answer: the status that HTTP would give.
pub const STATUS: &str = "Continuum-Status";

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is recorded: its receipt, as JSON.
    Done(Bytes),
    /// It is not: a problem document (RFC 9457), with the status and code it holds.
    Problem {
        /// The HTTP status: 409.
        status: u16,
        /// The stable code: `place-taken`.
        code: String,
        /// The document.
        document: Bytes,
    },
}

/// Who decides commands. Asked twice for the same [`PartnerCommand::id`], it records once.
pub trait Handler: Send + Sync + 'static {
    /// Decides one command.
    fn take(&self, command: PartnerCommand) -> impl Future<Output = Answer> + Send;
}

impl<F, Fut> Handler for F
where
    F: Fn(PartnerCommand) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send,
{
    fn take(&self, command: PartnerCommand) -> impl Future<Output = Answer> + Send {
        self(command)
    }
}

/// Why the gateway itself refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) detail: &'static str,
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, detail: &'static str) -> Self {
        Self { status, code, detail }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let Problem { status, code, detail } = problem;
        let title = match status {
            413 => "The command is too large",
            429 => "Too many commands",
            503 => "Busy",
            504 => "No answer in time",
            _ => "The command cannot be read",
        };
        let document = json!({
            "type": format!("urn:continuum:problem:{code}"),
            "title": title,
            "status": status,
            "code": code,
            "detail": detail,
        });
        Self::Problem { status, code: code.to_owned(), document: document.to_string().into() }
    }
}

impl Answer {
    /// The body and the headers that carry it.
    pub(super) fn into_message(self) -> (Bytes, HeaderMap) {
        let mut headers = HeaderMap::new();
        match self {
            Self::Done(receipt) => {
                headers.insert(STATUS, "200");
                (receipt, headers)
            }
            Self::Problem { status, code, document } => {
                headers.insert(STATUS, status.to_string());
                headers.insert(NATS_SERVICE_ERROR, code);
                headers.insert(NATS_SERVICE_ERROR_CODE, status.to_string());
                (document, headers)
            }
        }
    }
}
