//! `sne`: requests of the national social-housing register (`interfaceNuu` 02.00 and 02.01). Each becomes a household
//! with its application. Of resources only the bracket is told, and nothing of them is recorded.

mod again;
mod reading;

use domain::calendar::Day;
use domain::decide::application::RegisterApplication;
use domain::decide::registration::{NewMember, Register};
use domain::household::application::UniqueRegistrationNumber;
use domain::household::composition::Expected;
use domain::money::Money;
use domain::reference::{CommuneCode, ResidentialSituation};

use super::xml::{BadXml, Element};
use super::{Planned, applications};
use crate::import::cells::read_money;
use crate::import::choices::{bracket, bracket_label};
use crate::import::origin::{Origin, Thing};
use crate::import::plan::{Job, Plan, Step};
use crate::import::refused::Form;
use crate::import::table::{Line, Table};
use crate::import::verdict::Refused;

pub use again::Requests;
use reading::Reading;

/// The requests of a file: a table of their numbers for the verdicts, the plan, what was read of each, and the file itself
/// for those that are refused.
pub(super) fn plan(text: &str, origin: &Origin) -> Result<Planned, BadXml> {
    let root = Element::parse(text)?;
    let version = root.attribute("versionInterface").unwrap_or("sans version");
    if root.name != "interfaceNuu" || !["02.00", "02.01"].contains(&version) {
        return Err(BadXml::NotSne { root: format!("{} {version}", root.name) });
    }
    let mut table = Table { headings: vec!["Numéro unique".to_owned()], lines: Vec::new() };
    let (mut plan, mut told) = (Plan::default(), Vec::new());
    for (line, asked) in (1..).zip(root.all("demande/demandeLogement")) {
        let number = asked.text("numUnique").unwrap_or_default();
        table.lines.push(Line { number: line, cells: vec![number.to_owned()] });
        let mut reading = Reading::default();
        let request = reading.request(asked);
        match request {
            Some(request) if reading.faults.is_empty() => {
                told.push(format!("demande {line} : {}", request.told));
                plan.chains.push(vec![Job { lines: vec![line], steps: request.steps(origin) }]);
            }
            Some(_) | None => plan.refused.push(Refused { line, faults: reading.faults }),
        }
    }
    let form = Form::Xml(Requests::of(text, &root));
    Ok(Planned { table, plan, unknown: Vec::new(), told, form })
}

/// A request as the register tells it.
struct Request {
    number: UniqueRegistrationNumber,
    filed_on: Day,
    members: Vec<NewMember>,
    expected: Option<Expected>,
    communes: Vec<CommuneCode>,
    note: Option<String>,
    told: String,
}

/// What was read of a request, without anything that names somebody: for the person who imports to compare.
fn told(persons: &Element, members: &[NewMember], expected: Option<&Expected>) -> String {
    let count = |path: &str| persons.all(path).len();
    format!(
        "{} dans le ménage, {} en cotitulaire, {} à charge, {} à naître ; ressources mensuelles : {} ; logement actuel : {}",
        members.len(),
        count("listeCotitulaire/cotitulaire"),
        count("listePersonneACharge/personneACharge"),
        expected.map_or(0, |expected| expected.children),
        bracket_label(bracket(resources(persons))),
        housing(persons),
    )
}

/// Where the household lives now, as far as the register's code has one meaning here.
fn housing(persons: &Element) -> String {
    let Some(code) = persons.code("logementActuel/listeModeleLogement/modeleLogement") else {
        return "non renseigné".to_owned();
    };
    let bears = |situation: &ResidentialSituation| situation.entry().sne_codes().any(|theirs| theirs == code);
    let found: Vec<_> = ResidentialSituation::all().filter(bears).collect();
    match found[..] {
        [only] => only.label_fr().to_owned(),
        _ => format!("code {code} du SNE"),
    }
}

/// What the household receives a month, less what it pays.
fn resources(persons: &Element) -> Money {
    let sum = |list: &str| -> i64 {
        let people =
            ["demandeur", "listeCotitulaire/cotitulaire"].into_iter().flat_map(|path| persons.all(path));
        let amounts = people.flat_map(|person| person.all(&format!("{list}/detailRessource/montant")));
        amounts.filter_map(|amount| amount.own_text().and_then(read_money)).map(Money::as_cents).sum()
    };
    let received = sum("listeRessourceRecue") + sum("listeRessourceRecuePersACharge");
    let paid = sum("listeRessourceVersee") + sum("listeRessourceVerseePersACharge");
    Money::cents((received - paid).max(0))
}

impl Request {
    fn steps(&self, origin: &Origin) -> Vec<Step> {
        let reference = self.number.to_string();
        let register = Register {
            territory: origin.territory,
            members: self.members.clone(),
            expected: self.expected.clone(),
            reachable_through_structure: false,
            at: None,
            note: self.note.clone(),
            duplicate_reviewed: None,
        };
        let key = origin.key(Thing::Household, &reference, "register");
        let household = Step::new("/api/v1/households".to_owned(), key, &register, "ménage enregistré");
        let application = RegisterApplication {
            filed_on: Some(self.filed_on),
            number: Some(self.number),
            renewed_on: origin.renewed_on.filter(|renewed| *renewed > self.filed_on),
            communes: self.communes.clone(),
        };
        let own = Origin { households_of: origin.organisation, ..origin.clone() };
        let known_as = applications::reference(&reference, Some(self.number), self.filed_on);
        let application = applications::step(&reference, &known_as, &application, &own);
        vec![household, application]
    }
}
