//! What a relying party must not believe: each wrong answer is refused with its own error, and nobody is signed in.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use service::sign_in::SystemRandom;
use service::sign_in::oidc::{
    Begun, Callback, Config, DiscoveryFault, Document, Fault, Http, Identity, OidcError, PENDING_MAX,
    Pending, Provider, Refusal, TokenFault, Userinfo,
};
use tempfile::TempDir;

use crate::oidc_fake::{BACK, CLIENT, EMAIL, Fake, SUBJECT, Script, Signed, noon};

/// A sign-in in which one thing is wrong.
struct Row {
    what: &'static str,
    expected: OidcError,
    script: Script,
    config: fn(&mut Config),
    brought: fn(&mut Vec<(String, String)>),
    /// How long after its beginning it is finished, in seconds.
    after_s: i64,
}

impl Row {
    fn new(what: &'static str, expected: OidcError) -> Self {
        Self { what, expected, script: Script::default(), config: |_| {}, brought: |_| {}, after_s: 1 }
    }

    fn provider(mut self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.script);
        self
    }

    fn browser(self, brought: fn(&mut Vec<(String, String)>)) -> Self {
        Self { brought, ..self }
    }

    fn config(self, config: fn(&mut Config)) -> Self {
        Self { config, ..self }
    }

    fn after(self, after_s: i64) -> Self {
        Self { after_s, ..self }
    }

    async fn outcome(&self) -> Result<Identity, OidcError> {
        let fake = Fake::start(self.script.clone()).await;
        let party = Party::at(&fake, self.config).await?;
        let begun = party.begin().await;
        let mut brought = fake.signs_in(&begun.url);
        (self.brought)(&mut brought);
        party.finish(begun.pending, &brought, seconds_later(self.after_s)).await
    }
}

/// The relying party, as for ProConnect.
struct Party {
    provider: Provider,
    _directory: TempDir,
}

impl Party {
    async fn at(fake: &Fake, change: fn(&mut Config)) -> Result<Self, OidcError> {
        let directory = TempDir::new().unwrap();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "shared\n").unwrap();
        let mut config = Config::proconnect(&fake.issuer, CLIENT, secret, BACK);
        change(&mut config);
        let http = Http::for_provider(&config)?;
        let provider = Provider::discover(config, http, noon()).await?;
        Ok(Self { provider, _directory: directory })
    }

    async fn begin(&self) -> Begun {
        self.provider.begin(noon(), &SystemRandom).await.unwrap()
    }

    async fn finish(
        &self,
        pending: Pending,
        brought: &[(String, String)],
        now: Timestamp,
    ) -> Result<Identity, OidcError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(brought).finish();
        self.provider.finish(pending, &Callback::from_query(&query)?, now).await
    }
}

