//! Processes killed while they write.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use projection::Opened;

use crate::support::events::event;
use crate::support::{Fed, Memory, PATIENCE, built, dump, start};

/// How often a process is killed in each of the two ways of writing.
const KILLS: usize = 12;

/// Where the process that is killed works.
const DIRECTORY: &str = "PROJECTION_TEST_DIRECTORY";

/// How many events there are before the process writes them one by one.
const BEFORE: &str = "PROJECTION_TEST_BEFORE";

/// Whether the process writes nothing beyond those.
const ONLY_BUILDS: &str = "PROJECTION_TEST_ONLY_BUILDS";

fn fed(position: u64) -> Fed {
    let n = u8::try_from(position * 7 % 60).unwrap();
    match position % 4 {
        0 => Fed::Open(n),
        1 => Fed::Rename(n, n / 2),
        2 | 3 => Fed::Consent(n, n % 5),
        _ => Fed::Damaged(n),
    }
}

fn source(last: u64) -> Memory {
    Memory::of((1..=last).map(|position| event(fed(position), position)).collect())
}

/// Not a test: the process that is killed. Writes until then, telling the positions of its rows.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the tests below"]
async fn a_process_that_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let before = std::env::var(BEFORE).unwrap().parse().unwrap();
    let source = source(before);
    let (projection, _) = start(&source, Path::new(&directory)).await;
    let handle = projection.handle();
    if std::env::var_os(ONLY_BUILDS).is_some() {
        std::future::pending::<()>().await;
    }
    for position in before + 1.. {
        source.add(event(fed(position), position));
        println!("position {}", handle.position());
        if position % 16 == 0 {
            assert!(handle.reached(position, PATIENCE).await);
        }
    }
}

fn writing(directory: &Path, before: u64) -> Child {
    process(directory, before).spawn().unwrap()
}

fn process(directory: &Path, before: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "sudden_death::a_process_that_writes_until_it_is_killed",
        ])
        .env(DIRECTORY, directory)
        .env(BEFORE, before.to_string())
        .stdout(Stdio::piped());
    command
}

/// Kills the process once its rows are past a position.
fn kill_behind(mut child: Child, position: u64) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let positions =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("position ")?.parse().ok());
    let reached = positions.into_iter().find(|reached: &u64| *reached >= position);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached.is_some(), "the process ended by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_writes_leaves_rows_and_checkpoint_that_agree() {
    let directory = tempfile::tempdir().unwrap();
    let mut known = 0;
    for kill in 0..KILLS {
        let past = known + 5 + 37 * kill as u64;
        let child = writing(directory.path(), known);
        tokio::task::block_in_place(|| kill_behind(child, past));
        // Nothing is handed out, so what is found is what was left.
        let (projection, opened) = start(&Memory::silent(u64::MAX), directory.path()).await;
        let Opened::Resumed { position } = opened else { panic!("kill {kill}: {opened:?}") };
        assert!(position >= known, "kill {kill}: {position} is before {known}");
        known = position;
        let rows = projection.handle().reader().page().unwrap().dump().unwrap();
        assert!(rows == built(&source(known)).await, "kill {kill}: wrong rows at position {known}");
        projection.stop().await;
    }
    assert!(known > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_builds_leaves_nothing_that_is_shown_half() {
    let last = 6_000;
    let right = built(&source(last)).await;
    for kill in 0..KILLS / 2 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = process(directory.path(), last).env(ONLY_BUILDS, "1").spawn().unwrap();
        // Its files grow while it builds; there is nothing to tell before it is done.
        let grown = 1 << (16 + kill);
        let (files, built) = (directory.path().join("rows-1/store/db"), directory.path().join("current"));
        while files.metadata().map_or(0, |file| file.len()) < grown
            && !built.exists()
            && child.try_wait().unwrap().is_none()
        {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (projection, _) = start(&source(last), directory.path()).await;
        assert!(dump(&projection.handle(), &source(last)).await == right, "kill {kill}: wrong rows");
        projection.stop().await;
    }
}
