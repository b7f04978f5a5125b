//! From the invitation to the end of an account.

use domain::id::UserId;
use domain::rights::Role;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::browser::{Browser, PASSWORD, Person, code};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_taken_up_once_with_a_password_and_a_telephone() {
    let world = World::start().await;
    let invited = Person::invited(&world, "Jeanne.Martin@siao33.example", &["siao_manager"], false).await;
    let invitation = &invited["invitation"];
    assert!(invitation.as_str().unwrap().starts_with("cti_33"));
    assert_eq!(invited["until"], "2026-03-18T12:00:00Z", "72 hours");

    let mut browser = world.browser();
    let begin = |invitation: &Value| json!({ "invitation": invitation });
    let begun = browser.post("/api/v1/enrolment/begin", begin(invitation)).await.is(200);
    assert_eq!(
        (&begun["name"], &begun["login"]),
        (&json!("Jeanne Martin"), &json!("Jeanne.Martin@siao33.example"))
    );
    assert!(begun["otpauth_url"].as_str().unwrap().starts_with("otpauth://totp/Continuum:Jeanne.Martin"));

    // Unknown, malformed, of somebody else: one answer.
    let mut other = invitation.as_str().unwrap().to_owned();
    let last = other.pop().unwrap();
    other.push(if last == '0' { '1' } else { '0' });
    let wrong = browser.post("/api/v1/enrolment/begin", begin(&json!(other))).await;
    assert_eq!(wrong.refusal(), (409, "invitation-over"));
    let malformed = browser.post("/api/v1/enrolment/begin", begin(&json!("cti_nothing"))).await;
    assert_eq!(malformed.body["detail"], wrong.body["detail"]);

    let totp = begun["totp_secret"].as_str().unwrap();
    let finish = |password: &str, code: String| json!({ "invitation": invitation, "password": password, "totp_secret": totp, "code": code });
    let good = code(totp, world.clock.now());
    for (password, why) in [
        ("onze lettre", "password-too-short"),
        ("motdepasse2026!", "password-common"),
        ("moi jeanne.martin ici", "password-contains-login"),
        ("le bon Continuum d'ici", "password-contains-product"),
    ] {
        let refused = browser.post("/api/v1/enrolment/finish", finish(password, good.clone())).await;
        assert_eq!(refused.refusal(), (422, why));
        assert!(!refused.body.to_string().contains(password));
    }
    let late = code(totp, world.clock.now() - SignedDuration::from_mins(10));
    let refused = browser.post("/api/v1/enrolment/finish", finish(PASSWORD, late)).await;
    assert_eq!(refused.refusal(), (409, "code-wrong"));

    let finished = browser.post("/api/v1/enrolment/finish", finish(PASSWORD, good.clone())).await.is(201);
    assert_eq!(finished["recovery_codes"].as_array().unwrap().len(), 10);
    let again = browser.post("/api/v1/enrolment/finish", finish(PASSWORD, good)).await;
    assert_eq!(again.refusal(), (409, "invitation-over"));

    // One that nobody takes up is over after three days, and another is drawn.
    let invited = Person::invited(&world, "paul@siao33.example", &["siao_manager"], false).await;
    world.passes(SignedDuration::from_hours(72) + SignedDuration::from_secs(1));
    let late = browser.post("/api/v1/enrolment/begin", begin(&invited["invitation"])).await;
    assert_eq!(late.refusal(), (409, "invitation-over"));
    let path = format!("/api/v1/users/{}/renew-invitation", invited["id"].as_str().unwrap());
    let renewed = world.software().post(&path, json!({})).await.is(201);
    browser.post("/api/v1/enrolment/begin", begin(&renewed["invitation"])).await.is(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_refused_without_saying_whose_it_is() {
    let world = World::start().await;
    let invited = Person::invited(&world, "jeanne@siao33.example", &["siao_manager"], false).await;
    let profiles = json!([{ "organisation": world.operator, "role": "system_admin" }]);
    let again = json!({ "name": "Une autre", "email": " JEANNE@siao33.example ", "profiles": profiles });
    let refused = world.software().post("/api/v1/users", again).await;
    assert_eq!(refused.refusal(), (409, "login-taken"));
    assert!(!refused.body.to_string().contains(invited["id"].as_str().unwrap()));
    assert!(!refused.body.to_string().to_lowercase().contains("jeanne"));
    // Asked at once by two, it is taken by one.
    let body = json!({ "name": "Paul", "email": "paul@siao33.example", "profiles": profiles });
    let (mut one, mut other) = (world.software(), world.software());
    let both = tokio::join!(one.post("/api/v1/users", body.clone()), other.post("/api/v1/users", body));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_listed_for_who_administers_and_for_nobody_else() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "dpo@siao33.example", &["auditor"]).await;
    Person::invited(&world, "jeanne@siao33.example", &["siao_manager"], false).await;
    let path = format!("/api/v1/users?organisation={}", world.siao);
    let seen = world.software().get(&path).await.is(200);
    assert_eq!(seen["users"].as_array().unwrap().len(), 2);
    assert!(seen.to_string().contains("jeanne@siao33.example"));
    let mut auditor = person.signs_in(&world).await;
    let seen = auditor.get(&path).await.is(200);
    assert_eq!(seen["users"].as_array().unwrap().len(), 2);
    assert!(!seen.to_string().contains("jeanne") && !seen.to_string().contains("Martin"), "{seen}");
    let mut accounts: Vec<_> = seen["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["account"]["is"].as_str().unwrap())
        .collect();
    accounts.sort_unstable();
    assert_eq!(accounts, ["active", "invited"]);
    // One by one, nobody is missed.
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let page = auditor.get(&format!("{path}&limit=1{cursor}")).await.is(200);
        found += page["users"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, 2);
    let manager = Person::enrolled(&world, "chef@siao33.example", &["siao_manager"]).await;
    let refused = manager.signs_in(&world).await.get(&path).await;
    assert_eq!(refused.refusal(), (403, "not-allowed"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_names_of_colleagues_is_recorded_first_or_reads_none() {
    let mut world = World::start().await;
    let invited = Person::invited(&world, "jeanne@siao33.example", &["siao_manager"], false).await;
    let id: UserId = invited["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/v1/users?organisation={}", world.siao);
    assert!(world.software().get(&path).await.is(200).to_string().contains("Jeanne Martin"));
    let journal = world.first.journal().clone();
    let read = journal.accesses_of(id, 0, 10).await.unwrap().entries;
    assert_eq!(read.len(), 1);
    let entry = &read[0].entry;
    assert_eq!((entry.about, entry.organisation), (id.into(), world.operator));
    assert_eq!((entry.action.as_str(), entry.purpose.as_str()), ("user.list", "administration"));
    assert_eq!(entry.fields.iter().map(|field| field.as_str()).collect::<Vec<_>>(), ["name", "email"]);
    // Who is shown no names reads nothing of anybody.
    let auditor = world.first.issues(world.siao, Role::Auditor).await;
    let mut auditor = Browser { bearer: Some(auditor), ..world.browser() };
    auditor.get(&path).await.is(200);
    assert_eq!(journal.accesses_of(id, 0, 10).await.unwrap().entries.len(), 1);

    world.loses_its_broker().await;
    let refused = world.software().get(&path).await;
    assert_eq!(refused.refusal(), (503, "broker-unreachable"));
    assert!(!refused.body.to_string().contains("Jeanne"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_disabled_is_out_at_its_very_next_request_everywhere() {
    let mut world = World::start().await;
    let elsewhere = world.one_more().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    let mut other = Browser { base: elsewhere, ..browser.clone() };
    // The other process learns of the session from the journal.
    while other.get("/api/v1/session").await.status != 200 {
        tokio::task::yield_now().await;
    }
    let path = format!("/api/v1/users/{}/disable", person.id);
    world.software().post(&path, json!({ "reason": "left" })).await.is(200);
    let begun = std::time::Instant::now();
    let refused = browser.get("/api/v1/session").await;
    assert_eq!(refused.refusal(), (401, "sign-in-needed"), "the very next request");
    while other.get("/api/v1/session").await.status != 401 {
        // security.md promises two seconds for what takes milliseconds.
        assert!(begun.elapsed().as_secs() < 2, "the other process still knows the session");
        tokio::task::yield_now().await;
    }
    world.passes(SignedDuration::from_secs(30));
    let refused = world.browser().post("/api/v1/session", person.types(world.clock.now())).await;
    assert_eq!(refused.refusal(), (401, "sign-in-needed"));
    // Enabled again, what they signed in with is forgotten.
    let path = format!("/api/v1/users/{}/enable", person.id);
    let enabled = world.software().post(&path, json!({})).await.is(201);
    let refused = world.browser().post("/api/v1/session", person.types(world.clock.now())).await;
    assert_eq!(refused.refusal(), (401, "sign-in-needed"));
    let person = Person::enrols(&world, &enabled["invitation"]).await;
    person.signs_in(&world).await.get("/api/v1/session").await.is(200);
    world.stop().await;
}
