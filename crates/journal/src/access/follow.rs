//! Following: every entry behind a position, as it comes.

use std::time::Duration;

use tokio::time::sleep;

use super::Access;
use crate::config::ACCESS;
use crate::follow::FollowError;
use crate::journal::Journal;
use crate::read::{self, ReadError};

/// How often the stream is looked at while nothing new is there.
const LOOK: Duration = Duration::from_millis(250);

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// A reader of all entries from its own checkpoint. While the broker is away it waits.
#[derive(Debug)]
pub struct AccessFollower {
    journal: Journal,
    checkpoint: u64,
    /// Whether positions jumped when it read last: a second time it is a gap.
    doubted: bool,
}

impl Journal {
    /// Follows who reads what, behind a position; 0 for all of it.
    #[must_use]
    pub fn follow_accesses(&self, after: u64) -> AccessFollower {
        AccessFollower { journal: self.clone(), checkpoint: after, doubted: false }
    }
}

impl AccessFollower {
    /// The position of the last entry handed out.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// The next entries, at least one, waiting for it. The call can be dropped at any time without losing an entry.
    ///
    /// # Errors
    /// [`FollowError`]: entries are missing that are not old enough to be gone, or the broker refuses.
    pub async fn next(&mut self) -> Result<Vec<Access>, FollowError> {
        loop {
            match self.look().await {
                Ok(entries) if !entries.is_empty() => {
                    if self.follows(&entries).await? {
                        self.checkpoint = entries.last().map_or(self.checkpoint, |last| last.position);
                        return Ok(entries);
                    }
                }
                Ok(_) => sleep(LOOK).await,
                Err(ReadError::Malformed(malformed)) => return Err(malformed.into()),
                Err(ReadError::Refused { action, why }) => return Err(FollowError::Refused { action, why }),
                Err(error @ (ReadError::Unreachable(_) | ReadError::Nothing { .. })) => {
                    tracing::debug!(%error, "who reads what cannot be followed now");
                    sleep(LOOK).await;
                }
            }
        }
    }

    async fn look(&self) -> Result<Vec<Access>, ReadError> {
        let entries = self.journal.accesses_after(self.checkpoint, AT_ONCE).await?;
        if entries.is_empty() {
            let last = read::last_position(self.journal.link(), ACCESS).await?;
            if last < self.checkpoint {
                return Err(ReadError::Refused {
                    action: "follow who reads what",
                    why: format!("it ends at {last}, before the checkpoint {}", self.checkpoint),
                });
            }
        }
        Ok(entries)
    }

    /// Whether these entries follow the checkpoint without a gap; those whose time was up may be gone.
    async fn follows(&mut self, entries: &[Access]) -> Result<bool, FollowError> {
        let mut after = self.checkpoint;
        for (nth, entry) in entries.iter().enumerate() {
            let found = entry.position;
            let expired = async || match read::ends(self.journal.link(), ACCESS).await {
                Ok(ends) => nth == 0 && ends.first >= found,
                Err(_) => false,
            };
            if found != after + 1 && !expired().await {
                // A message may have been lost on the way: it is read once more before the alarm is raised.
                if std::mem::replace(&mut self.doubted, true) {
                    return Err(FollowError::Gap { after, found });
                }
                sleep(LOOK).await;
                return Ok(false);
            }
            after = found;
        }
        self.doubted = false;
        Ok(true)
    }
}
