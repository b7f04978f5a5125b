//! Requests of persons on their data: recorded wherever they arrive, answered within a month or in time extended.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::registration::check_note;
use super::{Context, Draft, day_words, household};
use crate::calendar::{Day, Instant, end_of_day, start_of_day};
use crate::household::Household;
use crate::household::consent::ConsentChannel;
use crate::household::person_request::{
    EXTENSION_MONTHS_MAX, PersonRequest, PersonRequestAnswered, PersonRequestExtended, PersonRequestKind,
    PersonRequestOutcome, PersonRequestOverdue, PersonRequestRecorded, PersonRequestSituation, answer_due,
    extended_due,
};
use crate::id::{HouseholdId, PersonId, PersonRequestId};
use crate::ledger::{Halt, Ledgers};
use crate::personal::Personal;
use crate::reference::{PersonRequestExtensionReason, PersonRequestRefusalGround};
use crate::refusal::Refusal;

/// The rule that all of this follows.
const RULE: &str = "RGPD art. 12";
/// Longest note, in characters.
const NOTE_MAX: usize = 2_000;

/// Records that a person exercises a right. It may have been received days ago: its month runs from that day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPersonRequest {
    /// Who: of the household, or formerly of it.
    pub person: PersonId,
    /// Which right.
    pub kind: PersonRequestKind,
    /// The day it was received, if not today.
    #[serde(default)]
    pub received_on: Option<Day>,
    /// How it came.
    pub channel: ConsentChannel,
    /// What is asked, in words; sealed.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for RecordPersonRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let person_request = PersonRequestId::created_by(ctx.command);
        if is.person_requests.contains_key(&person_request) {
            return Ok(());
        }
        let gone = || is.gone.iter().any(|gone| gone.person == self.person);
        if !is.composition.members.contains_key(&self.person) && !gone() {
            return Err(Refusal::unknown("Personne").into());
        }
        let open = |one: &&PersonRequest| one.person == self.person && one.kind == self.kind && one.is_open();
        if let Some(open) = is.person_requests.values().find(open) {
            let sentence = format!(
                "Une demande de même nature de cette personne attend déjà sa réponse, au plus tard le {} : répondez-y d'abord.",
                day_words(open.due.0)
            );
            return Err(Refusal::conflict("person-request-open", RULE, sentence).into());
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let stated = self.received_on.map(|on| Instant(start_of_day(id.territory(), on.0)));
        let at = ctx.past(id.territory(), stated)?;
        let received_on = self.received_on.unwrap_or_else(|| Day(ctx.today(id.territory())));
        let recorded = PersonRequestRecorded {
            person_request,
            person: self.person,
            right: self.kind,
            received_on,
            channel: self.channel,
            due: answer_due(received_on),
            note: self.note.clone().map(Personal::Known),
        };
        draft.household(id, at, recorded);
        Ok(())
    }
}

/// Extends the time for an answer, once: the person was told so, with the reason, within the first month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendPersonRequest {
    /// The request.
    pub person_request: PersonRequestId,
    /// By how many further months: 1 or 2.
    pub months: u8,
    /// Why.
    pub reason: PersonRequestExtensionReason,
    /// The day the person was told, if not today.
    #[serde(default)]
    pub told_on: Option<Day>,
    /// How they were told.
    pub channel: ConsentChannel,
    /// What they were told, in words; sealed.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for ExtendPersonRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let request = waiting(is, self.person_request)?;
        if request.extended {
            let sentence = "Le délai de cette demande a déjà été prolongé : il ne l'est qu'une fois.";
            return Err(Refusal::conflict("already-extended", RULE, sentence).into());
        }
        if !(1..=EXTENSION_MONTHS_MAX).contains(&self.months) {
            let sentence =
                format!("Le délai se prolonge d'un mois ou de {EXTENSION_MONTHS_MAX}, pas davantage.");
            return Err(Refusal::invalid("extension-months", RULE, sentence).into());
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let (told_on, at) = told(self.told_on, request, id, ctx)?;
        if told_on > request.due.0 {
            let sentence = format!(
                "La personne devait être prévenue de la prolongation au plus tard le {} : répondez-lui sans attendre.",
                day_words(request.due.0)
            );
            return Err(Refusal::conflict("extension-told-late", RULE, sentence).into());
        }
        let extended = PersonRequestExtended {
            person_request: self.person_request,
            reason: self.reason,
            told_on: Day(told_on),
            channel: self.channel,
            due: extended_due(request.received_on, self.months),
            note: self.note.clone().map(Personal::Known),
        };
        draft.household(id, at, extended);
        Ok(())
    }
}

