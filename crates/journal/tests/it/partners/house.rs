//! The house that partners connect to: a broker with accounts, streams, feeds.

mod tried;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{Client, ConnectOptions};
use journal::accounts::{AccountKey, Admitted, CoreUser, Embedded, Operator, PARTNER_PREFIX, push};
use journal::broker::{Broker, BrokerOptions};
use journal::partner_feed::{FeedError, Outgoing};
use journal::{Journal, JournalConfig, Provision};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::driver::scripts;
use super::{MESSAGES, forge};
use crate::support::now;
use crate::tls;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A fixed list in the configuration of the supervised broker; partners have the rights they are shipped with.
    Embedded,
    /// Signed tokens over TLS; partners have every right inside their account, so that the account alone holds.
    Operator,
}

enum Accounts {
    Embedded {
        accounts: Embedded,
        broker: Broker,
    },
    Operator {
        operator: Box<Operator>,
        server: Option<Child>,
        users: BTreeMap<CoreUser, PathBuf>,
        system: PathBuf,
    },
}

pub(super) struct House {
    dir: TempDir,
    url: String,
    authority: Option<PathBuf>,
    accounts: Accounts,
    journal: Option<Journal>,
    attacks: Vec<Value>,
}

impl House {
    pub(super) async fn start(mode: Mode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let streams = vec!["JOURNAL".to_owned()];
        let list = std::fs::read_to_string(scripts().join("attacks.json")).unwrap();
        let attacks: Vec<Value> = serde_json::from_str(&list).unwrap();
        let binary = BrokerOptions::temporary().await.unwrap().binary;
        let mut house = match mode {
            Mode::Embedded => {
                let accounts = Embedded::open_or_create(&dir.path().join("seeds"), streams).unwrap();
                let options = BrokerOptions {
                    accounts: Some(accounts.configuration()),
                    max_store_bytes: Some(1 << 40),
                    ..BrokerOptions::new(binary, dir.path().join("broker"))
                };
                let broker = Broker::start(options).await.unwrap();
                let url = broker.url();
                let accounts = Accounts::Embedded { accounts, broker };
                Self { dir, url, authority: None, accounts, journal: None, attacks }
            }
            Mode::Operator => {
                let (home, offline) = (dir.path().join("operator"), dir.path().join("offline.nk"));
                let (now, until) = (now(), forge::hours(24));
                let operator =
                    Operator::open_or_create(&home, &"test".parse().unwrap(), &offline, streams, now)
                        .unwrap();
                let users = CoreUser::ALL.map(|user| (user, operator.credentials(user, now, until).unwrap()));
                let system = operator.system_credentials(now, until).unwrap();
                let port = tls::free_port();
                let trusted = operator.configuration(&dir.path().join("jwt"), now).unwrap();
                let server = tls::server(dir.path(), port, trusted);
                std::fs::write(dir.path().join("nats-server.conf"), server.configuration()).unwrap();
                let authority = Some(server.tls.authority);
                let (users, operator) = (BTreeMap::from(users), Box::new(operator));
                let accounts = Accounts::Operator { operator, server: None, users, system };
                let url = format!("tls://localhost:{port}");
                let mut house = Self { dir, url, authority, accounts, journal: None, attacks };
                house.start_server(&binary).await;
                house
            }
        };
        Journal::provision(house.config(CoreUser::Admin)).await.unwrap();
        let config = JournalConfig { provision: Provision::Verify, ..house.config(CoreUser::Continuum) };
        house.journal = Some(Journal::open(config).await.unwrap());
        house
    }

    async fn start_server(&mut self, binary: &Path) {
        let config = self.dir.path().join("nats-server.conf");
        let log = std::fs::File::create(self.dir.path().join("nats-server.log")).unwrap();
        let mut command = Command::new(binary);
        command.arg("-c").arg(config).stderr(log).kill_on_drop(true);
        let child = command.spawn().unwrap();
        let Accounts::Operator { server, .. } = &mut self.accounts else { return };
        *server = Some(child);
        self.ready().await;
    }

