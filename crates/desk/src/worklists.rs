//! Worklists: `GET /api/v1/worklists/<desk>`, oldest deadline first.

use domain::decide::Service;
use domain::id::{OrganisationId, Territory};
use domain::ledger::{AggregateId, State as Ledger};
use domain::worklist::{Desk as Whose, Task, TaskKind};
use jiff::Timestamp;
use projection::{Page as View, key, ledgers};
use serde::{Deserialize, Serialize};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Caller, Cursor, Page, Query};
use service::openapi::{Operation, Schema};
use service::{Problem, Site};

use crate::answer::Failure;
use crate::index::{NEVER, TASKS};
use crate::reading::{Reading, ViewState};

/// The service that keeps a desk's list.
pub(crate) fn owner(desk: Whose) -> Service {
    match desk {
        Whose::Referrer | Whose::Siao => Service::Intake,
        Whose::Provider => Service::Insertion,
        Whose::Landlord | Whose::Prefecture => Service::Landlord,
    }
}

/// Whether each task of a desk is about a place, and so somebody's: SIAO, referrers and prefecture share their list by
/// département.
fn of_organisations(desk: Whose) -> bool {
    match desk {
        Whose::Provider | Whose::Landlord => true,
        Whose::Referrer | Whose::Siao | Whose::Prefecture => false,
    }
}

/// How many rows are looked at for one page, whatever the filters.
const LOOKED_AT_MAX: usize = 20_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only what is about this département.
    territory: Option<Territory>,
    /// Only what this organisation has to do.
    organisation: Option<OrganisationId>,
    /// Only what is due at this instant or before.
    due_by: Option<Timestamp>,
    /// Only tasks of this kind.
    task: Option<TaskName>,
}

/// The name of a kind of task: a word that names none finds nothing for ever, and is refused.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct TaskName(String);

impl TryFrom<String> for TaskName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if TaskKind::names().contains(&name) {
            return Ok(Self(name));
        }
        Err(format!("no task is called so; there are: {}", TaskKind::names().join(", ")))
    }
}

#[derive(Clone)]
struct List {
    desk: Whose,
    at: crate::Desk,
    reading: Reading,
}

/// Adds the worklist of each desk that `service` keeps.
#[must_use]
pub fn worklist(mut site: Site, service: Service, at: &crate::Desk, reading: &Reading) -> Site {
    for desk in Whose::ALL.into_iter().filter(|desk| owner(*desk) == service) {
        // Made once per start; as long as the program.
        let path: &'static str = format!("/api/v1/worklists/{}", desk.name()).leak();
        let id: &'static str = format!("worklist-{}", desk.name()).leak();
        let operation = Operation::get(
            path,
            id,
            service.name(),
            "Ce qu'il y a à faire, échéance la plus proche d'abord.",
        )
        .list()
        .query_parameter("territory", Schema::Text, "Only what is about this département: 33.")
        .query_parameter("due_by", Schema::Moment, "Only what is due at this instant or before.")
        .query_parameter("task", Schema::Text, "Only tasks of this kind: answer-referral.")
        .answer(200, "Tasks, oldest deadline first.", Schema::named("Worklist"), None);
        let operation = if of_organisations(desk) {
            operation.query_parameter("organisation", Schema::Text, "Only what this organisation has to do.")
        } else {
            operation
        };
        site = site.operation(operation, tasks, List { desk, at: at.clone(), reading: reading.clone() });
    }
    site.document(|api| api.schema("Worklist", schema()))
}

async fn tasks(
    State(list): State<List>,
    _: Caller,
    at_least: AtLeast,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let (now, desk) = (list.at.edge().now(), list.desk);
    list.reading.read(at_least, move |view| found(view, desk, &filter, &page, now)).await
}

/// The rows of a list, for one page of the answer.
fn found(
    view: &View,
    desk: Whose,
    filter: &Filter,
    page: &Page,
    now: Timestamp,
) -> Result<Response, Problem> {
    let prefix = key::of(desk.name());
    let from = match &page.cursor {
        Some(cursor) => [prefix.as_slice(), &cursor.read::<Vec<u8>>()?, &[0]].concat(),
        None => prefix.clone(),
    };
    let until = match filter.due_by {
        Some(due_by) if due_by < NEVER => key::after_prefix(&key::of(&(desk.name(), due_by))),
        Some(_) | None => key::after_prefix(&prefix),
    };
    let (mut found, mut looked_at, mut next) = (Vec::new(), 0, None);
    for row in view.range(TASKS, &from, until.as_deref()).map_err(Failure)? {
        let (at, value) = row.map_err(Failure)?;
        looked_at += 1;
        let task: Task = serde_json::from_slice(&value).map_err(Problem::internal)?;
        if task.stands(now) && filter.fits(&task, view)? {
            found.push(task);
        }
        if found.len() == page.limit || looked_at == LOOKED_AT_MAX {
            next = Some(Cursor::of(&at[prefix.len()..].to_vec()).map_err(Problem::internal)?);
            break;
        }
    }
    let state = ViewState::of(view);
    Ok(state.answer(&Found { tasks: found, next, view: state }))
}

#[derive(Serialize)]
struct Found {
    tasks: Vec<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
    view: ViewState,
}

impl Filter {
    fn fits(&self, task: &Task, view: &View) -> Result<bool, Problem> {
        let about = task.household.map(|id| id.territory()).or_else(|| task.place.map(|id| id.territory()));
        if self.territory.is_some() && self.territory != about {
            return Ok(false);
        }
        if let Some(TaskName(kind)) = &self.task {
            let named = serde_json::to_value(&task.kind).map_err(Problem::internal)?;
            if named.get("task").and_then(|name| name.as_str()) != Some(kind) {
                return Ok(false);
            }
        }
        let (Some(organisation), Some(place)) = (self.organisation, task.place) else {
            return Ok(self.organisation.is_none());
        };
        let folded = ledgers::state(view, &AggregateId::Place(place)).map_err(Failure)?;
        let provider = folded.and_then(|folded| match &folded.state {
            Ledger::Place(place) => place.inventory.description().map(|description| description.provider),
            Ledger::Household(_) | Ledger::Structure(_) | Ledger::Organisation(_) | Ledger::User(_) => None,
        });
        Ok(provider == Some(organisation))
    }
}

fn schema() -> serde_json::Value {
    serde_json::json!({
        "type": "object",
        "required": ["tasks", "view"],
        "properties": {
            "tasks": { "type": "array", "items": {
                "allOf": [{ "$ref": "#/components/schemas/TaskKind" }],
                "type": "object",
                "required": ["desk", "since", "task"],
                "properties": {
                    "desk": { "type": "string" },
                    "due": { "type": "string", "format": "date-time" },
                    "since": { "type": "string", "format": "date-time" },
                    "household": { "type": "string" },
                    "place": { "type": "string" }
                }
            } },
            "next": { "type": "string", "description": "The cursor of the next page, if there is one." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
