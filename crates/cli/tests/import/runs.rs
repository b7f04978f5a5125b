//! The story of an operator: a long file with wrong lines, corrected and read again.

use cli::import::Kind;

use super::{counts, faults, import, memory, plan};

const HEADINGS: &str = "Référence du ménage;Lien;Nom;Prénoms;Date de naissance;Sexe;Téléphone;Volet;Situation;Motif de la demande;Souhaits;Date de transmission";

/// 2,000 lines: 1,700 persons alone, and 100 families of three.
fn lines() -> Vec<String> {
    let alone = (0..1_700).map(|n| {
        let (day, month) = (n % 28 + 1, n % 12 + 1);
        format!("M-{n};;NOM{n};Prénom;{day:02}/{month:02}/1980;F;0600000000;Insertion;À la rue;Dort dans la rue;Bordeaux;09/03/2026")
    });
    let families = (0..100).flat_map(|n| {
        ["Demandeur principal;1980", "Conjoint;1981", "Enfant;2015"].map(|member| {
            let (link, year) = member.split_once(';').unwrap();
            format!("F-{n};{link};FAMILLE{n};{link};01/05/{year};M;;;;;;")
        })
    });
    alone.chain(families).collect()
}

/// Makes the `nth` line wrong in one of six ways.
fn spoil(line: &str, nth: usize) -> String {
    match nth % 6 {
        0 => line.replacen("/1980", "/1080", 1),
        1 => line.replacen(";F;", ";Z;", 1),
        2 => line.replacen("À la rue", "A la ru", 1),
        3 => line.replacen(";Prénom;", ";;", 1),
        4 => line.replacen("Bordeaux", "Bordo", 1),
        _ => line.replacen("09/03/2026", "31/02/2026", 1),
    }
}

fn file(lines: &[String]) -> String {
    format!("{HEADINGS}\n{}\n", lines.join("\n"))
}

#[tokio::test]
async fn of_2_000_lines_37_are_wrong_and_once_corrected_37_are_created() {
    let good = lines();
    let mut lines = good.clone();
    for nth in 0..37 {
        lines[nth * 45 + 7] = spoil(&good[nth * 45 + 7], nth);
    }
    let instance = memory();
    let report = import(Kind::Households, &file(&lines), &instance).await;
    assert_eq!(counts(&report), (1_963, 0, 37));
    assert_eq!(instance.households(), 1_800 - 37);

    let table = plan(Kind::Households, &file(&lines)).table;
    let refused = report.refused_csv(&table).unwrap();
    let refused = cli::import::table::parse(&refused, None).unwrap();
    assert_eq!(refused.headings.join(";"), format!("{HEADINGS};ligne;colonne;motif"));
    assert_eq!(refused.lines.len(), 37);
    let verdict = |nth: usize| refused.lines[nth].cells[12..].join(" / ");
    assert_eq!(refused.lines[0].cells[..12].join(";"), lines[7]);
    assert_eq!(verdict(0), "9 / Date de naissance / l'année 1080 est impossible");
    assert_eq!(verdict(1), "54 / Sexe / « Z » : inconnu ; voyez les choix avec --columns");
    assert_eq!(
        verdict(2),
        "99 / Situation / « A la ru » : inconnu ; le plus proche est « À la rue » ou « on_the_street »"
    );
    assert_eq!(verdict(3), "144 / Prénoms / à remplir");
    assert_eq!(verdict(4), "189 / Souhaits / « Bordo » : inconnu ; le plus proche est « Bordeaux »");
    assert_eq!(
        verdict(5),
        "234 / Date de transmission / « 31/02/2026 » : écrivez une date comme 2026-03-09 ou 09/03/2026"
    );

    let events = instance.events();
    let report = import(Kind::Households, &file(&lines), &instance).await;
    assert_eq!(
        (counts(&report), instance.events()),
        ((0, 1_963, 37), events),
        "a second run changes nothing"
    );

    let report = import(Kind::Households, &file(&good), &instance).await;
    assert_eq!((counts(&report), instance.households()), ((37, 1_963, 0), 1_800));
}

