//! The minimisation matrix, cell by cell, on the file of a household in which every group says something.

use std::collections::{BTreeMap, BTreeSet};

use domain::decide::registration::{NoteSafety, Register};
use domain::household::composition::Safety;
use domain::household::request::{NeedRecord, ResourceBracket, Since};
use domain::id::{HouseholdId, PlaceId};
use domain::personal::Personal;
use domain::rights::{Group, Level, Matrix, Row, Shown, mask_file};
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::scenario::{World, code, gironde, member};

use super::fields::everything;

/// A household that lived through everything, one of its own places, and one of somebody else's.
struct Full {
    file: Value,
    own: PlaceId,
    /// The events that began the stay of years ago, which was somebody else's, and the one in a place of one's own.
    began: [String; 2],
    now: Timestamp,
}

fn sealed<T>(is: T) -> Personal<Since<T>> {
    Personal::Known(Since { is, since: None })
}

fn full() -> Full {
    let mut w = World::at("2024-03-02T09:00");
    let household = HouseholdId::created_by(gironde(), w.upcoming());
    let mut woman = member("woman 32", true, w.today());
    woman.identity.last_name = "IDENTITY".to_owned();
    woman.residence = Some(code("temporary_card"));
    let register = Register {
        territory: gironde(),
        members: vec![woman],
        expected: None,
        reachable_through_structure: false,
        at: None,
        note: None,
        duplicate_reviewed: None,
    };
    w.does(household, register);
    let safety = Safety { exclusion_zones: vec![code("commune:33281")], note: Some("VIOLENCE".to_owned()) };
    w.does(household, NoteSafety { safety });
    let old = w.place(Chrs, 2);
    let stay = w.staying_directly(household, old);
    w.pass(30.days());
    w.ends(household, stay);
    w.pass((24 * 600).hours());
    let own = w.vacancy(Chrs, 2);
    w.staying(household, own);
    w.applies(household);
    w.dalo(household);
    let dwelling = w.vacancy(SocialDwelling, 4);
    w.designates(dwelling, &[household]);
    let mut is = w.household_of(household).clone();
    for request in is.requests.values_mut() {
        request.file.reason = Personal::Known(code("domestic_violence"));
        request.file.need = NeedRecord {
            wheelchair: true,
            step_free: false,
            animals: [].into(),
            violence_dedicated: sealed(true),
            justice_measure: sealed(true),
            resources: sealed(Some(ResourceBracket::From600)),
        };
    }
    let began = |place| is.stays.values().find(|stay| stay.place == place).unwrap().started_by.to_string();
    let began = [began(old), began(own)];
    Full { file: serde_json::to_value(&is).unwrap(), own, began, now: w.now }
}

impl Full {
    fn shown(&self, row: &Row) -> Value {
        let own = |place: &str| place == self.own.to_string();
        mask_file(Matrix::shipped(), row, self.file.clone(), &own, "REFERENCE", self.now).value
    }

    /// What a row must show of a group at a level: texts that are there, and texts that are not.
    fn expected(&self, group: Group, level: Level) -> (Vec<String>, Vec<String>) {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let [old, current] = self.began.clone();
        let all = match group {
            Group::Id => own(&["IDENTITY"]),
            Group::Comp => own(&["main_applicant", "\"born\""]),
            Group::Need => own(&["\"wheelchair\":true"]),
            Group::Res => own(&["from600"]),
            Group::Adm => own(&["temporary_card"]),
            Group::Soc => own(&["domestic_violence"]),
            Group::Viol => own(&["VIOLENCE", "commune:33281"]),
            Group::Just => own(&["\"justice_measure\":{\"personal\":{\"is\":true}}"]),
            Group::Hist => vec![old.clone(), current.clone(), "on_the_street".to_owned()],
            Group::Sne => own(&["\"filed_on\"", "\"decided_on\""]),
            Group::Path => own(&["\"seniority\"", "\"proposed\""]),
            Group::Let => own(&["\"vacancy\""]),
        };
        match level {
            Level::None | Level::Note => (Vec::new(), all),
            Level::Read | Level::Write | Level::Bracket => (all, Vec::new()),
            Level::Flag => (vec!["\"flagged\":true".to_owned()], all),
            Level::YesNo => (vec!["\"regular\":true".to_owned()], all),
            Level::Pseudonym => (vec!["REFERENCE".to_owned()], all),
            Level::Own => match group {
                Group::Hist => (vec![current], vec![old, "on_the_street".to_owned()]),
                Group::Path => (vec!["\"proposed\"".to_owned()], vec!["\"seniority\"".to_owned()]),
                Group::Id
                | Group::Comp
                | Group::Need
                | Group::Res
                | Group::Adm
                | Group::Soc
                | Group::Viol
                | Group::Just
                | Group::Sne
                | Group::Let => (Vec::new(), all),
            },
            Level::Recent => (vec![current], vec![old]),
            Level::Zones => (own(&["commune:33281"]), own(&["VIOLENCE"])),
        }
    }

