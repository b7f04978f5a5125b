//! The view of pathways: every fact of every ledger, in order, without its sealed values.

use domain::event::Stamp;
use domain::household::HouseholdEvent;
use domain::id::{CommandId, OrganisationId};
use domain::ledger::{AggregateId, Fact};
use projection::{ApplyError, Entry, Rows, Tree, View, key};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Facts by ledger and position: `(ledger, position)` → [`Line`].
pub(crate) const LINES: Tree = Tree::named("timelines/lines");

/// Raised whenever the same events would give other rows.
const VERSION: u32 = 2;

/// One fact as the view keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    /// What happened.
    pub(crate) kind: String,
    /// Both its dates, the event, and the version of its shape.
    #[serde(flatten)]
    pub(crate) stamp: Stamp,
    /// Who recorded it: an opaque code.
    pub(crate) actor: String,
    /// On whose behalf.
    pub(crate) organisation: OrganisationId,
    /// Through which command.
    pub(crate) command: CommandId,
    /// Its body, sealed values emptied.
    pub(crate) body: Value,
}

/// The view.
pub(crate) struct Timelines;

impl View for Timelines {
    fn name(&self) -> &'static str {
        "timelines"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn trees(&self) -> Vec<Tree> {
        vec![LINES]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let body = entry.value().map_err(|_| ApplyError::Contradicts("the body is not JSON".into()))?;
        let line = Line {
            kind: entry.kind.clone(),
            stamp: entry.stamp,
            actor: entry.actor.to_string(),
            organisation: entry.organisation,
            command: entry.command,
            body: unsealed(body, &json!({ "sealed": null })),
        };
        let row = serde_json::to_vec(&line)
            .map_err(|_| ApplyError::Contradicts("the line cannot be written as JSON".into()))?;
        rows.insert(LINES, key::of(&(entry.ledger, entry.position)), &row)?;
        Ok(())
    }
}

/// The body with `shown` in the place of what is sealed in it: that a value was there remains.
pub(crate) fn unsealed(body: Value, shown: &Value) -> Value {
    match body {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("sealed") => shown.clone(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, unsealed(value, shown))).collect())
        }
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| unsealed(value, shown)).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

impl Line {
    /// The fact, if it is of a household and this program can read it.
    pub(crate) fn household(&self, ledger: &AggregateId) -> Option<(HouseholdEvent, Stamp)> {
        match Fact::read(ledger, &self.kind, self.stamp.version, self.body.clone()) {
            Ok(Fact::Household(event)) => Some((event, self.stamp)),
            Ok(
                Fact::Place(_)
                | Fact::Structure(_)
                | Fact::Organisation(_)
                | Fact::User(_)
                | Fact::Subscription(_)
                | Fact::Inquiry(_),
            )
            | Err(_) => None,
        }
    }
}
