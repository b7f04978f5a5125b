//! Opening the rows of a projection: trusted only after they were read through, else put aside and built anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::home::{Home, HomeError, Marker};
use crate::store::{Store, StoreError};
use crate::tree::Trees;

/// How long opening and checking may take, and how much longer for each GiB: sled takes 6 s for 1 GB on an idle
/// machine.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_PER_GIB: Duration = Duration::from_secs(60);

/// How a projection found its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// There were none: they are being built.
    Fresh,
    /// They were in order, at this position; or half built, and building goes on.
    Resumed {
        /// The position of the last event applied.
        position: u64,
    },
    /// They were of other views, or of another version of them: they are being built anew beside the old ones, which
    /// are kept until then for the program that wrote them, and not served.
    Outdated,
    /// They could not be trusted: they were put aside and are being built anew.
    Quarantined {
        /// Why.
        why: String,
    },
}

/// What is expected of the rows.
pub(crate) struct Expected {
    pub(crate) name: &'static str,
    pub(crate) fingerprint: String,
    pub(crate) build: String,
    pub(crate) boot: Option<String>,
    pub(crate) trees: Trees,
}

/// Rows that were opened.
pub(crate) struct Rows {
    pub(crate) generation: u64,
    pub(crate) store: Store,
    /// Whether they are the ones in use; if not, they are being built.
    pub(crate) in_use: bool,
    pub(crate) opened: Opened,
}

/// Why no rows could be opened at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Shut {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("new rows cannot be made: {0}")]
    New(String),
}

impl Expected {
    /// The marker of rows that are open.
    pub(crate) fn marker(&self) -> Marker {
        Marker {
            fingerprint: self.fingerprint.clone(),
            build: self.build.clone(),
            boot: self.boot.clone(),
            clean: false,
            doubt: None,
            position: 0,
        }
    }

    /// Makes empty rows after all others.
    pub(crate) fn make(&self, home: &Home) -> Result<(u64, Store), Shut> {
        let generation = home.make(&self.marker())?;
        let store = open_checked(&home.store(generation), &self.trees).map_err(Shut::New)?;
        Ok((generation, store))
    }
}

/// Opens the rows in use, or goes on building, or begins to. Blocks for as long as reading them through takes.
pub(crate) fn open(home: &Home, expected: &Expected) -> Result<Rows, Shut> {
    let current = home.current();
    let opened = match current {
        None => Opened::Fresh,
        Some(generation) => match examine(home, generation, expected) {
            Found::Sound(store) => {
                for stray in home.generations()?.into_iter().filter(|other| *other != generation) {
                    home.remove(stray)?;
                }
                let position = store.checkpoint().position;
                return Ok(Rows {
                    generation,
                    store: *store,
                    in_use: true,
                    opened: Opened::Resumed { position },
                });
            }
            Found::Outdated => Opened::Outdated,
            Found::Doubtful(why) => {
                tracing::error!(generation, why, "the rows are put aside and built anew: {why}");
                metrics::counter!("projection_quarantines", "projection" => expected.name).increment(1);
                home.quarantine(generation, &why)?;
                Opened::Quarantined { why }
            }
        },
    };
    build(home, expected, current, opened)
}

/// Goes on with rows that were half built, or begins new ones.
fn build(home: &Home, expected: &Expected, current: Option<u64>, opened: Opened) -> Result<Rows, Shut> {
    for generation in home.generations()?.into_iter().rev().filter(|other| Some(*other) != current) {
        match examine(home, generation, expected) {
            Found::Sound(store) => {
                let position = store.checkpoint().position;
                let opened = if opened == Opened::Fresh { Opened::Resumed { position } } else { opened };
                return Ok(Rows { generation, store: *store, in_use: false, opened });
            }
            Found::Outdated => home.remove(generation)?,
            Found::Doubtful(why) => {
                tracing::warn!(generation, why, "half-built rows are thrown away: {why}");
                home.remove(generation)?;
            }
        }
    }
    let (generation, store) = expected.make(home)?;
    Ok(Rows { generation, store, in_use: false, opened })
}

/// What rows turned out to be.
enum Found {
    Sound(Box<Store>),
    Outdated,
    Doubtful(String),
}

fn examine(home: &Home, generation: u64, expected: &Expected) -> Found {
    let doubtful = |why: &str| Found::Doubtful(why.to_owned());
    let Some(marker) = home.marker(generation) else { return doubtful("their marker cannot be read") };
    if let Some(why) = marker.doubt {
        return Found::Doubtful(why);
    }
    let same_boot = marker.boot.is_some() && marker.boot == expected.boot;
    if !marker.clean && !same_boot {
        return doubtful("the machine stopped before they were safe on the disk");
    }
    if marker.fingerprint != expected.fingerprint {
        return Found::Outdated;
    }
    let store = match open_checked(&home.store(generation), &expected.trees) {
        Ok(store) => store,
        Err(why) => return Found::Doubtful(why),
    };
    let position = store.checkpoint().position;
    if position < marker.position {
        let known = marker.position;
        return Found::Doubtful(format!("they are of position {position}, but knew position {known} once"));
    }
    match home.mark(generation, &Marker { position, ..expected.marker() }) {
        Ok(()) => Found::Sound(Box::new(store)),
        Err(e) => Found::Doubtful(e.to_string()),
    }
}

/// Opens and checks a store in a thread of its own: on damaged files sled may answer with an error, a panic, or never.
fn open_checked(path: &Path, trees: &Trees) -> Result<Store, String> {
    let (answer, opened) = mpsc::sync_channel(1);
    let (of, trees) = (path.to_owned(), trees.clone());
    let opener = move || {
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let store = Store::open(&of, trees)?;
            store.check()?;
            Ok(store)
        }));
        // Whoever asked may have lost patience.
        let _ = answer.send(opened);
    };
    std::thread::Builder::new()
        .name("view-open".to_owned())
        .spawn(opener)
        .map_err(|e| format!("no thread can be started: {e}"))?;
    let patience = patience(path);
    match opened.recv_timeout(patience) {
        Ok(Ok(Ok(store))) => Ok(store),
        Ok(Ok(Err(e @ (StoreError::Unusable(_) | StoreError::Damaged(_) | StoreError::Undeclared(_))))) => {
            Err(e.to_string())
        }
        Ok(Err(_)) => Err("sled panicked on them".to_owned()),
        Err(_) => Err(format!("they could not be opened within {} s", patience.as_secs())),
    }
}

fn patience(path: &Path) -> Duration {
    let bytes = path.join("db").metadata().map_or(0, |file| file.len());
    PATIENCE + PATIENCE_PER_GIB * u32::try_from(bytes >> 30).unwrap_or(u32::MAX / 120)
}