/// Answers a request, with the grounds for what is not granted. An opposition is granted once it is recorded (`object`,
/// `withdraw-consent`), so that nobody is told of a stop that has not happened; what else a granted request asks for
/// (`correct-identity`, `propose-erasure`…) is a task of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerPersonRequest {
    /// The request.
    pub person_request: PersonRequestId,
    /// What is answered.
    pub outcome: PersonRequestOutcome,
    /// Why not, or not all: at least one unless all is granted.
    #[serde(default)]
    pub grounds: Vec<PersonRequestRefusalGround>,
    /// The day the person was told, if not today.
    #[serde(default)]
    pub answered_on: Option<Day>,
    /// How they were told.
    pub channel: ConsentChannel,
    /// What they were told, in words; sealed.
    #[serde(default)]
    pub note: Option<String>,
}

impl Decide<HouseholdId> for AnswerPersonRequest {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let request = waiting(is, self.person_request)?;
        let granted = self.outcome == PersonRequestOutcome::Granted;
        if granted != self.grounds.is_empty() {
            let sentence = if granted {
                "Tout est accordé : n'indiquez pas de motif de refus."
            } else {
                "Indiquez au moins un motif : la personne doit savoir pourquoi, et qu'elle peut saisir la CNIL."
            };
            return Err(Refusal::invalid("grounds-of-refusal", RULE, sentence).into());
        }
        check_note(self.note.as_ref(), NOTE_MAX)?;
        let (answered_on, at) = told(self.answered_on, request, id, ctx)?;
        if granted && request.kind == PersonRequestKind::Opposition && !has_objected(is, request, id) {
            let sentence = "Enregistrez d'abord l'opposition elle-même, ou le retrait du consentement : la réponse dit qu'elle est suivie d'effet.";
            return Err(Refusal::conflict("opposition-not-recorded", "RGPD art. 21", sentence).into());
        }
        let answered = PersonRequestAnswered {
            person_request: self.person_request,
            outcome: self.outcome,
            grounds: self.grounds.clone(),
            answered_on: Day(answered_on),
            channel: self.channel,
            note: self.note.clone().map(Personal::Known),
        };
        draft.household(id, at, answered);
        Ok(())
    }
}

/// The request, which waits for an answer.
fn waiting(is: &Household, id: PersonRequestId) -> Result<&PersonRequest, Refusal> {
    let request = is.person_requests.get(&id).ok_or_else(|| Refusal::unknown("Demande de la personne"))?;
    if request.is_open() {
        return Ok(request);
    }
    let sentence = "Cette demande a déjà reçu sa réponse.";
    Err(Refusal::conflict("person-request-answered", RULE, sentence))
}

/// The day the person was told something, and the instant it is true from: today and now if none is stated.
fn told(
    stated: Option<Day>,
    request: &PersonRequest,
    id: HouseholdId,
    ctx: &Context<'_>,
) -> Result<(Date, jiff::Timestamp), Refusal> {
    let instant = stated.map(|on| Instant(start_of_day(id.territory(), on.0)));
    let at = ctx.past(id.territory(), instant)?;
    let on = stated.map_or_else(|| ctx.today(id.territory()), |on| on.0);
    if on < request.received_on.0 {
        let sentence = format!(
            "Cette demande n'a été reçue que le {} : vérifiez la date.",
            day_words(request.received_on.0)
        );
        return Err(Refusal::invalid("before-reception", RULE, sentence));
    }
    Ok((on, at))
}

/// Whether the person has said no to something since they asked.
fn has_objected(is: &Household, request: &PersonRequest, id: HouseholdId) -> bool {
    let since = start_of_day(id.territory(), request.received_on.0);
    let objects = |consent: &crate::household::consent::Consent| {
        consent.person == request.person && consent.refused_at.is_some_and(|at| at >= since)
    };
    is.consents.values().any(objects)
}

/// The clock: the last day is over.
pub(super) fn become_overdue(
    id: HouseholdId,
    which: PersonRequestId,
    ctx: &Context<'_>,
    ledgers: &Ledgers,
    draft: &mut Draft,
) -> Result<(), Halt> {
    if let Some(request) = household(ledgers, id)?.person_requests.get(&which)
        && request.situation == PersonRequestSituation::Open
    {
        let due = end_of_day(id.territory(), request.due.0);
        if ctx.at > due {
            draft.household(id, due, PersonRequestOverdue { person_request: which });
        }
    }
    Ok(())
}
