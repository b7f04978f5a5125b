//! The threat table and the table of the ASVS name only proofs that exist.

use std::collections::BTreeSet;
use std::path::Path;

use tests::root;

/// How many threats the table answers: a line that disappears is noticed as well as one whose test does.
const THREATS: usize = 28;

/// The requirements of the ASVS that shape the code: each has a line.
const REQUIREMENTS: &str = "3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.5.1 3.5.2 3.5.3 \
    6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3 6.8.1 6.8.2 6.8.3 6.8.4 \
    7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 8.1.2 8.2.3 8.4.1 11.1.1 11.2.2 \
    13.1.1 13.2.1 13.2.2 13.2.3 13.2.4 13.2.5 13.3.1 13.3.2 13.4.1 13.4.2 13.4.3 13.4.4 13.4.5 \
    14.1.1 14.1.2 14.2.1 14.3.1 14.3.2 14.3.3 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 \
    16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3";

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

/// The lines of a table whose first column is a number; each names tests of the tree, or says what is open.
fn proven_lines(table: &str) -> Vec<String> {
    let mut there = BTreeSet::new();
    gather(&root().join("crates"), &mut there);
    gather(&root().join("tests"), &mut there);
    let text = std::fs::read_to_string(root().join(table)).expect("the table is in the tree");
    let lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    let lost: Vec<&str> =
        lines.iter().flat_map(|line| proofs(line)).filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "{table} names tests that do not exist or are not run: {lost:?}");
    let silent: Vec<&&str> = lines
        .iter()
        .filter(|line| proofs(line).next().is_none() && line.trim_end().ends_with("| |"))
        .collect();
    assert!(silent.is_empty(), "lines of {table} with neither a proof nor what is open: {silent:?}");
    lines.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_proof_that_the_threat_table_names_is_a_test_of_the_tree() {
    assert_eq!(proven_lines("deploy/SECURITY.md").len(), THREATS, "threats in deploy/SECURITY.md");
}

#[test]
fn every_requirement_of_the_asvs_that_shapes_the_code_has_a_line_and_its_proofs_are_tests_of_the_tree() {
    let lines = proven_lines("deploy/ASVS.md");
    let numbers: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(numbers, REQUIREMENTS.split_whitespace().collect::<Vec<_>>(), "each once, in order");
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
