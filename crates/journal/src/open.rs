//! Opening: the connection, and the streams as the journal needs them.

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};

use crate::config::{
    ACCESS, DELIVERIES, FEED, FEED_AGE, JournalConfig, KEYS, MAX_EVENT_BYTES, Provision, SEALS,
};
use crate::link::{Link, Unreachable};

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The broker cannot be reached, or refuses the credentials: check the address, the file, and that it runs.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// A stream is missing and may not be created here: an administrator creates it.
    #[error(
        "the stream {stream} does not exist and this service may not create it; create it with the administrator's rights"
    )]
    Missing {
        /// The stream.
        stream: String,
    },
    /// The broker refuses to create or change a stream.
    #[error("the broker refuses to {action} the stream {stream}: {why}")]
    Refused {
        /// `create`, `change` or `look at`.
        action: &'static str,
        /// The stream.
        stream: String,
        /// The broker's words.
        why: String,
    },
    /// A stream exists but does not keep the promises of the journal: nothing is written to it.
    #[error("the stream {stream} is not fit to hold events: {what}; correct it or name another stream")]
    Unfit {
        /// The stream.
        stream: String,
        /// The setting that is wrong.
        what: &'static str,
    },
}

/// A property a stream must have.
struct Promise {
    what: &'static str,
    kept: fn(&Config) -> bool,
}

/// What makes a stream a journal: all that was acknowledged stays, in order.
const JOURNAL_PROMISES: &[Promise] = &[
    Promise { what: "it is not kept in files", kept: |c| c.storage == StorageType::File },
    Promise { what: "messages can be deleted from it", kept: |c| c.deny_delete },
    Promise { what: "it can be purged", kept: |c| c.deny_purge },
    Promise { what: "messages can be rolled up", kept: |c| !c.allow_rollup },
    Promise { what: "old messages give way to new ones", kept: |c| c.discard == DiscardPolicy::New },
    Promise { what: "messages expire by age", kept: |c| c.max_age.is_zero() },
    Promise {
        what: "the number of messages is limited",
        kept: |c| c.max_messages <= 0 && c.max_messages_per_subject <= 0,
    },
    Promise { what: "it has no byte limit", kept: |c| c.max_bytes > 0 },
    Promise { what: "messages do not stay until a limit", kept: |c| c.retention == RetentionPolicy::Limits },
    Promise { what: "atomic batches are not allowed", kept: |c| c.allow_atomic_publish },
    Promise { what: "direct reads are not allowed", kept: |c| c.allow_direct },
    Promise { what: "writes are acknowledged before they are stored", kept: |c| c.persist_mode.is_none() },
];

/// What makes a stream fit for keys: one wrapped key per subject, really removed when it is deleted.
const KEY_PROMISES: &[Promise] = &[
    Promise { what: "it is not kept in files", kept: |c| c.storage == StorageType::File },
    Promise { what: "it keeps more than one message per subject", kept: |c| c.max_messages_per_subject == 1 },
    Promise { what: "keys cannot be deleted from it", kept: |c| !c.deny_delete },
    Promise { what: "keys expire by age", kept: |c| c.max_age.is_zero() },
    Promise { what: "a replica may answer with an old key", kept: |c| !c.allow_direct },
    Promise { what: "atomic batches are not allowed", kept: |c| c.allow_atomic_publish },
];

