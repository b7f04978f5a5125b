//! Where the libraries come from, and under which terms.

use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use tests::root;

/// Whatever is shipped with the program may be given on under one of these, with the text of its licence.
const LICENCES: [&str; 12] = [
    "Apache-2.0",
    "MIT",
    "0BSD",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Why a library may not be used; nothing if it may. `source` is null for what is ours.
fn objection(package: &Value) -> Option<String> {
    let name = format!("{} {}", package["name"], package["version"]);
    let source = package["source"].as_str();
    if source.is_some_and(|source| source != REGISTRY) {
        return Some(format!("{name} comes from {}", package["source"]));
    }
    let stated = package["license"].as_str().unwrap_or_default();
    let Ok(licence) = Expression::parse_mode(stated, ParseMode::LAX) else {
        return Some(format!("{name} says nothing of its licence: « {stated} »"));
    };
    // An exception to a licence only adds to what may be done.
    let may = licence
        .evaluate(|required| required.license.id().is_some_and(|licence| LICENCES.contains(&licence.name)));
    (!may).then(|| format!("{name} is under {stated}"))
}

fn run(variable: &str, program: &str, arguments: &[&str]) -> Vec<u8> {
    let program = std::env::var_os(variable).unwrap_or_else(|| program.into());
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn every_library_comes_from_the_registry_under_a_licence_that_lets_it_be_shipped() {
    let about = run("RUSTC", "rustc", &["-vV"]);
    let about = String::from_utf8(about).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // What other systems need was not fetched.
    let asked = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    let metadata: Value = serde_json::from_slice(&run("CARGO", "cargo", &asked)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let objections: Vec<_> = packages.iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{objections:#?}");
}

#[test]
fn a_library_from_elsewhere_or_under_other_terms_is_noticed() {
    let package = |source: Value, licence: Value| {
        objection(&serde_json::json!({ "name": "x", "version": "1", "source": source, "license": licence }))
    };
    let registry = || Value::from(REGISTRY);
    for good in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "Apache-2.0 WITH LLVM-exception", "(MIT OR Zlib) AND ISC"]
    {
        assert_eq!(package(registry(), good.into()), None, "{good}");
    }
    for bad in ["GPL-3.0", "AGPL-3.0-only", "MIT AND GPL-3.0", "LicenseRef-own", "", "freeware"] {
        assert!(package(registry(), bad.into()).is_some(), "{bad}");
    }
    assert!(package(registry(), Value::Null).is_some());
    assert!(package("git+https://example.org/x".into(), "MIT".into()).is_some());
    assert_eq!(package(Value::Null, "Apache-2.0".into()), None);
}
