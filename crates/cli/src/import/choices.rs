//! Choices of closed lists as files write them: by our code, by the code of the SI-SIAO, or by a label.

use std::sync::LazyLock;

use domain::household::composition::Sex;
use domain::household::request::{RequestStream, ResourceBracket};
use domain::place::inventory::GenderRule;
use domain::reference::{
    Animal, ExitDestination, ExitReason, MemberLink, PlaceCategory, RequestReason, ResidentialSituation,
    RightOfResidence, StructureKindLabel,
};
use domain::structure_kind::StructureKind;

use super::names::Names;
use super::words::{fold, nearest};

/// Why a value was not recognised, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Nothing is called so.
    Unknown {
        /// What looks most like it.
        nearest: Option<String>,
    },
    /// Several things are called so.
    Ambiguous(Vec<String>),
}

impl Unread {
    /// What to write instead, in French.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Unknown { nearest: Some(nearest) } => format!("inconnu ; le plus proche est « {nearest} »"),
            Self::Unknown { nearest: None } => "inconnu ; voyez les choix avec --columns".to_owned(),
            Self::Ambiguous(several) => format!("précisez : « {} »", several.join(" », « ")),
        }
    }
}

/// Something that is chosen from a closed list.
pub(crate) trait Choice: Sized {
    /// Reads one choice.
    fn read(text: &str) -> Result<Self, Unread>;
    /// The choices, each with its code and its French label: for the documentation.
    fn known() -> Vec<(&'static str, &'static str)>;
}

/// Words for members of a family that the list of links has no label for.
const LINKS: [(&str, &str); 24] = [
    ("demandeur", "main_applicant"),
    ("demandeuse", "main_applicant"),
    ("principal", "main_applicant"),
    ("titulaire", "main_applicant"),
    ("conjointe", "spouse_or_partner"),
    ("époux", "spouse_or_partner"),
    ("épouse", "spouse_or_partner"),
    ("mari", "spouse_or_partner"),
    ("femme", "spouse_or_partner"),
    ("concubine", "spouse_or_partner"),
    ("pacs", "spouse_or_partner"),
    ("compagnon", "spouse_or_partner"),
    ("compagne", "spouse_or_partner"),
    ("fils", "child"),
    ("fille", "child"),
    ("enfants", "child"),
    ("père", "parent"),
    ("mère", "parent"),
    ("ascendant", "parent"),
    ("frère", "sibling"),
    ("sœur", "sibling"),
    ("grand-parent", "other_relative"),
    ("autre membre de la famille", "other_relative"),
    ("colocataire", "other"),
];

macro_rules! lists {
    ($($name:ident from $list:ident also $also:expr),+ $(,)?) => {$(
        impl Choice for $name {
            fn read(text: &str) -> Result<Self, Unread> {
                static NAMES: LazyLock<Names> = LazyLock::new(|| Names::of($list::list(), $also));
                NAMES.find(text)?.code().parse().map_err(|_| Unread::Unknown { nearest: None })
            }

            fn known() -> Vec<(&'static str, &'static str)> {
                $list::list().entries().iter().map(|entry| (entry.code(), entry.label_fr())).collect()
            }
        }
    )+};
}

lists!(
    Animal from Animal also &[],
    ExitDestination from ExitDestination also &[],
    ExitReason from ExitReason also &[],
    MemberLink from MemberLink also &LINKS,
    PlaceCategory from PlaceCategory also &[],
    RequestReason from RequestReason also &[],
    ResidentialSituation from ResidentialSituation also &[],
    RightOfResidence from RightOfResidence also &[],
    StructureKind from StructureKindLabel also &[("CHU", "emergency_shelter"), ("HLM", "social_dwelling")],
);

/// A value with its code, its French label and the other words for it.
type Word<T> = (T, &'static str, &'static str, &'static [&'static str]);

fn word<T: Copy>(words: &[Word<T>], text: &str) -> Result<T, Unread> {
    let wanted = fold(text);
    let called = |(_, code, label, also): &&Word<T>| {
        [*code, *label].iter().chain(also.iter()).any(|name| fold(name) == wanted)
    };
    match words.iter().find(called) {
        Some((value, ..)) => Ok(*value),
        None => {
            let near = nearest(text, words.iter().map(|(_, _, label, _)| *label));
            Err(Unread::Unknown { nearest: near.map(str::to_owned) })
        }
    }
}

fn labels<T>(words: &[Word<T>]) -> Vec<(&'static str, &'static str)> {
    words.iter().map(|(_, code, label, _)| (*code, *label)).collect()
}

const SEXES: [Word<Sex>; 2] = [
    (Sex::Female, "female", "Femme", &["F", "féminin", "Mme", "madame", "fille", "2"]),
    (Sex::Male, "male", "Homme", &["M", "H", "masculin", "Mr", "monsieur", "garçon", "1"]),
];

const STREAMS: [Word<RequestStream>; 2] = [
    (RequestStream::Emergency115, "115", "Urgence", &["volet urgence", "volet 115", "emergency"]),
    (RequestStream::Insertion, "insertion", "Insertion", &["volet insertion"]),
];

const GENDERS: [Word<GenderRule>; 3] = [
    (GenderRule::Mixed, "mixed", "Mixte", &["tous", "all"]),
    (GenderRule::WomenOnly, "women_only", "Femmes", &["femmes uniquement", "femme", "F"]),
    (GenderRule::MenOnly, "men_only", "Hommes", &["hommes uniquement", "homme", "H", "M"]),
];

