//! A stream read from its first message to the last that it had when the reading began.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, Message};
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};

use crate::sealing::random;

/// How many messages are asked for at once.
const AT_ONCE: usize = 1000;

/// The longest that one of them may be awaited.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a reader that finds nothing asks whether there is more, and how long it pauses before: a replica may be
/// behind its leader.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// What the broker says.
pub(crate) type Refused = Box<dyn std::error::Error + Send + Sync>;

/// One message of a stream.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// Where it stands.
    pub(crate) sequence: u64,
    /// When the broker stored it, in nanoseconds since 1970.
    pub(crate) stored: i64,
    /// The message.
    pub(crate) message: async_nats::Message,
}

/// A reading under way. The broker forgets it by itself.
pub(crate) struct Scan {
    stream: Stream<()>,
    consumer: Consumer<pull::Config>,
    at: u64,
    end: u64,
    messages: u64,
}

impl Scan {
    /// Begins to read `stream`.
    pub(crate) async fn begin(jetstream: &Context, stream: &str) -> Result<Self, Refused> {
        let state = jetstream.get_stream(stream).await?.cached_info().state.clone();
        let stream = jetstream.get_stream_no_info(stream).await?;
        // Named by us, so that it is asked for at a subject of its own: whoever reads may not ask for just any.
        let name = format!("scan-{:032x}", u128::from_le_bytes(random()?));
        let consumer = stream
            .create_consumer(pull::Config {
                name: Some(name),
                ack_policy: AckPolicy::None,
                memory_storage: true,
                num_replicas: 1,
                inactive_threshold: Duration::from_secs(60),
                ..pull::Config::default()
            })
            .await?;
        Ok(Self { stream, consumer, at: 0, end: state.last_sequence, messages: state.messages })
    }

    /// About how many messages there are.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// The next messages in order; none at the end. Messages that are written or removed meanwhile may be among them or
    /// not.
    pub(crate) async fn next(&mut self) -> Result<Vec<Scanned>, Refused> {
        for _ in 0..LOOKS {
            if self.at >= self.end {
                return Ok(Vec::new());
            }
            let asked = self.consumer.fetch().max_messages(AT_ONCE).messages();
            let mut messages = timeout(PATIENCE, asked).await??;
            let mut found = Vec::with_capacity(AT_ONCE);
            while let Some(message) = timeout(PATIENCE, messages.next()).await? {
                found.push(Self::scanned(message?)?);
            }
            if let Some(last) = found.last() {
                self.at = last.sequence;
                found.retain(|message| message.sequence <= self.end);
                return Ok(found);
            }
            if !self.more().await? {
                self.at = self.end;
                return Ok(Vec::new());
            }
            sleep(PAUSE).await;
        }
        Err("there is more, but it does not come".into())
    }

    fn scanned(message: Message) -> Result<Scanned, Refused> {
        let info = message.info()?;
        let (sequence, stored) = (info.stream_sequence, info.published.unix_timestamp_nanos());
        Ok(Scanned { sequence, stored: i64::try_from(stored)?, message: message.into() })
    }

    /// Whether the leader has something behind the last message that was read.
    async fn more(&self) -> Result<bool, Refused> {
        match self.stream.get_first_raw_message_by_subject(">", self.at + 1).await {
            Ok(found) => Ok(found.sequence <= self.end),
            Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}
