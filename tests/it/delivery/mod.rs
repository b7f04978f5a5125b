//! What a subscription is told is brought to its owner, and what became of it is kept.

mod again;
mod mail;
mod receiver;
mod relay;
mod webhooks;

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Receipt};

/// The variables under which servers of this machine may be sent to.
const ALLOWED: &[(&str, &str)] = &[
    ("CONTINUUM_FEED__WEBHOOKS__PLAIN_HTTP", "true"),
    ("CONTINUUM_FEED__WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.0/8"),
];

/// The role of the software of the SIAO.
const ROLE: &str = "siao_manager";

async fn does(caller: &Caller, id: &str, command: &str, body: &Value) -> Receipt {
    caller.act_as(Kind::SiaoOperator, &format!("/api/v1/subscriptions/{id}/{command}"), body).await
}

/// A subscription of the SIAO to places.
async fn opened(caller: &Caller) -> String {
    let body =
        json!({ "territory": "33", "label": "Ce que nous cherchons", "wants": { "offers": ["place"] } });
    caller.act_as(Kind::SiaoOperator, "/api/v1/subscriptions", &body).await.id
}

/// A subscription of the SIAO to places, sent to `url`.
async fn sent_to(caller: &Caller, url: &str) -> String {
    let id = opened(caller).await;
    deliver(caller, &id, url).await;
    id
}

async fn deliver(caller: &Caller, id: &str, url: &str) -> Receipt {
    let body = json!({ "way": { "webhook": { "url": url } }, "role": ROLE });
    does(caller, id, "deliver", &body).await
}

async fn shown(caller: &Caller, id: &str, what: &str) -> Value {
    let path = format!("/api/v1/subscriptions/{id}/{what}");
    caller.asking(&path).as_the(Kind::SiaoOperator).send().await.ok()
}

async fn attempts(caller: &Caller, id: &str) -> Vec<Value> {
    shown(caller, id, "deliveries?limit=200").await["deliveries"].as_array().unwrap().clone()
}

/// Each record names the one before, and they are numbered.
fn is_a_chain(attempts: &[Value]) -> bool {
    let numbered = attempts.iter().zip(1..).all(|(is, n)| is["number"] == json!(n));
    numbered && attempts.windows(2).all(|pair| pair[0]["hash"] == pair[1]["previous"])
}

async fn health(caller: &Caller, id: &str) -> Value {
    shown(caller, id, "health").await
}
