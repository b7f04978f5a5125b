//! A provider of OpenID Connect on a real socket that answers as a test tells it to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;
use ring::rand::SystemRandom as RingRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use service::axum::Router;
use service::axum::body::Bytes;
use service::axum::extract::State;
use service::axum::http::StatusCode;
use service::axum::http::header::{CONTENT_TYPE, LOCATION};
use service::axum::response::{IntoResponse as _, Response};
use service::axum::routing::{get, post};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const BACK: &str = "http://127.0.0.1:1/sign-in/back";
pub(crate) const CLIENT: &str = "continuum";
/// Who signs in, and what must never be in an error.
pub(crate) const SUBJECT: &str = "canary-subject";
pub(crate) const EMAIL: &str = "canary@example.org";

/// When all of this happens.
pub(crate) fn noon() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

/// How a document is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    Well,
    /// `alg: none`, no signature.
    ByNothing,
    /// HS256, with the published key as the secret.
    ByThePublicKey,
    /// By a key of somebody else, under the name of the right one.
    ByAnother,
    /// By the right key, under a name that is not published.
    UnderAnotherName,
    /// Well, and then changed.
    ThenChanged,
}

/// What the provider answers. The default is what a good one does.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) discovery: fn(&mut Value),
    pub(crate) id_token: fn(&mut Value),
    pub(crate) id_token_signed: Signed,
    pub(crate) userinfo: fn(&mut Value),
    pub(crate) userinfo_signed: Signed,
    pub(crate) userinfo_media: &'static str,
    /// Instead of the answer to a code.
    pub(crate) token: Option<(u16, &'static str)>,
    /// The document, by its path, that is said to be elsewhere.
    pub(crate) elsewhere: &'static str,
    /// The document that never comes.
    pub(crate) never: &'static str,
    /// The document that is far too large.
    pub(crate) huge: &'static str,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            discovery: |_| {},
            id_token: |_| {},
            id_token_signed: Signed::Well,
            userinfo: |_| {},
            userinfo_signed: Signed::Well,
            userinfo_media: "application/jwt",
            token: None,
            elsewhere: "",
            never: "",
            huge: "",
        }
    }
}

/// A provider that runs for the length of a test.
pub(crate) struct Fake {
    pub(crate) issuer: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    issuer: String,
    script: Script,
    key: Mutex<Key>,
    other: Key,
    /// What each code that was given stands for; taken out when it is used.
    codes: Mutex<BTreeMap<String, (String, String)>>,
    keys_asked: AtomicUsize,
    out_of_order: AtomicBool,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &str) -> Self {
        let random = RingRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        Self { id: id.to_owned(), pair: pair.unwrap() }
    }

    fn published(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": text(x), "y": text(y) })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Fake {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            script,
            key: Mutex::new(Key::new("first")),
            other: Key::new("first"),
            codes: Mutex::default(),
            keys_asked: AtomicUsize::new(0),
            out_of_order: AtomicBool::new(false),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            service::axum::serve(listener, router).await.unwrap();
        });
        Self { issuer, shared, serving }
    }

    /// The provider signs with a new key from now on.
    pub(crate) fn changes_its_key(&self) {
        *self.shared.key.lock().unwrap() = Key::new("second");
    }

    /// The provider has no keys to give from now on.
    pub(crate) fn is_out_of_order(&self) {
        self.shared.out_of_order.store(true, Ordering::Relaxed);
    }

    /// How often its keys were asked for.
    pub(crate) fn keys_asked(&self) -> usize {
        self.shared.keys_asked.load(Ordering::Relaxed)
    }

    /// What the browser is sent back with once the person at `url` has said who they are.
    pub(crate) fn signs_in(&self, url: &str) -> Vec<(String, String)> {
        let query = url.split_once('?').unwrap().1;
        let asked: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let code = format!("code-{}", asked["state"]);
        let kept = (asked["nonce"].clone(), asked["code_challenge"].clone());
        self.shared.codes.lock().unwrap().insert(code.clone(), kept);
        [("code", code), ("state", asked["state"].clone()), ("iss", self.issuer.clone())]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }
}

