//! What crosses from one account to another: the whole of it, for both forms of configuration.
//!
//! The subject of each export has one token that must be the importer's own account key; the broker checks it. So a
//! partner reaches its own consumer and is known by its own commands, whatever it asks for, and a new partner changes
//! nothing on the exporting side.

use super::key::AccountKey;

/// The prefix under which a partner finds the interface of its feed: `jetstream(prefix = "BR")`. The broker's own prefix
/// would answer first, for an account without streams, that it has none.
pub const PARTNER_PREFIX: &str = "BR";

/// How many answers one request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// One.
    One,
    /// As many as were asked for.
    Many,
}

/// One thing that the core account lets every partner ask, each in its own name.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) name: &'static str,
    /// The subject in the core account.
    pub(super) subject: &'static str,
    /// The token, counted from 1, that is the partner's account key.
    pub(super) position: usize,
    /// What the partner calls it; `{A}` is its account key.
    local: &'static str,
    pub(super) answers: Answers,
}

/// Everything a partner may ask of the core account.
pub(super) const GRANTS: [Grant; 4] = [
    Grant {
        name: "feed-next",
        subject: "$JS.API.CONSUMER.MSG.NEXT.FEED.*",
        position: 7,
        local: "BR.CONSUMER.MSG.NEXT.FEED.{A}",
        answers: Answers::Many,
    },
    Grant {
        name: "feed-info",
        subject: "$JS.API.CONSUMER.INFO.FEED.*",
        position: 6,
        local: "BR.CONSUMER.INFO.FEED.{A}",
        answers: Answers::One,
    },
    Grant {
        name: "feed-ack",
        subject: "$JS.ACK.FEED.*.>",
        position: 4,
        local: "$JS.ACK.FEED.{A}.>",
        answers: Answers::One,
    },
    Grant { name: "commands", subject: "cmd.*.>", position: 2, local: "cmd.>", answers: Answers::One },
];

impl Grant {
    /// The subject in the core account that is `partner`'s.
    pub(super) fn subject_of(&self, partner: &AccountKey) -> String {
        let tokens = self.subject.split('.').enumerate();
        let own = tokens.map(|(n, token)| if n + 1 == self.position { partner.as_str() } else { token });
        own.collect::<Vec<_>>().join(".")
    }

    /// What `partner` calls it.
    pub(super) fn local_to(&self, partner: &AccountKey) -> String {
        self.local.replace("{A}", partner.as_str())
    }
}

/// The bounds of a partner's account.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) connections: u32,
    pub(super) subscriptions: u32,
    /// In bytes.
    pub(super) payload: u32,
}

/// Enough for a few processes that each read the feed and send commands.
pub(super) const BOUNDS: Bounds = Bounds { connections: 4, subscriptions: 50, payload: 64 * 1024 };