#[tokio::test]
async fn the_file_of_refused_lines_can_be_corrected_and_imported() {
    let good = lines();
    let mut lines = good.clone();
    for nth in 0..37 {
        lines[nth] = spoil(&good[nth], nth);
    }
    let instance = memory();
    let report = import(Kind::Households, &file(&lines), &instance).await;
    let table = plan(Kind::Households, &file(&lines)).table;
    let mut refused = String::from_utf8(report.refused_csv(&table).unwrap()).unwrap();
    for (wrong, right) in lines.iter().zip(&good) {
        refused = refused.replace(wrong, right);
    }
    assert_eq!(plan(Kind::Households, &refused).unknown, []);
    assert_eq!(counts(&import(Kind::Households, &refused, &instance).await), (37, 0, 0));
    assert_eq!(counts(&import(Kind::Households, &file(&good), &instance).await), (0, 2_000, 0));
}

#[tokio::test]
async fn a_line_that_changed_since_is_told_so_and_nothing_is_overwritten() {
    let instance = memory();
    let line = "M-1;;NOM;Prénom;01/01/1980;F;0600000000;;;;;";
    import(Kind::Households, &file(&[line.to_owned()]), &instance).await;
    let events = instance.events();
    let report = import(Kind::Households, &file(&[line.replace("1980", "1981")]), &instance).await;
    assert_eq!(instance.events(), events);
    assert!(faults(&report)[&2][0].1.starts_with("déjà importée avec un autre contenu"), "{report:?}");
}

#[tokio::test]
async fn lines_may_come_in_another_order_on_a_second_run() {
    let instance = memory();
    let mut lines: Vec<String> = lines().into_iter().skip(1_600).collect();
    import(Kind::Households, &file(&lines), &instance).await;
    lines.reverse();
    assert_eq!(counts(&import(Kind::Households, &file(&lines), &instance).await), (0, 400, 0));
}

#[tokio::test]
async fn a_household_is_taken_whole_or_not_at_all() {
    let instance = memory();
    let family = [
        "F-1;Demandeur principal;A;Un;01/01/1980;M;;;;;;",
        "F-1;Conjoint;A;Deux;01/01/19800;F;;;;;;",
        "F-1;Enfant;A;Trois;01/01/2015;F;;;;;;",
        "F-2;;B;Quatre;01/01/1980;F;;;;;;",
    ];
    let report = import(Kind::Households, &file(&family.map(str::to_owned)), &instance).await;
    assert_eq!((counts(&report), instance.households()), ((1, 0, 3), 1));
    let faults = faults(&report);
    assert_eq!(faults[&3][0].0, "Date de naissance");
    assert_eq!(faults[&2][0].1, "rien à corriger ici : le ménage attend la correction de la ligne 3");
    assert!(faults.contains_key(&4));
}

#[tokio::test]
async fn a_household_has_one_main_applicant_and_nobody_twice() {
    let instance = memory();
    let wrong = [
        (
            "F-1;Demandeur principal;A;Un;01/01/1980;M;;;;;;",
            "F-1;Demandeur principal;A;Deux;01/01/1980;M;;;;;;",
        ),
        ("F-2;Enfant;A;Un;01/01/1980;M;;;;;;", "F-2;Enfant;A;Deux;01/01/1980;M;;;;;;"),
        ("F-3;;A;Un;01/01/1980;M;;;;;;", "F-3;;A;Deux;01/01/1980;M;;;;;;"),
        ("F-4;;A;Un;01/01/1980;M;;;;;;", "F-4;Enfant;a;UN;1980-01-01;M;;;;;;"),
        ("F-5;;A;Un;01/01/1980;M;;;;;;", "F-5;Enfant;B;Deux;01/01/1980;M;;Insertion;;;;"),
    ];
    let lines: Vec<String> = wrong.iter().flat_map(|(one, two)| [*one, *two]).map(str::to_owned).collect();
    let faults = faults(&import(Kind::Households, &file(&lines), &instance).await);
    let told =
        |line: u64| faults[&line].iter().map(|(column, why)| format!("{column} : {why}")).collect::<Vec<_>>();
    assert_eq!(told(3), ["Lien : le demandeur principal de ce ménage est déjà ligne 2"]);
    assert_eq!(told(4), ["Lien : aucune personne de ce ménage n'est le demandeur principal"]);
    assert_eq!(told(7), ["Lien : à remplir : ce que la personne est pour le demandeur principal (ligne 6)"]);
    assert_eq!(told(9), ["Nom : la même personne est ligne 8"]);
    assert_eq!(told(11), ["Volet : concerne le ménage : à écrire sur la ligne du demandeur principal (10)"]);
    assert_eq!(instance.events(), 0);
}