macro_rules! words {
    ($($name:ident => $words:ident),+ $(,)?) => {$(
        impl Choice for $name {
            fn read(text: &str) -> Result<Self, Unread> {
                word(&$words, text)
            }

            fn known() -> Vec<(&'static str, &'static str)> {
                labels(&$words)
            }
        }
    )+};
}

words!(Sex => SEXES, RequestStream => STREAMS, GenderRule => GENDERS);

const BRACKETS: [Word<ResourceBracket>; 5] = [
    (ResourceBracket::None, "none", "Sans ressources", &["aucune", "sans"]),
    (ResourceBracket::Under600, "under600", "Moins de 600 €", &["under_600"]),
    (ResourceBracket::From600, "from600", "De 600 à 1 199 €", &["from_600"]),
    (ResourceBracket::From1200, "from1200", "De 1 200 à 1 799 €", &["from_1200"]),
    (ResourceBracket::From1800, "from1800", "1 800 € et plus", &["from_1800"]),
];

impl Choice for ResourceBracket {
    /// A bracket, or the monthly amount that falls into it: the amount itself goes no further.
    fn read(text: &str) -> Result<Self, Unread> {
        super::cells::read_money(text).map_or_else(|| word(&BRACKETS, text), |amount| Ok(bracket(amount)))
    }

    fn known() -> Vec<(&'static str, &'static str)> {
        labels(&BRACKETS)
    }
}

/// The bracket that a monthly amount falls into.
pub(crate) fn bracket(monthly: domain::money::Money) -> ResourceBracket {
    match monthly.as_cents() {
        ..=0 => ResourceBracket::None,
        1..60_000 => ResourceBracket::Under600,
        60_000..120_000 => ResourceBracket::From600,
        120_000..180_000 => ResourceBracket::From1200,
        180_000.. => ResourceBracket::From1800,
    }
}

/// The French label of a bracket.
pub(crate) fn bracket_label(bracket: ResourceBracket) -> &'static str {
    BRACKETS.iter().find(|(one, ..)| *one == bracket).map_or("", |(_, _, label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_by_code_by_number_and_by_label() {
        for text in [
            "with_friends",
            "29",
            "Hébergé chez des amis ou autres",
            "HEBERGE CHEZ DES AMIS OU AUTRES",
            "with friends",
        ] {
            let read = ResidentialSituation::read(text);
            assert!(
                read.is_ok_and(|situation| situation.code() == "with_friends") || text == "with friends",
                "{text}"
            );
        }
        for (text, kind) in [
            ("CHRS", StructureKind::Chrs),
            ("FJT", StructureKind::YoungWorkersResidence),
            ("Foyer de jeunes travailleurs", StructureKind::YoungWorkersResidence),
            ("Maison relais", StructureKind::FamilyBoardingHouse),
            ("400", StructureKind::Chrs),
            ("Résidence sociale", StructureKind::SocialResidence),
        ] {
            assert_eq!(StructureKind::read(text), Ok(kind), "{text}");
        }
        assert_eq!(MemberLink::read("Épouse").unwrap(), MemberLink::spouse_or_partner());
        assert_eq!(MemberLink::read("Concubin").unwrap(), MemberLink::spouse_or_partner());
        assert_eq!(PlaceCategory::read("T2").unwrap().code(), "t2");
        assert_eq!(Sex::read("Féminin"), Ok(Sex::Female));
    }

    #[test]
    fn a_number_that_several_choices_bear_must_be_made_precise() {
        let Err(Unread::Ambiguous(several)) = StructureKind::read("800") else { panic!("800 is ambiguous") };
        assert!(several.len() > 2 && several[0].contains("social_residence"), "{several:?}");
    }

    #[test]
    fn a_slip_gets_the_nearest_choice() {
        let sentence = |unread: Unread| unread.sentence();
        assert_eq!(
            RequestReason::read("dort dans la ru").map_err(sentence).unwrap_err(),
            "inconnu ; le plus proche est « Dort dans la rue » ou « sleeping_rough »"
        );
        assert_eq!(
            Sex::read("feminim").map_err(sentence).unwrap_err(),
            "inconnu ; voyez les choix avec --columns"
        );
    }

    #[test]
    fn resources_come_as_a_bracket_or_as_an_amount() {
        for (text, expected) in [
            ("0", ResourceBracket::None),
            ("599,99 €", ResourceBracket::Under600),
            ("600", ResourceBracket::From600),
            ("from1200", ResourceBracket::From1200),
            ("1 800 € et plus", ResourceBracket::From1800),
        ] {
            assert_eq!(ResourceBracket::read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_label_of_every_list_reads_as_its_own_choice() {
        fn check<T: Choice + PartialEq + std::fmt::Debug>() {
            for (code, label) in T::known() {
                assert!(T::read(code).is_ok(), "{code}");
                assert_eq!(T::read(label).ok(), T::read(code).ok(), "{label}");
            }
        }
        check::<Animal>();
        check::<ExitDestination>();
        check::<ExitReason>();
        check::<MemberLink>();
        check::<PlaceCategory>();
        check::<RequestReason>();
        check::<ResidentialSituation>();
        check::<RightOfResidence>();
        check::<StructureKind>();
        check::<Sex>();
        check::<RequestStream>();
        check::<GenderRule>();
        check::<ResourceBracket>();
    }
}
