//! What each user may publish and subscribe to: nobody more than they need.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::grants::GRANTS;
use super::key::AccountKey;
use crate::config::{ACCESS, DELIVERIES, FEED, KEYS, SEALS};

/// How long the gateway may take to answer a command.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Subjects that are allowed, and of those the ones that are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Allowed; nothing else is.
    pub allow: Vec<String>,
    /// Denied all the same.
    pub deny: Vec<String>,
}

impl Subjects {
    /// `{ "allow": […], "deny": […] }`, which both the token and the configuration file take. Where nothing is allowed,
    /// everything is denied: an empty list would allow everything.
    pub(super) fn to_json(&self) -> Value {
        if self.allow.is_empty() {
            return json!({ "deny": [">"] });
        }
        json!({ "allow": self.allow, "deny": self.deny })
    }
}

/// The rights of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Where it may publish and ask.
    pub publish: Subjects,
    /// What it may listen to.
    pub subscribe: Subjects,
    /// Whether it may answer what it is asked, once, wherever the answer is wanted.
    pub answers: bool,
}

/// The users of the core account: one per service, so that each is bounded by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoreUser {
    /// Creates and changes streams. Used while an installation is set up and by its operator, never by a service.
    Admin,
    /// The hand of whoever backs up and restores, and asks which gateways there are: everything in the streams, nothing about
    /// accounts. Used by a person, to write on an instance that stands still alone, never by a service.
    Ops,
    /// All services in one process.
    Continuum,
    /// The service `intake`.
    Intake,
    /// The service `insertion`.
    Insertion,
    /// The service `landlord`.
    Landlord,
    /// The service `supervision`.
    Supervision,
    /// The service `feed`, which alone writes what leaves.
    Feed,
    /// What takes the commands of partners.
    Gateway,
}

impl CoreUser {
    /// Every user of the core account.
    pub const ALL: [Self; 9] = [
        Self::Admin,
        Self::Ops,
        Self::Continuum,
        Self::Intake,
        Self::Insertion,
        Self::Landlord,
        Self::Supervision,
        Self::Feed,
        Self::Gateway,
    ];

    /// Its name: `intake`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Ops => "ops",
            Self::Continuum => "continuum",
            Self::Intake => "intake",
            Self::Insertion => "insertion",
            Self::Landlord => "landlord",
            Self::Supervision => "supervision",
            Self::Feed => "feed",
            Self::Gateway => "gateway",
        }
    }

    /// The prefix of its reply subjects, which no other user may listen to: `_INBOX_intake`.
    #[must_use]
    pub fn inbox(self) -> String {
        format!("_INBOX_{}", self.name())
    }

    /// What it may do, where events lie on `streams`.
    #[must_use]
    pub fn rights(self, streams: &[String]) -> Rights {
        let mut publish = Subjects::default();
        let mut subscribe = Subjects { allow: vec![format!("{}.>", self.inbox())], deny: Vec::new() };
        let answers = match self {
            Self::Admin => {
                publish.allow = vec!["$JS.API.>".to_owned()];
                // Streams are its business, what lies in them is not.
                publish.deny = vec!["$JS.API.DIRECT.GET.>".to_owned(), "$JS.API.STREAM.MSG.>".to_owned()];
                false
            }
            Self::Ops => {
                publish.allow = OWN.map(str::to_owned).into();
                publish.allow.extend(["feed.>", "dlv.>"].map(str::to_owned));
                publish.allow.extend(["$JS.API.>".to_owned(), "$JS.ACK.>".to_owned()]);
                // Which gateways there are, what they take and how much of it: they answer to nobody else's questions.
                publish.allow.extend(DISCOVERY.map(str::to_owned));
                false
            }
            Self::Gateway => {
                subscribe.allow.extend(["cmd.>".to_owned(), "$SRV.>".to_owned()]);
                true
            }
            Self::Intake | Self::Insertion | Self::Landlord | Self::Supervision => {
                publish.allow = service(streams);
                false
            }
            Self::Feed | Self::Continuum => {
                publish.allow = service(streams);
                publish.allow.extend(feeder());
                false
            }
        };
        Rights { publish, subscribe, answers }
    }
}

impl fmt::Display for CoreUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every subject that anything of the house is published on, asked at or listened to: what no partner may touch but its own
/// share of.
#[must_use]
pub fn subjects(streams: &[String]) -> BTreeSet<String> {
    let all = CoreUser::ALL.map(|user| user.rights(streams));
    all.into_iter().flat_map(|rights| [rights.publish.allow, rights.subscribe.allow]).flatten().collect()
}

/// Questions of the micro protocol.
const DISCOVERY: [&str; 6] =
    ["$SRV.PING", "$SRV.PING.>", "$SRV.INFO", "$SRV.INFO.>", "$SRV.STATS", "$SRV.STATS.>"];

/// What services write.
const OWN: [&str; 4] = ["evt.>", "key.>", "access.>", "seal.>"];

/// What a service does: decides, reads, seals, turns keys.
fn service(streams: &[String]) -> Vec<String> {
    let read = streams.iter().map(String::as_str).chain([KEYS, ACCESS, SEALS]);
    let reading = read.flat_map(|stream| {
        [
            format!("$JS.API.STREAM.INFO.{stream}"),
            format!("$JS.API.STREAM.MSG.GET.{stream}"),
            format!("$JS.API.DIRECT.GET.{stream}"),
            format!("$JS.API.DIRECT.GET.{stream}.>"),
            format!("$JS.API.CONSUMER.CREATE.{stream}.*"),
            format!("$JS.API.CONSUMER.CREATE.{stream}.*.>"),
            format!("$JS.API.CONSUMER.INFO.{stream}.*"),
            format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
        ]
    });
    // Erasing a household removes its key. A service looks whether what leaves has its streams, and reads nothing of them.
    let more = [
        format!("$JS.API.STREAM.MSG.DELETE.{KEYS}"),
        format!("$JS.API.STREAM.INFO.{FEED}"),
        format!("$JS.API.STREAM.INFO.{DELIVERIES}"),
    ];
    OWN.map(str::to_owned).into_iter().chain(reading).chain(more).collect()
}

/// What writes the feed and admits partners to it, and keeps what became of what was sent.
fn feeder() -> [String; 9] {
    [
        "dlv.>".to_owned(),
        format!("$JS.API.DIRECT.GET.{DELIVERIES}"),
        format!("$JS.API.DIRECT.GET.{DELIVERIES}.>"),
        "feed.>".to_owned(),
        format!("$JS.API.CONSUMER.CREATE.{FEED}.*.feed.>"),
        format!("$JS.API.CONSUMER.INFO.{FEED}.*"),
        format!("$JS.API.CONSUMER.DELETE.{FEED}.*"),
        format!("$JS.API.STREAM.MSG.GET.{FEED}"),
        format!("$JS.API.STREAM.MSG.DELETE.{FEED}"),
    ]
}

/// What a user of a partner's account may do. The account bounds it already; this is the second line.
pub(super) fn partner(account: &AccountKey) -> Rights {
    let publish = GRANTS.iter().map(|grant| grant.local_to(account)).collect();
    Rights {
        publish: Subjects { allow: publish, deny: Vec::new() },
        subscribe: Subjects { allow: vec!["_INBOX.>".to_owned()], deny: Vec::new() },
        answers: false,
    }
}
