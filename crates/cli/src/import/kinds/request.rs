//! The request that a household's line may carry: volet, situation, motif, wishes, needs, date of transmission.

use std::collections::BTreeSet;

use domain::calendar::Instant;
use domain::decide::request::{CreateRequest, SubmitRequest};
use domain::household::request::{NeedProfile, RequestFile};

use crate::import::areas::Areas;
use crate::import::cells::Cells;
use crate::import::columns::{Column, Layout};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::Step;

pub(super) static STREAM: Column =
    Column::new("stream", "Volet", "Urgence (115) ou insertion. Rempli : le ménage a une demande.")
        .also(&["volet de la demande", "type de demande", "request stream"])
        .example("Insertion");
pub(super) static SITUATION: Column = Column::new("situation", "Situation", "Où vit le ménage.")
    .also(&[
        "situation résidentielle",
        "situation de la demande",
        "situationDemande",
        "situation par rapport au logement",
        "residential situation",
    ])
    .example("À la rue");
pub(super) static REASON: Column =
    Column::new("request_reason", "Motif de la demande", "Pourquoi le ménage demande.")
        .also(&["motifDemande", "motif demande"])
        .example("Dort dans la rue");
pub(super) static WISHES: Column = Column::new(
    "wishes",
    "Souhaits",
    "Secteurs souhaités : communes, EPCI ou départements, par nom ou par code, séparés par | ou une virgule.",
)
.also(&["secteurs souhaités", "communes souhaitées", "localisation souhaitée", "territoires souhaités"])
.example("Bordeaux | Bordeaux Métropole");
pub(super) static RECOMMENDED: Column =
    Column::new("recommended", "Préconisations", "Types préconisés, séparés par | ou une virgule.")
        .also(&["préconisation", "orientation préconisée", "recommendations"])
        .example("CHRS");
pub(super) static SUBMITTED: Column = Column::new(
    "submitted_on",
    "Date de transmission",
    "Quand la demande a été transmise au SIAO : l'ancienneté en part. Vide : la demande reste à compléter.",
)
.also(&[
    "dateTransmissionInitialeSiao",
    "dateTransmissionSiao",
    "date de transmission initiale",
    "transmise le",
    "date de la demande",
])
.example("09/03/2026");
pub(super) static WHEELCHAIR: Column =
    Column::new("wheelchair", "Fauteuil roulant", "oui s'il faut une place accessible en fauteuil.")
        .also(&["PMR", "accessible PMR"]);
pub(super) static STEP_FREE: Column =
    Column::new("step_free", "Sans marches", "oui s'il faut un rez-de-chaussée ou un ascenseur.")
        .also(&["rez-de-chaussée ou ascenseur", "plain-pied"]);
pub(super) static ANIMALS: Column =
    Column::new("animals", "Animaux", "Chien, chat, autre animal.").also(&["animal"]);
pub(super) static VIOLENCE: Column = Column::new(
    "violence_dedicated",
    "Place réservée aux victimes de violences",
    "oui s'il faut une place réservée.",
)
.personal()
.also(&["femmes victimes de violences", "FVV"]);
pub(super) static JUSTICE: Column = Column::new(
    "justice_measure",
    "Mesure de justice",
    "oui si la place doit accepter une mesure de justice.",
)
.personal();
pub(super) static RESOURCES: Column = Column::new(
    "resources",
    "Ressources mensuelles",
    "Tranche, ou montant du ménage par mois : seule la tranche est gardée.",
)
.personal()
.also(&["ressources", "revenus mensuels", "resource bracket"]);
pub(super) static NOTE: Column =
    Column::new("request_note", "Note de la demande", "Note libre, scellée. Jamais de santé.").personal();

/// The columns that tell that there is a request.
static TELLING: [&Column; 6] = [&STREAM, &SITUATION, &REASON, &WISHES, &RECOMMENDED, &SUBMITTED];
/// The needs that are told by yes or no.
static NEEDS: [&str; 4] = [WHEELCHAIR.id, STEP_FREE.id, VIOLENCE.id, JUSTICE.id];
/// Every column of a request.
pub(super) static ALL: [&Column; 13] = [
    &STREAM,
    &SITUATION,
    &REASON,
    &WISHES,
    &RECOMMENDED,
    &SUBMITTED,
    &WHEELCHAIR,
    &STEP_FREE,
    &ANIMALS,
    &VIOLENCE,
    &JUSTICE,
    &RESOURCES,
    &NOTE,
];

