//! The proposal of a household for a place.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::on_offer;
use crate::calendar::{Instant, day, days_after, end_of_day, hours_after};
use crate::decide::command::Decide;
use crate::decide::registration::{NOTE_MAX, check_note};
use crate::decide::request::request;
use crate::decide::{Context, Draft, household, place};
use crate::household::Household;
use crate::household::referral::{ReferralProposed, ReferralSituation as Situation};
use crate::household::request::Request;
use crate::id::{HouseholdId, PersonId, PlaceId, ReferralId, RequestId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::matching::{LIVE_REFERRALS_MAX, OrderingKey, RULES_VERSION, Rationale, assess_persons};
use crate::personal::Personal;
use crate::place::occupancy::Held;
use crate::reference::DeviationReason;
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
