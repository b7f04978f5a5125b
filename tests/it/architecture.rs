//! The dependency map of the crates, held by a test over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::root;

/// What each crate depends on, tests and benches of its own left out.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The five services, which meet in the journal and never import each other.
const SERVICES: [&str; 5] = ["intake", "insertion", "landlord", "supervision", "feed"];

/// Ours that a crate may import.
fn allowed(of: &str) -> Option<&'static [&'static str]> {
    let map: &[(&str, &[&str])] = &[
        ("domain", &[]),
        ("journal", &["domain"]),
        ("projection", &["domain", "journal"]),
        ("service", &[]),
        ("ui", &["service"]),
        ("desk", &["domain", "journal", "projection", "service"]),
        (
            "cli",
            &[
                "domain",
                "journal",
                "projection",
                "service",
                "ui",
                "desk",
                "intake",
                "insertion",
                "landlord",
                "supervision",
                "feed",
            ],
        ),
        (
            "tests",
            &[
                "domain",
                "journal",
                "projection",
                "service",
                "ui",
                "desk",
                "intake",
                "insertion",
                "landlord",
                "supervision",
                "feed",
                "cli",
            ],
        ),
    ];
    if SERVICES.contains(&of) {
        return Some(&["domain", "journal", "projection", "service", "ui", "desk"]);
    }
    map.iter().find(|(name, _)| *name == of).map(|(_, ours)| *ours)
}

/// Libraries that only some crates may touch. A name that ends in `*` stands for all that begin so.
const OWNED: [(&str, &[&str]); 25] = [
    ("async-nats", &["journal"]),
    ("chacha20poly1305", &["journal"]),
    // The keys of the journal; what is sent to partners' servers is signed.
    ("hmac", &["journal", "feed"]),
    // The digests of the journal, of what an identity provider says, of what people sign in with; those signatures.
    ("sha2", &["journal", "service", "desk", "feed"]),
    ("ed25519-dalek", &["journal"]),
    ("nkeys", &["journal"]),
    ("data-encoding", &["journal", "service", "tests"]),
    ("argon2", &["service"]),
    ("jsonwebtoken", &["service"]),
    // People in tests have a telephone that shows codes.
    ("ring", &["service", "tests"]),
    ("rustls", &["service", "cli"]),
    ("tokio-rustls", &["service"]),
    ("sled", &["projection"]),
    ("config", &["service"]),
    ("tracing-subscriber", &["service"]),
    ("tracing-log", &["service"]),
    ("axum", &["service"]),
    // The import of the program speaks HTTP as a client, over TLS; so does what is sent to partners' servers.
    ("hyper*", &["service", "cli", "feed"]),
    ("tower*", &["service"]),
    ("utoipa", &["service"]),
    ("metrics-exporter*", &["service"]),
    ("askama*", &["ui"]),
    ("clap*", &["cli"]),
    ("indicatif", &["cli"]),
    ("reqwest", &["cli", "tests", "feed"]),
];

/// What the rules of the domain are made with: no input, no output, no clock, no randomness.
const PURE: [&str; 12] = [
    "cel",
    "jiff",
    "rust_decimal",
    "schemars",
    "serde",
    "serde_json",
    "strsim",
    "thiserror",
    "toml",
    "unicode-normalization",
    "uuid",
    "domain",
];

/// Every edge that the map does not know, in words.
fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    let ours: BTreeSet<&str> = graph.keys().map(String::as_str).collect();
    for (of, dependencies) in graph {
        let Some(allowed) = allowed(of) else {
            found.push(format!("{of} is not on the map"));
            continue;
        };
        for on in dependencies {
            if ours.contains(on.as_str()) && !allowed.contains(&on.as_str()) {
                found.push(format!("{of} imports {on}"));
            }
            let owner = OWNED.iter().find(|(library, _)| match library.strip_suffix('*') {
                Some(beginning) => on.starts_with(beginning),
                None => on == library,
            });
            if let Some((_, owners)) = owner
                && !owners.contains(&of.as_str())
            {
                found.push(format!("{of} touches {on}, which belongs to {}", owners.join(", ")));
            }
            if of == "domain" && !PURE.contains(&on.as_str()) {
                found.push(format!("domain is pure and does not use {on}"));
            }
        }
    }
    found
}

/// The graph of this workspace.
fn graph() -> Graph {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let output = Command::new(cargo).args(asked).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let crates = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let name = text(&package["name"]);
        // Tests may use anything; this package is all tests.
        let counts = |dependency: &&Value| dependency["kind"].is_null();
        let dependencies = package["dependencies"].as_array().unwrap().iter().filter(counts);
        (name, dependencies.map(|dependency| text(&dependency["name"])).collect())
    });
    crates.collect()
}

