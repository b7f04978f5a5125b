//! What partners are told over the broker: each account that stands has a feed of its own, written from the journal by this
//! service as the live stream would tell it.
//!
//! **Invariant.** What decides is looked at again and again, for what waits unread too: whoever may no longer know
//! something does not read it, and an account that no longer stands reads nothing, both within two seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use desk::{Doorkeeper, accounts};
use domain::organisation::BrokerAccount;
use futures_util::StreamExt as _;
use futures_util::stream;
use journal::partner_feed::FeedError;
use service::{Problem, Stop};

use crate::partner::{Feed, Pace};
use crate::source::Source;

/// How often accounts are looked at while nothing is recorded: rights end with time, too.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// How many partners are told at once.
const TOGETHER: usize = 16;

/// Why a partner was not told: it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    /// The rows or the journal do not answer.
    #[error("{0}")]
    Unread(#[from] Problem),
    /// The broker does not take it.
    #[error(transparent)]
    Unwritten(#[from] FeedError),
}

/// Tells every partner what is theirs to know, until asked to stop.
///
/// # Errors
/// None: what fails is logged and tried again, and holds up nobody else.
pub(crate) async fn tell(source: Source, door: Arc<Doorkeeper>, stop: Stop) -> anyhow::Result<()> {
    // What is bound and no key has no feed.
    let mut feeds: HashMap<BrokerAccount, Option<Feed>> = HashMap::new();
    while !stop.is_stopping() {
        let seen = source.view.position();
        let known = source.reading.now().and_then(|page| accounts(&page));
        // Rows that are being built know nobody yet.
        for account in known.unwrap_or_default() {
            feeds.entry(account).or_insert_with_key(|account| {
                let feed = Feed::of(account, &source, &door);
                if feed.is_none() {
                    tracing::warn!(%account, "the account {account} is bound and no public key: it is told nothing");
                }
                feed
            });
        }
        let steps = stream::iter(feeds.values_mut().flatten()).map(Feed::step).buffer_unordered(TOGETHER);
        let paces: Vec<Pace> = steps.collect().await;
        if paces.contains(&Pace::More) {
            continue;
        }
        tokio::select! {
            () = stop.stopping() => {}
            _ = source.view.reached(seen.saturating_add(1), LOOKED_EVERY) => {}
        }
    }
    Ok(())
}
