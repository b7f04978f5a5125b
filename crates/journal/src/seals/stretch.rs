//! Reading a stretch of a stream as it lies there, whether or not all of it can be read.

use async_nats::Message;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use super::hash::Hash;
use super::tree::{Whose, leaf, whose};
use crate::link::{Link, Unreachable};
use crate::read::direct::{self, BATCH, Question};
use crate::read::{ReadError, ends};

const ACTION: &str = "read what is sealed";

/// When the broker stored a message, in its answer.
const STORED: HeaderName = HeaderName::from_static("Nats-Time-Stamp");

/// How often a question without an answer is asked again.
const TRIES: usize = 5;

/// The pause before.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// What is there between two positions.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    /// The position and leaf of each message, in order.
    pub(super) leaves: Vec<(u64, Hash)>,
    /// Whose each of them is.
    pub(super) whose: Vec<Whose>,
    /// When the broker stored the first.
    pub(super) since: Option<Timestamp>,
    /// When the broker stored the last.
    pub(super) until: Option<Timestamp>,
}

/// One message as it lies there.
#[derive(Debug)]
pub(super) struct Lying {
    pub(super) position: u64,
    pub(super) subject: String,
    /// Whether it has no headers but the broker's.
    pub(super) plain: bool,
    pub(super) body: bytes::Bytes,
}

/// The messages from one position to another. A damaged file of the broker may end an answer early: what lies behind is
/// asked for one by one, so that all that can be read is read.
pub(super) async fn read(link: &Link, stream: &str, from: u64, to: u64) -> Result<Stretch, ReadError> {
    let mut stretch = Stretch::default();
    let mut last = None;
    walk(link, stream, from, to, |position, message| {
        let no_headers = HeaderMap::new();
        let headers = message.headers.as_ref().unwrap_or(&no_headers);
        let Some((subject, _)) = direct::place(&message) else { return };
        let pairs = headers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| (name.as_ref(), HeaderValue::as_str(value)))
        });
        stretch.leaves.push((position, leaf(position, subject, pairs, &message.payload)));
        stretch.whose.push(whose(subject));
        if stretch.since.is_none() {
            stretch.since = stored(&message);
        }
        last = Some(message);
    })
    .await?;
    stretch.until = last.as_ref().and_then(stored);
    Ok(stretch)
}

/// The messages from one position to another, whole.
pub(super) async fn lying(link: &Link, stream: &str, from: u64, to: u64) -> Result<Vec<Lying>, ReadError> {
    let mut lying = Vec::new();
    walk(link, stream, from, to, |position, message| {
        let Some((subject, _)) = direct::place(&message) else { return };
        let subject = subject.to_owned();
        let of_broker = |name: &str| name.starts_with("Nats-");
        let ours = |headers: &HeaderMap| headers.iter().all(|(name, _)| of_broker(name.as_ref()));
        let plain = message.headers.as_ref().is_none_or(ours);
        lying.push(Lying { position, subject, plain, body: message.payload });
    })
    .await?;
    Ok(lying)
}

async fn walk(
    link: &Link,
    stream: &str,
    from: u64,
    to: u64,
    mut each: impl FnMut(u64, Message),
) -> Result<(), ReadError> {
    let mut cursor = from;
    while cursor <= to {
        let batch = BATCH.min(usize::try_from(to - cursor + 1).unwrap_or(BATCH));
        let mut found = page(link, stream, cursor, batch).await?;
        if found.is_empty() {
            // Nothing there, or nothing that can be read in a row.
            let ends = patiently(|| ends(link, stream)).await?;
            if ends.last < cursor {
                return Ok(());
            }
            if ends.first > cursor {
                cursor = ends.first;
                continue;
            }
            found = one(link, stream, cursor).await?.into_iter().collect();
        }
        let mut next = cursor + 1;
        for message in found {
            match direct::place(&message).map(|(_, position)| position) {
                Some(position) if position > to => return Ok(()),
                Some(position) if position >= cursor => {
                    next = position + 1;
                    each(position, message);
                }
                Some(_) | None => {}
            }
        }
        cursor = next;
    }
    Ok(())
}

/// A row of messages from a position on; none if the broker ends its answer before the first.
async fn page(link: &Link, stream: &str, from: u64, batch: usize) -> Result<Vec<Message>, ReadError> {
    let question = Question { seq: Some(from), batch: Some(batch), ..Question::default() };
    match patiently(|| direct::ask(link, stream, ACTION, &question)).await {
        Ok(page) => Ok(page.messages),
        Err(ReadError::Refused { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The message at one position, if it can be read.
async fn one(link: &Link, stream: &str, position: u64) -> Result<Option<Message>, ReadError> {
    let position = [position];
    match patiently(|| direct::at(link, stream, &position)).await {
        Ok(found) => Ok(found.into_iter().next()),
        Err(ReadError::Nothing { .. } | ReadError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks again for a while when no answer comes.
pub(super) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, ReadError>
where
    F: Future<Output = Result<T, ReadError>>,
{
    let mut tries = 0;
    loop {
        match ask().await {
            Err(ReadError::Unreachable(Unreachable { .. })) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn stored(message: &Message) -> Option<Timestamp> {
    message.headers.as_ref()?.get(STORED)?.as_str().parse().ok()
}
