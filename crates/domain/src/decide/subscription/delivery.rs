//! How what a subscription is told is brought to its owner, told again, and taken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::own;
use crate::decide::command::Decide;
use crate::decide::{Context, Draft};
use crate::id::{SubscriptionId, UserId};
use crate::ledger::{Halt, Ledgers};
use crate::refusal::Refusal;
use crate::rights::Role;
use crate::subscription::{
    Delivery, Flow, QuietHours, Replay, Restart, Rhythm, Standing, SubscriptionAcknowledged,
    SubscriptionDeliveryEnded, SubscriptionDeliveryResumed, SubscriptionDeliverySet, SubscriptionReplayAsked,
    SubscriptionSecretRotated, Way,
};
use crate::user::Profile;

/// Says how a subscription's events are brought to its owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverSubscription {
    /// By which way.
    pub way: Way,
    /// Under which role the owner is told: that of whoever asks.
    pub role: Role,
    /// Whether at once or gathered; gathered by mail alone.
    #[serde(default)]
    pub rhythm: Rhythm,
    /// When nothing is sent, every day.
    #[serde(default)]
    pub quiet: Option<QuietHours>,
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
        self.check()?;
        match (&self.way, is.flow) {
            (Way::Mail { to }, _) => addressee(*to, self.role, ctx, ledgers)?,
            (Way::Broker {}, Flow::Paused { .. }) => {
                let sentence =
                    "Cet abonnement est en pause : reprenez-le avant de le faire écrire dans un flux NATS.";
                return Err(Refusal::conflict("subscription-paused", "subscription", sentence).into());
            }
            (Way::Webhook { .. }, _) | (Way::Broker {}, Flow::Running) => {}
        }
        let Self { way, role, rhythm, quiet } = self.clone();
        let set =
            |is: &Delivery| is.way == way && is.role == role && is.rhythm == rhythm && is.quiet == quiet;
        if !is.delivery.as_ref().is_some_and(set) {
            draft.subscription(id, ctx.at, SubscriptionDeliverySet { way, role, rhythm, quiet });
        }
        Ok(())
    }
}

impl DeliverSubscription {
    /// Whether the way has its form, and takes a rhythm and quiet hours such as these.
    fn check(&self) -> Result<(), Halt> {
        let refused = |code, field, sentence: &str| Err(Refusal::invalid(code, field, sentence).into());
        if !self.way.has_the_form() {
            let sentence = "L'adresse d'envoi n'est pas valable : une adresse https complète, sans identifiant, sans mot de passe et sans « # ».";
            return refused("way-malformed", "way", sentence);
        }
        if self.quiet.is_some_and(|quiet| quiet.from == quiet.until) {
            let sentence = "Les heures de silence commencent et finissent à la même minute : indiquez une fin différente, ou n'en indiquez pas.";
            return refused("quiet-hours-empty", "quiet", sentence);
        }
        match (&self.way, self.rhythm, self.quiet) {
            (Way::Webhook { .. } | Way::Broker {}, Rhythm::Daily { .. }, _) => {
                let sentence = "Seul le courriel peut être regroupé une fois par jour : choisissez l'envoi immédiat, ou le courriel.";
                refused("rhythm-of-mail", "rhythm", sentence)
            }
            (Way::Broker {}, Rhythm::Immediate, Some(_)) => {
                let sentence =
                    "Un flux NATS est lu quand le destinataire le décide : il n'a pas d'heures de silence.";
                refused("quiet-hours-of-broker", "quiet", sentence)
            }
            (Way::Mail { .. }, _, _) | (Way::Webhook { .. } | Way::Broker {}, Rhythm::Immediate, _) => Ok(()),
        }
    }
}

/// Whoever is written to acts for the owner in that role.
fn addressee(to: UserId, role: Role, ctx: &Context<'_>, ledgers: &Ledgers) -> Result<(), Halt> {
    if ledgers.user(to)?.acts_as(Profile { organisation: ctx.organisation, role }) {
        Ok(())
    } else {
        Err(Refusal::unknown("Destinataire du courriel").into())
    }
}

/// The way that is set.
fn delivery(is: &Standing) -> Result<&Delivery, Halt> {
    is.delivery.as_ref().ok_or_else(|| {
        let sentence = "Aucun envoi n'est prévu pour cet abonnement : indiquez d'abord une adresse.";
        Refusal::conflict("no-delivery", "way", sentence).into()
    })
}

/// Sends again what had stopped being sent, from where it stopped or past that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeDelivery {
    /// With what it stopped at, or after it.
    #[serde(default)]
    pub restart: Restart,
}

impl Decide<SubscriptionId> for ResumeDelivery {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        delivery(own(ledgers, id, ctx)?)?;
        draft.subscription(id, ctx.at, SubscriptionDeliveryResumed { restart: self.restart });
        Ok(())
    }
}

/// Sends again what was told after one position and up to another, before anything else. It takes the place of a replay that is
/// not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDelivery {
    /// After which position; 0 for all.
    pub after: u64,
    /// Up to which position, that one included. What was not sent yet is not sent earlier for it.
    pub until: u64,
}

impl Decide<SubscriptionId> for ReplayDelivery {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        let is = own(ledgers, id, ctx)?;
        if matches!(delivery(is)?.way, Way::Broker {}) {
            let sentence = "Un flux NATS ne se renvoie pas : relisez ces événements par « events?after= ».";
            return Err(Refusal::conflict("replay-of-broker", "way", sentence).into());
        }
        if self.until <= self.after {
            let sentence = "La fin du renvoi doit être une position après son début.";
            return Err(Refusal::invalid("replay-empty", "until", sentence).into());
        }
        let number = is.replay.map_or(0, |Replay { number, .. }| number).saturating_add(1);
        let (after, until) = (self.after, self.until);
        draft.subscription(id, ctx.at, SubscriptionReplayAsked { number, after, until });
        Ok(())
    }
}

/// Says that what was told up to a position has been taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeSubscription {
    /// Up to which position, that one included.
    pub upto: u64,
}

impl Decide<SubscriptionId> for AcknowledgeSubscription {
    fn decide(
        &self,
        id: SubscriptionId,
        ctx: &Context<'_>,
        ledgers: &Ledgers,
        draft: &mut Draft,
    ) -> Result<(), Halt> {
        // Acknowledgements may come in any order.
        if own(ledgers, id, ctx)?.acknowledged < self.upto {
            draft.subscription(id, ctx.at, SubscriptionAcknowledged { upto: self.upto });
        }
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
        if !matches!(delivery(is)?.way, Way::Webhook { .. }) {
            let sentence =
                "Seuls les envois vers un serveur (webhook) sont signés : il n'y a pas de clé à changer.";
            return Err(Refusal::conflict("nothing-signed", "way", sentence).into());
        }
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
