//! `places`: one line per place, or per dwelling of a social landlord. A place names its structure by the reference of
//! the file of structures. A place that is free is declared so.

use domain::decide::inventory::OpenPlace;
use domain::decide::vacancy::DeclareVacancy;
use domain::id::{PlaceId, Territory};
use domain::place::inventory::{Criteria, Description};

use super::once::Once;
use super::structures::{self, COMMUNE, KIND, PROVIDER};
use crate::import::areas::Areas;
use crate::import::cells::Cells;
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Job, Plan, Step};
use crate::import::table::Table;
use crate::import::verdict::Refused;

pub(super) static REFERENCE: Column = Column::new(
    "place",
    "Référence de la place",
    "La référence de la place chez son gestionnaire, seule à être ainsi nommée, toutes structures réunies.",
)
.required()
.also(&[
    "reference_place",
    "place reference",
    "id place",
    "code place",
    "lot",
    "référence du logement",
    "id logement",
])
.example("S-12/204");
static LABEL: Column = Column::new("label", "Libellé", "Le numéro sur la porte ; vide : la référence.")
    .also(&["numéro de la place", "numéro de chambre", "numéro du logement", "nom de la place"])
    .example("Chambre 204");
static CATEGORY: Column = Column::new("category", "Catégorie", "Chambre individuelle, studio, T2…")
    .required()
    .also(&["catégorie de place", "categoriePlaces", "typologie", "type de logement", "type de place"])
    .example("Chambre individuelle");
static CAPACITY: Column = Column::new("capacity", "Capacité", "Combien de personnes, de 1 à 60.")
    .required()
    .also(&["nombre de personnes", "nombre de places", "capacité d'accueil"])
    .example("1");
static DEPARTMENT: Column = Column::new(
    "structure_department",
    "Département de la structure",
    "Seulement si ce n'est pas celui de la place.",
);
static GENDER: Column = Column::new("gender", "Public", "Mixte, femmes ou hommes ; vide : mixte.").also(&[
    "sexe accueilli",
    "public accueilli",
    "mixité",
]);
static COUPLES: Column = Column::new("couples", "Couples", "non si les couples ne sont pas accueillis.")
    .also(&["couples accueillis"]);
static CHILDREN: Column = Column::new("children", "Enfants", "non si les mineurs ne sont pas accueillis.")
    .also(&["enfants accueillis", "mineurs"]);
static PERSONS_MIN: Column =
    Column::new("persons_min", "Personnes au moins", "Combien de personnes au moins ; vide : 1.");
static AGE_MIN: Column =
    Column::new("age_min", "Âge minimum", "Âge du plus jeune adulte.").also(&["age mini"]);
static AGE_MAX: Column =
    Column::new("age_max", "Âge maximum", "Âge du plus vieil adulte.").also(&["age maxi"]);
static ANIMALS: Column =
    Column::new("animals", "Animaux acceptés", "Chien, chat, autre animal.").also(&["animaux"]);
static WHEELCHAIR: Column = Column::new("wheelchair", "Accessible en fauteuil", "oui ou non ; vide : non.")
    .also(&["PMR", "accessible PMR", "fauteuil roulant"]);
static STEP_FREE: Column = Column::new("step_free", "Sans marches", "oui : rez-de-chaussée ou ascenseur.")
    .also(&["rez-de-chaussée ou ascenseur", "ascenseur"]);
static VIOLENCE: Column =
    Column::new("violence_dedicated", "Réservée aux victimes de violences", "oui ou non ; vide : non.")
        .also(&["FVV"]);
static JUSTICE: Column =
    Column::new("justice", "Accepte une mesure de justice", "non si ce n'est pas le cas.")
        .also(&["placement extérieur"]);
static RESOURCES: Column =
    Column::new("resources_min", "Ressources minimales", "Tranche ou montant par mois qu'il faut au moins.");
static RENT: Column = Column::new("rent", "Redevance", "Loyer ou redevance par mois, en euros.").also(&[
    "loyer",
    "redevance mensuelle",
    "loyer mensuel",
]);
static PLAI: Column =
    Column::new("plai_adapte", "PLAI adapté", "oui si le logement a été financé en PLAI adapté.");
static FREE: Column = Column::new("vacant", "Libre", "oui : la place est déclarée libre.")
    .also(&["vacante", "place libre", "disponible"])
    .example("oui");
static AVAILABLE: Column = Column::new(
    "available_from",
    "Disponible le",
    "Premier jour libre ; rempli : la place est déclarée libre.",
)
.also(&["date de disponibilité", "libre le", "disponible à partir du"]);
static SINCE: Column = Column::new(
    "opened_on",
    "Ouverte depuis",
    "Premier jour ; vide : aujourd'hui. Nécessaire pour reprendre des séjours passés.",
)
.also(&["ouvert depuis", "date d'ouverture", "ouverte le", "ouvert le"])
.example("01/01/2020");

/// The columns of the file.
pub(super) static COLUMNS: [&Column; 26] = [
    &REFERENCE,
    &structures::REFERENCE,
    &LABEL,
    &KIND,
    &CATEGORY,
    &CAPACITY,
    &COMMUNE,
    &PROVIDER,
    &SINCE,
    &FREE,
    &AVAILABLE,
    &GENDER,
    &COUPLES,
    &CHILDREN,
    &PERSONS_MIN,
    &AGE_MIN,
    &AGE_MAX,
    &ANIMALS,
    &WHEELCHAIR,
    &STEP_FREE,
    &VIOLENCE,
    &JUSTICE,
    &RESOURCES,
    &RENT,
    &PLAI,
    &DEPARTMENT,
];

