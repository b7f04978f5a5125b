//! The stay: admission, reviews, extensions, notices, exit.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::{NOTE_MAX, check_note};
use super::{Context, Draft, day_words, household, place, words};
use crate::calendar::{Day, Instant, day, days_after, end_of_day, hours_after, months_after};
use crate::household::Household;
use crate::household::composition::{Composition, Person, PersonRecord, Profile};
use crate::household::referral::ReferralSituation;
use crate::household::request::RequestFulfilled;
use crate::household::stay::{
    AbsenceRecorded, Admission, AdmissionDecided, AdmissionDeemedAccepted, DepositReturned, Extension,
    ExtensionRefused, ExtensionRequested, NoticeGiven, NoticeMotive, SocialAid, Stay, StayDeemedExtended,
    StayEnded, StayExtended, StayResumed, StayReviewed, StaySituation, StayStarted, TerminationGround,
    TerminationNotified,
};
use crate::id::{HouseholdId, PersonId, PlaceId, ReferralId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::money::Money;
use crate::personal::Personal;
use crate::place::Place;
use crate::place::inventory::{Criteria, Description, GenderRule, Inventory};
use crate::place::occupancy::{DepartureAnnounced, Occupied, Title, Vacated};
use crate::reference::{ExitDestination, ExitReason, WithdrawalReason};
use crate::refusal::Refusal;

/// The exit from the stay that the household leaves to move in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// The stay that ends.
    pub stay: StayId,
    /// When it ends, if not at the same instant.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Where to, in the words of the exits.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
}

/// The household moves in on an accepted referral.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartStay {
    /// The accepted referral.
    pub referral: ReferralId,
    /// When they moved in, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Who stays; everybody if absent.
    #[serde(default)]
    pub persons: Option<BTreeSet<PersonId>>,
    /// Planned end; a CHRS must state one.
    #[serde(default)]
    pub planned_end: Option<Day>,
    /// The running stay that ends, for a move.
    #[serde(default)]
    pub leaving: Option<Leaving>,
}

impl Decide<HouseholdId> for StartStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = super::referral::referral(is, self.referral)?;
        let ReferralSituation::Accepted { .. } = asked.situation else {
            let sentence = format!(
                "Cette orientation est {} : l'admission suppose une acceptation.",
                asked.situation.word()
            );
            return Err(Refusal::conflict("referral-not-accepted", "CASF R345-4", sentence).into());
        };
        let stay = StayId::created_by(ctx.command);
        let entry = Entry {
            stay,
            place: asked.place,
            at: ctx.past(asked.place.territory(), self.at)?,
            persons: self.persons.as_ref(),
            planned_end: self.planned_end,
            admission: Admission::Referral { referral: self.referral },
            leaving: self.leaving.as_ref(),
        };
        if entry.at < asked.proposed {
            let sentence = "L'arrivée précède l'orientation : corrigez la date.";
            return Err(Refusal::invalid("date-before-referral", "stay", sentence).into());
        }
        entry.decide(id, is, ctx, ledgers, draft)?;
        if is.requests.get(&asked.request).is_some_and(|request| request.situation.is_open()) {
            draft.household(id, ctx.at, RequestFulfilled { request: asked.request, stay });
        }
        Ok(())
    }
}

/// The head of the structure admits in an emergency, then informs the SIAO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitDirectly {
    /// The place.
    pub place: PlaceId,
    /// When they moved in, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Who stays; everybody if absent.
    #[serde(default)]
    pub persons: Option<BTreeSet<PersonId>>,
    /// Planned end; a CHRS must state one.
    #[serde(default)]
    pub planned_end: Option<Day>,
    /// The running stay that ends, for a move.
    #[serde(default)]
    pub leaving: Option<Leaving>,
}

