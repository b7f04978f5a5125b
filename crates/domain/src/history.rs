//! The two questions that two dates answer: what was true on a day, and what was known on a day.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::Stamp;
use crate::household::correction::CorrectionEvent;
use crate::household::request::RequestEvent;
use crate::household::stay::StayEvent;
use crate::household::{Household, HouseholdEvent};

/// Up to when: what was true, and what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Facts that were true after this instant are left out.
    pub as_of: Option<Timestamp>,
    /// Facts, and corrections of facts, that were recorded after this instant are left out.
    pub known_at: Option<Timestamp>,
}

/// One fact of a pathway, at the date it is now known to have been true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dated<'a> {
    /// The event.
    pub event: &'a HouseholdEvent,
    /// Its dates as recorded.
    pub stamp: Stamp,
    /// When it was true, after the corrections that were known.
    pub effective: Timestamp,
    /// Whether a correction moved it.
    pub corrected: bool,
}

/// The facts of one ledger at `moment`, in the order in which they were true; facts of the same instant stay in the
/// order in which they were recorded.
#[must_use]
pub fn facts(events: &[(HouseholdEvent, Stamp)], moment: Moment) -> Vec<Dated<'_>> {
    let known = |stamp: &Stamp| moment.known_at.is_none_or(|known_at| stamp.recorded <= known_at);
    let mut moved = BTreeMap::new();
    for (event, stamp) in events.iter().filter(|(_, stamp)| known(stamp)) {
        if let HouseholdEvent::Correction(CorrectionEvent::FactCorrected(e)) = event
            && known(stamp)
        {
            moved.insert(e.corrects, e.is.0);
        }
    }
    let mut facts: Vec<_> = events
        .iter()
        .filter(|(_, stamp)| known(stamp))
        .map(|(event, stamp)| {
            let to = moved.get(&stamp.event).filter(|_| carries_one_date(event));
            let effective = to.copied().unwrap_or(stamp.effective);
            Dated { event, stamp: *stamp, effective, corrected: to.is_some() }
        })
        .filter(|fact| moment.as_of.is_none_or(|as_of| fact.effective <= as_of))
        .collect();
    facts.sort_by_key(|fact| fact.effective);
    facts
}

/// Whether moving the date of the fact means moving the event: not so for a merge, which brings stays along.
fn carries_one_date(event: &HouseholdEvent) -> bool {
    match event {
        HouseholdEvent::Stay(event) => matches!(event, StayEvent::StayStarted(_) | StayEvent::StayEnded(_)),
        HouseholdEvent::Request(event) => matches!(event, RequestEvent::RequestSubmitted(_)),
        HouseholdEvent::Composition(_)
        | HouseholdEvent::Family(_)
        | HouseholdEvent::Correction(_)
        | HouseholdEvent::Referral(_)
        | HouseholdEvent::Application(_)
        | HouseholdEvent::Priority(_)
        | HouseholdEvent::Consent(_)
        | HouseholdEvent::Candidacy(_) => false,
    }
}

/// The household at `moment`: the fold of its facts.
#[must_use]
pub fn situation(events: &[(HouseholdEvent, Stamp)], moment: Moment) -> Household {
    let mut household = Household::default();
    let facts = facts(events, moment);
    let is_correction = |fact: &&Dated<'_>| matches!(fact.event, HouseholdEvent::Correction(_));
    for fact in facts.iter().filter(|fact| !is_correction(fact)) {
        household.evolve(fact.event, &Stamp { effective: fact.effective, ..fact.stamp });
    }
    // Corrections hold whatever the moment asked for: they say what was true, and were known.
    let known = |stamp: &Stamp| moment.known_at.is_none_or(|known_at| stamp.recorded <= known_at);
    for (event, stamp) in events.iter().filter(|(_, stamp)| known(stamp)) {
        if let HouseholdEvent::Correction(_) = event {
            household.evolve(event, stamp);
        }
    }
    household
}
