//! What carries messages, and where to.

use jiff::Timestamp;

use super::outbox::Message;
use super::verdict::{Failure, Verdict};
use crate::mail::{Mailbox, Mailer};
use crate::webhook::{Client, Keys, Target};

/// Where the messages of an endpoint go. Its `Debug` shows no address.
#[derive(Debug)]
pub enum Route {
    /// To a server, over HTTP.
    Webhook {
        /// Where it listens.
        target: Target,
        /// What its messages are signed with.
        keys: Keys,
    },
    /// To a mailbox, through the relay.
    Mail {
        /// Whose.
        to: Mailbox,
    },
}

/// What carries messages on every route.
#[derive(Clone)]
pub struct Carriers {
    /// Over HTTP.
    pub webhooks: Client,
    /// Through a mail relay, where there is one.
    pub mail: Option<Mailer>,
}

impl Carriers {
    /// Sends `message` once.
    pub(super) async fn attempt(&self, route: &Route, message: &Message, now: Timestamp) -> Verdict {
        match (route, &self.mail) {
            (Route::Webhook { target, keys }, _) => {
                self.webhooks.attempt(target, keys, message.id(), message.body().clone(), now).await
            }
            (Route::Mail { to }, Some(mailer)) => mailer.attempt(to, message, now).await,
            (Route::Mail { .. }, None) => Verdict::Never { why: Failure::NoWay },
        }
    }
}
