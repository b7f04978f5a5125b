//! Signing in with a real provider, as a browser does it.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service::Edge;
use service::sign_in::oidc::{
    Algorithm, Callback, ClientAuthentication, Config, Http, Identity, OidcError, Provider,
};
use service::sign_in::{Secret, SystemRandom};
use tempfile::TempDir;

use crate::oidc_node::NodeProvider;

/// Where the provider sends the browser back to: nothing listens there, the browser of these tests stops before it.
const BACK: &str = "http://127.0.0.1:1/sign-in/back";
const GONE: &str = "http://127.0.0.1:1/signed-out";
const SECRET: &str = "a secret & more: of 32 characters";

/// A browser: it keeps cookies and says where it is sent.
struct Browser {
    client: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn at(origin: &str) -> Self {
        let client = Client::builder().redirect(Policy::none()).timeout(crate::PATIENCE).build().unwrap();
        Self { client, origin: origin.to_owned(), cookies: BTreeMap::new() }
    }

    async fn ask(&mut self, url: &str, form: Option<String>) -> Response {
        let url = if url.starts_with('/') { format!("{}{url}", self.origin) } else { url.to_owned() };
        let request = match form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                self.client.post(url).header("content-type", kind).body(form)
            }
            None => self.client.get(url),
        };
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Goes where the provider sends it, fills in the form on the way, and returns the query it is sent back with.
    async fn signs_in(&mut self, url: &str, login: &str) -> String {
        self.sent_back(url, login).await.expect("the provider sends the browser round in circles")
    }

    async fn sent_back(&mut self, url: &str, login: &str) -> Option<String> {
        let mut response = self.ask(url, None).await;
        for _ in 0..10 {
            if let Some(location) = response.headers().get(LOCATION) {
                let location = location.to_str().unwrap().to_owned();
                if let Some(query) = location.strip_prefix(BACK).and_then(|rest| rest.strip_prefix('?')) {
                    return Some(query.to_owned());
                }
                response = self.ask(&location, None).await;
            } else {
                let page = response.text().await.unwrap();
                let action = page.split("action=\"").nth(1).expect("a page without a form");
                let action = action.split('"').next().unwrap().to_owned();
                let form =
                    form_urlencoded::Serializer::new(String::new()).append_pair("login", login).finish();
                response = self.ask(&action, Some(form)).await;
            }
        }
        None
    }
}

struct Setting {
    provider: Provider,
    edge: Edge,
    _node: NodeProvider,
    _directory: TempDir,
}

impl Setting {
    /// A running provider and the relying party of `config` at it, with the algorithm of signature that the client is
    /// registered with.
    async fn start(algorithm: &str, acr: &str, config: impl Fn(&str, &Path) -> Config) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let proposed = config("http://127.0.0.1:1", &file);
        let mut client = json!({
            "client_id": "continuum", "client_secret": SECRET,
            "redirect_uris": [BACK], "post_logout_redirect_uris": [GONE],
            "response_types": ["code"], "grant_types": ["authorization_code"],
            "scope": "openid email siret",
            "id_token_signed_response_alg": algorithm,
            "token_endpoint_auth_method": match proposed.client_authentication {
                ClientAuthentication::Basic => "client_secret_basic",
                ClientAuthentication::Post => "client_secret_post",
            },
        });
        if proposed.userinfo == service::sign_in::oidc::Userinfo::Signed {
            client["userinfo_signed_response_alg"] = Value::from(algorithm);
        }
        let account = json!({
            "email": "agente@example.org", "email_verified": true, "siret": "13002526500013",
        });
        let settings = json!({ "client": client, "acr": acr, "amr": ["pwd", "mfa"], "account": account });
        let node = NodeProvider::start(&settings)?;
        let edge = Edge::system();
        let config = config(&node.issuer, &file);
        let http = Http::for_provider(&config).unwrap();
        let provider = Provider::discover(config, http, edge.now()).await.unwrap();
        Some(Self { provider, edge, _node: node, _directory: directory })
    }

    async fn signs_in(&self, login: &str) -> Result<Identity, OidcError> {
        let begun = self.provider.begin(self.edge.now(), &SystemRandom).await.unwrap();
        let query = Browser::at(self.provider.issuer()).signs_in(&begun.url, login).await;
        let callback = Callback::from_query(&query).unwrap();
        self.provider.finish(begun.pending, &callback, self.edge.now()).await
    }
}

