//! Organisations that take part, and the tokens of their software.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft};
use crate::calendar::Instant;
use crate::event::Actor;
use crate::id::{OrganisationId, SubscriptionId, Territory, TokenId};
use crate::ledger::{Halt, Ledgers};
use crate::organisation::{
    BulkReadingNoticed, Organisation, OrganisationChanged, OrganisationClosed, OrganisationLedger,
    OrganisationRegistered, Standing, TokenIssued, TokenRevoked, TokenSituation, Verb,
};
use crate::refusal::Refusal;
use crate::rights::Role;

/// Longest name or label, in characters.
const TEXT_MAX: usize = 200;
/// How long a token may be good, in days: a year (security.md §1.4).
const TOKEN_DAYS_MAX: i64 = 366;
/// The most requests in a minute that a token may be given.
const PER_MINUTE_MAX: u32 = 6_000;

pub(super) fn check_text(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX {
        let sentence = format!("{what} : de 1 à {TEXT_MAX} caractères.");
        return Err(Refusal::invalid("text-length", "organisation", sentence));
    }
    Ok(())
}

fn check(organisation: &Organisation) -> Result<(), Refusal> {
    check_text(&organisation.name, "Le nom de l'organisme")?;
    if organisation.territories.is_empty() {
        let sentence = "Indiquez au moins un département.";
        return Err(Refusal::invalid("territories", "organisation", sentence));
    }
    match organisation.siret.as_deref() {
        Some(siret) if siret.len() != 14 || !siret.bytes().all(|b| b.is_ascii_digit()) => {
            Err(Refusal::invalid("siret", "organisation", "Un SIRET compte quatorze chiffres."))
        }
        Some(_) | None => Ok(()),
    }
}

/// The organisation, if it takes part.
pub(super) fn taking_part(ledgers: &Ledgers, id: OrganisationId) -> Result<&OrganisationLedger, Halt> {
    let ledger = ledgers.organisation(id)?;
    match &ledger.standing {
        Standing::Open { .. } => Ok(ledger),
        Standing::Unknown => Err(Refusal::unknown("Organisme").into()),
        Standing::Closed { .. } => {
            let sentence = "Cet organisme ne participe plus : personne n'agit plus en son nom.";
            Err(Refusal::conflict("organisation-closed", "organisation", sentence).into())
        }
    }
}

/// Registers an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterOrganisation {
    /// The département it is registered in: its home for good.
    pub territory: Territory,
    /// The id it already has elsewhere; one is made for it if absent.
    #[serde(default)]
    pub id: Option<OrganisationId>,
    /// What it is.
    pub organisation: Organisation,
}

impl Decide<OrganisationId> for RegisterOrganisation {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if ledgers.organisation(id)?.known().is_some() {
            let sentence = "Cet organisme est déjà enregistré.";
            return Err(Refusal::conflict("already-registered", "INV-16", sentence).into());
        }
        if self.id.is_some_and(|own| own != id || own.territory() != self.territory) {
            let sentence = "L'identifiant commence par le département d'enregistrement.";
            return Err(Refusal::invalid("organisation-home", "organisation", sentence).into());
        }
        check(&self.organisation)?;
        draft.organisation(id, ctx.at, OrganisationRegistered { organisation: self.organisation.clone() });
        Ok(())
    }
}

/// Changes an organisation. Its kind stays: the roles of its people depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganisation {
    /// What it is now.
    pub organisation: Organisation,
}

impl Decide<OrganisationId> for ChangeOrganisation {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = taking_part(ledgers, id)?.open().ok_or_else(|| Refusal::unknown("Organisme"))?;
        check(&self.organisation)?;
        if is.kind != self.organisation.kind {
            let sentence = "La nature d'un organisme ne change pas : fermez celui-ci et enregistrez l'autre.";
            return Err(Refusal::invalid("organisation-kind", "organisation", sentence).into());
        }
        draft.organisation(id, ctx.at, OrganisationChanged { organisation: self.organisation.clone() });
        Ok(())
    }
}

/// Ends the part of an organisation: nobody of it, and none of its software, may do anything from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseOrganisation {}

impl Decide<OrganisationId> for CloseOrganisation {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        taking_part(ledgers, id)?;
        draft.organisation(id, ctx.at, OrganisationClosed {});
        Ok(())
    }
}

