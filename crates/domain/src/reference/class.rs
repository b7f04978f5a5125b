//! The classes that rules tell apart, as types: a rule never compares class texts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExitDestination, Financing, RightOfResidence};

/// What an exit destination amounts to. The labels are in the list `exit_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExitClass {
    /// A dwelling of one's own.
    HousingOrdinary,
    /// Intermédiation locative, residences, pensions de famille.
    HousingSupported,
    /// Another accommodation place.
    Accommodation,
    /// Dispositif national d'accueil.
    Asylum,
    /// A place of care.
    Health,
    /// Family or friends.
    FamilyOrThirdParty,
    /// The street, or a place that closed without another.
    Street,
    /// Prison or house arrest.
    Justice,
    /// Left, excluded or did not come.
    Departure,
    /// Death.
    Death,
    /// A planned absence: not an exit, the stay goes on.
    Absence,
    /// Nobody knows.
    Unknown,
}

impl ExitClass {
    /// Every class, best outcome first.
    pub const ALL: [Self; 12] = [
        Self::HousingOrdinary,
        Self::HousingSupported,
        Self::Accommodation,
        Self::Asylum,
        Self::Health,
        Self::FamilyOrThirdParty,
        Self::Street,
        Self::Justice,
        Self::Departure,
        Self::Death,
        Self::Absence,
        Self::Unknown,
    ];

    /// The code in data: `housing_ordinary`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HousingOrdinary => "housing_ordinary",
            Self::HousingSupported => "housing_supported",
            Self::Accommodation => "accommodation",
            Self::Asylum => "asylum",
            Self::Health => "health",
            Self::FamilyOrThirdParty => "family_or_third_party",
            Self::Street => "street",
            Self::Justice => "justice",
            Self::Departure => "departure",
            Self::Death => "death",
            Self::Absence => "absence",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a stay may end with it: an absence does not end a stay.
    #[must_use]
    pub fn ends_stay(self) -> bool {
        !matches!(self, Self::Absence)
    }

    /// Whether the household now has a dwelling, supported or not.
    #[must_use]
    pub fn is_housing(self) -> bool {
        matches!(self, Self::HousingOrdinary | Self::HousingSupported)
    }

    fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }
}

impl ExitDestination {
    /// What this destination amounts to.
    #[must_use]
    pub fn exit_class(self) -> ExitClass {
        // A test reads the class of every destination.
        ExitClass::of_code(self.class()).unwrap_or(ExitClass::Unknown)
    }
}

/// Whether a person stays regularly in France, as far as the title tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regularity {
    /// The title opens what the law reserves to regular stay.
    Regular,
    /// No title.
    Irregular,
    /// Not stated, or it depends on the document shown.
    Unknown,
}

impl RightOfResidence {
    /// The only thing that rules may use of a right of residence.
    #[must_use]
    pub fn regularity(self) -> Regularity {
        match self.class() {
            "regular" => Regularity::Regular,
            "irregular" => Regularity::Irregular,
            // A test reads the class of every right.
            _ => Regularity::Unknown,
        }
    }
}

/// Which resource ceilings go with a financing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CeilingFamily {
    /// PLAI and its overseas likes.
    Plai,
    /// PLUS and its likes.
    Plus,
    /// PLS and its overseas like.
    Pls,
}

impl Financing {
    /// The ceilings that go with this financing, if the lists know.
    #[must_use]
    pub fn ceilings(self) -> Option<CeilingFamily> {
        match self.class() {
            "plai" => Some(CeilingFamily::Plai),
            "plus" => Some(CeilingFamily::Plus),
            "pls" => Some(CeilingFamily::Pls),
            // `other` and `none`; a test reads the class of every financing.
            _ => None,
        }
    }
}
