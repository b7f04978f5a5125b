//! Who has an account: names for those who administer, situations for those who check.

use domain::id::{OrganisationId, UserId};
use domain::ledger::AggregateId;
use domain::rights::{Action, Matrix, Role};
use domain::user::User;
use projection::key;
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use desk::{Caller, Desk, Failure, ViewState};

use super::finding::user;
use super::{Office, USERS};

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let list = Operation::get("/api/v1/users", "users", crate::NAME, "Les comptes des personnes.")
        .list()
        .right("user", "list", Verb::Read)
        .query_parameter("organisation", Schema::Text, "Those with a profile in this organisation.")
        .problems([Kind::BrokerUnreachable, Kind::JournalFull])
        .answer(
            200,
            "By organisation: somebody with profiles in two of them is there twice. Names are shown to who invites.",
            Schema::named("Users"),
            None,
        );
    site.operation(list, users, office.clone()).document(|api| {
        api.schema(
            "Users",
            json!({
                "type": "object",
                "required": ["users", "view"],
                "properties": {
                    "users": { "type": "array", "items": { "type": "object" } },
                    "next": { "type": ["string", "null"] },
                    "view": { "$ref": "#/components/schemas/View" }
                }
            }),
        )
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    organisation: Option<OrganisationId>,
}

/// Users of a page of the list, in the organisation under which they are listed.
struct Found {
    users: Vec<(AggregateId, UserId, User)>,
    next: Option<Cursor>,
    state: ViewState,
}

async fn users(
    State(office): State<Office>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let desk = office.desk.clone();
    let looked_for = move |view: &projection::Page| found(view, &desk, &page, asked.organisation);
    let Found { users, next, state } = office.reading.read(at_least, looked_for).await?;
    let named = names_are_shown(caller.rights.role);
    if named {
        // On disk before anything is opened.
        let whose = users.iter().map(|(_, id, _)| *id).collect();
        office.desk.record_read_of_users(&caller, &whose, &["name", "email"]).await?;
    }
    let mut all = Vec::with_capacity(users.len());
    for (organisation, id, mut user) in users {
        if named {
            office.open(id, &mut user).await?;
        }
        all.push(shown(&organisation, id, &user, named));
    }
    Ok(state.answer(&json!({ "users": all, "next": next, "view": state })))
}

/// Who invites people knows their names; who checks sees what was done with which account.
fn names_are_shown(role: Role) -> bool {
    let invites = Action::command("user", "invite").code();
    Matrix::shipped().role(role).is_some_and(|role| role.actions.contains(&invites))
}

fn found(
    view: &projection::Page,
    desk: &Desk,
    page: &Page,
    organisation: Option<OrganisationId>,
) -> Result<Found, Problem> {
    let prefix = organisation.map_or_else(Vec::new, |organisation| key::of(&organisation));
    let from = desk.row_of(page, prefix.clone())?;
    if !from.starts_with(&prefix) {
        return Err(Problem::new(Kind::MalformedCursor).member("parameter", "cursor"));
    }
    let rows = view.range(USERS, &from, key::after_prefix(&prefix).as_deref()).map_err(Failure)?;
    let (users, next) = desk.page_of(rows, (page.limit, usize::MAX), |at, _| {
        let Some((of, AggregateId::User(id))) = key::read::<(OrganisationId, AggregateId)>(at) else {
            return Ok(None);
        };
        Ok(user(view, id)?.map(|user| (AggregateId::Organisation(of), id, user)))
    })?;
    Ok(Found { users, next, state: ViewState::of(view) })
}

fn shown(organisation: &AggregateId, id: UserId, user: &User, named: bool) -> Value {
    let mut shown = json!({
        "id": id,
        "organisation": format!("{}-{}", organisation.territory(), organisation.uuid()),
        "account": user.account,
        "profiles": user.profiles,
        "emergency": user.emergency,
        "invited_until": user.invitation.as_ref().map(|invitation| invitation.until.to_string()),
        "signs_in_by": { "password": user.credentials.is_some(), "provider": !user.identities.is_empty() },
        "seen": user.seen.map(|seen| seen.to_string()),
    });
    if named {
        let agent = user.agent.as_ref().and_then(|agent| agent.value.known());
        shown["name"] = agent.map(|agent| agent.name.clone()).into();
        shown["email"] = agent.map(|agent| agent.email.clone()).into();
    }
    shown
}
