//! A file as commands: which lines cannot be taken, and what to ask for the others.

use super::columns::Column;
use super::verdict::Refused;

/// One command to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Where: `/api/v1/households/33-…/submit-request`.
    pub path: String,
    /// The *Idempotency-Key*: the same for the same line of the same source, however often it is read.
    pub key: String,
    /// The command's body.
    pub body: serde_json::Value,
}

/// One command of a job, with what helps to tell a person why it was refused.
#[derive(Debug, Clone)]
pub struct Step {
    /// The command.
    pub outgoing: Outgoing,
    /// What it does, in French, for when a later step of the job is refused: `ménage enregistré`.
    pub done: &'static str,
    /// Which column a refusal is about: pairs of code and heading. A code that several things share is followed by `/`
    /// and the first word of the sentence.
    pub blame: Vec<(&'static str, String)>,
}

/// What the lines of one thing ask for, step by step: a step is asked when the one before was taken.
#[derive(Debug, Clone)]
pub struct Job {
    /// The lines it comes from.
    pub lines: Vec<u64>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// What a file amounts to.
#[derive(Debug, Default)]
pub struct Plan {
    /// Jobs, in chains: the jobs of a chain concern the same thing and are done one after the other; chains are done
    /// side by side.
    pub chains: Vec<Vec<Job>>,
    /// The lines that cannot be taken as they are.
    pub refused: Vec<Refused>,
}

impl Plan {
    /// How many lines can be asked for.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.chains.iter().flatten().map(|job| job.lines.len()).sum()
    }
}

impl Step {
    /// A step whose body is this command's JSON.
    pub(crate) fn new(
        path: String,
        key: String,
        command: &impl serde::Serialize,
        done: &'static str,
    ) -> Self {
        // Commands are plain structs with string keys: serde_json cannot refuse them.
        let body = serde_json::to_value(command).unwrap_or_default();
        Self { outgoing: Outgoing { path, key, body }, done, blame: Vec::new() }
    }

    /// The same, with the column that refusals of these codes are about.
    pub(crate) fn blaming(
        mut self,
        layout: &super::columns::Layout,
        codes: &[(&'static str, &Column)],
    ) -> Self {
        let heading = |column: &Column| layout.heading(column).to_owned();
        self.blame.extend(codes.iter().map(|(code, column)| (*code, heading(column))));
        self
    }
}
