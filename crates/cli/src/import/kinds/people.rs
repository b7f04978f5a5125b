//! What a line says of one person.

use domain::calendar::Day;
use domain::household::composition::{Identity, Sex};
use domain::reference::{MemberLink, RightOfResidence};

use crate::import::cells::Cells;
use crate::import::columns::Column;

pub(super) static LINK: Column = Column::new(
    "link",
    "Lien",
    "Ce que la personne est pour le demandeur principal. Vide : le demandeur principal.",
)
.also(&[
    "lien avec le demandeur",
    "lien de parenté",
    "lienDemandeur",
    "lienParente",
    "rôle dans le ménage",
    "relationship",
])
.example("Demandeur principal");
pub(super) static LAST_NAME: Column =
    Column::new("last_name", "Nom", "Nom d'usage ; « inconnu » s'il ne l'est pas.")
        .required()
        .personal()
        .also(&["nom d'usage", "nom usuel", "nom de famille", "surname", "name"])
        .example("EXEMPLE");
pub(super) static FIRST_NAMES: Column =
    Column::new("first_names", "Prénoms", "Prénoms ; « inconnu » s'ils ne le sont pas.")
        .required()
        .personal()
        .also(&["prénom", "prénom(s)", "first name", "given names"])
        .example("Camille");
pub(super) static BIRTH_NAME: Column = Column::new("birth_name", "Nom de naissance", "S'il diffère.")
    .personal()
    .also(&["nom patronymique", "nomPatronymique", "nom de jeune fille"]);
pub(super) static BIRTH_DATE: Column = Column::new("birth_date", "Date de naissance", "Jour, mois et année.")
    .required()
    .personal()
    .also(&["né(e) le", "né le", "naissance", "dateNaissance", "date of birth", "dob"])
    .example("17/04/1987");
pub(super) static SEX: Column = Column::new("sex", "Sexe", "Sexe à l'état civil.")
    .required()
    .also(&["genre", "civilité", "gender"])
    .example("F");
pub(super) static RESIDENCE: Column = Column::new(
    "right_of_residence",
    "Droit au séjour",
    "Seulement si le logement cherché le demande (ALT, logement social).",
)
.personal()
.also(&["situation administrative", "titre de séjour", "nationalité", "droitSejour"]);
pub(super) static PHONE: Column = Column::new("phone", "Téléphone", "Un numéro où joindre la personne.")
    .personal()
    .also(&["tél", "portable", "mobile", "telPortable", "numéro de téléphone"])
    .example("06 12 34 56 78");
pub(super) static EMAIL: Column = Column::new("email", "Courriel", "Une adresse électronique.")
    .personal()
    .also(&["mail", "e-mail", "mel", "adresse électronique"]);
pub(super) static ADDRESS: Column = Column::new("address", "Adresse", "Adresse postale ou de domiciliation.")
    .personal()
    .also(&["adresse postale", "domiciliation", "voie"]);
pub(super) static POSTCODE: Column = Column::new("postcode", "Code postal", "S'il n'est pas dans l'adresse.")
    .personal()
    .also(&["CP", "codePostal"]);
pub(super) static CITY: Column = Column::new("city", "Ville", "Si elle n'est pas dans l'adresse.")
    .personal()
    .also(&["commune de résidence", "localité"]);

/// One person, as far as a line tells.
pub(super) struct Person {
    pub(super) link: Option<MemberLink>,
    pub(super) sex: Sex,
    pub(super) residence: Option<RightOfResidence>,
    pub(super) identity: Identity,
}

/// Reads the person of a line; what is wrong is noted, and then there is none.
pub(super) fn read(cells: &mut Cells<'_>) -> Option<Person> {
    let link = cells.choice(&LINK);
    let residence = cells.choice(&RESIDENCE);
    let last_name = cells.needed(&LAST_NAME);
    let first_names = cells.needed(&FIRST_NAMES);
    let birth_date = cells.needed(&BIRTH_DATE).and_then(|_| cells.day(&BIRTH_DATE));
    let sex = cells.needed(&SEX).and_then(|_| cells.choice(&SEX));
    let identity = Identity {
        last_name: last_name?.to_owned(),
        first_names: first_names?.to_owned(),
        birth_name: cells.text(&BIRTH_NAME).map(str::to_owned),
        birth_date: birth_date?,
        phone: cells.text(&PHONE).map(dialled),
        email: email(cells),
        address: address(cells),
    };
    Some(Person { link, sex: sex?, residence, identity })
}

/// A number as it is dialled: a spreadsheet that took it for a sum lost its first zero.
pub(super) fn dialled(text: &str) -> String {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() == 9 { format!("0{text}") } else { text.to_owned() }
}

fn email(cells: &mut Cells<'_>) -> Option<String> {
    let text = cells.text(&EMAIL)?;
    let fits = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !fits || text.contains(char::is_whitespace) {
        cells.fault(&EMAIL, "ce n'est pas une adresse électronique");
    }
    Some(text.to_owned())
}

fn address(cells: &Cells<'_>) -> Option<String> {
    let parts: Vec<&str> =
        [&ADDRESS, &POSTCODE, &CITY].into_iter().filter_map(|column| cells.text(column)).collect();
    if parts.is_empty() { None } else { Some(parts.join(" ")) }
}

/// Whether two lines tell of the same person.
pub(super) fn same(one: &Identity, other: &Identity) -> bool {
    let names = |is: &Identity| crate::import::words::fold(&format!("{}/{}", is.last_name, is.first_names));
    let born = |is: &Identity| -> Day { is.birth_date };
    born(one) == born(other) && names(one) == names(other)
}