impl Decide<HouseholdId> for AdmitDirectly {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        free_of_referrals(place(ledgers, self.place)?, self.place)?;
        let entry = Entry {
            stay: StayId::created_by(ctx.command),
            place: self.place,
            at: ctx.past(self.place.territory(), self.at)?,
            persons: self.persons.as_ref(),
            planned_end: self.planned_end,
            admission: Admission::Direct,
            leaving: self.leaving.as_ref(),
        };
        entry.decide(id, is, ctx, ledgers, draft)?;
        let others: BTreeSet<_> = is.live_referrals().map(|(referral, _)| referral).collect();
        super::referral::withdraw(id, is, &others, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)
    }
}

/// Takes over a past or running stay from an earlier file, with its dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOverStay {
    /// The place.
    pub place: PlaceId,
    /// When they moved in.
    pub from: Instant,
    /// Who stayed; everybody who was born before it ended, if absent.
    #[serde(default)]
    pub persons: Option<BTreeSet<PersonId>>,
    /// Planned end.
    #[serde(default)]
    pub planned_end: Option<Day>,
    /// When and where they left, for a past stay.
    #[serde(default)]
    pub ended: Option<TakenOverEnd>,
}

/// INV-2: nobody moves in beside a referral into a place that another referral holds.
fn free_of_referrals(is: &Place, id: PlaceId) -> Result<(), Refusal> {
    let Some(hold) = &is.hold else { return Ok(()) };
    let since = words(id.territory(), hold.since);
    let sentence = format!("Cette place a été prise le {since}. Choisissez-en une autre.");
    Err(Refusal::conflict("place-taken", "INV-2", sentence).since(hold.since))
}

/// How a past stay ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakenOverEnd {
    /// When.
    pub at: Instant,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
}

impl Decide<HouseholdId> for TakeOverStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if self.ended.is_none() {
            free_of_referrals(place(ledgers, self.place)?, self.place)?;
        }
        let stay = StayId::created_by(ctx.command);
        let until = match &self.ended {
            Some(ended) => Some(ctx.happened(ended.at)?),
            None => None,
        };
        let from = ctx.happened(self.from)?;
        if until.is_some_and(|until| until <= from) {
            let sentence = "La sortie précède l'entrée : corrigez l'une des deux dates.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let then = day(self.place.territory(), until.unwrap_or(ctx.at));
        let persons = self.persons.clone().unwrap_or_else(|| is.composition.born_by(then));
        let entry = Entry {
            stay,
            place: self.place,
            at: from,
            persons: Some(&persons),
            planned_end: self.planned_end,
            admission: Admission::TakenOver,
            leaving: None,
        };
        let description = entry.check(is, until, ctx, ledgers)?;
        if until.is_none()
            && let Some(hold) = &place(ledgers, self.place)?.hold
        {
            let since = words(self.place.territory(), hold.since);
            let sentence =
                format!("Cette place a été prise le {since} : elle ne peut pas être reprise occupée.");
            return Err(Refusal::conflict("place-taken", "INV-2", sentence).since(hold.since).into());
        }
        entry.write(id, is, description, ctx, draft);
        if let (Some(ended), Some(until)) = (&self.ended, until) {
            checked_exit(ended.destination)?;
            let (destination, reason) = (ended.destination, ended.reason);
            draft.household(id, until, StayEnded { stay, destination, reason, deposit_due: None });
            draft.place(self.place, until, Vacated { title: Title::Stay { stay } });
        }
        Ok(())
    }
}

/// An entry into a place, however it came about.
struct Entry<'a> {
    stay: StayId,
    place: PlaceId,
    at: Timestamp,
    persons: Option<&'a BTreeSet<PersonId>>,
    planned_end: Option<Day>,
    admission: Admission,
    leaving: Option<&'a Leaving>,
}

