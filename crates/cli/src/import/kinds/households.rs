//! `households`: one line per person; the lines of one household bear the same reference. What concerns the household as
//! a whole stands on the line of its main applicant.

use std::collections::HashMap;

use domain::calendar::Day;
use domain::decide::registration::{NewMember, Register};
use domain::household::composition::Expected;
use domain::reference::MemberLink;

use super::composition::{Row, household, together};
use super::people;
use super::request::{self, Asked};
use crate::import::areas::Areas;
use crate::import::cells::Cells;
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Plan, Step};
use crate::import::table::Table;
use crate::import::verdict::Refused;

pub(super) static REFERENCE: Column = Column::new(
    "household",
    "Référence du ménage",
    "La référence du ménage dans le fichier d'origine, ou son identifiant dans Continuum.",
)
.required()
.also(&[
    "reference_menage",
    "household reference",
    "id ménage",
    "ménage",
    "numéro de ménage",
    "idGroupe",
    "fiche groupe",
])
.example("M-1042");
static DUE: Column = Column::new("expected_due", "Naissance attendue le", "Date prévue de la naissance.")
    .personal()
    .also(&["date de terme", "dateNaissancePrevue", "date d'accouchement prévue"]);
static CHILDREN: Column =
    Column::new("expected_children", "Enfants à naître", "Combien ; 1 si la cellule est vide.")
        .also(&["nombre d'enfants à naître", "personnes à naître"]);
static CERTIFIED: Column = Column::new(
    "pregnancy_certified",
    "Grossesse attestée",
    "oui si un certificat de plus de 12 semaines a été vu.",
);
pub(super) static THROUGH: Column = Column::new(
    "reachable_through_structure",
    "Joignable par une structure",
    "oui si une structure peut transmettre un message.",
);
static SINCE: Column = Column::new(
    "known_since",
    "Connu depuis",
    "Depuis quand le ménage est connu ; vide : depuis la transmission de sa demande, sinon depuis aujourd'hui.",
)
.also(&["date de création", "dateCreation"]);
static NOTE: Column = Column::new("note", "Note", "Note libre, scellée. Jamais de santé.")
    .personal()
    .also(&["commentaire", "observations"]);

/// The columns of the household itself.
static OWN: [&Column; 6] = [&DUE, &CHILDREN, &CERTIFIED, &THROUGH, &SINCE, &NOTE];
/// The columns of the file.
pub(super) static COLUMNS: [&Column; 32] = [
    &REFERENCE,
    &people::LINK,
    &people::LAST_NAME,
    &people::FIRST_NAMES,
    &people::BIRTH_NAME,
    &people::BIRTH_DATE,
    &people::SEX,
    &people::RESIDENCE,
    &people::PHONE,
    &people::EMAIL,
    &people::ADDRESS,
    &people::POSTCODE,
    &people::CITY,
    &DUE,
    &CHILDREN,
    &CERTIFIED,
    &THROUGH,
    &SINCE,
    &NOTE,
    &request::STREAM,
    &request::SITUATION,
    &request::REASON,
    &request::WISHES,
    &request::RECOMMENDED,
    &request::SUBMITTED,
    &request::WHEELCHAIR,
    &request::STEP_FREE,
    &request::ANIMALS,
    &request::VIOLENCE,
    &request::JUSTICE,
    &request::RESOURCES,
    &request::NOTE,
];

/// The lines of one household.
#[derive(Default)]
struct Group<'a> {
    rows: Vec<Row<'a>>,
    /// Lines without a reference below one of its lines: merged cells of a spreadsheet leave it on the first line alone.
    /// They may be of this household, so it waits for them: registered without them, it would stay so.
    strays: Vec<Cells<'a>>,
}

