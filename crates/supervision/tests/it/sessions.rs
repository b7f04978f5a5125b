//! Signing in and out, and what ends a session by itself.

use desk::Caller;
use jiff::SignedDuration;
use serde_json::{Value, json};
use service::axum::http::Request;
use service::http::{Counted, Gate as _, Needs, Verb};
use service::sign_in::local::{HASHES_AT_ONCE, HASHES_WAITING_MAX};

use crate::browser::{Browser, PASSWORD, Person, code, profile};
use crate::logged;
use crate::world::World;

const SESSION: &str = "/api/v1/session";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_and_acts_as_one_of_their_profiles_and_then_as_another() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager", "siao_115_agent"]).await;
    let mut browser = world.browser();
    let typed = json!({
        "login": "JEANNE@siao33.example", "password": PASSWORD,
        "code": code(&person.totp, world.clock.now()), "profile": profile(world.siao, "siao_manager"),
    });
    let answer = browser.post(SESSION, typed).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["__Host-session=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"));
    let session = answer.is(201);
    assert_eq!(session["user"], person.id.as_str());
    assert_eq!(session["profile"]["role"], "siao_manager");
    assert_eq!(session["profile"]["organisation_name"], "SIAO de la Gironde");
    assert_eq!(session["profiles"].as_array().unwrap().len(), 2);
    assert_eq!((&session["idle_minutes"], &session["ends_at"]), (&json!(30), &json!("2026-03-16T00:00:30Z")));
    let who = browser.get(SESSION).await.is(200);
    assert_eq!(who["name"], "Jeanne Martin");
    assert_eq!(who, session, "it is told what it was told at the beginning");

    let other = json!({ "profile": profile(world.siao, "siao_115_agent") });
    let path = "/api/v1/session/switch-profile";
    let switched = browser.post(path, other.clone()).await.is(200);
    assert_eq!(switched["profile"]["role_name"], "Écoutant 115");
    assert_eq!(browser.get(SESSION).await.is(200)["profile"]["role"], "siao_115_agent");
    let not_theirs = json!({ "profile": profile(world.operator, "system_admin") });
    assert_eq!(browser.post(path, not_theirs).await.refusal(), (409, "profile-not-held"));

    // Two browsers are two sessions: one ends, the other goes on.
    world.passes(SignedDuration::from_secs(30));
    let mut second = person.signs_in(&world).await;
    let kept = browser.clone();
    let ended = browser.post("/api/v1/session/end", json!({})).await;
    assert_eq!((ended.status, ended.header("clear-site-data")), (204, r#""cache", "cookies", "storage""#));
    assert!(browser.cookies.is_empty(), "the cookie is taken away");
    assert_eq!(kept.clone().get(SESSION).await.refusal(), (401, "sign-in-needed"), "and opens nothing");
    second.get(SESSION).await.is(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_sees_their_sessions_and_ends_those_they_are_not_in() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut forgotten = person.signs_in(&world).await;
    world.passes(SignedDuration::from_mins(10));
    let mut browser = person.signs_in(&world).await;
    let who = browser.get(SESSION).await.is(200);
    let sessions = who["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let this: Vec<_> = sessions.iter().filter(|session| session["this_one"] == true).collect();
    assert_eq!((this.len(), &this[0]["session"]), (1, &who["session"]));
    let left = browser.post("/api/v1/session/end-others", json!({})).await.is(200);
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(forgotten.get(SESSION).await.refusal(), (401, "sign-in-needed"));
    browser.get(SESSION).await.is(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_get_in_is_told_the_same_whatever_was_wrong() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    Person::invited(&world, "invitee@siao33.example", &["siao_manager"], false).await;
    person.signs_in(&world).await;
    let now = world.clock.now();
    let good = |name: &str, value: &str| {
        let mut typed = person.types(now + SignedDuration::from_secs(30));
        typed[name] = json!(value);
        typed
    };
    let mut with_recovery = person.types(now);
    with_recovery.as_object_mut().unwrap().remove("code");
    with_recovery["recovery_code"] = json!("aaaa-bbbb-cccc-dddd");
    let mut of_nobody = with_recovery.clone();
    of_nobody["login"] = json!("personne@siao33.example");
    let mut as_admin = good("password", PASSWORD);
    as_admin["profile"] = profile(world.operator, "system_admin");
    let mut answers = Vec::new();
    for typed in [
        person.types(now), // the code that was used a moment ago
        good("login", "personne@siao33.example"),
        good("login", "invitee@siao33.example"),
        good("password", "cinq mots choisis au hasard"),
        with_recovery,
        of_nobody,
        as_admin,
    ] {
        let mut answer = world.browser().post(SESSION, typed).await;
        assert_eq!(answer.refusal(), (401, "sign-in-needed"));
        assert!(answer.header("set-cookie").is_empty());
        for own in ["instance", "trace", "trace_id"] {
            answer.body.as_object_mut().unwrap().remove(own);
        }
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_has_five_attempts_a_minute_whether_anybody_has_it_or_not() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    for login in ["jeanne@siao33.example", "personne@siao33.example"] {
        let typed = json!({ "login": login, "password": "un mot de passe faux", "code": "000000" });
        for _ in 0..5 {
            let refused = world.browser().post(SESSION, typed.clone()).await;
            assert_eq!(refused.refusal(), (401, "sign-in-needed"));
        }
        let refused = world.browser().post(SESSION, typed).await;
        assert_eq!(refused.refusal(), (429, "too-many-requests"));
        assert_eq!(refused.body["bound"]["value"], 5);
        assert!(!refused.header("retry-after").is_empty());
    }
    let typed = person.types(world.clock.now());
    assert_eq!(world.browser().post(SESSION, typed).await.status, 429, "the right password too");
    world.passes(SignedDuration::from_secs(60));
    person.signs_in(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_more_sign_in_at_once_than_can_be_hashed_some_are_told_to_come_back() {
    let world = World::start().await;
    let tries = (0..HASHES_AT_ONCE + HASHES_WAITING_MAX + 32).map(|n| {
        let mut browser = world.browser();
        async move {
            let login = format!("personne-{n}@siao33.example");
            let typed = json!({ "login": login, "password": PASSWORD, "code": "000000" });
            browser.post(SESSION, typed).await
        }
    });
    let tries: Vec<_> = tries.map(tokio::spawn).collect();
    let (mut refused, mut later) = (0, 0);
    for answer in tries {
        let answer = answer.await.unwrap();
        match answer.refusal() {
            (401, "sign-in-needed") => refused += 1,
            (503, "too-busy") => {
                assert_eq!(answer.body["bound"]["name"], "passwords");
                assert!(!answer.header("retry-after").is_empty());
                later += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(refused >= HASHES_AT_ONCE + HASHES_WAITING_MAX && later > 0, "{refused} refused, {later} later");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_opens_once_and_the_others_still_do() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let with = |code: &str| json!({ "login": person.email, "password": PASSWORD, "recovery_code": code });
    for at in [3, 0, 9] {
        world.browser().post(SESSION, with(&person.recovery[at])).await.is(201);
    }
    let used = world.browser().post(SESSION, with(&person.recovery[3])).await;
    assert_eq!(used.refusal(), (401, "sign-in-needed"));
    world.passes(SignedDuration::from_secs(60));
    // Twice at the same instant, it is used once.
    let (mut one, mut other) = (world.browser(), world.browser());
    let typed = with(&person.recovery[5]);
    let both = tokio::join!(one.post(SESSION, typed.clone()), other.post(SESSION, typed));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_half_an_hour_of_silence_and_after_twelve_hours_whatever_is_done() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    let mut silent = browser.clone();
    for _ in 0..2 {
        world.passes(SignedDuration::from_mins(29));
        browser.post("/api/v1/session/keep", json!({})).await.is(200);
    }
    let refused = silent.post("/api/v1/session/keep", json!({})).await;
    assert_eq!(refused.refusal(), (401, "sign-in-needed"));
    let told = refused.body["detail"].as_str().unwrap();
    assert!(told.contains("Ce que vous avez saisi reste à l'écran"), "{told}");
    world.passes(SignedDuration::from_mins(30));
    assert_eq!(browser.get(SESSION).await.status, 401, "half an hour to the second");

    let mut browser = person.signs_in(&world).await;
    let begun = world.clock.now();
    while world.clock.now() + SignedDuration::from_mins(25) < begun + SignedDuration::from_hours(12) {
        world.passes(SignedDuration::from_mins(25));
        browser.get(SESSION).await.is(200);
    }
    world.clock.set(begun + SignedDuration::from_hours(12));
    assert_eq!(browser.get(SESSION).await.refusal(), (401, "sign-in-needed"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_left_open_keeps_no_session_alive() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    let mut page = Browser { by_itself: true, ..browser.clone() };
    for _ in 0..29 {
        world.passes(SignedDuration::from_mins(1));
        let answer = page.get(SESSION).await;
        assert!(answer.header("set-cookie").is_empty(), "it was not used");
        answer.is(200);
    }
    // Somebody does something in the last minute: it goes on from there, and the page asks with the new cookie.
    browser.get(SESSION).await.is(200);
    page.cookies.clone_from(&browser.cookies);
    world.passes(SignedDuration::from_mins(29));
    page.get(SESSION).await.is(200);
    world.passes(SignedDuration::from_mins(1));
    assert_eq!(page.get(SESSION).await.refusal(), (401, "sign-in-needed"));
    assert_eq!(browser.get(SESSION).await.refusal(), (401, "sign-in-needed"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_open_no_longer_than_the_session_that_asked_for_it() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    let door = world.first.door();
    let opens = async |browser: &Browser| {
        let cookie = format!("__Host-session={}", browser.cookies["__Host-session"]);
        let (head, ()) =
            Request::get("/api/v1/events/stream").header("cookie", cookie).body(()).unwrap().into_parts();
        let live = Needs::Right { on: "event", name: "follow", verb: Verb::Follow };
        let admitted = door.admit(head, live, Counted::Request).await.unwrap();
        assert!(admitted.cookie.is_none(), "following is not using");
        admitted.head.extensions.get::<Caller>().unwrap().clone()
    };
    world.passes(SignedDuration::from_mins(10));
    let caller = opens(&browser).await;
    world.passes(SignedDuration::from_mins(19));
    assert!(door.still(&caller).unwrap());
    // It is used in the last minute: the stream that was opened before ends, another is opened with the cookie of today.
    browser.get(SESSION).await.is(200);
    world.passes(SignedDuration::from_mins(1));
    assert!(!door.still(&caller).unwrap());
    let caller = opens(&browser).await;
    assert!(door.still(&caller).unwrap());
    world.passes(SignedDuration::from_mins(29));
    assert!(!door.still(&caller).unwrap());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_a_password_and_guesses_codes_gets_in_no_more_and_is_not_told_why() {
    logged::keep();
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut thief = world.browser();
    for _ in 0..10 {
        world.passes(SignedDuration::from_secs(30));
        let right = code(&person.totp, world.clock.now());
        let wrong = if right == "000000" { "000001" } else { "000000" };
        let guess = json!({ "login": person.email, "password": PASSWORD, "code": wrong });
        assert_eq!(thief.post(SESSION, guess).await.refusal(), (401, "sign-in-needed"));
    }
    world.passes(SignedDuration::from_secs(30));
    let right = person.types(world.clock.now());
    assert_eq!(thief.post(SESSION, right).await.refusal(), (401, "sign-in-needed"), "even the right one");
    let lines = logged::lines_with(&person.id);
    let refused = lines.iter().filter(|line| line.contains("sign-in-refused")).count();
    assert_eq!(refused, 11, "each attempt is logged: {lines:?}");
    assert!(lines.iter().any(|line| line.contains("WARN") && line.contains("codes-guessed")), "{lines:?}");
    // An hour fills in ten: one comes back after six minutes.
    world.passes(SignedDuration::from_mins(6));
    person.signs_in(&world).await;
    // Without the password nothing is counted: nobody can be kept out by a stranger.
    let other = Person::enrolled(&world, "paul@siao33.example", &["siao_manager"]).await;
    for _ in 0..11 {
        world.passes(SignedDuration::from_secs(30));
        let guess =
            json!({ "login": other.email, "password": "quatre autres mots choisis", "code": "000000" });
        assert_eq!(thief.post(SESSION, guess).await.refusal(), (401, "sign-in-needed"));
    }
    world.passes(SignedDuration::from_secs(30));
    other.signs_in(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moment_a_session_was_seen_last_cannot_be_written_by_its_holder() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    world.passes(SignedDuration::from_mins(40));
    let cookie = browser.cookies["__Host-session"].clone();
    let parts: Vec<_> = cookie.split('_').collect();
    let seen = world.clock.now().as_second().to_string();
    let forged = [&parts[..3], &[seen.as_str(), parts[4]]].concat().join("_");
    browser.cookies.insert("__Host-session".to_owned(), forged);
    assert_eq!(browser.get(SESSION).await.refusal(), (401, "sign-in-needed"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_comes_from_a_page_of_this_site_with_its_token() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let browser = person.signs_in(&world).await;
    let path = "/api/v1/session/keep";
    let forged = |browser: crate::browser::Browser| async move {
        let mut browser = browser;
        let answer = browser.post(path, json!({})).await;
        assert_eq!(answer.refusal(), (403, "request-forged"));
    };
    let of = |csrf: Option<&str>, origin: Option<&str>| crate::browser::Browser {
        csrf: csrf.map(str::to_owned),
        origin: origin.map(str::to_owned),
        ..browser.clone()
    };
    let token = browser.csrf.clone().unwrap();
    forged(of(None, None)).await;
    forged(of(Some("0".repeat(32).as_str()), None)).await;
    forged(of(Some(&token), Some("https://elsewhere.example"))).await;
    of(Some(&token), None).post(path, json!({})).await.is(200);
    // Nobody is signed in by a page of somebody else's.
    let mut elsewhere = of(None, Some("https://elsewhere.example"));
    elsewhere.cookies.clear();
    let refused = elsewhere.post(SESSION, person.types(world.clock.now())).await;
    assert_eq!(refused.refusal(), (403, "request-forged"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_all_sessions() {
    let world = World::start().await;
    let person = Person::enrolled(&world, "jeanne@siao33.example", &["siao_manager"]).await;
    let mut browser = person.signs_in(&world).await;
    let path = "/api/v1/session/change-password";
    let change = |old: &str, new: &str| json!({ "password": old, "new_password": new });
    let new = "une cloche sonne au loin";
    assert_eq!(
        browser.post(path, change("pas le bon du tout", new)).await.refusal(),
        (409, "password-wrong")
    );
    assert_eq!(browser.post(path, change(PASSWORD, "court")).await.refusal(), (422, "password-too-short"));
    let mut other = browser.clone();
    assert_eq!(browser.post(path, change(PASSWORD, new)).await.status, 204);
    assert_eq!(other.get(SESSION).await.status, 401);
    world.passes(SignedDuration::from_secs(60));
    let mut typed = person.types(world.clock.now());
    assert_eq!(world.browser().post(SESSION, typed.clone()).await.status, 401, "the old one");
    typed["password"] = json!(new);
    world.browser().post(SESSION, typed).await.is(201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn software_has_a_token_and_no_session() {
    let world = World::start().await;
    let mut software = world.software();
    let who: Value = software.get(SESSION).await.is(200);
    assert_eq!(who["profile"]["role"], "system_admin");
    let refused = software.post("/api/v1/session/end", json!({})).await;
    assert_eq!(refused.refusal(), (403, "token-not-allowed"));
    assert_eq!(world.browser().get(SESSION).await.refusal(), (401, "sign-in-needed"));
    world.stop().await;
}