impl Entry<'_> {
    fn decide(
        &self,
        id: HouseholdId,
        is: &Household,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let description = self.check(is, None, ctx, ledgers)?;
        if let Some(leaving) = self.leaving {
            let at = leaving.at.map_or(self.at, |at| at.0);
            let exit = Exit { at, destination: leaving.destination, reason: leaving.reason, deposit: false };
            exit.write(id, is, leaving.stay, ctx, ledgers, draft)?;
        }
        self.write(id, is, description, ctx, draft);
        Ok(())
    }

    fn who(&self, is: &Household) -> BTreeSet<PersonId> {
        self.persons.cloned().unwrap_or_else(|| is.composition.members.keys().copied().collect())
    }

    /// Everything that must hold for these persons to live in this place from `at` on (INV-1, INV-2, INV-4).
    fn check<'l>(
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
        super::family::were_here(is, persons, self.at, until)?;
        for (other, stay) in &is.stays {
            if stay.persons.is_disjoint(persons) {
                continue;
            }
            let tolerance = ctx.rules(self.place.territory()).transfer_overlap_hours;
            let end = match (self.leaving.filter(|leaving| leaving.stay == *other), stay.ended()) {
                // Only the stay that is left may last some hours longer than the entry.
                (Some(leaving), None) => Some(hours_after(leaving.at.map_or(self.at, |at| at.0), -tolerance)),
                (Some(_) | None, end) => end,
            };
            let meets = end.is_none_or(|end| self.at < end) && until.is_none_or(|until| stay.from < until);
            if meets {
                let sentence = format!(
                    "Une personne est déjà prise en charge depuis le {}. Terminez cette prise en charge ou faites un transfert.",
                    words(stay.place.territory(), stay.from)
                );
                return Err(Refusal::conflict("already-staying", "INV-1", sentence).since(stay.from).into());
            }
        }
        Ok(())
    }

    fn write(
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
            social_aid_tacit_at: aided
                .then(|| Instant(end_of_day(territory, months_after(from, rules.social_aid_tacit_months)))),
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
pub(super) fn admits(room: &Description, newcomer: &PersonRecord, today: jiff::civil::Date) -> bool {
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
pub(super) fn existing(place: &Place, on: jiff::civil::Date) -> Result<&Description, Refusal> {
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

/// The stay, if the household has it.
pub(super) fn stay_of(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    is.stays.get(&id).ok_or_else(|| Refusal::unknown("Prise en charge").into())
}

/// The stay, still running.
pub(super) fn running(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    let stay = stay_of(is, id)?;
    match stay.ended() {
        None => Ok(stay),
        Some(at) => {
            let sentence = format!(
                "Cette prise en charge est terminée depuis le {}.",
                words(stay.place.territory(), at)
            );
            Err(Refusal::conflict("stay-ended", "stay", sentence).since(at).into())
        }
    }
}

/// An exit from a stay.
pub(super) struct Exit {
    pub(super) at: Timestamp,
    pub(super) destination: ExitDestination,
    pub(super) reason: ExitReason,
    pub(super) deposit: bool,
}

fn checked_exit(destination: ExitDestination) -> Result<(), Refusal> {
    if destination.exit_class().ends_stay() {
        return Ok(());
    }
    let sentence = "Une absence prévue n'est pas une sortie : enregistrez une absence.";
    Err(Refusal::invalid("absence-is-not-exit", "stay", sentence))
}

impl Exit {
    /// Ends the stay and frees its place, within the decision that is being taken.
    pub(super) fn write(
        &self,
        id: HouseholdId,
        is: &Household,
        stay: StayId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let staying = running(is, stay)?;
        place(ledgers, staying.place)?;
        checked_exit(self.destination)?;
        let territory = staying.place.territory();
        ctx.past(territory, Some(Instant(self.at)))?;
        if self.at < staying.from {
            let sentence = format!("La sortie précède l'entrée du {}.", words(territory, staying.from));
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let days = ctx.rules(territory).residence_deposit_return_days;
        let deposit_due = self.deposit.then(|| Day(days_after(day(territory, self.at), days)));
        let (destination, reason) = (self.destination, self.reason);
        draft.household(id, self.at, StayEnded { stay, destination, reason, deposit_due });
        draft.place(staying.place, self.at, Vacated { title: Title::Stay { stay } });
        Ok(())
    }
}

/// Ends a stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndStay {
    /// The stay.
    pub stay: StayId,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Where to.
    pub destination: ExitDestination,
    /// Why.
    pub reason: ExitReason,
    /// Whether a deposit is to be returned (within fifteen days in a résidence sociale).
    #[serde(default)]
    pub deposit_to_return: bool,
}

impl Decide<HouseholdId> for EndStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let at = ctx.past(id.territory(), self.at)?;
        let exit =
            Exit { at, destination: self.destination, reason: self.reason, deposit: self.deposit_to_return };
        exit.write(id, is, self.stay, ctx, ledgers, draft)
    }
}

/// Records the review of a stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewStay {
    /// The stay.
    pub stay: StayId,
    /// Whether the household is ready for a lease of its own.
    pub housing_ready: bool,
    /// In words.
    #[serde(default)]
    pub note: Option<String>,
    /// When it took place, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for ReviewStay {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let at = ctx.past(id.territory(), self.at)?;
        if at < staying.from {
            let sentence = "Le bilan précède l'entrée : corrigez la date.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let months = ctx.rules(id.territory()).stay_review_months;
        let next_due =
            staying.review_due.map(|_| Day(months_after(day(staying.place.territory(), at), months)));
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            at,
            StayReviewed { stay: self.stay, housing_ready: self.housing_ready, next_due, note },
        );
        Ok(())
    }
}