impl Shared {
    /// The answer that the script has instead of `path`, if any.
    async fn instead(&self, path: &str) -> Option<Response> {
        if self.script.never == path {
            std::future::pending::<()>().await;
        }
        if self.script.elsewhere == path {
            return Some((StatusCode::FOUND, [(LOCATION, format!("{}/other", self.issuer))]).into_response());
        }
        (self.script.huge == path)
            .then(|| ([(CONTENT_TYPE, "application/json")], vec![b' '; 2_000_000]).into_response())
    }

    fn signed(&self, claims: &Value, how: Signed) -> String {
        let key = self.key.lock().unwrap();
        let (algorithm, id) = match how {
            Signed::ByNothing => ("none", key.id.as_str()),
            Signed::ByThePublicKey => ("HS256", key.id.as_str()),
            Signed::UnderAnotherName => ("ES256", "unpublished"),
            Signed::Well | Signed::ByAnother | Signed::ThenChanged => ("ES256", key.id.as_str()),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": algorithm, "kid": id })), part(claims));
        let by = |key: &Key| key.pair.sign(&RingRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec();
        let signature = match how {
            Signed::ByNothing => Vec::new(),
            Signed::ByThePublicKey => {
                let secret = hmac::Key::new(hmac::HMAC_SHA256, key.pair.public_key().as_ref());
                hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
            }
            Signed::ByAnother => by(&self.other),
            Signed::Well | Signed::UnderAnotherName | Signed::ThenChanged => by(&key),
        };
        let signature = URL_SAFE_NO_PAD.encode(signature);
        if how == Signed::ThenChanged {
            let header = message.split('.').next().unwrap();
            let mut changed = claims.clone();
            changed["email"] = Value::from("somebody.else@example.org");
            return format!("{header}.{}.{signature}", part(&changed));
        }
        format!("{message}.{signature}")
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    if let Some(instead) = shared.instead("discovery").await {
        return instead;
    }
    let issuer = &shared.issuer;
    let mut said = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    (shared.script.discovery)(&mut said);
    json_answer(200, said.to_string())
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.keys_asked.fetch_add(1, Ordering::Relaxed);
    if let Some(instead) = shared.instead("keys").await {
        return instead;
    }
    if shared.out_of_order.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // Keys for others stand beside: they must not be in the way.
    let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "first" });
    let unheard_of = json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AAAA" });
    let published = shared.key.lock().unwrap().published();
    json_answer(200, json!({ "keys": [secret, unheard_of, published] }).to_string())
}

async fn token(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    if let Some(instead) = shared.instead("token").await {
        return instead;
    }
    if let Some((status, body)) = shared.script.token {
        return json_answer(status, body.to_owned());
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let kept = shared.codes.lock().unwrap().remove(&form["code"]);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    let right_client = form["client_id"] == CLIENT && form["client_secret"] == "shared";
    let Some((nonce, asked)) = kept.filter(|_| right_client && form["redirect_uri"] == BACK) else {
        return json_answer(400, json!({ "error": "invalid_grant" }).to_string());
    };
    if challenge != asked {
        return json_answer(400, json!({ "error": "invalid_grant" }).to_string());
    }
    let now = noon().as_second();
    let at_hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(b"access")[..16]);
    let mut claims = json!({
        "iss": shared.issuer, "sub": SUBJECT, "aud": CLIENT, "exp": now + 60, "iat": now, "nonce": nonce,
        "acr": "eidas1", "amr": ["pwd"], "auth_time": now - 5, "at_hash": at_hash,
    });
    (shared.script.id_token)(&mut claims);
    let id_token = shared.signed(&claims, shared.script.id_token_signed);
    let answer = json!({ "access_token": "access", "token_type": "Bearer", "id_token": id_token });
    json_answer(200, answer.to_string())
}

async fn userinfo(State(shared): State<Arc<Shared>>) -> Response {
    if let Some(instead) = shared.instead("userinfo").await {
        return instead;
    }
    let now = noon().as_second();
    let mut claims = json!({
        "iss": shared.issuer, "aud": CLIENT, "sub": SUBJECT, "exp": now + 60, "iat": now,
        "email": EMAIL, "siret": "13002526500013",
    });
    (shared.script.userinfo)(&mut claims);
    let body = if shared.script.userinfo_media == "application/jwt" {
        shared.signed(&claims, shared.script.userinfo_signed)
    } else {
        claims.to_string()
    };
    ([(CONTENT_TYPE, shared.script.userinfo_media)], body).into_response()
}

fn json_answer(status: u16, body: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, "application/json")], body).into_response()
}