/// What makes a stream fit for who read what: an entry stays until it is old enough, and only its age removes it.
const ACCESS_PROMISES: &[Promise] = &[
    Promise { what: "it is not kept in files", kept: |c| c.storage == StorageType::File },
    Promise { what: "messages can be deleted from it", kept: |c| c.deny_delete },
    Promise { what: "it can be purged", kept: |c| c.deny_purge },
    Promise { what: "messages can be rolled up", kept: |c| !c.allow_rollup },
    Promise { what: "old messages give way to new ones", kept: |c| c.discard == DiscardPolicy::New },
    Promise { what: "messages never expire", kept: |c| !c.max_age.is_zero() },
    Promise {
        what: "the number of messages is limited",
        kept: |c| c.max_messages <= 0 && c.max_messages_per_subject <= 0,
    },
    Promise { what: "it has no byte limit", kept: |c| c.max_bytes > 0 },
    Promise { what: "messages do not stay until a limit", kept: |c| c.retention == RetentionPolicy::Limits },
    Promise { what: "atomic batches are not allowed", kept: |c| c.allow_atomic_publish },
    Promise { what: "direct reads are not allowed", kept: |c| c.allow_direct },
    Promise { what: "writes are acknowledged before they are stored", kept: |c| c.persist_mode.is_none() },
];

/// What a partner has not read yet and may no longer know is taken back.
const NOT_TAKEN_BACK: &str = "messages cannot be taken back from it";

/// What makes a stream fit for what leaves: it forgets by age and what is taken back, and by nothing that a partner could
/// cause.
const FEED_PROMISES: &[Promise] = &[
    Promise { what: "it is not kept in files", kept: |c| c.storage == StorageType::File },
    Promise { what: NOT_TAKEN_BACK, kept: |c| !c.deny_delete },
    Promise { what: "it can be purged", kept: |c| c.deny_purge },
    Promise { what: "messages never expire", kept: |c| !c.max_age.is_zero() },
    Promise { what: "messages do not stay until a limit", kept: |c| c.retention == RetentionPolicy::Limits },
    Promise { what: "it has no byte limit", kept: |c| c.max_bytes > 0 },
    Promise { what: "new messages give way to old ones", kept: |c| c.discard == DiscardPolicy::Old },
];

/// Sees to it that every stream exists and keeps its promises.
pub(crate) async fn ensure_streams(link: &Link, config: &JournalConfig) -> Result<(), OpenError> {
    let context = jetstream::new(link.client.clone());
    for (name, subjects) in config.partitions.streams() {
        ensure(&context, config, journal_stream(config, name, subjects), JOURNAL_PROMISES).await?;
    }
    ensure(&context, config, key_stream(config), KEY_PROMISES).await?;
    ensure(&context, config, access_stream(config), ACCESS_PROMISES).await?;
    // The chain promises what the journal promises.
    ensure(&context, config, seal_stream(config), JOURNAL_PROMISES).await?;
    // So does what proves that something was sent.
    ensure(&context, config, delivery_stream(config), JOURNAL_PROMISES).await?;
    ensure(&context, config, feed_stream(config), FEED_PROMISES).await
}

/// The most bytes one message to a partner may weigh: an event with its attributes around it.
const MAX_TOLD_BYTES: usize = 2 * MAX_EVENT_BYTES;

fn feed_stream(config: &JournalConfig) -> Config {
    Config {
        name: FEED.to_owned(),
        subjects: vec!["feed.>".to_owned()],
        description: Some("what leaves for partners, each on subjects of its own".to_owned()),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_age: FEED_AGE,
        max_bytes: config.max_feed_bytes,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: i32::try_from(MAX_TOLD_BYTES).unwrap_or(i32::MAX),
        num_replicas: config.replicas,
        deny_delete: false,
        deny_purge: true,
        ..Config::default()
    }
}

