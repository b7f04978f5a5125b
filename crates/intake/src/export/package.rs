//! The contents of an export, written a batch at a time: however long a pathway and however often it was read, no more
//! than one batch of it is in memory.

use std::collections::BTreeMap;

use domain::household::Household;
use domain::id::{HouseholdId, OrganisationId};
use domain::ledger::AggregateId;
use domain::rights::place_of;
use futures_util::stream::{self, Stream};
use journal::Recorded;
use journal::access::{Access, Outcome};
use journal::keys::Opener;
use serde_json::{Value, json};
use service::Problem;
use service::axum::body::Bytes;

use desk::{Caller, Desk, Seen, ViewState, plain};

use super::page::Page;
use super::third::Others;

/// The name of this form and its version.
pub(super) const FORMAT: &str = "continuum-household-export/1";
/// Where its schema is.
const SCHEMA: &str = "/api/openapi.json#/components/schemas/HouseholdExport";
/// How many readings are asked for at once.
const READINGS_AT_ONCE: usize = 500;
/// What of an envelope is ours alone: who of an organisation did what, and how it was asked, is no data of the person.
const OURS: [&str; 4] = ["actor", "command", "digest", "traceparent"];

/// An export that is being written.
pub(super) struct Package {
    desk: Desk,
    caller: Caller,
    id: HouseholdId,
    is: Household,
    seen: Seen,
    others: Others,
    withheld: Value,
    state: ViewState,
    opener: Option<Opener>,
    /// The names of the organisations met so far.
    names: BTreeMap<OrganisationId, Option<String>>,
}

/// How far it is written.
enum Stage {
    Beginning,
    /// The events behind this position.
    Events(u64),
    /// The readings behind this position.
    Readings(u64),
    End,
}

impl Package {
    /// All that is to be written of the household, with its key at hand.
    ///
    /// # Errors
    /// [`Problem`] when its key cannot be had.
    #[expect(clippy::too_many_arguments, reason = "what was established of one request, once")]
    pub(super) async fn open(
        desk: Desk,
        caller: Caller,
        id: HouseholdId,
        mut is: Household,
        seen: Seen,
        others: Others,
        withheld: Value,
        state: ViewState,
    ) -> Result<Self, Problem> {
        let opener = match desk.journal().keys() {
            Some(keys) => Some(keys.opener(id).await.map_err(desk::key_problem)?),
            None => None,
        };
        if let Some(opener) = &opener {
            is.open(&mut |event, schema, sealed| opener.open(schema, event, sealed.clone()).ok());
        }
        let names = BTreeMap::new();
        Ok(Self { desk, caller, id, is, seen, others, withheld, state, opener, names })
    }

    /// The document, piece by piece; for machines if it is no page.
    pub(super) fn written(
        self,
        page: Option<Page>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
        let start = (self, page, Some(Stage::Beginning), true);
        stream::try_unfold(start, |(mut package, page, stage, first)| async move {
            let Some(stage) = stage else { return Ok(None) };
            // The answer has begun: that it breaks off says that it is not complete.
            let (text, next, first) =
                package.piece(page.as_ref(), stage, first).await.map_err(|problem| {
                    tracing::error!(household = %package.id, code = problem.code(), "an export broke off");
                    std::io::Error::other(problem.code())
                })?;
            Ok(Some((Bytes::from(text), (package, page, next, first))))
        })
    }

    /// The next piece, the stage after it, and whether the list that is being written is still empty.
    async fn piece(
        &mut self,
        page: Option<&Page>,
        stage: Stage,
        first: bool,
    ) -> Result<(String, Option<Stage>, bool), Problem> {
        match stage {
            Stage::Beginning => {
                let head = self.head()?;
                let text = match page {
                    Some(page) => page.beginning(&head),
                    None => open_object(&head, "events"),
                };
                Ok((text, Some(Stage::Events(0)), true))
            }
            Stage::Events(after) => {
                let ledger = AggregateId::Household(self.id);
                let (events, more) =
                    self.desk.journal().batch_since(&ledger, after).await.map_err(desk::read_problem)?;
                let cursor = events.last().map_or(after, |event| event.position);
                let mut shown = Vec::with_capacity(events.len());
                for event in &events {
                    shown.extend(self.event(event)?);
                }
                let empty = first && shown.is_empty();
                let mut text = match page {
                    Some(page) => shown.iter().map(|event| page.event(event)).collect(),
                    None => items(&shown, first),
                };
                if more {
                    return Ok((text, Some(Stage::Events(cursor)), empty));
                }
                text.push_str(&page.map_or_else(|| "],\"accesses\":[".to_owned(), Page::between));
                Ok((text, Some(Stage::Readings(0)), true))
            }
            Stage::Readings(after) => {
                let read = self.desk.journal().accesses_of(self.id, after, READINGS_AT_ONCE).await;
                let read = read.map_err(desk::unread)?;
                let mut shown = Vec::with_capacity(read.entries.len());
                for access in &read.entries {
                    shown.push(self.reading(access)?);
                }
                let empty = first && shown.is_empty();
                let text = match page {
                    Some(page) => shown.iter().map(|reading| page.reading(reading)).collect(),
                    None => items(&shown, first),
                };
                let next = if read.more { Stage::Readings(read.cursor) } else { Stage::End };
                Ok((text, Some(next), empty))
            }
            Stage::End => {
                Ok((page.map_or_else(|| "],\"complete\":true}\n".to_owned(), Page::end), None, true))
            }
        }
    }

