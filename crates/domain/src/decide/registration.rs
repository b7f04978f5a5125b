//! The household's record: who it is, what must be avoided, what it consents to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::recheck::recheck;
use super::{Context, Draft, household, living};
use crate::calendar::{BirthMonth, Instant};
use crate::household::Registration;
use crate::household::composition::{
    Expected, Identity, IdentityCorrected, MemberAdded, MemberLeft, PersonRecord, PregnancyDeclared,
    Registered, Safety, SafetyNoted, Sex,
};
use crate::household::stay::Stay;
use crate::id::{HouseholdId, PersonId, StayId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::likeness::{DuplicateReviewed, Reviewed};
use crate::personal::Personal;
use crate::place::occupancy::{OccupantsChanged, Title};
use crate::reference::{MemberArrivalReason, MemberDepartureReason, MemberLink, RightOfResidence};
use crate::refusal::Refusal;

/// Most members of one household.
pub(super) const MEMBERS_MAX: usize = 20;
/// Longest name, telephone number, e-mail or postal address, in characters.
const FIELD_MAX: usize = 200;
/// Longest free note, in characters.
pub(super) const NOTE_MAX: usize = 2_000;
/// Longest note with a refusal, in characters.
pub(super) const REFUSAL_NOTE_MAX: usize = 280;

/// A person as they are registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Civil sex.
    pub sex: Sex,
    /// What they are to the main applicant.
    pub link: MemberLink,
    /// Right of residence, if the housing that is sought asks for it.
    #[serde(default)]
    pub residence: Option<RightOfResidence>,
    /// Name, date of birth, contacts.
    pub identity: Identity,
}

impl NewMember {
    fn record(&self, person: PersonId, ctx: &Context<'_>, home: Territory) -> Result<PersonRecord, Refusal> {
        check_identity(&self.identity, ctx, home)?;
        Ok(PersonRecord {
            person,
            sex: self.sex,
            born: BirthMonth::of(self.identity.birth_date.0),
            link: self.link,
            residence: self.residence,
            identity: Personal::Known(self.identity.clone()),
        })
    }
}

fn check_identity(identity: &Identity, ctx: &Context<'_>, home: Territory) -> Result<(), Refusal> {
    let missing = |what: &str| {
        Refusal::invalid(
            "identity-incomplete",
            "registration",
            format!("Il manque {what}. Si vous ne le connaissez pas, écrivez « inconnu »."),
        )
    };
    if identity.last_name.trim().is_empty() {
        return Err(missing("le nom d'une personne"));
    }
    if identity.first_names.trim().is_empty() {
        return Err(missing("le prénom d'une personne"));
    }
    let long = |field: &String| field.chars().count() > FIELD_MAX;
    let optional = [&identity.birth_name, &identity.phone, &identity.email, &identity.address];
    if long(&identity.last_name) || long(&identity.first_names) || optional.into_iter().flatten().any(long) {
        return Err(Refusal::invalid(
            "identity-too-long",
            "registration",
            format!("Un nom, un contact ou une adresse dépasse {FIELD_MAX} caractères."),
        ));
    }
    let (born, today) = (identity.birth_date.0, ctx.today(home));
    if born > today || born < crate::calendar::months_after(today, -12 * 120) {
        return Err(Refusal::invalid(
            "birth-date-impossible",
            "registration",
            "Une date de naissance est dans le futur ou remonte à plus de 120 ans.",
        ));
    }
    Ok(())
}

/// Checks a free text against its bound.
pub(super) fn check_note(note: Option<&String>, max: usize) -> Result<(), Refusal> {
    match note {
        Some(note) if note.chars().count() > max => Err(Refusal::invalid(
            "note-too-long",
            "registration",
            format!("La note dépasse {max} caractères : raccourcissez-la."),
        )),
        Some(_) | None => Ok(()),
    }
}

/// What the event keeps of a review.
fn reviewed(is: Option<&DuplicateReviewed>) -> Result<Option<Reviewed>, Refusal> {
    check_note(is.and_then(|is| is.note.as_ref()), REFUSAL_NOTE_MAX)?;
    Ok(is.map(Reviewed::from))
}

fn reachable<'a>(identities: impl IntoIterator<Item = &'a Identity>) -> bool {
    identities.into_iter().any(|identity| identity.phone.is_some() || identity.email.is_some())
}

/// Registers a household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The département it is registered in: its home for good.
    pub territory: Territory,
    /// Its members; exactly one is the main applicant.
    pub members: Vec<NewMember>,
    /// A declared pregnancy.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// Whether a structure can pass messages on.
    #[serde(default)]
    pub reachable_through_structure: bool,
    /// Since when it has been known, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Free note.
    #[serde(default)]
    pub note: Option<String>,
    /// Why this is another file than those that look like it, once they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_reviewed: Option<DuplicateReviewed>,
}

