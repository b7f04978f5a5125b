//! The key ring: what a process seals and opens with.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_nats::jetstream::Context;
use domain::id::EventId;
use domain::ledger::AggregateId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::OnceCell;
use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::align::InForce;
use super::cache::{Cache, Known};
use super::store::{self, BATCH, MARK, Store, Writing, Written};
use super::wrapping::{self, Unwrapped};
use super::{Holder, KeyError, KeyFile};
use crate::sealing::{
    Binding, DataKey, OpenError, has_personal, has_sealed, length_prefixed, open_body, random, seal_body,
};

/// The longest a key stays in memory is two of these: five minutes.
const TURN: Duration = Duration::from_secs(150);

/// The most keys of one generation in memory: two of these weigh some 15 MB.
const GENERATION: usize = 50_000;

/// How often a write is tried that others keep getting in the way of.
pub(super) const TRIES: usize = 8;

/// How often a key is read again whose epoch the key file does not have.
const TRIES_TO_UNWRAP: usize = 3;

/// How many keys are asked for at once.
pub(super) const AT_ONCE: usize = 64;

/// The keys of all holders, drawn, read and removed as needed. Clones share what is in memory.
#[derive(Debug, Clone)]
pub struct KeyRing {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    /// The key file as it was last read.
    pub(super) file: RwLock<Arc<KeyFile>>,
    /// What the stream last said is in force; nothing when it has to be asked.
    pub(super) force: Mutex<Option<InForce>>,
    cache: Mutex<Cache>,
    /// Filled once the stream was seen to belong to the key file.
    checked: OnceCell<()>,
}

impl Inner {
    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One holder's key at hand, to open many values without waiting. It outlives an erasure for as long as it is held:
/// hold it for one request.
#[derive(Debug, Clone)]
pub struct Opener {
    holder: Holder,
    key: Option<Arc<DataKey>>,
}

impl Opener {
    /// Makes every sealed value in `body` readable, or erased if its key is gone. `schema` (`household.registered/1`)
    /// and `event` are those it was recorded with; `body` may be one value of that event.
    ///
    /// # Errors
    /// [`OpenError`] when the value was changed or moved.
    pub fn open(&self, schema: &str, event: EventId, body: Value) -> Result<Value, OpenError> {
        let bound = Binding { schema, event, holder: self.holder };
        open_body(self.key.as_deref(), &bound, body)
    }
}

impl KeyRing {
    /// The keys that `file` opens, kept in the stream `KEYS` of `jetstream`. Asks nothing of the broker yet.
    ///
    /// Must be called inside the runtime, where a task forgets keys that were in memory for long; the task ends with
    /// the last clone.
    #[must_use]
    pub fn new(jetstream: Context, file: KeyFile) -> Self {
        let inner = Arc::new(Inner {
            store: Store::new(jetstream),
            file: RwLock::new(Arc::new(file)),
            force: Mutex::new(None),
            cache: Mutex::new(Cache::new(GENERATION)),
            checked: OnceCell::new(),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            let mut turns = interval(TURN);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            turns.tick().await; // The first one is immediate.
            loop {
                turns.tick().await;
                match weak.upgrade() {
                    Some(inner) => {
                        inner.cache().turn();
                        // What another process retired stays neither in memory here nor in a copy of the key file.
                        if inner.checked.initialized()
                            && let Err(error) = (Self { inner }).align().await
                        {
                            tracing::debug!(error = %error, "which epoch is in force is asked again later");
                        }
                    }
                    None => return,
                }
            }
        });
        Self { inner }
    }

    /// Sees to it that the stream belongs to this key file, and marks an empty one as its own. Every operation does so
    /// before its first access; a service does it at its start, so that a lost key file is found out then.
    ///
    /// # Errors
    /// [`KeyError::WrongKeyFile`]; [`KeyError::UnknownEpoch`] if the file is older than the stream; [`KeyError::Broker`].
    pub async fn check(&self) -> Result<(), KeyError> {
        let check = || async {
            self.compare_mark().await?;
            self.align().await.map(drop)
        };
        self.inner.checked.get_or_try_init(check).await.copied()
    }

