//! The sealer as a task: it seals for as long as the process runs, and raises the alarm when it cannot.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::sealer::{Cadence, SealError, Sealer};
use crate::journal::Journal;
use crate::read::ReadError;

/// How often streams are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long the last seals may take when the process ends.
const LAST: Duration = Duration::from_secs(3);

/// A day, in seconds.
const DAY: i64 = 24 * 3600;

/// Seals `journal` with the key at `path` until `stop` resolves, and then what is left. `now` is the clock.
///
/// It goes on whatever happens: what it cannot seal is an error in the log, and the next verification names it. Once a
/// day, and when it begins, the head of the chain is in the log: kept apart, it proves that the chain was this long.
pub async fn keep(
    journal: Journal,
    path: PathBuf,
    cadence: Cadence,
    stop: impl Future<Output = ()>,
    now: impl Fn() -> Timestamp,
) {
    let mut stop = pin!(stop);
    let mut sealer = None;
    let mut diary = Diary::default();
    loop {
        let worked = async { diary.note(work(&mut sealer, &journal, &path, cadence, now()).await) };
        tokio::select! {
            () = &mut stop => break,
            () = worked => {}
        }
        if let Some((position, head)) = sealer.as_ref().and_then(Sealer::head) {
            diary.tell(now(), position, &head.to_string());
        }
        tokio::select! {
            () = &mut stop => break,
            () = sleep(LOOK) => {}
        }
    }
    if let Some(sealer) = &mut sealer {
        match timeout(LAST, sealer.seal_all(now())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last events are not sealed yet"),
            Err(_) => tracing::warn!("the last events are not sealed yet"),
        }
    }
}

async fn work(
    sealer: &mut Option<Sealer>,
    journal: &Journal,
    path: &Path,
    cadence: Cadence,
    now: Timestamp,
) -> Result<(), SealError> {
    let sealer = match sealer {
        Some(sealer) => sealer,
        None => sealer.insert(Sealer::open(journal.clone(), path, None, cadence, now).await?),
    };
    sealer.step(now).await.map(|_| ())
}

/// What was said already, so that it is not said every second.
#[derive(Default)]
struct Diary {
    failure: Option<String>,
    day: Option<i64>,
}

impl Diary {
    fn note(&mut self, worked: Result<(), SealError>) {
        let failure = worked.err();
        let words = failure.as_ref().map(ToString::to_string);
        if words == self.failure {
            return;
        }
        match &failure {
            None => tracing::info!("sealing goes on"),
            Some(SealError::Read(ReadError::Unreachable(error))) => {
                tracing::warn!(%error, "nothing can be sealed now");
            }
            Some(error) => tracing::error!(%error, "nothing can be sealed: {error}"),
        }
        self.failure = words;
    }

    fn tell(&mut self, now: Timestamp, entries: u64, head: &str) {
        let day = now.as_second().div_euclid(DAY);
        if self.day.replace(day) != Some(day) {
            tracing::info!(head, entries, "the head of the integrity chain: keep it apart");
        }
    }
}