#[test]
fn the_crates_depend_on_each_other_as_the_map_says() {
    let graph = graph();
    assert!(graph.len() >= 12 && graph.contains_key("cli"), "{:?}", graph.keys());
    assert_eq!(violations(&graph), [""; 0]);
}

#[test]
fn no_crate_touches_the_library_of_another_even_in_its_tests() {
    // The broker's own client and the store's own trees are for the journal's and the projection's tests alone.
    let manifest =
        |of: &str| std::fs::read_to_string(root().join("crates").join(of).join("Cargo.toml")).unwrap();
    for of in graph().keys().filter(|of| !["tests", "journal", "projection"].contains(&of.as_str())) {
        for library in ["async-nats", "sled", "chacha20poly1305"] {
            assert!(!manifest(of).contains(&format!("{library}.workspace")), "{of} names {library}");
        }
    }
}

#[test]
fn a_wrong_edge_is_seen() {
    let edges = |edges: &[(&str, &[&str])]| -> Graph {
        let named = |(of, on): &(&str, &[&str])| {
            ((*of).to_owned(), on.iter().map(|name| (*name).to_owned()).collect())
        };
        edges.iter().map(named).collect()
    };
    let right = edges(&[
        ("domain", &["serde"]),
        ("journal", &["domain", "async-nats"]),
        ("projection", &["journal", "sled"]),
        ("service", &["axum"]),
        ("desk", &["domain", "journal", "projection", "service"]),
        ("intake", &["desk", "service"]),
        ("landlord", &["desk"]),
        ("cli", &["intake", "landlord", "clap"]),
    ]);
    assert_eq!(violations(&right), [""; 0]);
    for (of, on, said) in [
        ("intake", "landlord", "intake imports landlord"),
        ("service", "domain", "service imports domain"),
        ("desk", "intake", "desk imports intake"),
        ("journal", "projection", "journal imports projection"),
        ("domain", "tokio", "domain is pure and does not use tokio"),
        ("projection", "async-nats", "projection touches async-nats, which belongs to journal"),
        ("intake", "sled", "intake touches sled, which belongs to projection"),
        ("desk", "axum", "desk touches axum, which belongs to service"),
        ("journal", "clap_complete", "journal touches clap_complete, which belongs to cli"),
        ("utils", "serde", "utils is not on the map"),
    ] {
        let mut wrong = right.clone();
        wrong.entry(of.to_owned()).or_default().insert(on.to_owned());
        assert_eq!(violations(&wrong), [said]);
    }
}

/// Where a service serves something to whoever asks: signing in, answering an invitation, what developers build on. A route
/// that states nothing of who may ask does not start, and there is no other way to add one.
const OPEN_TO_ALL: [(&str, usize); 4] = [
    ("feed/src/documents/mod.rs", 1),
    ("supervision/src/accounts/enrolment.rs", 2),
    ("supervision/src/accounts/provider.rs", 2),
    ("supervision/src/accounts/sign_in.rs", 1),
];

/// The crates whose sources answer requests.
const ANSWERING: [&str; 7] = ["desk", "intake", "insertion", "landlord", "supervision", "feed", "cli"];

/// The sources of those who answer in which this stands, and how many times in each.
fn sources_with(wanted: &str) -> BTreeMap<String, usize> {
    fn look(folder: &Path, wanted: &str, found: &mut BTreeMap<String, usize>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, wanted, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let count = std::fs::read_to_string(&path).unwrap().matches(wanted).count();
                let name = path.strip_prefix(root().join("crates")).unwrap().display().to_string();
                found.extend((count > 0).then_some((name, count)));
            }
        }
    }
    let mut found = BTreeMap::new();
    for name in ANSWERING {
        look(&root().join("crates").join(name).join("src"), wanted, &mut found);
    }
    found
}

#[test]
fn a_household_of_a_path_is_the_one_that_its_asker_means() {
    let found = sources_with("Path<HouseholdId>");
    assert!(found.is_empty(), "take desk::Meant: landlords call households by references: {found:?}");
}

#[test]
fn only_signing_in_invitations_and_what_developers_build_on_are_open_to_whoever_asks() {
    let found = sources_with(".open_to_all()");
    let known: BTreeMap<_, _> =
        OPEN_TO_ALL.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(found, known, "whatever is new here is for nobody before it says whom it is for");
}