    /// Whether what `row` shows is what each of `cells` says, and nothing of another cell's.
    fn check(&self, row: &Row, cells: &BTreeMap<Group, Level>) -> Result<(), String> {
        let shown = self.shown(row).to_string();
        for (group, level) in cells {
            let (there, not_there) = self.expected(*group, *level);
            for text in there {
                if !shown.contains(&text) {
                    return Err(format!("{group:?} at {level:?}: {text} is missing in {shown}"));
                }
            }
            for text in not_there {
                if shown.contains(&text) {
                    return Err(format!("{group:?} at {level:?}: {text} is shown in {shown}"));
                }
            }
        }
        Ok(())
    }
}

/// The matrix as the domain brief has it (§1.3), written down a second time: whoever changes a cell changes both.
const EXPECTED: &[(&str, [Level; 12])] = {
    use Level::*;
    //                    id         comp   need   res      adm    soc    viol   just   hist    sne    path   let
    &[
        ("referrer", [Write, Write, Write, Write, Write, Write, Write, Write, Read, Write, Write, Read]),
        ("siao_115", [Read, Read, Write, None, None, None, Flag, None, Recent, None, Write, None]),
        ("siao", [Read, Read, Write, Read, Read, Read, Zones, Flag, Read, Read, Write, Read]),
        ("provider_before", [Pseudonym, Read, Read, Bracket, YesNo, Note, None, None, None, None, Own, None]),
        ("provider_after", [Read, Read, Read, Bracket, Read, Note, Read, Flag, Own, Read, Own, None]),
        ("landlord", [Read, Read, Read, Bracket, YesNo, None, Flag, None, None, Read, None, Own]),
        ("committee", [Read, Read, Read, Bracket, None, None, None, None, None, Read, None, Own]),
        ("prefecture", [Read, Read, Read, Bracket, Read, None, Flag, None, Read, Write, Read, Read]),
        ("pathway", [None, Read, Read, None, None, None, None, None, Read, None, Read, Read]),
    ]
};

#[test]
fn the_file_of_rights_is_the_matrix_of_the_domain_cell_by_cell() {
    let file: BTreeMap<_, _> = Matrix::shipped().rows().map(|(name, _, row)| (name, row)).collect();
    let names: BTreeSet<_> = EXPECTED.iter().map(|(name, _)| *name).collect();
    assert_eq!(file.keys().copied().collect::<BTreeSet<_>>(), names);
    for (name, levels) in EXPECTED {
        for (group, level) in Group::ALL.into_iter().zip(levels) {
            assert_eq!(file[name].level(group), *level, "{name}, {group:?}");
        }
    }
}

#[test]
fn each_cell_shows_what_its_level_says_and_nothing_more() {
    let full = full();
    let mut cells = 0;
    for (name, levels) in EXPECTED {
        let row = Matrix::shipped().row(name).unwrap();
        let expected: BTreeMap<_, _> = Group::ALL.into_iter().zip(levels.iter().copied()).collect();
        if let Err(why) = full.check(row, &expected) {
            panic!("{name}: {why}");
        }
        cells += expected.len();
    }
    assert_eq!(cells, 108);
}

/// A test that cannot fail proves nothing: each cell is made wrong once, and is found.
#[test]
fn a_wrong_cell_is_found_wherever_it_is() {
    let full = full();
    for (name, levels) in EXPECTED {
        let expected: BTreeMap<_, _> = Group::ALL.into_iter().zip(levels.iter().copied()).collect();
        for (group, level) in &expected {
            let wrong = if *level >= Level::Own { Level::None } else { Level::Read };
            if *group == Group::Res && *level == Level::Bracket {
                // All that is recorded of resources is a bracket already.
                continue;
            }
            let row = Matrix::shipped().row(name).unwrap().clone().with(*group, wrong);
            // Nothing of candidacies is one's own here: there, to see nothing is right.
            let unseen = *group == Group::Let && *level == Level::Own;
            assert_eq!(
                full.check(&row, &expected).is_ok(),
                unseen,
                "{name}, {group:?}: {level:?} → {wrong:?}"
            );
        }
    }
}

