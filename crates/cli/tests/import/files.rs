//! The same lines in every form that a spreadsheet writes.

use cli::import::plan::Outgoing;
use cli::import::{BadFile, Kind, Origin, Planned};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use super::{faults, import, memory, organisation, plan};

const FRENCH: &str = "Référence du ménage;Nom;Prénom(s);Date de naissance;Sexe;Commentaire;Joignable par une structure\n\
    M-1;Noël;Zoé;09/03/1990;Femme;né à l'été;oui\nM-2;Œillet;Gaël;10/12/1985;Homme;;non\n";

fn asked(planned: &Planned) -> Vec<Outgoing> {
    assert_eq!(planned.plan.refused, []);
    planned
        .plan
        .chains
        .iter()
        .flatten()
        .flat_map(|job| &job.steps)
        .map(|step| step.outgoing.clone())
        .collect()
}

fn read(bytes: &[u8]) -> Planned {
    Kind::Households.plan(bytes, None, &Origin::of(organisation())).unwrap()
}

#[test]
fn french_and_english_headings_ask_for_the_same() {
    let english = FRENCH.replacen(
        "Référence du ménage;Nom;Prénom(s);Date de naissance;Sexe;Commentaire;Joignable par une structure",
        "household,LAST_NAME,first names,birth date,gender,note,Reachable through structure",
        1,
    );
    let english =
        english.replace(';', ",").replace("Femme", "female").replace("Homme", "M").replace("oui", "true");
    assert_eq!(asked(&plan(Kind::Households, FRENCH)), asked(&plan(Kind::Households, &english)));
}

#[test]
fn a_file_in_windows_1252_is_read_as_the_same_in_utf_8() {
    let (bytes, _, lost) = encoding_rs::WINDOWS_1252.encode(FRENCH);
    assert!(!lost && std::str::from_utf8(&bytes).is_err());
    assert_eq!(asked(&read(&bytes)), asked(&plan(Kind::Households, FRENCH)));
}

/// The lines of [`FRENCH`] as a workbook, with real dates and booleans, on its second sheet if there is a first.
fn workbook(first: Option<&str>) -> Vec<u8> {
    let mut book = Workbook::new();
    if let Some(name) = first {
        book.add_worksheet().set_name(name).unwrap().write(0, 0, "autre chose").unwrap();
    }
    let sheet = book.add_worksheet();
    sheet.set_name("Ménages").unwrap();
    let format = Format::new().set_num_format("dd/mm/yyyy");
    for (row, line) in FRENCH.lines().enumerate() {
        for (column, cell) in line.split(';').enumerate() {
            let (row, column) = (u32::try_from(row).unwrap(), u16::try_from(column).unwrap());
            match (row, column, cell) {
                (1.., 3, date) => {
                    let parts: Vec<u16> = date.split('/').map(|part| part.parse().unwrap()).collect();
                    let date = ExcelDateTime::from_ymd(parts[2], parts[1] as u8, parts[0] as u8).unwrap();
                    sheet.write_datetime_with_format(row, column, date, &format).unwrap();
                }
                (1.., 6, yes) => {
                    sheet.write_boolean(row, column, yes == "oui").unwrap();
                }
                _ => {
                    sheet.write(row, column, cell).unwrap();
                }
            }
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_asks_for_the_same_as_the_text() {
    assert_eq!(asked(&read(&workbook(None))), asked(&plan(Kind::Households, FRENCH)));
    let second =
        Kind::Households.plan(&workbook(Some("Notes")), Some("Ménages"), &Origin::of(organisation()));
    assert_eq!(asked(&second.unwrap()), asked(&plan(Kind::Households, FRENCH)));
    let missing = Kind::Households.plan(&workbook(None), Some("Nulle part"), &Origin::of(organisation()));
    let Err(error) = missing else { panic!("there is no such sheet") };
    assert_eq!(error.to_string(), "le classeur n'a pas de feuille « Nulle part » ; il a : Ménages");
}

#[test]
fn a_file_without_a_needed_column_is_refused_whole_with_the_nearest_heading() {
    let text = FRENCH.replacen("Date de naissance", "Datte de naisance", 1);
    let Err(error) = Kind::Households.plan(text.as_bytes(), None, &Origin::of(organisation())) else {
        panic!("the column is needed")
    };
    assert!(matches!(error, BadFile::Headings(_)));
    assert_eq!(
        error.to_string(),
        "il manque au fichier : « Date de naissance » (birth_date ; « Datte de naisance » y ressemble)"
    );
}

#[test]
fn a_heading_that_means_nothing_is_reported_and_the_file_taken() {
    let text = FRENCH.replacen("Commentaire", "Couleur", 1);
    let planned = plan(Kind::Households, &text);
    assert_eq!(planned.unknown.len(), 1);
    assert_eq!((planned.unknown[0].heading.as_str(), planned.plan.lines()), ("Couleur", 2));
}

#[tokio::test]
async fn every_fault_of_a_line_is_told_at_once_with_its_column() {
    let text = "ménage;Nom;Prénom;Né(e) le;Sexe;Droit au séjour;Lien;courriel\nM-1;;Zoé;31/02/1990;Autre;carte de résidant;Conjoin;zoe\n;A;B;01/01/1990;F;;;;;trop\n";
    let faults = faults(&import(Kind::Households, text, &memory()).await);
    let told: Vec<(&str, &str)> =
        faults[&2].iter().map(|(column, why)| (column.as_str(), why.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "Lien",
                "« Conjoin » : inconnu ; le plus proche est « Conjoint, partenaire ou concubin » ou « spouse_or_partner »"
            ),
            ("Droit au séjour", "inconnu ; le plus proche est « Carte de résident » ou « resident_card »"),
            ("Nom", "à remplir"),
            ("Né(e) le", "écrivez une date comme 2026-03-09 ou 09/03/2026"),
            ("Sexe", "« Autre » : inconnu ; voyez les choix avec --columns"),
        ],
        "what is personal is not repeated"
    );
    assert_eq!(faults[&3].len(), 2);
}
