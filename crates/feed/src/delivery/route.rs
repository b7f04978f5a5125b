//! Where what a subscription is told is sent, as the operator and the owner say.

use anyhow::Context as _;
use desk::open_user;
use domain::id::{SubscriptionId, UserId};
use domain::ledger::AggregateId;
use domain::subscription::{Delivery, Standing, Way};
use domain::user::{Profile, User};

use super::secret;
use crate::mail::Mailbox;
use crate::sending::Route;
use crate::source::Source;
use crate::webhook::Policy;

/// What may be sent to and through.
pub(crate) struct Routes {
    /// What webhooks may be sent to.
    pub(crate) policy: Policy,
    /// Whether there is a relay for mail.
    pub(crate) mail: bool,
    /// Where a mail leads to.
    pub(crate) link: Option<String>,
}

/// Nothing is sent, for a reason with a stable code.
pub(super) struct NoRoute(pub(super) &'static str);

impl Routes {
    /// The route of a way.
    ///
    /// # Errors
    /// It cannot be told now.
    pub(super) async fn of(
        &self,
        source: &Source,
        id: SubscriptionId,
        is: &Standing,
        delivery: &Delivery,
    ) -> anyhow::Result<Result<Route, NoRoute>> {
        match &delivery.way {
            Way::Webhook { url } => {
                let Ok(target) = self.policy.read(url) else { return Ok(Err(NoRoute("refused-target"))) };
                let ring = source.desk.journal().keys().context("this journal was opened without keys")?;
                let keys = secret::signing(ring, id, is.secret, source.desk.edge().now())?;
                Ok(Ok(Route::Webhook { target, keys }))
            }
            Way::Mail { .. } if !self.mail => Ok(Err(NoRoute("no-relay"))),
            Way::Mail { to } => {
                let address = address(source, *to, is, delivery).await?;
                Ok(address.map(|to| Route::Mail { to }).ok_or(NoRoute("no-addressee")))
            }
            Way::Broker {} => Ok(Err(NoRoute("no-route"))),
        }
    }
}

/// Whether somebody acts for the owner in the role of the way, and may be written to.
pub(super) fn is_addressee(user: &User, is: &Standing, delivery: &Delivery) -> bool {
    user.acts_as(Profile { organisation: is.owner, role: delivery.role })
}

async fn address(
    source: &Source,
    to: UserId,
    is: &Standing,
    delivery: &Delivery,
) -> anyhow::Result<Option<Mailbox>> {
    let folded = desk::folded(&source.reading.now()?, &AggregateId::User(to))?;
    let user = folded.as_deref().and_then(desk::user).filter(|user| is_addressee(user, is, delivery));
    let Some(mut user) = user.cloned() else { return Ok(None) };
    let ring = source.desk.journal().keys().context("this journal was opened without keys")?;
    open_user(ring, to, &mut user).await?;
    let address = user.agent.as_ref().and_then(|agent| agent.value.known()).map(|agent| agent.email.parse());
    Ok(address.and_then(Result::ok))
}
