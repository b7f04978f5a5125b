//! Bytes of any kind never break the reading of a file.

use cli::import::{Kind, Origin};
use proptest::prelude::*;

use super::organisation;

fn read(bytes: &[u8]) {
    for kind in Kind::ALL {
        // Taken or refused: both are fine, and nothing is lost of what was taken.
        if let Ok(planned) = kind.plan(bytes, None, &Origin::of(organisation())) {
            assert_eq!(planned.plan.lines() + planned.plan.refused.len(), planned.table.lines.len());
        }
    }
}

/// A cell as somebody may have typed it, or as something broke it.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-zéÀ0-9 /.,:|-]{0,12}",
        "\\PC{0,8}",
        Just("31/12/2026 25:61".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("2958465.999".to_owned()),
        Just("\"".to_owned()),
        Just("33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
        read(&[b"PK\x03\x04".as_slice(), &bytes].concat());
        read(&[b"<interfaceNuu versionInterface='02.00'>".as_slice(), &bytes].concat());
    }

    #[test]
    fn any_cells_are_taken_or_refused(rows in proptest::collection::vec(proptest::collection::vec(cell(), 0..40), 1..6)) {
        for kind in Kind::ALL {
            let headings: Vec<&str> = kind.columns().iter().map(|column| column.fr).collect();
            let lines: Vec<String> = rows.iter().map(|row| row.join(";")).collect();
            read(format!("{}\n{}\n", headings.join(";"), lines.join("\n")).as_bytes());
        }
    }
}
