//! What the owner of a subscription sees of its sending: the secret, what became of each attempt, how far it is.

use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::subscription::{Delivery, Flow, TURNING, Way};
use journal::deliveries::{Lying, Receipt};
use journal::seals::SealKey;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, ViewState};

use super::owner::FOLLOW;
use super::secret;
use crate::placements::{self, Reader};
use crate::source::Source;

/// Up to how many events that wait are counted.
const WAITING_MAX: usize = 1_000;

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let of = |path: &'static str, id: &'static str, summary: &'static str| {
        Operation::get(path, id, crate::NAME, summary)
            .path_parameter("id", Schema::Text, "The subscription.")
            .problems([Kind::UnknownId, Kind::RefusedNow])
            .view()
    };
    let secret = of(
        "/api/v1/subscriptions/{id}/secret",
        "subscription-secret",
        "La clé qui signe les envois d'un abonnement.",
    )
    .right("subscription", "secret", Verb::Read)
    .answer(200, "What signs now.", Schema::named("SigningSecret"), None);
    let deliveries = of(
        "/api/v1/subscriptions/{id}/deliveries",
        "subscription-deliveries",
        "Ce que sont devenus les envois d'un abonnement, tentative par tentative.",
    )
    .query_parameter("limit", Schema::Count, "How many at most, from 1.")
    .query_parameter("after", Schema::Count, "The cursor of the page before; 0 for the first.")
    .problems([Kind::ListTooLong])
    .right("subscription", "deliveries", Verb::Read)
    .answer(200, "Attempts, in order.", Schema::named("Deliveries"), None);
    let health = of(
        "/api/v1/subscriptions/{id}/health",
        "subscription-health",
        "Où en sont les envois d'un abonnement.",
    )
    .right("subscription", "deliveries", Verb::Read)
    .answer(200, "How far it is.", Schema::named("DeliveryHealth"), None);
    let receipt = of(
        "/api/v1/subscriptions/{id}/receipt",
        "subscription-receipt",
        "La preuve signée des envois d'un abonnement, vérifiable sans ce système.",
    )
    .query_parameter("limit", Schema::Count, "How many records at most, from 1.")
    .query_parameter("after", Schema::Count, "The cursor of a page of deliveries; 0 for the first record.")
    .problems([Kind::ListTooLong])
    .right("subscription", "deliveries", Verb::Read)
    .answer(200, "Records, one behind the other, signed.", Schema::named("DeliveryReceipt"), None);
    site.operation(receipt, receipt_of, source.clone())
        .operation(secret, secret_of, source.clone())
        .operation(deliveries, deliveries_of, source.clone())
        .operation(health, health_of, source)
        .document(schemas)
}

fn schemas(api: Api) -> Api {
    let object = |required: Value, properties: Value| json!({ "type": "object", "required": required, "properties": properties });
    let view = json!({ "$ref": "#/components/schemas/View" });
    let moment = json!({ "type": "string", "format": "date-time" });
    let count = json!({ "type": "integer" });
    let text = json!({ "type": "string" });
    let way = json!({ "enum": ["webhook"] });
    let url = json!({ "type": "string", "description": "Shown to the role that set it alone." });
    let delivery = json!({ "way": way, "url": url, "role": text, "round": count });
    let old = object(json!(["secret", "until"]), json!({ "secret": text, "until": moment }));
    let secret = json!({ "generation": count, "secret": text, "old": old, "view": view });
    let outcome = json!({
        "type": "object",
        "description": "Delivered; sent again, why and when; given up, why; gone; not sent, why.",
        "required": ["is"],
        "properties": {
            "is": { "enum": ["delivered", "again", "given_up", "gone", "not_sent"] },
            "why": text, "status": count, "due": moment
        }
    });
    let record = json!({
        "number": count, "hash": text, "previous": text, "way": way, "round": count, "position": count,
        "item": text, "digest": text, "attempt": count, "at": moment, "outcome": outcome, "cursor": count
    });
    let required = json!([
        "number", "hash", "previous", "way", "round", "position", "attempt", "at", "outcome", "cursor"
    ]);
    let deliveries = json!({
        "deliveries": { "type": "array", "items": { "$ref": "#/components/schemas/DeliveryAttempt" } },
        "cursor": count, "more": { "type": "boolean" }, "view": view
    });
    let health = json!({
        "state": { "enum": ["not_sent", "paused", "running", "retrying", "stopped"] },
        "cursor": count,
        "waiting": count,
        "waiting_since": moment,
        "more_waiting": { "type": "boolean", "description": "More wait than are counted." },
        "last": { "anyOf": [{ "$ref": "#/components/schemas/DeliveryAttempt" }, { "type": "null" }] },
        "view": view
    });
    let receipt = json!({
        "continuum_receipt": count,
        "subscription": text,
        "records": { "type": "array", "items": text, "description": "Each as it was written, byte by byte." },
        "key": { "type": "string", "description": "The public key of the seals, in hexadecimal digits." },
        "signature": text
    });
    let whole = json!(["continuum_receipt", "subscription", "records", "key", "signature"]);
    api.schema("DeliveryReceipt", object(whole, receipt))
        .schema("Delivery", object(json!(["way", "role", "round"]), delivery))
        .schema("SigningSecret", object(json!(["generation", "secret", "view"]), secret))
        .schema("DeliveryAttempt", object(required, record))
        .schema("Deliveries", object(json!(["deliveries", "cursor", "more", "view"]), deliveries))
        .schema("DeliveryHealth", object(json!(["state", "waiting", "more_waiting", "view"]), health))
}

