//! `GET /api/v1/alerts`: what others look at: uses of emergency accounts, openings of protected files that nobody has
//! judged yet, people and programs that opened unusually many files.

use domain::household::Household;
use domain::id::{OrganisationId, Territory};
use domain::ledger::{AggregateId, State as Ledger};
use domain::organisation::BulkReadingNoticed;
use domain::rights::{Action, Matrix, Role};
use domain::user::{SignedIn, User};
use jiff::Timestamp;
use projection::{Page as View, key};
use serde_json::{Value, json};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page};
use service::openapi::{Operation, Schema};
use service::{Problem, Site, Verb};

use desk::{Caller, Failure, ViewState, folded};

use super::finding::user;
use super::{BULK_READINGS, EMERGENCY, OPENINGS, Office};
use crate::timeline::{LINES, Line};

pub(super) fn routes(site: Site, office: &Office) -> Site {
    let list = Operation::get("/api/v1/alerts", "alerts", crate::NAME, "Ce qui est à relire : urgences, lectures en nombre.")
        .list()
        .right("alert", "list", Verb::Read)
        .answer(
            200,
            "Uses of emergency accounts, openings of protected files that nobody has judged yet, readings of many files in a short time; the latest first.",
            Schema::named("Alerts"),
            None,
        );
    site.operation(list, alerts, office.clone()).document(|api| api.schema("Alerts", schema()))
}

/// Something to be looked at: when, and of which event or ledger, which puts all of them in one order.
struct Alert {
    at: Timestamp,
    of: String,
    shown: Value,
}

impl Alert {
    fn place(&self) -> (Timestamp, String) {
        (self.at, self.of.clone())
    }
}

async fn alerts(
    State(office): State<Office>,
    caller: Caller,
    at_least: AtLeast,
    page: Page,
) -> Result<Response, Problem> {
    office.reading.read(at_least, move |view| listed(view, &caller, &page)).await
}

fn listed(view: &View, caller: &Caller, page: &Page) -> Result<Response, Problem> {
    let before = page.cursor.as_ref().map(Cursor::read::<(Timestamp, String)>).transpose()?;
    let comes = |alert: &Alert| before.as_ref().is_none_or(|before| alert.place() < *before);
    let mut all = uses(view, caller)?;
    all.extend(openings(view, caller)?);
    all.extend(bulk_readings(view, caller)?);
    all.retain(comes);
    all.sort_unstable_by_key(|alert| std::cmp::Reverse(alert.place()));
    let more = all.len() > page.limit;
    all.truncate(page.limit);
    let next = all.last().filter(|_| more).map(|last| Cursor::of(&last.place()));
    let next = next.transpose().map_err(Problem::internal)?;
    let shown: Vec<_> = all.into_iter().map(|alert| alert.shown).collect();
    let state = ViewState::of(view);
    Ok(state.answer(&json!({ "alerts": shown, "next": next, "view": state })))
}

/// Each time that somebody signed in to an account for emergencies which the caller answers for. There are few of both.
fn uses(view: &View, caller: &Caller) -> Result<Vec<Alert>, Problem> {
    let mut uses = Vec::new();
    for row in view.range(EMERGENCY, &[], None).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let Some(AggregateId::User(id)) = key::read::<AggregateId>(&at) else { continue };
        if !user(view, id)?.is_some_and(|user| answers_for(caller, &user)) {
            continue;
        }
        for line in view.prefix(LINES, &at).map_err(Failure)? {
            let (_, row) = line.map_err(Failure)?;
            let line: Line = serde_json::from_slice(&row).map_err(Problem::internal)?;
            if line.kind != "user.signed_in" {
                continue;
            }
            let signed_in: SignedIn = serde_json::from_value(line.body).map_err(Problem::internal)?;
            let shown = json!({
                "kind": "emergency_account_used",
                "at": line.stamp.effective.to_string(),
                "user": id,
                "session": signed_in.session,
                "profile": signed_in.profile,
                "by": signed_in.factor,
            });
            uses.push(Alert { at: line.stamp.effective, of: line.stamp.event.to_string(), shown });
        }
    }
    Ok(uses)
}

/// Whether the account is one of those that the caller looks at: all of them for those who administer.
fn answers_for(caller: &Caller, user: &User) -> bool {
    administers(caller)
        || user.profiles.iter().any(|profile| answers_for_people_of(caller, profile.organisation))
}

fn administers(caller: &Caller) -> bool {
    caller.rights.role == Role::SystemAdmin
}

