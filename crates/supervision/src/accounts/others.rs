//! One's other sessions: a browser left open elsewhere, a telephone that was lost.

use domain::decide::user::SignOut;
use domain::ledger::AggregateId;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site};

use desk::{Caller, problem_of};

use super::Office;
use super::sessions::{Held, of_person, who_am_i};
use super::taking::Asking;

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let end = Operation::post(
        "/api/v1/session/end-others",
        "session-end-others",
        crate::NAME,
        "Fermer toutes ses autres sessions.",
    )
    .for_all_signed_in()
    .problems([Kind::RequestForged, Kind::TokenNotAllowed, Kind::BrokerUnreachable])
    .problems([Kind::UnknownId, Kind::Contended, Kind::JournalFull])
    .answer(200, "The session that is left.", Schema::named("Session"), None);
    site.operation(end, end_others, office.clone())
}

/// All sessions of a person that stand, the one they are in among them.
pub(super) fn shown(held: &Held, office: &Office) -> Vec<Value> {
    let now = office.desk.edge().now();
    let stand = held.user.sessions.iter().filter(|(id, _)| held.user.session(**id, now).is_some());
    let shown = stand.map(|(id, session)| {
        json!({
            "session": id,
            "since": session.since.to_string(),
            "profile": session.profile,
            "this_one": *id == held.session,
        })
    });
    shown.collect()
}

async fn end_others(State(office): State<Office>, caller: Caller) -> Result<Response, Problem> {
    let (id, this) = of_person(&caller)?;
    let Held { user, .. } = office.held(id, this).await?;
    for session in user.sessions.into_keys().filter(|session| *session != this) {
        let taken = office.take(id, SignOut { session }, Asking::of(&office, &caller)).await;
        taken.map_err(|error| problem_of(error, &AggregateId::User(id)))?;
    }
    who_am_i(State(office), caller).await
}
