//! Minting: what is signed, what never is, and what the broker makes of it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use journal::accounts::{
    AccountsError, CoreUser, Embedded, KeyKind, LONGEST_VALIDITY, Name, Operator, Pair, Rights, Subjects,
    UserKey, inbox_of, jwt, partner_account, user,
};
use journal::broker::{Broker, BrokerOptions};
use journal::{Journal, JournalConfig, OpenError, Provision};
use proptest::prelude::*;

use crate::support::{at, decision, place};

const NOW: &str = "2026-03-15T10:00:00Z";

fn pair(kind: KeyKind) -> Pair {
    Pair::generate(kind).unwrap()
}

fn nobody() -> Rights {
    Rights { publish: Subjects::default(), subscribe: Subjects::default(), answers: false }
}

proptest! {
    #[test]
    fn a_name_that_is_more_than_one_literal_token_is_never_minted(
        text in prop_oneof![
            any::<String>(),
            "[a-z.*> \\t]{0,8}",
            "[A-Za-z0-9_-]{0,70}",
            "[A-Za-z0-9_-]{0,5}[.*>\u{e9}\u{0}/][A-Za-z0-9_-]{0,5}",
        ]
    ) {
        let harmless = !text.is_empty()
            && text.len() <= 64
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        match text.parse::<Name>() {
            Err(_) => prop_assert!(!harmless, "{text:?} was refused"),
            Ok(name) => {
                prop_assert!(harmless, "{text:?} was taken");
                let (account, operator, someone) =
                    (pair(KeyKind::Account), pair(KeyKind::Operator), pair(KeyKind::User));
                let key = account.public().parse().unwrap();
                let token = partner_account(&key, &name, &account.public(), &key, None, &operator, at(NOW));
                let account_claims = jwt::claims(&token.unwrap()).unwrap();
                let token = user(&UserKey::of(&someone).unwrap(), &name, &key, &account, &nobody(), at(NOW), at("2026-03-16T10:00:00Z"));
                let claims = jwt::claims(&token.unwrap()).unwrap();
                prop_assert_eq!(&claims["name"], &serde_json::json!(text));
                prop_assert_eq!(&account_claims["name"], &claims["name"]);
                prop_assert!(claims["exp"].is_i64());
            }
        }
    }

    #[test]
    fn a_user_is_minted_only_for_a_time_to_come_within_a_year(seconds in -90_000_000i64..90_000_000) {
        let (account, someone) = (pair(KeyKind::Account), pair(KeyKind::User));
        let expires = Timestamp::from_second(at(NOW).as_second() + seconds).unwrap();
        let minted = user(
            &UserKey::of(&someone).unwrap(),
            &"x".parse().unwrap(),
            &account.public().parse().unwrap(),
            &account,
            &nobody(),
            at(NOW),
            expires,
        );
        let longest = i64::try_from(LONGEST_VALIDITY.as_secs()).unwrap();
        if (1..=longest).contains(&seconds) {
            prop_assert_eq!(jwt::claims(&minted.unwrap()).unwrap()["exp"].as_i64(), Some(expires.as_second()));
        } else {
            let refused = matches!(minted, Err(AccountsError::Expiry { .. }));
            prop_assert!(refused);
        }
    }
}

