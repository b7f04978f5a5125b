//! Subscriptions: an organisation says what it wants to be told of what is available.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::organisation::check_text;
use super::{Context, Draft};
use crate::id::{SubscriptionId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::placement::Wants;
use crate::refusal::Refusal;
use crate::rights::Role;
use crate::subscription::{
    Delivery, Flow, Resumption, Standing, Subscription, SubscriptionChanged, SubscriptionClosed,
    SubscriptionDeliveryEnded, SubscriptionDeliveryResumed, SubscriptionDeliverySet, SubscriptionOpened,
    SubscriptionPaused, SubscriptionResumed, SubscriptionSecretRotated, Way,
};

/// The subscription, while it stands and is the asker's.
fn own<'a>(ledgers: &'a Ledgers, id: SubscriptionId, ctx: &Context<'_>) -> Result<&'a Standing, Halt> {
    let is = ledgers.subscription(id)?;
    // Somebody else's does not exist.
    if is.owner() != Some(ctx.organisation) {
        return Err(Refusal::unknown("Abonnement").into());
    }
    is.standing().ok_or_else(|| {
        let sentence = "Cet abonnement est terminé : ouvrez-en un autre.";
        Refusal::conflict("subscription-closed", "subscription", sentence).into()
    })
}

/// Opens a subscription of the organisation that asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSubscription {
    /// The département it is opened in: its home for good.
    pub territory: Territory,
    /// What it is for; names nobody.
    pub label: String,
    /// What it is told of.
    #[serde(default)]
    pub wants: Wants,
}

impl Decide<SubscriptionId> for OpenSubscription {
    const CREATES: bool = true;

    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match ledgers.subscription(id)? {
            Subscription::Unknown => {}
            // The same command, asked again.
            Subscription::Open(_) | Subscription::Closed { .. } => return Ok(()),
        }
        check_text(&self.label, "L'objet de l'abonnement")?;
        self.wants.check()?;
        let (label, wants) = (self.label.clone(), self.wants.clone());
        draft.subscription(id, ctx.at, SubscriptionOpened { owner: ctx.organisation, label, wants });
        Ok(())
    }
}

/// Changes what a subscription is told of, from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubscription {
    /// What it is for now.
    pub label: String,
    /// What it is told of now.
    #[serde(default)]
    pub wants: Wants,
}

impl Decide<SubscriptionId> for ChangeSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = own(ledgers, id, ctx)?;
        check_text(&self.label, "L'objet de l'abonnement")?;
        self.wants.check()?;
        if is.label != self.label || is.wants != self.wants {
            let (label, wants) = (self.label.clone(), self.wants.clone());
            draft.subscription(id, ctx.at, SubscriptionChanged { label, wants });
        }
        Ok(())
    }
}

/// Stops telling, until further notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseSubscription {}

impl Decide<SubscriptionId> for PauseSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match own(ledgers, id, ctx)?.flow {
            Flow::Paused { .. } => Ok(()),
            Flow::Running => {
                draft.subscription(id, ctx.at, SubscriptionPaused {});
                Ok(())
            }
        }
    }
}

/// Tells again after a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeSubscription {
    /// What was missed, or only what is still open.
    pub with: Resumption,
}

impl Decide<SubscriptionId> for ResumeSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        match own(ledgers, id, ctx)?.flow {
            Flow::Running => Ok(()),
            Flow::Paused { .. } => {
                draft.subscription(id, ctx.at, SubscriptionResumed { with: self.with });
                Ok(())
            }
        }
    }
}

/// Ends a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseSubscription {}

impl Decide<SubscriptionId> for CloseSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = ledgers.subscription(id)?;
        if let Subscription::Closed { owner } = is
            && *owner == ctx.organisation
        {
            return Ok(());
        }
        own(ledgers, id, ctx)?;
        draft.subscription(id, ctx.at, SubscriptionClosed {});
        Ok(())
    }
}

/// Says how a subscription's events are brought to its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverSubscription {
    /// By which way.
    pub way: Way,
    /// Under which role the owner is told: that of whoever asks.
    pub role: Role,
}

impl Decide<SubscriptionId> for DeliverSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = own(ledgers, id, ctx)?;
        if !self.way.has_the_form() {
            let sentence = "L'adresse d'envoi n'est pas valable : une adresse https complète, sans identifiant, sans mot de passe et sans « # ».";
            return Err(Refusal::invalid("way-malformed", "way", sentence).into());
        }
        let set = |Delivery { way, role, .. }: &Delivery| *way == self.way && *role == self.role;
        if !is.delivery.as_ref().is_some_and(set) {
            draft.subscription(
                id,
                ctx.at,
                SubscriptionDeliverySet { way: self.way.clone(), role: self.role },
            );
        }
        Ok(())
    }
}

/// The way that is set.
fn delivery(is: &Standing) -> Result<&Delivery, Halt> {
    is.delivery.as_ref().ok_or_else(|| {
        let sentence = "Aucun envoi n'est prévu pour cet abonnement : indiquez d'abord une adresse.";
        Refusal::conflict("no-delivery", "way", sentence).into()
    })
}

/// Sends again what had stopped being sent, from where it stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeDelivery {}

impl Decide<SubscriptionId> for ResumeDelivery {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        delivery(own(ledgers, id, ctx)?)?;
        draft.subscription(id, ctx.at, SubscriptionDeliveryResumed {});
        Ok(())
    }
}

/// Ends the sending of a subscription's events: they are only asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndDelivery {}

impl Decide<SubscriptionId> for EndDelivery {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        if own(ledgers, id, ctx)?.delivery.is_some() {
            draft.subscription(id, ctx.at, SubscriptionDeliveryEnded {});
        }
        Ok(())
    }
}

/// Has what is sent signed with another secret; the one before still signs beside it for a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {}

impl Decide<SubscriptionId> for RotateSecret {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = own(ledgers, id, ctx)?;
        delivery(is)?;
        let signing = is.secret;
        if signing.beside(ctx.at).is_some() {
            // A third secret would end the oldest before its receivers could turn to the next.
            let sentence =
                "La clé de signature a été changée il y a moins de 24 heures : l'ancienne sert encore.";
            return Err(Refusal::conflict("secret-turning", "secret", sentence).into());
        }
        let generation = signing.generation.saturating_add(1);
        draft.subscription(id, ctx.at, SubscriptionSecretRotated { generation });
        Ok(())
    }
}
