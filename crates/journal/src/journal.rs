//! The journal as a value: its connections, the streams, the appenders, the keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::Territory;
use domain::ledger::AggregateId;

use crate::append::Appender;
use crate::config::{JOURNAL, JournalConfig};
use crate::keys::{KeyError, KeyFile, KeyRing};
use crate::link::Link;
use crate::open::{OpenError, ensure_streams};
use crate::read;

/// The journal: every fact in order. A clone is cheap and shares the connections and the appenders.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    keys: Option<KeyRing>,
    /// The stream that questions by position are about.
    stream: Arc<str>,
}

struct Shared {
    link: Link,
    /// What followers read through: an acknowledgement never queues behind a replay.
    following: Link,
    config: JournalConfig,
    appenders: BTreeMap<String, Appender>,
}

impl Journal {
    /// Connects, sees to the streams, and starts one appender per stream on the current tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`]: the broker cannot be reached, or a stream is missing or does not keep the journal's promises.
    pub async fn open(config: JournalConfig) -> Result<Self, OpenError> {
        let link = Link::connect(&config).await?;
        ensure_streams(&link, &config).await?;
        let following = Link::connect(&config).await?;
        let appenders = config
            .partitions
            .streams()
            .into_iter()
            .map(|(name, _)| (name.clone(), Appender::start(link.clone(), name)))
            .collect();
        let shared = Shared { link, following, config, appenders };
        Ok(Self { shared: Arc::new(shared), keys: None, stream: JOURNAL.into() })
    }

    /// Sees to the streams and does nothing else: what an administrator's credentials are for. Services then open the
    /// journal with [`Provision::Verify`](crate::Provision::Verify) and credentials that allow no more than they need.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub async fn provision(config: JournalConfig) -> Result<(), OpenError> {
        let link = Link::connect(&config).await?;
        ensure_streams(&link, &config).await
    }

    /// The same journal, able to seal and open personal values with the keys that `file` opens. Without it, a
    /// decision that holds a personal value is refused.
    ///
    /// # Errors
    /// [`KeyError::WrongKeyFile`] if the stream of keys belongs to another file; [`KeyError::KeysLost`] if it is empty
    /// beside a journal that is not; [`KeyError::UnknownEpoch`] if the file is older than the stream;
    /// [`KeyError::Erasures`] if the erasure ledger cannot be read; [`KeyError::Broker`].
    pub async fn with_keys(self, file: KeyFile) -> Result<Self, KeyError> {
        if !self.has_keys().await? && !self.is_empty().await? {
            return Err(KeyError::KeysLost);
        }
        let keys = KeyRing::new(async_nats::jetstream::new(self.link().client.clone()), file);
        keys.check().await?;
        // A restored backup may hold the keys of those who were erased since: nothing opens before they are gone again.
        keys.forget_the_erased().await?;
        Ok(Self { keys: Some(keys), ..self })
    }

    /// Whether the stream of keys belongs to a key file already: if so, none is ever made beside it.
    ///
    /// # Errors
    /// [`KeyError::Broker`].
    pub async fn has_keys(&self) -> Result<bool, KeyError> {
        KeyRing::is_marked(async_nats::jetstream::new(self.link().client.clone())).await
    }

    /// Whether no stream has an event.
    async fn is_empty(&self) -> Result<bool, KeyError> {
        for (stream, _) in self.config().partitions.streams() {
            let last = read::last_position(self.link(), &stream).await;
            if last.map_err(|e| KeyError::broker("look at the end of the journal", e))? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The keys, if it was opened with them.
    #[must_use]
    pub fn keys(&self) -> Option<&KeyRing> {
        self.keys.as_ref()
    }

    /// The same journal, its questions by position ([`Journal::at`], [`Journal::range`], [`Journal::follow`],
    /// [`Journal::last_position`]) turned to the stream that holds a territory. Appends and reads of one ledger find
    /// their stream by themselves.
    #[must_use]
    pub fn of(&self, territory: Territory) -> Self {
        let stream = self.shared.config.partitions.stream(territory).into();
        Self { stream, ..self.clone() }
    }

    /// Whether the broker is connected at this moment.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.shared.link.connected() && self.shared.following.connected()
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn config(&self) -> &JournalConfig {
        &self.shared.config
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }

    pub(crate) fn following(&self) -> &Link {
        &self.shared.following
    }

    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    pub(crate) fn stream_of(&self, ledger: &AggregateId) -> &str {
        self.shared.config.partitions.stream(ledger.territory())
    }

    pub(crate) fn appender(&self, stream: &str) -> Option<&Appender> {
        self.shared.appenders.get(stream)
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("stream", &self.stream).field("keys", &self.keys.is_some()).finish()
    }
}
