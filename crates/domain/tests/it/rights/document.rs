//! The matrix as the data-protection officer reads it: `config/rights.md`, made from `config/rights.toml`.

use std::fmt::Write as _;
use std::path::PathBuf;

use domain::rights::{Calls, Group, Matrix, Relation, Role, Supply};

/// The French name of a group of fields, and what it holds.
fn of_group(group: Group) -> (&'static str, &'static str) {
    match group {
        Group::Id => ("Identité", "nom, prénom, coordonnées"),
        Group::Comp => ("Composition", "âges, liens, grossesse, accords donnés et oppositions"),
        Group::Need => ("Besoins", "accessibilité, animaux, souhaits, préconisations"),
        Group::Res => ("Ressources", "ressources, dettes, redevance"),
        Group::Adm => ("Droit au séjour", "titre et échéance"),
        Group::Soc => ("Situation sociale", "motif de la demande, notes, accompagnement"),
        Group::Viol => ("Violences", "zones à éviter, note de sécurité, besoin d'un lieu dédié"),
        Group::Just => ("Justice", "placement, aménagement de peine"),
        Group::Hist => ("Séjours", "nuits, hébergements, logements passés et présents"),
        Group::Sne => ("Demande de logement social", "numéro unique, demande, labels DALO et prioritaires"),
        Group::Path => ("Demandes et orientations", "demandes au SIAO, orientations, réponses, ancienneté"),
        Group::Let => ("Attribution", "candidatures et baux"),
    }
}

/// When an organisation stands in this relation to a household.
fn of_relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Follows => "suit le ménage",
        Relation::Siao => "est le SIAO du ménage ou de sa demande",
        Relation::Proposed => "a reçu une orientation et n'y a pas répondu",
        Relation::Houses => "attend, accueille, ou accueillait récemment le ménage",
        Relation::Designated => "a le ménage pour candidat ou locataire",
        Relation::Registers => "a enregistré sa demande de logement social",
        Relation::Territory => "a la charge du département",
        Relation::Erased => "a la charge du département, le ménage étant effacé",
    }
}

fn of_supply(supply: Supply) -> &'static str {
    match supply {
        Supply::None => "aucune",
        Supply::Own => "les siennes",
        Supply::Territory => "celles du département",
    }
}

fn of_households(calls: Calls) -> &'static str {
    match calls {
        Calls::Id => "par leur identifiant",
        Calls::Reference => "par une référence propre à son organisme",
    }
}

fn document(matrix: &Matrix, source: &str) -> String {
    let mut text = String::from(INTRODUCTION);
    let mut rows: Vec<_> = matrix.rows().collect();
    // The order of the file is that of the pathway, which somebody who reads the whole of it expects.
    rows.sort_by_key(|(name, ..)| source.find(&format!("[rows.{name}]")));
    let labels = rows.iter().map(|(_, label, _)| *label);
    line(&mut text, std::iter::once("").chain(labels));
    line(&mut text, std::iter::repeat_n("---", rows.len() + 1));
    for group in Group::ALL {
        let levels = rows.iter().map(|(.., row)| row.level(group).words());
        line(&mut text, std::iter::once(of_group(group).0).chain(levels));
    }
    text.push_str("\n## Ce que recouvre chaque ligne\n\n");
    for (name, holds) in Group::ALL.map(of_group) {
        writeln!(text, "- **{name}** : {holds}.").unwrap();
    }
    text.push_str("\n## Les rôles\n\n");
    line(
        &mut text,
        ["Rôle", "Voit les places", "Désigne les ménages", "Voit un ménage quand son organisme…", "…comme"],
    );
    line(&mut text, ["---"; 5]);
    for role in Role::ALL {
        let rights = matrix.role(role).unwrap();
        let row = |name: &str| matrix.rows().find(|(each, ..)| *each == name).unwrap().1;
        let mut seen: Vec<_> =
            rights.rows.iter().map(|(relation, name)| (of_relation(*relation), row(name))).collect();
        if seen.is_empty() {
            seen.push(("jamais", "–"));
        }
        for (at, (relation, label)) in seen.into_iter().enumerate() {
            let [role, supply, households] = if at == 0 {
                [rights.label.as_str(), of_supply(rights.supply), of_households(rights.households)]
            } else {
                [""; 3]
            };
            line(&mut text, [role, supply, households, relation, label]);
        }
    }
    text
}

/// One line of a table.
fn line<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    let cells: Vec<_> = cells.into_iter().collect();
    writeln!(text, "| {} |", cells.join(" | ")).unwrap();
}

const INTRODUCTION: &str = "\
# Qui voit quoi

<!-- Fait à partir de rights.toml : CONTINUUM_WRITE_GENERATED=1 cargo test -p domain --test it rights -->

Ce document dit ce que chacun peut lire du dossier d'un ménage. Il est produit à partir du fichier que le système applique ; chaque
case du tableau est vérifiée par un test. Aucune donnée de santé n'est recueillie : il n'y a pas de champ pour elles.

Un dossier que l'on ne peut pas voir est, pour qui le demande, un dossier qui n'existe pas. Un dossier protégé (violences) n'existe
que pour les personnes nommément désignées. Chaque lecture d'un dossier identifié est inscrite au journal des accès avant que la
réponse ne parte.

## La grille

";

#[test]
fn what_the_data_protection_officer_reads_is_what_the_file_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let made = document(Matrix::shipped(), &std::fs::read_to_string(folder.join("rights.toml")).unwrap());
    let committed = folder.join("rights.md");
    if std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some() {
        std::fs::write(&committed, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&committed).is_ok_and(|text| text == made),
        "config/rights.md is not what config/rights.toml says: make it again with \
         CONTINUUM_WRITE_GENERATED=1 cargo test -p domain --test it rights, and read what changed"
    );
}
