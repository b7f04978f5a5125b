//! One decision: the ledgers it needs, brought from the local view or fresh from the broker.

use std::collections::BTreeMap;

use domain::ledger::{AggregateId, Change, Halt, Ledgers, State};
use domain::refusal::Refusal;

use super::{Command, Course, ExecuteError, Local};
use crate::journal::Journal;
use crate::keys::{Holder, KeyError};
use crate::link::Unreachable;
use crate::read::{self, ReadError};
use crate::recorded::Recorded;

/// How many ledgers one decision may ask for: a decision that wants more does not end.
const LEDGERS: usize = 256;

/// What a decision came to.
pub(super) enum Verdict {
    /// Changes to record, with the version of each ledger they are written to.
    Changes { changes: Vec<Change>, versions: Vec<(AggregateId, u64)> },
    /// Nothing to change, decided on fresh data up to this version.
    Nothing { version: u64 },
    /// The command itself was met among the events that were read.
    Found(Recorded),
    /// A rule says no, on fresh data.
    Refused(Refusal),
    /// No, or nothing, but on data that may be stale: to be decided again on fresh data.
    Doubtful,
}

/// Why a decision could not be taken.
pub(super) enum Failure {
    Read(ReadError),
    Final(Box<ExecuteError>),
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        Self::Final(Box::new(error))
    }
}

/// A ledger brought to a decision.
struct Brought {
    state: State,
    version: u64,
    /// Whether the broker was asked.
    fresh: bool,
}

/// What is at hand while a decision is taken.
#[derive(Default)]
struct Hand {
    ledgers: Ledgers,
    versions: BTreeMap<AggregateId, u64>,
    /// Whether a ledger came from the local view as it was.
    doubtful: bool,
}

impl Journal {
    /// Takes the decision once, on the local view or on fresh data as the course says.
    pub(super) async fn decide<L: Local>(
        &self,
        local: &L,
        course: &Course<'_>,
        decide: &(impl Fn(&Ledgers) -> Result<Vec<Change>, Halt> + Send + Sync),
    ) -> Result<Verdict, Failure> {
        let mut hand = Hand::default();
        if let Some((ledger, expected)) = course.command.expected {
            if let Some(found) = self.bring(local, course, &mut hand, ledger).await? {
                return Ok(Verdict::Found(found));
            }
            let found = hand.versions.get(&ledger).copied().unwrap_or(0);
            match (found == expected, hand.doubtful) {
                (true, _) => {}
                (false, true) => return Ok(Verdict::Doubtful),
                (false, false) => return Err(ExecuteError::Stale { ledger, expected, found }.into()),
            }
        }
        loop {
            let need = match decide(&hand.ledgers) {
                Ok(changes) => return hand.verdict(changes),
                Err(Halt::Refused(_)) if hand.doubtful => return Ok(Verdict::Doubtful),
                Err(Halt::Refused(refusal)) => return Ok(Verdict::Refused(refusal)),
                Err(Halt::Need(ledger)) => ledger,
            };
            if hand.versions.contains_key(&need) || hand.versions.len() >= LEDGERS {
                return Err(ExecuteError::Endless { ledger: need }.into());
            }
            if let Some(found) = self.bring(local, course, &mut hand, need).await? {
                return Ok(Verdict::Found(found));
            }
        }
    }

    /// Brings a ledger to the hand; gives back an event of this very command if one is met on the way.
    async fn bring<L: Local>(
        &self,
        local: &L,
        course: &Course<'_>,
        hand: &mut Hand,
        ledger: AggregateId,
    ) -> Result<Option<Recorded>, Failure> {
        let known = local.ledger(&ledger).map_err(ExecuteError::from)?;
        let brought = match known {
            Some((state, version)) if !course.fresh => Brought { state, version, fresh: false },
            known => {
                let (state, version) = known.unwrap_or_else(|| (State::empty(&ledger), 0));
                match self.freshen(course.command, ledger, state, version).await? {
                    Ok(brought) => brought,
                    Err(own) => return Ok(Some(own)),
                }
            }
        };
        hand.doubtful |= !brought.fresh;
        hand.versions.insert(ledger, brought.version);
        hand.ledgers.insert(ledger, self.opened(ledger, brought.state).await?);
        Ok(None)
    }

    /// The state with its personal values readable, for this decision only. States are sealed everywhere else.
    async fn opened(&self, ledger: AggregateId, mut state: State) -> Result<State, Failure> {
        let (Some(keys), Some(holder)) = (self.keys(), Holder::of(&ledger)) else { return Ok(state) };
        let mut sealed = false;
        state.open(&mut |_, _, _| {
            sealed = true;
            None
        });
        if !sealed {
            return Ok(state);
        }
        let failed = |source| ExecuteError::Sealed { ledger, source };
        let opener = match keys.opener(holder).await {
            Ok(opener) => opener,
            Err(error @ KeyError::Broker { .. }) => {
                return Err(ReadError::from(Unreachable::new("read a key", error)).into());
            }
            Err(error) => return Err(failed(error).into()),
        };
        let mut broken = None;
        state.open(&mut |event, schema, value| match opener.open(schema, event, value.clone()) {
            Ok(value) => Some(value),
            Err(error) => {
                broken = Some(error);
                None
            }
        });
        broken.map_or(Ok(state), |error| Err(failed(error.into()).into()))
    }

    /// Adds what was recorded since to a state; an event of this very command among it ends the decision.
    async fn freshen(
        &self,
        command: &Command<'_>,
        ledger: AggregateId,
        mut state: State,
        version: u64,
    ) -> Result<Result<Brought, Recorded>, Failure> {
        let events = self.settled_since(&ledger, version).await?;
        if let Some(own) = events.iter().find(|event| event.command == command.origin.command) {
            return Ok(Err(own.clone()));
        }
        read::fold(&mut state, &events).map_err(|source| ExecuteError::Undecodable { ledger, source })?;
        let version = events.last().map_or(version, |event| event.position);
        Ok(Ok(Brought { state, version, fresh: true }))
    }
}

impl Hand {
    /// The changes with the versions that guard them. A ledger that is changed without having been read must be new.
    fn verdict(self, changes: Vec<Change>) -> Result<Verdict, Failure> {
        if changes.is_empty() {
            let version = self.versions.values().copied().max().unwrap_or(0);
            return Ok(if self.doubtful { Verdict::Doubtful } else { Verdict::Nothing { version } });
        }
        let mut versions: Vec<(AggregateId, u64)> = Vec::new();
        for change in &changes {
            if !versions.iter().any(|(ledger, _)| *ledger == change.ledger) {
                versions.push((change.ledger, self.versions.get(&change.ledger).copied().unwrap_or(0)));
            }
        }
        Ok(Verdict::Changes { changes, versions })
    }
}