/// A flag tells whether there is something where that can be read, and nothing where it cannot.
#[test]
fn a_flag_of_a_sealed_need_is_up_down_or_not_to_be_told() {
    let siao = Matrix::shipped().row("siao").unwrap();
    let flag = |measure: Value| {
        let file = json!({ "requests": { "r": { "file": { "need": { "justice_measure": measure } } } } });
        let shown = mask_file(Matrix::shipped(), siao, file, &|_| false, "", Timestamp::UNIX_EPOCH).value;
        shown["requests"]["r"]["file"]["need"]["justice_measure"]["flagged"].clone()
    };
    let known = |is: bool| flag(serde_json::to_value(sealed(is)).unwrap());
    assert_eq!((known(true), known(false)), (true.into(), false.into()));
    for unreadable in [json!({ "sealed": { "v": 1 } }), json!({ "erased": true })] {
        assert_eq!(flag(unreadable), Value::Null);
    }
}

/// What a row shows of a file in which the reader's own place is called `mine`.
fn of(file: Value, row: &Row, now: Timestamp) -> Shown {
    mask_file(Matrix::shipped(), row, file, &|place| place == "mine", "REFERENCE", now)
}

#[test]
fn a_flag_is_up_for_whatever_was_written_and_down_for_what_says_nothing() {
    let flags = Row::nothing().with(Group::Viol, Level::Flag);
    for (safety, up) in [
        (json!(null), false),
        (json!(false), false),
        (json!(true), true),
        (json!("threats"), true),
        (json!(3), true),
        (json!([]), false),
        (json!(["commune:33281"]), true),
        (json!({}), false),
        (json!({ "note": "threats" }), true),
        (json!({ "exclusion_zones": [], "note": "threats" }), true),
        // What was noted and lifted since.
        (json!({ "event": "e", "schema": "s/1", "value": { "personal": { "exclusion_zones": [] } } }), false),
        (
            json!({ "event": "e", "schema": "s/1", "value": { "personal": { "exclusion_zones": ["a"] } } }),
            true,
        ),
        (json!({ "is": [] }), false),
        (json!({ "is": true, "since": "2026-03-02T09:00:00Z" }), true),
    ] {
        let shown = of(json!({ "safety": safety }), &flags, Timestamp::UNIX_EPOCH).value;
        assert_eq!(shown, json!({ "safety": { "withheld": "viol", "flagged": up } }), "{safety}");
    }
}

#[test]
fn a_right_of_residence_is_regular_or_not_or_nobody_can_say() {
    let yes_no = Row::nothing().with(Group::Adm, Level::YesNo);
    for (residence, regular) in [
        (json!("temporary_card"), json!(true)),
        (json!("irregular"), json!(false)),
        (json!("not_stated"), json!(null)),
        (json!(null), json!(null)),
    ] {
        let file = json!({ "composition": { "members": { "p": { "residence": residence } } } });
        let shown = of(file, &yes_no, Timestamp::UNIX_EPOCH).value;
        let told = json!({ "withheld": "adm", "regular": regular });
        assert_eq!(shown["composition"]["members"]["p"]["residence"], told, "{residence}");
    }
}

#[test]
fn a_stay_is_recent_for_a_year_of_nights_after_its_end() {
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let over_for = |past| json!({ "situation": { "is": "ended", "at": now - past } });
    let year = SignedDuration::from_hours(366 * 24);
    let stays = json!({
        "running": { "situation": { "is": "present" } },
        "last_month": over_for(SignedDuration::from_hours(30 * 24)),
        "a_year_ago": over_for(year),
        "before": over_for(year + SignedDuration::from_secs(1)),
    });
    let recent = Row::nothing().with(Group::Hist, Level::Recent);
    let shown = of(json!({ "stays": stays }), &recent, now).value;
    let stays: BTreeSet<_> = shown["stays"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(stays, ["a_year_ago", "last_month", "running"].into());
}

/// A field that names one of the reader's places is not one of the things that concern them.
#[test]
fn what_concerns_one_s_own_places_is_told_thing_by_thing() {
    let file = json!({
        "referrals": { "a": { "place": "mine" }, "b": { "place": "theirs" }, "c": {} },
        "registration": { "place": "mine" },
        "followers": [{ "place": "mine" }],
    });
    let own = Row::nothing().with(Group::Path, Level::Own);
    let shown = of(file, &own, Timestamp::UNIX_EPOCH);
    assert_eq!(shown.value, json!({ "referrals": { "a": { "place": "mine" } } }));
    assert_eq!(shown.groups, [Group::Path].into());
}

#[test]
fn who_sees_everything_sees_the_file_as_it_is() {
    let full = full();
    assert_eq!(full.shown(&everything()), full.file);
}