#[tokio::test]
async fn a_transmitted_request_keeps_its_seniority() {
    let instance = memory();
    let line =
        "M-1;;NOM;Prénom;01/01/1980;F;0600000000;Insertion;À la rue;203;Bordeaux | 243300316;09/03/2025";
    assert_eq!(counts(&import(Kind::Households, &file(&[line.to_owned()]), &instance).await), (1, 0, 0));
    let ledgers = instance.ledgers();
    let household = ledgers.iter().find_map(|(_, state)| match state {
        domain::ledger::State::Household(is) => Some(is),
        domain::ledger::State::Place(_)
        | domain::ledger::State::Structure(_)
        | domain::ledger::State::Organisation(_)
        | domain::ledger::State::User(_)
        | domain::ledger::State::Subscription(_)
        | domain::ledger::State::Inquiry(_) => None,
    });
    let request = household.unwrap().requests.values().next().unwrap();
    assert_eq!(request.seniority.unwrap().to_string(), "2025-03-08T23:00:00Z");
    assert_eq!(request.file.wishes.len(), 2);
    assert_eq!(request.file.reason.known().unwrap().code(), "sleeping_rough");
    let incomplete = line.replace("M-1", "M-2").replace("0600000000", "").replace("Bordeaux | 243300316", "");
    let faults = faults(&import(Kind::Households, &file(&[incomplete]), &instance).await);
    let columns: Vec<&str> = faults[&2].iter().map(|(column, _)| column.as_str()).collect();
    assert_eq!(columns, ["Souhaits", "Téléphone"]);
}

#[tokio::test]
async fn a_household_waits_for_the_lines_below_it_that_have_no_reference() {
    let instance = memory();
    // Merged cells leave their text on the first line alone.
    let merged = [
        "F-1;Demandeur principal;A;Un;01/01/1980;M;;;;;;",
        ";Enfant;A;Deux;01/01/2015;F;;;;;;",
        ";Enfant;A;Trois;01/01/2017;F;;;;;;",
        "F-2;;B;Quatre;01/01/1980;F;;;;;;",
    ]
    .map(str::to_owned);
    let report = import(Kind::Households, &file(&merged), &instance).await;
    assert_eq!((counts(&report), instance.households()), ((1, 0, 3), 1));
    let told = faults(&report);
    assert_eq!(told[&2][0].1, "rien à corriger ici : le ménage attend la correction de la ligne 3");
    assert_eq!(told[&3], [("Référence du ménage".to_owned(), "à remplir".to_owned())]);
    let filled = merged.map(|line| if line.starts_with(';') { format!("F-1{line}") } else { line });
    assert_eq!(counts(&import(Kind::Households, &file(&filled), &instance).await), (3, 1, 0));
}

#[tokio::test]
async fn what_belongs_to_a_request_or_to_a_pregnancy_is_not_lost_without_a_word() {
    let headings = "ménage;nom;prénom;date de naissance;sexe;ressources;note de la demande;fauteuil roulant;animaux;grossesse attestée";
    let lines = [
        "M-1;A;Un;01/01/1980;F;450;;non;;non",
        "M-2;A;Un;01/01/1980;F;;une note;;;",
        "M-3;A;Un;01/01/1980;F;;;oui;;",
        "M-4;A;Un;01/01/1980;F;;;non;chien;",
        "M-5;A;Un;01/01/1980;F;;;;;oui",
        "M-6;A;Un;01/01/1980;F;;;non;;non",
    ];
    let report = import(Kind::Households, &format!("{headings}\n{}\n", lines.join("\n")), &memory()).await;
    assert_eq!(counts(&report), (1, 0, 5));
    let columns: Vec<String> = faults(&report).into_values().map(|faults| faults[0].0.clone()).collect();
    let expected =
        ["ressources", "note de la demande", "fauteuil roulant", "animaux", "Naissance attendue le"];
    assert_eq!(columns, expected);
}
