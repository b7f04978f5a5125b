//! The lease: it closes the application, the labels, the stay and everything that was still open, in one append.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::stay::Exit;
use super::{Context, Draft, day_words, household, place};
use crate::calendar::{Day, Instant, end_of_day};
use crate::household::Household;
use crate::household::application::{ApplicationClosed, Deregistration};
use crate::household::candidacy::{CandidacyOutcome, LeaseEnded, LeaseSigned};
use crate::household::priority::{LabelEnd, PriorityWithdrawn};
use crate::household::request::RequestCancelled;
use crate::id::{CandidacyId, HouseholdId, LeaseId, PlaceId};
use crate::ledger::{Halt, Ledgers};
use crate::matching::tenancy;
use crate::money::Money;
use crate::place::Place;
use crate::place::committee::CandidateSituation;
use crate::place::occupancy::{Occupied, Title, Vacated};
use crate::reference::{CancellationReason, ExitDestination, ExitReason, WithdrawalReason};
use crate::refusal::Refusal;

/// The lease is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignLease {
    /// The accepted candidacy.
    pub candidacy: CandidacyId,
    /// When it was signed, if not now.
    #[serde(default)]
    pub at: Option<Instant>,
    /// First day of the lease; the day of signature if absent.
    #[serde(default)]
    pub from: Option<Day>,
    /// Monthly rent without charges, in cents.
    pub rent: Money,
    /// Monthly charges, in cents.
    pub charges: Money,
    /// Whether a deposit is to be returned in the résidence sociale that is left.
    #[serde(default)]
    pub deposit_to_return: bool,
}

impl Decide<HouseholdId> for SignLease {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let lease = LeaseId::created_by(ctx.command);
        if is.leases.contains_key(&lease) {
            return Ok(());
        }
        let of = is.candidacies.get(&self.candidacy).ok_or_else(|| Refusal::unknown("Candidature"))?;
        let dwelling = place(ledgers, of.place)?;
        let vacancy = dwelling.open_vacancy().filter(|vacancy| vacancy.id == of.vacancy);
        let candidate = vacancy.and_then(|vacancy| vacancy.allocation.candidates.get(&self.candidacy));
        let (Some(vacancy), Some(candidate)) = (vacancy, candidate) else {
            let sentence = "Ce logement n'est plus proposé.";
            return Err(Refusal::conflict("offer-closed", "INV-2", sentence).into());
        };
        let CandidateSituation::Accepted { at: accepted } = candidate.situation else {
            let sentence = "Le ménage n'a pas accepté ce logement : le bail suppose une acceptation.";
            return Err(Refusal::conflict("offer-not-accepted", "INV-2", sentence).into());
        };
        if candidate.condition_pending().is_some() {
            let sentence = "Une pièce est encore attendue : le bail se signe quand elle est arrivée.";
            return Err(Refusal::conflict("condition-pending", "CCH R441-3 c", sentence).into());
        }
        if self.rent <= Money::ZERO || self.charges < Money::ZERO {
            let sentence = "Le loyer est un montant positif, les charges aussi ou nulles (en centimes).";
            return Err(Refusal::invalid("amount", "lease", sentence).into());
        }
        let territory = of.place.territory();
        let at = ctx.past(territory, self.at)?.max(accepted);
        let from = self.from.unwrap_or_else(|| Day(crate::calendar::day(territory, at)));
        can_be_let(dwelling, is, of.place, ctx)?;
        let signed = LeaseSigned {
            lease,
            candidacy: self.candidacy,
            place: of.place,
            from,
            rent: self.rent,
            charges: self.charges,
            typology: dwelling.inventory.description().map(|description| description.category),
            previous: is
                .requests
                .values()
                .max_by_key(|request| request.need_since)
                .map(|request| request.file.situation),
        };
        draft.household(id, at, signed);
        let members = u8::try_from(is.composition.members.len()).unwrap_or(u8::MAX);
        for (candidacy, other) in &vacancy.allocation.candidates {
            if other.is_live() && *candidacy != self.candidacy {
                let outcome = CandidacyOutcome::DwellingTaken;
                super::allocation::close(
                    of.place, vacancy.id, *candidacy, other, &outcome, at, ledgers, draft,
                )?;
            }
        }
        let title = Title::Lease { lease };
        draft.place(of.place, at, Occupied { title, household: id, persons: members, referral: None });
        self.close_everything_else(id, is, at, ctx, ledgers, draft)
    }
}

