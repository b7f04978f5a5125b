//! What must hold for these persons to live in this place from some day on, and what their entry writes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::entry::Leaving;
use super::exit::Exit;
use crate::calendar::{Day, Instant, day, end_of_day, hours_after, months_after};
use crate::decide::{Context, Draft, day_words, family, place, words};
use crate::household::Household;
use crate::household::composition::{Composition, Person, PersonRecord, Profile};
use crate::household::stay::{Admission, StayStarted};
use crate::id::{HouseholdId, PersonId, PlaceId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::place::Place;
use crate::place::inventory::{Criteria, Description, GenderRule, Inventory};
use crate::place::occupancy::{Occupied, Title};
use crate::refusal::Refusal;

/// An entry into a place, however it came about.
pub(super) struct Entry<'a> {
    pub(super) stay: StayId,
    pub(super) place: PlaceId,
    pub(super) at: Timestamp,
    pub(super) persons: Option<&'a BTreeSet<PersonId>>,
    pub(super) planned_end: Option<Day>,
    pub(super) admission: Admission,
    pub(super) leaving: Option<&'a Leaving>,
}

impl Entry<'_> {
    pub(super) fn decide(
        &self,
        id: HouseholdId,
        is: &Household,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let description = self.check(is, None, ctx, ledgers)?;
        if let Some(leaving) = self.leaving {
            let exit = Exit {
                at: leaving.at.map_or(self.at, |at| at.0),
                destination: leaving.destination,
                reason: leaving.reason,
                deposit: leaving.deposit_to_return,
            };
            exit.write_for(&self.who(is), id, is, leaving.stay, ctx, ledgers, draft)?;
        }
        self.write(id, is, description, ctx, draft);
        Ok(())
    }

    pub(super) fn who(&self, is: &Household) -> BTreeSet<PersonId> {
        self.persons.cloned().unwrap_or_else(|| is.composition.members.keys().copied().collect())
    }

    /// Everything that must hold for these persons to live in this place from `at` on (INV-1, INV-2, INV-4).
    pub(super) fn check<'l>(
        &self,
        is: &Household,
        until: Option<Timestamp>,
        ctx: &Context<'_>,
        ledgers: &'l Ledgers,
    ) -> Result<&'l Description, Halt> {
        let at_place = place(ledgers, self.place)?;
        let territory = self.place.territory();
        let description = existing(at_place, day(territory, self.at))?;
        if description.kind.let_by_committee() {
            let sentence = "Un logement social s'occupe par un bail, pas par une prise en charge.";
            return Err(Refusal::invalid("lease-required", "CCH L441-2", sentence).into());
        }
        let persons = self.who(is);
        if persons.is_empty() || !persons.iter().all(|person| is.composition.members.contains_key(person)) {
            return Err(Refusal::unknown("Personne").into());
        }
        if persons.len() > usize::from(description.capacity) {
            let sentence = format!("{} personnes pour {} places.", persons.len(), description.capacity);
            return Err(Refusal::conflict("over-capacity", "INV-4", sentence).into());
        }
        if !matches!(self.admission, Admission::TakenOver) {
            self.check_public(is, description, &persons, ctx)?;
            if description.kind.fixed_term() && self.planned_end.is_none() {
                let sentence = "L'admission en CHRS est à durée déterminée : donnez la date de fin prévue.";
                return Err(Refusal::invalid("planned-end-missing", "CASF R345-4", sentence).into());
            }
            if at_place.offline_on(day(territory, self.at)).is_some() {
                let sentence = "Cette place est indisponible à cette date.";
                return Err(Refusal::conflict("place-not-on-offer", "INV-2", sentence).into());
            }
        }
        if self.planned_end.is_some_and(|end| end.0 <= day(territory, self.at)) {
            let sentence = "La fin prévue précède l'entrée.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        if let Some(other) = at_place.occupancy_over(self.at, until, None) {
            let sentence = format!(
                "Cette place est occupée depuis le {} sur cette période.",
                words(territory, other.from)
            );
            return Err(Refusal::conflict("place-taken", "INV-2", sentence).since(other.from).into());
        }
        self.check_elsewhere(is, &persons, until, ctx)?;
        Ok(description)
    }

    /// INV-4: the rules of the place on sex, couples, minors and ages hold for those who move in.
    fn check_public(
        &self,
        is: &Household,
        description: &Description,
        persons: &BTreeSet<PersonId>,
        ctx: &Context<'_>,
    ) -> Result<(), Halt> {
        let profile = is.composition.profile(ctx.today(self.place.territory()), Some(persons));
        match not_admitted(&description.criteria, &profile) {
            Some(why) => Err(Refusal::conflict(
                "public-not-admitted",
                "INV-4",
                format!("Admission impossible : {why}."),
            )
            .into()),
            None => Ok(()),
        }
    }

    /// INV-1: nobody lives in two places, a move of some hours excepted.
    fn check_elsewhere(
        &self,
        is: &Household,
        persons: &BTreeSet<PersonId>,
        until: Option<Timestamp>,
        ctx: &Context<'_>,
    ) -> Result<(), Halt> {
        family::were_here(is, persons, self.at, until)?;
        let tolerance = ctx.rules(self.place.territory()).transfer_overlap_hours;
        for (stay, mut one) in is.presences().filter(|(_, one)| persons.contains(&one.person)) {
            let leaving = self.leaving.filter(|leaving| Some(leaving.stay) == stay);
            if let (Some(leaving), None) = (leaving, one.to) {
                // Only the stay that is left may last some hours longer than the entry.
                one.to = Some(hours_after(leaving.at.map_or(self.at, |at| at.0), -tolerance));
            }
            if one.overlaps(self.at, until) {
                let sentence = format!(
                    "Une personne est déjà prise en charge depuis le {}. Terminez cette prise en charge ou faites un transfert.",
                    words(self.place.territory(), one.from)
                );
                return Err(Refusal::conflict("already-staying", "INV-1", sentence).since(one.from).into());
            }
        }
        Ok(())
    }

    pub(super) fn write(
        &self,
        id: HouseholdId,
        is: &Household,
        description: &Description,
        ctx: &Context<'_>,
        draft: &mut Draft,
    ) {
        let territory = self.place.territory();
        let rules = ctx.rules(territory);
        let persons = self.who(is);
        let count = u8::try_from(persons.len()).unwrap_or(u8::MAX);
        let from = day(territory, self.at);
        let aided = description.kind.under_social_aid() && !matches!(self.admission, Admission::TakenOver);
        let referral = match self.admission {
            Admission::Referral { referral } => Some(referral),
            Admission::Direct | Admission::TakenOver => None,
        };
        let started = StayStarted {
            stay: self.stay,
            place: self.place,
            kind: description.kind,
            persons,
            planned_end: self.planned_end,
            admission: self.admission.clone(),
            review_due: description
                .kind
                .under_social_aid()
                .then(|| Day(months_after(from, rules.stay_review_months))),
            // The month runs from receipt by the préfet: the request goes out when the admission is recorded.
            social_aid_tacit_at: aided.then(|| {
                let sent = ctx.today(territory);
                Instant(end_of_day(territory, months_after(sent, rules.social_aid_tacit_months)))
            }),
        };
        draft.household(id, self.at, started);
        let title = Title::Stay { stay: self.stay };
        draft.place(self.place, self.at, Occupied { title, household: id, persons: count, referral });
    }
}

