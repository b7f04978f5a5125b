//! `applications`: one line per social-housing application (*demande de logement social*) of a household.

use domain::calendar::Day;
use domain::decide::application::RegisterApplication;
use domain::household::application::UniqueRegistrationNumber;

use super::households;
use super::once::Once;
use crate::import::areas::Areas;
use crate::import::cells::Cells;
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Job, Plan, Step};
use crate::import::table::Table;
use crate::import::verdict::Refused;

static NUMBER: Column =
    Column::new("number", "Numéro unique", "Les 18 caractères du numéro unique, s'il est connu.")
        .also(&[
            "numeroUnique",
            "NUR",
            "NUD",
            "numéro unique d'enregistrement",
            "numéro unique départemental",
            "numUnique",
        ])
        .example("0330326000042G0001");
static FILED: Column = Column::new("filed_on", "Date de dépôt", "Le jour du dépôt de la demande.")
    .required()
    .also(&[
        "dateDemandeLogementSocial",
        "dateCreationDemande",
        "date de la demande",
        "déposée le",
        "date de création",
    ])
    .example("12/03/2026");
static RENEWED: Column = Column::new(
    "renewed_on",
    "Date de renouvellement",
    "Le dernier renouvellement ; nécessaire si le dépôt remonte à plus d'un an.",
)
.also(&["daterenouvellementLogementSocial", "renouvelée le", "dernier renouvellement"]);
static COMMUNES: Column = Column::new(
    "communes",
    "Communes souhaitées",
    "Communes, par nom ou par code, séparées par | ou une virgule.",
)
.also(&["communesDemandeLogementSocial", "communes demandées", "communes", "souhaits"])
.example("Bordeaux | Pessac");

/// The columns of the file.
pub(super) static COLUMNS: [&Column; 5] = [&households::REFERENCE, &NUMBER, &FILED, &RENEWED, &COMMUNES];

/// The applications of a file.
pub(super) fn plan(table: &Table, layout: &Layout, origin: &Origin) -> Plan {
    let mut plan = Plan::default();
    let (mut once, areas) = (Once::default(), Areas::of(origin.territory));
    for line in &table.lines {
        let mut cells = Cells::of(layout, line);
        let told = read(&mut cells, &areas);
        if let Some((_, reference, _)) = &told {
            let column = if cells.text(&NUMBER).is_some() { &NUMBER } else { &FILED };
            once.check_as(&mut cells, column, reference.clone());
        }
        let (line, faults) = (cells.number(), cells.into_faults());
        match told {
            Some((household, reference, register)) if faults.is_empty() => {
                let blame = [
                    ("number-month", &NUMBER),
                    ("application-expired", &RENEWED),
                    ("application-exists", &households::REFERENCE),
                    ("unknown-id", &households::REFERENCE),
                    ("household-merged", &households::REFERENCE),
                    ("communes-count", &COMMUNES),
                    ("date-in-future", &FILED),
                    ("date-too-old", &FILED),
                ];
                let step = step(&household, &reference, &register, origin).blaming(layout, &blame);
                plan.chains.push(vec![Job { lines: vec![line], steps: vec![step] }]);
            }
            Some(_) | None => plan.refused.push(Refused { line, faults }),
        }
    }
    plan
}

fn read(cells: &mut Cells<'_>, areas: &Areas) -> Option<(String, String, RegisterApplication)> {
    let household = cells.needed(&households::REFERENCE);
    let filed_on = cells.needed(&FILED).and_then(|_| cells.day(&FILED));
    let number =
        cells.parsed(&NUMBER, "un numéro unique de 18 caractères, comme 0330318016982G1104", read_number);
    let renewed_on = cells.day(&RENEWED);
    let communes = cells.several(&COMMUNES, |text| areas.commune(text));
    let (household, filed_on) = (household?, filed_on?);
    let register = RegisterApplication { filed_on: Some(filed_on), number, renewed_on, communes };
    Some((household.to_owned(), reference(household, number, filed_on), register))
}

/// A number as people write it: with blanks, in small letters.
fn read_number(text: &str) -> Option<UniqueRegistrationNumber> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    text.to_ascii_uppercase().parse().ok()
}

/// What an application is known by: its number, or whose it is and when it was filed.
pub(super) fn reference(household: &str, number: Option<UniqueRegistrationNumber>, filed_on: Day) -> String {
    number.map_or_else(|| format!("{household}/{filed_on}"), |number| format!("{household}/{number}"))
}

/// The step that registers an application.
pub(super) fn step(
    household: &str,
    reference: &str,
    register: &RegisterApplication,
    origin: &Origin,
) -> Step {
    let path = format!("/api/v1/households/{}/register-application", origin.household(household));
    let key = origin.key(Thing::Application, reference, "register-application");
    Step::new(path, key, register, "demande de logement social enregistrée")
}
