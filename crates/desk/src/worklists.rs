//! Worklists: `GET /api/v1/worklists/<desk>`, oldest deadline first.

use domain::decide::Service;
use domain::id::{OrganisationId, Territory};
use domain::worklist::{Desk as Whose, Task, TaskKind};
use jiff::Timestamp;
use projection::{Page as View, key};
use serde::{Deserialize, Serialize};
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Cursor, Page, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use crate::answer::Failure;
use crate::gate::Caller;
use crate::index::{NEVER, TASKS};
use crate::reading::{Reading, ViewState};
use crate::seen::{provider, supply_seen};

/// The service that keeps a desk's list.
pub(crate) fn owner(desk: Whose) -> Service {
    match desk {
        Whose::Referrer | Whose::Siao | Whose::DataProtection => Service::Intake,
        Whose::Provider => Service::Insertion,
        Whose::Landlord | Whose::Prefecture => Service::Landlord,
    }
}

/// Whether each task of a desk is about a place, and so somebody's: SIAO, referrers and prefecture share their list by
/// département.
fn of_organisations(desk: Whose) -> bool {
    match desk {
        Whose::Provider | Whose::Landlord => true,
        Whose::Referrer | Whose::Siao | Whose::Prefecture | Whose::DataProtection => false,
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
        .right("worklist", desk.name(), Verb::Read)
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
    caller: Caller,
    at_least: AtLeast,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let reading = list.reading.clone();
    reading.read(at_least, move |view| found(view, &list, &caller, &filter, &page)).await
}

/// The rows of a list, for one page of the answer.
fn found(
    view: &View,
    list: &List,
    caller: &Caller,
    filter: &Filter,
    page: &Page,
) -> Result<Response, Problem> {
    let (now, desk) = (list.at.edge().now(), list.desk);
    let prefix = key::of(desk.name());
    let from = match &page.cursor {
        Some(cursor) => [prefix.clone(), list.at.row_after(cursor)?].concat(),
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
        if task.stands(now) && filter.fits(&task, view)? && list.is_for(caller, &task, view)? {
            found.push(task);
        }
        if found.len() == page.limit || looked_at == LOOKED_AT_MAX {
            next = Some(list.at.cursor_after(&at[prefix.len()..])?);
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

impl List {
    /// Whether the task is the caller's to know: of a household that they may see, of a place that is theirs.
    fn is_for(&self, caller: &Caller, task: &Task, view: &View) -> Result<bool, Problem> {
        if let Some(place) = task.place {
            let run_by = provider(view, place)?;
            let at = self.at.circumstances(place.territory());
            let theirs = run_by.is_some_and(|run_by| supply_seen(caller, place.territory(), run_by, at));
            if (of_organisations(self.desk) || task.household.is_none()) && !theirs {
                return Ok(false);
            }
        }
        match task.household {
            None => Ok(task.place.is_some()),
            Some(household) => match self.at.see(view, caller, household, None) {
                Ok(_) => Ok(true),
                Err(problem) if problem.kind() == Kind::UnknownId => Ok(false),
                Err(problem) => Err(problem),
            },
        }
    }
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
        Ok(provider(view, place)? == Some(organisation))
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
