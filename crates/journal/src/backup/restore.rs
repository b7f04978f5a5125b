//! Putting a backup back, onto an empty broker.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID};
use async_nats::jetstream::context::{GetStreamErrorKind, PublishAckFuture};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{HeaderMap, Request};
use serde::Deserialize;

use super::record::Record;
use super::{Backup, BackupError, Stored, Told};
use crate::config::{ACCESS, DELIVERIES, FEED, JournalConfig, KEYS, SEALS};
use crate::keys::control::CONTROL;
use crate::keys::store::{MARK, holder};
use crate::keys::{Erasure, Escrow, Holder, KeyError, KeyFile, destroyed, epoch_of};
use crate::link::Link;

/// How many messages are under way at once.
const AT_ONCE: usize = 256;

/// After how many messages it is told how far it is.
const TOLD_EVERY: u64 = 1000;

/// The beginning of the names of headers that tell the broker what to do with a message.
const FOR_THE_BROKER: &str = "Nats-";

/// What a restore came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The position of the last event of the stream `JOURNAL`.
    pub last_event: u64,
    /// How many messages of all streams are there again.
    pub messages: u64,
    /// How many keys were not restored, because their holders were erased since the backup.
    pub destroyed: u64,
}

impl Backup {
    /// Makes, at `path`, the key file of the instance that is restored from this backup: the index key of `keys`, and the
    /// epochs that the backup was made under, from there or from the escrow.
    ///
    /// # Errors
    /// [`BackupError::Keys`] if an epoch is in neither, or something stands at `path` that cannot be replaced.
    pub fn make_key_file(
        &self,
        keys: &KeyFile,
        escrow: Option<&Escrow>,
        path: &Path,
    ) -> Result<(), BackupError> {
        let (mut epochs, mut control) = (BTreeSet::new(), None);
        epochs.extend(self.manifest().epoch);
        for stored in self.manifest().streams.iter().filter(|stored| stored.stream.name == KEYS) {
            for record in self.records(stored)? {
                let record = record?;
                if holder(&record.subject).is_some() {
                    epochs.extend(epoch_of(&record.body));
                } else if record.subject == CONTROL {
                    control = Some(record.body);
                }
            }
        }
        let control = control.ok_or(KeyError::KeysLost)?;
        Ok(keys.for_restored(&epochs, &control, escrow, path)?)
    }
}

/// Writes `backup` to the broker of `config`, which has none of its streams, without the keys of those in `erasures`.
/// Nothing can open the journal before the last message is written.
///
/// # Errors
/// [`BackupError`]. What was written is of no use then: begin again with an empty broker.
pub async fn restore(
    config: &JournalConfig,
    backup: &Backup,
    erasures: &[Erasure],
    told: &mut Told<'_>,
) -> Result<Restored, BackupError> {
    let link = Link::connect(config).await?;
    let jetstream = jetstream::new(link.client.clone());
    let streams = &backup.manifest().streams;
    for stored in streams {
        refuse_existing(&jetstream, &stored.stream.name).await?;
    }
    let erased: BTreeSet<Holder> = erasures.iter().map(|erasure| erasure.holder).collect();
    let mut restored = Restored { last_event: backup.manifest().last_event(), messages: 0, destroyed: 0 };
    for stored in streams {
        let stream = as_restored(config, stored);
        jetstream.create_stream(stream).await.map_err(BackupError::broker("create a stream"))?;
        let mut writer =
            Writer { jetstream: &jetstream, stored, batch: Vec::new(), under_way: VecDeque::new() };
        let (mut mark, mut came_to) = (None, 0);
        for record in backup.records(stored)? {
            let mut record = record?;
            if !stored.is_exact() {
                // Guards and batches were about the positions of then.
                record.headers.retain(|(name, _)| !name.starts_with(FOR_THE_BROKER));
                if holder(&record.subject).is_some_and(|holder| erased.contains(&holder))
                    && let Some(forgotten) = destroyed(&record.body)
                {
                    record.body = forgotten.into();
                    restored.destroyed += 1;
                }
                if record.subject == MARK {
                    mark = Some(record);
                    continue;
                }
            }
            writer.write(record).await?;
            came_to += 1;
            if u64::is_multiple_of(came_to, TOLD_EVERY) {
                told(&stored.stream.name, came_to, stored.messages);
            }
        }
        writer.flush().await?;
        if let Some(mark) = mark {
            writer.write(mark).await?;
            writer.flush().await?;
            came_to += 1;
        }
        restored.messages += came_to;
        told(&stored.stream.name, stored.messages, stored.messages);
    }
    Ok(restored)
}