    /// All but the lists.
    fn head(&mut self) -> Result<Value, Problem> {
        let maker = self.caller.organisation();
        let file = self.desk.file_shown(&self.caller, self.id, &self.is, &self.seen, &[])?.value;
        Ok(json!({
            "format": FORMAT,
            "schema": SCHEMA,
            "made_at": self.desk.edge().now().to_string(),
            "made_by": {
                "organisation": maker,
                "organisation_name": self.name(maker)?,
                "role": self.caller.rights.role.code(),
            },
            "household": self.id,
            "person": self.others.asker(),
            "withheld": self.withheld,
            "third_persons": !self.others.is_alone(),
            "view": self.state,
            "file": plain(self.others.file(file)),
        }))
    }

    /// An event with its values opened, as much of it as the maker may see and the person may know.
    fn event(&mut self, event: &Recorded) -> Result<Option<Value>, Problem> {
        let mut body = event.value().map_err(Problem::internal)?;
        if let Some(opener) = &self.opener {
            let schema = format!("{}/{}", event.kind, event.stamp.version);
            body = opener.open(&schema, event.stamp.event, body).map_err(Problem::internal)?;
        }
        let about = place_of(&body, &self.is);
        let shown = self.desk.event_shown(&self.caller, &self.seen, &event.kind, body, about);
        let Some(data) = shown.and_then(|shown| self.others.event(&event.kind, shown.value)) else {
            return Ok(None);
        };
        let mut written = event.structured();
        if let Some(fields) = written.as_object_mut() {
            fields.retain(|name, _| !OURS.contains(&name.as_str()));
        }
        written["data"] = plain(data);
        written["organisation_name"] = json!(self.name(event.organisation)?);
        Ok(Some(written))
    }

    /// Who read what: the organisation and the role, for that is what a person is told, not which of its people.
    fn reading(&mut self, access: &Access) -> Result<Value, Problem> {
        let said = &access.entry;
        let outcome = match said.outcome {
            Outcome::Refused => "refused",
            // That a file is protected is told to nobody who may be the reason for it.
            Outcome::BreakGlass if self.others.is_alone() => "break-glass",
            Outcome::Granted | Outcome::BreakGlass => "granted",
        };
        let fields = said.fields.iter().filter(|field| self.others.is_alone() || field.as_str() != "viol");
        Ok(json!({
            "at": said.at.to_string(),
            "organisation": said.organisation,
            "role": said.role,
            "action": said.action,
            "purpose": said.purpose,
            "fields": fields.collect::<Vec<_>>(),
            "outcome": outcome,
            "organisation_name": self.name(said.organisation)?,
        }))
    }

    fn name(&mut self, id: OrganisationId) -> Result<Option<String>, Problem> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let page = self.desk.ledgers().handle().reader().page().map_err(|e| desk::unserved(&e))?;
        let found = desk::folded(&page, &AggregateId::Organisation(id))?;
        let known = found.as_deref().and_then(desk::organisation).and_then(|ledger| ledger.known());
        let name = known.map(|known| known.name.clone());
        self.names.insert(id, name.clone());
        Ok(name)
    }
}

/// The beginning of an object that goes on with a list of this name.
fn open_object(head: &Value, list: &str) -> String {
    let mut text = head.to_string();
    text.pop();
    text.push_str(&format!(",\"{list}\":["));
    text
}

/// Items of a list, after those that are written already.
fn items(shown: &[Value], first: bool) -> String {
    let mut text = String::new();
    for (n, item) in shown.iter().enumerate() {
        if n > 0 || !first {
            text.push(',');
        }
        text.push('\n');
        text.push_str(&item.to_string());
    }
    text
}
