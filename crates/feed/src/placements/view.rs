//! The view: what is available now, how it came to be so position by position, and from where subscriptions go on.

use domain::event::Stamp;
use domain::id::SubscriptionId;
use domain::ledger::{AggregateId, Fact};
use domain::placement::{Placement, PlacementId, offered};
use domain::subscription::{FollowingEvent, Resumption, SubscriptionEvent};
use jiff::Timestamp;
use projection::{ApplyError, Entry, Page, Rows, StoreError, Tree, View, key, ledgers};
use serde::{Deserialize, Serialize};

/// `position` → [`Passage`].
const PASSAGES: Tree = Tree::named("feed/passages");
/// `(recorded, position)` of each passage.
const MOMENTS: Tree = Tree::named("feed/moments");
/// `ledger` → [`Latest`].
const LATEST: Tree = Tree::named("feed/latest");
/// `ledger` of a subscription → the position at which it was resumed with only what was still open.
const RESUMED: Tree = Tree::named("feed/resumed");

/// `ledger` of a subscription → the position at which its owner had it sent, while it does.
const SENT: Tree = Tree::named("feed/sent");

/// Raised whenever the same events would give other rows.
const VERSION: u32 = 2;

/// What an event of the journal made of a placement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Passage {
    /// Whose.
    pub(crate) ledger: AggregateId,
    /// What was available before.
    pub(crate) before: Option<Placement>,
    /// What is since.
    pub(crate) after: Option<Placement>,
    /// The kind of the event that made it so: `vacancy.expired`.
    pub(crate) because: String,
    /// That event's stamp.
    pub(crate) stamp: Stamp,
}

/// The last passage of a ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Latest {
    /// Where it stands.
    pub(crate) position: u64,
    /// What has been available since.
    pub(crate) placement: Option<Placement>,
}

/// The view. It comes after that of the ledgers, whose states it reads.
pub(crate) struct Placements;

impl View for Placements {
    fn name(&self) -> &'static str {
        "placements"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn trees(&self) -> Vec<Tree> {
        vec![PASSAGES, MOMENTS, LATEST, RESUMED, SENT]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        if PlacementId::of(&entry.ledger).is_some() {
            pass(entry, rows)?;
        }
        if let Fact::Subscription(SubscriptionEvent::Following(event)) = entry.fact() {
            follow(entry, event, rows)?;
        }
        Ok(())
    }
}

fn follow(entry: &Entry, event: &FollowingEvent, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let at = key::of(&entry.ledger);
    match event {
        FollowingEvent::SubscriptionResumed(resumed) => match resumed.with {
            Resumption::OnlyWhatIsOpen => rows.save(RESUMED, at, entry.position),
            Resumption::CatchUp => Ok(()),
        },
        // Another way goes on where the one before was.
        FollowingEvent::SubscriptionDeliverySet(_) => match rows.load::<u64>(SENT, &at)? {
            Some(_) => Ok(()),
            None => rows.save(SENT, at, entry.position),
        },
        FollowingEvent::SubscriptionDeliveryEnded(_) | FollowingEvent::SubscriptionClosed(_) => {
            rows.remove(SENT, at)
        }
        FollowingEvent::SubscriptionOpened(_)
        | FollowingEvent::SubscriptionChanged(_)
        | FollowingEvent::SubscriptionPaused(_)
        | FollowingEvent::SubscriptionDeliveryResumed(_)
        | FollowingEvent::SubscriptionReplayAsked(_)
        | FollowingEvent::SubscriptionAcknowledged(_)
        | FollowingEvent::SubscriptionSecretRotated(_) => Ok(()),
    }
}

