//! Which organisations take part, with the tokens and accounts of their software: never a
//! secret.

use domain::ledger::AggregateId;
use projection::{key, ledgers};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Page};
use service::openapi::{Operation, Schema};
use service::{Problem, Site, Verb};

use desk::{Desk, Failure, ViewState};

use super::{ORGANISATIONS, Office};

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let list = Operation::get(
        "/api/v1/organisations",
        "organisations",
        crate::NAME,
        "Les organismes qui participent.",
    )
    .list()
    .right("organisation", "list", Verb::Read)
    .answer(
        200,
        "Organisations by id, with the tokens of their software.",
        Schema::named("Organisations"),
        None,
    );
    site.operation(list, organisations, office.clone()).document(|api| {
        api.schema(
            "Organisations",
            json!({
                "type": "object",
                "required": ["organisations", "view"],
                "properties": {
                    "organisations": { "type": "array", "items": { "type": "object" } },
                    "next": { "type": ["string", "null"] },
                    "view": { "$ref": "#/components/schemas/View" }
                }
            }),
        )
    })
}

async fn organisations(
    State(office): State<Office>,
    at_least: AtLeast,
    page: Page,
) -> Result<Response, Problem> {
    let reading = office.reading.clone();
    reading.read(at_least, move |view| found(view, &office.desk, &page)).await
}

fn found(view: &projection::Page, desk: &Desk, page: &Page) -> Result<Response, Problem> {
    let from = desk.row_of(page, Vec::new())?;
    let rows = view.range(ORGANISATIONS, &from, None).map_err(Failure)?;
    let (all, next) = desk.page_of(rows, (page.limit, usize::MAX), |at, _| {
        let Some(ledger) = key::read::<AggregateId>(at) else { return Ok(None) };
        let folded = ledgers::state(view, &ledger).map_err(Failure)?;
        Ok(folded.as_ref().and_then(|folded| folded.state.organisation()).map(|is| shown(&ledger, is)))
    })?;
    let state = ViewState::of(view);
    Ok(state.answer(&json!({ "organisations": all, "next": next, "view": state })))
}

fn shown(ledger: &AggregateId, is: &domain::organisation::OrganisationLedger) -> Value {
    let tokens: Vec<_> = is
        .tokens
        .iter()
        .map(|(id, token)| {
            json!({
                "token": id,
                "label": token.label,
                "role": token.role,
                "verbs": token.verbs,
                "subscription": token.subscription,
                "expires_at": token.expires_at.to_string(),
                "per_minute": token.per_minute,
                "situation": token.situation,
            })
        })
        .collect();
    let accounts: Vec<_> = is
        .accounts
        .iter()
        .map(|(account, bound)| {
            json!({ "account": account, "token": bound.token, "situation": bound.situation })
        })
        .collect();
    json!({
        "id": format!("{}-{}", ledger.territory(), ledger.uuid()),
        "organisation": is.known(),
        "open": is.open().is_some(),
        "tokens": tokens,
        "accounts": accounts,
    })
}
