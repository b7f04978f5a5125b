//! Damaged directories: right rows or rebuilt rows, never wrong ones.

use std::fs;
use std::path::{Path, PathBuf};

use projection::Opened;

use crate::support::events::events;
use crate::support::{Fed, Memory, dump, start};

/// How many damages are tried, each on a copy of its own.
const DAMAGES: u64 = 160;

/// The same numbers on every run, so that a failure can be looked at again.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

fn fed() -> Vec<Fed> {
    (0..900_u16)
        .map(|n| {
            let n = u8::try_from(n % 50).unwrap();
            match n % 5 {
                0 => Fed::Open(n),
                1 | 2 => Fed::Rename(n / 5 * 5, n),
                _ => Fed::Consent(n, n % 7),
            }
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

/// The files of rows, the large one several times, since most of what can break is in it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let store = directory.join("rows-1/store");
    let mut files: Vec<_> = fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files.extend(vec![store.join("db"); 4]);
    files.push(directory.join("rows-1/marker.json"));
    files.push(directory.join("current"));
    files
}

/// Breaks one file in one way; says how.
fn damage(directory: &Path, older: &Path, draws: &mut Draws) -> String {
    let files = files(directory);
    let index = usize::try_from(draws.below(files.len() as u64)).unwrap();
    let path = &files[index];
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut bytes = fs::read(path).unwrap();
    // The file of the store ends in space that was never written: that cannot break.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let at = usize::try_from(draws.below(written as u64)).unwrap();
    let how = match draws.below(7) {
        0 | 1 if written > 0 => {
            let bit = draws.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} of {name} turned")
        }
        2 => {
            bytes.truncate(at);
            format!("{name} cut at {at}")
        }
        3 => {
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
            format!("4 KiB of {name} from {at} zeroed")
        }
        4 => {
            let (from, end) =
                (usize::try_from(draws.below(written as u64)).unwrap(), (at + 512).min(bytes.len()));
            let block = bytes[from..(from + end - at).min(bytes.len())].to_vec();
            bytes[at..at + block.len()].copy_from_slice(&block);
            format!("512 bytes of {name} at {from} written again at {at}")
        }
        5 => {
            fs::remove_file(path).unwrap();
            return format!("{name} removed");
        }
        _ => {
            let before = older.join(path.strip_prefix(directory).unwrap());
            if !before.exists() {
                return format!("{name} left alone");
            }
            bytes = fs::read(before).unwrap();
            format!("{name} as it was some time before")
        }
    };
    fs::write(path, bytes).unwrap();
    how
}

#[test]
fn whatever_is_damaged_the_rows_are_right_or_rebuilt() {
    // sled panics on much of this, in threads of its own; what it says is of no interest here. Those of tests bear the paths
    // of tests, and what another one has to say must be heard.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name().is_some_and(|name| name.contains("::")) {
            usual(panic);
        }
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (older, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = events(&fed());
        let source = Memory::of(all[..500].to_vec()).split(&[9]);
        let (projection, _) = start(&source, whole.path()).await;
        dump(&projection.handle(), &source).await;
        projection.stop().await;
        copy(whole.path(), older.path());
        for event in &all[500..] {
            source.add(event.clone());
        }
        let (projection, _) = start(&source, whole.path()).await;
        let right = dump(&projection.handle(), &source).await;
        projection.stop().await;

        let (mut draws, mut resumed, mut quarantined) = (Draws(7), 0, 0);
        for nth in 0..DAMAGES {
            let directory = tempfile::tempdir().unwrap();
            copy(whole.path(), directory.path());
            let how = damage(directory.path(), older.path(), &mut draws);
            let (projection, opened) = start(&source, directory.path()).await;
            match &opened {
                Opened::Resumed { .. } => resumed += 1,
                Opened::Quarantined { .. } | Opened::Fresh => quarantined += 1,
                Opened::Outdated => {}
            }
            let rows = dump(&projection.handle(), &source).await;
            assert!(rows == right, "damage {nth}, {how}: wrong rows after {opened:?}");
            projection.stop().await;
        }
        assert!(resumed > 10 && quarantined > 40, "{resumed} resumed, {quarantined} rebuilt");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_met_by_a_page_is_never_shown_and_rebuilt_at_the_next_start() {
    let source = Memory::of(events(&fed()));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let right = dump(&projection.handle(), &source).await;
    let page = projection.handle().reader().page().unwrap();
    // A row that this program cannot read, as after a change of its shape without a new version of its view.
    let met = page.load::<Vec<String>>(
        crate::support::COUNTS,
        &projection::key::of(&crate::support::events::structure(0)),
    );
    assert!(matches!(met, Err(projection::StoreError::Damaged(_))), "{met:?}");
    drop(page);
    assert!(matches!(projection.handle().reader().page().err(), Some(projection::Unserved::Doubtful(_))));
    assert!(!projection.handle().ready().is_ready());
    projection.stop().await;
    let (projection, opened) = start(&source, directory.path()).await;
    assert!(matches!(opened, Opened::Quarantined { .. }), "{opened:?}");
    assert_eq!(dump(&projection.handle(), &source).await, right);
    projection.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_use_that_are_gone_are_not_taken_for_empty_ones() {
    let source = Memory::of(events(&fed()));
    let directory = tempfile::tempdir().unwrap();
    let (projection, _) = start(&source, directory.path()).await;
    let right = dump(&projection.handle(), &source).await;
    projection.stop().await;
    fs::remove_dir_all(directory.path().join("rows-1/store")).unwrap();
    let (projection, opened) = start(&source, directory.path()).await;
    assert!(matches!(opened, Opened::Quarantined { .. }), "{opened:?}");
    assert_eq!(dump(&projection.handle(), &source).await, right);
    projection.stop().await;
}
