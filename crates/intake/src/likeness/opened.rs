//! The journal with the identities and the numbers of households opened, for the view of tokens alone: they are in memory while an event is
//! applied, and nowhere else.

use bytes::Bytes;
use domain::id::HouseholdId;
use domain::ledger::AggregateId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use journal::follow::Trouble;
use journal::keys::{KeyError, KeyRing, Opener};
use journal::recorded::Recorded;
use journal::{Follower, Journal};
use projection::{Batch, Follow, Source, SourceError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// How many keys are asked for at once.
const AT_ONCE: usize = 64;

/// The journal, and the keys to open what is compared.
#[derive(Clone)]
pub(super) struct Opened {
    journal: Journal,
    keys: KeyRing,
}

impl Opened {
    pub(super) fn new(journal: Journal, keys: KeyRing) -> Self {
        Self { journal, keys }
    }
}

impl Source for Opened {
    type Follower = Opening;

    fn follow(&self, after: u64) -> Opening {
        Opening { follower: self.journal.follow(after), keys: self.keys.clone(), held: None }
    }

    async fn last_position(&self) -> Result<u64, SourceError> {
        Source::last_position(&self.journal).await
    }

    fn connected(&self) -> bool {
        self.journal.connected()
    }
}

/// Hands out events once their identities are opened.
pub(super) struct Opening {
    follower: Follower,
    keys: KeyRing,
    /// Taken from the journal, not yet handed out: a caller may drop a call without loss.
    held: Option<Batch>,
}

impl Follow for Opening {
    async fn next_batch(&mut self, max: usize) -> Result<Batch, SourceError> {
        let batch = match &mut self.held {
            Some(held) => held,
            none => none.insert(Follow::next_batch(&mut self.follower, max).await?),
        };
        let holders: BTreeSet<HouseholdId> = batch.events.iter().filter_map(holder).collect();
        let openers: BTreeMap<HouseholdId, Opener> = stream::iter(holders)
            .map(|holder| {
                let keys = self.keys.clone();
                async move { keys.opener(holder).await.map(|opener| (holder, opener)) }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| unopened(&error))?;
        for event in &mut batch.events {
            if let Some(opener) = holder(event).and_then(|holder| openers.get(&holder)) {
                open(event, opener);
            }
        }
        Ok(self.held.take().unwrap_or_default())
    }

    fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        Follow::trouble(&self.follower)
    }
}

/// The household of which an event brings something that is compared, if it brings any.
fn holder(event: &Recorded) -> Option<HouseholdId> {
    /// How bodies hold an identity, and a numéro unique.
    const COMPARED: [&[u8]; 2] = [b"\"identity\":{\"sealed\"", b"\"number\":{\"sealed\""];
    let brings = |what: &[u8]| event.body.windows(what.len()).any(|bytes| bytes == what);
    match event.ledger {
        AggregateId::Household(id) if COMPARED.into_iter().any(brings) => Some(id),
        AggregateId::Household(_)
        | AggregateId::Place(_)
        | AggregateId::Structure(_)
        | AggregateId::Organisation(_)
        | AggregateId::User(_)
        | AggregateId::Subscription(_)
        | AggregateId::Inquiry(_) => None,
    }
}

/// Opens the identities and the numbers of an event, and nothing else in it. One that was changed or moved stays sealed, and its ledger stops.
fn open(event: &mut Recorded, opener: &Opener) {
    let Ok(mut body) = event.value() else { return };
    let schema = format!("{}/{}", event.kind, event.stamp.version);
    let opened = |sealed: &mut Value| match opener.open(&schema, event.stamp.event, sealed.clone()) {
        Ok(plain) => *sealed = plain,
        Err(error) => {
            tracing::error!(ledger = %event.ledger, error = %error, "what {} is compared by does not open: {error}", event.ledger);
        }
    };
    for one in ["/member/identity", "/number", "/application/number", "/numbered/number"] {
        if let Some(sealed) = body.pointer_mut(one) {
            opened(sealed);
        }
    }
    for member in body.get_mut("members").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(identity) = member.get_mut("identity") {
            opened(identity);
        }
    }
    event.body = Bytes::from(body.to_string());
}

/// Why a key cannot be read: for now, or for good.
fn unopened(error: &KeyError) -> SourceError {
    if error.may_pass() {
        return SourceError::Unreachable(error.to_string());
    }
    SourceError::Broken(error.to_string())
}