#[test]
fn a_partner_may_ask_for_its_own_share_and_nothing_else() {
    let (account, operator) = (pair(KeyKind::Account), pair(KeyKind::Operator));
    let (key, core) = (account.public().parse().unwrap(), pair(KeyKind::Account).public().parse().unwrap());
    let name = "bailleur".parse().unwrap();
    let token = partner_account(&key, &name, &account.public(), &core, None, &operator, at(NOW)).unwrap();
    let claims = jwt::claims(&token).unwrap();
    let nats = &claims["nats"];
    let imports: Vec<_> = nats["imports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["subject"].as_str().unwrap().to_owned(), i["local_subject"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        imports,
        [
            (format!("$JS.API.CONSUMER.MSG.NEXT.FEED.{key}"), format!("BR.CONSUMER.MSG.NEXT.FEED.{key}")),
            (format!("$JS.API.CONSUMER.INFO.FEED.{key}"), format!("BR.CONSUMER.INFO.FEED.{key}")),
            (format!("$JS.ACK.FEED.{key}.>"), format!("$JS.ACK.FEED.{key}.>")),
            (format!("cmd.{key}.>"), "cmd.>".to_owned()),
        ]
    );
    assert_eq!(nats["exports"], serde_json::json!([]));
    for (limit, most) in
        [("conn", 4), ("subs", 50), ("payload", 65_536), ("imports", 4), ("exports", 0), ("leaf", 0)]
    {
        assert_eq!(nats["limits"][limit], most, "{limit}");
    }
    for none in ["mem_storage", "disk_storage", "streams", "consumer"] {
        assert_eq!(nats["limits"][none], 0, "{none}");
    }
    assert_eq!(nats["limits"]["disallow_bearer"], true);
}

#[test]
fn no_service_may_manage_streams_and_only_who_administers_may_at_all() {
    let streams = ["JOURNAL".to_owned(), "SUD".to_owned()];
    for user in CoreUser::ALL {
        let rights = user.rights(&streams);
        let managing = ["CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE"];
        for verb in managing {
            let subject = format!("$JS.API.STREAM.{verb}.");
            let may =
                rights.publish.allow.iter().any(|s| s == "$JS.API.>" || s == ">" || s.starts_with(&subject));
            assert_eq!(may, matches!(user, CoreUser::Admin | CoreUser::Ops), "{user} {verb}");
        }
        let writes = rights.publish.allow.iter().any(|s| s.starts_with("evt"));
        assert_eq!(writes, !matches!(user, CoreUser::Admin | CoreUser::Gateway), "{user}");
        assert_eq!(
            rights.publish.allow.iter().any(|s| s == "feed.>"),
            matches!(user, CoreUser::Feed | CoreUser::Continuum | CoreUser::Ops)
        );
        assert_eq!(rights.publish.allow.iter().any(|s| s.starts_with("$SRV.")), user == CoreUser::Ops);
        assert!(rights.subscribe.allow.contains(&format!("_INBOX_{user}.>")));
        assert!(
            rights.publish.allow.iter().all(|s| !s.starts_with("cmd")),
            "nobody speaks in a partner's name"
        );
        assert!(user.name().parse::<Name>().is_ok());
    }
}

async fn broker(dir: &Path, accounts: &Embedded) -> Broker {
    let options = BrokerOptions::temporary().await.unwrap();
    let accounts = Some(accounts.configuration());
    Broker::start(BrokerOptions {
        accounts,
        max_store_bytes: Some(1 << 40),
        ..BrokerOptions::new(options.binary, dir)
    })
    .await
    .unwrap()
}

fn embedded(dir: &Path) -> Embedded {
    Embedded::open_or_create(dir, vec!["JOURNAL".to_owned()]).unwrap()
}

fn as_user(broker: &Broker, accounts: &Embedded, user: CoreUser) -> JournalConfig {
    JournalConfig {
        credentials: Some(accounts.credentials(user)),
        inbox: Some(user.inbox()),
        max_bytes: 64 << 20,
        max_key_bytes: 16 << 20,
        connect_within: Duration::from_secs(10),
        ..JournalConfig::at(broker.url())
    }
}

