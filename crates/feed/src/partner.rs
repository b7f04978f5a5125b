//! One partner's feed: what it was told, what waits unread, and what comes next.

use std::collections::VecDeque;
use std::sync::Arc;

use desk::{Caller, Doorkeeper};
use domain::organisation::BrokerAccount;
use journal::Recorded;
use journal::accounts::{AccountKey, Name};
use journal::partner_feed::{FeedError, Outgoing, Partners, Progress, UNREAD_MAX};
use projection::Page;
use serde_json::Value;
use service::Problem;

use crate::events::look;
use crate::filter::Filter;
use crate::partners::Untold;
use crate::source::Source;

/// How many events are read at once.
const STEP: usize = 128;
/// How often that is done before other partners have their turn.
const STEPS: usize = 32;
/// After how many events that were not the partner's to know its cursor is noted: as many are looked at again after a
/// restart.
const NOTED_EVERY: u64 = 4_096;

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
        let unread = told.into_iter().zip(events);
        let unread = unread.map(|(told, event)| Unread { sequence: told.sequence, event, told: told.body });
        let cursor = last.as_ref().map_or(0, |last| last.position).max(progress.cursor);
        let last = last.map_or(0, |last| last.sequence);
        Ok(Open { last, cursor, noted: cursor, unread: unread.collect() })
    }
}

/// One step of one feed.
struct Telling<'a> {
    feed: &'a Feed,
    caller: &'a Caller,
    open: Open,
}

impl Telling<'_> {
    /// From the first unread message on that the partner may not know as it was told: all are taken back, to be told again
    /// as they may be known now.
    async fn take_back(&mut self, progress: &Progress) -> Result<(), Untold> {
        self.open.unread.retain(|unread| unread.sequence > progress.acknowledged);
        let Some(first) = self.first_wrong()? else { return Ok(()) };
        let Self { feed, open, .. } = self;
        let before = open.unread[first].event.position.saturating_sub(1);
        // Noted first: cut short here, the message is found again and taken back then.
        feed.partners.admit(&feed.key, before).await?;
        let after = first.checked_sub(1).map_or(progress.acknowledged, |n| open.unread[n].sequence);
        feed.partners.take_back(&feed.key, after).await?;
        open.unread.truncate(first);
        (open.cursor, open.noted) = (before, before);
        open.last = feed.partners.last(&feed.key).await?.map_or(0, |last| last.sequence);
        Ok(())
    }

    /// Which of the unread messages is the first that would not be told like that now.
    fn first_wrong(&self) -> Result<Option<usize>, Problem> {
        let page = self.feed.source.reading.now()?;
        for (n, unread) in self.open.unread.iter().enumerate() {
            if self.told(&page, &unread.event)?.as_ref() != Some(&unread.told) {
                return Ok(Some(n));
            }
        }
        Ok(None)
    }

    /// One event as the partner may know it now, in its own words; nothing if it may not.
    fn told(&self, page: &Page, event: &Recorded) -> Result<Option<Value>, Problem> {
        let told = self.feed.source.told(page, self.caller, event)?;
        told.map(|told| self.caller.names.worded(told)).transpose()
    }

    /// As much of each event as the partner may know now.
    fn shown(&self, events: Vec<Recorded>) -> Result<Vec<(Recorded, Option<Value>)>, Problem> {
        let page = self.feed.source.reading.now()?;
        let shown = events.into_iter().map(|event| {
            let told = self.told(&page, &event)?;
            Ok((event, told))
        });
        shown.collect()
    }

    /// Tells what comes next, as far as there is room.
    async fn tell(&mut self, progress: &Progress) -> Result<Pace, Untold> {
        let waiting = u64::try_from(self.open.unread.len()).unwrap_or(UNREAD_MAX).max(progress.unread);
        let mut room = UNREAD_MAX.saturating_sub(waiting);
        for _ in 0..STEPS {
            if room == 0 {
                return Ok(Pace::Level);
            }
            let found = look(&self.feed.source.reading.now()?, self.open.cursor, &Filter::default(), STEP)?;
            if found.cursor == self.open.cursor {
                return Ok(Pace::Level);
            }
            let events = self.feed.source.bodies(&found.marks).await?;
            for (event, told) in self.shown(events)? {
                if room == 0 {
                    return Ok(Pace::Level);
                }
                let position = event.position;
                if let Some(told) = told {
                    self.publish(event, told).await?;
                    room -= 1;
                }
                self.open.cursor = position;
            }
            self.open.cursor = found.cursor;
            self.note().await?;
        }
        Ok(Pace::More)
    }

    async fn publish(&mut self, event: Recorded, told: Value) -> Result<(), Untold> {
        let topic: Name = event.ledger.name().parse().map_err(Problem::internal)?;
        let body = told.to_string().into();
        let what = Outgoing { event: event.stamp.event, position: event.position, topic, body };
        let sequence = self.feed.partners.publish_to(&self.feed.key, self.open.last, &what).await?;
        (self.open.last, self.open.noted) = (sequence, event.position);
        self.open.unread.push_back(Unread { sequence, event, told });
        Ok(())
    }

    /// Notes the cursor of a partner that was told nothing for long.
    async fn note(&mut self) -> Result<(), Untold> {
        if self.open.cursor - self.open.noted >= NOTED_EVERY {
            self.feed.partners.admit(&self.feed.key, self.open.cursor).await?;
            self.open.noted = self.open.cursor;
        }
        Ok(())
    }
}
