//! Who opens the files of too many households: a count over a sliding window. Pure: time is an argument.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::event::Actor;
use domain::id::{HouseholdId, OrganisationId};
use jiff::{SignedDuration, Timestamp};

/// Counts, for each actor, the distinct households whose file they opened within a window of time.
///
/// What lies behind the window is forgotten, so that it holds no more than one window of reading.
#[derive(Debug, Clone)]
pub struct Bulk {
    threshold: usize,
    within: SignedDuration,
    actors: HashMap<Actor, Seen>,
    /// The latest time that was told.
    now: Timestamp,
    /// When those who read nothing any more were last looked for.
    swept: Timestamp,
}

/// Somebody has opened the files of more households than the threshold, within one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Who.
    pub actor: Actor,
    /// On whose behalf they opened the last one.
    pub organisation: OrganisationId,
    /// Of how many distinct households, at the moment of crossing.
    pub households: usize,
    /// When.
    pub at: Timestamp,
}

/// What one actor has read.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// When each household was read last.
    last: HashMap<HouseholdId, Timestamp>,
    /// The same by time, to find what leaves the window.
    order: BTreeSet<(Timestamp, HouseholdId)>,
    told: Option<Timestamp>,
}

impl Bulk {
    /// Counts who opens the files of more than `threshold` households `within` a time.
    #[must_use]
    pub fn new(threshold: usize, within: Duration) -> Self {
        let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
        let (now, swept) = (Timestamp::MIN, Timestamp::MIN);
        Self { threshold, within, actors: HashMap::new(), now, swept }
    }

    /// Somebody opened the file of a household. Says so when that was one too many, once per window for each actor.
    ///
    /// Times may come a little out of order, from several processes: one that comes late counts as if it came now.
    pub fn observe(
        &mut self,
        actor: &Actor,
        organisation: OrganisationId,
        household: HouseholdId,
        at: Timestamp,
    ) -> Option<Crossing> {
        self.now = self.now.max(at);
        let now = self.now;
        self.sweep();
        let begin = now.checked_sub(self.within).unwrap_or(Timestamp::MIN);
        if !self.actors.contains_key(actor) {
            self.actors.insert(actor.clone(), Seen::default());
        }
        let seen = self.actors.get_mut(actor)?;
        seen.forget(begin);
        if let Some(before) = seen.last.insert(household, now) {
            seen.order.remove(&(before, household));
        }
        seen.order.insert((now, household));
        let households = seen.last.len();
        if households <= self.threshold || seen.told.is_some() {
            return None;
        }
        seen.told = Some(now);
        Some(Crossing { actor: actor.clone(), organisation, households, at: now })
    }

    /// Once per window, lets go of actors of whom nothing is left in it.
    fn sweep(&mut self) {
        let begin = self.now.checked_sub(self.within).unwrap_or(Timestamp::MIN);
        if self.swept > begin {
            return;
        }
        self.swept = self.now;
        self.actors.retain(|_, seen| {
            seen.forget(begin);
            !seen.order.is_empty() || seen.told.is_some()
        });
    }
}

impl Seen {
    /// Forgets everything up to `begin`.
    fn forget(&mut self, begin: Timestamp) {
        while let Some((at, household)) = self.order.first().copied()
            && at <= begin
        {
            self.order.remove(&(at, household));
            self.last.remove(&household);
        }
        self.told = self.told.filter(|told| *told > begin);
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use uuid::Uuid;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn household(n: u128) -> HouseholdId {
        HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(n))
    }

    fn siao() -> OrganisationId {
        OrganisationId::new("33".parse().unwrap(), Uuid::from_u128(7))
    }

    fn agent(n: u8) -> Actor {
        format!("agent-{n}").parse().unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        "2026-03-15T10:00:00Z".parse::<Timestamp>().unwrap() + minute.minutes()
    }

    #[test]
    fn the_threshold_itself_is_allowed_and_one_more_is_told_once() {
        let mut bulk = Bulk::new(60, HOUR);
        for n in 0..60 {
            assert_eq!(bulk.observe(&agent(1), siao(), household(n), at(0)), None, "{n}");
        }
        let crossing = bulk.observe(&agent(1), siao(), household(60), at(1));
        assert_eq!(
            crossing,
            Some(Crossing { actor: agent(1), organisation: siao(), households: 61, at: at(1) })
        );
        for n in 61..200 {
            assert_eq!(bulk.observe(&agent(1), siao(), household(n), at(2)), None, "told already");
        }
    }

    #[test]
    fn the_same_file_read_again_counts_once_and_others_are_counted_apart() {
        let mut bulk = Bulk::new(2, HOUR);
        for minute in 0..50 {
            assert_eq!(
                bulk.observe(&agent(1), siao(), household(u128::from(minute % 2 == 0)), at(minute)),
                None
            );
            assert_eq!(bulk.observe(&agent(2), siao(), household(2), at(minute)), None);
        }
        assert!(bulk.observe(&agent(1), siao(), household(2), at(50)).is_some());
    }

    #[test]
    fn what_was_read_an_hour_ago_counts_no_more() {
        let mut bulk = Bulk::new(2, HOUR);
        bulk.observe(&agent(1), siao(), household(1), at(0));
        bulk.observe(&agent(1), siao(), household(2), at(30));
        assert_eq!(bulk.observe(&agent(1), siao(), household(3), at(60)), None, "the first left the window");
        assert!(bulk.observe(&agent(1), siao(), household(4), at(61)).is_some());
    }

    #[test]
    fn whoever_goes_on_is_told_of_again_in_the_next_window() {
        let mut bulk = Bulk::new(2, HOUR);
        let told: Vec<i64> = (0..240)
            .filter(|minute| {
                bulk.observe(&agent(1), siao(), household(*minute as u128), at(*minute)).is_some()
            })
            .collect();
        assert_eq!(told, [2, 62, 122, 182]);
    }

    #[test]
    fn an_entry_that_comes_late_neither_hides_nor_reopens_a_window() {
        let mut bulk = Bulk::new(1, HOUR);
        bulk.observe(&agent(1), siao(), household(1), at(100));
        assert!(bulk.observe(&agent(1), siao(), household(2), at(10)).is_some(), "it counts as now");
        assert_eq!(bulk.observe(&agent(1), siao(), household(3), at(20)), None);
    }

    #[test]
    fn nothing_is_kept_of_those_who_read_no_more() {
        let mut bulk = Bulk::new(5, HOUR);
        for n in 0..100_u8 {
            bulk.observe(&agent(n), siao(), household(1), at(0));
        }
        bulk.observe(&agent(0), siao(), household(1), at(200));
        assert_eq!(bulk.actors.len(), 1);
    }
}
