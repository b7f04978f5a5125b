//! Subscriptions: an organisation says what it wants to be told of what is available.

mod delivery;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::Decide;
use super::organisation::check_text;
use super::{Context, Draft};
use crate::id::{SubscriptionId, Territory};
use crate::ledger::{Halt, Ledgers};
use crate::placement::Wants;
use crate::refusal::Refusal;
use crate::subscription::{
    Flow, Resumption, Standing, Subscription, SubscriptionChanged, SubscriptionClosed, SubscriptionOpened,
    SubscriptionPaused, SubscriptionResumed, Way,
};
pub use delivery::{
    AcknowledgeSubscription, DeliverSubscription, EndDelivery, ReplayDelivery, ResumeDelivery, RotateSecret,
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
        let is = own(ledgers, id, ctx)?;
        if is.delivery.as_ref().is_some_and(|delivery| matches!(delivery.way, Way::Broker {})) {
            // What waits in a feed would have to be taken back, and told behind what is newer.
            let sentence = "Un flux NATS se met en pause chez celui qui le lit : rien ne s'y perd tant qu'il n'est pas lu.";
            return Err(Refusal::conflict("pause-of-broker", "way", sentence).into());
        }
        match is.flow {
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
