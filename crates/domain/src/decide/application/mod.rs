//! The social-housing application and the priority labels.

mod label;

pub(super) use label::proposal_due;
pub use label::{GrantPriority, WithdrawPriority};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household, living, words};
use crate::calendar::{Day, Instant, end_of_day, months_after, start_of_day};
use crate::household::Household;
use crate::household::application::{
    Application, ApplicationClosed, ApplicationExpired, ApplicationNumbered, ApplicationRegistered,
    ApplicationRenewed, ApplicationSituation, ApplicationWarned, ApplicationWarningLifted, Deregistration,
    UniqueRegistrationNumber,
};
use crate::household::candidacy::{Candidacy, CandidacyOutcome};
use crate::id::{ApplicationId, HouseholdId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::place::committee::CommitteeDecision;
use crate::reference::CommuneCode;
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
        let is = living(ledgers, id)?;
        let application = ApplicationId::created_by(ctx.command);
        if is.applications.contains_key(&application) || is.former_applications.contains(&application) {
            return Ok(());
        }
        if is.live_application().is_some() {
            let sentence = "Ce ménage a déjà une demande de logement social en cours : une seule suffit pour tous les bailleurs.";
            return Err(Refusal::conflict("application-exists", "CCH L441-2-1", sentence).into());
        }
        check_communes(&self.communes)?;
        let territory = id.territory();
        let filed_on = self.filed_on.unwrap_or_else(|| Day(ctx.today(territory)));
        let stated = Instant(start_of_day(territory, filed_on.0));
        // An application that is renewed year after year may be older than anything that is recorded late.
        let at = match self.renewed_on {
            Some(_) => ctx.happened(stated)?,
            None => ctx.past(territory, Some(stated))?,
        };
        if let Some(number) = self.number {
            check_number(number, filed_on)?;
        }
        if self.renewed_on.is_some_and(|renewed| renewed.0 > ctx.today(territory)) {
            let sentence = "La date du dernier renouvellement est dans le futur.";
            return Err(Refusal::invalid("date-in-future", "CCH R441-2-7", sentence).into());
        }
        let renewed = self.renewed_on.filter(|renewed| *renewed > filed_on).unwrap_or(filed_on);
        let valid_until = valid_until(renewed, ctx, id);
        let registered = ApplicationRegistered {
            application,
            number: self.number.map(Personal::Known),
            filed_on,
            valid_until,
            communes: self.communes.clone(),
            counter: Some(ctx.organisation),
        };
        draft.household(id, at, registered);
        if valid_until.0 < ctx.today(territory) {
            // Taken over from an earlier file in which it is no longer valid: it left the register that day.
            let over = end_of_day(territory, valid_until.0);
            draft.household(id, over, ApplicationExpired { application });
        }
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

pub(super) fn check_number(number: UniqueRegistrationNumber, filed_on: Day) -> Result<(), Refusal> {
    if number.agrees_with(filed_on.0) {
        return Ok(());
    }
    let (month, year) = number.filed();
    let sentence =
        format!("Le numéro unique dit un dépôt en {month:02}/{year:02}, la date de dépôt un autre mois.");
    Err(Refusal::invalid("number-month", "numéro unique", sentence))
}

pub(super) fn valid_until(renewed: Day, ctx: &Context<'_>, id: HouseholdId) -> Day {
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
            ApplicationNumbered { application: self.application, number: Personal::Known(self.number) },
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
        let application = live(is, self.application)?;
        match self.ground {
            Deregistration::C => {}
            Deregistration::D => inadmissible(is, application)?,
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

/// Ground d supposes that a committee declared this application inadmissible (its decision e).
fn inadmissible(is: &Household, application: &Application) -> Result<(), Refusal> {
    let declared = |candidacy: &Candidacy| {
        candidacy.known_number().is_some()
            && candidacy.known_number() == application.known_number()
            && matches!(candidacy.decision, Some(CommitteeDecision::Inadmissible { .. }))
    };
    if is.candidacies.values().any(declared) {
        return Ok(());
    }
    let sentence =
        "Aucune commission d'attribution n'a déclaré cette demande irrecevable : la radiation d la suppose.";
    Err(Refusal::conflict("not-inadmissible", "CCH R441-2-8", sentence))
}

/// Lifts the warning: the applicant answered, or what made the application inadmissible is mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftWarning {
    /// The application.
    pub application: ApplicationId,
}

impl Decide<HouseholdId> for LiftWarning {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let application = live(is, self.application)?;
        in_time(application, id, ctx)?;
        let ApplicationSituation::Warned { ground, .. } = application.situation else {
            let sentence = "Aucun avertissement n'est en cours pour cette demande.";
            return Err(Refusal::conflict("not-warned", "CCH R441-2-8", sentence).into());
        };
        draft.household(id, ctx.at, ApplicationWarningLifted { application: self.application, ground });
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
        off_the_register(id, is, ctx, ledgers, draft)
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
        return off_the_register(id, is, ctx, ledgers, draft);
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
        return off_the_register(id, is, ctx, ledgers, draft);
    }
    Ok(())
}

/// Who left the register is no candidate any more (INV-5).
fn off_the_register(
    id: HouseholdId,
    is: &Household,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    let outcome = CandidacyOutcome::Deregistered;
    super::allocation::close_candidacies(id, is, &outcome, None, ctx, ledgers, draft)
}
