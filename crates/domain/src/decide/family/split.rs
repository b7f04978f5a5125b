//! Some members form another household.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{not_before_their_stays, were_here};
use crate::calendar::Instant;
use crate::decide::command::Decide;
use crate::decide::recheck::recheck;
use crate::decide::{Context, Draft, household, place, request};
use crate::household::composition::{PersonRecord, Safety, SafetyNoted};
use crate::household::copy::{ApplicationCopy, ConsentCopy, RequestCopy, StayCopy};
use crate::household::family::{Separated, Split as SplitEvent};
use crate::household::protection::Protected;
use crate::household::request::Request;
use crate::household::stay::Stay;
use crate::household::{Household, Registration};
use crate::id::{ApplicationId, HouseholdId, PersonId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::place::occupancy::{OccupantsChanged, Title};
use crate::reference::MemberLink;
use crate::refusal::Refusal;

/// Who keeps the social-housing application after a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// Those who remain.
    #[default]
    Remaining,
    /// Those who leave.
    Leaving,
}

/// Some members form another household, with the same seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Who leaves; neither nobody nor everybody.
    pub persons: BTreeSet<PersonId>,
    /// Their main applicant.
    pub main_applicant: PersonId,
    /// The main applicant of those who remain, if theirs leaves.
    #[serde(default)]
    pub remaining_main_applicant: Option<PersonId>,
    /// Who keeps the social-housing application.
    #[serde(default)]
    pub application: Keeper,
    /// When they separated, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for Split {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let into = HouseholdId::created_by(id.territory(), ctx.command);
        // Nothing is there yet; reading it makes the append state that. Asked again, they have left already, even if
        // they are back since.
        if ledgers.household(into)?.registration != Registration::Unknown {
            return Ok(());
        }
        self.check(is)?;
        let at = ctx.past(id.territory(), self.at)?;
        were_here(is, &self.persons, at, None)?;
        not_before_their_stays(is, &self.persons, at)?;
        let stays = self.leave_stays(id, into, is, at, ledgers, draft)?;

        let moved = is.live_application().filter(|_| self.application == Keeper::Leaving);
        if moved.is_some() && is.candidacies.values().any(|candidacy| candidacy.is_live()) {
            let sentence = "Une candidature à un logement est en cours : la demande de logement social reste avec ceux qui restent.";
            return Err(Refusal::conflict("candidacy-running", "INV-5", sentence).into());
        }
        let theirs = is.consents.iter().filter(|(_, consent)| self.persons.contains(&consent.person));
        let separated = Separated {
            from: id,
            members: self.members(is),
            reachable: is.reachable,
            requests: self.requests(is, &stays, ctx),
            stays,
            consents: theirs.map(|(consent, is)| ConsentCopy::of(*consent, is)).collect(),
            application: moved.map(|(_, is)| ApplicationCopy::of(is, ApplicationId::created_by(ctx.command))),
            followers: is.followers.clone(),
        };
        let split = SplitEvent {
            into,
            persons: self.persons.clone(),
            main_applicant: self.remaining_main_applicant,
            application: moved.map(|(application, _)| application),
        };
        draft.household(id, at, split);
        draft.household(into, at, separated);
        if let Some(safety) = zones_alone(is) {
            draft.household(into, at, SafetyNoted { safety });
        }
        if let Some(named) = &is.protected {
            draft.household(into, at, Protected { named: named.clone() });
        }
        recheck(id, is, ctx, ledgers, draft)
    }
}

/// The zones to avoid go with those who leave; the note stays where it was written, for it may speak of those who
/// remain (INV-17). What cannot be read here stays unreadable, and so excludes every place.
fn zones_alone(is: &Household) -> Option<Personal<Safety>> {
    let kept = is.safety.as_ref()?;
    let Some(safety) = kept.value.known() else { return Some(Personal::Erased(true)) };
    let exclusion_zones = safety.exclusion_zones.clone();
    (!exclusion_zones.is_empty()).then_some(Personal::Known(Safety { exclusion_zones, note: None }))
}

