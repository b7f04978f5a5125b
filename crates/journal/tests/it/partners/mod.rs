//! Partners, each with a real client in a language of its own: what they are for works, and nothing else does.
//!
//! The attacks are data (`tests/partners/attacks.json`), the same for all clients and both forms of accounts.

mod client;
mod driver;
mod forge;
mod house;
#[path = "../../partners/install.rs"]
mod install;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use journal::accounts::AccountKey;
use journal::gateway::{Answer, Gateway, GatewayOptions, PartnerCommand};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use driver::{Driver, Language};
use house::{House, Mode};

/// The promise: who is revoked is cut off within a second.
const CUT_WITHIN: Duration = Duration::from_secs(1);

/// How many messages lie in each partner's feed.
const MESSAGES: usize = 2;

/// What the gateway took, in order.
struct Log(mpsc::UnboundedReceiver<PartnerCommand>);

impl Log {
    fn all(&mut self) -> Vec<PartnerCommand> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

async fn gateway(house: &House) -> (Gateway, Log) {
    let (log, taken) = mpsc::unbounded_channel();
    let handler = move |command: PartnerCommand| {
        let receipt = json!({ "account": command.account, "key": command.key, "id": command.id });
        log.send(command).unwrap();
        async move { Answer::Done(receipt.to_string().into()) }
    };
    let options = GatewayOptions::new("continuum-commands");
    let config = house.config(journal::accounts::CoreUser::Gateway);
    (Gateway::start(&config, options, handler).await.unwrap(), Log(taken))
}

async fn prove(mode: Mode) {
    let mut house = House::start(mode).await;
    let (gateway, mut log) = gateway(&house).await;
    let victim = house.admit("victim").await;
    // All are admitted before the first connects: on the embedded broker each admission is a restart.
    let mut admitted = Vec::new();
    for language in Language::ALL {
        admitted.push((language, house.admit(language.name()).await));
    }
    let mut drivers = Vec::new();
    for (language, own) in admitted {
        let role = house.role(language, &own, &victim);
        match Driver::start(language, &role, house.dir()).await {
            Ok(driver) => drivers.push((driver, own)),
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "{} cannot be tried: {why}", language.name());
                eprintln!("skipped: partners that use {}: {why}", language.name());
            }
        }
    }
    let accounts: BTreeSet<AccountKey> = drivers.iter().map(|(_, own)| own.partner.account.clone()).collect();
    for (driver, own) in &mut drivers {
        house.feed(&own.partner.account, driver.language.name(), MESSAGES).await;
        driver.expect("subscribed").await;
    }
    house.leave_canaries(&victim).await;
    let before = house.state(&victim).await;

    for (driver, _) in &mut drivers {
        driver.tell(json!({ "do": "go" })).await;
    }
    for (driver, own) in &mut drivers {
        let seen = driver.expect("own").await;
        let name = driver.language.name();
        assert_eq!(seen["feed"], json!([format!("{name} 0"), format!("{name} 1")]));
        assert_eq!(seen["receipt"]["account"], json!(own.partner.account), "{name}");
        let verdicts = driver.verdicts().await;
        let tried: BTreeSet<&str> = verdicts.iter().filter_map(|v| v["attack"].as_str()).collect();
        assert_eq!(tried, house.attacks(), "{name} tries every attack");
        let passed: Vec<&Value> = verdicts.iter().filter(|v| v["refused"] != json!(true)).collect();
        assert!(passed.is_empty(), "{name}, {mode:?}: {passed:#?}");
        eprintln!("{name}, {mode:?}: {} attacks, none passed", verdicts.len());
    }
    assert_eq!(house.state(&victim).await, before, "the house is as it was");
    check_commands(&log.all(), &victim.partner.account, &accounts);

    revoked_are_cut_off(&mut house, &mut drivers).await;
    house.reads_own_feed(&victim).await;
    house.kill_hard().await;
    for (driver, _) in &mut drivers {
        driver.tell(json!({ "do": "again" })).await;
        assert_eq!(driver.expect("again").await["connected"], json!(false), "{}", driver.language.name());
    }
    house.reads_own_feed(&victim).await;
    for (driver, _) in drivers {
        driver.end().await;
    }
    gateway.stop().await;
    house.stop().await;
}