fn pass(entry: &Entry, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let (ledger, position) = (entry.ledger, entry.position);
    let state = ledgers::state_in(rows, &ledger)?;
    let after = state.and_then(|folded| offered(&ledger, &folded.state));
    let at = key::of(&ledger);
    let before = rows.load::<Latest>(LATEST, &at)?.and_then(|is| is.placement.clone());
    if before == after {
        return Ok(());
    }
    rows.save(LATEST, at, Latest { position, placement: after.clone() })?;
    rows.insert(MOMENTS, key::of(&(entry.stamp.recorded, position)), &[])?;
    let (because, stamp) = (entry.kind.clone(), entry.stamp);
    rows.save(PASSAGES, key::of(&position), Passage { ledger, before, after, because, stamp })
}

/// A row of what is available: its key, then whose it is and what it says.
pub(super) type Row = (Vec<u8>, (AggregateId, Latest));

/// What is available or was, in the order of the ledgers, from the row `from` on.
pub(super) fn latest(
    page: &Page,
    from: &[u8],
) -> Result<impl Iterator<Item = Result<Row, StoreError>>, StoreError> {
    let rows = page.range(LATEST, from, None)?;
    Ok(rows.filter_map(|row| {
        let read = |(at, value): (Vec<u8>, Vec<u8>)| {
            let ledger = key::read::<AggregateId>(&at)?;
            Some(page.decoded(LATEST, &value).map(|is| (at, (ledger, is))))
        };
        row.map(read).transpose().map(Result::flatten)
    }))
}

/// The last passage of a ledger.
pub(super) fn latest_of(page: &Page, ledger: &AggregateId) -> Result<Option<Latest>, StoreError> {
    Ok(page.load::<Latest>(LATEST, &key::of(ledger))?.map(|latest| (*latest).clone()))
}

/// Whether the passage at `position` is the last one of its ledger.
pub(super) fn is_latest(page: &Page, ledger: &AggregateId, position: u64) -> Result<bool, StoreError> {
    Ok(latest_of(page, ledger)?.is_some_and(|is| is.position == position))
}

/// What the event at `position` made of a placement, if anything.
pub(super) fn passage(page: &Page, position: u64) -> Result<Option<Passage>, StoreError> {
    Ok(page.load::<Passage>(PASSAGES, &key::of(&position))?.map(|passage| (*passage).clone()))
}

/// What became of placements after the position `after`, in order.
pub(super) fn passages(
    page: &Page,
    after: u64,
) -> Result<impl Iterator<Item = Result<(u64, Passage), StoreError>>, StoreError> {
    let rows = page.range(PASSAGES, &key::of(&after.saturating_add(1)), None)?;
    Ok(rows.filter_map(|row| {
        let read = |(at, value): (Vec<u8>, Vec<u8>)| {
            let position = key::read::<u64>(&at)?;
            Some(page.decoded(PASSAGES, &value).map(|passage| (position, passage)))
        };
        row.map(read).transpose().map(Result::flatten)
    }))
}

/// The position before the first passage that was recorded at `moment` or later; that of the page if there is none.
pub(super) fn before(page: &Page, moment: Timestamp) -> Result<u64, StoreError> {
    let Some(row) = page.range(MOMENTS, &key::of(&moment), None)?.next() else { return Ok(page.position()) };
    let (at, _) = row?;
    let first = key::read::<(Timestamp, u64)>(&at).map_or(0, |(_, position)| position);
    Ok(first.saturating_sub(1))
}

/// Up to which position a subscription is told of nothing but the last passage of each placement; 0 if of all.
pub(super) fn resumed(page: &Page, id: SubscriptionId) -> Result<u64, StoreError> {
    let at = page.load::<u64>(RESUMED, &key::of(&AggregateId::Subscription(id)))?;
    Ok(at.map_or(0, |position| *position))
}

/// From which position on a subscription is sent what it is told; 0 if it is not.
pub(super) fn sent_since(page: &Page, id: SubscriptionId) -> Result<u64, StoreError> {
    let at = page.load::<u64>(SENT, &key::of(&AggregateId::Subscription(id)))?;
    Ok(at.map_or(0, |position| *position))
}
