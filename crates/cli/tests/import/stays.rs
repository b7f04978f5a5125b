//! Structures, places, stays and applications, which refer to one another.

use cli::import::{Kind, Origin};
use domain::calendar::end_of_day;
use domain::ledger::{AggregateId, State};
use domain::place::Place;
use jiff::civil::date;

use super::memory::Memory;
use super::{counts, faults, import, memory, organisation, plan};

const STRUCTURES: &str = "Référence de la structure;Nom de la structure;Type;Commune;Ouverte depuis\n\
    S-1;CHRS Exemple;CHRS;Bordeaux;01/01/2020\nS-2;Bâtiment Exemple;HLM;33318;01/01/2020\n";
const PLACES: &str = "Référence de la place;Référence de la structure;Type;Catégorie;Capacité;Commune;Ouverte depuis;Libre;Redevance\n\
    P-1;S-1;CHRS;T2;3;Bordeaux;01/01/2020;;\nP-2;S-1;CHRS;Chambre individuelle;1;33063;01/01/2020;oui;\n\
    D-1;S-2;Logement social;T3;4;Pessac;01/01/2020;oui;450,50\n";
const HOUSEHOLDS: &str = "ménage;nom;prénom;date de naissance;sexe\n\
    M-1;A;Un;01/01/1980;F\nM-2;B;Deux;01/01/1980;M\nM-3;C;Trois;01/01/1980;M\n";
const STAYS: &str = "Référence du ménage;Référence de la place;Entrée;Sortie;Destination;Motif de sortie\n\
    M-1;P-1;12/01/2025;03/06/2025;15;Accès à une solution\n\
    M-2;P-1;03/06/2025;01/02/2026;Logement du parc privé;\n\
    M-3;P-1;01/02/2026;;;\n";

async fn supply() -> Memory {
    let instance = memory();
    assert_eq!(counts(&import(Kind::Structures, STRUCTURES, &instance).await), (2, 0, 0));
    assert_eq!(counts(&import(Kind::Places, PLACES, &instance).await), (3, 0, 0));
    assert_eq!(counts(&import(Kind::Households, HOUSEHOLDS, &instance).await), (3, 0, 0));
    instance
}

fn place(instance: &Memory, label: &str) -> Place {
    let ledgers = instance.ledgers();
    let found = ledgers.iter().find_map(|(id, state)| match (id, state) {
        (AggregateId::Place(_), State::Place(place)) => Some((**place).clone())
            .filter(|place| place.inventory.description().is_some_and(|is| is.label == label)),
        _ => None,
    });
    found.unwrap()
}

#[tokio::test]
async fn past_stays_make_the_occupancy_of_a_past_night_right() {
    let instance = supply().await;
    assert_eq!(counts(&import(Kind::Stays, STAYS, &instance).await), (3, 0, 0));
    let place = place(&instance, "P-1");
    let origin = Origin::of(organisation());
    let who = |on: jiff::civil::Date| -> Vec<_> {
        let night = end_of_day("33".parse().unwrap(), on);
        place.occupancies_at(night).map(|occupancy| occupancy.household).collect()
    };
    let plan = plan(Kind::Stays, STAYS).plan;
    let household = |nth: usize| {
        let path = &plan.chains[nth][0].steps[0].outgoing.path;
        path.split('/').nth(4).unwrap().parse().unwrap()
    };
    let (first, second, third) = (household(0), household(1), household(2));
    assert_eq!(origin.territory.as_str(), "33");
    assert_eq!(who(date(2025, 1, 11)), []);
    assert_eq!(who(date(2025, 1, 12)), [first]);
    assert_eq!(who(date(2025, 6, 2)), [first], "the last night");
    assert_eq!(who(date(2025, 6, 3)), [second], "the next one came the same day");
    assert_eq!(who(date(2026, 1, 31)), [second]);
    assert_eq!(who(date(2026, 2, 1)), [third]);
    assert_eq!(place.current_occupancy().map(|occupancy| occupancy.household), Some(third));
    let events = instance.events();
    assert_eq!(counts(&import(Kind::Stays, STAYS, &instance).await), (0, 3, 0));
    assert_eq!(instance.events(), events);
}

#[tokio::test]
async fn stays_of_one_household_are_taken_in_the_order_they_were_lived() {
    let instance = supply().await;
    let text =
        "household;place;entered;left\nM-1;P-2;2026-02-01 14:00;\nM-1;P-1;2025-01-12;2026-02-01 14:00\n";
    assert_eq!(plan(Kind::Stays, text).plan.chains.len(), 1);
    assert_eq!(counts(&import(Kind::Stays, text, &instance).await), (2, 0, 0));
}

