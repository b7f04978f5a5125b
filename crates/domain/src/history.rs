//! The two questions that two dates answer: what was true on a day, and what was known on a day.
//!
//! The situation at a moment is the fold of the facts that count at it, **in the order in which they were recorded**, not
//! in the order in which they were true. Decisions are taken on the ledger as recorded, and each event says what changed
//! in the situation it was decided on; replayed in another order, an event meets a situation that never was: a
//! transmission dated before the request was opened would find no request, an entry recorded after its acceptance but
//! dated before it would be undone by it, a lease signed late would spare the label that it ended. So the moment only
//! filters, by the dates as corrected, and the order never changes. It follows that with nothing filtered the situation
//! *is* the state of the ledger: `situation(all, Moment::default()) == State`, which a law asserts after every command.
//!
//! Corrections are never filtered by `as_of`: they say what was true at the date they speak of, once they are known.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::Stamp;
use crate::household::application::ApplicationEvent;
use crate::household::candidacy::CandidacyEvent;
use crate::household::correction::CorrectionEvent;
use crate::household::priority::PriorityEvent;
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
/// order in which they were recorded. It is the order to read a pathway in, not the one to fold it in.
#[must_use]
pub fn facts(events: &[(HouseholdEvent, Stamp)], moment: Moment) -> Vec<Dated<'_>> {
    let mut facts: Vec<_> = dated(events, moment).into_iter().filter(|fact| fact.counts(moment)).collect();
    facts.sort_by_key(|fact| fact.effective);
    facts
}

impl Dated<'_> {
    fn counts(&self, moment: Moment) -> bool {
        moment.as_of.is_none_or(|as_of| self.effective <= as_of)
    }
}

/// What was known at `moment`, in the order in which it was recorded, at the dates that the known corrections give.
fn dated(events: &[(HouseholdEvent, Stamp)], moment: Moment) -> Vec<Dated<'_>> {
    let known = || {
        let known = |stamp: &Stamp| moment.known_at.is_none_or(|known_at| stamp.recorded <= known_at);
        events.iter().filter(move |(_, stamp)| known(stamp))
    };
    let (mut moved, mut asked) = (BTreeMap::new(), BTreeMap::new());
    for (event, _) in known() {
        if let HouseholdEvent::Correction(CorrectionEvent::FactCorrected(e)) = event {
            moved.insert(e.corrects, e.is.0);
        }
    }
    let at = |event: &HouseholdEvent, stamp: &Stamp| {
        let to = moved.get(&stamp.event).filter(|_| carries_one_date(event)).copied();
        (to.unwrap_or(stamp.effective), to.is_some())
    };
    for (event, stamp) in known() {
        if let HouseholdEvent::Request(RequestEvent::RequestSubmitted(e)) = event {
            let (first, _) = at(event, stamp);
            asked.entry(e.request).and_modify(|at: &mut Timestamp| *at = first.min(*at)).or_insert(first);
        }
    }
    known()
        .map(|(event, stamp)| {
            let (mut effective, corrected) = at(event, stamp);
            // A request existed, on paper or in another file, from the day it was transmitted.
            if let HouseholdEvent::Request(RequestEvent::RequestCreated(e)) = event
                && let Some(asked) = asked.get(&e.request)
            {
                effective = effective.min(*asked);
            }
            Dated { event, stamp: *stamp, effective, corrected }
        })
        .collect()
}

/// Whether moving the date of the fact means moving the event: not so for a merge, which brings stays along.
fn carries_one_date(event: &HouseholdEvent) -> bool {
    match event {
        HouseholdEvent::Stay(event) => matches!(event, StayEvent::StayStarted(_) | StayEvent::StayEnded(_)),
        HouseholdEvent::Request(event) => matches!(event, RequestEvent::RequestSubmitted(_)),
        HouseholdEvent::Application(event) => matches!(event, ApplicationEvent::ApplicationRegistered(_)),
        HouseholdEvent::Priority(event) => matches!(event, PriorityEvent::PriorityGranted(_)),
        HouseholdEvent::Candidacy(event) => {
            matches!(event, CandidacyEvent::LeaseSigned(_) | CandidacyEvent::LeaseEnded(_))
        }
        HouseholdEvent::Composition(_)
        | HouseholdEvent::Family(_)
        | HouseholdEvent::Correction(_)
        | HouseholdEvent::Referral(_)
        | HouseholdEvent::Consent(_)
        | HouseholdEvent::FollowUp(_)
        | HouseholdEvent::Protection(_)
        | HouseholdEvent::Erasure(_) => false,
    }
}

/// The household at `moment`: the fold of what counted then, in the order of recording.
#[must_use]
pub fn situation(events: &[(HouseholdEvent, Stamp)], moment: Moment) -> Household {
    let mut household = Household::default();
    for fact in dated(events, moment) {
        if fact.counts(moment) || matches!(fact.event, HouseholdEvent::Correction(_)) {
            household.evolve(fact.event, &fact.stamp);
        }
    }
    household
}
