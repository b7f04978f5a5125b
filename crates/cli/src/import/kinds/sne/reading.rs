//! One request as the register tells it, element by element. What is wrong is gathered by the path of the element.

use domain::calendar::Day;
use domain::decide::registration::NewMember;
use domain::household::composition::{Expected, Identity, Sex};
use domain::reference::{CommuneCode, MemberLink, RightOfResidence};

use super::super::people::dialled;
use super::super::xml::Element;
use super::{Request, told};
use crate::import::moments::read_moment;
use crate::import::verdict::Fault;

/// What a person who cannot be named is called (the register does not name children in shared custody).
const UNKNOWN: &str = "inconnu";

/// Gathers what is wrong with a request, by the path of the element.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) faults: Vec<Fault>,
}

impl Reading {
    fn fault(&mut self, column: &str, why: impl Into<String>) {
        self.faults.push(Fault { column: column.to_owned(), why: why.into() });
    }

    /// The text of an element that must have some.
    fn needed<'e>(&mut self, element: &'e Element, path: &str) -> Option<&'e str> {
        let text = element.text(path);
        if text.is_none() {
            self.fault(path, "manque");
        }
        text
    }

    fn day(&mut self, element: &Element, path: &str) -> Option<Day> {
        let text = self.needed(element, path)?;
        match read_moment(text) {
            Ok(moment) => Some(Day(moment.date())),
            Err(why) => {
                self.fault(path, why);
                None
            }
        }
    }

    /// The request of one `demandeLogement`.
    pub(super) fn request(&mut self, asked: &Element) -> Option<Request> {
        let number = self.needed(asked, "numUnique").and_then(|text| {
            let number = text.parse();
            if number.is_err() {
                self.fault("numUnique", "ce n'est pas un numéro unique de 18 caractères");
            }
            number.ok()
        });
        let filed_on = self.day(asked, "dateCreationDemande");
        let Some(persons) = asked.first("personnePhysique") else {
            self.fault("personnePhysique", "manque : seule la demande d'une personne physique se reprend");
            return None;
        };
        let members = self.members(persons);
        let expected = self.expected(persons);
        let communes = self.communes(asked);
        let (told, note) = (told(persons, &members, expected.as_ref()), visits(persons));
        Some(Request { number: number?, filed_on: filed_on?, members, expected, communes, note, told })
    }

    /// Everybody who will live there: the applicant, co-holders, dependants, and children in shared custody. Children of
    /// whom the household has visits only are not members.
    fn members(&mut self, persons: &Element) -> Vec<NewMember> {
        let mut members = Vec::new();
        match persons.first("demandeur") {
            Some(applicant) => {
                members.extend(self.adult(applicant, "demandeur", MemberLink::main_applicant()))
            }
            None => self.fault("demandeur", "manque"),
        }
        for holder in persons.all("listeCotitulaire/cotitulaire") {
            let link = match holder.code("lienDemandeur") {
                Some("M" | "P" | "C") => MemberLink::spouse_or_partner(),
                Some(_) | None => MemberLink::other(),
            };
            members.extend(self.adult(holder, "cotitulaire", link));
        }
        for dependant in persons.all("listePersonneACharge/personneACharge") {
            let link = match dependant.code("lienParente") {
                Some("E") => MemberLink::child(),
                Some("P") => MemberLink::parent(),
                Some("A") => MemberLink::other_relative(),
                Some(_) | None => MemberLink::other(),
            };
            members.extend(self.other(dependant, "personneACharge", link));
        }
        for child in persons.all("listePersonneEnGarde/personneEnGarde").into_iter().filter(|one| shared(one))
        {
            members.extend(self.other(child, "personneEnGarde", MemberLink::child()));
        }
        members
    }

    fn adult(&mut self, person: &Element, path: &str, link: MemberLink) -> Option<NewMember> {
        let sex = match person.code("civilite") {
            Some("1") => Some(Sex::Male),
            Some("2" | "3") => Some(Sex::Female),
            Some(_) | None => {
                self.fault(&format!("{path}/civilite"), "inconnue : attendu 1 ou 2");
                None
            }
        };
        // Code 3, outside the European Union, tells no title: it stays unsaid.
        let residence = match person.code("nationalite") {
            Some(code @ ("1" | "2")) => RightOfResidence::from_sne(code),
            Some(_) | None => None,
        };
        let identity = self.identity(person, path)?;
        Some(NewMember { sex: sex?, link, residence, identity })
    }

    fn other(&mut self, person: &Element, path: &str, link: MemberLink) -> Option<NewMember> {
        let sex = match person.code("sexe") {
            Some("F") => Some(Sex::Female),
            Some("M") => Some(Sex::Male),
            Some(_) | None => {
                self.fault(&format!("{path}/sexe"), "inconnu : attendu F ou M");
                None
            }
        };
        let identity = self.identity(person, path)?;
        Some(NewMember { sex: sex?, link, residence: None, identity })
    }

    fn identity(&mut self, person: &Element, path: &str) -> Option<Identity> {
        let before = self.faults.len();
        let birth_date = self.day(person, "dateNaissance");
        for fault in self.faults.iter_mut().skip(before) {
            fault.column = format!("{path}/{}", fault.column);
        }
        let name = |path: &str| person.text(path).unwrap_or(UNKNOWN).to_owned();
        let phone = person.text("telPortable").or_else(|| person.text("telDomicile"));
        Some(Identity {
            last_name: name("nom"),
            first_names: name("prenom"),
            birth_name: person.text("nomPatronymique").map(str::to_owned),
            birth_date: birth_date?,
            phone: phone.map(dialled),
            email: person.text("mel").map(str::to_owned),
            address: person.first("adressePostale").and_then(address),
        })
    }

    /// Children to be born. The register does not say whether a certificate was seen: somebody looks at it later.
    fn expected(&mut self, persons: &Element) -> Option<Expected> {
        let born = persons.first("personneANaitre")?;
        let children = born.text("nombre")?.parse().ok().filter(|children| *children > 0)?;
        let due = self.day(born, "dateNaissancePrevue")?;
        Some(Expected { due, children, certified: false })
    }

    fn communes(&mut self, asked: &Element) -> Vec<CommuneCode> {
        let path = "logementRecherche/listeLocalisationSouhaite/localisationSouhaite/commune";
        let mut communes: Vec<CommuneCode> = Vec::new();
        for wished in asked.all(path) {
            match wished.attribute("code").map(str::parse) {
                Some(Ok(code)) if communes.contains(&code) => {}
                Some(Ok(code)) => communes.push(code),
                Some(Err(_)) | None => {
                    self.fault("localisationSouhaite/commune", "ce code de commune est inconnu")
                }
            }
        }
        communes
    }
}

/// Whether a child lives with the household half of the time (`G`); with `D` the child visits.
fn shared(child: &Element) -> bool {
    child.code("coParentalite") == Some("G")
}

fn address(address: &Element) -> Option<String> {
    let city = address
        .code("commune")
        .and_then(|code| code.parse::<CommuneCode>().ok())
        .map(|code| code.commune().name);
    let parts =
        ["numero", "voie", "complement", "codePostal"].into_iter().filter_map(|part| address.text(part));
    let parts: Vec<&str> = parts.chain(city).collect();
    if parts.is_empty() { None } else { Some(parts.join(" ")) }
}

/// Children of whom the household has visits, for the note.
fn visits(persons: &Element) -> Option<String> {
    let children = persons.all("listePersonneEnGarde/personneEnGarde");
    match children.iter().filter(|child| !shared(child)).count() {
        0 => None,
        1 => Some("SNE : 1 enfant en droit de visite.".to_owned()),
        several => Some(format!("SNE : {several} enfants en droit de visite.")),
    }
}
