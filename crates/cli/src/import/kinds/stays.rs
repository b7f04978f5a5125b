//! `stays`: one line per stay, running or over. A past stay with its dates makes the occupancy of a past night right.

use std::collections::{BTreeSet, HashMap};

use domain::decide::stay::{TakeOverStay, TakenOverEnd};
use domain::id::{HouseholdId, PersonId, Territory};
use domain::reference::{ExitDestination, ExitReason};
use jiff::Timestamp;

use super::households;
use super::once::Once;
use super::places;
use crate::import::cells::Cells;
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Job, Plan, Step};
use crate::import::table::Table;
use crate::import::verdict::Refused;

static STAY: Column = Column::new(
    "stay",
    "Référence du séjour",
    "La référence du séjour dans le fichier d'origine ; vide : ménage, place et date d'entrée en tiennent lieu.",
)
.also(&["reference_sejour", "id séjour", "numéro de séjour", "prise en charge"]);
static DEPARTMENT: Column = Column::new(
    "place_department",
    "Département de la place",
    "Seulement si ce n'est pas celui de l'import.",
)
.also(&["département"]);
static ENTERED: Column = Column::new("entered", "Entrée", "Jour, ou jour et heure, de l'entrée.")
    .required()
    .also(&["date d'entrée", "entrée le", "date d'admission", "date de début", "début", "from"])
    .example("12/01/2026");
static LEFT: Column = Column::new(
    "left",
    "Sortie",
    "Jour, ou jour et heure, de la sortie ; vide : le séjour est en cours. La nuit qui commence ce jour-là n'est pas comptée.",
)
.also(&["date de sortie", "sortie le", "date de fin", "fin", "to"])
.example("03/06/2026");
static PERSONS: Column = Column::new(
    "persons",
    "Personnes",
    "Combien de personnes du ménage ont séjourné : le demandeur principal, puis les plus âgés. Vide : tout le ménage.",
)
.also(&["nombre de personnes", "nombre de personnes accueillies", "nb personnes", "effectif"])
.example("1");
static DESTINATION: Column =
    Column::new("destination", "Destination", "Où va le ménage ; vide : non renseigné.")
        .also(&["situation à la sortie", "situationSortieDemande", "destination de sortie", "type de sortie"])
        .example("Logement du parc public");
static REASON: Column =
    Column::new("exit_reason", "Motif de sortie", "Pourquoi le séjour finit ; vide : autre motif.")
        .also(&["motif de fin", "raison de la sortie", "motif de fin de prise en charge"])
        .example("Accès à une solution");
static PLANNED: Column = Column::new("planned_end", "Fin prévue", "Dernier jour prévu, s'il y en a un.")
    .also(&["date de fin prévue", "échéance", "fin du contrat"]);

/// The columns of the file.
pub(super) static COLUMNS: [&Column; 10] = [
    &households::REFERENCE,
    &places::REFERENCE,
    &ENTERED,
    &LEFT,
    &PERSONS,
    &DESTINATION,
    &REASON,
    &PLANNED,
    &STAY,
    &DEPARTMENT,
];

/// The stays of a file. Those of one household are taken one after the other, the earliest first.
pub(super) fn plan(table: &Table, layout: &Layout, origin: &Origin) -> Plan {
    let mut plan = Plan::default();
    let mut once = Once::default();
    let (mut order, mut chains) = (Vec::new(), HashMap::<String, Vec<(Timestamp, Job)>>::new());
    for line in &table.lines {
        let mut cells = Cells::of(layout, line);
        let told = read(&mut cells, origin);
        if let Some(told) = &told {
            let column = if cells.text(&STAY).is_some() { &STAY } else { &ENTERED };
            once.check_as(&mut cells, column, told.reference.clone());
        }
        let (line, faults) = (cells.number(), cells.into_faults());
        match told {
            Some(told) if faults.is_empty() => {
                let chain = chains.entry(told.household.clone()).or_default();
                if chain.is_empty() {
                    order.push(told.household.clone());
                }
                let job = Job { lines: vec![line], steps: vec![told.step(layout, origin)] };
                chain.push((told.stay.from.0, job));
            }
            Some(_) | None => plan.refused.push(Refused { line, faults }),
        }
    }
    for household in order {
        let mut chain = chains.remove(&household).unwrap_or_default();
        chain.sort_by_key(|(from, _)| *from);
        plan.chains.push(chain.into_iter().map(|(_, job)| job).collect());
    }
    plan
}