fn journal_stream(config: &JournalConfig, name: String, subjects: Vec<String>) -> Config {
    Config {
        name,
        subjects,
        description: Some("every fact in order; nothing is ever removed".to_owned()),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_bytes: config.max_bytes,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: i32::try_from(MAX_EVENT_BYTES).unwrap_or(i32::MAX),
        num_replicas: config.replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

fn access_stream(config: &JournalConfig) -> Config {
    Config {
        description: Some("who read what; only its age removes an entry".to_owned()),
        max_bytes: config.max_access_bytes,
        max_age: config.access_kept_for,
        ..journal_stream(config, ACCESS.to_owned(), vec!["access.>".to_owned()])
    }
}

fn seal_stream(config: &JournalConfig) -> Config {
    Config {
        description: Some("the integrity chain over the other streams".to_owned()),
        max_bytes: config.max_seal_bytes,
        ..journal_stream(config, SEALS.to_owned(), vec!["seal.>".to_owned()])
    }
}

fn delivery_stream(config: &JournalConfig) -> Config {
    Config {
        description: Some(
            "what became of what was sent for subscriptions; nothing is ever removed".to_owned(),
        ),
        max_bytes: config.max_delivery_bytes,
        ..journal_stream(config, DELIVERIES.to_owned(), vec!["dlv.>".to_owned()])
    }
}

fn key_stream(config: &JournalConfig) -> Config {
    Config {
        name: KEYS.to_owned(),
        subjects: vec!["key.>".to_owned()],
        description: Some(
            "wrapped data keys, one per household; removing one erases the household".to_owned(),
        ),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        // With one message per subject a key gives way to its re-wrapped self; no key gives way to another's.
        discard: DiscardPolicy::New,
        max_bytes: config.max_key_bytes,
        max_messages: -1,
        max_messages_per_subject: 1,
        num_replicas: config.replicas,
        allow_direct: false,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

async fn ensure(
    context: &jetstream::Context,
    config: &JournalConfig,
    wanted: Config,
    promises: &[Promise],
) -> Result<(), OpenError> {
    let stream = wanted.name.clone();
    let refused = |action, why: &dyn std::fmt::Display| OpenError::Refused {
        action,
        stream: stream.clone(),
        why: why.to_string(),
    };
    let found = match context.get_stream(&stream).await {
        Ok(found) => found.cached_info().config.clone(),
        Err(e) => match e.kind() {
            jetstream::context::GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                if config.provision == Provision::Verify {
                    return Err(OpenError::Missing { stream });
                }
                let created = context.create_stream(wanted.clone()).await;
                let created = created.map_err(|e| refused("create", &e))?;
                tracing::info!(%stream, "created");
                created.cached_info().config.clone()
            }
            jetstream::context::GetStreamErrorKind::Request => {
                return Err(Unreachable::new("look at its streams", &e).into());
            }
            jetstream::context::GetStreamErrorKind::EmptyName
            | jetstream::context::GetStreamErrorKind::InvalidStreamName
            | jetstream::context::GetStreamErrorKind::JetStream(_) => return Err(refused("look at", &e)),
        },
    };
    if let Some(broken) = promises.iter().find(|promise| !(promise.kept)(&found)) {
        // Made by an earlier version, which told partners nothing: the broker cannot change this property.
        let unused = async || {
            context.get_stream(&stream).await.is_ok_and(|is| is.cached_info().state.last_sequence == 0)
        };
        if broken.what == NOT_TAKEN_BACK && config.provision == Provision::Create && unused().await {
            context.delete_stream(&stream).await.map_err(|e| refused("make anew", &e))?;
            context.create_stream(wanted).await.map_err(|e| refused("make anew", &e))?;
            return Ok(());
        }
        return Err(OpenError::Unfit { stream, what: broken.what });
    }
    let subjects = |c: &Config| c.subjects.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    let differs = found.max_bytes != wanted.max_bytes
        || found.num_replicas != wanted.num_replicas
        || found.max_age != wanted.max_age
        || subjects(&found) != subjects(&wanted);
    if !differs {
        return Ok(());
    }
    if config.provision == Provision::Verify {
        return if subjects(&found) == subjects(&wanted) {
            Ok(())
        } else {
            Err(OpenError::Unfit { stream, what: "it does not capture the subjects of its territories" })
        };
    }
    let changed = Config {
        max_bytes: wanted.max_bytes,
        num_replicas: wanted.num_replicas,
        max_age: wanted.max_age,
        subjects: wanted.subjects,
        ..found
    };
    context.update_stream(&changed).await.map_err(|e| refused("change", &e))?;
    tracing::info!(%stream, "limits changed");
    Ok(())
}
