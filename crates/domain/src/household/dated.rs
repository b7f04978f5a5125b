//! Since when the facts that matching reads have been what they are.
//!
//! A place that is not proposed is explained by a fact and the day it became true: a telephone number that is
//! corrected, or a need that is confirmed, moves no date. The date of a need that is sealed is sealed with it: see
//! [`crate::household::request::Since`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{BirthMonth, Instant};
use crate::event::Stamp;
use crate::household::composition::{Composition, Sex};
use crate::household::request::{FileRecord, Request, RequestSituation};
use crate::household::{Household, HouseholdEvent};
use crate::id::{EventId, RequestId};
use crate::reference::{MemberLink, RightOfResidence};

/// A fact of a household or of its request that a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dated {
    /// How many persons.
    Size,
    /// Which adults: their sex and their age.
    Adults,
    /// Whether two adults live as a couple.
    Couple,
    /// Which minors.
    Minors,
    /// Rights of residence.
    Residence,
    /// Where the household must not live.
    Safety,
    /// A wheelchair.
    Wheelchair,
    /// Ground floor or lift.
    StepFree,
    /// Animals.
    Animals,
    /// Where the household would live.
    Wishes,
    /// Where the request stands.
    Situation,
    /// For which kinds of housing it is qualified, with which priority.
    Qualification,
}

/// Since when each fact has been what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FactDates(BTreeMap<Dated, Instant>);

impl FactDates {
    /// Since when, if it ever changed.
    #[must_use]
    pub fn since(&self, fact: Dated) -> Option<Timestamp> {
        self.0.get(&fact).map(|at| at.0)
    }

    /// The facts that have changed since `before`, which is an earlier state of these.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<Dated> {
        self.0.iter().filter(|(fact, at)| before.0.get(fact) != Some(at)).map(|(fact, _)| *fact).collect()
    }

    /// Whether nothing is dated yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn moved(&mut self, fact: Dated, changed: bool, at: Timestamp) {
        if changed {
            self.0.insert(fact, Instant(at));
        }
    }
}

/// What rules read of the members.
struct People {
    size: usize,
    adults: Vec<(Sex, BirthMonth)>,
    couple: bool,
    minors: Vec<BirthMonth>,
    residence: Vec<(BirthMonth, Option<RightOfResidence>)>,
}

impl People {
    /// Who is of age is told on one day for before and after: a birthday alone is no event.
    fn of(is: &Composition, at: Timestamp) -> Self {
        let day = at.to_zoned_datetime(TimeZone::UTC).date();
        let mut people = Self {
            size: is.members.len(),
            adults: Vec::new(),
            couple: is.members.values().any(|one| one.link == MemberLink::spouse_or_partner()),
            minors: Vec::new(),
            residence: is.members.values().map(|one| (one.born, one.residence)).collect(),
        };
        for one in is.members.values() {
            if one.born.age_on(day) < 18 {
                people.minors.push(one.born)
            } else {
                people.adults.push((one.sex, one.born))
            }
        }
        people.adults.sort_unstable();
        people.minors.sort_unstable();
        people.residence.sort_unstable();
        people
    }
}

/// The facts before an event, to tell which ones it changes: those that an event of its kind can change, for this is
/// done for every event that is read.
pub(super) struct Before {
    people: Option<(People, Option<EventId>)>,
    requests: Option<Requests>,
}

/// Requests before an event.
enum Requests {
    /// All of them.
    All(BTreeMap<RequestId, (RequestSituation, FileRecord)>),
    /// The only one it is about, if it was there.
    One(RequestId, Option<(RequestSituation, FileRecord)>),
}

impl Requests {
    fn all(is: &Household) -> Self {
        Self::All(is.requests.iter().map(|(id, one)| (*id, kept(one))).collect())
    }

    fn one(is: &Household, id: RequestId) -> Self {
        Self::One(id, is.requests.get(&id).map(kept))
    }

    /// Whether the event may have changed this one, and what it was, if it was there.
    fn of(&self, id: RequestId) -> Option<Option<&(RequestSituation, FileRecord)>> {
        match self {
            Self::All(all) => Some(all.get(&id)),
            Self::One(only, was) => (*only == id).then_some(was.as_ref()),
        }
    }
}

fn kept(request: &Request) -> (RequestSituation, FileRecord) {
    (request.situation.clone(), request.file.clone())
}

impl Before {
    /// The facts of a household before `event`; none if that event is about other things.
    pub(super) fn of(is: &Household, event: &HouseholdEvent, stamp: &Stamp) -> Option<Self> {
        let people = || {
            let safety = is.safety.as_ref().map(|kept| kept.event);
            Some((People::of(&is.composition, stamp.effective), safety))
        };
        match event {
            HouseholdEvent::Composition(_) => Some(Self { people: people(), requests: None }),
            HouseholdEvent::Family(_) => Some(Self { people: people(), requests: Some(Requests::all(is)) }),
            HouseholdEvent::Correction(_) => Some(Self { people: None, requests: Some(Requests::all(is)) }),
            HouseholdEvent::Request(e) => {
                Some(Self { people: None, requests: Some(Requests::one(is, e.request())) })
            }
            HouseholdEvent::Referral(_)
            | HouseholdEvent::Stay(_)
            | HouseholdEvent::Application(_)
            | HouseholdEvent::Priority(_)
            | HouseholdEvent::Consent(_)
            | HouseholdEvent::PersonRequest(_)
            | HouseholdEvent::FollowUp(_)
            | HouseholdEvent::Protection(_)
            | HouseholdEvent::Erasure(_)
            | HouseholdEvent::Candidacy(_) => None,
        }
    }

    /// Dates what has changed since.
    pub(super) fn date(&self, is: &mut Household, stamp: &Stamp) {
        let at = stamp.effective;
        if let Some((was, safety)) = &self.people {
            let now = People::of(&is.composition, at);
            let dates = &mut is.composition.dates;
            dates.moved(Dated::Size, was.size != now.size, at);
            dates.moved(Dated::Adults, was.adults != now.adults, at);
            dates.moved(Dated::Couple, was.couple != now.couple, at);
            dates.moved(Dated::Minors, was.minors != now.minors, at);
            dates.moved(Dated::Residence, was.residence != now.residence, at);
            dates.moved(Dated::Safety, *safety != is.safety.as_ref().map(|kept| kept.event), at);
        }
        let Some(before) = &self.requests else { return };
        for (id, request) in &mut is.requests {
            let Some(was) = before.of(*id) else { continue };
            let Some((situation, file)) = was else {
                // One that came along from another household brings its dates.
                let dates = &mut request.dates;
                let qualified = request.situation.qualification().is_some();
                dates.moved(Dated::Situation, dates.since(Dated::Situation).is_none(), at);
                let undated = dates.since(Dated::Qualification).is_none();
                dates.moved(Dated::Qualification, qualified && undated, at);
                continue;
            };
            let qualified = situation.qualification() != request.situation.qualification();
            let (was, now) = (&file.need, &request.file.need);
            let dates = &mut request.dates;
            dates.moved(Dated::Situation, *situation != request.situation, at);
            dates.moved(Dated::Qualification, qualified, at);
            dates.moved(Dated::Wheelchair, was.wheelchair != now.wheelchair, at);
            dates.moved(Dated::StepFree, was.step_free != now.step_free, at);
            dates.moved(Dated::Animals, was.animals != now.animals, at);
            dates.moved(Dated::Wishes, file.wishes != request.file.wishes, at);
        }
    }
}
