//! One partner's feed: what it was told, what waits unread, and what comes next.

mod telling;
mod topic;

use std::collections::VecDeque;
use std::sync::Arc;

use desk::Doorkeeper;
use domain::organisation::BrokerAccount;
use journal::Recorded;
use journal::accounts::AccountKey;
use journal::partner_feed::{FeedError, Partners, Progress, UNREAD_MAX};
use serde_json::Value;

use crate::partners::Untold;
use crate::source::Source;
use telling::Telling;
use topic::Topic;

/// Whether there is more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// There is.
    More,
    /// Nothing until something happens.
    Level,
}

/// A partner's feed.
pub(crate) struct Feed {
    account: BrokerAccount,
    key: AccountKey,
    source: Source,
    door: Arc<Doorkeeper>,
    partners: Partners,
    situation: Situation,
}

enum Situation {
    /// Nothing is known: look.
    Unknown,
    /// It has a reader.
    Open(Open),
    /// It has none.
    Shut,
}

/// What a partner with a reader was told.
struct Open {
    /// The last message that it was told; 0 for none.
    last: u64,
    /// The position of the event that this message tells, and what for: of one event nothing is told that stands before it.
    told: (u64, Topic),
    /// Everything up to this position of the journal was looked at.
    cursor: u64,
    /// From where on would be looked at after a restart.
    noted: u64,
    unread: VecDeque<Unread>,
}

/// A message that waits.
struct Unread {
    sequence: u64,
    event: Recorded,
    topic: Topic,
    told: Value,
}

impl Feed {
    /// The feed of an account; none if the account is no key.
    pub(crate) fn of(account: &BrokerAccount, source: &Source, door: &Arc<Doorkeeper>) -> Option<Self> {
        let key = account.as_str().parse().ok()?;
        let partners = source.desk.journal().partners();
        let (account, source, door) = (account.clone(), source.clone(), Arc::clone(door));
        Some(Self { account, key, source, door, partners, situation: Situation::Unknown })
    }

    /// Takes back what may no longer be known, and tells what is new.
    pub(crate) async fn step(&mut self) -> Pace {
        match self.stepped().await {
            Ok(pace) => pace,
            Err(why) => {
                // Whatever was asked may have been done.
                self.situation = Situation::Unknown;
                match why {
                    Untold::Unwritten(FeedError::Overtaken | FeedError::Unanswered { .. }) => {
                        tracing::debug!(account = %self.account, %why, "a partner is looked at again: {why}");
                    }
                    Untold::Unwritten(FeedError::Refused { .. }) | Untold::Unread(_) => {
                        tracing::warn!(account = %self.account, %why, "a partner is not told what is new: {why}");
                    }
                }
                Pace::Level
            }
        }
    }

    async fn stepped(&mut self) -> Result<Pace, Untold> {
        let caller = self.door.follower(&self.source.reading.now()?, &self.account)?;
        let Some(caller) = caller else {
            if !matches!(self.situation, Situation::Shut) {
                self.partners.revoke(&self.key).await?;
                self.situation = Situation::Shut;
            }
            return Ok(Pace::Level);
        };
        let last = self.partners.last(&self.key).await?.map_or(0, |last| last.sequence);
        let open = match std::mem::replace(&mut self.situation, Situation::Unknown) {
            Situation::Open(open) if open.last == last => open,
            // What another process has told or taken back is looked at, too.
            Situation::Open(_) | Situation::Unknown | Situation::Shut => self.opened().await?,
        };
        // A reader that is gone was removed by another process, which knew more.
        let Some(progress) = self.partners.progress(&self.key).await? else { return Ok(Pace::Level) };
        let mut telling = Telling { feed: self, caller: &caller, open };
        telling.take_back(&progress).await?;
        let pace = telling.tell(&progress).await?;
        self.situation = Situation::Open(telling.open);
        Ok(pace)
    }

    /// What it was told so far, from the stream; the reader is made if there is none.
    async fn opened(&self) -> Result<Open, Untold> {
        let (partners, key) = (&self.partners, &self.key);
        let last = partners.last(key).await?;
        let progress = match partners.progress(key).await? {
            Some(progress) => progress,
            None => {
                let cursor = last.as_ref().map_or(0, |last| last.position);
                partners.admit(key, cursor).await?;
                // What was told to a reader before this one and not read was taken back with it.
                let acknowledged = last.as_ref().map_or(0, |last| last.sequence);
                Progress { acknowledged, unread: 0, cursor }
            }
        };
        let told = partners.told_after(key, progress.acknowledged, UNREAD_MAX).await?;
        let positions: Vec<u64> = told.iter().map(|told| told.position).collect();
        let events = self.source.desk.journal().at(&positions).await.map_err(desk::read_problem)?;
        let unread = told.into_iter().zip(events).map(|(told, event)| {
            let (sequence, topic) = (told.sequence, Topic::of(&told.topic));
            Unread { sequence, event, topic, told: told.body }
        });
        let unread = unread.collect();
        // Of the event that was told last, something else may be left to tell.
        let cursor = last.as_ref().map_or(0, |last| last.position.saturating_sub(1)).max(progress.cursor);
        let (last, told) = Topic::end(last.as_ref());
        Ok(Open { last, told, cursor, noted: cursor, unread })
    }
}