/// Records a planned absence: the place stays theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAbsence {
    /// The stay.
    pub stay: StayId,
    /// First day away.
    pub from: Day,
    /// Expected return.
    pub to: Day,
}

impl Decide<HouseholdId> for RecordAbsence {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        without_notice(running(is, self.stay)?)?;
        if self.to < self.from {
            let sentence = "Le retour précède le départ.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        draft.household(id, ctx.at, AbsenceRecorded { stay: self.stay, from: self.from, to: self.to });
        Ok(())
    }
}

/// Records the return from an absence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordReturn {
    /// The stay.
    pub stay: StayId,
}

impl Decide<HouseholdId> for RecordReturn {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        if !matches!(staying.situation, StaySituation::Absent { .. }) {
            let sentence = "Aucune absence n'est en cours.";
            return Err(Refusal::conflict("not-absent", "stay", sentence).into());
        }
        draft.household(id, ctx.at, StayResumed { stay: self.stay });
        Ok(())
    }
}

/// Asks for an extension, with its motive (CASF R345-4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestExtension {
    /// The stay.
    pub stay: StayId,
    /// The end that is asked for.
    pub until: Day,
    /// Why, in words.
    pub motive: String,
}

impl Decide<HouseholdId> for RequestExtension {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(Some(&self.motive), NOTE_MAX)?;
        let Some(planned_end) = staying.planned_end else {
            let sentence = "Cette prise en charge n'a pas de fin prévue : il n'y a rien à prolonger.";
            return Err(Refusal::conflict("no-planned-end", "CASF R345-4", sentence).into());
        };
        if let Some(Extension::Requested { .. }) = staying.extension {
            let sentence = "Une demande de prolongation est déjà en cours.";
            return Err(Refusal::conflict("extension-pending", "CASF R345-4", sentence).into());
        }
        if self.until <= planned_end {
            let sentence =
                format!("La fin demandée doit suivre la fin prévue ({}).", day_words(planned_end.0));
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        if self.motive.trim().is_empty() {
            let sentence = "Une demande de prolongation est motivée : dites pourquoi.";
            return Err(Refusal::invalid("reason-missing", "CASF R345-4", sentence).into());
        }
        let territory = staying.place.territory();
        let (rules, today) = (ctx.rules(territory), ctx.today(territory));
        let requested = ExtensionRequested {
            stay: self.stay,
            until: self.until,
            tacit_at: Instant(end_of_day(territory, months_after(today, rules.extension_tacit_months))),
            late: today > months_after(planned_end.0, -rules.extension_request_before_end_months),
            motive: Personal::Known(self.motive.clone()),
        };
        draft.household(id, ctx.at, requested);
        Ok(())
    }
}

/// The prefecture answers an extension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideExtension {
    /// The stay.
    pub stay: StayId,
    /// Yes or no.
    pub granted: bool,
    /// The end that is granted, if not the one asked for.
    #[serde(default)]
    pub until: Option<Day>,
    /// The motive of a refusal.
    #[serde(default)]
    pub motive: Option<String>,
}

