//! The journal as views follow it: whoever reads that a household is erased forgets its key, before any view is told.

use domain::household::HouseholdEvent;
use domain::household::erasure::ErasureEvent;
use domain::ledger::Fact;
use journal::follow::Trouble;
use journal::keys::KeyRing;
use journal::{Follower, Journal, Recorded};
use projection::{Batch, Follow, Source, SourceError};
use tokio::sync::watch;

/// A journal whose key ring learns of erasures by being followed.
#[derive(Debug, Clone)]
pub(crate) struct Forgetful(pub(crate) Journal);

/// Hands out its events.
pub(crate) struct Forgetting {
    events: Follower,
    keys: Option<KeyRing>,
}

impl Source for Forgetful {
    type Follower = Forgetting;

    fn follow(&self, after: u64) -> Forgetting {
        Forgetting { events: Source::follow(&self.0, after), keys: self.0.keys().cloned() }
    }

    async fn last_position(&self) -> Result<u64, SourceError> {
        Source::last_position(&self.0).await
    }

    fn connected(&self) -> bool {
        Source::connected(&self.0)
    }
}

impl Follow for Forgetting {
    async fn next_batch(&mut self, max: usize) -> Result<Batch, SourceError> {
        let batch = Follow::next_batch(&mut self.events, max).await?;
        if let Some(keys) = &self.keys {
            let erased = batch.events.iter().filter(|event| erases(event));
            erased.filter_map(|event| event.ledger.household()).for_each(|id| keys.learn_erased(id));
        }
        Ok(batch)
    }

    fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        Follow::trouble(&self.events)
    }
}

/// Whether this event says that its household is erased.
pub(crate) fn erases(event: &Recorded) -> bool {
    // Most events are not even looked into.
    event.kind == ERASED
        && matches!(event.fact(), Ok(Fact::Household(HouseholdEvent::Erasure(ErasureEvent::Erased(_)))))
}

/// The kind of the event that erases a household.
pub(crate) const ERASED: &str = "household.erased";