#[tokio::test]
async fn a_stay_that_cannot_be_says_in_which_column() {
    let instance = supply().await;
    import(Kind::Stays, STAYS, &instance).await;
    let text = "ménage;place;entrée;sortie;destination;motif de fin\n\
        M-9;P-2;01/01/2026;;;\n\
        M-1;P-9;01/01/2026;;;\n\
        M-1;P-1;01/03/2026;;;\n\
        M-3;P-2;01/03/2026;;;\n\
        M-1;P-2;01/03/2026;01/03/2026;;\n\
        M-1;P-2;01/01/2027;;;\n\
        M-1;P-2;01/01/2026;;Logement du parc privé;\n\
        M-1;D-1;01/01/2026;;;\n\
        M-1;P-2;01/01/2019;01/02/2019;;\n\
        M-2;P-2;01/03/2026;01/04/2026;39;\n";
    let faults = faults(&import(Kind::Stays, text, &instance).await);
    let columns: Vec<String> = faults.values().map(|faults| faults[0].0.clone()).collect();
    let expected = [
        "ménage",
        "place",
        "place",
        "entrée",
        "sortie",
        "entrée",
        "destination",
        "place",
        "entrée",
        "destination",
    ];
    assert_eq!(columns, expected, "{faults:#?}");
    assert!(faults[&4][0].1.contains("occupée"), "{:?}", faults[&4]);
}

#[tokio::test]
async fn a_place_that_is_free_is_declared_so_and_a_dwelling_goes_to_the_landlord_s_desk() {
    let instance = supply().await;
    assert!(place(&instance, "P-1").open_vacancy().is_none());
    assert!(place(&instance, "P-2").open_vacancy().is_some());
    let dwelling = place(&instance, "D-1");
    assert!(dwelling.open_vacancy().is_some());
    assert_eq!(dwelling.inventory.description().unwrap().rent.unwrap().as_cents(), 45_050);
    let asked = plan(Kind::Places, PLACES).plan;
    let path = |nth: usize| asked.chains[nth][0].steps[0].outgoing.path.clone();
    assert_eq!((path(0), path(2)), ("/api/v1/places".to_owned(), "/api/v1/dwellings".to_owned()));
    assert_eq!(counts(&import(Kind::Places, PLACES, &instance).await), (0, 3, 0));
}

#[tokio::test]
async fn a_place_of_an_unknown_structure_is_told_so() {
    let instance = supply().await;
    let text = PLACES.replace("P-2;S-1", "P-3;S-8").replace("P-1;S-1;CHRS", "P-1;S-1;FJT");
    let faults = faults(&import(Kind::Places, &text, &instance).await);
    assert_eq!(faults[&3][0].0, "Référence de la structure");
    assert_eq!(
        faults[&2][0].1,
        "déjà importée avec un autre contenu : corrigez la fiche dans l'application, ou remettez la ligne comme elle était"
    );
}

#[tokio::test]
async fn a_reference_stands_once_in_a_file() {
    let instance = memory();
    let text = format!("{STRUCTURES}S-1;Autre;CHRS;Bordeaux;\n");
    let report = import(Kind::Structures, &text, &instance).await;
    assert_eq!(counts(&report), (2, 0, 1));
    assert_eq!(faults(&report)[&4][0].1, "déjà ligne 2 : chaque ligne a la sienne");
}

#[tokio::test]
async fn applications_find_their_household_by_reference() {
    let instance = supply().await;
    let text = "ménage;Numéro unique;Date de dépôt;Date de renouvellement;Communes souhaitées\n\
        M-1;0330326 016982 G1104;12/03/2026;;Bordeaux | Pessac\n\
        M-2;;12/03/2024;10/03/2026;33063\n\
        M-3;0330426016983G1104;12/03/2026;;\n\
        M-3;0330326016984G1104;12/03/2024;;\n\
        M-3;033;12/03/2026;;Bordeau\n";
    let report = import(Kind::Applications, text, &instance).await;
    assert_eq!(counts(&report), (2, 0, 3));
    let faults = faults(&report);
    let columns: Vec<&str> = faults.values().flatten().map(|(column, _)| column.as_str()).collect();
    assert_eq!(
        columns,
        ["Numéro unique", "Numéro unique", "Numéro unique", "Communes souhaitées"],
        "{faults:#?}"
    );
}

#[tokio::test]
async fn a_past_stay_counts_the_persons_who_stayed_then() {
    let instance = supply().await;
    let family = "ménage;lien;nom;prénom;date de naissance;sexe\n\
        F-1;Enfant;A;Trois;01/01/2025;F\nF-1;;A;Un;01/01/1999;F\nF-1;Conjoint;A;Deux;01/01/1980;M\n";
    assert_eq!(counts(&import(Kind::Households, family, &instance).await), (3, 0, 0));
    let text = "ménage;place;entrée;sortie;personnes\n\
        F-1;P-1;01/02/2024;01/03/2024;2\nF-1;P-1;01/03/2024;01/04/2024;4\nF-1;P-1;01/05/2026;;\n";
    let report = import(Kind::Stays, text, &instance).await;
    assert_eq!(counts(&report), (2, 0, 1));
    assert_eq!(faults(&report)[&3][0].0, "personnes", "there are no four of them");
    let (place, night) = (place(&instance, "P-1"), |on| end_of_day("33".parse().unwrap(), on));
    let slept = |on| place.occupancies_at(night(on)).map(|there| there.persons).collect::<Vec<_>>();
    assert_eq!((slept(date(2024, 2, 1)), slept(date(2026, 5, 1))), (vec![2], vec![3]));
    let by_id = "ménage;place;entrée;sortie;personnes\n\
        33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90;P-1;01/02/2023;01/03/2023;1\n";
    assert_eq!(plan(Kind::Stays, by_id).plan.refused[0].faults[0].column, "personnes");
}
