//! Every field belongs to a group: what nobody classified is shown to nobody, and found here.

use std::collections::BTreeSet;

use domain::decide::catalogue;
use domain::rights::{Action, Group, Level, Matrix, Row, mask_event};
use serde_json::json;

use crate::scenario::shapes::lines;

/// A row that shows all there is.
pub(crate) fn everything() -> Row {
    Group::ALL.into_iter().fold(Row::nothing(), |row, group| row.with(group, Level::Read))
}

#[test]
fn every_event_ever_written_on_a_household_is_classified() {
    for line in lines("household") {
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let body = line.body.clone();
        let shown = mask_event(Matrix::shipped(), &everything(), &line.kind, body, None, &|_| true, now);
        let shown = shown.unwrap_or_else(|| panic!("{} is shown to nobody", line.kind));
        assert_eq!(shown.unclassified, BTreeSet::new(), "{}", line.kind);
        assert_eq!(shown.value, line.body, "who sees everything sees {}", line.kind);
    }
}

#[test]
fn every_command_can_be_asked_by_somebody_or_is_the_surface_s_own() {
    // What nobody asks by name: it is asked by proving who one is, by the instance that has tried, or by whoever watches
    // over readers.
    let own = [
        "user.enrol",
        "user.link-identity",
        "user.sign-in",
        "user.switch-profile",
        "user.change-password",
        "household.certify-erasure",
        "organisation.notice-bulk-reading",
    ];
    for kind in catalogue() {
        let action = Action::command(kind.ledger, kind.name);
        let granted = Matrix::shipped().knows(action);
        assert_eq!(granted, !own.contains(&action.code().as_str()), "who may {}?", action.code());
    }
}

#[test]
fn no_action_of_the_file_is_misspelt() {
    let commands: BTreeSet<String> =
        catalogue().map(|kind| Action::command(kind.ledger, kind.name).code()).collect();
    for role in domain::rights::Role::ALL {
        for action in &Matrix::shipped().role(role).unwrap().actions {
            let reads = domain::rights::READS.iter().any(|read| read.code() == *action);
            assert!(reads || commands.contains(action), "{role} may {action}, which is nothing");
        }
    }
}

/// Such a read is recorded before it is answered.
#[test]
fn to_read_a_name_a_number_or_what_somebody_lived_through_is_to_read_of_somebody() {
    let identify: Vec<_> = Group::ALL.into_iter().filter(|group| group.identifies()).collect();
    assert_eq!(identify, [Group::Id, Group::Soc, Group::Viol, Group::Just, Group::Sne]);
}

#[test]
fn a_group_is_called_in_an_answer_as_in_the_file_of_rights() {
    for group in Group::ALL {
        assert_eq!(serde_json::from_value::<Group>(json!(group.code())).unwrap(), group);
    }
}

#[test]
fn a_file_of_rights_that_leaves_something_out_is_refused() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rights.toml"));
    assert!(Matrix::read(text).is_ok());
    for (from, to, why) in [
        ("viol = \"flag\"\n", "", "says nothing of Viol"),
        ("adm = \"yes_no\"", "adm = \"zones\"", "cannot show Adm"),
        ("@read-file", "@read-nothing", "names @read-nothing"),
        ("rows = { designated = \"committee\" }", "rows = { designated = \"board\" }", "names board"),
        ("[roles.observer_national]", "[roles.observer_regional]", "unknown variant"),
    ] {
        let error = Matrix::read(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(why), "{from} → {to}: {error}");
    }
}

#[test]
fn an_event_that_nobody_classified_shows_nothing() {
    let now = "2026-03-02T09:00:00Z".parse().unwrap();
    let body = json!({ "name": "Mme Secret" });
    let shown =
        mask_event(Matrix::shipped(), &everything(), "horoscope.read", body, None, &|_| true, now).unwrap();
    assert_eq!(shown.unclassified, ["horoscope.read".to_owned()].into());
    assert!(!shown.value.to_string().contains("Secret"));
}
