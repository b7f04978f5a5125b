//! The referral: proposed, answered, expired; each step on both ledgers at once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::{NOTE_MAX, REFUSAL_NOTE_MAX, check_note};
use super::request::{contact_due, request};
use super::{Context, Draft, household, place, words};
use crate::calendar::{Day, Instant, day, days_after, end_of_day, hours_after};
use crate::household::Household;
use crate::household::referral::{
    DeclinedByHousehold, DeclinedByProvider, NoShow, Referral, ReferralAccepted, ReferralExpired,
    ReferralProposed, ReferralSituation as Situation, ReferralViewed, ReferralWithdrawn, RefusalJudged,
};
use crate::household::request::{Request, RequestSituation, RequestStream, RequestWentStale, SeniorityReset};
use crate::id::{HouseholdId, PersonId, PlaceId, ReferralId, RequestId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::matching::{LIVE_REFERRALS_MAX, OrderingKey, RULES_VERSION, Rationale, assess_persons};
use crate::personal::Personal;
use crate::place::occupancy::{Held, Released, Reserved};
use crate::place::{Place, PlaceSituation};
use crate::reference::{DeviationReason, HouseholdRefusalReason, ProviderRefusalReason, WithdrawalReason};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::structure_kind::{AnswerDelay, StructureKind};

/// Proposes a household for a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeReferral {
    /// The request it answers.
    pub request: RequestId,
    /// The place.
    pub place: PlaceId,
    /// Whom it is for, where the household is placed in several units; all who have no place yet if absent.
    #[serde(default)]
    pub persons: Option<BTreeSet<PersonId>>,
    /// Why this household, if it is not the first of the place's list.
    #[serde(default)]
    pub deviation: Option<DeviationReason>,
    /// The orientation note, for the provider.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for ProposeReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let referral = ReferralId::created_by(ctx.command);
        if is.referrals.contains_key(&referral) {
            return Ok(());
        }
        let asked = request(is, self.request)?;
        let at_place = place(ledgers, self.place)?;
        check_note(self.note.as_ref(), NOTE_MAX)?;
        on_offer(at_place, self.place.territory(), ctx)?;
        let description = at_place
            .description_on(ctx.today(self.place.territory()))
            .ok_or_else(|| Refusal::unknown("Place"))?;
        if description.kind.let_by_committee() {
            let sentence =
                "Un logement social s'attribue en commission (CALEOL) : désignez le ménage comme candidat.";
            return Err(Refusal::invalid("committee-required", "CCH L441-2", sentence).into());
        }
        if is.live_referrals().any(|(_, r)| r.place == self.place) {
            let sentence = "Ce ménage est déjà orienté vers cette place.";
            return Err(Refusal::conflict("already-referred", "INV-2", sentence).into());
        }
        if is.live_referrals().count() >= LIVE_REFERRALS_MAX {
            let sentence = format!(
                "Ce ménage a déjà {LIVE_REFERRALS_MAX} orientations en cours : attendez une réponse."
            );
            return Err(Refusal::conflict("referrals-count", "referral", sentence).into());
        }
        let some = self.persons(is, asked)?;
        let everybody;
        let persons = match &some {
            Some(persons) => persons,
            None => {
                everybody = is.composition.members.keys().copied().collect();
                &everybody
            }
        };
        let today = ctx.today(asked.siao);
        if let Some(verdict) = assess_persons(is, asked, some.as_ref(), description, today) {
            let sentence = format!("Place non proposable : {} ({}).", verdict.rule.label_fr(), verdict.fact);
            return Err(Refusal::conflict("not-eligible", verdict.rule.id(), sentence).into());
        }
        let out_of_rank = ctx.standing.as_ref().filter(|standing| standing.rank > 1);
        if let (Some(standing), None) = (out_of_rank, self.deviation) {
            let sentence = format!(
                "Ce ménage est {}e sur {} pour cette place : dites pourquoi vous le proposez avant les autres.",
                standing.rank, standing.of
            );
            return Err(Refusal::invalid("deviation-unexplained", "matching", sentence).into());
        }
        let expires_at = Instant(answer_by(ctx.rules(asked.siao), description.kind, asked.siao, ctx.at));
        let rationale = Rationale {
            rules: RULES_VERSION.to_owned(),
            key: OrderingKey::of(is, self.request, asked, description, today).filling(description, persons),
            standing: ctx.standing.clone(),
            deviation: self.deviation,
        };
        let note = self.note.clone().map(Personal::Known);
        let (request, at) = (self.request, self.place);
        draft.household(
            id,
            ctx.at,
            ReferralProposed { referral, request, place: at, persons: some, expires_at, rationale, note },
        );
        draft.place(self.place, ctx.at, Held { referral, household: id, until: expires_at });
        Ok(())
    }
}

