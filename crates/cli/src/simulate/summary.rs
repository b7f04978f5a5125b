//! What came out of a simulation, in figures.

use std::collections::BTreeMap;
use std::fmt;

use domain::refusal::{Refusal, RefusalClass};
use serde::Serialize;

use super::desks::Desk;

/// What came out of a simulation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The organisations of the territory.
    pub desks: Vec<Desk>,
    /// Households registered.
    pub households: u64,
    /// Structures opened.
    pub structures: BTreeMap<&'static str, u64>,
    /// Places opened, by the kind of their structure.
    pub places: BTreeMap<&'static str, u64>,
    /// Commands that were taken, the clock's included.
    pub commands: u64,
    /// Events recorded, by kind.
    pub events: BTreeMap<&'static str, u64>,
    /// Stays that began, by the kind of structure.
    pub placements: BTreeMap<&'static str, u64>,
    /// First transmissions by month of the year, of the volet 115 and of the volet insertion.
    pub submissions: [[u64; 12]; 2],
    /// Days between transmission and admission, for requests of the volet 115.
    pub days_115: Waits,
    /// Days between transmission and admission, for requests of the volet insertion.
    pub days_insertion: Waits,
    /// Days between the filing of the application and the lease.
    pub days_lease: Waits,
    /// Proposals to another household than the first of the list.
    pub deviations: u64,
    /// Commands that a rule refused though the simulation thought them right, by command and code.
    pub refused: BTreeMap<String, u64>,
    /// Those of them that broke a rule by themselves, whatever the situation: there should be none.
    pub refused_invalid: u64,
    /// Places that referrals fill: days occupied and days open, in the simulated time.
    pub occupied_days: f64,
    /// See `occupied_days`.
    pub open_days: f64,
}

/// Waiting times in days.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Waits(Vec<u32>);

impl Waits {
    pub(super) fn note(&mut self, seconds: i64) {
        self.0.push(u32::try_from(seconds.max(0) / 86_400).unwrap_or(u32::MAX));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The wait that a share of them does not exceed (0.5: the median), in days; none without waits.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u32> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * share.clamp(0.0, 1.0)) as usize).copied()
    }
}

impl Summary {
    /// All events.
    #[must_use]
    pub fn total_events(&self) -> u64 {
        self.events.values().sum()
    }

    /// Events of one kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> u64 {
        self.events.get(kind).copied().unwrap_or(0)
    }

    /// All refusals.
    #[must_use]
    pub fn total_refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// The share of the open days of places in which they were occupied.
    #[must_use]
    pub fn occupancy(&self) -> f64 {
        if self.open_days > 0.0 { self.occupied_days / self.open_days } else { 0.0 }
    }

    pub(super) fn refuse(&mut self, command: &str, refusal: &Refusal) {
        *self.refused.entry(format!("{command}: {}", refusal.code)).or_default() += 1;
        match refusal.class {
            RefusalClass::Invalid => self.refused_invalid += 1,
            RefusalClass::Unknown | RefusalClass::Conflict => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        writeln!(f, "households          {:>10}", self.households)?;
        writeln!(f, "structures          {:>10}", sum(&self.structures))?;
        writeln!(f, "places              {:>10}", sum(&self.places))?;
        writeln!(f, "commands            {:>10}", self.commands)?;
        writeln!(f, "events              {:>10}", self.total_events())?;
        writeln!(f, "referrals           {:>10}", self.of("referral.proposed"))?;
        writeln!(f, "  accepted          {:>10}", self.of("referral.accepted"))?;
        writeln!(f, "  declined          {:>10}", self.of("referral.declined_by_provider"))?;
        writeln!(f, "  refused           {:>10}", self.of("referral.declined_by_household"))?;
        writeln!(f, "  expired           {:>10}", self.of("referral.expired"))?;
        writeln!(f, "  out of rank       {:>10}", self.deviations)?;
        writeln!(f, "stays begun         {:>10}", sum(&self.placements))?;
        writeln!(f, "leases signed       {:>10}", self.of("lease.signed"))?;
        writeln!(f, "occupancy           {:>9.1}%", 100.0 * self.occupancy())?;
        for (what, waits) in [
            ("days to 115 place", &self.days_115),
            ("days to insertion", &self.days_insertion),
            ("days to lease", &self.days_lease),
        ] {
            if let (Some(median), Some(long)) = (waits.quantile(0.5), waits.quantile(0.9)) {
                writeln!(f, "{what:<20}{median:>10} (median), {long} (one in ten waits longer)")?;
            }
        }
        writeln!(f, "refused by a rule   {:>10}", self.total_refused())?;
        self.refused.iter().try_for_each(|(what, count)| writeln!(f, "  {what}: {count}"))
    }
}