/// Whether the caller looks at what people and software of an organisation do: of one's own or, for those who check, of the
/// départements that one checks.
fn answers_for_people_of(caller: &Caller, organisation: OrganisationId) -> bool {
    match caller.rights.role {
        Role::Auditor => caller.rights.territories.contains(&organisation.territory()),
        Role::SystemAdmin
        | Role::Referrer
        | Role::Siao115Agent
        | Role::SiaoInsertionCoordinator
        | Role::SiaoManager
        | Role::ProviderManager
        | Role::ProviderWorker
        | Role::LandlordOfficer
        | Role::CommitteeSecretary
        | Role::PrefectureOfficer
        | Role::MediationSecretary
        | Role::ObserverDepartmental
        | Role::ObserverNational => caller.organisation() == organisation,
    }
}

/// The openings that the caller is to judge: that a file is protected is told to nobody else.
fn openings(view: &View, caller: &Caller) -> Result<Vec<Alert>, Problem> {
    let judges = Action::command("household", "review-emergency-opening").code();
    let role = Matrix::shipped().role(caller.rights.role);
    if !role.is_some_and(|role| role.actions.contains(&judges)) {
        return Ok(Vec::new());
    }
    let mut openings = Vec::new();
    for row in view.range(OPENINGS, &[], None).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let Some(ledger @ AggregateId::Household(id)) = key::read::<AggregateId>(&at) else { continue };
        let Some(folded) = folded(view, &ledger)? else { continue };
        let Ledger::Household(is) = &folded.state else { continue };
        for opening in is.openings.iter().filter(|opening| !opening.reviewed) {
            if !holds(caller, is, id.territory(), opening.organisation) {
                continue;
            }
            let shown = json!({
                "kind": "file_opened_in_emergency",
                "at": opening.at.to_string(),
                "until": opening.until.to_string(),
                "household": id,
                "user": opening.user,
                "organisation": opening.organisation,
                "ground": opening.ground,
            });
            openings.push(Alert { at: opening.at, of: format!("{id}/{}", opening.user), shown });
        }
    }
    Ok(openings)
}

/// When people and programs opened unusually many files: told to those who answer for them in their organisation, and to
/// those who check in its département.
fn bulk_readings(view: &View, caller: &Caller) -> Result<Vec<Alert>, Problem> {
    let mut readings = Vec::new();
    for row in view.range(BULK_READINGS, &[], None).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let Some(ledger @ AggregateId::Organisation(id)) = key::read::<AggregateId>(&at) else { continue };
        // Those who run the machines are told nothing of who reads what.
        if administers(caller) || !answers_for_people_of(caller, id) {
            continue;
        }
        let Some(folded) = folded(view, &ledger)? else { continue };
        let Some(is) = desk::organisation(&folded) else { continue };
        for noticed in &is.bulk_readings {
            let BulkReadingNoticed { actor, households, since, until } = noticed;
            let shown = json!({
                "kind": "files_read_in_bulk",
                "at": until.0.to_string(),
                "since": since.0.to_string(),
                "actor": actor,
                "user": actor.user(),
                "organisation": id,
                "households": households,
            });
            readings.push(Alert { at: until.0, of: format!("{id}/{actor}"), shown });
        }
    }
    Ok(readings)
}

/// Whether the file is held in one of the caller's départements, or was opened by their organisation.
fn holds(caller: &Caller, is: &Household, home: Territory, opened_by: OrganisationId) -> bool {
    let within = |territory: Territory| caller.rights.territories.contains(&territory);
    within(home)
        || is.requests.values().any(|request| within(request.siao))
        || opened_by == caller.organisation()
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["alerts", "view"],
        "properties": {
            "alerts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["kind", "at"],
                    "properties": {
                        "kind": { "enum": ["emergency_account_used", "file_opened_in_emergency", "files_read_in_bulk"] },
                        "at": { "type": "string", "format": "date-time" },
                        "user": { "type": ["string", "null"], "description": "Who, if it is a person." },
                        "actor": { "type": "string", "description": "Who: the code of a person or a program." },
                        "session": { "type": "string" },
                        "profile": { "$ref": "#/components/schemas/UserProfile" },
                        "by": { "type": "object" },
                        "household": { "type": "string" },
                        "organisation": { "type": "string" },
                        "ground": { "type": "string" },
                        "households": { "type": "integer", "description": "How many files were opened." },
                        "since": { "type": "string", "format": "date-time" },
                        "until": { "type": "string", "format": "date-time" }
                    }
                }
            },
            "next": { "type": ["string", "null"] },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
