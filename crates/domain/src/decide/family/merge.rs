//! Two households become one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{not_before_their_stays, were_here};
use crate::calendar::Instant;
use crate::decide::command::Decide;
use crate::decide::recheck::recheck;
use crate::decide::registration::MEMBERS_MAX;
use crate::decide::{Context, Draft, household, place};
use crate::household::Household;
use crate::household::composition::{Expected, PersonRecord, Safety, SafetyNoted};
use crate::household::copy::{ApplicationCopy, ConsentCopy, LabelCopy, RequestCopy, StayCopy};
use crate::household::custody::SharedChild;
use crate::household::family::{Merged, MergedInto, Numbered, OlderSeniority};
use crate::household::request::{Request, RequestSituation};
use crate::household::stay::{Extension, SocialAid, Stay};
use crate::id::{ApplicationId, HouseholdId, PersonId, RequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::place::occupancy::{OccupantsChanged, Title};
use crate::reference::MemberLink;
use crate::refusal::Refusal;

/// Another household joins this one; the oldest seniority is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The household that joins.
    pub from: HouseholdId,
    /// What its members are to the main applicant of this one. Its own main applicant must be named; the others keep
    /// their link if they are not, and a spouse of its main applicant becomes somebody else.
    #[serde(default)]
    pub links: BTreeMap<PersonId, MemberLink>,
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
        if into.composition.members.is_empty() || from.composition.members.is_empty() {
            let sentence =
                "La dernière personne de l'un des deux ménages est décédée : il n'y a plus à les réunir.";
            return Err(Refusal::conflict("household-empty", "INV-11", sentence).into());
        }
        if into.composition.members.len() + from.composition.members.len() > MEMBERS_MAX {
            let sentence = format!("Un ménage compte au plus {MEMBERS_MAX} personnes.");
            return Err(Refusal::conflict("members-count", "registration", sentence).into());
        }
        let members = self.members(from)?;
        let at = ctx.past(id.territory(), self.at)?;
        were_here(from, from.composition.members.keys(), at, None)?;
        not_before_their_stays(from, from.composition.members.keys(), at)?;
        let (requests, seniorities) = join_requests(into, from, at, ctx);
        let mut stays = Vec::new();
        for (stay, staying) in from.active_stays() {
            place(ledgers, staying.place)?;
            let persons = u8::try_from(staying.persons.len()).unwrap_or(u8::MAX);
            let title = Title::Stay { stay };
            draft.place(staying.place, at, OccupantsChanged { title, household: id, persons });
            stays.push(StayCopy::of(stay, staying));
        }
        let live = from.labels.iter().filter(|(_, label)| label.ended.is_none());
        let mut merged = Merged {
            from: self.from,
            members,
            reachable: into.reachable || from.reachable,
            requests,
            seniorities,
            stays,
            application: None,
            filed_on: None,
            numbered: None,
            labels: live.map(|(label, is)| LabelCopy::of(*label, is)).collect(),
            consents: from.consents.iter().map(|(id, is)| ConsentCopy::of(*id, is)).collect(),
            expected: expected_together(into, from),
            shared: (from.composition.shared.iter())
                .filter(|(person, _)| !into.composition.members.contains_key(person))
                .map(|(person, born)| SharedChild { person: *person, born: *born })
                .collect(),
            followers: from.followers.clone(),
        };
        join_applications(into, from, ctx, &mut merged);
        draft.household(id, at, merged);
        if let Some(safety) = joined_safety(into, from) {
            draft.household(id, at, SafetyNoted { safety });
        }
        draft.household(self.from, at, MergedInto { into: id });
        recheck(id, into, ctx, ledgers, draft)
    }
}

impl Merge {
    /// Those who join, as they are to the main applicant of the household they join.
    fn members(&self, from: &Household) -> Result<Vec<PersonRecord>, Refusal> {
        let main = MemberLink::main_applicant();
        if !self.links.keys().all(|person| from.composition.members.contains_key(person)) {
            return Err(Refusal::unknown("Personne"));
        }
        if self.links.values().any(|link| *link == main) {
            let sentence = "Ce ménage a déjà un demandeur principal.";
            return Err(Refusal::invalid("main-applicant", "registration", sentence));
        }
        let record = |(person, member): (&PersonId, &crate::household::composition::Person)| {
            let mut record = member.to_record(*person);
            match self.links.get(person) {
                Some(link) => record.link = *link,
                None if record.link == main => {
                    let sentence = "Dites ce que le demandeur principal du ménage qui rejoint celui-ci est à son demandeur principal : conjoint, parent, frère ou sœur…";
                    return Err(Refusal::invalid("link-missing", "registration", sentence));
                }
                None if record.link == MemberLink::spouse_or_partner() => record.link = MemberLink::other(),
                None => {}
            }
            Ok(record)
        };
        from.composition.members.iter().map(record).collect()
    }
}

