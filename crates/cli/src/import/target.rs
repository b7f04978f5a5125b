//! Who takes the commands: a running instance, or in tests something that decides as one does.

use std::future::Future;
use std::time::Duration;

use super::plan::Outgoing;

/// Who takes the commands of an import.
pub trait Target: Sync {
    /// Asks for one command and waits for the answer.
    ///
    /// # Errors
    /// [`Unreachable`] when there is no answer: whether the command was taken is not known, and asking again with the
    /// same key is safe.
    fn send(&self, request: &Outgoing) -> impl Future<Output = Result<Answer, Unreachable>> + Send;
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is recorded.
    Taken {
        /// Whether it had been recorded before, under the same key and with the same body.
        repeated: bool,
    },
    /// It is not.
    Problem(Problem),
}

/// Why a command was not recorded, as the API says it (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code; empty when what answered is not Continuum.
    pub code: String,
    /// The sentence for a person.
    pub detail: String,
    /// Where in the body, for a body that was not understood.
    pub pointer: Option<String>,
    /// When asking again makes sense.
    pub retry_after: Option<Duration>,
    /// The files that look like the one that was to be opened, in words.
    pub look_alikes: Vec<String>,
}

/// There is no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("pas de réponse : {0}")]
pub struct Unreachable(pub String);
