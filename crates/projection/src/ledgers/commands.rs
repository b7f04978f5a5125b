//! The commands that were recorded lately: what a command asked twice is recognised by.
//!
//! Rows lie by the week they were recorded in, so that those of one week are written close together and old weeks are
//! removed from the front: some with every so many events, by the dates and positions of events alone, so that a
//! rebuild removes the same. A rebuild of years never writes most of them: they are forgotten before.

use domain::id::{CommandId, EventId};
use domain::ledger::AggregateId;
use journal::{Digest, Done, DoneEvent};
use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::key;
use crate::reader::Page;
use crate::rows::Rows;
use crate::store::StoreError;
use crate::tree::Tree;

/// One row per event: (week, command, position) → digest, id, ledger, kind.
pub(super) const COMMANDS: Tree = Tree::named("ledgers/commands");

/// One row: which weeks there are.
pub(super) const WEEKS: Tree = Tree::named("ledgers/weeks");

/// How many whole weeks a command is remembered beside the running one: thirty days at least. Whoever asks again later
/// is recognised by the journal itself, if its ledger was not written to since.
pub const KEPT_WEEKS: u16 = 5;

/// Every how many positions rows of old weeks are removed: to look for them costs more than to remove them.
const FORGETS_EVERY: u64 = 64;

/// How many are removed then: more than as many events add, and few enough to write without anybody noticing.
const REMOVED_AT_ONCE: usize = 256;

const SECONDS_PER_WEEK: i64 = 7 * 24 * 3600;

/// Which weeks there are rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Weeks {
    newest: u16,
    /// The first week that rows are left of.
    oldest: u16,
    /// The last row removed of that week: without it, every search for the next one would pass over all those that
    /// were removed before.
    removed: Option<(CommandId, u64)>,
}

impl Weeks {
    /// The first week whose commands are remembered.
    fn first_kept(self) -> u16 {
        self.newest.saturating_sub(KEPT_WEEKS)
    }

    /// Where the rows begin that are left.
    fn left(self) -> Vec<u8> {
        match self.removed {
            Some((command, position)) => key::of(&(self.oldest, command, position)),
            None => key::of(&self.oldest),
        }
    }
}

/// Remembers the command of one event, and now and then forgets some of those that are too old.
pub(super) fn remember(entry: &Entry, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let week = week_of(entry);
    let known = rows.load::<Weeks>(WEEKS, &[])?.map(|weeks| *weeks);
    let mut weeks = known.unwrap_or(Weeks { newest: week, oldest: week, removed: None });
    weeks.newest = weeks.newest.max(week);
    // A writer whose clock is weeks behind: nothing may be added where rows have been removed.
    if week >= weeks.first_kept() {
        weeks.oldest = weeks.oldest.min(week);
        rows.insert(COMMANDS, key::of(&(week, entry.command, entry.position)), &written(entry))?;
    }
    if weeks.oldest < weeks.first_kept() && entry.position.is_multiple_of(FORGETS_EVERY) {
        forget(&mut weeks, rows)?;
    }
    if known != Some(weeks) {
        rows.save(WEEKS, [], weeks)?;
    }
    Ok(())
}

fn forget(weeks: &mut Weeks, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let too_old = key::of(&weeks.first_kept());
    let last = rows.remove_first(COMMANDS, &weeks.left(), &too_old, REMOVED_AT_ONCE)?;
    (weeks.oldest, weeks.removed) = match last.and_then(|key| key::read::<(u16, CommandId, u64)>(&key)) {
        Some((week, command, position)) => (week, Some((command, position))),
        None => (weeks.first_kept(), None),
    };
    Ok(())
}

/// The command, if it was recorded lately.
pub(super) fn done(page: &Page, command: CommandId) -> Result<Option<Done>, StoreError> {
    let Some(weeks) = page.load::<Weeks>(WEEKS, &[])? else { return Ok(None) };
    let mut digest = None;
    let mut events = Vec::new();
    for week in weeks.first_kept().max(weeks.oldest)..=weeks.newest {
        for row in page.prefix(COMMANDS, &key::of(&(week, command)))? {
            let (key, value) = row?;
            let read = key::read::<(u16, CommandId, u64)>(&key).zip(read(&value));
            let Some(((_, _, position), (of, id, ledger, kind))) = read else {
                return Err(StoreError::Damaged("a row of recorded commands cannot be read".to_owned()));
            };
            digest = Some(of);
            events.push(DoneEvent { id, kind, ledger, position });
        }
    }
    Ok(digest.map(|digest| Done { digest, events }))
}

/// Weeks since 1970, which began on a Thursday; that does not matter here.
fn week_of(entry: &Entry) -> u16 {
    let week = entry.stamp.recorded.as_second().div_euclid(SECONDS_PER_WEEK);
    u16::try_from(week.max(0)).unwrap_or(u16::MAX)
}

/// A row is written once and read rarely: bytes without names.
fn written(entry: &Entry) -> Vec<u8> {
    let mut value = entry.digest.0.to_vec();
    value.extend_from_slice(&key::of(&(entry.stamp.event, entry.ledger)));
    value.extend_from_slice(entry.kind.as_bytes());
    value
}

fn read(value: &[u8]) -> Option<(Digest, EventId, AggregateId, String)> {
    use crate::key::ReadPart as _;
    let (digest, mut rest) = value.split_first_chunk::<{ Digest::BYTES }>()?;
    let (id, ledger) = <(EventId, AggregateId)>::read(&mut rest)?;
    Some((Digest(*digest), id, ledger, String::from_utf8(rest.to_vec()).ok()?))
}
