//! The social-housing application and the priority labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household, words};
use crate::calendar::{Day, Instant, days_after, end_of_day, months_after, start_of_day};
use crate::household::Household;
use crate::household::application::{
    Application, ApplicationClosed, ApplicationExpired, ApplicationNumbered, ApplicationRegistered,
    ApplicationRenewed, ApplicationSituation, ApplicationWarned, Deregistration, UniqueRegistrationNumber,
};
use crate::household::candidacy::CandidacyOutcome;
use crate::household::priority::{LabelEnd, LabelSource, PriorityGranted, PriorityWithdrawn};
use crate::id::{ApplicationId, HouseholdId, LabelId};
use crate::ledger::{Halt, Ledgers};
use crate::reference::{CommuneCode, PriorityGround};
use crate::refusal::Refusal;

/// Most communes one application can name.
const COMMUNES_MAX: usize = 30;

/// Registers a social-housing application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterApplication {
    /// The day of filing; today if absent.
    #[serde(default)]
    pub filed_on: Option<Day>,
    /// The numéro unique, if it is known.
    #[serde(default)]
    pub number: Option<UniqueRegistrationNumber>,
    /// The last renewal, for an application taken over from an earlier file.
    #[serde(default)]
    pub renewed_on: Option<Day>,
    /// Wished communes.
    #[serde(default)]
    pub communes: Vec<CommuneCode>,
}

impl Decide<HouseholdId> for RegisterApplication {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        if is.live_application().is_some() {
            let sentence = "Ce ménage a déjà une demande de logement social en cours : une seule suffit pour tous les bailleurs.";
            return Err(Refusal::conflict("application-exists", "CCH L441-2-1", sentence).into());
        }
        check_communes(&self.communes)?;
        let territory = id.territory();
        let filed_on = self.filed_on.unwrap_or_else(|| Day(ctx.today(territory)));
        let at = ctx.past(territory, Some(Instant(start_of_day(territory, filed_on.0))))?;
        if let Some(number) = self.number {
            check_number(number, filed_on)?;
        }
        if self.renewed_on.is_some_and(|renewed| renewed.0 > ctx.today(territory)) {
            let sentence = "La date du dernier renouvellement est dans le futur.";
            return Err(Refusal::invalid("date-in-future", "CCH R441-2-7", sentence).into());
        }
        let renewed = self.renewed_on.filter(|renewed| *renewed > filed_on).unwrap_or(filed_on);
        let valid_until = valid_until(renewed, ctx, id);
        if valid_until.0 < ctx.today(territory) {
            let sentence = "Cette demande n'est plus valable : donnez la date du dernier renouvellement, ou enregistrez-en une nouvelle.";
            return Err(Refusal::invalid("application-expired", "CCH R441-2-7", sentence).into());
        }
        let registered = ApplicationRegistered {
            application: ApplicationId::created_by(ctx.command),
            number: self.number,
            filed_on,
            valid_until,
            communes: self.communes.clone(),
        };
        draft.household(id, at, registered);
        Ok(())
    }
}

fn check_communes(communes: &[CommuneCode]) -> Result<(), Refusal> {
    if communes.len() > COMMUNES_MAX {
        let sentence = format!("Au plus {COMMUNES_MAX} communes souhaitées.");
        return Err(Refusal::invalid("communes-count", "application", sentence));
    }
    Ok(())
}

fn check_number(number: UniqueRegistrationNumber, filed_on: Day) -> Result<(), Refusal> {
    if number.agrees_with(filed_on.0) {
        return Ok(());
    }
    let (month, year) = number.filed();
    let sentence =
        format!("Le numéro unique dit un dépôt en {month:02}/{year:02}, la date de dépôt un autre mois.");
    Err(Refusal::invalid("number-month", "numéro unique", sentence))
}

fn valid_until(renewed: Day, ctx: &Context<'_>, id: HouseholdId) -> Day {
    Day(months_after(renewed.0, 12 * ctx.rules(id.territory()).application_validity_years))
}

fn live(is: &Household, id: ApplicationId) -> Result<&Application, Halt> {
    let application =
        is.applications.get(&id).ok_or_else(|| Refusal::unknown("Demande de logement social"))?;
    if application.is_live() {
        return Ok(application);
    }
    let sentence = "Cette demande de logement social est radiée.";
    Err(Refusal::conflict("application-closed", "CCH R441-2-8", sentence).into())
}