impl Decide<HouseholdId> for Register {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if ledgers.household(id)?.registration != Registration::Unknown {
            return Err(
                Refusal::conflict("already-registered", "INV-16", "Ce ménage est déjà enregistré.").into()
            );
        }
        if self.members.is_empty() || self.members.len() > MEMBERS_MAX {
            let sentence = format!("Un ménage compte de 1 à {MEMBERS_MAX} personnes.");
            return Err(Refusal::invalid("members-count", "registration", sentence).into());
        }
        let main = MemberLink::main_applicant();
        if self.members.iter().filter(|member| member.link == main).count() != 1 {
            let sentence = "Désignez un demandeur principal, et un seul.";
            return Err(Refusal::invalid("main-applicant", "registration", sentence).into());
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let members = (self.members.iter().enumerate())
            .map(|(n, member)| member.record(PersonId::nth_created_by(ctx.command, n), ctx, id.territory()))
            .collect::<Result<_, _>>()?;
        let registered = Registered {
            members,
            expected: self.expected.clone(),
            reachable: self.reachable_through_structure
                || reachable(self.members.iter().map(|m| &m.identity)),
            note: self.note.clone().map(Personal::Known),
            follower: ctx.follower(),
            reviewed: reviewed(self.duplicate_reviewed.as_ref())?,
        };
        draft.household(id, ctx.past(id.territory(), self.at)?, registered);
        Ok(())
    }
}

/// Adds a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    /// Who.
    pub member: NewMember,
    /// Why.
    pub reason: MemberArrivalReason,
    /// Since when, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Why this is another file than those that look like it, once they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_reviewed: Option<DuplicateReviewed>,
}

impl Decide<HouseholdId> for AddMember {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = living(ledgers, id)?;
        let person = PersonId::created_by(ctx.command);
        let gone = || is.gone.iter().any(|gone| gone.person == person);
        if is.composition.members.contains_key(&person) || gone() {
            return Ok(());
        }
        if is.composition.members.len() >= MEMBERS_MAX {
            let sentence = format!("Un ménage compte au plus {MEMBERS_MAX} personnes.");
            return Err(Refusal::conflict("members-count", "registration", sentence).into());
        }
        if self.member.link == MemberLink::main_applicant() {
            let sentence = "Ce ménage a déjà un demandeur principal.";
            return Err(Refusal::conflict("main-applicant", "registration", sentence).into());
        }
        let at = ctx.past(id.territory(), self.at)?;
        let member = self.member.record(person, ctx, id.territory())?;
        // The newcomer joins the stay if its place can take one more and admits them; otherwise the household lacks
        // room, which the worklists show: a birth is a fact that no place can refuse (INV-4).
        let mut joins = None;
        if let Some((stay, at_place)) = sole_stay(is) {
            let room = super::place(ledgers, at_place.place)?.inventory.description();
            let persons = at_place.persons.len() + 1;
            let today = ctx.today(at_place.place.territory());
            if room.is_some_and(|room| {
                persons <= usize::from(room.capacity) && super::stay::admits(room, &member, today)
            }) {
                joins = Some(stay);
                let persons = u8::try_from(persons).unwrap_or(u8::MAX);
                let title = Title::Stay { stay };
                draft.place(at_place.place, at, OccupantsChanged { title, household: id, persons });
            }
        }
        let reviewed = reviewed(self.duplicate_reviewed.as_ref())?;
        draft.household(id, at, MemberAdded { member, reason: self.reason, joins, reviewed });
        recheck(id, is, ctx, ledgers, draft)
    }
}

fn sole_stay(household: &crate::household::Household) -> Option<(StayId, &Stay)> {
    let mut active = household.active_stays();
    match (active.next(), active.next()) {
        (Some(only), None) => Some(only),
        (Some(_) | None, _) => None,
    }
}

