//! What a journal is told before it opens: where the broker is, which territories live on which stream, how long to wait.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use domain::id::Territory;

use crate::subject;

/// The stream that holds every event no other stream was named for.
pub const JOURNAL: &str = "JOURNAL";

/// The stream of wrapped data keys.
pub const KEYS: &str = "KEYS";

/// The stream of who read what.
pub const ACCESS: &str = "ACCESS";

/// The stream of the integrity chain.
pub const SEALS: &str = "SEALS";
/// The stream of what became of what was sent for subscriptions.
pub const DELIVERIES: &str = "DELIVERIES";

/// The stream of what leaves for partners.
pub const FEED: &str = "FEED";

/// How long it holds a message for a partner that stays away: 90 days.
pub const FEED_AGE: Duration = Duration::from_secs(90 * 86_400);

/// The most bytes one event may weigh on the wire, headers included. The broker refuses heavier ones too.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// How long who read what is kept unless another time is set: twelve months, and no more.
pub const TWELVE_MONTHS: Duration = Duration::from_secs(365 * 24 * 3600);

/// How to reach the broker and what to ask of it.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// Where the broker listens: `nats://127.0.0.1:4222`, several separated by commas for a cluster. With `tls://` the
    /// connection begins with TLS, which servers take with `handshake_first`; nothing is ever said in clear.
    pub url: String,
    /// The file with this service's credentials, a token and its seed (`.creds`) or a seed alone; none on a broker that
    /// asks for none.
    pub credentials: Option<PathBuf>,
    /// The certificate authorities to trust besides those of the system (PEM), for `tls://`.
    pub root_certificates: Option<PathBuf>,
    /// How long the first connection may take.
    pub connect_within: Duration,
    /// What the broker calls this connection in its own reports: `intake`.
    pub name: String,
    /// The prefix of this service's reply subjects, so that its rights can be bounded: `_INBOX_intake`.
    pub inbox: Option<String>,
    /// How many servers keep each event: 1 on a single server, 3 on a cluster.
    pub replicas: usize,
    /// The most bytes each stream of events may hold; beyond it the broker refuses and nothing is lost. Keep it
    /// below the disk.
    pub max_bytes: i64,
    /// The most bytes the stream of keys may hold.
    pub max_key_bytes: i64,
    /// The most bytes the stream of who read what may hold; beyond it nothing that is recorded can be read. An entry
    /// weighs some 600 bytes.
    pub max_access_bytes: i64,
    /// How long who read what is kept.
    pub access_kept_for: Duration,
    /// The most bytes the integrity chain may hold: some 30 for each event, and 1 MB a day for each stream that is
    /// written to every minute.
    pub max_seal_bytes: i64,
    /// The most bytes the stream of what leaves for partners may hold; beyond it the oldest messages give way.
    pub max_feed_bytes: i64,
    /// The most bytes the stream of what became of what was sent may hold; beyond it nothing more is sent by webhook. A record
    /// weighs some 500 bytes.
    pub max_delivery_bytes: i64,
    /// Which territories live on which stream.
    pub partitions: Partitions,
    /// Whether streams that are missing are created.
    pub provision: Provision,
    /// How long one append or one read may wait for its answer before its outcome counts as unknown.
    pub ack_wait: Duration,
    /// How long a command keeps trying while the broker cannot be reached: more than a cluster takes to elect a
    /// leader (4 s to 8 s measured).
    pub patience: Duration,
    /// How long an answer waits for the local view to have applied what was recorded.
    pub visible_within: Duration,
}

impl JournalConfig {
    /// The settings of one machine, for the broker at `url`.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            root_certificates: None,
            connect_within: Duration::from_secs(10),
            name: "continuum".to_owned(),
            inbox: None,
            replicas: 1,
            max_bytes: 8 << 30,
            max_key_bytes: 256 << 20,
            max_access_bytes: 2 << 30,
            access_kept_for: TWELVE_MONTHS,
            max_seal_bytes: 2 << 30,
            max_feed_bytes: 256 << 20,
            max_delivery_bytes: 2 << 30,
            partitions: Partitions::default(),
            provision: Provision::Create,
            ack_wait: Duration::from_secs(5),
            patience: Duration::from_secs(15),
            visible_within: Duration::from_secs(2),
        }
    }
}

/// What to do about streams at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provision {
    /// Create what is missing, raise limits that were changed. Needs the right to manage streams.
    Create,
    /// Only check: services of a shared installation hold no right to manage streams.
    Verify,
}

/// Which territories live on which stream: `JOURNAL` holds all of those that are not named.
///
/// A country is cut by territory; an append stays within one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions {
    named: BTreeMap<Territory, String>,
}

impl Partitions {
    /// Cuts by these territories.
    ///
    /// A stream name is letters, digits, `-` and `_`; the broker refuses others when the journal opens.
    #[must_use]
    pub fn new(named: BTreeMap<Territory, String>) -> Self {
        Self { named }
    }

    /// The stream that holds a territory.
    #[must_use]
    pub fn stream(&self, territory: Territory) -> &str {
        self.named.get(&territory).map_or(JOURNAL, String::as_str)
    }

    /// Every stream with the subjects it captures, `JOURNAL` first. Subjects never overlap: the broker forbids it.
    #[must_use]
    pub fn streams(&self) -> Vec<(String, Vec<String>)> {
        if self.named.is_empty() {
            return vec![(JOURNAL.to_owned(), vec![subject::ALL.to_owned()])];
        }
        let mut others: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut rest = Vec::new();
        for territory in territories() {
            match self.stream(territory) {
                JOURNAL => rest.push(subject::of_territory(territory)),
                other => others.entry(other).or_default().push(subject::of_territory(territory)),
            }
        }
        let mut streams = vec![(JOURNAL.to_owned(), rest)];
        streams.extend(others.into_iter().map(|(name, subjects)| (name.to_owned(), subjects)));
        streams.retain(|(_, subjects)| !subjects.is_empty());
        streams
    }
}

/// Every département there is.
fn territories() -> impl Iterator<Item = Territory> {
    let numbered = (1..=976).map(|n| format!("{n:02}"));
    numbered.chain(["2A".to_owned(), "2B".to_owned()]).filter_map(|code| code.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_territory_lives_on_exactly_one_stream() {
        let gironde: Territory = "33".parse().unwrap();
        let corse: Territory = "2A".parse().unwrap();
        let cut = Partitions::new(BTreeMap::from([(gironde, "SUD".to_owned()), (corse, "SUD".to_owned())]));
        let streams = cut.streams();
        assert_eq!(streams[1], ("SUD".to_owned(), vec!["evt.33.>".to_owned(), "evt.2A.>".to_owned()]));
        let all: Vec<_> = streams.iter().flat_map(|(_, subjects)| subjects).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (102, 102));
        assert_eq!(cut.stream(gironde), "SUD");
        assert_eq!(cut.stream("75".parse().unwrap()), JOURNAL);
        assert_eq!(Partitions::default().streams(), [(JOURNAL.to_owned(), vec!["evt.>".to_owned()])]);
    }
}
