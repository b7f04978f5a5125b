//! What the tests have in common: events of real kinds, a source in memory, a projection over it.

pub(crate) mod events;
pub(crate) mod memory;

use std::path::Path;
use std::time::Duration;

use projection::{ApplyError, Entry, Handle, Opened, Options, Projection, Rows, StartError, Tree, View, key};

pub(crate) use events::{Fed, events};
pub(crate) use memory::Memory;

/// Longer than anything takes on a busy machine; what is waited for comes in milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const TIMELINE: Tree = Tree::named("timeline/rows");
pub(crate) const COUNTS: Tree = Tree::named("timeline/counts");

/// A view of pages: one row per event, one count per ledger; its counts depend on all events before.
pub(crate) struct Timeline {
    pub(crate) version: u32,
}

impl View for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn trees(&self) -> Vec<Tree> {
        vec![TIMELINE, COUNTS]
    }

    fn apply(&self, entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ApplyError> {
        if entry.kind == events::CONTRADICTION {
            // Written, then taken back with everything else of this event.
            rows.insert(TIMELINE, key::of(&(entry.ledger, entry.position)), b"half")?;
            rows.change(COUNTS, &key::of(&entry.ledger), || 0_u64, |count| *count += 1000)?;
            return Err(ApplyError::Contradicts("no structure closes here".into()));
        }
        assert!(entry.kind != events::PANIC, "a fault of the program");
        rows.insert(TIMELINE, key::of(&(entry.ledger, entry.position)), entry.kind.as_bytes())?;
        rows.change(COUNTS, &key::of(&entry.ledger), || 0_u64, |count| *count += 1)?;
        Ok(())
    }
}

/// The views of the service under test.
pub(crate) fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(crate::ledgers::view()), Box::new(Timeline { version: 1 })]
}

pub(crate) fn options(directory: &Path) -> Options {
    Options { boot: Some("one start of the machine".to_owned()), ..Options::new("tests", directory) }
}

pub(crate) async fn start(source: &Memory, directory: &Path) -> (Projection, Opened) {
    start_with(source, views(), options(directory)).await.unwrap()
}

pub(crate) async fn start_with(
    source: &Memory,
    views: Vec<Box<dyn View>>,
    options: Options,
) -> Result<(Projection, Opened), StartError> {
    Projection::start(source.clone(), views, options).await
}

/// The rows once they know everything there is.
pub(crate) async fn dump(handle: &Handle, source: &Memory) -> String {
    assert!(handle.reached(source.last(), PATIENCE).await, "{}", handle.ready());
    handle.reader().page().unwrap().dump().unwrap()
}

/// The rows that a projection builds from nothing.
pub(crate) async fn built(source: &Memory) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (projection, opened) = start(source, directory.path()).await;
    assert_eq!(opened, Opened::Fresh);
    let rows = dump(&projection.handle(), source).await;
    projection.stop().await;
    rows
}
