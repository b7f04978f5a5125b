//! The contract of a résidence sociale ends: the resident's notice, the manager's termination.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::running;
use crate::calendar::{Day, Instant, day, days_after, months_after};
use crate::decide::command::Decide;
use crate::decide::{Context, Draft, day_words, household, place, words};
use crate::household::Household;
use crate::household::stay::{
    NoticeGiven, NoticeMotive, NoticeWithdrawn, Stay, StaySituation, TerminationGround, TerminationNotified,
};
use crate::id::{HouseholdId, StayId};
use crate::ledger::{Halt, Ledgers};
use crate::money::Money;
use crate::personal::Personal;
use crate::place::occupancy::{DepartureAnnounced, DepartureWithdrawn, Title};
use crate::refusal::Refusal;

/// The resident of a résidence sociale gives notice: one month, or eight days when leaving for housing or a job.
///
/// A notice that ends sooner takes the place of the one that runs, whoever gave that.
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
        ends_sooner(staying, ends_on)?;
        place(ledgers, staying.place)?;
        draft.household(
            id,
            at,
            NoticeGiven { stay: self.stay, motive: Personal::Known(self.motive), ends_on },
        );
        announce(staying, self.stay, ends_on, at, draft);
        Ok(())
    }
}

/// A running stay under the contract of a logement-foyer.
fn residence(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    let staying = running(is, id)?;
    if !staying.kind.residence_contract() {
        let sentence = "Le préavis concerne les résidences sociales : mettez fin à la prise en charge.";
        return Err(Refusal::invalid("not-a-residence", "CCH L633-1", sentence).into());
    }
    Ok(staying)
}

/// A shorter notice of the resident takes the place of a longer one; no other does.
fn ends_sooner(staying: &Stay, ends_on: Day) -> Result<(), Refusal> {
    match staying.situation {
        StaySituation::Leaving { ends_on: running } if ends_on < running => Ok(()),
        StaySituation::Leaving { .. }
        | StaySituation::Present
        | StaySituation::Absent { .. }
        | StaySituation::Ended { .. } => without_notice(staying),
    }
}

/// A notice runs to its day: an absence does not take its place.
pub(super) fn without_notice(staying: &Stay) -> Result<(), Refusal> {
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
        without_notice(staying)?;
        let territory = staying.place.territory();
        let (rules, today) = (ctx.rules(territory), ctx.today(territory));
        let ends_on = match &self.ground {
            TerminationGround::ConditionsLost { relocation_proposed_on } => {
                // « Trois mois francs »: neither the day of the letter nor the one on which the months run out counts
                // in them, so the contract ends the day after. The month after the proposal of relocation runs beside
                // them: both must be over.
                let clear_months = days_after(months_after(today, rules.residence_conditions_lost_months), 1);
                let after_proposal = months_after(relocation_proposed_on.0, 1);
                if relocation_proposed_on.0 > today {
                    let sentence = "La proposition de relogement doit précéder la résiliation.";
                    return Err(Refusal::invalid("relocation-missing", "CCH L633-2", sentence).into());
                }
                clear_months.max(after_proposal)
            }
            TerminationGround::Unpaid { months, debt, monthly } => {
                if *monthly <= Money::ZERO || *debt < Money::ZERO {
                    let sentence =
                        "La redevance est un montant positif, la dette aussi ou nulle (en centimes).";
                    return Err(Refusal::invalid("amount", "CCH R633-3", sentence).into());
                }
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
        let notified = TerminationNotified { stay: self.stay, ground: (&self.ground).into(), ends_on };
        draft.household(id, ctx.at, notified);
        announce(staying, self.stay, ends_on, ctx.at, draft);
        Ok(())
    }
}

/// The notice that runs is taken back: the resident's, or else the manager's. The manager's stands again when the
/// resident takes back one that had taken its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawNotice {
    /// The stay.
    pub stay: StayId,
}

impl Decide<HouseholdId> for WithdrawNotice {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let staying = running(is, self.stay)?;
        let StaySituation::Leaving { ends_on } = staying.situation else {
            let sentence = "Aucun préavis ne court.";
            return Err(Refusal::conflict("no-notice", "stay", sentence).into());
        };
        place(ledgers, staying.place)?;
        let stands = staying.termination.filter(|termination| ends_on < *termination);
        draft.household(id, ctx.at, NoticeWithdrawn { stay: self.stay, stands });
        match stands {
            Some(ends_on) => announce(staying, self.stay, ends_on, ctx.at, draft),
            None => {
                let title = Title::Stay { stay: self.stay };
                draft.place(staying.place, ctx.at, DepartureWithdrawn { title });
            }
        }
        Ok(())
    }
}
