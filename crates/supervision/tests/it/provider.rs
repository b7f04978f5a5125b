//! Signing in with a provider of identities: a real socket that answers as one.

use std::path::Path;

use serde_json::json;
use service::config::{ProviderProfile, Settings};

use crate::browser::{Answer, Browser, Person};
use crate::logged;
use crate::oidc_fake::{BACK, CLIENT, EMAIL, Fake, SUBJECT, Script};
use crate::world::World;

const BEGIN: &str = "/api/v1/sign-in/begin";
const KEPT: &str = "__Host-sign-in";
const SESSION: &str = "__Host-session";

async fn start(provider: &Fake) -> World {
    let issuer = provider.issuer.clone();
    World::with(move |settings: &mut Settings, dir: &Path| {
        let file = dir.join("secret");
        std::fs::write(&file, "shared\n").unwrap();
        let provider = &mut settings.sign_in.as_mut().unwrap().provider;
        provider.issuer.clone_from(&issuer);
        provider.profile = ProviderProfile::ProConnect;
        CLIENT.clone_into(&mut provider.client_id);
        provider.client_secret_file = file;
        BACK.clone_into(&mut provider.redirect_uri);
    })
    .await
}

/// Where the browser goes when it comes back from the provider.
fn back(provider: &Fake, location: &str) -> String {
    let said = provider.signs_in(location);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish();
    // Providers add parameters of their own.
    format!("/api/v1/sign-in/callback?{query}&session_state=x")
}

async fn begins(browser: &mut Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"] {
        assert!(answer.header("set-cookie").contains(part), "{part}");
    }
    answer.header("location").to_owned()
}

/// The whole way to the provider and back.
async fn comes_back(browser: &mut Browser, provider: &Fake, path: &str) -> Answer {
    let location = begins(browser, path).await;
    assert!(location.starts_with(&format!("{}/authorize", provider.issuer)));
    let answer = browser.get(&back(provider, &location)).await;
    assert!(!browser.cookies.contains_key(KEPT), "what was kept is good for one return");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_opens_the_account_it_was_linked_to_on_an_invitation() {
    logged::keep();
    let provider = Fake::start(Script::default()).await;
    let world = start(&provider).await;
    let mut browser = world.browser();
    let stranger = comes_back(&mut browser, &provider, BEGIN).await;
    assert_eq!(stranger.refusal(), (403, "not-allowed"));
    assert!(stranger.body["detail"].as_str().unwrap().contains("demandez une invitation"));
    assert!(!browser.cookies.contains_key(SESSION));
    // The address that the provider names is that of an account, and opens it no more than another would.
    let invited = Person::invited(&world, EMAIL, &["siao_manager"], false).await;
    let stranger = comes_back(&mut browser, &provider, BEGIN).await;
    assert_eq!(stranger.refusal(), (403, "not-allowed"));

    let invitation = invited["invitation"].as_str().unwrap();
    let linked = comes_back(&mut browser, &provider, &format!("{BEGIN}?invitation={invitation}")).await;
    assert_eq!((linked.status, linked.header("location")), (303, "/"), "{}", linked.body);
    assert_eq!(browser.get("/api/v1/session").await.is(200)["user"], invited["id"]);
    // Taken up, it is over, and the identity is enough.
    let over = world.browser().get(&format!("{BEGIN}?invitation={invitation}")).await;
    assert_eq!(over.refusal(), (409, "invitation-over"));
    let mut other = world.browser();
    assert_eq!(comes_back(&mut other, &provider, BEGIN).await.status, 303);
    assert_eq!(other.get("/api/v1/session").await.is(200)["user"], invited["id"]);
    // Somebody else's invitation is not taken up by an identity that has an account.
    let second = Person::invited(&world, "autre@siao33.example", &["siao_manager"], false).await;
    let path = format!("{BEGIN}?invitation={}", second["invitation"].as_str().unwrap());
    let taken = comes_back(&mut world.browser(), &provider, &path).await;
    assert_eq!(taken.refusal(), (409, "identity-taken"));

    let disable = format!("/api/v1/users/{}/disable", invited["id"].as_str().unwrap());
    world.software().post(&disable, json!({ "reason": "left" })).await.is(200);
    assert_eq!(other.get("/api/v1/session").await.status, 401);
    assert_eq!(comes_back(&mut other, &provider, BEGIN).await.refusal(), (403, "not-allowed"));
    assert!(logged::lines_with(SUBJECT).is_empty() && logged::lines_with(EMAIL).is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_browser_kept_is_used_once_by_itself_alone_and_as_it_was_given() {
    let provider = Fake::start(Script::default()).await;
    let world = start(&provider).await;
    let invited = Person::invited(&world, EMAIL, &["siao_manager"], false).await;
    let path = format!("{BEGIN}?invitation={}", invited["invitation"].as_str().unwrap());
    assert_eq!(comes_back(&mut world.browser(), &provider, &path).await.status, 303);

    // Another browser than that which began; one that has changed what it kept; the same return a second time.
    let refused = |answer: Answer| {
        assert_eq!(answer.refusal(), (401, "sign-in-needed"));
        assert!(
            answer
                .headers
                .get_all("set-cookie")
                .iter()
                .all(|set| !set.to_str().unwrap().starts_with(SESSION))
        );
    };
    let mut browser = world.browser();
    let location = begins(&mut browser, BEGIN).await;
    let returning = back(&provider, &location);
    refused(world.browser().get(&returning).await);
    let mut changed = browser.clone();
    let kept = changed.cookies[KEPT].clone();
    let other = if kept.starts_with('e') { "f" } else { "e" };
    changed.cookies.insert(KEPT.to_owned(), format!("{other}{}", &kept[1..]));
    refused(changed.get(&returning).await);
    let mut copy = browser.clone();
    assert_eq!(browser.get(&returning).await.status, 303);
    refused(copy.get(&returning).await);
    // Another sign-in's answer; one that the person refused at the provider.
    let mut browser = world.browser();
    let _ = begins(&mut browser, BEGIN).await;
    refused(browser.get(&returning).await);
    let location = begins(&mut browser, BEGIN).await;
    let state = form_urlencoded::parse(location.split_once('?').unwrap().1.as_bytes());
    let state = state.into_owned().find(|(name, _)| name == "state").unwrap().1;
    let iss = form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect::<String>();
    let no = format!("/api/v1/sign-in/callback?error=access_denied&state={state}&iss={iss}");
    refused(browser.get(&no).await);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_provider_is_configured_there_is_none_to_go_to() {
    let world = World::start().await;
    assert_eq!(world.browser().get(BEGIN).await.refusal(), (409, "no-identity-provider"));
    let back = world.browser().get("/api/v1/sign-in/callback?code=x&state=y").await;
    assert_eq!(back.refusal(), (409, "no-identity-provider"));
    world.stop().await;
}