async fn refuse_existing(jetstream: &Context, name: &str) -> Result<(), BackupError> {
    match jetstream.get_stream(name).await {
        Ok(_) => Err(BackupError::NotEmpty { stream: name.to_owned() }),
        Err(e) => match e.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(())
            }
            GetStreamErrorKind::JetStream(_)
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::InvalidStreamName => Err(BackupError::broker("tell its streams")(e)),
        },
    }
}

/// The stream as this broker keeps it: its own limits and replicas, the same promises, beginning where it began.
fn as_restored(config: &JournalConfig, stored: &Stored) -> Config {
    let most = match stored.stream.name.as_str() {
        KEYS => config.max_key_bytes,
        ACCESS => config.max_access_bytes,
        SEALS => config.max_seal_bytes,
        DELIVERIES => config.max_delivery_bytes,
        FEED => config.max_feed_bytes,
        _events => config.max_bytes,
    };
    let max_bytes = if stored.stream.max_bytes > 0 { stored.stream.max_bytes.min(most) } else { most };
    Config {
        max_bytes,
        num_replicas: config.replicas,
        first_sequence: (stored.is_exact() && stored.first > 1).then_some(stored.first),
        ..stored.stream.clone()
    }
}

/// Writes the messages of one stream in their order: those that came in one atomic batch in one again, so that what the
/// broker notes in their headers is the same, the others one by one.
struct Writer<'a> {
    jetstream: &'a Context,
    stored: &'a Stored,
    /// The messages of the batch that is being gathered.
    batch: Vec<Record>,
    under_way: VecDeque<(u64, PublishAckFuture)>,
}

impl Writer<'_> {
    async fn write(&mut self, record: Record) -> Result<(), BackupError> {
        let batch = record.header(NATS_BATCH_ID.as_ref());
        let gathered = self.batch.first().and_then(|first| first.header(NATS_BATCH_ID.as_ref()));
        if gathered.is_some() && gathered != batch {
            self.write_batch().await?;
        }
        if record.header(NATS_BATCH_ID.as_ref()).is_some() {
            self.batch.push(record);
            return Ok(());
        }
        let mut message = PublishMessage::build().payload(record.body.clone());
        if !record.headers.is_empty() {
            message = message.headers(record.header_map());
        }
        let sent = self.jetstream.send_publish(record.subject.clone(), message).await;
        self.under_way.push_back((record.position, sent.map_err(BackupError::broker("take a message"))?));
        if self.under_way.len() >= AT_ONCE {
            self.acknowledge_one().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), BackupError> {
        self.write_batch().await?;
        while !self.under_way.is_empty() {
            self.acknowledge_one().await?;
        }
        Ok(())
    }

    async fn acknowledge_one(&mut self) -> Result<(), BackupError> {
        let Some((position, under_way)) = self.under_way.pop_front() else { return Ok(()) };
        let acknowledged = under_way.await.map_err(BackupError::broker("take a message"))?;
        self.expect(position, acknowledged.sequence)
    }

    fn expect(&self, position: u64, sequence: u64) -> Result<(), BackupError> {
        if self.stored.is_exact() && position != sequence {
            return Err(BackupError::Displaced { stream: self.stored.stream.name.clone(), position });
        }
        Ok(())
    }

    async fn write_batch(&mut self) -> Result<(), BackupError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            seq: u64,
            error: Option<jetstream::Error>,
        }
        let batch = std::mem::take(&mut self.batch);
        let Some((last, others)) = batch.split_last() else { return Ok(()) };
        while !self.under_way.is_empty() {
            self.acknowledge_one().await?;
        }
        let client = self.jetstream.client();
        for record in others {
            let headers = without_commit(&record.header_map());
            let sent =
                client.publish_with_headers(record.subject.clone(), headers, record.body.clone()).await;
            sent.map_err(BackupError::broker("take a batch"))?;
        }
        let mut headers = last.header_map();
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let request = Request::new().headers(headers).payload(last.body.clone());
        let answer = client.send_request(last.subject.clone(), request).await;
        let answer = answer.map_err(BackupError::broker("take a batch"))?;
        let answer: Answer =
            serde_json::from_slice(&answer.payload).map_err(BackupError::broker("take a batch"))?;
        match answer.error {
            Some(error) => Err(BackupError::broker("take a batch")(error)),
            None => self.expect(last.position, answer.seq),
        }
    }
}

/// Only the last message of a batch says that it is the last.
fn without_commit(headers: &HeaderMap) -> HeaderMap {
    let mut others = HeaderMap::new();
    for (name, values) in headers.iter() {
        if *name != NATS_BATCH_COMMIT {
            values.iter().for_each(|value| others.append(name.clone(), value.clone()));
        }
    }
    others
}
