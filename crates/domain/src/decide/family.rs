//! One household becomes two, or two become one (INV-10, INV-11).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household, place};
use crate::calendar::Instant;
use crate::household::Household;
use crate::household::application::Application;
use crate::household::composition::{Safety, SafetyNoted};
use crate::household::family::{
    ApplicationCopy, Merged, MergedInto, OlderSeniority, RequestCopy, Separated, Split as SplitEvent,
    StayCopy,
};
use crate::household::stay::{Extension, SocialAid};
use crate::id::{ApplicationId, HouseholdId, PersonId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::place::occupancy::{OccupantsChanged, Title};
use crate::reference::MemberLink;
use crate::refusal::Refusal;

/// What is dated before somebody came from another household belongs to that one's ledger (INV-1, INV-11).
pub(super) fn not_before_coming<'a>(
    is: &Household,
    persons: impl IntoIterator<Item = &'a PersonId>,
    at: jiff::Timestamp,
) -> Result<(), Refusal> {
    let came = persons.into_iter().filter_map(|person| is.composition.members.get(person)?.came).max();
    match came.filter(|came| at < *came) {
        None => Ok(()),
        Some(came) => {
            let sentence = "À cette date, l'une de ces personnes était dans un autre ménage.";
            Err(Refusal::conflict("in-another-household", "INV-11", sentence).since(came))
        }
    }
}

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
        self.check(is)?;
        let into = HouseholdId::created_by(id.territory(), ctx.command);
        // Nothing is there yet; reading it makes the append state that.
        ledgers.household(into)?;
        let at = ctx.past(id.territory(), self.at)?;
        not_before_coming(is, &self.persons, at)?;
        self.leave_stays(id, is, at, ledgers, draft)?;

        let moved = is.live_application().filter(|_| self.application == Keeper::Leaving);
        if moved.is_some() && is.candidacies.values().any(|candidacy| candidacy.is_live()) {
            let sentence = "Une candidature à un logement est en cours : la demande de logement social reste avec ceux qui restent.";
            return Err(Refusal::conflict("candidacy-running", "INV-5", sentence).into());
        }
        let copied = |(n, request)| RequestCopy::of(request, RequestId::nth_created_by(ctx.command, n));
        let requests =
            is.requests.values().filter(|request| request.situation.is_open()).enumerate().map(copied);
        let separated = Separated {
            from: id,
            members: self.members(is),
            reachable: is.reachable,
            requests: requests.collect(),
            application: moved.map(|(_, application)| {
                copy_application(application, ApplicationId::created_by(ctx.command))
            }),
        };
        let application = moved.map(|(application, _)| application);
        let split = SplitEvent {
            into,
            persons: self.persons.clone(),
            main_applicant: self.remaining_main_applicant,
            application,
        };
        draft.household(id, at, split);
        draft.household(into, at, separated);
        Ok(())
    }
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

    /// Those who leave also leave the stay; the stay of the others goes on.
    fn leave_stays(
        &self,
        id: HouseholdId,
        is: &Household,
        at: jiff::Timestamp,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        for (stay, staying) in is.active_stays() {
            let remaining = staying.persons.difference(&self.persons).count();
            if remaining == staying.persons.len() {
                continue;
            }
            if remaining == 0 {
                let sentence = "Toutes les personnes d'une prise en charge s'en vont : terminez-la d'abord, ou séparez les autres.";
                return Err(Refusal::conflict("stay-would-be-empty", "INV-1", sentence).into());
            }
            place(ledgers, staying.place)?;
            let persons = u8::try_from(remaining).unwrap_or(u8::MAX);
            draft.place(
                staying.place,
                at,
                OccupantsChanged { title: Title::Stay { stay }, household: id, persons },
            );
        }
        Ok(())
    }

    fn members(&self, is: &Household) -> Vec<crate::household::composition::PersonRecord> {
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

fn copy_application(is: &Application, copy: ApplicationId) -> ApplicationCopy {
    ApplicationCopy {
        application: copy,
        number: is.number,
        filed_on: is.filed_on,
        valid_until: is.valid_until,
        communes: is.communes.clone(),
    }
}

/// Another household joins this one; the oldest seniority is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The household that joins.
    pub from: HouseholdId,
    /// When, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
}

