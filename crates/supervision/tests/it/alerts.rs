//! What is done in an emergency is seen by others.

use domain::decide::protection::{OpenInEmergency, Protect, ReviewEmergencyOpening};
use domain::decide::registration::Register;
use domain::decide::{Command, HouseholdCommand};
use domain::event::Actor;
use domain::household::protection::EmergencyGround;
use domain::id::{HouseholdId, UserId};
use jiff::SignedDuration;
use serde_json::json;

use crate::browser::Person;
use crate::logged;
use crate::world::World;

const ALERTS: &str = "/api/v1/alerts";

#[tokio::test(flavor = "multi_thread")]
async fn every_use_of_an_emergency_account_is_logged_and_listed() {
    logged::keep();
    let world = World::start().await;
    let invited = Person::invited(&world, "secours@siao33.example", &["siao_115_agent"], true).await;
    let rescue = Person::enrols(&world, &invited["invitation"]).await;
    let mut software = world.software();
    assert_eq!(software.get(ALERTS).await.is(200)["alerts"], json!([]), "nobody has used it");
    for _ in 0..2 {
        rescue.signs_in(&world).await;
        world.passes(SignedDuration::from_secs(60));
    }
    let lines = logged::lines_with(&rescue.id);
    let warned = lines.iter().filter(|line| line.contains("emergency-account-used") && line.contains("WARN"));
    assert_eq!(warned.count(), 2, "{lines:?}");
    assert!(logged::lines_with("secours@").is_empty(), "no line says whose account it is");
    let seen = software.get(ALERTS).await.is(200);
    let alerts = seen["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 2);
    for alert in alerts {
        assert_eq!((&alert["kind"], &alert["user"]), (&json!("emergency_account_used"), &json!(rescue.id)));
    }
    assert_eq!(alerts[0]["at"], "2026-03-15T12:01:30Z", "the latest first");
    let first = software.get(&format!("{ALERTS}?limit=1")).await.is(200);
    let next = first["next"].as_str().unwrap();
    let rest = software.get(&format!("{ALERTS}?limit=1&cursor={next}")).await.is(200);
    assert_eq!((&rest["alerts"][0], &rest["next"]), (&alerts[1], &json!(null)));

    // An ordinary account raises none, and who only works there sees none.
    let agent = Person::enrolled(&world, "agent@siao33.example", &["siao_115_agent"]).await;
    let refused = agent.signs_in(&world).await.get(ALERTS).await;
    assert_eq!(refused.refusal(), (403, "not-allowed"));
    let lines = logged::lines_with(&agent.id);
    assert!(
        lines.iter().any(|line| line.contains("not-allowed") && line.contains("alert.list")),
        "{lines:?}"
    );
    let manager = Person::enrolled(&world, "chef@siao33.example", &["siao_manager"]).await;
    let seen = manager.signs_in(&world).await.get(ALERTS).await.is(200);
    assert_eq!(seen["alerts"].as_array().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opening_of_a_protected_file_waits_for_those_who_judge_it() {
    let world = World::start().await;
    let named = Person::enrolled(&world, "nommee@siao33.example", &["siao_manager"]).await;
    let other = Person::enrolled(&world, "autre@siao33.example", &["siao_115_agent"]).await;
    let user = |person: &Person| person.id.parse::<UserId>().unwrap();
    let register = world.first.command();
    let home = "33".parse().unwrap();
    let id = HouseholdId::created_by(home, register);
    let body = json!({
        "territory": "33",
        "members": [{
            "sex": "female", "link": "main_applicant", "residence": "french",
            "identity": { "first_names": "Awa", "last_name": "Faure", "birth_date": "1990-04-12" },
        }],
    });
    let body: Register = serde_json::from_value(body).unwrap();
    let by = |person: &Person, asked: HouseholdCommand| {
        let (actor, command) = (Actor::of_user(user(person)), Command::Household(id, asked));
        world.first.take(world.first.command(), actor, world.siao, command)
    };
    let actor = Actor::of_user(user(&named));
    let command = Command::Household(id, HouseholdCommand::Register(body));
    world.first.take(register, actor, world.siao, command).await;
    by(&named, HouseholdCommand::Protect(Protect { named: [user(&named)].into() })).await;
    let motive = "Elle est à la porte, il pleut, et personne d'autre ne répond.".to_owned();
    let open = OpenInEmergency { ground: EmergencyGround::ShelterTonight, motive };
    by(&other, HouseholdCommand::OpenInEmergency(open)).await;

    let mut manager = named.signs_in(&world).await;
    let seen = manager.get(ALERTS).await.is(200);
    let alert = &seen["alerts"][0];
    assert_eq!((&alert["kind"], &alert["household"]), (&json!("file_opened_in_emergency"), &json!(id)));
    assert_eq!((&alert["user"], &alert["ground"]), (&json!(other.id), &json!("shelter_tonight")));
    assert_eq!(alert["until"], "2026-03-15T13:01:00Z");
    // That the file is protected is nothing for those who run the machines.
    assert_eq!(world.software().get(ALERTS).await.is(200)["alerts"], json!([]));
    let review = ReviewEmergencyOpening { user: user(&other), justified: true };
    by(&named, HouseholdCommand::ReviewEmergencyOpening(review)).await;
    assert_eq!(manager.get(ALERTS).await.is(200)["alerts"], json!([]));
    world.stop().await;
}