impl Decide<HouseholdId> for DecideExtension {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        check_note(self.motive.as_ref(), NOTE_MAX)?;
        let Some(Extension::Requested { until, tacit_at }) = staying.extension else {
            let sentence = "Aucune demande de prolongation n'attend de réponse.";
            return Err(Refusal::conflict("no-extension-pending", "CASF R345-4", sentence).into());
        };
        before_silence(tacit_at, staying, ctx)?;
        if self.granted {
            let until = self.until.unwrap_or(until);
            if let Some(planned_end) = staying.planned_end.filter(|planned_end| until <= *planned_end) {
                let sentence =
                    format!("La fin accordée doit suivre la fin prévue ({}).", day_words(planned_end.0));
                return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
            }
            draft.household(id, ctx.at, StayExtended { stay: self.stay, until });
        } else {
            let motive = self.motive.clone().map(Personal::Known);
            draft.household(id, ctx.at, ExtensionRefused { stay: self.stay, motive });
        }
        Ok(())
    }
}

/// The préfet answers the social-aid request of a CHRS admission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideAdmission {
    /// The stay.
    pub stay: StayId,
    /// Yes or no.
    pub accepted: bool,
}

impl Decide<HouseholdId> for DecideAdmission {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        let Some(SocialAid::Sent { tacit_at }) = staying.social_aid else {
            let sentence = "Aucune demande d'aide sociale n'attend de réponse.";
            return Err(Refusal::conflict("no-social-aid-pending", "CASF R345-4", sentence).into());
        };
        before_silence(tacit_at, staying, ctx)?;
        draft.household(id, ctx.at, AdmissionDecided { stay: self.stay, accepted: self.accepted });
        Ok(())
    }
}

/// Silence was acceptance from `tacit_at` on, whether or not the clock has written it down yet (INV-12).
fn before_silence(tacit_at: Timestamp, staying: &Stay, ctx: &Context<'_>) -> Result<(), Refusal> {
    if ctx.at <= tacit_at {
        return Ok(());
    }
    let since = words(staying.place.territory(), tacit_at);
    let sentence = format!("Réponse tardive : le silence vaut acceptation depuis le {since}.");
    Err(Refusal::conflict("tacitly-accepted", "CASF R345-4", sentence).since(tacit_at))
}

/// The resident of a résidence sociale gives notice: one month, or eight days when leaving for housing or a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveNotice {
    /// The stay.
    pub stay: StayId,
    /// Why, which decides how long the notice is.
    pub motive: NoticeMotive,
    /// The day it was received, if not today.
    #[serde(default)]
    pub received_on: Option<Day>,
}

impl Decide<HouseholdId> for GiveNotice {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = residence(is, self.stay)?;
        let territory = staying.place.territory();
        let received = self.received_on.map(|day| Instant(crate::calendar::start_of_day(territory, day.0)));
        let at = ctx.past(territory, received)?;
        let (rules, on) = (ctx.rules(territory), day(territory, at));
        if on < day(territory, staying.from) {
            let sentence = format!("Le préavis précède l'entrée du {}.", words(territory, staying.from));
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let at = at.max(staying.from);
        let ends_on = Day(match self.motive {
            NoticeMotive::Housing | NoticeMotive::Job | NoticeMotive::JobLoss => {
                days_after(on, rules.residence_short_notice_days)
            }
            NoticeMotive::Other => months_after(on, rules.residence_notice_months),
        });
        place(ledgers, staying.place)?;
        draft.household(id, at, NoticeGiven { stay: self.stay, motive: self.motive, ends_on });
        announce(staying, self.stay, ends_on, at, draft);
        Ok(())
    }
}

/// A running stay under the contract of a logement-foyer, without a notice yet.
fn residence(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    let staying = running(is, id)?;
    if !staying.kind.residence_contract() {
        let sentence = "Le préavis concerne les résidences sociales : mettez fin à la prise en charge.";
        return Err(Refusal::invalid("not-a-residence", "CCH L633-1", sentence).into());
    }
    without_notice(staying)?;
    Ok(staying)
}

