//! Feeding the count of [`Bulk`] from what is recorded.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{AccessFollower, Bulk, Code, Crossing, Outcome};
use crate::follow::FollowError;
use crate::journal::Journal;
use crate::read::ReadError;

/// What counts as opening too many files.
#[derive(Debug, Clone)]
pub struct Watched {
    /// How many distinct households one actor may open within the time.
    pub households: usize,
    /// The time.
    pub within: Duration,
    /// How far back is read again at the start, at least `within`: what was recorded while nobody watched is seen then.
    pub back: Duration,
    /// The actions that open a file; others, such as a list, are not counted.
    pub actions: BTreeSet<Code>,
}

/// Reads every entry as it comes and tells of whoever opens the files of too many households.
#[derive(Debug)]
pub struct BulkWatch {
    follower: AccessFollower,
    bulk: Bulk,
    actions: BTreeSet<Code>,
    told: VecDeque<Crossing>,
}

impl Journal {
    /// Watches who opens too many files. What was recorded a while before `now` is read again, so that a restart hides
    /// nobody; it may tell of somebody once more.
    ///
    /// # Errors
    /// [`ReadError`]: the broker does not answer.
    pub async fn watch_bulk_reading(&self, watched: Watched, now: Timestamp) -> Result<BulkWatch, ReadError> {
        let Watched { households, within, back, actions } = watched;
        let back = SignedDuration::try_from(back.max(within)).unwrap_or(SignedDuration::MAX);
        let after = match now.checked_sub(back) {
            Ok(begin) => self.access_position_at(begin).await?,
            Err(_) => 0,
        };
        let (follower, bulk) = (self.follow_accesses(after), Bulk::new(households, within));
        Ok(BulkWatch { follower, bulk, actions, told: VecDeque::new() })
    }
}

impl BulkWatch {
    /// Waits until somebody has opened one file too many. The call can be dropped at any time; nobody is missed.
    ///
    /// # Errors
    /// [`FollowError`]: who reads what is not what it was.
    pub async fn next(&mut self) -> Result<Crossing, FollowError> {
        loop {
            if let Some(crossing) = self.told.pop_front() {
                return Ok(crossing);
            }
            for access in self.follower.next().await? {
                let entry = &access.entry;
                let shown = match entry.outcome {
                    Outcome::Granted | Outcome::BreakGlass => true,
                    Outcome::Refused => false,
                };
                if let Some(household) = entry.about.household()
                    && shown
                    && self.actions.contains(&entry.action)
                {
                    let seen = self.bulk.observe(&entry.actor, entry.organisation, household, entry.at);
                    self.told.extend(seen);
                }
            }
        }
    }
}
