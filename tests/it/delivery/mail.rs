//! By mail to somebody who acts for the owner, through a real relay under STARTTLS.

use serde_json::{Value, json};
use tests::{Person, Shape, World, bodies, until};

use super::relay::{FROM, Relay};
use super::{attempts, does, health, opened};

const ADDRESS: &str = "orientation@siao33.example";
const ROLE: &str = "siao_manager";

/// A world whose mail goes through a relay, and that relay.
async fn world(dir: &std::path::Path) -> Option<(World, Relay)> {
    let relay = Relay::start(dir).await?;
    let variables = relay.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Some((World::with(Shape::One, &variables).await, relay))
}

fn by_mail(to: &str) -> Value {
    json!({ "way": { "mail": { "to": to } }, "role": ROLE })
}

/// The text of a mail, its lines put together again.
fn text(mail: &Value) -> String {
    mail["mail"].as_str().unwrap().replace("=\r\n", "").replace("=C3=A0", "à")
}

#[tokio::test(flavor = "multi_thread")]
async fn that_something_is_new_is_told_by_mail_which_says_nothing_of_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let Some((world, mut relay)) = world(dir.path()).await else { return };
    let caller = world.caller();
    let person = Person::signed_in(&world, ADDRESS, caller.organisation(), ROLE).await;
    let id = opened(&caller).await;
    does(&caller, &id, "deliver", &by_mail(&person.id)).await;
    let place = caller.vacant("chrs", 3).await;
    let mail = relay.next().await;
    assert_eq!((&mail["from"], &mail["to"]), (&json!(FROM), &json!([ADDRESS])));
    assert_eq!(mail["secure"], json!(true), "never in the clear");
    let said = text(&mail);
    assert!(said.contains(&id) && said.contains("1 changement"), "{said}");
    assert!(said.contains(&format!("https://continuum.example/abonnements/{id}")), "{said}");
    assert!(said.contains("Auto-Submitted: auto-generated"), "{said}");
    for hidden in [place.as_str(), bodies::COMMUNE, "chrs", "Ce que nous cherchons"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    until("it is kept", || async { attempts(&caller, &id).await.len() == 1 }).await;
    let kept = attempts(&caller, &id).await.remove(0);
    assert_eq!(
        (&kept["way"], &kept["outcome"]["is"], &kept["gathered"]),
        (&json!("mail"), &json!("sent"), &json!(1))
    );

    // A relay that is busy is asked again, and one that says no is not.
    relay.answers("later").await;
    caller.vacant("chrs", 1).await;
    let first = relay.next().await;
    until("it waits", || async { health(&caller, &id).await["state"] == "retrying" }).await;
    let waits = health(&caller, &id).await;
    assert_eq!((&waits["last"]["outcome"]["status"], &waits["retries"]), (&json!(451), &json!(1)));
    relay.answers("take").await;
    let again = relay.next().await;
    let message_id = |mail: &Value| {
        let line = mail["mail"].as_str().unwrap().lines().find(|line| line.starts_with("Message-ID:"));
        line.unwrap().to_owned()
    };
    assert_eq!((message_id(&first), first["manner"].as_str()), (message_id(&again), Some("later")));
    until("it runs", || async { health(&caller, &id).await["state"] == "running" }).await;
    relay.answers("never").await;
    caller.vacant("chrs", 1).await;
    relay.next().await;
    until("it stops", || async { health(&caller, &id).await["state"] == "stopped" }).await;
    let last = health(&caller, &id).await["last"]["outcome"].clone();
    assert_eq!(last, json!({ "is": "given_up", "why": "status", "status": 550 }));
    assert!(!world.logged().contains(ADDRESS), "no log names an address");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_hours_and_until_the_time_of_the_day_nothing_is_sent_and_then_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let Some((world, mut relay)) = world(dir.path()).await else { return };
    let caller = world.caller();
    let person = Person::signed_in(&world, ADDRESS, caller.organisation(), ROLE).await;
    let id = opened(&caller).await;
    let mut quiet = by_mail(&person.id);
    quiet["quiet"] = json!({ "from": bodies::clock_in(-1), "until": bodies::clock_in(60) });
    does(&caller, &id, "deliver", &quiet).await;
    caller.vacant("chrs", 1).await;
    until("it is quiet", || async { health(&caller, &id).await["waiting"] == json!(1) }).await;
    assert_eq!(health(&caller, &id).await["state"], "quiet");
    // Its time was a minute ago: what is recorded from now on waits for tomorrow's.
    let mut daily = by_mail(&person.id);
    daily["rhythm"] = json!({ "daily": { "at": bodies::clock_in(-1) } });
    does(&caller, &id, "deliver", &daily).await;
    caller.vacant("chrs", 2).await;
    until("both wait", || async { health(&caller, &id).await["waiting"] == json!(2) }).await;
    assert_eq!(health(&caller, &id).await["state"], "running");
    assert!(attempts(&caller, &id).await.is_empty(), "nothing was sent");
    does(&caller, &id, "deliver", &by_mail(&person.id)).await;
    let said = text(&relay.next().await);
    assert!(said.contains("2 changements"), "{said}");
    until("nothing waits", || async { health(&caller, &id).await["waiting"] == json!(0) }).await;
    assert_eq!(attempts(&caller, &id).await[0]["gathered"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_it_is_seen_that_nothing_is_sent_and_why() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let person = Person::signed_in(&world, ADDRESS, caller.organisation(), ROLE).await;
    let id = opened(&caller).await;
    does(&caller, &id, "deliver", &by_mail(&person.id)).await;
    until("it stops", || async { health(&caller, &id).await["state"] == "stopped" }).await;
    assert_eq!(health(&caller, &id).await["last"]["outcome"], json!({ "is": "not_sent", "why": "no-relay" }));
}
