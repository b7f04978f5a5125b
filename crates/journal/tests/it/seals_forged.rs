//! Somebody with all rights on the broker writes the streams anew: whatever they change is noticed (security.md, P5).

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use async_nats::{HeaderMap, HeaderName};
use journal::seals::{Cadence, Sealer, What, verify};
use journal::{Journal, Provision};

use crate::seals_content::{Content, Dice, Message, STREAMS, content, damages, fill, noon, small};
use crate::support::Ground;

/// What a forger does to one stream, or to all.
#[derive(Debug, Clone, Copy)]
enum Forgery {
    Body,
    HeaderValue,
    HeaderGone,
    HeaderMore,
    Subject,
    /// One message gone, the others moved up.
    Gone,
    /// One message deleted where it stood.
    Deleted,
    Swapped,
    Repeated,
    CutOff,
    Emptied,
    /// Every stream and the chain cut off together, where a seal ended.
    AllCutOff,
}

const FORGERIES: [Forgery; 12] = [
    Forgery::Body,
    Forgery::HeaderValue,
    Forgery::HeaderGone,
    Forgery::HeaderMore,
    Forgery::Subject,
    Forgery::Gone,
    Forgery::Deleted,
    Forgery::Swapped,
    Forgery::Repeated,
    Forgery::CutOff,
    Forgery::Emptied,
    Forgery::AllCutOff,
];

/// The content after a forgery; none where there is nothing to forge.
fn forge(original: &Content, forgery: Forgery, stream: &'static str, dice: &mut Dice) -> Option<Content> {
    let mut forged = original.clone();
    let messages = forged.get_mut(stream)?;
    let count = messages.len();
    let at = dice.below(count);
    let mut message = messages[at].clone()?;
    match forgery {
        Forgery::Body => {
            let byte = dice.below(message.body.len());
            message.body[byte] ^= 1 << dice.below(8);
            messages[at] = Some(message);
        }
        Forgery::HeaderValue => {
            let headers = message.headers.len();
            let (_, value) = message.headers.get_mut(dice.below(headers.max(1)))?;
            value.push('0');
            messages[at] = Some(message);
        }
        Forgery::HeaderGone => {
            let headers = message.headers.len();
            (headers > 0).then(|| message.headers.remove(dice.below(headers)))?;
            messages[at] = Some(message);
        }
        Forgery::HeaderMore => {
            message.headers.push(("ce-note".to_owned(), "1".to_owned()));
            messages[at] = Some(message);
        }
        Forgery::Subject => {
            message.subject.push('0');
            messages[at] = Some(message);
        }
        Forgery::Gone => drop(messages.remove(at)),
        Forgery::Deleted => messages[at] = None,
        Forgery::Swapped => messages.swap(at, (at + 1 + dice.below(count - 1)) % count),
        // Not at the end: that would be one more message, which is allowed.
        Forgery::Repeated => messages.insert(dice.below(count), Some(message)),
        Forgery::CutOff => messages.truncate(at),
        Forgery::Emptied => messages.clear(),
        Forgery::AllCutOff => {
            forged.get_mut("SEALS")?.truncate(3);
            forged.get_mut("JOURNAL")?.truncate(30);
            forged.get_mut("ACCESS")?.truncate(dice.below(20));
        }
    }
    Some(forged)
}

/// Writes one stream anew, as whoever has all rights can, and puts its promises back.
async fn install(raw: &Context, config: &Config, messages: &[Option<Message>]) {
    raw.delete_stream(&config.name).await.unwrap();
    let open = Config { deny_delete: false, deny_purge: false, ..config.clone() };
    let mut stream = raw.create_stream(open).await.unwrap();
    let placeholder =
        Message { subject: config.subjects[0].replace('>', "hole"), headers: Vec::new(), body: Vec::new() };
    let mut acknowledgements = Vec::new();
    for message in messages {
        let message = message.as_ref().unwrap_or(&placeholder);
        let mut headers = HeaderMap::new();
        for (name, value) in &message.headers {
            headers.append(name.parse::<HeaderName>().unwrap(), value.as_str());
        }
        let body = message.body.clone().into();
        acknowledgements
            .push(raw.publish_with_headers(message.subject.clone(), headers, body).await.unwrap());
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await.unwrap();
    }
    for (position, message) in (1..).zip(messages) {
        if message.is_none() {
            stream.delete_message(position).await.unwrap();
        }
    }
    raw.update_stream(config).await.unwrap();
    let info = stream.info().await.unwrap();
    assert_eq!(info.state.last_sequence, messages.len() as u64);
}

#[tokio::test]
async fn whatever_is_forged_in_the_journal_in_the_accesses_or_in_the_chain_is_noticed() {
    let ground = Ground::new().await;
    let secrets = tempfile::tempdir().unwrap();
    let (url, key) = (ground.broker.url(), secrets.path().join("seal-key"));
    let known = fill(&url, &key).await;
    let original = content(&url).await;
    assert_eq!(STREAMS.map(|stream| original[stream].len()), [80, 40, 12]);
    let raw = ground.raw().await;
    let mut configs = Vec::new();
    for stream in STREAMS {
        configs.push(raw.get_stream(stream).await.unwrap().cached_info().config.clone());
    }
    let journal = Journal::open(small(&url, Provision::Verify)).await.unwrap();

    let mut installed = original.clone();
    let mut tried = 0;
    for n in 0..damages() * 3 / 5 {
        let mut dice = Dice(n);
        let forgery = FORGERIES[usize::try_from(n).unwrap() % FORGERIES.len()];
        let stream = STREAMS[dice.below(STREAMS.len())];
        let Some(forged) = forge(&original, forgery, stream, &mut dice) else { continue };
        for (name, config) in STREAMS.into_iter().zip(&configs) {
            if installed[name] != forged[name] {
                install(&raw, config, &forged[name]).await;
            }
        }
        installed = forged;
        let report = verify(&journal, &known, noon(), |_| {}).await.unwrap();
        let same = installed == original;
        assert_eq!(report.is_whole(), same, "number {n}: {forgery:?} in {stream}: {report:?}");
        if let (Some(first), Forgery::Body | Forgery::Deleted | Forgery::HeaderValue) =
            (&report.first, forgery)
        {
            let at = original[stream].iter().zip(&installed[stream]).position(|(one, other)| one != other);
            assert_eq!(
                (first.stream.as_str(), first.sequence),
                (stream, at.unwrap() as u64 + 1),
                "number {n}"
            );
        }
        tried += u64::from(!same);
    }
    assert!(tried >= damages() / 2, "only {tried} forgeries changed something");

    // The same content, written anew without what the broker noted beside it, is the same.
    for (name, config) in STREAMS.into_iter().zip(&configs) {
        install(&raw, config, &original[name]).await;
    }
    let report = verify(&journal, &known, noon(), |_| {}).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.compared(), 120);

    // Another chain over other content, as sound as the first but for its key.
    install(&raw, &configs[0], &original["JOURNAL"][..40]).await;
    install(&raw, &configs[2], &[]).await;
    let stranger = secrets.path().join("stranger");
    let mut forger =
        Sealer::open(journal.clone(), &stranger, None, Cadence::default(), noon()).await.unwrap();
    forger.seal_all(noon()).await.unwrap();
    let report = verify(&journal, &known, noon(), |_| {}).await.unwrap();
    assert_eq!(report.first.map(|damage| damage.what), Some(What::CutOff));
    assert_eq!(report.damages, 2, "neither the entry that was noted nor the key");
}