/// A request as a line tells it.
pub(super) struct Asked {
    create: CreateRequest,
    pub(super) submitted: Option<Instant>,
}

/// Reads the request of a line, if it has one. `reachable` says whether somebody of the household can be joined, without
/// which no request is transmitted.
pub(super) fn read(cells: &mut Cells<'_>, areas: &Areas, reachable: bool) -> Option<Asked> {
    if TELLING.iter().all(|column| cells.text(column).is_none()) {
        without_request(cells);
        return None;
    }
    let stream = cells.needed(&STREAM).and_then(|_| cells.choice(&STREAM));
    let situation = cells.needed(&SITUATION).and_then(|_| cells.choice(&SITUATION));
    let reason = cells.needed(&REASON).and_then(|_| cells.choice(&REASON));
    let wishes = cells.several(&WISHES, |text| areas.area(text));
    let recommended: BTreeSet<_> = cells.choices(&RECOMMENDED).into_iter().collect();
    let submitted = cells.instant(&SUBMITTED, areas.territory());
    if cells.text(&SUBMITTED).is_some() {
        if cells.text(&WISHES).is_none() && cells.text(&RECOMMENDED).is_none() {
            cells.fault(&WISHES, "une demande transmise a un souhait ou une préconisation");
        }
        if !reachable {
            cells.fault(
                &super::people::PHONE,
                "une demande transmise a un moyen de joindre le ménage : téléphone, courriel ou structure",
            );
        }
    }
    let need = need(cells);
    let file =
        RequestFile { stream: stream?, situation: situation?, reason: reason?, wishes, need, recommended };
    let note = cells.text(&NOTE).map(str::to_owned);
    Some(Asked { create: CreateRequest { siao: None, file, note, at: submitted }, submitted })
}

/// What belongs to a request is not lost without a word where there is none. A need that is denied says nothing.
fn without_request(cells: &mut Cells<'_>) {
    for column in ALL {
        let text = cells.text(column).filter(|_| !NEEDS.contains(&column.id) || cells.says_yes(column));
        if text.is_some() {
            cells.fault(
                column,
                format!(
                    "sans demande, ceci n'a pas de place : remplissez « {} », ou videz cette cellule",
                    STREAM.fr
                ),
            );
        }
    }
}

fn need(cells: &mut Cells<'_>) -> NeedProfile {
    NeedProfile {
        wheelchair: cells.flag(&WHEELCHAIR).unwrap_or(false),
        step_free: cells.flag(&STEP_FREE).unwrap_or(false),
        animals: cells.choices(&ANIMALS).into_iter().collect(),
        violence_dedicated: cells.flag(&VIOLENCE).unwrap_or(false),
        justice_measure: cells.flag(&JUSTICE).unwrap_or(false),
        resources: cells.choice(&RESOURCES),
    }
}

impl Asked {
    /// The steps that create the request, and transmit it if it was.
    pub(super) fn steps(&self, reference: &str, origin: &Origin, layout: &Layout) -> Vec<Step> {
        let household = origin.household(reference);
        let path = |command: &str| format!("/api/v1/households/{household}/{command}");
        let stream = match self.create.file.stream {
            domain::household::request::RequestStream::Emergency115 => "create-request/115",
            domain::household::request::RequestStream::Insertion => "create-request/insertion",
        };
        let key = origin.key(Thing::Household, reference, stream);
        let request = origin.request(&key);
        let create = Step::new(path("create-request"), key, &self.create, "demande créée")
            .blaming(
                layout,
                &[("request-already-open", &STREAM), ("wishes-count", &WISHES), ("note-too-long", &NOTE)],
            )
            .blaming(layout, &[("date-in-future", &SUBMITTED), ("date-too-old", &SUBMITTED)]);
        let mut steps = vec![create];
        if let Some(at) = self.submitted {
            let submit = SubmitRequest { request, at: Some(at) };
            let key = origin.key(Thing::Household, reference, &stream.replace("create", "submit"));
            let step = Step::new(path("submit-request"), key, &submit, "demande transmise");
            steps.push(
                step.blaming(layout, &[("request-incomplete", &WISHES), ("request-situation", &SUBMITTED)]),
            );
        }
        steps
    }
}