/// The dwelling can be used, can house the household (INV-4), and every adult's stay is regular (CCH R441-1).
fn can_be_let(at: &Place, is: &Household, id: PlaceId, ctx: &Context<'_>) -> Result<(), Refusal> {
    let territory = id.territory();
    let today = ctx.today(territory);
    if let Some(spell) = at.offline_on(today) {
        let sentence = format!("Ce logement est indisponible depuis le {}.", day_words(spell.from.0));
        return Err(Refusal::conflict("dwelling-offline", "INV-2", sentence));
    }
    let verdict = at.description_on(today).and_then(|dwelling| tenancy(is, dwelling, today, territory));
    verdict.map_or(Ok(()), |verdict| {
        let sentence = format!("Bail impossible : {} ({}).", verdict.rule.label_fr(), verdict.fact);
        Err(Refusal::conflict("not-eligible", verdict.rule.id(), sentence))
    })
}

impl SignLease {
    /// INV-8: what a household that has a lease no longer needs ends with its signature.
    fn close_everything_else(
        &self,
        id: HouseholdId,
        is: &crate::household::Household,
        at: jiff::Timestamp,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        for (application, _) in is.applications.iter().filter(|(_, application)| application.is_live()) {
            let closed = ApplicationClosed { application: *application, reason: Deregistration::A };
            draft.household(id, at, closed);
        }
        for (label, _) in is.labels.iter().filter(|(_, label)| label.ended.is_none()) {
            draft.household(id, at, PriorityWithdrawn { label: *label, why: LabelEnd::Housed });
        }
        let exit = |at, deposit| Exit {
            at,
            destination: ExitDestination::social_rental(),
            reason: ExitReason::solution_found(),
            deposit,
        };
        for (stay, staying) in is.active_stays() {
            let deposit = self.deposit_to_return && staying.kind.residence_contract();
            exit(at.max(staying.from), deposit).write(id, is, stay, ctx, ledgers, draft)?;
        }
        let live: BTreeSet<_> = is.live_referrals().map(|(referral, _)| referral).collect();
        super::referral::withdraw(id, is, &live, WithdrawalReason::placed_elsewhere(), ctx, ledgers, draft)?;
        for (request, _) in is.requests.iter().filter(|(_, request)| request.situation.is_open()) {
            let reason = CancellationReason::solution_found();
            draft.household(id, ctx.at, RequestCancelled { request: *request, reason });
        }
        let outcome = CandidacyOutcome::HousedElsewhere;
        super::allocation::close_candidacies(id, is, &outcome, Some(self.candidacy), ctx, ledgers, draft)
    }
}

/// The lease ends: the tenant left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndLease {
    /// The lease.
    pub lease: LeaseId,
    /// The last day, if not today.
    #[serde(default)]
    pub on: Option<Day>,
}

impl Decide<HouseholdId> for EndLease {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let lease = is.leases.get(&self.lease).ok_or_else(|| Refusal::unknown("Bail"))?;
        if lease.ended.is_some() {
            let sentence = "Ce bail est déjà terminé.";
            return Err(Refusal::conflict("lease-ended", "lease", sentence).into());
        }
        place(ledgers, lease.place)?;
        let territory = lease.place.territory();
        // A last day is lived to its end; today's only to now.
        let stated = self.on.filter(|on| on.0 != ctx.today(territory));
        let at = ctx.past(territory, stated.map(|on| Instant(end_of_day(territory, on.0))))?;
        if at < lease.from {
            let sentence = "La fin du bail précède sa signature.";
            return Err(Refusal::invalid("dates-reversed", "lease", sentence).into());
        }
        draft.household(id, at, LeaseEnded { lease: self.lease });
        draft.place(lease.place, at, Vacated { title: Title::Lease { lease: self.lease } });
        Ok(())
    }
}
