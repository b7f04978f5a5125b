//! What a message of a partner's feed is told for.

use domain::id::{EventId, SubscriptionId};
use domain::ledger::AggregateId;
use journal::partner_feed::Told;

/// What the topics of subscriptions begin with; the id follows.
const SUBSCRIPTION: &str = "subscription-";

/// What an event is told for: first for itself, then for each subscription, in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// For itself, as the live stream tells it.
    Event,
    /// For what it made of what is available to a subscription.
    Subscription(SubscriptionId),
}

impl Topic {
    /// What a message under this topic was told for.
    pub(super) fn of(name: &str) -> Self {
        let id = name.strip_prefix(SUBSCRIPTION).and_then(|id| id.parse().ok());
        id.map_or(Self::Event, Self::Subscription)
    }

    /// The place of the last message of a feed, the position of the event that it tells, and what for; those before all if
    /// there is none.
    pub(super) fn end(last: Option<&Told>) -> (u64, (u64, Self)) {
        last.map_or((0, (0, Self::Event)), |last| (last.sequence, (last.position, Self::of(&last.topic))))
    }

    /// The last token of the subject, and what names the message, for an event of this ledger and id.
    pub(super) fn names(self, ledger: &AggregateId, event: EventId) -> (String, String) {
        match self {
            Self::Event => (ledger.name().to_owned(), event.to_string()),
            Self::Subscription(id) => (format!("{SUBSCRIPTION}{id}"), format!("{event}/{id}")),
        }
    }
}