/// A stay as a line tells it.
struct Told {
    household: String,
    reference: String,
    stay: TakeOverStay,
}

fn read(cells: &mut Cells<'_>, origin: &Origin) -> Option<Told> {
    let household = cells.needed(&households::REFERENCE);
    let place = cells.needed(&places::REFERENCE);
    let department: Option<Territory> =
        cells.parsed(&DEPARTMENT, "un département comme 33, 2A ou 974", |text| text.parse().ok());
    let place = place.map(|place| (place, origin.place(place, department.unwrap_or(origin.territory))));
    let home = place.map_or(origin.territory, |(_, place)| place.territory());
    let from = cells.needed(&ENTERED).and_then(|_| cells.instant(&ENTERED, home));
    let ended = ended(cells, home);
    if let (Some(from), Some(ended)) = (from, &ended)
        && ended.at <= from
    {
        cells.fault(&LEFT, "la sortie ne suit pas l'entrée");
    }
    let planned_end = cells.day(&PLANNED);
    let persons = household.and_then(|household| persons(cells, household, origin));
    let ((place_reference, place), household, from) = (place?, household?, from?);
    let stay = TakeOverStay { place, from, persons, planned_end, ended };
    let reference = match cells.text(&STAY) {
        Some(reference) => reference.to_owned(),
        None => format!("{household}/{place_reference}/{from}"),
    };
    Some(Told { household: household.to_owned(), reference, stay })
}

/// Who stayed, if not the whole household. The ids of persons follow from the import of their household, in the order it
/// registers them; of a household that is named by its own id nobody knows them here.
fn persons(cells: &mut Cells<'_>, household: &str, origin: &Origin) -> Option<BTreeSet<PersonId>> {
    let count = cells.count(&PERSONS, 1..=20)?;
    if household.parse::<HouseholdId>().is_ok() {
        cells.fault(
            &PERSONS,
            "laissez vide, ou nommez le ménage par la référence sous laquelle il a été importé",
        );
    }
    Some(origin.persons(household, count))
}

fn ended(cells: &mut Cells<'_>, home: Territory) -> Option<TakenOverEnd> {
    let at = cells.instant(&LEFT, home);
    let destination = cells.choice(&DESTINATION);
    let reason = cells.choice(&REASON);
    if cells.text(&LEFT).is_none() {
        for column in [&DESTINATION, &REASON] {
            if cells.text(column).is_some() {
                cells.fault(column, "il manque la date de sortie");
            }
        }
    }
    Some(TakenOverEnd {
        at: at?,
        destination: destination.unwrap_or_else(ExitDestination::not_stated),
        reason: reason.unwrap_or_else(ExitReason::other),
    })
}

impl Told {
    fn step(&self, layout: &Layout, origin: &Origin) -> Step {
        let household = origin.household(&self.household);
        let path = format!("/api/v1/households/{household}/take-over-stay");
        let key = origin.key(Thing::Stay, &self.reference, "take-over-stay");
        Step::new(path, key, &self.stay, "séjour repris")
            .blaming(
                layout,
                &[
                    ("unknown-id/Place", &places::REFERENCE),
                    ("unknown-id/Personne", &PERSONS),
                    ("unknown-id", &households::REFERENCE),
                ],
            )
            .blaming(layout, &[("household-merged", &households::REFERENCE)])
            .blaming(layout, &[("place-taken", &places::REFERENCE), ("over-capacity", &places::REFERENCE)])
            .blaming(layout, &[("lease-required", &places::REFERENCE), ("place-not-open", &ENTERED)])
            .blaming(
                layout,
                &[("already-staying", &ENTERED), ("date-in-future", &ENTERED), ("date-too-old", &ENTERED)],
            )
            .blaming(layout, &[("dates-reversed", &LEFT), ("absence-is-not-exit", &DESTINATION)])
    }
}