/// The places of a file.
pub(super) fn plan(table: &Table, layout: &Layout, origin: &Origin) -> Plan {
    let mut plan = Plan::default();
    let (mut once, areas) = (Once::default(), Areas::of(origin.territory));
    for line in &table.lines {
        let mut cells = Cells::of(layout, line);
        let read = read(&mut cells, origin, &areas);
        once.check(&mut cells, &REFERENCE);
        let (line, faults) = (cells.number(), cells.into_faults());
        match read {
            Some(told) if faults.is_empty() => {
                plan.chains.push(vec![Job { lines: vec![line], steps: told.steps(layout, origin) }]);
            }
            Some(_) | None => plan.refused.push(Refused { line, faults }),
        }
    }
    plan
}

/// A place as a line tells it.
struct Told {
    reference: String,
    open: OpenPlace,
    free: Option<DeclareVacancy>,
}

fn read(cells: &mut Cells<'_>, origin: &Origin, areas: &Areas) -> Option<Told> {
    let reference = cells.needed(&REFERENCE);
    if reference.is_some_and(|reference| reference.parse::<PlaceId>().is_ok()) {
        cells.fault(&REFERENCE, "cette place est déjà dans Continuum : elle ne se crée pas une seconde fois");
    }
    let structure = cells.needed(&structures::REFERENCE);
    let kind = cells.needed(&KIND).and_then(|_| cells.choice(&KIND));
    let category = cells.needed(&CATEGORY).and_then(|_| cells.choice(&CATEGORY));
    let capacity = cells.needed(&CAPACITY).and_then(|_| cells.count(&CAPACITY, 1..=60));
    let commune = structures::one_commune(cells, areas);
    let provider = structures::provider(cells, origin);
    let department: Option<Territory> =
        cells.parsed(&DEPARTMENT, "un département comme 33, 2A ou 974", |text| text.parse().ok());
    let criteria = criteria(cells);
    let (rent, plai_adapte) = (cells.money(&RENT), cells.flag(&PLAI).unwrap_or(false));
    let from = cells.day(&SINCE);
    let (free, available_from) = (cells.flag(&FREE), cells.day(&AVAILABLE));
    if free == Some(false) && available_from.is_some() {
        cells.fault(
            &AVAILABLE,
            "la place n'est pas libre : laissez cette cellule vide, ou écrivez oui à « Libre »",
        );
    }
    let home = department.or_else(|| commune.map(|commune| commune.territory()))?;
    let description = Description {
        structure: origin.structure(structure?, home),
        kind: kind?,
        provider,
        label: cells.text(&LABEL).or(reference)?.to_owned(),
        category: category?,
        capacity: capacity?,
        commune: commune?,
        criteria,
        rent,
        plai_adapte,
    };
    let declared = free == Some(true) || available_from.is_some();
    let free = declared.then_some(DeclareVacancy { available_from, good_until: None });
    Some(Told { reference: reference?.to_owned(), open: OpenPlace { description, from }, free })
}

fn criteria(cells: &mut Cells<'_>) -> Criteria {
    let open_to_all = Criteria::default();
    Criteria {
        gender: cells.choice(&GENDER).unwrap_or(open_to_all.gender),
        couples: cells.flag(&COUPLES).unwrap_or(open_to_all.couples),
        children: cells.flag(&CHILDREN).unwrap_or(open_to_all.children),
        persons_min: cells.count(&PERSONS_MIN, 1..=60).unwrap_or(open_to_all.persons_min),
        age_min: cells.count(&AGE_MIN, 0..=120),
        age_max: cells.count(&AGE_MAX, 0..=120),
        animals: cells.choices(&ANIMALS).into_iter().collect(),
        wheelchair: cells.flag(&WHEELCHAIR).unwrap_or(open_to_all.wheelchair),
        step_free: cells.flag(&STEP_FREE).unwrap_or(open_to_all.step_free),
        violence_dedicated: cells.flag(&VIOLENCE).unwrap_or(open_to_all.violence_dedicated),
        justice: cells.flag(&JUSTICE).unwrap_or(open_to_all.justice),
        resources_min: cells.choice(&RESOURCES),
    }
}

impl Told {
    fn steps(&self, layout: &Layout, origin: &Origin) -> Vec<Step> {
        let is = &self.open.description;
        // Landlords speak of dwellings.
        let collection = if is.kind.let_by_committee() { "dwellings" } else { "places" };
        let path = format!("/api/v1/{collection}");
        let key = origin.key(Thing::Place, &self.reference, "open");
        let open = Step::new(path.clone(), key, &self.open, "place créée")
            .blaming(
                layout,
                &[("unknown-id", &structures::REFERENCE), ("structure-closed", &structures::REFERENCE)],
            )
            .blaming(layout, &[("place-kind", &KIND), ("place-provider", &PROVIDER), ("capacity", &CAPACITY)])
            .blaming(
                layout,
                &[("criteria", &PERSONS_MIN), ("text-length", &LABEL), ("already-open", &REFERENCE)],
            )
            .blaming(layout, &[("date-in-future", &SINCE), ("date-too-old", &SINCE)]);
        let mut steps = vec![open];
        if let Some(free) = &self.free {
            // The place that the first step creates. Free from another day is another declaration.
            let own = Origin { places_of: origin.organisation, ..origin.clone() };
            let place = own.place(&self.reference, is.commune.territory());
            let day = free.available_from.map_or_else(String::new, |day| day.to_string());
            let reference = format!("{}/{day}", self.reference);
            let key = origin.key(Thing::Place, &reference, "declare-vacancy");
            let step =
                Step::new(format!("{path}/{place}/declare-vacancy"), key, free, "place déclarée libre");
            steps.push(step.blaming(
                layout,
                &[("place-in-use", &FREE), ("vacancy-open", &FREE), ("place-closed", &FREE)],
            ));
        }
        steps
    }
}