/// The households of a file.
pub(super) fn plan(table: &Table, layout: &Layout, origin: &Origin) -> Plan {
    let mut plan = Plan::default();
    let areas = Areas::of(origin.territory);
    let (mut order, mut households) = (Vec::<&str>::new(), HashMap::<&str, Group<'_>>::new());
    let mut above = None;
    for line in &table.lines {
        let mut cells = Cells::of(layout, line);
        let reference = cells.needed(&REFERENCE);
        let person = people::read(&mut cells);
        match (reference, above.and_then(|above| households.get_mut(above))) {
            (Some(reference), _) => {
                let group = households.entry(reference).or_default();
                if group.rows.is_empty() {
                    order.push(reference);
                }
                group.rows.push(Row { cells, person });
                above = Some(reference);
            }
            (None, Some(group)) => group.strays.push(cells),
            (None, None) => plan.refused.push(Refused::of(cells)),
        }
    }
    for reference in order {
        let Group { rows, strays } = households.remove(reference).unwrap_or_default();
        let mut refused = match household(reference, rows, layout, origin, &areas) {
            Ok(job) if strays.is_empty() => {
                plan.chains.push(vec![job]);
                continue;
            }
            Ok(job) => job.lines.into_iter().map(|line| Refused { line, faults: Vec::new() }).collect(),
            Err(refused) => refused,
        };
        refused.extend(strays.into_iter().map(Refused::of));
        plan.refused.extend(together(refused));
    }
    plan
}

/// What the main applicant's line tells of the household.
pub(super) struct Told {
    expected: Option<Expected>,
    through: bool,
    since: Option<domain::calendar::Instant>,
    note: Option<String>,
    asked: Option<Asked>,
}

pub(super) fn tell(rows: &mut [Row<'_>], main: usize, areas: &Areas, reachable: bool) -> Told {
    let columns = || OWN.iter().chain(&request::ALL);
    let said: Vec<Option<&str>> = match rows.get(main) {
        Some(row) => columns().map(|column| row.cells.text(column)).collect(),
        None => Vec::new(),
    };
    let line = rows.get(main).map_or(0, |row| row.cells.number());
    for (_, row) in rows.iter_mut().enumerate().filter(|(place, _)| *place != main) {
        for (column, said) in columns().zip(&said) {
            // Exports often repeat on every line what concerns the household: that is fine as long as it is the same.
            if row.cells.text(column).is_some_and(|text| Some(text) != *said) {
                let why =
                    format!("concerne le ménage : à écrire sur la ligne du demandeur principal ({line})");
                row.cells.fault(column, why);
            }
        }
    }
    let Some(Row { cells, .. }) = rows.get_mut(main) else {
        return Told { expected: None, through: false, since: None, note: None, asked: None };
    };
    let expected = expected(cells);
    let through = cells.flag(&THROUGH).unwrap_or(false);
    let since = cells.instant(&SINCE, areas.territory());
    let note = cells.text(&NOTE).map(str::to_owned);
    let asked = request::read(cells, areas, reachable);
    Told { expected, through, since, note, asked }
}

fn expected(cells: &mut Cells<'_>) -> Option<Expected> {
    fn unsaid(cells: &mut Cells<'_>) -> Option<Expected> {
        if cells.text(&DUE).is_none() {
            cells.fault(&DUE, "à remplir : quand la naissance est attendue");
        }
        None
    }
    let children = cells.count(&CHILDREN, 0..=9);
    let certified = cells.flag(&CERTIFIED).unwrap_or(false);
    let due = cells.day(&DUE);
    match (due, children) {
        // A certificate is not lost without a word.
        (None, Some(0) | None) if certified => unsaid(cells),
        (Some(_), Some(0)) | (None, Some(0) | None) => None,
        (Some(due), children) => Some(Expected { due, children: children.unwrap_or(1), certified }),
        (None, Some(_)) => unsaid(cells),
    }
}

impl Told {
    pub(super) fn steps(
        &self,
        reference: &str,
        mut members: Vec<NewMember>,
        layout: &Layout,
        origin: &Origin,
    ) -> Vec<Step> {
        // In an order of their own, so that a file that was sorted since asks for the same.
        members.sort_by(|one, other| order(one).cmp(&order(other)));
        let register = Register {
            territory: origin.territory,
            members,
            expected: self.expected.clone(),
            reachable_through_structure: self.through,
            at: self.since.or_else(|| self.asked.as_ref().and_then(|asked| asked.submitted)),
            note: self.note.clone(),
            duplicate_reviewed: None,
        };
        let key = origin.key(Thing::Household, reference, "register");
        let step = Step::new("/api/v1/households".to_owned(), key, &register, "ménage enregistré")
            .blaming(layout, &[("birth-date-impossible", &people::BIRTH_DATE), ("note-too-long", &NOTE)])
            .blaming(layout, &[("main-applicant", &people::LINK), ("members-count", &REFERENCE)])
            .blaming(layout, &[("already-registered", &REFERENCE), ("identity-too-long", &people::LAST_NAME)])
            .blaming(layout, &[("date-in-future", &SINCE), ("date-too-old", &SINCE)]);
        let requests = self.asked.iter().flat_map(|asked| asked.steps(reference, origin, layout));
        [step].into_iter().chain(requests).collect()
    }
}

/// By what the members of a household are sorted: the main applicant first, then the oldest.
fn order(member: &NewMember) -> (bool, Day, &str, &str) {
    let is = &member.identity;
    (member.link != MemberLink::main_applicant(), is.birth_date, &is.first_names, &is.last_name)
}