impl ProposeReferral {
    /// Whom the referral is for; none if everybody. None of them lives, or is expected, in another place on a request
    /// of this volet (INV-1).
    fn persons(&self, is: &Household, of: &Request) -> Result<Option<BTreeSet<PersonId>>, Halt> {
        let members: BTreeSet<_> = is.composition.members.keys().copied().collect();
        let placed = is.placed(self.request);
        let persons = match &self.persons {
            Some(named) if named.is_empty() || !named.is_subset(&members) => {
                return Err(Refusal::unknown("Personne").into());
            }
            Some(named) => named.clone(),
            None => members.difference(&placed).copied().collect(),
        };
        if persons.is_empty() || !persons.is_disjoint(&placed) {
            let sentence = "Une de ces personnes a déjà une place sur cette demande.";
            return Err(Refusal::conflict("already-placed", "INV-1", sentence).into());
        }
        let expected = is.live_referrals().any(|(_, other)| {
            matches!(other.situation, Situation::Accepted { .. })
                && is.stream_of(other) == Some(of.file.stream)
                && other.is_for_any_of(&persons)
        });
        if expected {
            let sentence = "Une orientation de ce ménage est déjà acceptée : il est attendu ailleurs.";
            return Err(Refusal::conflict("already-accepted", "INV-1", sentence).into());
        }
        Ok((persons != members).then_some(persons))
    }
}

/// The last instant of an answer to a referral proposed at `at`.
fn answer_by(rules: &Rules, kind: StructureKind, siao: Territory, at: Timestamp) -> Timestamp {
    let in_days = |days: i64| end_of_day(siao, days_after(day(siao, at), days));
    match kind.answer_delay() {
        AnswerDelay::Emergency => hours_after(at, rules.referral_answer_emergency_hours),
        AnswerDelay::Accommodation => in_days(rules.referral_answer_accommodation_days),
        AnswerDelay::Residence => in_days(rules.referral_answer_residence_days),
        AnswerDelay::Intermediation => in_days(rules.referral_answer_intermediation_days),
    }
}

/// The place can be promised now (INV-2). Who holds it is never told.
pub(super) fn on_offer(place: &Place, territory: Territory, ctx: &Context<'_>) -> Result<(), Refusal> {
    let taken = |at: Timestamp| {
        let sentence =
            format!("Cette place a été prise le {}. Choisissez-en une autre.", words(territory, at));
        Refusal::conflict("place-taken", "INV-2", sentence).since(at)
    };
    let no = |sentence: &str| Refusal::conflict("place-not-on-offer", "INV-2", sentence);
    match place.situation(ctx.at, ctx.today(territory)) {
        PlaceSituation::Vacant => Ok(()),
        PlaceSituation::Held => Err(taken(place.hold.as_ref().map_or(ctx.at, |hold| hold.since))),
        PlaceSituation::Occupied => Err(taken(place.current_occupancy().map_or(ctx.at, |o| o.from))),
        PlaceSituation::Offline => Err(no("Cette place est indisponible en ce moment.")),
        PlaceSituation::Undeclared => {
            Err(no("Cette place n'est pas déclarée libre, ou ne l'a pas été confirmée à temps."))
        }
        PlaceSituation::Closed => Err(no("Cette place est fermée.")),
        PlaceSituation::Unknown => Err(Refusal::unknown("Place")),
    }
}

/// The referral, if the household has it.
pub(super) fn referral(is: &Household, id: ReferralId) -> Result<&Referral, Halt> {
    is.referrals.get(&id).ok_or_else(|| Refusal::unknown("Orientation").into())
}

fn closed(situation: &Situation) -> Halt {
    let sentence = format!("Cette orientation est {} : il n'y a plus à y répondre.", situation.word());
    Refusal::conflict("referral-closed", "INV-3", sentence).into()
}

/// The referral, still open and in time (INV-3: by our clock, not the caller's).
fn answerable<'a>(
    is: &'a Household,
    id: ReferralId,
    ctx: &Context<'_>,
    home: Territory,
) -> Result<&'a Referral, Halt> {
    let asked = referral(is, id)?;
    match &asked.situation {
        Situation::Proposed { expires_at, .. } if ctx.at > *expires_at => {
            let sentence = format!("Cette orientation a expiré le {}.", words(home, *expires_at));
            Err(Refusal::conflict("referral-expired", "INV-3", sentence).since(*expires_at).into())
        }
        Situation::Proposed { .. } => Ok(asked),
        Situation::Accepted { .. }
        | Situation::Admitted { .. }
        | Situation::DeclinedByProvider { .. }
        | Situation::DeclinedByHousehold { .. }
        | Situation::Expired
        | Situation::Withdrawn { .. }
        | Situation::NoShow => Err(closed(&asked.situation)),
    }
}

