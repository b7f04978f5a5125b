//! One step of one feed: what may no longer be known is taken back, what is new is told.

use desk::Caller;
use journal::Recorded;
use journal::accounts::Name;
use journal::partner_feed::{Outgoing, Progress, UNREAD_MAX};
use projection::Page;
use serde_json::Value;
use service::Problem;

use super::topic::Topic;
use super::{Feed, Open, Pace, Unread};
use crate::events::look;
use crate::filter::Filter;
use crate::partners::Untold;
use crate::placements::Followed;

/// How many events are read at once.
const STEP: usize = 128;
/// How often that is done before other partners have their turn.
const STEPS: usize = 32;
/// After how many events that were not the partner's to know its cursor is noted: as many are looked at again after a
/// restart.
const NOTED_EVERY: u64 = 4_096;

/// An event, and as much of it as is told, with what for.
type Shown = (Recorded, Vec<(Topic, Value)>);

/// One step of one feed.
pub(super) struct Telling<'a> {
    pub(super) feed: &'a Feed,
    pub(super) caller: &'a Caller,
    pub(super) open: Open,
}

impl Telling<'_> {
    /// From the first unread message on that the partner may not know as it was told: all are taken back, to be told again
    /// as they may be known now.
    pub(super) async fn take_back(&mut self, progress: &Progress) -> Result<(), Untold> {
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
        (open.last, open.told) = Topic::end(feed.partners.last(&feed.key).await?.as_ref());
        Ok(())
    }

    /// Which of the unread messages is the first that would not be told like that now.
    fn first_wrong(&self) -> Result<Option<usize>, Problem> {
        if self.open.unread.is_empty() {
            return Ok(None);
        }
        let page = self.feed.source.reading.now()?;
        let followed = self.feed.source.followed_on_broker(&page, self.caller)?;
        for (n, unread) in self.open.unread.iter().enumerate() {
            let told = match unread.topic {
                Topic::Event => self.told(&page, &unread.event)?,
                Topic::Subscription(id) => match followed.iter().find(|followed| followed.id == id) {
                    Some(followed) => self.told_for(&page, followed, unread.event.position)?,
                    None => None,
                },
            };
            if told.as_ref() != Some(&unread.told) {
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

    /// What an event made of what is available, for one of the partner's subscriptions.
    fn told_for(&self, page: &Page, followed: &Followed, position: u64) -> Result<Option<Value>, Problem> {
        let told = self.feed.source.passage_told(page, self.caller, &followed.query, position)?;
        told.map(|told| self.caller.names.worded(told)).transpose()
    }

    /// As much of each event as the partner may know now, and what for.
    fn shown(&self, events: Vec<Recorded>) -> Result<Vec<Shown>, Problem> {
        let page = self.feed.source.reading.now()?;
        let followed = self.feed.source.followed_on_broker(&page, self.caller)?;
        let shown = events.into_iter().map(|event| {
            let mut all: Vec<_> =
                self.told(&page, &event)?.map(|told| (Topic::Event, told)).into_iter().collect();
            for followed in followed.iter().filter(|followed| followed.since < event.position) {
                let told = self.told_for(&page, followed, event.position)?;
                all.extend(told.map(|told| (Topic::Subscription(followed.id), told)));
            }
            Ok((event, all))
        });
        shown.collect()
    }

    /// Tells what comes next, as far as there is room.
    pub(super) async fn tell(&mut self, progress: &Progress) -> Result<Pace, Untold> {
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
            for (event, all) in self.shown(events)? {
                for (topic, told) in all {
                    if (event.position, topic) <= self.open.told {
                        continue;
                    }
                    if room == 0 {
                        return Ok(Pace::Level);
                    }
                    self.publish(event.clone(), topic, told).await?;
                    room -= 1;
                }
                self.open.cursor = event.position;
            }
            self.open.cursor = found.cursor;
            self.note().await?;
        }
        Ok(Pace::More)
    }

    async fn publish(&mut self, event: Recorded, topic: Topic, told: Value) -> Result<(), Untold> {
        let position = event.position;
        let (name, id) = topic.names(&event.ledger, event.stamp.event);
        let topic_name: Name = name.parse().map_err(Problem::internal)?;
        let what = Outgoing { id, position, topic: topic_name, body: told.to_string().into() };
        let sequence = self.feed.partners.publish_to(&self.feed.key, self.open.last, &what).await?;
        (self.open.last, self.open.told) = (sequence, (position, topic));
        self.open.noted = position.saturating_sub(1);
        self.open.unread.push_back(Unread { sequence, event, topic, told });
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
