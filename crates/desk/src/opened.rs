//! Sealed values of households made readable, for one answer.
//!
//! **Invariant.** For matching nothing is opened but what matching reads: no name and no number.

use std::sync::Arc;

use domain::household::Household;
use domain::id::{HouseholdId, UserId};
use domain::ledger::AggregateId;
use domain::user::User;
use journal::keys::{Holder, KeyRing, Opener};
use projection::ledgers::Folded;
use serde_json::{Value, json};
use service::Problem;

use crate::answer::key_problem;
use crate::take::Desk;

impl Desk {
    /// The household with its sealed values readable, to be shown: what was erased says so.
    ///
    /// # Errors
    /// [`Problem`] when its key cannot be asked for.
    pub(crate) async fn opened(&self, id: HouseholdId, is: &Household) -> Result<Household, Problem> {
        let mut is = is.clone();
        if let Some(keys) = self.journal().keys() {
            let opener = keys.opener(id).await.map_err(key_problem)?;
            is.open(&mut |event, schema, sealed| told(id, opener.open(schema, event, sealed.clone())));
        }
        Ok(is)
    }

    /// These households with what matching reads of them readable; what is no household is left out. What does not open
    /// stays sealed, and every rule that reads it says no.
    ///
    /// # Errors
    /// [`Problem`] when their keys cannot be asked for.
    pub async fn needs_opened(
        &self,
        households: Vec<(HouseholdId, Arc<Folded>)>,
    ) -> Result<Vec<(HouseholdId, Household)>, Problem> {
        let openers = match self.journal().keys() {
            Some(keys) => {
                let ids: Vec<_> = households.iter().map(|(id, _)| *id).collect();
                keys.openers(&ids).await.map_err(key_problem)?.into_iter().map(Some).collect()
            }
            None => vec![None; households.len()],
        };
        // Many of them take a while: beside the tasks of the process.
        let opening = tokio::task::spawn_blocking(move || {
            let each = households.into_iter().zip(openers);
            each.filter_map(|((id, folded), opener)| Some((id, needs(id, &folded, opener.as_ref())?)))
                .collect()
        });
        opening.await.map_err(Problem::internal)
    }
}

/// Makes what is sealed of a user readable; what does not open stays sealed.
///
/// # Errors
/// [`Problem`] when their key cannot be asked for.
pub async fn open_user(keys: &KeyRing, id: UserId, user: &mut User) -> Result<(), Problem> {
    let ledger = AggregateId::User(id);
    let opener = keys.opener(Holder::new(id.territory(), id.uuid())).await.map_err(key_problem)?;
    user.open(&mut |event, schema, sealed| known(&ledger, opener.open(schema, event, sealed.clone())));
    Ok(())
}

fn needs(id: HouseholdId, folded: &Folded, opener: Option<&Opener>) -> Option<Household> {
    let mut is = folded.state.household()?.clone();
    if let Some(opener) = opener {
        is.open_needs(&mut |event, schema, sealed| told(id, opener.open(schema, event, sealed.clone())));
    }
    Some(is)
}

fn told<E: std::fmt::Display>(id: HouseholdId, opened: Result<Value, E>) -> Option<Value> {
    known(&AggregateId::Household(id), opened)
}

/// The opened value; that one does not open is told, never what it is.
fn known<E: std::fmt::Display>(ledger: &AggregateId, opened: Result<Value, E>) -> Option<Value> {
    opened
        .inspect_err(|error| {
            tracing::error!(%ledger, %error, "a sealed value of {ledger} does not open: {error}");
        })
        .ok()
}

/// A file without the marks that sealing needs: a sealed value is its content, or says that it is erased or sealed.
#[must_use]
pub fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            let kept = fields.len() == 3 && fields.contains_key("schema") && fields.contains_key("event");
            if kept && let Some(value) = fields.remove("value") {
                return plain(value);
            }
            if fields.len() == 1
                && let Some(personal) = fields.remove("personal")
            {
                return personal;
            }
            let unreadable =
                fields.len() == 1 && (fields.contains_key("sealed") || fields.contains_key("erased"));
            if unreadable {
                return json!({ "readable": false, "erased": fields.contains_key("erased") });
            }
            let marks = |value: &Value| {
                value.as_object().is_some_and(|mark| {
                    mark.len() == 2 && mark.contains_key("schema") && mark.contains_key("event")
                })
            };
            fields.retain(|_, value| !marks(value));
            Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        Value::Array(values) => values.into_iter().map(plain).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}