/// A notice runs to its day: neither another one nor an absence takes its place.
fn without_notice(staying: &Stay) -> Result<(), Refusal> {
    if let StaySituation::Leaving { ends_on } = staying.situation {
        let sentence = format!("Un préavis court déjà jusqu'au {}.", day_words(ends_on.0));
        return Err(Refusal::conflict("notice-running", "stay", sentence));
    }
    Ok(())
}

fn announce(staying: &Stay, stay: StayId, ends_on: Day, at: Timestamp, draft: &mut Draft) {
    let available_from = Day(days_after(ends_on.0, 1));
    draft.place(staying.place, at, DepartureAnnounced { title: Title::Stay { stay }, available_from });
}

/// The manager of a résidence sociale ends the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyTermination {
    /// The stay.
    pub stay: StayId,
    /// Why.
    pub ground: TerminationGround,
}

impl Decide<HouseholdId> for NotifyTermination {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = residence(is, self.stay)?;
        let territory = staying.place.territory();
        let (rules, today) = (ctx.rules(territory), ctx.today(territory));
        let ends_on = match &self.ground {
            TerminationGround::ConditionsLost { relocation_proposed_on } => {
                let clear_months = months_after(today, rules.residence_conditions_lost_months);
                let after_proposal = months_after(relocation_proposed_on.0, 1);
                if relocation_proposed_on.0 > today {
                    let sentence = "La proposition de relogement doit précéder la résiliation.";
                    return Err(Refusal::invalid("relocation-missing", "CCH L633-2", sentence).into());
                }
                clear_months.max(after_proposal)
            }
            TerminationGround::Unpaid { months, debt, monthly } => {
                let twice = Money::cents(monthly.as_cents().saturating_mul(2));
                if *months < rules.residence_unpaid_months && *debt < twice {
                    let sentence = format!(
                        "Il faut {} mois entièrement impayés de suite, ou une dette d'au moins deux fois la redevance.",
                        rules.residence_unpaid_months
                    );
                    return Err(Refusal::invalid("debt-too-small", "CCH R633-3", sentence).into());
                }
                months_after(today, 1)
            }
            TerminationGround::Breach => months_after(today, 1),
        };
        place(ledgers, staying.place)?;
        let ends_on = Day(ends_on);
        let notified = TerminationNotified { stay: self.stay, ground: self.ground.clone(), ends_on };
        draft.household(id, ctx.at, notified);
        announce(staying, self.stay, ends_on, ctx.at, draft);
        Ok(())
    }
}

/// The deposit was returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnDeposit {
    /// The stay.
    pub stay: StayId,
}

impl Decide<HouseholdId> for ReturnDeposit {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if stay_of(is, self.stay)?.deposit_due.is_none() {
            let sentence = "Aucun dépôt de garantie n'est à restituer.";
            return Err(Refusal::conflict("no-deposit", "stay", sentence).into());
        }
        draft.household(id, ctx.at, DepositReturned { stay: self.stay });
        Ok(())
    }
}

/// The clock: one month of silence on the social aid is acceptance (INV-12).
pub(super) fn deem_admitted(
    id: HouseholdId,
    stay: StayId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let staying = stay_of(is, stay)?;
    if let Some(SocialAid::Sent { tacit_at }) = staying.social_aid
        && staying.is_active()
        && ctx.at > tacit_at
    {
        draft.household(id, tacit_at, AdmissionDeemedAccepted { stay });
    }
    Ok(())
}

/// The clock: one month of silence on the extension is acceptance (INV-12).
pub(super) fn deem_extended(
    id: HouseholdId,
    stay: StayId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let staying = stay_of(is, stay)?;
    if let Some(Extension::Requested { until, tacit_at }) = staying.extension
        && staying.is_active()
        && ctx.at > tacit_at
    {
        draft.household(id, tacit_at, StayDeemedExtended { stay, until });
    }
    Ok(())
}
