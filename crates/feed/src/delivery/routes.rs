//! What the owner of a subscription sees of its sending: the secret, what became of each attempt, the proof of it.

use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::subscription::{Delivery, TURNING, Way};
use journal::deliveries::{Lying, Receipt};
use journal::seals::SealKey;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page, Path, Query as Parameters};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, ViewState};

use super::health::health_of;
use super::schemas::schemas;
use super::secret;
use crate::source::Source;

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

/// A way as the caller is shown it: the address to the role that set it alone, since it may hold a secret.
pub(crate) fn way_shown(is: &Delivery, caller: &Caller) -> Value {
    let mut shown = json!({ "way": is.way.name(), "role": is.role, "round": is.round, "rhythm": is.rhythm });
    if let Some(quiet) = &is.quiet {
        shown["quiet"] = json!(quiet);
    }
    match &is.way {
        Way::Webhook { url } if caller.rights.role == is.role => shown["url"] = json!(url),
        Way::Mail { to } => shown["to"] = json!(to),
        Way::Webhook { .. } | Way::Broker {} => {}
    }
    shown
}

pub(super) fn shown(is: &Lying) -> Value {
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
    let known = |delivery: &Delivery| {
        matches!(delivery.way, Way::Webhook { .. }) && delivery.role == caller.rights.role
    };
    if !is.delivery.as_ref().is_some_and(known) {
        let sentence = "Aucun envoi signé n'est prévu pour cet abonnement sous votre profil : indiquez d'abord l'adresse d'un serveur.";
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