/// Everybody's command with the same message id was taken, each once, each in their own name.
fn check_commands(taken: &[PartnerCommand], victim: &AccountKey, partners: &BTreeSet<AccountKey>) {
    let same: Vec<_> = taken.iter().filter(|command| command.key == "same-key").collect();
    let ids: BTreeSet<_> = same.iter().map(|command| command.id).collect();
    assert_eq!((same.len(), ids.len()), (partners.len() + 1, partners.len() + 1));
    let of_victim: Vec<_> = taken.iter().filter(|command| command.account == *victim).collect();
    assert_eq!(of_victim.len(), 1, "{of_victim:?}");
    assert!(taken.iter().all(|command| command.account == *victim || partners.contains(&command.account)));
}

async fn revoked_are_cut_off(house: &mut House, drivers: &mut [(Driver, journal::accounts::Admitted)]) {
    let names: Vec<&str> = drivers.iter().map(|(driver, _)| driver.language.name()).collect();
    let asked = Instant::now();
    house.revoke(&names).await;
    for (driver, _) in &mut *drivers {
        driver.expect("cut").await;
        let took = driver.last_heard() - asked;
        eprintln!("{}, {:?}: cut off after {took:?}", driver.language.name(), house.mode());
        assert!(took <= CUT_WITHIN, "{took:?}");
    }
    house.ready().await;
    for (driver, _) in &mut *drivers {
        driver.tell(json!({ "do": "again" })).await;
        assert_eq!(driver.expect("again").await["connected"], json!(false), "{}", driver.language.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_of_the_embedded_broker_sees_and_writes_only_its_own() {
    prove(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_of_a_shared_installation_sees_and_writes_only_its_own_even_without_bounds_in_its_account()
{
    prove(Mode::Operator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_attacks_find_what_is_open_to_who_shares_the_account_of_the_house() {
    let mut house = House::start(Mode::Operator).await;
    let (gateway, _log) = gateway(&house).await;
    let victim = house.admit("victim").await;
    let own = house.admit(Language::Rust.name()).await;
    let mut role = house.role(Language::Rust, &own, &victim);
    role["credentials"]["own"] = json!(house.inmate());
    role["messages"] = json!(0);
    let mut driver = Driver::start(Language::Rust, &role, house.dir()).await.unwrap();
    driver.expect("subscribed").await;
    house.leave_canaries(&victim).await;
    let before = house.state(&victim).await;
    driver.tell(json!({ "do": "go" })).await;
    driver.expect("own").await;
    let verdicts = driver.verdicts().await;
    let of_kind = |kind: &str| {
        let names = house.named(kind);
        let passed = verdicts.iter().filter(|v| v["refused"] == json!(false));
        passed.filter(|v| names.contains(v["attack"].as_str().unwrap())).count()
    };
    assert!(of_kind("subscribe") >= 10, "{verdicts:#?}");
    assert!(of_kind("request") >= 20, "{verdicts:#?}");
    assert_ne!(house.state(&victim).await, before, "deputies and writers are seen in the house");
    driver.end().await;
    gateway.stop().await;
    house.stop().await;
}

#[tokio::test]
async fn in_the_house_the_gateway_is_found_and_its_answers_go_nowhere_else() {
    let house = House::start(Mode::Operator).await;
    let (gateway, mut log) = gateway(&house).await;
    let found = house.discover().await;
    assert_eq!(found["name"], json!("continuum-commands"));
    assert_eq!(found["endpoints"][0]["subject"], json!("cmd.*.>"));
    house.command_with_reply_into_the_journal().await;
    gateway.stop().await;
    assert!(log.all().is_empty());
    house.stop().await;
}

#[tokio::test]
async fn an_account_that_imports_the_share_of_another_gets_nothing_even_if_the_operator_signed_it() {
    let mut house = House::start(Mode::Operator).await;
    let victim = house.admit("victim").await;
    house.feed(&victim.partner.account, "CANARY", MESSAGES).await;
    let thief = house.admit("thief").await;
    house.reads_own_feed_as(&victim, &victim).await.unwrap();
    house.push_account_with_the_share_of(&thief, &victim).await;
    assert!(house.reads_own_feed_as(&thief, &victim).await.is_err());
    house.reads_own_feed_as(&victim, &victim).await.unwrap();
    house.stop().await;
}