/// Records that a person left. The death of the last one ends all that was under way: stays, lease, application,
/// labels, referrals and requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Who.
    pub person: PersonId,
    /// Why.
    pub reason: MemberDepartureReason,
    /// Who becomes the main applicant, if the main applicant leaves.
    #[serde(default)]
    pub main_applicant: Option<PersonId>,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for RemoveMember {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let members = &is.composition.members;
        let Some(leaving) = members.get(&self.person) else {
            return Err(Refusal::unknown("Personne").into());
        };
        if self.reason == MemberDepartureReason::separation()
            || self.reason == MemberDepartureReason::household_split()
        {
            let sentence = "Qui se sépare forme un autre ménage, avec son ancienneté : enregistrez une séparation du ménage.";
            return Err(Refusal::invalid("split-required", "INV-11", sentence).into());
        }
        if members.len() == 1 && self.reason == MemberDepartureReason::death() {
            let at = ctx.past(id.territory(), self.at)?;
            super::family::were_here(is, [&self.person], at, None)?;
            super::death::close_everything(id, is, at, ctx, ledgers, draft)?;
            let left = MemberLeft { person: self.person, reason: self.reason, main_applicant: None };
            draft.household(id, at, left);
            return Ok(());
        }
        if members.len() == 1 {
            let sentence = "C'est la dernière personne du ménage : mettez fin à ses demandes et séjours, le dossier reste.";
            return Err(Refusal::conflict("last-member", "INV-11", sentence).into());
        }
        let main = MemberLink::main_applicant();
        let was_main = leaving.link == main;
        match self.main_applicant {
            Some(next) if next == self.person || !members.contains_key(&next) => {
                return Err(Refusal::unknown("Nouveau demandeur principal").into());
            }
            Some(next) if !was_main && members.get(&next).is_some_and(|is| is.link != main) => {
                let sentence = "Le demandeur principal reste : n'en désignez pas d'autre.";
                return Err(Refusal::invalid("main-applicant", "registration", sentence).into());
            }
            None if was_main => {
                let sentence = "Le demandeur principal s'en va : dites qui le remplace.";
                return Err(Refusal::invalid("main-applicant", "registration", sentence).into());
            }
            Some(_) | None => {}
        }
        let at = ctx.past(id.territory(), self.at)?;
        super::family::were_here(is, [&self.person], at, None)?;
        super::family::not_before_their_stays(is, [&self.person], at)?;
        for (stay, staying) in is.active_stays().filter(|(_, stay)| stay.persons.contains(&self.person)) {
            if staying.persons.len() == 1 {
                let sentence = "Cette personne est seule dans sa prise en charge : terminez-la d'abord.";
                return Err(Refusal::conflict("stay-would-be-empty", "INV-1", sentence).into());
            }
            super::place(ledgers, staying.place)?;
            let persons = u8::try_from(staying.persons.len() - 1).unwrap_or(u8::MAX);
            let title = Title::Stay { stay };
            draft.place(staying.place, at, OccupantsChanged { title, household: id, persons });
        }
        let left =
            MemberLeft { person: self.person, reason: self.reason, main_applicant: self.main_applicant };
        draft.household(id, at, left);
        recheck(id, is, ctx, ledgers, draft)
    }
}

/// Corrects who a person is or how to reach them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectIdentity {
    /// Who.
    pub person: PersonId,
    /// As they should be recorded.
    pub member: NewMember,
    /// Why this is another file than those that look like it, once they were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_reviewed: Option<DuplicateReviewed>,
}

impl Decide<HouseholdId> for CorrectIdentity {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let Some(person) = is.composition.members.get(&self.person) else {
            return Err(Refusal::unknown("Personne").into());
        };
        let main = MemberLink::main_applicant();
        if (person.link == main) != (self.member.link == main) {
            let sentence = "Désignez un demandeur principal, et un seul.";
            return Err(Refusal::invalid("main-applicant", "registration", sentence).into());
        }
        let member = self.member.record(self.person, ctx, id.territory())?;
        let reachable = is.reachable || reachable([&self.member.identity]);
        let reviewed = reviewed(self.duplicate_reviewed.as_ref())?;
        draft.household(id, ctx.at, IdentityCorrected { member, reachable, reviewed });
        recheck(id, is, ctx, ledgers, draft)
    }
}

/// Declares a pregnancy, or takes a declaration back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarePregnancy {
    /// The pregnancy; none takes the declaration back.
    pub expected: Option<Expected>,
}

impl Decide<HouseholdId> for DeclarePregnancy {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = living(ledgers, id)?;
        if let Some(expected) = &self.expected
            && !(1..=5).contains(&expected.children)
        {
            let sentence = "Une grossesse attend de 1 à 5 enfants.";
            return Err(Refusal::invalid("expected-children", "registration", sentence).into());
        }
        draft.household(id, ctx.at, PregnancyDeclared { expected: self.expected.clone() });
        recheck(id, is, ctx, ledgers, draft)
    }
}

/// Notes where the household must not be housed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteSafety {
    /// The zones and the note; an empty list lifts them.
    pub safety: Safety,
}

impl Decide<HouseholdId> for NoteSafety {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        check_note(self.safety.note.as_ref(), NOTE_MAX)?;
        if self.safety.exclusion_zones.len() > 50 {
            let sentence = "Un périmètre compte au plus 50 secteurs : choisissez un secteur plus large.";
            return Err(Refusal::invalid("zones-count", "registration", sentence).into());
        }
        draft.household(id, ctx.at, SafetyNoted { safety: Personal::Known(self.safety.clone()) });
        recheck(id, is, ctx, ledgers, draft)
    }
}
