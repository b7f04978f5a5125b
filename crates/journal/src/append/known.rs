//! What this process knows about the versions of ledgers it wrote to: enough to tell a loser without asking.

use std::num::NonZeroUsize;

use domain::ledger::AggregateId;
use lru::LruCache;

use crate::link::{Link, Mark};

/// How many ledgers are remembered: about 6 MB.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// Versions that ledgers have at least.
///
/// A version only grows, so what is remembered is a lower bound for as long as the broker keeps what it has: after a
/// lost connection everything is forgotten, since a broker may come back restored from a backup.
pub(super) struct Known {
    versions: LruCache<AggregateId, u64>,
    mark: Mark,
}

impl Known {
    pub(super) fn new(link: &Link) -> Self {
        Self { versions: LruCache::new(REMEMBERED), mark: link.mark() }
    }

    /// Forgets everything if the connection was lost since.
    pub(super) fn refresh(&mut self, link: &Link) {
        let mark = link.mark();
        if mark != self.mark {
            self.versions.clear();
            self.mark = mark;
        }
    }

    /// A ledger has at least this version.
    pub(super) fn learn(&mut self, ledger: AggregateId, version: u64) {
        let known = self.versions.get_or_insert_mut(ledger, || version);
        *known = version.max(*known);
    }

    /// The first of these ledgers that is known to have moved on.
    pub(super) fn stale(&mut self, guards: &[(AggregateId, u64)]) -> Option<AggregateId> {
        let moved = |(ledger, expected): &(AggregateId, u64)| {
            self.versions.get(ledger).is_some_and(|known| known > expected).then_some(*ledger)
        };
        guards.iter().find_map(moved)
    }
}
