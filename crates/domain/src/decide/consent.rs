//! Consents: given by a person for a purpose, taken back at any time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::{Context, Draft, household};
use crate::calendar::{Day, Instant, end_of_day, start_of_day};
use crate::household::consent::{ConsentChannel, ConsentGiven, ConsentRefused, ConsentWithdrawn, Recipient};
use crate::id::{ConsentId, HouseholdId, PersonId};
use crate::ledger::{Halt, Ledgers};
use crate::reference::ConsentPurpose;
use crate::refusal::Refusal;

/// Records a consent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveConsent {
    /// Who consents.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom: an organisation, or all of a kind (`{"kind": "social_landlord"}`) or of a territory
    /// (`{"territory": "62"}`); everybody the purpose concerns if absent.
    #[serde(default)]
    pub recipient: Option<Recipient>,
    /// How.
    pub channel: ConsentChannel,
    /// The last day it holds.
    #[serde(default)]
    pub until: Option<Day>,
    /// The day it was given, if not today.
    #[serde(default)]
    pub given_on: Option<Day>,
}

impl Decide<HouseholdId> for GiveConsent {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let consent = ConsentId::created_by(ctx.command);
        if is.consents.contains_key(&consent) {
            return Ok(());
        }
        if !is.composition.members.contains_key(&self.person) {
            return Err(Refusal::unknown("Personne").into());
        }
        named(self.recipient)?;
        // Given today is given now: it counts after what was said this morning.
        let earlier = self.given_on.filter(|day| day.0 != ctx.today(id.territory()));
        let given = earlier.map(|day| Instant(start_of_day(id.territory(), day.0)));
        let at = ctx.past(id.territory(), given)?;
        if self.until.is_some_and(|until| end_of_day(id.territory(), until.0) < ctx.at) {
            let sentence = "Ce consentement est déjà échu : vérifiez la date de fin.";
            return Err(Refusal::invalid("consent-lapsed", "consent", sentence).into());
        }
        let (person, purpose, recipient) = (self.person, self.purpose, self.recipient);
        let (channel, until) = (self.channel, self.until);
        draft.household(id, at, ConsentGiven { consent, person, purpose, recipient, channel, until });
        Ok(())
    }
}

/// Records that a consent is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawConsent {
    /// The consent.
    pub consent: ConsentId,
    /// How.
    pub channel: ConsentChannel,
}

impl Decide<HouseholdId> for WithdrawConsent {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        match is.consents.get(&self.consent) {
            None => Err(Refusal::unknown("Consentement").into()),
            Some(consent) if !consent.given => {
                let sentence = "Ce consentement a déjà été retiré.";
                Err(Refusal::conflict("consent-already-withdrawn", "consent", sentence).into())
            }
            Some(_) => {
                draft.household(
                    id,
                    ctx.at,
                    ConsentWithdrawn { consent: self.consent, channel: self.channel },
                );
                Ok(())
            }
        }
    }
}

/// Records that a person objects, whether or not they had consented (GDPR art. 21): the recipient's access stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// Who objects.
    pub person: PersonId,
    /// To what.
    pub purpose: ConsentPurpose,
    /// Towards whom, as in `give-consent`; everybody the purpose concerns if absent.
    #[serde(default)]
    pub recipient: Option<Recipient>,
    /// How.
    pub channel: ConsentChannel,
}

impl Decide<HouseholdId> for Object {
    fn decide(
        &self,
        id: HouseholdId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = household(ledgers, id)?;
        let consent = ConsentId::created_by(ctx.command);
        if is.consents.contains_key(&consent) {
            return Ok(());
        }
        if !is.composition.members.contains_key(&self.person) {
            return Err(Refusal::unknown("Personne").into());
        }
        named(self.recipient)?;
        let (person, purpose, recipient) = (self.person, self.purpose, self.recipient);
        let refused = ConsentRefused { consent, person, purpose, recipient, channel: self.channel };
        draft.household(id, ctx.at, refused);
        Ok(())
    }
}

/// A recipient that is neither an organisation, nor of a kind, nor of a territory says nothing: to mean everybody, none is
/// named.
fn named(recipient: Option<Recipient>) -> Result<(), Refusal> {
    if recipient.is_none_or(Recipient::is_named) {
        return Ok(());
    }
    let sentence = "Précisez le destinataire : un organisme, un type d'organisme ou un département.";
    Err(Refusal::invalid("recipient-unnamed", "consent", sentence))
}