    /// Whether the stream belongs to a key file already.
    pub(crate) async fn is_marked(jetstream: Context) -> Result<bool, KeyError> {
        Ok(Store::new(jetstream).read(MARK).await?.is_some())
    }

    async fn compare_mark(&self) -> Result<(), KeyError> {
        let mark = serde_json::json!({ "v": 1, "file": format!("{:032x}", u128::from_be_bytes(self.digest(&[b"key file"]))) });
        let mark = mark.to_string().into_bytes();
        let store = &self.inner.store;
        for _ in 0..TRIES {
            if let Some(found) = store.read(MARK).await? {
                return if found.message == mark { Ok(()) } else { Err(KeyError::WrongKeyFile) };
            }
            if store.write_first(MARK.to_owned(), mark.clone()).await? == Written::Done {
                return Ok(());
            }
        }
        Err(KeyError::broker("mark the stream KEYS", "its mark comes and goes"))
    }

    /// Seals every personal value in `body`, which is about to be recorded on `ledger` as `event` of this kind and
    /// version; draws the holder's key if there is none. A body without personal values costs no look-up.
    ///
    /// # Errors
    /// [`KeyError::NoKeyFor`] on ledgers that hold nothing personal, [`KeyError::Forgotten`] after an erasure, and all
    /// others. Nothing may be recorded then.
    pub async fn seal(
        &self,
        ledger: &AggregateId,
        event: EventId,
        kind: &str,
        version: u16,
        body: Value,
    ) -> Result<Value, KeyError> {
        if !has_personal(&body) && !has_sealed(&body) {
            return Ok(body);
        }
        let holder = holder_of(ledger)?;
        let key = self.key_to_seal(holder).await?;
        let schema = format!("{kind}/{version}");
        let bound = Binding { schema: &schema, event, holder };
        Ok(seal_body(&key, &bound, body, &mut random)?)
    }

    /// Opens every sealed value in `body`, which was recorded on `ledger` as `event` of this kind and version; what
    /// was sealed under a key that is gone becomes `{"erased": true}`.
    ///
    /// # Errors
    /// [`KeyError::Open`] when a value was changed or moved, and all others but [`KeyError::Forgotten`].
    pub async fn open(
        &self,
        ledger: &AggregateId,
        event: EventId,
        kind: &str,
        version: u16,
        body: Value,
    ) -> Result<Value, KeyError> {
        if !has_sealed(&body) {
            return Ok(body);
        }
        let opener = self.opener(holder_of(ledger)?).await?;
        Ok(opener.open(&format!("{kind}/{version}"), event, body)?)
    }

    /// The holder's key at hand, to open many values without waiting. A holder without a key has an opener too:
    /// it finds everything erased.
    ///
    /// # Errors
    /// [`KeyError::Broker`], [`KeyError::WrongKeyFile`], [`KeyError::UnknownEpoch`], [`KeyError::Damaged`].
    pub async fn opener(&self, holder: impl Into<Holder>) -> Result<Opener, KeyError> {
        let holder = holder.into();
        let key = match self.look_up(holder).await? {
            Some(Known::Key(key)) => Some(key),
            Some(Known::Forgotten) | None => None,
        };
        Ok(Opener { holder, key })
    }

