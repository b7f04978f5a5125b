//! A view in memory, as a process would hold one: it shows what it has read, no more.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use domain::id::CommandId;
use domain::ledger::{AggregateId, State};
use journal::{Done, DoneEvent, Journal, Local, LocalError, Recorded};

#[derive(Default)]
struct Shown {
    ledgers: HashMap<AggregateId, (State, u64)>,
    commands: HashMap<CommandId, Done>,
    position: u64,
}

pub(crate) struct View {
    journal: Journal,
    shown: Mutex<Shown>,
    /// Whether it reads on by itself when somebody waits for it.
    live: bool,
}

impl View {
    pub(crate) fn live(journal: &Journal) -> Self {
        Self { journal: journal.clone(), shown: Mutex::default(), live: true }
    }

    /// A view that stays where it is until it is told to catch up.
    pub(crate) fn lagging(journal: &Journal) -> Self {
        Self { live: false, ..Self::live(journal) }
    }

    pub(crate) async fn catch_up(&self) {
        let after = self.shown.lock().unwrap().position;
        let events = self.journal.range(after, usize::MAX).await.unwrap();
        let mut shown = self.shown.lock().unwrap();
        for event in events.into_iter().filter(|event| event.position > after) {
            shown.apply(&event);
        }
    }
}

impl Shown {
    fn apply(&mut self, event: &Recorded) {
        let (state, version) =
            self.ledgers.entry(event.ledger).or_insert_with(|| (State::empty(&event.ledger), 0));
        state.evolve(&event.fact().unwrap(), &event.stamp);
        *version = event.position;
        let done = Done { digest: event.digest, events: Vec::new() };
        self.commands.entry(event.command).or_insert(done).events.push(DoneEvent {
            id: event.stamp.event,
            kind: event.kind.clone(),
            ledger: event.ledger,
            position: event.position,
        });
        self.position = event.position;
    }
}

impl Local for View {
    fn ledger(&self, id: &AggregateId) -> Result<Option<(State, u64)>, LocalError> {
        Ok(self.shown.lock().unwrap().ledgers.get(id).cloned())
    }

    fn command(&self, id: CommandId) -> Result<Option<Done>, LocalError> {
        Ok(self.shown.lock().unwrap().commands.get(&id).cloned())
    }

    async fn reached(&self, position: u64, _: Duration) -> bool {
        if self.live {
            self.catch_up().await;
        }
        self.shown.lock().unwrap().position >= position
    }
}
