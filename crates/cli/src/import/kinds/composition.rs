//! The lines of one household together: who its main applicant is, nobody twice, all of them or none.

use domain::decide::registration::NewMember;
use domain::id::HouseholdId;
use domain::reference::MemberLink;

use super::households::{REFERENCE, THROUGH, tell};
use super::people::{self, Person};
use crate::import::areas::Areas;
use crate::import::cells::Cells;
use crate::import::columns::Layout;
use crate::import::origin::Origin;
use crate::import::plan::Job;
use crate::import::verdict::{Fault, Refused};

/// A line with the person it tells of.
pub(super) struct Row<'a> {
    pub(super) cells: Cells<'a>,
    pub(super) person: Option<Person>,
}

/// One household, or its lines with what is wrong, each its own. A household is taken whole: with a person missing, everything that
/// depends on its composition would be wrong.
pub(super) fn household(
    reference: &str,
    mut rows: Vec<Row<'_>>,
    layout: &Layout,
    origin: &Origin,
    areas: &Areas,
) -> Result<Job, Vec<Refused>> {
    if reference.parse::<HouseholdId>().is_ok() {
        for row in &mut rows {
            row.cells.fault(
                &REFERENCE,
                "ce ménage est déjà dans Continuum : il ne s'enregistre pas une seconde fois",
            );
        }
    }
    let main = main_applicant(&mut rows);
    persons_apart(&mut rows);
    let reachable = reachable(&rows, main);
    let told = main.map(|main| tell(&mut rows, main, areas, reachable));
    let lines: Vec<u64> = rows.iter().map(|row| row.cells.number()).collect();
    let (mut members, mut faults) = (Vec::new(), Vec::new());
    for (place, row) in rows.into_iter().enumerate() {
        let Row { cells, person } = row;
        if let Some(person) = person {
            let link = if main == Some(place) { Some(MemberLink::main_applicant()) } else { person.link };
            let Person { sex, residence, identity, .. } = person;
            members.push(link.map(|link| NewMember { sex, link, residence, identity }));
        }
        faults.push(cells.into_faults());
    }
    let members: Option<Vec<NewMember>> = members.into_iter().collect();
    match (members, told) {
        (Some(members), Some(told)) if faults.iter().all(Vec::is_empty) => {
            Ok(Job { lines, steps: told.steps(reference, members, layout, origin) })
        }
        (_, _) => Err(lines.into_iter().zip(faults).map(|(line, faults)| Refused { line, faults }).collect()),
    }
}

/// Whose line is the main applicant's. A line without a link is, if no other line is said to be.
fn main_applicant(rows: &mut [Row<'_>]) -> Option<usize> {
    let main = MemberLink::main_applicant();
    let is_main = |row: &Row<'_>| row.person.as_ref().and_then(|person| person.link) == Some(main);
    let unsaid = |row: &Row<'_>| row.cells.text(&people::LINK).is_none();
    let found = rows.iter().position(is_main).or_else(|| rows.iter().position(unsaid));
    let first = found.and_then(|place| rows.get(place)).map(|row| row.cells.number());
    for (place, row) in rows.iter_mut().enumerate().filter(|(place, _)| Some(*place) != found) {
        match first {
            Some(line) if is_main(row) => {
                row.cells.fault(
                    &people::LINK,
                    format!("le demandeur principal de ce ménage est déjà ligne {line}"),
                );
            }
            Some(line) if unsaid(row) => {
                let why =
                    format!("à remplir : ce que la personne est pour le demandeur principal (ligne {line})");
                row.cells.fault(&people::LINK, why);
            }
            None if place == 0 && row.person.is_some() => {
                row.cells.fault(&people::LINK, "aucune personne de ce ménage n'est le demandeur principal");
            }
            Some(_) | None => {}
        }
    }
    found
}

/// Nobody is told of twice.
fn persons_apart(rows: &mut [Row<'_>]) {
    for place in 1..rows.len() {
        let (before, rest) = rows.split_at_mut(place);
        let Some(row) = rest.first_mut() else { return };
        let Some(person) = &row.person else { continue };
        let twin = before.iter().find(|one| {
            one.person.as_ref().is_some_and(|other| people::same(&other.identity, &person.identity))
        });
        if let Some(twin) = twin {
            let why = format!("la même personne est ligne {}", twin.cells.number());
            row.cells.fault(&people::LAST_NAME, why);
        }
    }
}

fn reachable(rows: &[Row<'_>], main: Option<usize>) -> bool {
    let contact =
        |row: &Row<'_>| [&people::PHONE, &people::EMAIL].iter().any(|one| row.cells.text(one).is_some());
    rows.iter().any(contact)
        || main.and_then(|main| rows.get(main)).is_some_and(|row| row.cells.says_yes(&THROUGH))
}

/// The lines of a household that is refused: each with what is wrong with it, or with the line it depends on.
pub(super) fn together(lines: Vec<Refused>) -> Vec<Refused> {
    let wrong = lines.iter().find(|line| !line.faults.is_empty()).map_or(0, |refused| refused.line);
    let along = || Fault {
        column: String::new(),
        why: format!("rien à corriger ici : le ménage attend la correction de la ligne {wrong}"),
    };
    lines
        .into_iter()
        .map(|Refused { line, faults }| Refused {
            line,
            faults: if faults.is_empty() { vec![along()] } else { faults },
        })
        .collect()
}