impl Split {
    fn check(&self, is: &Household) -> Result<(), Refusal> {
        let members = &is.composition.members;
        let known = |person: &PersonId| members.contains_key(person);
        if self.persons.is_empty() || !self.persons.iter().all(known) {
            return Err(Refusal::unknown("Personne"));
        }
        if self.persons.len() == members.len() {
            let sentence = "Tout le monde s'en irait : une séparation laisse au moins une personne.";
            return Err(Refusal::invalid("split-of-all", "INV-11", sentence));
        }
        if !self.persons.contains(&self.main_applicant) {
            let sentence =
                "Le demandeur principal du nouveau ménage doit être l'une des personnes qui s'en vont.";
            return Err(Refusal::invalid("main-applicant", "registration", sentence));
        }
        let main = MemberLink::main_applicant();
        let main_leaves =
            self.persons.iter().any(|person| members.get(person).is_some_and(|is| is.link == main));
        match self.remaining_main_applicant {
            Some(next) if self.persons.contains(&next) || !members.contains_key(&next) => {
                Err(Refusal::unknown("Demandeur principal de ceux qui restent"))
            }
            Some(next) if !main_leaves && members.get(&next).is_some_and(|is| is.link != main) => {
                let sentence = "Le demandeur principal reste : n'en désignez pas d'autre.";
                Err(Refusal::invalid("main-applicant", "registration", sentence))
            }
            None if main_leaves => {
                let sentence =
                    "Le demandeur principal s'en va : dites qui le remplace parmi ceux qui restent.";
                Err(Refusal::invalid("main-applicant", "registration", sentence))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Those who leave also leave the stay of the others, which goes on; a stay of theirs alone they take along.
    fn leave_stays(
        &self,
        id: HouseholdId,
        into: HouseholdId,
        is: &Household,
        at: Timestamp,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<Vec<StayCopy>, Halt> {
        let mut moved = Vec::new();
        for (stay, staying) in is.active_stays() {
            let remaining = staying.persons.difference(&self.persons).count();
            if remaining == staying.persons.len() {
                continue;
            }
            place(ledgers, staying.place)?;
            let (household, persons) = if remaining == 0 {
                moved.push(StayCopy::of(stay, staying));
                (into, staying.persons.len())
            } else {
                (id, remaining)
            };
            let persons = u8::try_from(persons).unwrap_or(u8::MAX);
            let title = Title::Stay { stay };
            draft.place(staying.place, at, OccupantsChanged { title, household, persons });
        }
        Ok(moved)
    }

    /// The open requests; those that led to a stay they take along; and, for those who have no roof of their own now, the
    /// request that led to the stay they leave, open again at its date.
    fn requests(&self, is: &Household, stays: &[StayCopy], ctx: &Context<'_>) -> Vec<RequestCopy> {
        let open: Vec<_> = is.requests.values().filter(|request| request.situation.is_open()).collect();
        let mut asked: BTreeSet<_> = open.iter().map(|request| request.list()).collect();
        let housed = self.persons.iter().all(|person| stays.iter().any(|stay| stay.persons.contains(person)));
        let along = |stay| stays.iter().any(|copy| copy.stay == stay);
        let led_along = |request: &&Request| request.situation.fulfilled_by().is_some_and(along);
        let kept: Vec<_> = is.requests.values().filter(led_along).collect();
        let left = |stay| !housed && !along(stay) && is.stays.get(&stay).is_some_and(Stay::is_active);
        let led_here = |request: &&Request| request.situation.fulfilled_by().is_some_and(left);
        let mut fulfilled: Vec<_> = is.requests.values().filter(led_here).collect();
        fulfilled.sort_by_key(|request| request.seniority);
        fulfilled.retain(|request| asked.insert(request.list()));

        let ids = (0..).map(|n| RequestId::nth_created_by(ctx.command, n));
        let copied = |(request, id): (&Request, RequestId)| {
            let copy = RequestCopy::of(request, id);
            if request.situation.is_open() || led_along(&request) {
                return copy;
            }
            let listed = copy.qualification.is_some();
            RequestCopy {
                update_due: Some(request::update_due(ctx, request.siao)),
                contact_due: listed.then(|| request::contact_due(ctx, request.siao)),
                stage: None,
                ..copy
            }
        };
        open.into_iter().chain(kept).chain(fulfilled).zip(ids).map(copied).collect()
    }

    fn members(&self, is: &Household) -> Vec<PersonRecord> {
        let main = MemberLink::main_applicant();
        let moved = is.composition.members.iter().filter(|(person, _)| self.persons.contains(person));
        moved
            .map(|(person, member)| {
                let mut record = member.to_record(*person);
                if *person == self.main_applicant {
                    record.link = main;
                } else if record.link == main {
                    record.link = MemberLink::other();
                }
                record
            })
            .collect()
    }
}
