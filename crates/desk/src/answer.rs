//! How what went wrong is told over HTTP: each kind has its own status and code, and says what to do.

use domain::ledger::AggregateId;
use domain::refusal::{Refusal, RefusalClass};
use journal::keys::{KeyError, KeyRing};
use journal::{ExecuteError, Journal, LocalError, ReadError};
use projection::{StoreError, Unserved};
use service::Problem;
use service::problem::Kind;

/// A command that was not recorded, as a problem.
#[must_use]
pub fn problem_of(error: ExecuteError, ledger: &AggregateId) -> Problem {
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
            stopped(&ledger)
        }
        ExecuteError::Local(why) => local_problem(why),
        ExecuteError::Sealed { source, .. } => key_problem(source),
        error @ (ExecuteError::Denied { .. }
        | ExecuteError::Unwritable(_)
        | ExecuteError::Endless { .. }
        | ExecuteError::Damaged(_)) => Problem::internal(error),
    }
}

/// Why the service's own rows do not answer, as a problem.
#[must_use]
pub fn local_problem(error: LocalError) -> Problem {
    match error {
        LocalError::Halted { ledger, .. } => stopped(&ledger),
        LocalError::Unserved { why } => Problem::new(Kind::NotReady).detail(why),
        error @ LocalError::Damaged { .. } => Problem::internal(error),
    }
}

/// A ledger whose rows stand still, as a problem.
#[must_use]
pub fn stopped(ledger: &AggregateId) -> Problem {
    Problem::aggregate_stopped(ledger.name(), format!("{}-{}", ledger.territory(), ledger.uuid()))
}

/// The keys of the process.
///
/// # Errors
/// [`Problem`] `internal` when the journal has none: a fault of ours, for no service opens without.
pub fn keys(journal: &Journal) -> Result<&KeyRing, Problem> {
    journal.keys().ok_or_else(|| Problem::internal(anyhow::anyhow!("no keys")))
}

/// Personal values that cannot be opened, as a problem: the broker that holds their keys may be down.
#[must_use]
pub fn key_problem(error: KeyError) -> Problem {
    if error.may_pass() {
        tracing::warn!(error = %error, "the keys cannot be read: {error}");
        return Problem::broker_unreachable();
    }
    Problem::internal(error)
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