fn generic(issuer: &str, secret: &Path) -> Config {
    Config::generic(issuer, "continuum", secret, BACK)
}

fn proconnect(issuer: &str, secret: &Path) -> Config {
    Config::proconnect(issuer, "continuum", secret, BACK)
}

#[tokio::test]
async fn a_person_signs_in_with_a_provider_of_any_kind() {
    let Some(setting) = Setting::start("RS256", "eidas1", generic).await else { return };
    let identity = setting.signs_in("agent-12").await.unwrap();
    assert_eq!(
        (identity.issuer.as_str(), identity.subject.as_str()),
        (setting.provider.issuer(), "agent-12")
    );
    assert_eq!(identity.email.as_deref(), Some("agente@example.org"));
    assert!(identity.email_is_verified);
    assert_eq!(identity.organisation, None);
    let shown = format!("{identity:?} {:?}", setting.provider);
    assert!(!shown.contains("agent") && !shown.contains(identity.id_token.reveal()), "{shown}");
}

#[tokio::test]
async fn a_person_signs_in_as_with_proconnect_whichever_algorithm_signs() {
    for algorithm in ["RS256", "ES256"] {
        let Some(setting) = Setting::start(algorithm, "eidas1", proconnect).await else { return };
        let identity = setting.signs_in("agent-12").await.unwrap();
        assert_eq!(identity.subject, "agent-12", "{algorithm}");
        assert_eq!(identity.acr.as_deref(), Some("eidas1"));
        assert_eq!(identity.amr, ["pwd", "mfa"]);
        assert_eq!(identity.organisation.as_deref(), Some("13002526500013"));
        assert_eq!(identity.email.as_deref(), Some("agente@example.org"));
    }
}

#[tokio::test]
async fn a_level_of_assurance_below_the_minimum_signs_nobody_in() {
    let strict = |issuer: &str, secret: &Path| Config {
        acr_minimum: "eidas2".to_owned(),
        ..proconnect(issuer, secret)
    };
    let Some(setting) = Setting::start("ES256", "eidas1", strict).await else { return };
    assert_eq!(setting.signs_in("agent-12").await, Err(OidcError::AcrTooLow));
}

#[tokio::test]
async fn an_algorithm_that_is_not_pinned_signs_nobody_in_though_the_provider_has_it() {
    let pinned = |issuer: &str, secret: &Path| Config {
        id_token_algorithms: vec![Algorithm::Es256],
        ..generic(issuer, secret)
    };
    let Some(setting) = Setting::start("RS256", "eidas1", pinned).await else { return };
    let refused = setting.signs_in("agent-12").await.unwrap_err();
    assert_eq!(refused.to_string(), "the ID token is signed by an algorithm that is not accepted");
}

#[tokio::test]
async fn a_code_brought_to_another_sign_in_is_not_taken() {
    let Some(setting) = Setting::start("RS256", "eidas1", generic).await else { return };
    let now = setting.edge.now();
    let (mine, theirs) = (
        setting.provider.begin(now, &SystemRandom).await.unwrap(),
        setting.provider.begin(now, &SystemRandom).await.unwrap(),
    );
    let query = Browser::at(setting.provider.issuer()).signs_in(&theirs.url, "agent-12").await;
    let param = |url: &str, name: &str| {
        let query = url.split_once('?').map_or(url, |(_, query)| query).to_owned();
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    // The code of one sign-in with the state of the other: the provider knows by the PKCE verifier.
    let mixed = query.replace(&param(&theirs.url, "state"), &param(&mine.url, "state"));
    let callback = Callback::from_query(&mixed).unwrap();
    assert_eq!(setting.provider.finish(mine.pending, &callback, now).await, Err(OidcError::CodeRefused));
}

#[tokio::test]
async fn the_session_is_ended_at_the_provider_too() {
    let Some(setting) = Setting::start("RS256", "eidas1", generic).await else { return };
    let begun = setting.provider.begin(setting.edge.now(), &SystemRandom).await.unwrap();
    let mut browser = Browser::at(setting.provider.issuer());
    let query = browser.signs_in(&begun.url, "agent-12").await;
    let callback = Callback::from_query(&query).unwrap();
    let identity = setting.provider.finish(begun.pending, &callback, setting.edge.now()).await.unwrap();
    let state = Secret::new("chosen".to_owned());
    let url = setting.provider.logout(&identity.id_token, GONE, &state).await.unwrap();
    let page = browser.ask(&url, None).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("name=\"xsrf\""), "{page}");
}
