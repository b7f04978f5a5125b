//! Moving in: on a referral, in an emergency, or taken over from an earlier file.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admission::Entry;
use super::exit::checked_exit;
use crate::calendar::{Day, Instant, day};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, household, place, referral, words};
use crate::household::referral::ReferralSituation;
use crate::household::request::{RequestFulfilled, RequestStream};
use crate::household::stay::{Admission, StayEnded};
use crate::id::{HouseholdId, PersonId, PlaceId, ReferralId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::place::Place;
use crate::place::occupancy::{Title, Vacated};
use crate::reference::{ExitDestination, ExitReason, WithdrawalReason};
use crate::refusal::Refusal;
use crate::structure_kind::AnswerDelay;

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
    /// Whether a deposit is to be returned there.
    #[serde(default)]
    pub deposit_to_return: bool,
}

/// The household moves in on an accepted referral. Its request is fulfilled when all its members have a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartStay {
    /// The accepted referral.
    pub referral: ReferralId,
    /// When they moved in, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// Who stays; everybody whom the referral is for if absent.
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
        let stay = StayId::created_by(ctx.command);
        if is.knows_stay(stay) {
            return Ok(());
        }
        let asked = referral::referral(is, self.referral)?;
        let ReferralSituation::Accepted { .. } = asked.situation else {
            let sentence = format!(
                "Cette orientation est {} : l'admission suppose une acceptation.",
                asked.situation.word()
            );
            return Err(Refusal::conflict("referral-not-accepted", "CASF R345-4", sentence).into());
        };
        let referred = is.referred(asked);
        let persons = self.persons.as_ref().unwrap_or(&referred);
        if let Some(named) = &asked.persons
            && !persons.is_subset(named)
        {
            let sentence = "L'orientation ne concerne pas toutes ces personnes.";
            return Err(Refusal::invalid("not-referred", "CASF R345-4", sentence).into());
        }
        let entry = Entry {
            stay,
            place: asked.place,
            at: ctx.past(asked.place.territory(), self.at)?,
            persons: Some(persons),
            planned_end: self.planned_end,
            admission: Admission::Referral { referral: self.referral },
            leaving: self.leaving.as_ref(),
        };
        if entry.at < asked.proposed {
            let sentence = "L'arrivée précède l'orientation : corrigez la date.";
            return Err(Refusal::invalid("date-before-referral", "stay", sentence).into());
        }
        entry.decide(id, is, ctx, ledgers, draft)?;
        let placed: BTreeSet<_> = is.placed(asked.request).union(persons).copied().collect();
        let all = is.composition.members.keys().all(|person| placed.contains(person));
        if all && is.requests.get(&asked.request).is_some_and(|request| request.situation.is_open()) {
            draft.household(id, ctx.at, RequestFulfilled { request: asked.request, stay });
        }
        let stream = is.stream_of(asked).filter(|stream| *stream == RequestStream::Emergency115);
        let mut others = referral::moot(is, persons, stream);
        others.remove(&self.referral);
        referral::withdraw(id, is, &others, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)
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
        let stay = StayId::created_by(ctx.command);
        if is.knows_stay(stay) {
            return Ok(());
        }
        free_of_referrals(place(ledgers, self.place)?, self.place)?;
        let entry = Entry {
            stay,
            place: self.place,
            at: ctx.past(self.place.territory(), self.at)?,
            persons: self.persons.as_ref(),
            planned_end: self.planned_end,
            admission: Admission::Direct,
            leaving: self.leaving.as_ref(),
        };
        entry.decide(id, is, ctx, ledgers, draft)?;
        let kind = place(ledgers, self.place)?.description().map(|description| description.kind);
        let night = kind.is_some_and(|kind| kind.answer_delay() == AnswerDelay::Emergency);
        let others = referral::moot(is, &entry.who(is), night.then_some(RequestStream::Emergency115));
        referral::withdraw(id, is, &others, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)
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
    /// Who stayed; everybody who was born before it ended if absent.
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
        let stay = StayId::created_by(ctx.command);
        if is.knows_stay(stay) {
            return Ok(());
        }
        if self.ended.is_none() {
            free_of_referrals(place(ledgers, self.place)?, self.place)?;
        }
        let until = match &self.ended {
            Some(ended) => Some(ctx.happened(ended.at)?),
            None => None,
        };
        let from = ctx.happened(self.from)?;
        if until.is_some_and(|until| until <= from) {
            let sentence = "La sortie précède l'entrée : corrigez l'une des deux dates.";
            return Err(Refusal::invalid("dates-reversed", "stay", sentence).into());
        }
        let born = is.composition.born_by(day(self.place.territory(), until.unwrap_or(ctx.at)));
        let entry = Entry {
            stay,
            place: self.place,
            at: from,
            persons: Some(self.persons.as_ref().unwrap_or(&born)),
            planned_end: self.planned_end,
            admission: Admission::TakenOver,
            leaving: None,
        };
        let description = entry.check(is, until, ctx, ledgers)?;
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