    /// The keys of several holders at hand, in their order: those that are not in memory are asked for many at a time.
    ///
    /// # Errors
    /// As [`KeyRing::opener`].
    pub async fn openers<H: Into<Holder> + Copy>(&self, holders: &[H]) -> Result<Vec<Opener>, KeyError> {
        let asked = holders.iter().map(|holder| (*holder).into()).map(|holder: Holder| self.opener(holder));
        stream::iter(asked.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
    }

    /// Draws keys for those of `holders` that have none, a thousand per write: before a large load, so that each
    /// event need not wait for its own.
    ///
    /// # Errors
    /// [`KeyError`]; some keys may be there then, which does no harm. Call it again.
    pub async fn create_many<H: Into<Holder> + Copy>(&self, holders: &[H]) -> Result<(), KeyError> {
        self.check().await?;
        let mut distinct = HashSet::new();
        let missing: Vec<Holder> = {
            let cache = self.inner.cache();
            let known = |h: Holder| matches!(cache.get(h), Some(Known::Key(_)));
            holders.iter().map(|h| (*h).into()).filter(|h| distinct.insert(*h) && !known(*h)).collect()
        };
        for some in missing.chunks(BATCH) {
            let (epoch, force) = self.in_force().await?;
            let asked = self.inner.cache().moment();
            let mut keys = Vec::with_capacity(some.len());
            let mut messages = Vec::with_capacity(some.len());
            for holder in some {
                let key = DataKey::draw()?;
                messages.push(Writing {
                    subject: store::subject(*holder),
                    message: wrapping::wrap(&epoch, *holder, &key)?,
                    expected: Some(0),
                });
                keys.push((*holder, Known::Key(Arc::new(key))));
            }
            match self.inner.store.write_keys(messages, force).await? {
                Written::Done => {
                    let mut cache = self.inner.cache();
                    keys.into_iter().for_each(|(holder, key)| cache.remember(holder, key, asked));
                }
                // Some have a key already, or another epoch is in force: each for itself, then.
                Written::Look => {
                    self.inner.ask_again();
                    let each = stream::iter(some.iter().copied().map(|holder| self.key_to_seal(holder)));
                    each.buffer_unordered(AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await?;
                }
            }
        }
        Ok(())
    }

    /// Drops what is in memory about the holder: on learning that another process has erased it.
    pub fn evict(&self, holder: impl Into<Holder>) {
        self.inner.cache().evict(holder.into());
    }

    /// Sixteen bytes that stand for `parts` without revealing them (HMAC-SHA-256 under the index key, cut in half):
    /// equal parts give equal bytes wherever the same key file is. The first part names the use, so that digests of one
    /// use never meet those of another.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        // A key shorter than the hash's block is filled up with zeros: so says the definition of HMAC.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.inner.file().index());
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(&length_prefixed(parts));
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        half
    }

    /// The holder's key, drawn if there is none.
    async fn key_to_seal(&self, holder: Holder) -> Result<Arc<DataKey>, KeyError> {
        for _ in 0..TRIES {
            match self.look_up(holder).await? {
                Some(Known::Key(key)) => return Ok(key),
                Some(Known::Forgotten) => return Err(KeyError::Forgotten(holder)),
                None => {}
            }
            let (epoch, force) = self.in_force().await?;
            let asked = self.inner.cache().moment();
            let key = Arc::new(DataKey::draw()?);
            let message = wrapping::wrap(&epoch, holder, &key)?;
            let writing = Writing { subject: store::subject(holder), message, expected: Some(0) };
            match self.inner.store.write_keys(vec![writing], force).await? {
                Written::Done => {
                    self.inner.cache().remember(holder, Known::Key(Arc::clone(&key)), asked);
                    return Ok(key);
                }
                Written::Look => self.inner.ask_again(),
            }
        }
        Err(KeyError::Contended(holder))
    }

    /// What memory, else the stream, knows of the holder's key.
    pub(super) async fn look_up(&self, holder: Holder) -> Result<Option<Known>, KeyError> {
        let asked = {
            let cache = self.inner.cache();
            if let Some(known) = cache.get(holder) {
                return Ok(Some(known));
            }
            cache.moment()
        };
        self.check().await?;
        let mut tries = 0;
        let unwrapped = loop {
            let Some(found) = self.inner.store.read(&store::subject(holder)).await? else { return Ok(None) };
            match wrapping::unwrap(&self.inner.file(), holder, &found.message) {
                // The keys are being rotated, or were: the file may have the epoch by now, or the key be re-wrapped.
                Err(KeyError::UnknownEpoch { .. } | KeyError::Damaged { .. }) if tries < TRIES_TO_UNWRAP => {
                    tries += 1;
                    self.align().await?;
                }
                unwrapped => break unwrapped?,
            }
        };
        let known = match unwrapped {
            Unwrapped::Key(key) => Known::Key(Arc::new(key)),
            Unwrapped::Forgotten => Known::Forgotten,
        };
        self.inner.cache().remember(holder, known.clone(), asked);
        Ok(Some(known))
    }
}

/// The holder whose ledger this is.
fn holder_of(ledger: &AggregateId) -> Result<Holder, KeyError> {
    Holder::of(ledger).ok_or(KeyError::NoKeyFor(*ledger))
}
