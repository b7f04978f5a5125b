//! A request of the national social-housing register.

use cli::import::{Kind, Origin};
use domain::household::composition::Person;
use domain::ledger::State;
use domain::reference::MemberLink;

use super::{counts, faults, import, memory, organisation, plan};

const REQUESTS: &str = include_str!("sne_requests.xml");

#[tokio::test]
async fn number_co_holders_dependants_and_children_appear() {
    let instance = memory();
    let report = import(Kind::Sne, REQUESTS, &instance).await;
    assert_eq!(counts(&report), (1, 0, 2), "{:#?}", faults(&report));
    let ledgers = instance.ledgers();
    let household = ledgers.iter().find_map(|(_, state)| match state {
        State::Household(is) if is.composition.members.len() > 1 => Some(is),
        State::Household(_) | State::Place(_) | State::Structure(_) => None,
    });
    let household = household.unwrap();
    let mut links: Vec<MemberLink> =
        household.composition.members.values().map(|person| person.link).collect();
    links.sort_unstable();
    let mut expected = [
        MemberLink::main_applicant(),
        MemberLink::spouse_or_partner(),
        MemberLink::child(),
        MemberLink::parent(),
        MemberLink::child(),
    ];
    expected.sort_unstable();
    assert_eq!(links, expected, "the child who visits is not a member");
    let born = household.composition.expected.as_ref().unwrap();
    assert_eq!((born.children, born.due.to_string().as_str(), born.certified), (2, "2026-12-24", false));
    let application = household.live_application().unwrap().1;
    assert_eq!(application.number.unwrap().to_string(), "0330326000042G0001");
    assert_eq!((application.filed_on.to_string().as_str(), application.communes.len()), ("2026-03-15", 2));
    let known = |person: &Person| person.identity.as_ref().unwrap().value.known().cloned().unwrap();
    let applicant =
        household.composition.members.values().find(|person| person.link == MemberLink::main_applicant());
    let identity = known(applicant.unwrap());
    assert_eq!(identity.birth_name.as_deref(), Some("Échantillon"));
    assert_eq!(identity.address.as_deref(), Some("7 rue de l'Invention 33000 Bordeaux"));
    assert_eq!(applicant.unwrap().residence.unwrap().code(), "french");
}

#[test]
fn what_is_told_names_nobody_and_gives_a_bracket_for_resources() {
    let told = plan(Kind::Sne, REQUESTS).told;
    assert_eq!(
        told[0],
        "demande 1 : 5 dans le ménage, 1 en cotitulaire, 2 à charge, 2 à naître ; ressources mensuelles : De 1 200 à 1 799 € ; logement actuel : Hébergé chez la famille"
    );
}

#[tokio::test]
async fn a_request_that_is_wrong_says_in_which_element() {
    let report = import(Kind::Sne, REQUESTS, &memory()).await;
    let faults = faults(&report);
    let columns: Vec<&str> = faults[&2].iter().map(|(column, _)| column.as_str()).collect();
    assert_eq!(columns, ["numUnique", "demandeur/civilite", "demandeur/dateNaissance"]);
    assert!(
        faults[&3][0].1.contains("renouvellement") && faults[&3][0].1.ends_with("[ménage enregistré]"),
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_second_reading_changes_nothing_and_later_files_find_the_household_by_its_number() {
    let instance = memory();
    import(Kind::Sne, REQUESTS, &instance).await;
    let events = instance.events();
    assert_eq!(counts(&import(Kind::Sne, REQUESTS, &instance).await), (0, 1, 2));
    assert_eq!(instance.events(), events);
    let stays = "ménage;place;entrée\n0330326000042G0001;P-1;01/04/2026\n";
    let report = import(Kind::Stays, stays, &instance).await;
    assert_eq!(faults(&report)[&2][0].0, "place", "the household is known, the place is not");
}

#[test]
fn another_xml_is_refused_whole() {
    let origin = Origin::of(organisation());
    for (text, told) in [
        (
            "<interfaceNuu versionInterface='01.00'/>",
            "the file is not an interfaceNuu of version 02.00 or 02.01: its root is interfaceNuu 01.00",
        ),
        (
            "<html/>",
            "the file is not an interfaceNuu of version 02.00 or 02.01: its root is html without a version",
        ),
    ] {
        let Err(error) = Kind::Sne.plan(text.as_bytes(), None, &origin) else { panic!("{text}") };
        assert_eq!(error.to_string(), told);
    }
}