/// Issues a token to software of the organisation. The surface draws the secret and keeps its digest alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// What it is for; names nobody.
    pub label: String,
    /// SHA-256 of its secret, in hexadecimal.
    pub digest: String,
    /// The role it acts in.
    pub role: Role,
    /// What it may do at all.
    pub verbs: BTreeSet<Verb>,
    /// The one subscription it is for.
    #[serde(default)]
    pub subscription: Option<SubscriptionId>,
    /// The last instant it is good, at most a year from now.
    pub expires_at: Instant,
    /// The most requests in a minute.
    pub per_minute: u32,
}

impl Decide<OrganisationId> for IssueToken {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let ledger = taking_part(ledgers, id)?;
        let token = TokenId::created_by(ctx.command);
        if ledger.tokens.contains_key(&token) {
            return Ok(());
        }
        check_text(&self.label, "L'usage du jeton")?;
        let kind = ledger.open().map(|is| is.kind);
        if !kind.is_some_and(|kind| self.role.fits(kind)) {
            let sentence = "Ce rôle n'existe pas dans un organisme de cette nature.";
            return Err(Refusal::invalid("role-of-organisation", "organisation", sentence).into());
        }
        if self.verbs.is_empty() {
            let sentence = "Indiquez ce que le jeton permet : lire, suivre, commander.";
            return Err(Refusal::invalid("token-verbs", "organisation", sentence).into());
        }
        let days = self.expires_at.0.duration_since(ctx.at).as_hours() / 24;
        if self.expires_at.0 <= ctx.at || days >= TOKEN_DAYS_MAX {
            let sentence = "Un jeton est valable un an au plus.";
            return Err(Refusal::invalid("token-expiry", "organisation", sentence).into());
        }
        if !(1..=PER_MINUTE_MAX).contains(&self.per_minute) {
            let sentence = format!("De 1 à {PER_MINUTE_MAX} requêtes par minute.");
            return Err(Refusal::invalid("token-rate", "organisation", sentence).into());
        }
        let issued = TokenIssued {
            token,
            label: self.label.clone(),
            digest: self.digest.clone(),
            role: self.role,
            verbs: self.verbs.clone(),
            subscription: self.subscription,
            expires_at: self.expires_at,
            per_minute: self.per_minute,
        };
        draft.organisation(id, ctx.at, issued);
        Ok(())
    }
}

/// Takes a token back: it opens nothing from now on, streams that it holds open end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// The token.
    pub token: TokenId,
}

impl Decide<OrganisationId> for RevokeToken {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match ledgers.organisation(id)?.tokens.get(&self.token).map(|token| token.situation) {
            None => Err(Refusal::unknown("Jeton").into()),
            Some(TokenSituation::Revoked) => Ok(()),
            Some(TokenSituation::Issued) => {
                draft.organisation(id, ctx.at, TokenRevoked { token: self.token });
                Ok(())
            }
        }
    }
}

/// Notes that somebody of the organisation, or its software, opened unusually many files. The surface asks it of nobody: who
/// watches over readers does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeBulkReading {
    /// Who: the code of a person or of a token.
    pub actor: Actor,
    /// The files of how many households they had opened by then.
    pub households: u32,
    /// The beginning of the time that was looked at.
    pub since: Instant,
    /// When it was noticed.
    pub until: Instant,
}

impl Decide<OrganisationId> for NoticeBulkReading {
    fn decide(
        &self,
        id: OrganisationId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = ledgers.organisation(id)?;
        // One that closed meanwhile is answered for all the same.
        if is.known().is_none() {
            return Err(Refusal::unknown("Organisme").into());
        }
        let Self { actor, households, since, until } = self;
        let span = until.0.duration_since(since.0).abs();
        // Whoever watches may have read the same again, or see it a moment sooner or later than another.
        let told = is
            .bulk_readings
            .iter()
            .any(|noticed| noticed.actor == *actor && until.0.duration_since(noticed.until.0).abs() < span);
        if !told {
            let (actor, households, since, until) = (actor.clone(), *households, *since, *until);
            draft.organisation(id, ctx.at, BulkReadingNoticed { actor, households, since, until });
        }
        Ok(())
    }
}