impl Decide<HouseholdId> for Merge {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let into = household(ledgers, id)?;
        if self.from == id {
            let sentence = "Un ménage ne se réunit pas avec lui-même.";
            return Err(Refusal::invalid("merge-with-itself", "INV-11", sentence).into());
        }
        let from = household(ledgers, self.from)?;
        joinable(from)?;
        let at = ctx.past(id.territory(), self.at)?;
        not_before_coming(from, from.composition.members.keys(), at)?;
        let main = MemberLink::main_applicant();
        let members = (from.composition.members.iter())
            .map(|(person, member)| {
                let mut record = member.to_record(*person);
                if record.link == main {
                    record.link = MemberLink::spouse_or_partner();
                }
                record
            })
            .collect();
        let (requests, seniorities) = join_requests(into, from, ctx);
        let mut stays = Vec::new();
        for (stay, staying) in from.active_stays() {
            place(ledgers, staying.place)?;
            let persons = u8::try_from(staying.persons.len()).unwrap_or(u8::MAX);
            let title = Title::Stay { stay };
            draft.place(staying.place, at, OccupantsChanged { title, household: id, persons });
            stays.push(StayCopy::of(stay, staying));
        }
        let theirs = from.live_application().map(|(_, application)| application);
        let ours = into.live_application().map(|(_, application)| application);
        let (application, filed_on) = match (ours, theirs) {
            (None, Some(theirs)) => {
                (Some(copy_application(theirs, ApplicationId::created_by(ctx.command))), None)
            }
            (Some(ours), Some(theirs)) => {
                (None, (theirs.filed_on < ours.filed_on).then_some(theirs.filed_on))
            }
            (Some(_) | None, None) => (None, None),
        };
        let reachable = into.reachable || from.reachable;
        let merged = Merged {
            from: self.from,
            members,
            reachable,
            requests,
            seniorities,
            stays,
            application,
            filed_on,
        };
        draft.household(id, at, merged);
        if let Some(safety) = joined_safety(into, from) {
            draft.household(id, at, SafetyNoted { safety });
        }
        draft.household(self.from, at, MergedInto { into: id });
        Ok(())
    }
}

/// Where the two must not be housed together; none if the household that joins has nothing to avoid. What cannot be
/// read here stays unreadable, and so excludes every place.
fn joined_safety(into: &Household, from: &Household) -> Option<Personal<Safety>> {
    let theirs = from.safety.as_ref()?;
    let ours =
        into.safety.as_ref().map_or_else(|| Some(Safety::default()), |kept| kept.value.known().cloned());
    let (Some(mut safety), Some(theirs)) = (ours, theirs.value.known()) else {
        return Some(Personal::Erased(true));
    };
    let more: Vec<_> = theirs
        .exclusion_zones
        .iter()
        .filter(|zone| !safety.exclusion_zones.contains(zone))
        .copied()
        .collect();
    safety.exclusion_zones.extend(more);
    let notes: Vec<_> = [safety.note.take(), theirs.note.clone()].into_iter().flatten().collect();
    safety.note = (!notes.is_empty()).then(|| notes.join("\n"));
    Some(Personal::Known(safety))
}

/// What must be settled before a household can join another one.
fn joinable(from: &Household) -> Result<(), Refusal> {
    let open = if from.live_referrals().next().is_some() {
        Some("une orientation est en cours")
    } else if from.candidacies.values().any(|candidacy| candidacy.is_live()) {
        Some("une candidature à un logement est en cours")
    } else if from.leases.values().any(|lease| lease.ended.is_none()) {
        Some("un bail est en cours")
    } else if from.active_stays().any(|(_, stay)| {
        matches!(stay.extension, Some(Extension::Requested { .. }))
            || matches!(stay.social_aid, Some(SocialAid::Sent { .. }))
    }) {
        Some("une décision du préfet est attendue sur sa prise en charge")
    } else {
        None
    };
    match open {
        None => Ok(()),
        Some(what) => {
            let sentence = format!("Le ménage à réunir ne peut pas l'être maintenant : {what}.");
            Err(Refusal::conflict("merge-not-settled", "INV-11", sentence))
        }
    }
}

/// Requests of a stream that only the joining household has come along; of the others the oldest date is kept.
fn join_requests(
    into: &Household,
    from: &Household,
    ctx: &Context<'_>,
) -> (Vec<RequestCopy>, Vec<OlderSeniority>) {
    let key = |request: &crate::household::request::Request| (request.file.stream, request.siao);
    let ours: BTreeMap<_, _> = into
        .requests
        .iter()
        .filter(|(_, r)| r.situation.is_open())
        .map(|(id, r)| (key(r), (*id, r)))
        .collect();
    let (mut copies, mut older) = (Vec::new(), Vec::new());
    for (n, request) in from.requests.values().filter(|r| r.situation.is_open()).enumerate() {
        match ours.get(&key(request)) {
            None => copies.push(RequestCopy::of(request, RequestId::nth_created_by(ctx.command, n))),
            Some((id, own)) => {
                if let Some(theirs) = request.seniority
                    && own.seniority.is_none_or(|own| theirs < own)
                {
                    older.push(OlderSeniority { request: *id, seniority: Instant(theirs) });
                }
            }
        }
    }
    (copies, older)
}
