//! The threat table names only proofs that exist.

use std::collections::BTreeSet;
use std::path::Path;

use tests::root;

/// How many threats the table answers: a line that disappears is noticed as well as one whose test does.
const THREATS: usize = 22;

/// The names of tests that a line gives: what stands in backticks and reads as a name of several words.
fn proofs(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|word| {
        word.matches('_').count() > 2 && word.chars().all(|sign| sign == '_' || sign.is_ascii_alphanumeric())
    })
}

/// Adds the functions under `folder` that stand below an attribute which makes a test of them.
fn gather(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the tree is readable") {
        let path = entry.expect("an entry of it too").path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            gather_from(&std::fs::read_to_string(&path).expect("sources are text"), found);
        }
    }
}

fn gather_from(source: &str, found: &mut BTreeSet<String>) {
    let mut attributed = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            attributed = true;
        } else if let Some((before, after)) = line.split_once("fn ")
            && (before.is_empty() || before == "async ")
        {
            // A test that is only run on demand proves nothing from day to day.
            if std::mem::take(&mut attributed) {
                found.extend(after.split('(').next().map(str::to_owned));
            }
        } else if line.starts_with("#[ignore") {
            attributed = false;
        }
    }
}

#[test]
fn every_proof_that_the_threat_table_names_is_a_test_of_the_tree() {
    let mut there = BTreeSet::new();
    gather(&root().join("crates"), &mut there);
    gather(&root().join("tests"), &mut there);
    let table =
        std::fs::read_to_string(root().join("deploy/SECURITY.md")).expect("the threat table is in the tree");
    let lines: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    assert_eq!(lines.len(), THREATS, "threats in deploy/SECURITY.md");
    let lost: Vec<&str> =
        lines.iter().flat_map(|line| proofs(line)).filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "deploy/SECURITY.md names tests that do not exist or are not run: {lost:?}");
    let silent: Vec<&&str> = lines
        .iter()
        .filter(|line| proofs(line).next().is_none() && line.trim_end().ends_with("| |"))
        .collect();
    assert!(silent.is_empty(), "lines with neither a proof nor what is open: {silent:?}");
}

#[test]
fn a_proof_that_is_renamed_or_not_run_is_found() {
    let mut found = BTreeSet::new();
    gather_from(
        "#[test]\nfn a_door_that_is_shut() {}\n#[tokio::test]\n#[ignore = \"long\"]\nasync fn a_door_that_is_open() {}\nfn a_door_of_no_test() {}",
        &mut found,
    );
    assert_eq!(found, BTreeSet::from(["a_door_that_is_shut".to_owned()]));
    let line = "| 1 | I | `sled` | `a_door_that_is_shut`, `tests/it/x_y_z_a.rs` | |";
    assert_eq!(proofs(line).collect::<Vec<_>>(), ["a_door_that_is_shut"]);
}