/// The children that the two expect together; none if those of the household that joins change nothing.
fn expected_together(into: &Household, from: &Household) -> Option<Expected> {
    let theirs = from.composition.expected.as_ref()?;
    let Some(ours) = &into.composition.expected else { return Some(theirs.clone()) };
    Some(Expected {
        due: ours.due.min(theirs.due),
        children: ours.children.saturating_add(theirs.children),
        certified: ours.certified && theirs.certified,
    })
}

/// One application remains: the oldest date of filing, and a number if one of the two has it.
fn join_applications(into: &Household, from: &Household, ctx: &Context<'_>, merged: &mut Merged) {
    let Some((_, theirs)) = from.live_application() else { return };
    match into.live_application() {
        None => {
            let copy = ApplicationId::created_by(ctx.command);
            merged.application = Some(ApplicationCopy::of(theirs, copy));
        }
        Some((_, ours)) => {
            merged.filed_on = (theirs.filed_on < ours.filed_on).then_some(theirs.filed_on);
            let numbered = |number| Numbered { number, valid_until: theirs.valid_until };
            let number = theirs.number.as_ref().filter(|_| ours.number.is_none());
            merged.numbered = number.map(|number| numbered(number.value.carried()));
        }
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
    } else if from.awaits_answer() {
        Some("une personne attend la réponse à une demande sur ses données")
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

/// Requests of a stream that only the joining household has come along, as do those that led to a stay that comes along;
/// of two, the one that is further along remains, under the id of the household's own, with the needs of both and the
/// oldest date.
fn join_requests(
    into: &Household,
    from: &Household,
    at: Timestamp,
    ctx: &Context<'_>,
) -> (Vec<RequestCopy>, Vec<OlderSeniority>) {
    let ours: BTreeMap<_, _> = into
        .requests
        .iter()
        .filter(|(_, r)| r.situation.is_open())
        .map(|(id, r)| (r.list(), (*id, r)))
        .collect();
    let (mut copies, mut older) = (Vec::new(), Vec::new());
    let runs = |stay| from.stays.get(&stay).is_some_and(Stay::is_active);
    let comes = |r: &&Request| r.situation.is_open() || r.situation.fulfilled_by().is_some_and(runs);
    for (n, request) in from.requests.values().filter(comes).enumerate() {
        match ours.get(&request.list()).filter(|_| request.situation.is_open()) {
            None => copies.push(RequestCopy::of(request, RequestId::nth_created_by(ctx.command, n))),
            Some((id, own)) => {
                let seniority = [own.seniority, request.seniority].into_iter().flatten().min();
                let need = own.file.need.joined(&request.file.need, at);
                let further = progress(&request.situation) > progress(&own.situation);
                if further || need != own.file.need {
                    let mut copy = RequestCopy::of(if further { request } else { own }, *id);
                    copy.file.need = need;
                    copy.seniority = seniority.map(Instant);
                    copies.push(copy);
                } else if let Some(seniority) = seniority.filter(|_| seniority != own.seniority) {
                    older.push(OlderSeniority { request: *id, seniority: Instant(seniority) });
                }
            }
        }
    }
    (copies, older)
}

/// How far along an open request is.
fn progress(situation: &RequestSituation) -> u8 {
    match situation {
        RequestSituation::Draft => 0,
        RequestSituation::Stale { qualification: None } | RequestSituation::UnderAssessment { .. } => 1,
        RequestSituation::Submitted => 2,
        RequestSituation::Deferred { .. } => 3,
        RequestSituation::InCommittee { .. } => 4,
        RequestSituation::Stale { qualification: Some(_) } => 5,
        RequestSituation::Qualified(_) => 6,
        RequestSituation::Fulfilled { .. }
        | RequestSituation::Cancelled { .. }
        | RequestSituation::Rejected { .. }
        | RequestSituation::Absorbed => 0,
    }
}
