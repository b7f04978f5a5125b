//! Templates to fill in, and the description of every column: both come from the columns themselves.

use std::fmt::Write as _;

use super::choices::Choice;
use super::columns::Column;
use super::kinds::Kind;

/// A file to fill in: the French headings and one invented line. It opens in a French spreadsheet. None for XML.
#[must_use]
pub fn template(kind: Kind) -> Option<String> {
    let columns = kind.columns();
    if columns.is_empty() {
        return None;
    }
    let line = |cell: fn(&Column) -> &'static str| {
        columns.iter().map(|column| cell(column)).collect::<Vec<_>>().join(";")
    };
    Some(format!("\u{feff}{}\n{}\n", line(|column| column.fr), line(|column| column.example)))
}

/// The columns of a kind, as a table in Markdown.
#[must_use]
pub fn columns(kind: Kind) -> String {
    let mut text = format!("## `{}`\n\n{}\n", kind.name(), kind.about());
    if kind.columns().is_empty() {
        return text;
    }
    text.push_str(
        "\n| colonne | en anglais | | ce qu'on y écrit | autres titres reconnus |\n|---|---|---|---|---|\n",
    );
    for column in kind.columns() {
        let needed = if column.required { "obligatoire" } else { "" };
        let also = column.also.join(", ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | `{}` | {needed} | {} | {also} |", column.fr, column.id, column.help);
    }
    text
}

/// The choices of closed lists that files write, each with its code and its label.
#[must_use]
pub fn choices() -> String {
    use domain::household::composition::Sex;
    use domain::household::request::{RequestStream, ResourceBracket};
    use domain::place::inventory::GenderRule;
    use domain::reference as lists;
    let mut text = String::new();
    let mut list = |title: &str, all: Vec<(&str, &str)>| {
        let _ = writeln!(text, "\n### {title}\n");
        for (code, label) in all {
            let _ = writeln!(text, "- `{code}` {label}");
        }
    };
    list("Sexe", Sex::known());
    list("Lien", lists::MemberLink::known());
    list("Droit au séjour", lists::RightOfResidence::known());
    list("Volet", RequestStream::known());
    list("Situation", lists::ResidentialSituation::known());
    list("Motif de la demande", lists::RequestReason::known());
    list("Animaux", lists::Animal::known());
    list("Ressources", ResourceBracket::known());
    list("Type de structure, préconisations", domain::structure_kind::StructureKind::known());
    list("Catégorie de place", lists::PlaceCategory::known());
    list("Public", GenderRule::known());
    list("Destination", lists::ExitDestination::known());
    list("Motif de sortie", lists::ExitReason::known());
    text
}

/// Everything about columns and choices: what `templates/README.md` holds.
#[must_use]
pub fn readme() -> String {
    let mut text = String::from(INTRODUCTION);
    for kind in Kind::ALL {
        text.push('\n');
        text.push_str(&columns(kind));
    }
    text.push_str("\n## Choix\n\nUn choix s'écrit par son code, par son code SI-SIAO ou par son libellé.\n");
    text.push_str(&choices());
    text
}

const INTRODUCTION: &str = "\
# Fichiers à importer / Files to import

Ce fichier est écrit par le programme (`continuum import --columns`) ; un test compare les deux.
This file is written by the program; a test compares the two.

    continuum import households --template > menages.csv
    continuum import households menages.csv --to http://127.0.0.1:8080 --organisation 33-…

- **Ordre** : structures, places, ménages, séjours, demandes de logement social.
- **Formes** : CSV (`;`, `,` ou tabulation ; UTF-8 ou Windows-1252), XLSX, ODS, XLS (première feuille, ou `--sheet`).
- **Titres** : en français ou en anglais, sans égard aux accents, à la casse et aux espaces.
- **Dates** : `2026-03-09`, `09/03/2026`, ou une date de tableur ; avec une heure s'il le faut : `09/03/2026 14:30`.
- **Oui ou non** : `oui`, `non`, `true`, `false`, `1`, `0`.
- **Références** : ce sont elles qui font qu'un second passage ne change rien. Une référence ne change pas d'un fichier à
  l'autre et ne sert qu'une fois ; l'identifiant d'une fiche de Continuum (`33-…`) s'écrit à la même place.
- **Lignes refusées** : elles sont dans `<fichier>.refused.csv`, avec ligne, colonne et motif. Corrigez-le et importez-le,
  ou corrigez l'original : ce qui était pris n'est pas pris une seconde fois.
";