/// Why a place does not admit people of this profile, if it does not.
fn not_admitted(criteria: &Criteria, profile: &Profile) -> Option<&'static str> {
    match criteria.gender {
        GenderRule::WomenOnly if profile.men > 0 => return Some("la place est réservée aux femmes"),
        GenderRule::MenOnly if profile.women > 0 => return Some("la place est réservée aux hommes"),
        GenderRule::Mixed | GenderRule::WomenOnly | GenderRule::MenOnly => {}
    }
    if profile.couple && !criteria.couples {
        Some("la place n'accueille pas de couples")
    } else if profile.minors_to_admit(criteria.age_min) > 0 && !criteria.children {
        Some("la place n'accueille pas de mineurs")
    } else if criteria.age_min.is_some_and(|min| profile.youngest_adult < min)
        || criteria.age_max.is_some_and(|max| profile.oldest_adult > max)
    {
        Some("l'âge des adultes ne convient pas")
    } else {
        None
    }
}

/// Whether the place admits one more person, judged alone: those who live there already stay, whatever their age by now.
pub(in crate::decide) fn admits(
    room: &Description,
    newcomer: &PersonRecord,
    today: jiff::civil::Date,
) -> bool {
    if newcomer.born.age_on(today) < 18 {
        return room.criteria.children;
    }
    let mut alone = Composition::default();
    let PersonRecord { person, sex, born, link, residence, .. } = newcomer;
    let one =
        Person { sex: *sex, born: *born, link: *link, residence: *residence, came: None, identity: None };
    alone.members.insert(*person, one);
    not_admitted(&room.criteria, &alone.profile(today, None)).is_none()
}

/// The place, if it exists on that day.
pub(in crate::decide) fn existing(place: &Place, on: jiff::civil::Date) -> Result<&Description, Refusal> {
    let inside = match &place.inventory {
        Inventory::Open { from, description } => (from.0 <= on).then_some(description),
        Inventory::Closed { opened, from, description } => {
            (opened.0 <= on && on < from.0).then_some(description)
        }
        Inventory::Unknown => None,
    };
    inside.map(|description| &**description).ok_or_else(|| {
        let sentence = format!("Cette place n'était pas ouverte le {}.", day_words(on));
        Refusal::conflict("place-not-open", "INV-2", sentence)
    })
}
