//! What is handed out to be filled in: in step with the program, and fit to be imported as it is.

use std::path::PathBuf;

use cli::import::{Kind, template};

use super::{counts, faults, import, memory};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("templates")
}

fn committed(name: &str, generated: &str) {
    let path = folder().join(name);
    if std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == generated,
        "write {name} again with CONTINUUM_WRITE_GENERATED=1 cargo test -p cli --test import"
    );
}

#[test]
fn the_templates_and_their_description_are_in_step_with_the_program() {
    committed("README.md", &template::readme());
    for kind in Kind::ALL {
        if let Some(text) = template::template(kind) {
            committed(&format!("{}.csv", kind.name()), &text);
        }
    }
}

#[tokio::test]
async fn a_template_is_a_file_that_can_be_imported() {
    let instance = memory();
    for kind in [Kind::Structures, Kind::Places, Kind::Households, Kind::Stays, Kind::Applications] {
        let report = import(kind, &template::template(kind).unwrap(), &instance).await;
        assert_eq!(counts(&report), (1, 0, 0), "{} {:?}", kind.name(), faults(&report));
    }
    assert_eq!(template::template(Kind::Sne), None);
}

#[test]
fn every_heading_of_a_kind_means_one_column() {
    for kind in Kind::ALL {
        let mut seen = std::collections::HashMap::new();
        for column in kind.columns() {
            for name in column.names() {
                let folded: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
                let first = *seen.entry(folded).or_insert(column.id);
                assert_eq!(first, column.id, "« {name} » of {}", kind.name());
            }
        }
    }
}