/// A way as the caller is shown it: the address to the role that set it alone, since it may hold a secret.
pub(crate) fn way_shown(is: &Delivery, caller: &Caller) -> Value {
    let Way::Webhook { url } = &is.way;
    let mut shown = json!({ "way": super::outbox::WEBHOOK, "role": is.role, "round": is.round });
    if caller.rights.role == is.role {
        shown["url"] = json!(url);
    }
    shown
}

fn shown(is: &Lying) -> Value {
    // Codes, numbers, hashes and dates always have a text.
    let mut shown = serde_json::to_value(&is.record).unwrap_or_default();
    shown["number"] = json!(is.tip.number);
    shown["hash"] = json!(is.tip.hash);
    shown["previous"] = json!(is.previous);
    shown
}

async fn secret_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let page = source.reading.page(at_least).await?;
    let (is, _) = source.standing(&page, &caller, id)?;
    // The secret is that of whoever knows where it is sent.
    if is.delivery.as_ref().is_none_or(|delivery| delivery.role != caller.rights.role) {
        let sentence =
            "Aucun envoi n'est prévu pour cet abonnement sous votre profil : indiquez d'abord une adresse.";
        return Err(Problem::refused_now("no-delivery", "way", sentence));
    }
    let state = ViewState::of(&page);
    let keys = desk::keys(source.desk.journal())?;
    let text = |generation| secret::of(keys, id, generation).map_err(Problem::internal);
    let signing = is.secret;
    let mut answer = json!({
        "generation": signing.generation, "secret": *text(signing.generation)?.reveal(), "view": state
    });
    if let Some((old, at)) = signing.beside(source.desk.edge().now()).zip(signing.rotated) {
        let until = at.checked_add(TURNING).unwrap_or(at);
        answer["old"] = json!({ "secret": *text(old)?.reveal(), "until": until });
    }
    Ok(state.answer(&answer))
}

/// From where attempts are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn deliveries_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(After { after }): Parameters<After>,
) -> Result<Response, Problem> {
    let state = {
        let view = source.reading.page(at_least).await?;
        source.standing(&view, &caller, id)?;
        ViewState::of(&view)
    };
    let found = source.desk.journal().deliveries_of(id, after, page.limit).await;
    let found = found.map_err(desk::read_problem)?;
    let shown: Vec<_> = found.records.iter().map(shown).collect();
    let answer = json!({
        "deliveries": shown, "cursor": found.cursor, "more": found.more, "view": state
    });
    Ok(state.answer(&answer))
}

async fn health_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let last = source.desk.journal().last_delivery(id).await.map_err(desk::read_problem)?;
    let page = source.reading.page(at_least).await?;
    let (is, _) = source.standing(&page, &caller, id)?;
    let state = ViewState::of(&page);
    let Some(delivery) = &is.delivery else {
        let answer = json!({ "state": "not_sent", "waiting": 0, "more_waiting": false, "view": state });
        return Ok(state.answer(&answer));
    };
    let began = placements::sent_since(&page, id)?;
    let cursor = last.as_ref().map_or(began, |last| last.record.cursor.max(began));
    let owner = source.owner(&page, id, &is, delivery)?;
    let waiting = match &owner {
        Some(owner) => {
            let reader = Reader { rights: owner, action: FOLLOW };
            source.passages_told(&page, reader, &source.query_of(&page, id, &is)?, cursor, WAITING_MAX)?.0
        }
        None => Vec::new(),
    };
    let of_round = last.as_ref().filter(|last| last.record.round == delivery.round);
    let flows = match (is.flow, of_round) {
        (Flow::Paused { .. }, _) => "paused",
        (Flow::Running, Some(last)) if last.record.outcome.stops() => "stopped",
        (Flow::Running, Some(last)) if last.record.position > last.record.cursor => "retrying",
        (Flow::Running, Some(_) | None) => "running",
    };
    let first = waiting.first().and_then(|(_, _, event)| event.get("time").cloned());
    let mut answer = json!({
        "state": flows,
        "cursor": cursor,
        "waiting": waiting.len(),
        "more_waiting": waiting.len() == WAITING_MAX,
        "last": last.as_ref().map(shown),
        "view": state,
    });
    if let Some(first) = first {
        answer["waiting_since"] = first;
    }
    Ok(state.answer(&answer))
}

async fn receipt_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Parameters(After { after }): Parameters<After>,
) -> Result<Response, Problem> {
    let state = {
        let view = source.reading.page(at_least).await?;
        source.standing(&view, &caller, id)?;
        ViewState::of(&view)
    };
    let found = source.desk.journal().deliveries_of(id, after, page.limit).await;
    let found = found.map_err(desk::read_problem)?;
    // Read each time: it may have been rotated.
    let path = Arc::clone(&source.seal_key);
    let key = tokio::task::spawn_blocking(move || SealKey::open(&path, None)).await;
    let key = key.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let receipt = Receipt::sign(&key, id, &found.records).ok_or_else(|| {
        let sentence =
            "Rien n'a encore été envoyé pour cet abonnement à partir d'ici : il n'y a rien à prouver.";
        Problem::refused_now("nothing-delivered", "receipt", sentence)
    })?;
    Ok(state.answer(&receipt))
}