/// The open referrals of a stream, or of all, that lose their object when these persons have a place.
///
/// A night found by the 115 takes nothing from the volet insertion: only its own stream is concerned.
pub(super) fn moot(
    is: &Household,
    persons: &BTreeSet<PersonId>,
    stream: Option<RequestStream>,
) -> BTreeSet<ReferralId> {
    let concerned = |of: &Referral| {
        of.is_for_any_of(persons) && stream.is_none_or(|stream| is.stream_of(of) == Some(stream))
    };
    is.live_referrals().filter(|(_, of)| concerned(of)).map(|(id, _)| id).collect()
}

/// Withdraws the referrals of `which` and frees their places, within the decision that is being taken.
pub(super) fn withdraw(
    id: HouseholdId,
    is: &Household,
    which: &BTreeSet<ReferralId>,
    reason: WithdrawalReason,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    for (referral, open) in is.live_referrals().filter(|(referral, _)| which.contains(referral)) {
        place(ledgers, open.place)?;
        let expected = matches!(open.situation, Situation::Accepted { .. });
        let contact_due = in_touch(is, open, ctx).filter(|_| expected);
        draft.household(id, ctx.at, ReferralWithdrawn { referral, reason, contact_due });
        draft.place(open.place, ctx.at, Released { referral });
    }
    Ok(())
}

/// Records that the provider opened the referral.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewReferral {
    /// The referral.
    pub referral: ReferralId,
}

impl Decide<HouseholdId> for ViewReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        if let Situation::Proposed { viewed: Some(at), .. } = asked.situation {
            let sentence = format!("Déjà ouverte le {}.", words(id.territory(), at));
            return Err(Refusal::conflict("already-viewed", "referral", sentence).since(at).into());
        }
        draft.household(id, ctx.at, ReferralViewed { referral: self.referral });
        Ok(())
    }
}

/// The provider accepts; the other open referrals of the same persons in the same volet are withdrawn and their places
/// freed at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptReferral {
    /// The referral.
    pub referral: ReferralId,
    /// The day of arrival, if agreed.
    #[serde(default)]
    pub arrival: Option<Day>,
}

impl Decide<HouseholdId> for AcceptReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        place(ledgers, asked.place)?;
        if self.arrival.is_some_and(|arrival| arrival.0 < ctx.today(asked.place.territory())) {
            let sentence = "Le jour d'arrivée est passé : donnez un jour à venir.";
            return Err(Refusal::invalid("date-in-past", "referral", sentence).into());
        }
        let accepted = ReferralAccepted {
            referral: self.referral,
            arrival: self.arrival,
            contact_due: in_touch(is, asked, ctx),
        };
        draft.household(id, ctx.at, accepted);
        draft.place(asked.place, ctx.at, Reserved { referral: self.referral });
        let mut others = moot(is, &is.referred(asked), is.stream_of(asked));
        others.remove(&self.referral);
        withdraw(id, is, &others, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)
    }
}

/// Until when the request of a referral waits for the next contact.
fn in_touch(is: &Household, of: &Referral, ctx: &Context<'_>) -> Option<Instant> {
    is.requests.get(&of.request).map(|request| contact_due(ctx, request.siao))
}

/// The provider declines, with a reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: ProviderRefusalReason,
    /// In words, 280 characters at most; asked for with the reason `other`.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for DeclineReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = answerable(is, self.referral, ctx, id.territory())?;
        place(ledgers, asked.place)?;
        explained(self.reason == ProviderRefusalReason::other(), self.note.as_ref())?;
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            ctx.at,
            DeclinedByProvider { referral: self.referral, reason: self.reason, note },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}

/// A reason « other » says which (CASF R345-4: refusals are expressly reasoned).
fn explained(other: bool, note: Option<&String>) -> Result<(), Refusal> {
    check_note(note, REFUSAL_NOTE_MAX)?;
    if other && note.is_none_or(|note| note.trim().is_empty()) {
        let sentence = "Motif « autre » : dites lequel en quelques mots.";
        return Err(Refusal::invalid("reason-unexplained", "INV-9", sentence));
    }
    Ok(())
}

/// The household refuses. Until the SIAO has judged the motive, the rank is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: HouseholdRefusalReason,
    /// In words, 280 characters at most; asked for with the reason `other`.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for RefuseReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        if !matches!(asked.situation, Situation::Accepted { .. }) {
            answerable(is, self.referral, ctx, id.territory())?;
        }
        place(ledgers, asked.place)?;
        explained(self.reason == HouseholdRefusalReason::other(), self.note.as_ref())?;
        let note = self.note.clone().map(Personal::Known);
        draft.household(
            id,
            ctx.at,
            DeclinedByHousehold {
                referral: self.referral,
                reason: self.reason,
                note,
                contact_due: in_touch(is, asked, ctx),
            },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}

