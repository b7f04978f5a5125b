//! What is tried in the house: roles with true and forged credentials, what could leak, what could change.

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_nats::{HeaderMap, jetstream};
use futures_util::TryStreamExt;
use journal::JournalConfig;
use journal::accounts::{AccountKey, Admitted, CoreUser, KeyKind, Pair, push};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Accounts, House, Mode};
use crate::partners::driver::{Language, scripts};
use crate::partners::{MESSAGES, forge};

/// The streams of the house.
const STREAMS: [&str; 5] = ["JOURNAL", "KEYS", "FEED", "ACCESS", "SEALS"];

impl House {
    /// What would be seen if something leaked: in every stream of the house, in the victim's feed and command.
    pub(in crate::partners) async fn leave_canaries(&self, victim: &Admitted) {
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
    pub(in crate::partners) async fn state(&self, victim: &Admitted) -> Value {
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

    /// What a partner's program is told at its start.
    pub(in crate::partners) fn role(&self, language: Language, own: &Admitted, victim: &Admitted) -> Value {
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

    /// An account token as the operator itself would sign it, but with the imports of another partner; its users may do
    /// everything inside.
    pub(in crate::partners) async fn push_account_with_the_share_of(
        &self,
        thief: &Admitted,
        victim: &Admitted,
    ) {
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
    pub(in crate::partners) fn inmate(&self) -> PathBuf {
        let Accounts::Operator { operator, .. } = &self.accounts else { panic!("there is no operator") };
        let seed = std::fs::read_to_string(self.dir.path().join("operator/core.signing.nk")).unwrap();
        let signing = Pair::from_seed(KeyKind::Account, &seed).unwrap();
        forge::token(self.dir.path(), "inmate", operator.core(), &signing, 0, 1)
    }

    /// The names of the attacks of one kind.
    pub(in crate::partners) fn named(&self, kind: &str) -> BTreeSet<&str> {
        let those = self.attacks.iter().filter(|attack| attack["do"] == *kind);
        those.map(|attack| attack["name"].as_str().unwrap()).collect()
    }

    /// What the gateway says of itself in the account of the house.
    pub(in crate::partners) async fn discover(&self) -> Value {
        let client = self.connect(&self.inmate(), "_INBOX").await.unwrap();
        let info = client.request("$SRV.INFO.continuum-commands", "".into()).await.unwrap();
        serde_json::from_slice(&info.payload).unwrap()
    }

    /// Somebody of the house sends a command and wants the answer written into the journal.
    pub(in crate::partners) async fn command_with_reply_into_the_journal(&self) {
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
}