/// Notes the numéro unique that the register gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberApplication {
    /// The application.
    pub application: ApplicationId,
    /// Its number.
    pub number: UniqueRegistrationNumber,
}

impl Decide<HouseholdId> for NumberApplication {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let application = live(is, self.application)?;
        if application.number.is_some() {
            let sentence = "Cette demande a déjà son numéro unique : il ne change pas.";
            return Err(Refusal::conflict("number-known", "CCH R441-2-7", sentence).into());
        }
        check_number(self.number, application.filed_on)?;
        draft.household(
            id,
            ctx.at,
            ApplicationNumbered { application: self.application, number: self.number },
        );
        Ok(())
    }
}

/// Renews the application: number and date of filing stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewApplication {
    /// The application.
    pub application: ApplicationId,
    /// Wished communes, if they changed.
    #[serde(default)]
    pub communes: Option<Vec<CommuneCode>>,
}

impl Decide<HouseholdId> for RenewApplication {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        in_time(live(is, self.application)?, id, ctx)?;
        check_communes(self.communes.as_deref().unwrap_or_default())?;
        let renewed = ApplicationRenewed {
            application: self.application,
            valid_until: valid_until(Day(ctx.today(id.territory())), ctx, id),
            communes: self.communes.clone(),
        };
        draft.household(id, ctx.at, renewed);
        Ok(())
    }
}

/// The register struck the application off when its time was over, whether or not the clock has written it down yet.
fn in_time(application: &Application, id: HouseholdId, ctx: &Context<'_>) -> Result<(), Refusal> {
    let territory = id.territory();
    let over = match application.situation {
        ApplicationSituation::Warned { strikes_at, .. } if ctx.at > strikes_at => Some(strikes_at),
        ApplicationSituation::Warned { .. }
        | ApplicationSituation::Registered
        | ApplicationSituation::Deregistered { .. } => (ctx.today(territory) > application.valid_until.0)
            .then(|| end_of_day(territory, application.valid_until.0)),
    };
    let Some(over) = over else { return Ok(()) };
    let sentence = format!(
        "Cette demande de logement social est radiée depuis le {} : enregistrez-en une nouvelle.",
        words(territory, over)
    );
    Err(Refusal::conflict("application-closed", "CCH R441-2-8", sentence).since(over))
}

/// Warns that the application will be struck off in one month, for ground c or d.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarnApplication {
    /// The application.
    pub application: ApplicationId,
    /// c (no answer) or d (inadmissible).
    pub ground: Deregistration,
}

impl Decide<HouseholdId> for WarnApplication {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        live(is, self.application)?;
        match self.ground {
            Deregistration::C | Deregistration::D => {}
            Deregistration::A
            | Deregistration::B
            | Deregistration::E
            | Deregistration::F
            | Deregistration::Deceased => {
                let sentence =
                    "L'avertissement ne concerne que les radiations c (sans réponse) et d (irrecevable).";
                return Err(Refusal::invalid("warning-ground", "CCH R441-2-8", sentence).into());
            }
        }
        let months = ctx.rules(id.territory()).deregistration_warning_months;
        let strikes_at = Instant(end_of_day(id.territory(), months_after(ctx.today(id.territory()), months)));
        let (application, ground) = (self.application, self.ground);
        draft.household(id, ctx.at, ApplicationWarned { application, ground, strikes_at });
        Ok(())
    }
}

/// Strikes the application off. A signed lease does it by itself (ground a), so does the clock (c, d, e).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseApplication {
    /// The application.
    pub application: ApplicationId,
    /// b (written renunciation) or f (numbers merged).
    pub reason: Deregistration,
}

impl Decide<HouseholdId> for CloseApplication {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        live(is, self.application)?;
        match self.reason {
            Deregistration::B | Deregistration::F => {}
            Deregistration::A => {
                let sentence =
                    "La radiation pour attribution suppose un bail signé : signez le bail, elle suivra.";
                return Err(Refusal::invalid("lease-required", "INV-8", sentence).into());
            }
            Deregistration::C | Deregistration::D | Deregistration::E | Deregistration::Deceased => {
                let sentence =
                    "Cette radiation suit un avertissement ou une échéance : elle se fait d'elle-même.";
                return Err(Refusal::invalid("closed-by-clock", "CCH R441-2-8", sentence).into());
            }
        }
        draft.household(id, ctx.at, ApplicationClosed { application: self.application, reason: self.reason });
        super::allocation::close_candidacies(
            id,
            is,
            &CandidacyOutcome::Deregistered,
            None,
            ctx,
            ledgers,
            draft,
        )
    }
}