    /// Waits until the broker takes those who may connect.
    pub(super) async fn ready(&self) {
        let connected = async {
            while self.connect(&self.credentials(CoreUser::Admin), "_INBOX_admin").await.is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let log = || std::fs::read_to_string(self.dir.path().join("nats-server.log"));
        assert!(timeout(Duration::from_secs(30), connected).await.is_ok(), "{:?}", log());
    }

    pub(super) fn mode(&self) -> Mode {
        match &self.accounts {
            Accounts::Embedded { .. } => Mode::Embedded,
            Accounts::Operator { .. } => Mode::Operator,
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn credentials(&self, user: CoreUser) -> PathBuf {
        match &self.accounts {
            Accounts::Embedded { accounts, .. } => accounts.credentials(user),
            Accounts::Operator { users, .. } => users[&user].clone(),
        }
    }

    pub(super) fn config(&self, user: CoreUser) -> JournalConfig {
        JournalConfig {
            credentials: Some(self.credentials(user)),
            root_certificates: self.authority.clone(),
            inbox: Some(user.inbox()),
            max_bytes: 64 << 20,
            max_key_bytes: 16 << 20,
            max_feed_bytes: 16 << 20,
            ..JournalConfig::at(&self.url)
        }
    }

    async fn connect(&self, credentials: &Path, inbox: &str) -> Option<Client> {
        let said = std::fs::read_to_string(credentials).unwrap();
        let mut options = ConnectOptions::new().custom_inbox_prefix(inbox);
        if let Some(authority) = &self.authority {
            options = options.add_root_certificates(authority.clone()).require_tls(true).tls_first();
        }
        options = match credentials.extension().is_some_and(|ending| ending == "creds") {
            true => options.credentials(&said).unwrap(),
            false => options.nkey(said.trim().to_owned()),
        };
        options.connect(&self.url).await.ok()
    }

    async fn streams(&self) -> jetstream::Context {
        let client = self.connect(&self.credentials(CoreUser::Admin), "_INBOX_admin").await.unwrap();
        jetstream::new(client)
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    /// A partner with a feed.
    pub(super) async fn admit(&mut self, name: &str) -> Admitted {
        let (name, now) = (name.parse().unwrap(), now());
        let config = self.config(CoreUser::Admin);
        let admitted = match &mut self.accounts {
            Accounts::Embedded { accounts, broker } => {
                let admitted = accounts.admit(&name, now).unwrap();
                broker.renew_accounts(&accounts.configuration()).await.unwrap();
                admitted
            }
            Accounts::Operator { operator, system, .. } => {
                let admitted = operator.admit(&name, now, forge::hours(24)).unwrap();
                let config = JournalConfig { credentials: Some(system.clone()), inbox: None, ..config };
                push(&config, &operator.partner_token(&name, now).unwrap()).await.unwrap();
                admitted
            }
        };
        self.insist(async || self.journal().partners().admit(&admitted.partner.account, 0).await).await;
        admitted
    }

    /// Asks until the connections are back after a restart.
    async fn insist<T, E: std::fmt::Display>(&self, ask: impl AsyncFn() -> Result<T, E>) -> T {
        let asking = async {
            loop {
                match ask().await {
                    Ok(done) => return done,
                    Err(why) => tracing::debug!(%why, "asked again"),
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), asking).await.expect("it is done in time")
    }

    /// Puts messages into a partner's feed, each twice.
    pub(super) async fn feed(&self, account: &AccountKey, text: &str, count: usize) {
        for n in 0..count {
            let what = Outgoing {
                id: Uuid::from_u128(u128::try_from(n).unwrap()).to_string(),
                position: u64::try_from(n).unwrap() + 1,
                topic: "household".parse().unwrap(),
                body: format!("{text} {n}").into(),
            };
            let partners = self.journal().partners();
            let last = self.insist(async || partners.last(account).await).await;
            let after = last.map_or(0, |last| last.sequence);
            partners.publish_to(account, after, &what).await.unwrap();
            let again = partners.publish_to(account, after, &what).await.unwrap_err();
            assert!(matches!(again, FeedError::Overtaken), "{again}");
        }
    }

    pub(super) fn attacks(&self) -> BTreeSet<&str> {
        let operator = self.mode() == Mode::Operator;
        let tried = self.attacks.iter().filter(|attack| attack["only"].is_null() || operator);
        tried.map(|attack| attack["name"].as_str().unwrap()).collect()
    }

    /// Nobody may connect for these partners any more.
    pub(super) async fn revoke(&mut self, names: &[&str]) {
        let config = self.config(CoreUser::Admin);
        // The tokens that were forged for the attacks were minted up to now.
        let now = now();
        match &mut self.accounts {
            Accounts::Embedded { accounts, broker } => {
                for name in names {
                    accounts.revoke(&name.parse().unwrap(), now).unwrap();
                }
                broker.renew_accounts(&accounts.configuration()).await.unwrap();
            }
            Accounts::Operator { operator, system, .. } => {
                let config = JournalConfig { credentials: Some(system.clone()), inbox: None, ..config };
                for name in names {
                    operator.revoke(&name.parse().unwrap(), now).unwrap();
                    push(&config, &operator.partner_token(&name.parse().unwrap(), now).unwrap())
                        .await
                        .unwrap();
                }
            }
        }
    }

    /// Ends the broker as a power cut would, and waits until it is back.
    pub(super) async fn kill_hard(&mut self) {
        match &mut self.accounts {
            Accounts::Embedded { broker, .. } => {
                broker.kill_hard();
                broker.ready().await.unwrap();
            }
            Accounts::Operator { server, .. } => {
                server.take().unwrap().kill().await.unwrap();
                let binary = BrokerOptions::temporary().await.unwrap().binary;
                self.start_server(&binary).await;
            }
        }
        self.ready().await;
    }

    /// The others go on: a partner that was not revoked connects and reads.
    pub(super) async fn reads_own_feed(&self, partner: &Admitted) {
        let client = self.connect(&partner.credentials, "_INBOX").await.unwrap();
        let feed = jetstream::with_prefix(client, PARTNER_PREFIX);
        let reader: PullConsumer =
            feed.get_consumer_from_stream(partner.partner.account.as_str(), "FEED").await.unwrap();
        assert_eq!(reader.cached_info().config.filter_subject, format!("feed.{}.>", partner.partner.account));
        let info = reader.cached_info();
        assert_eq!(usize::try_from(info.num_pending).unwrap() + info.num_ack_pending, MESSAGES);
    }

    /// Whether who connects as `who` sees the reader of `whose`.
    pub(super) async fn reads_own_feed_as(&self, who: &Admitted, whose: &Admitted) -> Result<(), String> {
        let client = self.connect(&who.credentials, "_INBOX").await.unwrap();
        let mut feed = jetstream::with_prefix(client, PARTNER_PREFIX);
        feed.set_timeout(Duration::from_secs(1));
        let reader = feed.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>(
            whose.partner.account.as_str(),
            "FEED",
        );
        reader.await.map(drop).map_err(|why| why.to_string())
    }

    pub(super) async fn stop(self) {
        drop(self.journal);
        match self.accounts {
            Accounts::Embedded { broker, .. } => broker.stop().await,
            Accounts::Operator { server, .. } => server.unwrap().kill().await.unwrap(),
        }
    }
}
