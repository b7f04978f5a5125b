//! Who was told of something that is available, for whoever has it told: by subscription, where the telling stands.
//!
//! **Invariant.** Whoever asks may be told of it, and runs it or steers the territory. What a subscription looks for is not shown.

use std::collections::BTreeMap;

use domain::id::{OrganisationId, SubscriptionId};
use domain::ledger::AggregateId;
use domain::rights::sees_recipients;
use domain::subscription::{Delivery, Flow, Standing, Way};
use journal::deliveries::{Lying, Outcome, Reach};
use projection::Page as View;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Query as Parameters};
use service::openapi::{Api, Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, ViewState};

use super::owner::FOLLOW;
use crate::placements::{self, Reader};
use crate::source::Source;

/// How many subscriptions are looked at.
const LOOKED_AT_MAX: usize = 1_000;

pub(crate) fn routes(site: Site, source: Source) -> Site {
    let operation = Operation::get(
        "/api/v1/placements/recipients",
        "placement-recipients",
        crate::NAME,
        "À qui ce qui est disponible a été annoncé, et ce qu'il en est.",
    )
    .query_parameter("ledger", Schema::Text, "What is available: place/33-… or household/33-…")
    .problems([Kind::UnknownId])
    .view()
    .right("placement", "recipients", Verb::Read)
    .answer(
        200,
        "One line for each subscription that it is brought to.",
        Schema::named("PlacementRecipients"),
        None,
    );
    site.operation(operation, recipients, source).document(schemas)
}

fn schemas(api: Api) -> Api {
    let text = json!({ "type": "string" });
    let states =
        json!(["queued", "retrying", "sent", "delivered", "acknowledged", "failed", "set_aside", "not_sent"]);
    let recipient = json!({
        "type": "object",
        "required": ["organisation", "subscription", "way", "state"],
        "properties": {
            "organisation": text,
            "subscription": text,
            "way": { "enum": ["webhook", "mail", "broker"] },
            "state": { "enum": states },
            "why": { "type": "string", "description": "Why it failed or is not sent, by a stable code: status, paused, quiet-hours." }
        }
    });
    let all = json!({ "type": "array", "items": { "$ref": "#/components/schemas/PlacementRecipient" } });
    let view = json!({ "$ref": "#/components/schemas/View" });
    let properties = json!({ "position": { "type": "integer" }, "recipients": all, "view": view });
    let required = json!(["position", "recipients", "view"]);
    api.schema("PlacementRecipient", recipient).schema(
        "PlacementRecipients",
        json!({ "type": "object", "required": required, "properties": properties }),
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    ledger: AggregateId,
}

/// One who is told.
#[derive(Debug, Serialize)]
struct Recipient {
    organisation: OrganisationId,
    subscription: SubscriptionId,
    way: &'static str,
    #[serde(flatten)]
    state: Value,
}

async fn recipients(
    State(source): State<Source>,
    caller: Caller,
    at_least: AtLeast,
    Parameters(Of { ledger }): Parameters<Of>,
) -> Result<Response, Problem> {
    let (state, position, told) = {
        let page = source.reading.page(at_least).await?;
        let position = source.announced(&page, &caller, &ledger)?;
        (ViewState::of(&page), position, source.told_of(&page, position)?)
    };
    let ids: Vec<_> = told.iter().map(|(id, ..)| *id).collect();
    let last = source.desk.journal().last_deliveries(&ids).await.map_err(desk::read_problem)?;
    let last: BTreeMap<_, _> = last.into_iter().collect();
    let now = source.desk.edge().now();
    let all: Vec<_> = told
        .iter()
        .map(|(id, is, delivery)| {
            let quiet = delivery.is_quiet(id.territory(), now);
            let state = standing(is, delivery, last.get(id), position, quiet);
            Recipient { organisation: is.owner, subscription: *id, way: delivery.way.name(), state }
        })
        .collect();
    Ok(state.answer(&json!({ "position": position, "recipients": all, "view": state })))
}

impl Source {
    /// At which position it was announced last, if the caller may see to whom.
    fn announced(&self, page: &View, caller: &Caller, ledger: &AggregateId) -> Result<u64, Problem> {
        let found = self.last_passage(page, ledger)?;
        let seen = match found {
            Some((position, is)) => {
                let told = self.placements_shown(page, caller, ledger)?(&is);
                (told && sees_recipients(&caller.rights, &is)).then_some(position)
            }
            None => None,
        };
        seen.ok_or_else(|| Problem::unknown_id("placement", ledger))
    }

    /// The subscriptions that are told of what stands at `position`, by the way that their owners set.
    fn told_of(
        &self,
        page: &View,
        position: u64,
    ) -> Result<Vec<(SubscriptionId, Standing, Delivery)>, Problem> {
        let mut told = Vec::new();
        for (id, is) in self.all_standing(page)?.into_iter().take(LOOKED_AT_MAX) {
            let Some(delivery) = is.delivery.clone() else { continue };
            let Some(owner) = self.owner(page, id, &is, &delivery)? else { continue };
            let reader = Reader { rights: &owner, action: FOLLOW };
            let since = placements::sent_since(page, id)?;
            let query = self.query_of(page, id, &is)?;
            if position > since && self.passage_told(page, reader, &query, position)?.is_some() {
                told.push((id, is, delivery));
            }
        }
        Ok(told)
    }
}

/// Where the telling of what stands at `position` is.
fn standing(is: &Standing, delivery: &Delivery, last: Option<&Lying>, position: u64, quiet: bool) -> Value {
    let none = Reach::default();
    let reach = last.map_or(&none, |last| &last.record.reach);
    let is_so = |state: &str| json!({ "state": state });
    let not_sent = |why: &str| json!({ "state": "not_sent", "why": why });
    if is.acknowledged >= position {
        return is_so("acknowledged");
    }
    if reach.aside.contains(&position) {
        return is_so("set_aside");
    }
    if reach.cursor >= position {
        return match delivery.way {
            Way::Webhook { .. } => is_so("delivered"),
            // Whoever reads a feed says what it has taken.
            Way::Mail { .. } | Way::Broker {} => is_so("sent"),
        };
    }
    let stopped = reach.stopped.as_ref().filter(|stopped| stopped.round == delivery.round);
    let outcome = last.map(|last| &last.record.outcome);
    match (is.flow, &delivery.way, stopped, outcome) {
        (Flow::Paused { .. }, ..) => not_sent("paused"),
        (Flow::Running, Way::Broker {}, ..) => is_so("sent"),
        (Flow::Running, _, Some(stopped), outcome) if stopped.position == position => {
            json!({ "state": "failed", "why": why(outcome) })
        }
        (Flow::Running, _, Some(_), _) => not_sent("stopped"),
        (Flow::Running, _, None, _) if quiet => not_sent("quiet-hours"),
        (Flow::Running, _, None, Some(Outcome::Again { why, .. }))
            if last.is_some_and(|last| last.record.position == position) =>
        {
            json!({ "state": "retrying", "why": why })
        }
        (Flow::Running, _, None, _) => is_so("queued"),
    }
}

/// Why sending stopped, by a stable code.
fn why(outcome: Option<&Outcome>) -> &str {
    match outcome {
        Some(Outcome::GivenUp { why, .. } | Outcome::NotSent { why } | Outcome::Again { why, .. }) => why,
        Some(Outcome::Gone) => "gone",
        Some(Outcome::Delivered | Outcome::Sent | Outcome::SetAside | Outcome::Acknowledged) | None => {
            "stopped"
        }
    }
}
