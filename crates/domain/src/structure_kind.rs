//! The kinds of structure and dwelling, with the rules that differ between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of structure or dwelling (domain brief §3.1; labels and FINESS, SI-SIAO and `APiLos` codes are in the
/// reference list `structure_kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StructureKind {
    /// Centre d'hébergement d'urgence (CASF L345-2-2).
    EmergencyShelter,
    /// Nuitée d'hôtel du 115.
    HotelNight,
    /// Centre d'hébergement et de réinsertion sociale (CASF L345-1).
    Chrs,
    /// Résidence hôtelière à vocation sociale (CCH L631-11).
    Rhvs,
    /// Résidence sociale généraliste (CCH L633-1).
    SocialResidence,
    /// Foyer de jeunes travailleurs.
    YoungWorkersResidence,
    /// Foyer de travailleurs migrants.
    MigrantWorkersHome,
    /// Pension de famille, maison relais.
    FamilyBoardingHouse,
    /// Résidence accueil.
    PsychiatricSupportResidence,
    /// Intermédiation locative, location ou sous-location (CCH L365-4).
    SubletIntermediation,
    /// Intermédiation locative, mandat de gestion.
    ManagedLease,
    /// Bail glissant.
    SlidingLease,
    /// Solibail.
    Solibail,
    /// Allocation de logement temporaire (CSS L851-1).
    Alt,
    /// Logement social ordinaire.
    SocialDwelling,
}

impl StructureKind {
    /// Every kind, in the order of the pathway.
    pub const ALL: [Self; 15] = [
        Self::EmergencyShelter,
        Self::HotelNight,
        Self::Chrs,
        Self::Rhvs,
        Self::SocialResidence,
        Self::YoungWorkersResidence,
        Self::MigrantWorkersHome,
        Self::FamilyBoardingHouse,
        Self::PsychiatricSupportResidence,
        Self::SubletIntermediation,
        Self::ManagedLease,
        Self::SlidingLease,
        Self::Solibail,
        Self::Alt,
        Self::SocialDwelling,
    ];

    /// The code in data and URLs: `chrs`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::EmergencyShelter => "emergency_shelter",
            Self::HotelNight => "hotel_night",
            Self::Chrs => "chrs",
            Self::Rhvs => "rhvs",
            Self::SocialResidence => "social_residence",
            Self::YoungWorkersResidence => "young_workers_residence",
            Self::MigrantWorkersHome => "migrant_workers_home",
            Self::FamilyBoardingHouse => "family_boarding_house",
            Self::PsychiatricSupportResidence => "psychiatric_support_residence",
            Self::SubletIntermediation => "sublet_intermediation",
            Self::ManagedLease => "managed_lease",
            Self::SlidingLease => "sliding_lease",
            Self::Solibail => "solibail",
            Self::Alt => "alt",
            Self::SocialDwelling => "social_dwelling",
        }
    }

    /// Whether places are given by an allocation committee and a lease instead of a referral and a stay.
    #[must_use]
    pub fn let_by_committee(self) -> bool {
        matches!(self, Self::SocialDwelling)
    }

    /// Whether the admission is sent to the préfet with a request for social aid, reviewed at least every six
    /// months and extended on a reasoned request (CASF R345-4).
    #[must_use]
    pub fn under_social_aid(self) -> bool {
        matches!(self, Self::Chrs)
    }

    /// Whether the stay is of a fixed term that must be stated at admission (CASF R345-4).
    #[must_use]
    pub fn fixed_term(self) -> bool {
        matches!(self, Self::Chrs)
    }

    /// Whether the resident holds a contract of a logement-foyer (CCH L633-1): notice of one month, or eight days
    /// when leaving for housing, a job or its loss (convention type of résidences sociales, art. 5–8).
    #[must_use]
    pub fn residence_contract(self) -> bool {
        match self {
            Self::SocialResidence
            | Self::YoungWorkersResidence
            | Self::MigrantWorkersHome
            | Self::FamilyBoardingHouse
            | Self::PsychiatricSupportResidence => true,
            Self::EmergencyShelter
            | Self::HotelNight
            | Self::Chrs
            | Self::Rhvs
            | Self::SubletIntermediation
            | Self::ManagedLease
            | Self::SlidingLease
            | Self::Solibail
            | Self::Alt
            | Self::SocialDwelling => false,
        }
    }

    /// Whether the law asks that the adults stay regularly in France: ALT and social housing, never emergency
    /// shelter (domain brief §3.2).
    #[must_use]
    pub fn regular_stay_required(self) -> bool {
        matches!(self, Self::Alt | Self::SocialDwelling)
    }

    /// How long the provider has to answer a referral: which of the configured delays applies.
    #[must_use]
    pub fn answer_delay(self) -> AnswerDelay {
        match self {
            Self::EmergencyShelter | Self::HotelNight => AnswerDelay::Emergency,
            Self::Chrs | Self::Rhvs | Self::Alt => AnswerDelay::Accommodation,
            Self::SocialResidence
            | Self::YoungWorkersResidence
            | Self::MigrantWorkersHome
            | Self::FamilyBoardingHouse
            | Self::PsychiatricSupportResidence => AnswerDelay::Residence,
            Self::SubletIntermediation
            | Self::ManagedLease
            | Self::SlidingLease
            | Self::Solibail
            | Self::SocialDwelling => AnswerDelay::Intermediation,
        }
    }
}

impl std::fmt::Display for StructureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for StructureKind {
    type Err = crate::id::Malformed;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.code() == s).ok_or_else(|| {
            crate::id::Malformed::new(s, "a kind of structure such as chrs or social_residence")
        })
    }
}

/// The families of delays in which a referral must be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerDelay {
    /// Same night.
    Emergency,
    /// CHRS, RHVS, ALT.
    Accommodation,
    /// Logements-foyers, whose managers hold an admission committee.
    Residence,
    /// Intermédiation locative.
    Intermediation,
}