#[tokio::test]
async fn the_embedded_broker_knows_its_own_processes_and_nobody_else() {
    let (dir, seeds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let accounts = embedded(seeds.path());
    let broker = broker(dir.path(), &accounts).await;

    let stranger = Journal::open(JournalConfig::at(broker.url())).await.unwrap_err();
    assert!(matches!(stranger, OpenError::Unreachable(_)), "{stranger}");
    let file = seeds.path().join("other.nk");
    std::fs::write(&file, pair(KeyKind::User).seed().unwrap().as_bytes()).unwrap();
    let other = JournalConfig { credentials: Some(file), ..JournalConfig::at(broker.url()) };
    assert!(matches!(Journal::open(other).await.unwrap_err(), OpenError::Unreachable(_)));

    let service =
        JournalConfig { provision: Provision::Verify, ..as_user(&broker, &accounts, CoreUser::Continuum) };
    let missing = Journal::open(service.clone()).await.unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
    Journal::provision(as_user(&broker, &accounts, CoreUser::Admin)).await.unwrap();
    let journal = Journal::open(service).await.unwrap();
    journal.append(decision(1, &[(place(1), 0)])).await.unwrap();
    assert_eq!(journal.range(0, 10).await.unwrap().len(), 1);

    let held = std::fs::read_to_string(dir.path().join("accounts.conf")).unwrap();
    let seed = std::fs::read_to_string(accounts.credentials(CoreUser::Continuum)).unwrap();
    assert!(!held.contains(seed.trim()), "the broker's directory holds no secret");
    broker.stop().await;
}

#[test]
fn seeds_are_for_their_owner_only_and_stay_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let first = embedded(dir.path());
    for user in CoreUser::ALL {
        let mode = std::fs::metadata(first.credentials(user)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{user}");
    }
    let mut first = first;
    let partner = "bailleur".parse().unwrap();
    let admitted = first.admit(&partner, at(NOW)).unwrap();
    assert_eq!(std::fs::metadata(&admitted.credentials).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(first.admit(&partner, at(NOW)), Err(AccountsError::Admitted(_))));
    let again = embedded(dir.path());
    assert_eq!(again.configuration(), first.configuration());

    first.revoke(&partner, at(NOW)).unwrap();
    assert!(!first.configuration().contains(admitted.partner.user.as_str()));
    let back = first.admit(&partner, at(NOW)).unwrap();
    assert_eq!(back.partner.account, admitted.partner.account);
    assert_ne!(back.partner.user, admitted.partner.user);
}

#[tokio::test]
async fn the_server_takes_the_files_of_a_shared_installation() {
    let dir = tempfile::tempdir().unwrap();
    let (home, offline) = (dir.path().join("operator"), dir.path().join("offline.nk"));
    let streams = vec!["JOURNAL".to_owned()];
    let name = "continuum".parse().unwrap();
    let operator = Operator::open_or_create(&home, &name, &offline, streams.clone(), at(NOW)).unwrap();
    assert_eq!(std::fs::metadata(&offline).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::remove_file(&offline).unwrap();
    let again = Operator::open_or_create(&home, &name, &offline, streams, at(NOW)).unwrap();
    assert!(!offline.exists(), "an operator that exists needs its identity no more");
    assert_eq!(again.core(), operator.core());
    crate::tls::check_configuration(
        dir.path(),
        again.configuration(&dir.path().join("jwt"), at(NOW)).unwrap(),
    )
    .await;
}

#[test]
fn credentials_tell_where_their_user_may_hear_answers_whatever_the_file_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let (home, offline) = (dir.path().join("home"), dir.path().join("offline"));
    let name: Name = "maison".parse().unwrap();
    let operator =
        Operator::open_or_create(&home, &name, &offline, vec!["JOURNAL".to_owned()], at(NOW)).unwrap();
    let token = operator.credentials(CoreUser::Feed, at(NOW), at("2026-03-16T10:00:00Z")).unwrap();
    let elsewhere = dir.path().join("renamed.creds");
    std::fs::rename(token, &elsewhere).unwrap();
    assert_eq!(inbox_of(&elsewhere), Some(CoreUser::Feed.inbox()));
    let embedded = embedded(&dir.path().join("embedded"));
    assert_eq!(inbox_of(&embedded.credentials(CoreUser::Intake)), Some(CoreUser::Intake.inbox()));
    assert_eq!(inbox_of(&dir.path().join("nowhere.creds")), None);
}
