//! How what went wrong is told over HTTP: each kind has its own status and code, and says what to do.

use domain::ledger::AggregateId;
use domain::refusal::{Refusal, RefusalClass};
use journal::{ExecuteError, ReadError};
use projection::{StoreError, Unserved};
use service::Problem;
use service::problem::Kind;

/// A command that was not recorded, as a problem.
#[must_use]
pub fn problem_of(error: ExecuteError, ledger: &AggregateId) -> Problem {
    let id = || format!("{}-{}", ledger.territory(), ledger.uuid());
    match error {
        ExecuteError::Refused(refusal) => refused(refusal, ledger),
        ExecuteError::KeyReused { .. } => Problem::key_reused(),
        ExecuteError::Stale { expected, found, .. } => Problem::stale_version(expected, found),
        ExecuteError::Contended => {
            Problem::contended(u32::try_from(journal::execute::ATTEMPTS).unwrap_or(u32::MAX))
        }
        ExecuteError::Unreachable(why) => {
            tracing::warn!(error = %why, "the broker is unreachable: {why}");
            Problem::broker_unreachable()
        }
        ExecuteError::Full { why } => {
            tracing::error!(error = %why, "the journal is full: {why}");
            Problem::journal_full()
        }
        ExecuteError::Undecodable { ledger, source } => {
            tracing::error!(%ledger, error = %source, "{ledger} cannot be read: {source}");
            Problem::aggregate_stopped(ledger.name(), id())
        }
        ExecuteError::Local(why) => Problem::internal(why),
        error @ (ExecuteError::Denied { .. }
        | ExecuteError::Unwritable(_)
        | ExecuteError::Sealed { .. }
        | ExecuteError::Damaged(_)) => Problem::internal(error),
    }
}

fn refused(refusal: Refusal, ledger: &AggregateId) -> Problem {
    let Refusal { code, rule, class, sentence, since } = refusal;
    let problem = match class {
        RefusalClass::Unknown => {
            return Problem::unknown_id(ledger.name(), format!("{}-{}", ledger.territory(), ledger.uuid()))
                .detail(sentence);
        }
        RefusalClass::Conflict => Problem::refused_now(code, rule, sentence),
        RefusalClass::Invalid => Problem::refused_always(code, rule, sentence),
    };
    match since {
        Some(since) => problem.member("since", since.to_string()),
        None => problem,
    }
}

/// Rows that are not served now, as a problem: they are being built, or the view has stopped.
#[must_use]
pub fn unserved(error: &Unserved) -> Problem {
    Problem::new(Kind::NotReady).detail(error.to_string())
}

/// Rows that cannot be read, as a problem.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::internal(failure.0)
    }
}

/// Rows that cannot be read: a fault of ours.
pub struct Failure(pub StoreError);

/// A read of the journal that failed, as a problem.
#[must_use]
pub fn read_problem(error: ReadError) -> Problem {
    match error {
        ReadError::Unreachable(why) => {
            tracing::warn!(error = %why, "the broker is unreachable: {why}");
            Problem::broker_unreachable()
        }
        error @ (ReadError::Refused { .. } | ReadError::Malformed(_) | ReadError::Nothing { .. }) => {
            Problem::internal(error)
        }
    }
}
