//! A request of the national social-housing register.

use cli::import::refused::Form;
use cli::import::{Kind, Origin, Report, send};
use domain::calendar::Day;
use domain::household::application::Application;
use domain::household::composition::Person;
use domain::ledger::State;
use domain::reference::MemberLink;
use jiff::civil::date;

use super::{counts, faults, import, memory, organisation, plan};

const REQUESTS: &str = include_str!("sne_requests.xml");

#[tokio::test]
async fn number_co_holders_dependants_and_children_appear() {
    let instance = memory();
    let report = import(Kind::Sne, REQUESTS, &instance).await;
    assert_eq!(counts(&report), (2, 0, 1), "{:#?}", faults(&report));
    let ledgers = instance.ledgers();
    let household = ledgers.iter().find_map(|(_, state)| match state {
        State::Household(is) if is.composition.members.len() > 1 => Some(is),
        State::Household(_)
        | State::Place(_)
        | State::Structure(_)
        | State::Organisation(_)
        | State::User(_)
        | State::Subscription(_)
        | State::Inquiry(_) => None,
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
    assert_eq!(application.known_number().unwrap().to_string(), "0330326000042G0001");
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
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[tokio::test]
async fn an_application_that_was_not_renewed_is_taken_over_as_expired() {
    let instance = memory();
    import(Kind::Sne, REQUESTS, &instance).await;
    let ledgers = instance.ledgers();
    let all = ledgers.iter().filter_map(|(_, state)| match state {
        State::Household(is) => Some(is.applications.values()),
        State::Place(_)
        | State::Structure(_)
        | State::Organisation(_)
        | State::User(_)
        | State::Subscription(_)
        | State::Inquiry(_) => None,
    });
    let old =
        |one: &&Application| one.known_number().is_some_and(|is| is.to_string() == "0330324000043G0001");
    let old = all.flatten().find(old).unwrap();
    assert!(!old.is_live(), "{:?}", old.situation);
}

#[tokio::test]
async fn a_second_reading_changes_nothing_and_later_files_find_the_household_by_its_number() {
    let instance = memory();
    import(Kind::Sne, REQUESTS, &instance).await;
    let events = instance.events();
    assert_eq!(counts(&import(Kind::Sne, REQUESTS, &instance).await), (0, 2, 1));
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
            "ce fichier n'est pas une interfaceNuu de version 02.00 ou 02.01 : sa racine est interfaceNuu 01.00",
        ),
        (
            "<html/>",
            "ce fichier n'est pas une interfaceNuu de version 02.00 ou 02.01 : sa racine est html sans version",
        ),
    ] {
        let Err(error) = Kind::Sne.plan(text.as_bytes(), None, &origin) else { panic!("{text}") };
        assert_eq!(error.to_string(), told);
    }
}

#[tokio::test]
async fn what_is_refused_is_a_file_of_the_register_again() {
    let instance = memory();
    let planned = plan(Kind::Sne, REQUESTS);
    let (report, _) = send(planned.plan, &instance, |_| {}).await;
    let directory = tempfile::tempdir().unwrap();
    let write = |report: &Report, form: &Form| {
        let path = report.write_refused(&planned.table, form, &directory.path().join("d.xml")).unwrap();
        (path.clone(), path.map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default())
    };
    let (path, refused) = write(&report, &planned.form);
    assert_eq!(path, Some(directory.path().join("d.xml.refused.xml")));
    assert!(refused.contains("Patron") && !refused.contains("Gabarit") && !refused.contains("Modèle"));
    assert_eq!(refused.matches("<!-- motif : demande 2, ").count(), 3, "{refused}");
    assert_eq!(plan(Kind::Sne, &refused).table.lines.len(), 1);

    let half = refused
        .replace("<ns1:numUnique>33<", "<ns1:numUnique>0330326000044G0001<")
        .replace("1984-02-30", "1984-02-28");
    let again = plan(Kind::Sne, &half);
    let (report, _) = send(again.plan, &instance, |_| {}).await;
    assert_eq!(counts(&report), (0, 0, 1));
    let (path, refused) = write(&report, &again.form);
    assert_eq!(
        path,
        Some(directory.path().join("d.xml.refused-2.xml")),
        "the first one may be under correction"
    );
    assert_eq!(refused.matches("<!-- motif").count(), 1, "the reasons of the first time are gone: {refused}");
    let corrected = refused.replace("<ns1:nom>Patron", "<ns1:civilite code=\"1\"/><ns1:nom>Patron");
    let (report, _) = send(plan(Kind::Sne, &corrected).plan, &instance, |_| {}).await;
    assert_eq!(counts(&report), (1, 0, 0));
}

#[tokio::test]
async fn an_application_filed_years_ago_is_taken_over_with_the_day_of_its_last_renewal() {
    let instance = memory();
    let renewed = Some(Day(date(2026, 3, 1)));
    let origin = || Origin { renewed_on: renewed, ..Origin::of(organisation()) };
    let read = || Kind::Sne.plan(REQUESTS.as_bytes(), None, &origin()).unwrap().plan;
    let (report, _) = send(read(), &instance, |_| {}).await;
    assert_eq!(counts(&report), (2, 0, 1), "{:#?}", faults(&report));
    let ledgers = instance.ledgers();
    let valid = |number: &str| {
        ledgers.iter().find_map(|(_, state)| match state {
            State::Household(is) => {
                let (_, live) = is.live_application()?;
                (live.known_number()?.to_string() == number).then(|| live.valid_until.to_string())
            }
            State::Place(_)
            | State::Structure(_)
            | State::Organisation(_)
            | State::User(_)
            | State::Subscription(_)
            | State::Inquiry(_) => None,
        })
    };
    assert_eq!(valid("0330324000043G0001").as_deref(), Some("2027-03-01"));
    assert_eq!(valid("0330326000042G0001").as_deref(), Some("2027-03-15"), "filed after that day");
    let (report, _) = send(read(), &instance, |_| {}).await;
    assert_eq!(counts(&report), (0, 2, 1));
}
