//! The sections that every service has, with the range of each value. What they mean is said in the default files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::{Mail, SignIn, Watch, Webhooks};
use crate::http::Network;

/// A value that does not make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The key, with its table.
    pub key: String,
    /// What it must be.
    pub expected: String,
}

impl Wrong {
    /// The value of `key` must be `expected`.
    #[must_use]
    pub fn new(key: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { key: key.into(), expected: expected.into() }
    }

    /// Refuses a value that is not from `least` to `most`.
    ///
    /// # Errors
    ///
    /// [`Wrong`] naming the range.
    pub fn unless_within(key: &str, value: u64, least: u64, most: u64) -> Result<(), Self> {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(Self::new(key, format!("from {least} to {most}, not {value}")))
        }
    }
}

/// The `[service]` table: the keys that only one service has.
pub trait Own: DeserializeOwned + Send + Sync + 'static {
    /// Refuses values that do not make sense; keys are named with their table: `service.tick_s`.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`] value.
    fn check(&self) -> Result<(), Wrong>;
}

/// A service without keys of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NothingOfItsOwn {}

impl Own for NothingOfItsOwn {
    fn check(&self) -> Result<(), Wrong> {
        Ok(())
    }
}

/// The whole configuration of a service; `O` is its `[service]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Settings<O = NothingOfItsOwn> {
    /// How far behind the journal a view may be while the service says it is ready, in events.
    pub lag_events_max: u64,
    /// The surface.
    pub http: Http,
    /// What a single request may ask for.
    pub limits: Limits,
    /// The broker.
    pub nats: Nats,
    /// Where the views are kept.
    pub data: Data,
    /// What seals personal data.
    pub keys: Keys,
    /// The log.
    pub log: Log,
    /// What people sign in with; only where they do.
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// What counts as reading too much; only where readers are watched over.
    #[serde(default)]
    pub watch: Option<Watch>,
    /// What may be sent to; only where something is.
    #[serde(default)]
    pub webhooks: Option<Webhooks>,
    /// The relay that takes mail; only where some is sent.
    #[serde(default)]
    pub mail: Option<Mail>,
    /// The keys of this service alone.
    pub service: O,
}

impl<O: Own> Settings<O> {
    /// Refuses the first value that is out of its range.
    ///
    /// # Errors
    ///
    /// [`Wrong`], with the key and what it must be.
    pub fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("lag_events_max", self.lag_events_max, 1, 1_000_000_000)?;
        self.http.check()?;
        self.limits.check()?;
        self.nats.check()?;
        self.keys.check()?;
        self.sign_in.as_ref().map_or(Ok(()), SignIn::check)?;
        self.watch.as_ref().map_or(Ok(()), Watch::check)?;
        self.mail.as_ref().map_or(Ok(()), Mail::check)?;
        for (key, path) in [("data.dir", &self.data.dir), ("keys.file", &self.keys.file)] {
            if path.as_os_str().is_empty() {
                return Err(Wrong::new(key, "a path"));
            }
        }
        if self.log.filter.parse::<tracing_subscriber::filter::Targets>().is_err() {
            return Err(Wrong::new("log.filter", "a filter such as \"info,journal=debug\""));
        }
        self.service.check()
    }
}

/// `[http]`: where the service listens, and how much it takes on at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Http {
    /// The address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// The largest body that is read, in bytes.
    pub body_bytes_max: u64,
    /// How deep JSON may be nested, in levels.
    pub json_depth_max: u32,
    /// How long a request may take, in seconds.
    pub request_timeout_s: u32,
    /// How many requests are served at once.
    pub concurrency_max: u32,
    /// How many connections are open at once.
    pub connections_max: u32,
    /// How many requests may come from one address in a minute, those around it that belong to one connection included.
    pub per_address_max: u32,
    /// The proxies whose word is taken for whom they ask for.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<Network>,
    /// How long what is under way may go on when the service is asked to stop, in seconds.
    pub shutdown_grace_s: u32,
}

impl Http {
    /// How long a request may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s.into())
    }

    /// How long what is under way may go on when the service is asked to stop.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_s.into())
    }

    fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("http.body_bytes_max", self.body_bytes_max, 1_024, 64 * 1_024 * 1_024)?;
        // serde_json itself refuses more than 127 levels.
        Wrong::unless_within("http.json_depth_max", self.json_depth_max.into(), 2, 127)?;
        Wrong::unless_within("http.request_timeout_s", self.request_timeout_s.into(), 1, 600)?;
        Wrong::unless_within("http.concurrency_max", self.concurrency_max.into(), 1, 100_000)?;
        Wrong::unless_within("http.connections_max", self.connections_max.into(), 1, 1_000_000)?;
        Wrong::unless_within("http.per_address_max", self.per_address_max.into(), 1, 10_000_000)?;
        Wrong::unless_within("http.shutdown_grace_s", self.shutdown_grace_s.into(), 1, 600)
    }
}