/// Records a priority label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantPriority {
    /// The ground.
    pub ground: PriorityGround,
    /// Who granted it.
    pub source: LabelSource,
    /// The day of the decision; today if absent.
    #[serde(default)]
    pub decided_on: Option<Day>,
}

impl Decide<HouseholdId> for GrantPriority {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let territory = id.territory();
        if is.labels.values().any(|label| label.ended.is_none() && label.ground == self.ground) {
            let sentence = "Ce ménage a déjà ce label.";
            return Err(Refusal::conflict("label-exists", "CCH L441-1", sentence).into());
        }
        let (dalo, daho) = (PriorityGround::dalo(), PriorityGround::daho());
        let by_board = self.ground == dalo || self.ground == daho;
        if by_board != (self.source == LabelSource::MediationBoard) {
            let sentence = "DALO et DAHO sont reconnus par la commission de médiation, et par elle seule.";
            return Err(Refusal::invalid("label-source", "CCH L441-2-3", sentence).into());
        }
        let decided_on = self.decided_on.unwrap_or_else(|| Day(ctx.today(territory)));
        let at = ctx.past(territory, Some(Instant(start_of_day(territory, decided_on.0))))?;
        let rules = ctx.rules(territory);
        let proposal_due = if self.ground == dalo {
            Some(Day(months_after(decided_on.0, rules.dalo_proposal_months)))
        } else if self.ground == daho {
            Some(Day(days_after(decided_on.0, 7 * rules.daho_proposal_weeks)))
        } else {
            None
        };
        let granted = PriorityGranted {
            label: LabelId::created_by(ctx.command),
            ground: self.ground,
            source: self.source,
            decided_on,
            proposal_due,
        };
        draft.household(id, at, granted);
        Ok(())
    }
}

/// Withdraws a priority label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawPriority {
    /// The label.
    pub label: LabelId,
    /// Why.
    pub why: LabelEnd,
}

impl Decide<HouseholdId> for WithdrawPriority {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let label = is.labels.get(&self.label).ok_or_else(|| Refusal::unknown("Label"))?;
        if label.ended.is_some() {
            let sentence = "Ce label est déjà terminé.";
            return Err(Refusal::conflict("label-ended", "CCH L441-1", sentence).into());
        }
        if self.why == LabelEnd::Housed {
            let sentence = "Le relogement se constate par un bail : signez le bail, le label se terminera.";
            return Err(Refusal::invalid("lease-required", "INV-8", sentence).into());
        }
        draft.household(id, ctx.at, PriorityWithdrawn { label: self.label, why: self.why });
        Ok(())
    }
}

/// The clock: not renewed in time (ground e).
pub(super) fn expire(
    id: HouseholdId,
    which: ApplicationId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if let Some(application) = is.applications.get(&which)
        && application.is_live()
        && ctx.today(id.territory()) > application.valid_until.0
    {
        let at = end_of_day(id.territory(), application.valid_until.0);
        draft.household(id, at, ApplicationExpired { application: which });
        super::allocation::close_candidacies(
            id,
            is,
            &CandidacyOutcome::Deregistered,
            None,
            ctx,
            ledgers,
            draft,
        )?;
    }
    Ok(())
}

/// The clock: warned one month ago without an answer (grounds c and d).
pub(super) fn strike_off(
    id: HouseholdId,
    which: ApplicationId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let is = household(ledgers, id)?;
    if let Some(application) = is.applications.get(&which)
        && let ApplicationSituation::Warned { ground, strikes_at } = application.situation
        && ctx.at > strikes_at
    {
        draft.household(id, strikes_at, ApplicationClosed { application: which, reason: ground });
        super::allocation::close_candidacies(
            id,
            is,
            &CandidacyOutcome::Deregistered,
            None,
            ctx,
            ledgers,
            draft,
        )?;
    }
    Ok(())
}