fn seconds_later(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn set(brought: &mut [(String, String)], name: &str, value: &str) {
    value.clone_into(&mut brought.iter_mut().find(|(key, _)| key == name).unwrap().1);
}

fn without(brought: &mut Vec<(String, String)>, name: &str) {
    brought.retain(|(key, _)| key != name);
}

fn id_token(fault: TokenFault) -> OidcError {
    OidcError::Token { document: Document::IdToken, fault }
}

fn userinfo(fault: TokenFault) -> OidcError {
    OidcError::Token { document: Document::Userinfo, fault }
}

fn fetch(document: Document, fault: Fault) -> OidcError {
    OidcError::Fetch { document, fault }
}

/// What the browser brings back.
fn callbacks() -> Vec<Row> {
    vec![
        Row::new("another state", OidcError::StateWrong).browser(|brought| set(brought, "state", "other")),
        Row::new("an empty state", OidcError::StateWrong).browser(|brought| set(brought, "state", "")),
        Row::new("no state", OidcError::StateMissing).browser(|brought| without(brought, "state")),
        Row::new("two states", OidcError::CallbackMalformed)
            .browser(|brought| brought.push(("state".to_owned(), "other".to_owned()))),
        Row::new("no code", OidcError::CodeMissing).browser(|brought| without(brought, "code")),
        Row::new("another's code", OidcError::CodeRefused).browser(|brought| set(brought, "code", "other")),
        Row::new("another issuer's answer", OidcError::IssuerWrong)
            .browser(|brought| set(brought, "iss", "https://other.example")),
        Row::new("no issuer, though announced", OidcError::IssuerMissing)
            .browser(|brought| without(brought, "iss")),
        Row::new("a no", OidcError::Refused(Refusal::AccessDenied))
            .browser(|brought| brought.push(("error".to_owned(), "access_denied".to_owned()))),
        Row::new("another sign-in's no", OidcError::StateWrong).browser(|brought| {
            set(brought, "state", "other");
            brought.push(("error".to_owned(), "access_denied".to_owned()));
        }),
        Row::new("too late", OidcError::PendingExpired).after(600),
        Row::new("before it was begun", OidcError::PendingExpired).after(-31),
    ]
}

/// What an ID token says, and how it is signed.
fn id_tokens() -> Vec<Row> {
    let says =
        |what, fault, change| Row::new(what, id_token(fault)).provider(|script| script.id_token = change);
    let signed = |what, fault, how| Row::new(what, id_token(fault)).provider(|it| it.id_token_signed = how);
    vec![
        signed("no signature (alg none)", TokenFault::Algorithm, Signed::ByNothing),
        signed("HS256 with the public key", TokenFault::Algorithm, Signed::ByThePublicKey),
        signed("an unknown key", TokenFault::UnknownKey, Signed::UnderAnotherName),
        signed("somebody else's signature", TokenFault::Signature, Signed::ByAnother),
        signed("changed after it was signed", TokenFault::Signature, Signed::ThenChanged),
        says("another issuer", TokenFault::Issuer, |claims| claims["iss"] = json!("https://other.example")),
        says("no issuer", TokenFault::Issuer, |claims| remove(claims, "iss")),
        says("another audience", TokenFault::Audience, |claims| claims["aud"] = json!("other")),
        says("no audience", TokenFault::Audience, |claims| remove(claims, "aud")),
        says("another's party", TokenFault::AuthorizedParty, |claims| claims["azp"] = json!("other")),
        says("several audiences and no party", TokenFault::AuthorizedParty, |claims| {
            claims["aud"] = json!([CLIENT, "other"]);
        }),
        says("expired", TokenFault::Expired, |claims| claims["exp"] = json!(noon().as_second() - 31)),
        says("no expiry", TokenFault::Malformed, |claims| remove(claims, "exp")),
        says("issued in the future", TokenFault::IssuedInFuture, |claims| {
            claims["iat"] = json!(noon().as_second() + 60);
        }),
        says("issued before it was asked for", TokenFault::IssuedBefore, |claims| {
            claims["iat"] = json!(noon().as_second() - 60);
        }),
        says("another's nonce", TokenFault::NonceWrong, |claims| claims["nonce"] = json!("other")),
        says("no nonce", TokenFault::NonceMissing, |claims| remove(claims, "nonce")),
        says("nobody", TokenFault::Subject, |claims| claims["sub"] = json!("")),
        says("another access token", TokenFault::AccessToken, |claims| claims["at_hash"] = json!("AAAA")),
        says("an expiry that is a word", TokenFault::Malformed, |claims| claims["exp"] = json!("never")),
        Row::new("too little assurance", OidcError::AcrTooLow)
            .config(|config| config.acr_minimum = "eidas2".to_owned()),
        Row::new("an unheard-of assurance", OidcError::AcrTooLow)
            .provider(|script| script.id_token = |claims| claims["acr"] = json!("eidas9")),
        Row::new("no assurance", OidcError::AcrMissing)
            .provider(|script| script.id_token = |claims| remove(claims, "acr")),
    ]
}

/// What the userinfo says, and how it is signed.
fn userinfos() -> Vec<Row> {
    let says =
        |what, fault, change| Row::new(what, userinfo(fault)).provider(|script| script.userinfo = change);
    let signed = |what, fault, how| Row::new(what, userinfo(fault)).provider(|it| it.userinfo_signed = how);
    vec![
        Row::new("plain userinfo", OidcError::UserinfoUnsigned)
            .provider(|script| script.userinfo_media = "application/json"),
        Row::new("userinfo of somebody else", OidcError::SubjectsDiffer)
            .provider(|script| script.userinfo = |claims| claims["sub"] = json!("other")),
        Row::new("userinfo of nobody", OidcError::SubjectsDiffer)
            .provider(|script| script.userinfo = |claims| remove(claims, "sub")),
        Row::new("plain userinfo of somebody else", OidcError::SubjectsDiffer)
            .config(|config| config.userinfo = Userinfo::Plain)
            .provider(|script| {
                script.userinfo_media = "application/json";
                script.userinfo = |claims| claims["sub"] = json!("other");
            }),
        signed("userinfo signed by nothing", TokenFault::Algorithm, Signed::ByNothing),
        signed("userinfo signed with the public key", TokenFault::Algorithm, Signed::ByThePublicKey),
        signed("userinfo signed by another", TokenFault::Signature, Signed::ByAnother),
        says("userinfo of another issuer", TokenFault::Issuer, |it| {
            it["iss"] = json!("https://other.example")
        }),
        says("userinfo for another client", TokenFault::Audience, |it| it["aud"] = json!("other")),
        says("userinfo that expired", TokenFault::Expired, |it| it["exp"] = json!(noon().as_second() - 31)),
    ]
}

/// What the provider does instead of answering, and what it says of itself.
fn manners() -> Vec<Row> {
    let discovery = |what, fault, change| {
        Row::new(what, OidcError::Discovery(fault)).provider(|script| script.discovery = change)
    };
    vec![
        Row::new("keys elsewhere", fetch(Document::Keys, Fault::Redirected))
            .provider(|script| script.elsewhere = "keys"),
        Row::new("tokens elsewhere", fetch(Document::Token, Fault::Redirected))
            .provider(|script| script.elsewhere = "token"),
        Row::new("a discovery document without end", fetch(Document::Discovery, Fault::TooLarge))
            .provider(|script| script.huge = "discovery"),
        Row::new("userinfo without end", fetch(Document::Userinfo, Fault::TooLarge))
            .provider(|script| script.huge = "userinfo"),
        Row::new("keys that never come", fetch(Document::Keys, Fault::TimedOut))
            .config(|config| config.fetch_timeout_ms = 200)
            .provider(|script| script.never = "keys"),
        Row::new("tokens that never come", fetch(Document::Token, Fault::TimedOut))
            .config(|config| config.fetch_timeout_ms = 200)
            .provider(|script| script.never = "token"),
        Row::new("not taken for the client", OidcError::ClientRefused)
            .provider(|script| script.token = Some((401, r#"{"error":"invalid_client"}"#))),
        Row::new("out of order", fetch(Document::Token, Fault::Status(503)))
            .provider(|script| script.token = Some((503, ""))),
        Row::new("no ID token", fetch(Document::Token, Fault::Malformed)).provider(|script| {
            script.token = Some((200, r#"{"access_token":"access","token_type":"Bearer"}"#));
        }),
        discovery("another issuer's documents", DiscoveryFault::IssuerDiffers, |said| {
            said["issuer"] = json!("https://other.example");
        }),
        discovery("a token endpoint in the clear", DiscoveryFault::Insecure("token_endpoint"), |said| {
            said["token_endpoint"] = json!("http://other.example/token");
        }),
        discovery("no keys", DiscoveryFault::Lacks("jwks_uri"), |said| remove(said, "jwks_uri")),
    ]
}

fn remove(claims: &mut Value, name: &str) {
    claims.as_object_mut().unwrap().remove(name);
}

#[tokio::test]
async fn a_right_answer_signs_the_person_in() {
    let identity = Row::new("nothing is wrong", OidcError::AcrTooLow).outcome().await.unwrap();
    assert_eq!((identity.subject.as_str(), identity.email.as_deref()), (SUBJECT, Some(EMAIL)));
    assert_eq!(identity.organisation.as_deref(), Some("13002526500013"));
    assert!(!identity.email_is_verified);
}

#[tokio::test]
async fn what_is_asked_of_the_provider_is_what_the_profile_has() {
    let fake = Fake::start(Script::default()).await;
    let begun = Party::at(&fake, |_| {}).await.unwrap().begin().await;
    let (address, query) = begun.url.split_once('?').unwrap();
    assert_eq!(address, format!("{}/authorize", fake.issuer));
    let asked: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let value = |name: &str| {
        let mut of_name = asked.iter().filter(|(key, _)| key == name);
        let value = of_name.next().map(|(_, value)| value.as_str());
        assert!(of_name.next().is_none(), "{name} is asked twice");
        value
    };
    for (name, expected) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", BACK),
        ("scope", "openid email siret"),
        ("acr_values", "eidas1 eidas2 eidas3"),
        ("code_challenge_method", "S256"),
        ("claims", r#"{"id_token":{"amr":{"essential":true}}}"#),
    ] {
        assert_eq!(value(name), Some(expected));
    }
    let secrets = ["state", "nonce", "code_challenge"].map(|name| value(name).unwrap());
    assert!(secrets.iter().all(|secret| secret.len() >= 32), "{secrets:?}");
    assert!(secrets[0] != secrets[1] && secrets[1] != secrets[2]);
    let shown = format!("{begun:?}");
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    let plain = Party::at(&fake, |config| (config.pkce, config.ask_amr) = (false, false)).await.unwrap();
    let url = plain.begin().await.url;
    assert!(!url.contains("code_challenge") && !url.contains("claims"), "{url}");
}

#[tokio::test]
async fn every_wrong_answer_is_refused_with_its_own_error() {
    let rows: Vec<_> = [callbacks(), id_tokens(), userinfos(), manners()].into_iter().flatten().collect();
    assert_eq!(rows.len(), 57, "a wrong answer was lost");
    for row in &rows {
        let refused = row.outcome().await.expect_err(row.what);
        assert_eq!(refused, row.expected, "{}", row.what);
        let said = format!("{refused} {refused:?}");
        assert!(!said.contains("canary") && !said.contains("other.example"), "{}: {said}", row.what);
    }
}

#[tokio::test]
async fn a_sign_in_ends_once_well_or_not() {
    let fake = Fake::start(Script::default()).await;
    let party = Party::at(&fake, |_| {}).await.unwrap();
    let begun = party.begin().await;
    let brought = fake.signs_in(&begun.url);
    party.finish(begun.pending.clone(), &brought, noon()).await.unwrap();
    let again = fake.signs_in(&begun.url);
    assert_eq!(party.finish(begun.pending, &again, noon()).await, Err(OidcError::PendingSpent));

    let begun = party.begin().await;
    let mut brought = fake.signs_in(&begun.url);
    set(&mut brought, "state", "other");
    assert_eq!(party.finish(begun.pending.clone(), &brought, noon()).await, Err(OidcError::StateWrong));
    let right = fake.signs_in(&begun.url);
    assert_eq!(party.finish(begun.pending, &right, noon()).await, Err(OidcError::PendingSpent));
}

#[tokio::test]
async fn a_code_that_was_taken_is_not_taken_again() {
    let fake = Fake::start(Script::default()).await;
    let (one, two) = (Party::at(&fake, |_| {}).await.unwrap(), Party::at(&fake, |_| {}).await.unwrap());
    let begun = one.begin().await;
    let brought = fake.signs_in(&begun.url);
    one.finish(begun.pending.clone(), &brought, noon()).await.unwrap();
    // A second process of the service does not know what the first one spent; the provider does.
    assert_eq!(two.finish(begun.pending, &brought, noon()).await, Err(OidcError::CodeRefused));
}

#[tokio::test]
async fn a_sign_in_is_finished_with_the_provider_it_was_begun_with() {
    let (mine, theirs) = (Fake::start(Script::default()).await, Fake::start(Script::default()).await);
    let begun = Party::at(&mine, |_| {}).await.unwrap().begin().await;
    let brought = mine.signs_in(&begun.url);
    let party = Party::at(&theirs, |_| {}).await.unwrap();
    assert_eq!(party.finish(begun.pending, &brought, noon()).await, Err(OidcError::OtherProvider));
}

#[tokio::test]
async fn what_is_kept_of_a_sign_in_survives_being_stored() {
    let fake = Fake::start(Script::default()).await;
    let party = Party::at(&fake, |_| {}).await.unwrap();
    let begun = party.begin().await;
    let stored = serde_json::to_string(&begun.pending).unwrap();
    let pending: Pending = serde_json::from_str(&stored).unwrap();
    let expires = noon() + SignedDuration::try_from(PENDING_MAX).unwrap();
    assert_eq!((pending.issuer(), pending.expires_at()), (fake.issuer.as_str(), expires));
    party.finish(pending, &fake.signs_in(&begun.url), noon()).await.unwrap();
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_found_and_unknown_ones_do_not_make_it_be_asked_again_and_again() {
    let fake = Fake::start(Script::default()).await;
    let party = Party::at(&fake, |_| {}).await.unwrap();
    assert_eq!(fake.keys_asked(), 1);
    fake.changes_its_key();
    let pause = Duration::from_secs(60);
    let begun = party.begin().await;
    let brought = fake.signs_in(&begun.url);
    let soon = party.finish(begun.pending, &brought, noon()).await;
    assert_eq!((soon, fake.keys_asked()), (Err(id_token(TokenFault::UnknownKey)), 1));
    let begun = party.begin().await;
    let brought = fake.signs_in(&begun.url);
    let later = noon() + SignedDuration::try_from(pause).unwrap();
    // The token is of noon, and is good for one minute and the skew.
    party.finish(begun.pending, &brought, later).await.unwrap();
    assert_eq!(fake.keys_asked(), 2);
}

#[tokio::test]
async fn documents_that_grew_old_are_fetched_anew_and_a_provider_that_went_away_is_not_asked_by_everybody() {
    let fake = Fake::start(Script::default()).await;
    let party = Party::at(&fake, |_| {}).await.unwrap();
    let begin_at = |seconds| party.provider.begin(seconds_later(seconds), &SystemRandom);
    begin_at(3_599).await.unwrap();
    assert_eq!(fake.keys_asked(), 1);
    begin_at(3_600).await.unwrap();
    assert_eq!(fake.keys_asked(), 2);
    fake.is_out_of_order();
    let gone = Err(fetch(Document::Keys, Fault::Status(503)));
    for (seconds, asked) in [(7_200, 3), (7_204, 3), (7_205, 4)] {
        assert_eq!(
            (begin_at(seconds).await.map(drop), fake.keys_asked()),
            (gone.clone(), asked),
            "{seconds}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_to_be_spoken_to_in_secret_is_not_spoken_to_in_the_clear() {
    let fake = Fake::start(Script::default()).await;
    let plain = Party::at(&fake, |config| config.issuer = config.issuer.replace("http:", "https:")).await;
    let refused = plain.map(drop).unwrap_err();
    // A machine that has no certificates cannot even try.
    let unreachable = fetch(Document::Discovery, Fault::Unreachable);
    assert!(refused == unreachable || refused == OidcError::Certificates, "{refused}");
}

#[test]
fn an_answer_is_shown_without_its_values() {
    let callback = Callback::from_query("code=canary1&state=canary2&iss=canary3&error=canary4&other=canary5");
    let shown = format!("{:?}", callback.unwrap());
    assert!(!shown.contains("canary"), "{shown}");
    let long = format!("code={}", "a".repeat(5_000));
    assert_eq!(Callback::from_query(&long), Err(OidcError::CallbackMalformed));
}