/// `[limits]`: what a single request may ask for. Meeting one of them is answered with its name and value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Limits {
    /// The most rows of one page of a list.
    pub list_max: u32,
    /// The longest wait for a view to reach a position, in milliseconds.
    pub wait_ms_max: u32,
    /// The most live streams open at once.
    pub stream_clients_max: u32,
    /// The most requests of all people and programs of one organisation in a minute.
    pub per_organisation_max: u32,
    /// The most exports of one person or program in an hour.
    pub exports_max: u32,
}

impl Limits {
    fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("limits.list_max", self.list_max.into(), 1, 10_000)?;
        Wrong::unless_within("limits.wait_ms_max", self.wait_ms_max.into(), 0, 60_000)?;
        Wrong::unless_within("limits.stream_clients_max", self.stream_clients_max.into(), 0, 100_000)?;
        Wrong::unless_within("limits.per_organisation_max", self.per_organisation_max.into(), 1, 10_000_000)?;
        Wrong::unless_within("limits.exports_max", self.exports_max.into(), 1, 100_000)
    }
}

/// `[nats]`: the broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Nats {
    /// The servers, separated by commas: `nats://` or `tls://`, without user or password.
    pub url: String,
    /// The `.creds` file to sign in with; none for a broker that asks for none.
    #[serde(deserialize_with = "path_or_none")]
    pub credentials_file: Option<PathBuf>,
    /// The `.creds` file of the gateway that takes the commands of partners; none where they come over HTTP alone.
    #[serde(default, deserialize_with = "path_or_none")]
    pub gateway_credentials_file: Option<PathBuf>,
    /// The certificate authorities to trust (PEM); none for those of the system.
    #[serde(deserialize_with = "path_or_none")]
    pub root_certificates_file: Option<PathBuf>,
    /// How long to try to connect before giving up, in seconds.
    pub connect_timeout_s: u32,
}

impl Nats {
    /// How long to try to connect before giving up.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_s.into())
    }

    fn check(&self) -> Result<(), Wrong> {
        let is_plain = |url: &str| {
            let server = url.trim().strip_prefix("nats://").or_else(|| url.trim().strip_prefix("tls://"));
            server.is_some_and(|server| !server.is_empty() && !server.contains(['@', '/', ' ']))
        };
        if !self.url.split(',').all(is_plain) {
            let expected = "nats://host:port or tls://host:port, several separated by commas, \
                            without user or password (those belong in nats.credentials_file)";
            return Err(Wrong::new("nats.url", expected));
        }
        Wrong::unless_within("nats.connect_timeout_s", self.connect_timeout_s.into(), 1, 600)
    }
}

/// `[data]`: where the views are kept. They are caches: deleting them is a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Data {
    /// The directory; created when it is not there.
    pub dir: PathBuf,
}

/// `[keys]`: what seals personal data.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Keys {
    /// The file of the key-encryption key, outside of the broker and of the backups.
    pub file: PathBuf,
    /// The file of retired key-encryption keys; none for one beside the key file.
    #[serde(deserialize_with = "path_or_none")]
    pub escrow_file: Option<PathBuf>,
    /// How long they stay there, in days.
    pub escrow_days: u32,
    /// The ledger of erasures; none for one beside the key file.
    #[serde(deserialize_with = "path_or_none")]
    pub erasures_file: Option<PathBuf>,
    /// When the key-encryption key is rotated, by the clocks of `rotate_zone`.
    pub rotate_at: String,
    /// The time zone of that.
    pub rotate_zone: String,
}

impl Keys {
    /// The time of day at which keys are rotated, and the zone in which it is that time.
    ///
    /// # Errors
    ///
    /// [`Wrong`], with the key and what it must be.
    pub fn rotation(&self) -> Result<(Time, TimeZone), Wrong> {
        let at =
            self.rotate_at.parse().map_err(|_| Wrong::new("keys.rotate_at", "a time such as \"02:30\""))?;
        let zone = TimeZone::get(&self.rotate_zone)
            .map_err(|_| Wrong::new("keys.rotate_zone", "a time zone such as \"Europe/Paris\""))?;
        Ok((at, zone))
    }

    fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("keys.escrow_days", self.escrow_days.into(), 1, 3_660)?;
        self.rotation().map(drop)
    }
}

/// `[log]`: one line per thing worth knowing, on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Log {
    /// The form of the lines.
    pub format: LogFormat,
    /// Which lines: a level, and levels by module.
    pub filter: String,
}

/// The form of the lines of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for a log store.
    Json,
    /// Text, for a person at a terminal.
    Text,
}

/// Ranges of addresses with commas between them; an empty text for none.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let all = text.split(',').map(str::trim).filter(|one| !one.is_empty());
    all.map(|one| one.parse().map_err(serde::de::Error::custom)).collect()
}

/// An empty text is no path: a key always has a value in the default file.
pub(super) fn path_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}