/// The SIAO judges the household's motive; not receivable, the request goes stale and loses its seniority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JudgeRefusal {
    /// The referral that was refused.
    pub referral: ReferralId,
    /// Whether it was a good reason.
    pub receivable: bool,
}

impl Decide<HouseholdId> for JudgeRefusal {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        let Situation::DeclinedByHousehold { receivable, .. } = asked.situation else {
            let sentence = format!(
                "Cette orientation est {} : il n'y a pas de refus du ménage à juger.",
                asked.situation.word()
            );
            return Err(Refusal::conflict("no-refusal", "referral", sentence).into());
        };
        if receivable.is_some() {
            let sentence = "Ce refus a déjà été jugé.";
            return Err(Refusal::conflict("already-judged", "referral", sentence).into());
        }
        draft.household(id, ctx.at, RefusalJudged { referral: self.referral, receivable: self.receivable });
        if self.receivable {
            return Ok(());
        }
        for (request, losing) in losing_seniority(is, asked) {
            let own = is.live_referrals().filter(|(_, r)| r.request == request).map(|(id, _)| id).collect();
            withdraw(id, is, &own, WithdrawalReason::request_closed(), ctx, ledgers, draft)?;
            if losing.situation.is_open() && !matches!(losing.situation, RequestSituation::Stale { .. }) {
                draft.household(id, ctx.at, RequestWentStale { request });
            }
            draft.household(id, ctx.at, SeniorityReset { request, referral: self.referral });
        }
        Ok(())
    }
}

/// The requests whose date a refusal that is not receivable costs: the one that was referred, cancelled or not, and
/// any that was opened since under a date from before the referral.
fn losing_seniority<'a>(
    is: &'a Household,
    refused: &Referral,
) -> impl Iterator<Item = (RequestId, &'a Request)> {
    let (which, proposed) = (refused.request, refused.proposed);
    let desk = |request: &Request| (request.file.stream, request.siao);
    let of = is.requests.get(&which).filter(|request| match request.situation {
        RequestSituation::Draft
        | RequestSituation::Submitted
        | RequestSituation::UnderAssessment { .. }
        | RequestSituation::InCommittee { .. }
        | RequestSituation::Deferred { .. }
        | RequestSituation::Qualified(_)
        | RequestSituation::Stale { .. }
        | RequestSituation::Cancelled { .. }
        | RequestSituation::Rejected { .. } => true,
        RequestSituation::Fulfilled { .. } | RequestSituation::Absorbed => false,
    });
    let since = move |request: &Request| {
        of.is_some_and(|of| desk(of) == desk(request))
            && request.situation.is_open()
            && request.seniority.is_some_and(|at| at <= proposed)
    };
    is.requests
        .iter()
        .map(|(id, request)| (*id, request))
        .filter(move |(id, request)| if *id == which { of.is_some() } else { since(request) })
}

/// The SIAO takes a referral back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawReferral {
    /// The referral.
    pub referral: ReferralId,
    /// Why.
    pub reason: WithdrawalReason,
}

impl Decide<HouseholdId> for WithdrawReferral {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        if !asked.situation.holds() {
            return Err(closed(&asked.situation));
        }
        withdraw(id, is, &BTreeSet::from([self.referral]), self.reason, ctx, ledgers, draft)
    }
}

/// Accepted, but nobody came. The rank is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordNoShow {
    /// The referral.
    pub referral: ReferralId,
}

impl Decide<HouseholdId> for RecordNoShow {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let asked = referral(is, self.referral)?;
        if !matches!(asked.situation, Situation::Accepted { .. }) {
            return Err(closed(&asked.situation));
        }
        place(ledgers, asked.place)?;
        draft.household(
            id,
            ctx.at,
            NoShow { referral: self.referral, contact_due: in_touch(is, asked, ctx) },
        );
        draft.place(asked.place, ctx.at, Released { referral: self.referral });
        Ok(())
    }
}

/// The clock: nobody answered in time (INV-3: a referral expires once).
pub(super) fn expire(
    id: HouseholdId,
    which: ReferralId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    let asked = referral(is, which)?;
    if let Situation::Proposed { expires_at, .. } = asked.situation
        && ctx.at > expires_at
    {
        place(ledgers, asked.place)?;
        draft.household(id, expires_at, ReferralExpired { referral: which });
        draft.place(asked.place, expires_at, Released { referral: which });
    }
    Ok(())
}
