//! The house that partners connect to: a broker with accounts, streams, feeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{Client, ConnectOptions, HeaderMap};
use domain::id::EventId;
use futures_util::TryStreamExt;
use journal::accounts::{
    AccountKey, Admitted, CoreUser, Embedded, KeyKind, Operator, PARTNER_PREFIX, Pair, push,
};
use journal::broker::{Broker, BrokerOptions};
use journal::partner_feed::{Outgoing, Published};
use journal::{Journal, JournalConfig, Provision};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::driver::{Language, scripts};
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

const STREAMS: [&str; 5] = ["JOURNAL", "KEYS", "FEED", "ACCESS", "SEALS"];

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
        let admin = house.streams().await;
        for (name, subject) in [("ACCESS", "access.>"), ("SEALS", "seal.>")] {
            let config = jetstream::stream::Config {
                name: name.to_owned(),
                subjects: vec![subject.to_owned()],
                max_bytes: 1 << 20,
                ..Default::default()
            };
            admin.create_stream(config).await.unwrap();
        }
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
        self.insist(async || self.journal().partners().admit(&admitted.partner.account).await).await;
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
                event: EventId(Uuid::from_u128(u128::try_from(n).unwrap())),
                topic: "household".parse().unwrap(),
                body: format!("{text} {n}").into(),
            };
            let partners = self.journal().partners();
            let first = self.insist(async || partners.publish_to(account, &what).await).await;
            assert!(matches!(first, Published::Stored(_)), "{first:?}");
            assert_eq!(partners.publish_to(account, &what).await.unwrap(), Published::Known);
        }
    }

    /// What would be seen if something leaked: in every stream of the house, in the victim's feed and command.
    pub(super) async fn leave_canaries(&self, victim: &Admitted) {
        let client = self.connect(&self.credentials(CoreUser::Continuum), "_INBOX_continuum").await.unwrap();
        let streams = jetstream::new(client);
        let number = Uuid::from_u128(9);
        for subject in [
            format!("evt.33.household.{number}"),
            "key.33-canary".into(),
            "access.canary".into(),
            "seal.canary".into(),
        ] {
            streams.publish(subject, "CANARY".into()).await.unwrap().await.unwrap();
        }
        self.feed(&victim.partner.account, "CANARY", MESSAGES).await;
        let partner = self.connect(&victim.credentials, "_INBOX").await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "same-key");
        let body = json!({ "text": "CANARY" }).to_string().into();
        let receipt =
            partner.request_with_headers("cmd.33.households.register", headers, body).await.unwrap();
        let receipt: Value = serde_json::from_slice(&receipt.payload).unwrap();
        assert_eq!(receipt["account"], json!(victim.partner.account));
    }

    /// Everything an attack could have changed.
    pub(super) async fn state(&self, victim: &Admitted) -> Value {
        let streams = self.streams().await;
        let mut state = json!({});
        let mut names: Vec<String> = streams.stream_names().try_collect().await.unwrap();
        names.sort();
        state["streams"] = json!(names);
        for name in STREAMS {
            let Ok(stream) = streams.get_stream(name).await else {
                state[name] = json!("gone");
                continue;
            };
            let info = stream.get_info().await.unwrap();
            let mut consumers: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
            consumers.sort();
            state[name] = json!([info.state.messages, info.state.last_sequence, info.config, consumers]);
        }
        let reader = streams.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>(
            victim.partner.account.as_str(),
            "FEED",
        );
        if let Ok(reader) = reader.await {
            let info = reader.cached_info();
            let delivered = info.delivered.stream_sequence;
            state["victim"] =
                json!([info.num_pending, info.num_ack_pending, delivered, info.config.filter_subject]);
        }
        state
    }

    pub(super) fn attacks(&self) -> BTreeSet<&str> {
        let operator = self.mode() == Mode::Operator;
        let tried = self.attacks.iter().filter(|attack| attack["only"].is_null() || operator);
        tried.map(|attack| attack["name"].as_str().unwrap()).collect()
    }

    /// What a partner's program is told at its start.
    pub(super) fn role(&self, language: Language, own: &Admitted, victim: &Admitted) -> Value {
        let (a, b) = (&own.partner.account, &victim.partner.account);
        let dir = self.dir.path().join(format!("{}-credentials", language.name()));
        std::fs::create_dir(&dir).unwrap();
        let stranger = dir.join("stranger.nk");
        std::fs::write(&stranger, Pair::generate(KeyKind::User).unwrap().seed().unwrap().as_bytes()).unwrap();
        let mut credentials = json!({ "own": own.credentials, "stranger": stranger });
        let mut core = Pair::generate(KeyKind::Account).unwrap().public().parse().unwrap();
        if let Accounts::Operator { operator, .. } = &self.accounts {
            core = operator.core().clone();
            let seed = self.dir.path().join(format!("operator/partners/{}.signing.nk", language.name()));
            let seed = std::fs::read_to_string(seed).unwrap();
            let signing = Pair::from_seed(KeyKind::Account, &seed).unwrap();
            let alien = Pair::generate(KeyKind::Account).unwrap();
            let alien_key = AccountKey::of(&alien).unwrap();
            credentials["own"] = json!(forge::token(&dir, "own", a, &signing, 0, 1));
            credentials["expired"] = json!(forge::token(&dir, "expired", a, &signing, -2, -1));
            credentials["forged account"] = json!(forge::token(&dir, "account", &alien_key, &alien, 0, 1));
            credentials["forged user"] = json!(forge::token(&dir, "user", a, &alien, 0, 1));
            credentials["other's user signed with own key"] =
                json!(forge::token(&dir, "other", b, &signing, 0, 1));
            credentials["bearer"] = json!(forge::bearer(&dir, a, &seed));
        }
        json!({
            "url": self.url,
            "ca": self.authority,
            "mode": match self.mode() { Mode::Embedded => "embedded", Mode::Operator => "operator" },
            "messages": MESSAGES,
            "attacks": scripts().join("attacks.json"),
            "credentials": credentials,
            "names": { "A": a, "B": b, "CORE": core, "SERVER": "N", "FORGED": forge::account(a, &core) },
        })
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

    /// An account token as the operator itself would sign it, but with the imports of another partner; its users may do
    /// everything inside.
    pub(super) async fn push_account_with_the_share_of(&self, thief: &Admitted, victim: &Admitted) {
        let Accounts::Operator { operator, system, .. } = &self.accounts else {
            panic!("there is no operator")
        };
        let token = operator.partner_token(&"thief".parse().unwrap(), forge::hours(0)).unwrap();
        let mut claims = journal::accounts::jwt::claims(&token).unwrap();
        let (own, other) = (thief.partner.account.as_str(), victim.partner.account.as_str());
        for import in claims["nats"]["imports"].as_array_mut().unwrap() {
            for key in ["subject", "local_subject"] {
                import[key] = json!(import[key].as_str().unwrap().replace(own, other));
            }
        }
        let seed = std::fs::read_to_string(self.dir.path().join("operator/operator.signing.nk")).unwrap();
        let config =
            JournalConfig { credentials: Some(system.clone()), inbox: None, ..self.config(CoreUser::Admin) };
        // Taken or not: what counts is what it gives.
        let pushed = push(&config, &forge::resigned(&token, &claims, &seed)).await;
        eprintln!("an account with another's imports: {pushed:?}");
        let signing =
            std::fs::read_to_string(self.dir.path().join("operator/partners/thief.signing.nk")).unwrap();
        let signing = Pair::from_seed(KeyKind::Account, &signing).unwrap();
        let all = forge::token(self.dir.path(), "all", &thief.partner.account, &signing, 0, 1);
        std::fs::copy(all, &thief.credentials).unwrap();
    }

    /// Somebody with every right in the account of the house itself.
    pub(super) fn inmate(&self) -> PathBuf {
        let Accounts::Operator { operator, .. } = &self.accounts else { panic!("there is no operator") };
        let seed = std::fs::read_to_string(self.dir.path().join("operator/core.signing.nk")).unwrap();
        let signing = Pair::from_seed(KeyKind::Account, &seed).unwrap();
        forge::token(self.dir.path(), "inmate", operator.core(), &signing, 0, 1)
    }

    /// The names of the attacks of one kind.
    pub(super) fn named(&self, kind: &str) -> BTreeSet<&str> {
        let those = self.attacks.iter().filter(|attack| attack["do"] == *kind);
        those.map(|attack| attack["name"].as_str().unwrap()).collect()
    }

    /// What the gateway says of itself in the account of the house.
    pub(super) async fn discover(&self) -> Value {
        let client = self.connect(&self.inmate(), "_INBOX").await.unwrap();
        let info = client.request("$SRV.INFO.continuum-commands", "".into()).await.unwrap();
        serde_json::from_slice(&info.payload).unwrap()
    }

    /// Somebody of the house sends a command and wants the answer written into the journal.
    pub(super) async fn command_with_reply_into_the_journal(&self) {
        let before = self.journal().last_position().await.unwrap();
        let client = self.connect(&self.inmate(), "_INBOX").await.unwrap();
        let account = Pair::generate(KeyKind::Account).unwrap().public();
        let number = Uuid::from_u128(9);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "k");
        let (subject, reply) =
            (format!("cmd.{account}.33.households.register"), format!("evt.33.household.{number}"));
        client.publish_with_reply_and_headers(subject, reply, headers, "{}".into()).await.unwrap();
        // The gateway has heard it when it answers what came after.
        client.flush().await.unwrap();
        client.request("$SRV.PING.continuum-commands", "".into()).await.unwrap();
        assert_eq!(self.journal().last_position().await.unwrap(), before);
    }

    pub(super) async fn stop(self) {
        drop(self.journal);
        match self.accounts {
            Accounts::Embedded { broker, .. } => broker.stop().await,
            Accounts::Operator { server, .. } => server.unwrap().kill().await.unwrap(),
        }
    }
}
