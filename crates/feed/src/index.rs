//! The index: which kind of event stands at each position, on which ledger.

use domain::ledger::AggregateId;
use projection::{ApplyError, Entry, Rows, Tree, View, key};
use serde::{Deserialize, Serialize};

/// `position` → [`Mark`].
pub(crate) const MARKS: Tree = Tree::named("feed/marks");

/// Raised whenever the same events would give other rows.
const VERSION: u32 = 1;

/// What stands at a position.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The kind: `referral.proposed`.
    pub(crate) kind: String,
    /// The ledger.
    pub(crate) ledger: AggregateId,
}

/// The view.
pub(crate) struct Index;

impl View for Index {
    fn name(&self) -> &'static str {
        "index"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn trees(&self) -> Vec<Tree> {
        vec![MARKS]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        let mark = Mark { kind: entry.kind.clone(), ledger: entry.ledger };
        let row = serde_json::to_vec(&mark)
            .map_err(|_| ApplyError::Contradicts("the mark cannot be written as JSON".into()))?;
        rows.insert(MARKS, key::of(&entry.position), &row)?;
        Ok(())
    }
}
