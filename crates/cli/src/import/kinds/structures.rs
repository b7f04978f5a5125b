//! `structures`: one line per structure, or per building of a social landlord.

use domain::decide::inventory::OpenStructure;
use domain::id::{OrganisationId, StructureId};
use domain::structure::Profile;
use domain::structure_kind::StructureKind;

use super::once::Once;
use crate::import::areas::Areas;
use crate::import::cells::{Cells, shown};
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Job, Plan, Step};
use crate::import::table::Table;
use crate::import::verdict::Refused;

pub(super) static REFERENCE: Column = Column::new(
    "structure",
    "Référence de la structure",
    "La référence de la structure chez son gestionnaire.",
)
.required()
.also(&[
    "reference_structure",
    "structure reference",
    "id structure",
    "code structure",
    "référence du bâtiment",
])
.example("S-12");
static NAME: Column = Column::new("name", "Nom de la structure", "Comme sur la porte.")
    .required()
    .also(&["nom", "structure nom", "nom de l'établissement", "raison sociale", "résidence"])
    .example("Résidence Exemple");
pub(super) static KIND: Column =
    Column::new("kind", "Type", "Le type de la structure : CHRS, résidence sociale, FJT…")
        .required()
        .also(&[
            "type de structure",
            "type d'établissement",
            "typeEtablissement",
            "dispositif",
            "structure kind",
        ])
        .example("CHRS");
pub(super) static COMMUNE: Column =
    Column::new("commune", "Commune", "Code INSEE, ou nom dans le département.")
        .required()
        .also(&["code INSEE", "code commune", "ville", "insee"])
        .example("Bordeaux");
pub(super) static PROVIDER: Column = Column::new(
    "provider",
    "Gestionnaire",
    "L'identifiant de l'organisme qui la gère ; vide : celui qui importe.",
)
.also(&["organisme gestionnaire", "identifiant du gestionnaire", "bailleur"]);
static ADDRESS: Column =
    Column::new("address", "Adresse", "Numéro et voie. Vide si l'adresse doit rester secrète.")
        .also(&["adresse postale", "voie"]);
static FINESS: Column = Column::new("finess", "FINESS", "Le numéro FINESS, neuf caractères.")
    .also(&["numéro FINESS", "n° FINESS"]);
pub(super) static SINCE: Column = Column::new(
    "opened_on",
    "Ouverte depuis",
    "Premier jour ; vide : aujourd'hui. Nécessaire pour reprendre des séjours passés.",
)
.also(&["ouvert depuis", "date d'ouverture", "ouverte le", "ouvert le"])
.example("01/01/2020");

/// The columns of the file.
pub(super) static COLUMNS: [&Column; 8] =
    [&REFERENCE, &NAME, &KIND, &COMMUNE, &PROVIDER, &ADDRESS, &FINESS, &SINCE];

/// The structures of a file.
pub(super) fn plan(table: &Table, layout: &Layout, origin: &Origin) -> Plan {
    let mut plan = Plan::default();
    let (mut once, areas) = (Once::default(), Areas::of(origin.territory));
    for line in &table.lines {
        let mut cells = Cells::of(layout, line);
        let read = read(&mut cells, origin, &areas);
        once.check(&mut cells, &REFERENCE);
        let (line, faults) = (cells.number(), cells.into_faults());
        match read {
            Some((reference, open)) if faults.is_empty() => {
                let step = step(&reference, &open, layout, origin);
                plan.chains.push(vec![Job { lines: vec![line], steps: vec![step] }]);
            }
            Some(_) | None => plan.refused.push(Refused { line, faults }),
        }
    }
    plan
}

fn read(cells: &mut Cells<'_>, origin: &Origin, areas: &Areas) -> Option<(String, OpenStructure)> {
    let reference = cells.needed(&REFERENCE);
    if reference.is_some_and(|reference| reference.parse::<StructureId>().is_ok()) {
        cells.fault(
            &REFERENCE,
            "cette structure est déjà dans Continuum : elle ne se crée pas une seconde fois",
        );
    }
    let name = cells.needed(&NAME);
    let kind = cells.needed(&KIND).and_then(|_| cells.choice(&KIND));
    let commune = one_commune(cells, areas);
    let provider = provider(cells, origin);
    let at = cells.instant(&SINCE, commune.map_or(origin.territory, |commune| commune.territory()));
    let profile = Profile {
        name: name?.to_owned(),
        kind: kind?,
        provider,
        commune: commune?,
        address: cells.text(&ADDRESS).map(str::to_owned),
        finess: cells.text(&FINESS).map(str::to_owned),
        reference: reference.map(str::to_owned),
    };
    Some((reference?.to_owned(), OpenStructure { profile, at }))
}

/// The commune of a line.
pub(super) fn one_commune(cells: &mut Cells<'_>, areas: &Areas) -> Option<domain::reference::CommuneCode> {
    let text = cells.needed(&COMMUNE)?;
    match areas.commune(text) {
        Ok(commune) => Some(commune),
        Err(unread) => {
            cells.fault(&COMMUNE, format!("« {} » : {}", shown(text), unread.sentence()));
            None
        }
    }
}

/// The provider of a line: who imports, if nobody is named.
pub(super) fn provider(cells: &mut Cells<'_>, origin: &Origin) -> OrganisationId {
    let wanted = "l'identifiant d'un organisme, comme 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
    cells.parsed(&PROVIDER, wanted, |text| text.parse().ok()).unwrap_or(origin.organisation)
}

fn step(reference: &str, open: &OpenStructure, layout: &Layout, origin: &Origin) -> Step {
    let path = format!("/api/v1/{}", collection(open.profile.kind));
    Step::new(path, origin.key(Thing::Structure, reference, "open"), open, "structure créée")
        .blaming(layout, &[("already-open", &REFERENCE), ("finess", &FINESS), ("text-length", &NAME)])
        .blaming(layout, &[("date-in-future", &SINCE), ("date-too-old", &SINCE)])
}

/// The word in URLs for structures of this kind: landlords speak of buildings.
fn collection(kind: StructureKind) -> &'static str {
    if kind.let_by_committee() { "buildings" } else { "structures" }
}
