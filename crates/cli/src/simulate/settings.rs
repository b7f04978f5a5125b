//! What the simulator draws from: `config/simulation.toml`, compiled in.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use domain::household::request::ResourceBracket;
use domain::reference::{
    AssessmentReturnReason, CancellationReason, CommuneCode, ConditionalDocument, CorrectionReason,
    DeferralReason, DeviationReason, ExitDestination, ExitReason, HouseholdRefusalReason, NonAwardReason,
    OfferRefusalReason, OfflineReason, PriorityGround, ProviderRefusalReason, RequestReason,
    RequestRejectionReason, ReservationHolderKind, ResidentialSituation, RightOfResidence,
    VacancyWithdrawalReason,
};
use domain::structure_kind::StructureKind;
use serde::Deserialize;

use super::dice::Dice;

/// Codes with their weights. Never empty.
#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, u32>")]
#[serde(bound(deserialize = "T: FromStr, T::Err: std::fmt::Display"))]
pub(super) struct Weighted<T>(Vec<(T, u32)>);

impl<T: FromStr> TryFrom<BTreeMap<String, u32>> for Weighted<T>
where
    T::Err: std::fmt::Display,
{
    type Error = String;

    fn try_from(codes: BTreeMap<String, u32>) -> Result<Self, String> {
        if codes.values().all(|weight| *weight == 0) {
            return Err("at least one entry needs a weight".to_owned());
        }
        let read = |(code, weight): (String, u32)| match code.parse() {
            Ok(read) => Ok((read, weight)),
            Err(error) => Err(format!("{error}")),
        };
        codes.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: Copy> Weighted<T> {
    /// One of the codes.
    pub(super) fn draw(&self, dice: &mut Dice) -> T {
        // Reading refuses an empty table, and `weigh` names a place in it.
        self.0[dice.weigh(self.0.iter().map(|(_, weight)| *weight))].0
    }
}

/// Everything the simulator draws from; the file explains each value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) towns: Vec<CommuneCode>,
    pub(super) demand: Demand,
    pub(super) composition: Weighted<Shape>,
    background: Vec<Background>,
    resources: Vec<Resources>,
    pub(super) residence: Weighted<RightOfResidence>,
    kind: Vec<Kind>,
    exit: Vec<Exit>,
    pub(super) reasons: Reasons,
    pub(super) words: Words,
}

/// Shares of demand, and how it moves over the year.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Demand {
    pub(super) waiting_at_first: f64,
    pub(super) occupied_at_first: f64,
    pub(super) emergency: f64,
    pub(super) months_emergency: [f64; 12],
    pub(super) months_insertion: [f64; 12],
    pub(super) days_to_transmit: f64,
    pub(super) days_to_examine: f64,
    pub(super) days_between_contacts: f64,
    pub(super) missed_contact: f64,
    pub(super) family_events_a_year: f64,
}

/// What a household looks like when it is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    SingleMan,
    SingleWoman,
    Couple,
    WomanWithChildren,
    ManWithChildren,
    CoupleWithChildren,
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        match code {
            "single_man" => Ok(Self::SingleMan),
            "single_woman" => Ok(Self::SingleWoman),
            "couple" => Ok(Self::Couple),
            "woman_with_children" => Ok(Self::WomanWithChildren),
            "man_with_children" => Ok(Self::ManWithChildren),
            "couple_with_children" => Ok(Self::CoupleWithChildren),
            _ => Err(format!("« {code} » is not a shape of a household")),
        }
    }
}

/// Where a household comes from and why it asks.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Background {
    pub(super) situation: ResidentialSituation,
    pub(super) reason: RequestReason,
    emergency: u32,
    insertion: u32,
    #[serde(default)]
    pub(super) women: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    bracket: ResourceBracket,
    weight: u32,
}

/// The supply of one kind of structure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    code: StructureKind,
    pub(super) places: f64,
    pub(super) structure: usize,
    capacity: Vec<u32>,
    pub(super) stay: f64,
    pub(super) spread: f64,
    #[serde(default)]
    pub(super) term: Option<i64>,
    #[serde(default)]
    pub(super) fee: Option<[i64; 2]>,
    pub(super) names: Vec<String>,
    /// How often a proposal ends in an acceptance.
    pub(super) accepts: f64,
}

impl Kind {
    /// How many persons a place of this kind houses.
    pub(super) fn capacity(&self, dice: &mut Dice) -> u8 {
        u8::try_from(dice.weigh(self.capacity.iter().copied()) + 1).unwrap_or(1)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exit {
    destination: ExitDestination,
    reason: ExitReason,
    weights: [u32; 3],
}

/// Reasons, by how often they are given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reasons {
    pub(super) provider_refusal: Weighted<ProviderRefusalReason>,
    pub(super) household_refusal: Weighted<HouseholdRefusalReason>,
    pub(super) offer_refusal: Weighted<OfferRefusalReason>,
    pub(super) deviation: Weighted<DeviationReason>,
    pub(super) r#return: Weighted<AssessmentReturnReason>,
    pub(super) deferral: Weighted<DeferralReason>,
    pub(super) rejection: Weighted<RequestRejectionReason>,
    pub(super) cancellation: Weighted<CancellationReason>,
    pub(super) non_award: Weighted<NonAwardReason>,
    pub(super) offline: Weighted<OfflineReason>,
    pub(super) correction: Weighted<CorrectionReason>,
    pub(super) vacancy_withdrawal: Weighted<VacancyWithdrawalReason>,
    pub(super) document: Weighted<ConditionalDocument>,
    pub(super) holder: Weighted<ReservationHolderKind>,
    pub(super) label: Weighted<PriorityGround>,
}

/// Words for names of structures and addresses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) residences: Vec<String>,
    pub(super) streets: Vec<String>,
}

/// Why the file was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadSettings {
    /// Not the expected form.
    #[error("the settings of the simulation cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// A table that must not be empty is, or a kind is missing.
    #[error("the settings of the simulation lack {0}")]
    Lacks(String),
}

impl Settings {
    /// Reads settings in the form of `config/simulation.toml`.
    fn parse(text: &str) -> Result<Self, BadSettings> {
        let mut settings: Self = toml::from_str(text)?;
        settings.kind.sort_by_key(|kind| kind.code);
        for code in StructureKind::ALL {
            let found = settings.kind.iter().filter(|kind| kind.code == code);
            if found.filter(|kind| kind.capacity.iter().any(|w| *w > 0) && kind.structure > 0).count() != 1 {
                return Err(BadSettings::Lacks(format!("one entry, with capacities, for {code}")));
            }
        }
        let filled = !settings.background.is_empty()
            && !settings.resources.is_empty()
            && !settings.exit.is_empty()
            && !settings.words.residences.is_empty()
            && !settings.words.streets.is_empty();
        if filled { Ok(settings) } else { Err(BadSettings::Lacks("entries in one of the tables".to_owned())) }
    }

    /// The settings this program ships with.
    pub(super) fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Settings> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
            Settings::parse(include_str!("../../../../config/simulation.toml"))
                .expect("config/simulation.toml is valid")
        });
        &SHIPPED
    }

    /// The supply of one kind.
    pub(super) fn kind(&self, kind: StructureKind) -> &Kind {
        // Reading makes sure that each kind is there once, in the order of the kinds.
        let place = self.kind.binary_search_by_key(&kind, |one| one.code).unwrap_or(0);
        &self.kind[place]
    }

    /// Where a household comes from, as those who call the 115 or those who file a request do.
    pub(super) fn background(&self, emergency: bool, dice: &mut Dice) -> Background {
        let weight = |one: &Background| if emergency { one.emergency } else { one.insertion };
        self.background[dice.weigh(self.background.iter().map(weight))]
    }

    /// What a household lives on.
    pub(super) fn resources(&self, dice: &mut Dice) -> ResourceBracket {
        self.resources[dice.weigh(self.resources.iter().map(|one| one.weight))].bracket
    }

    /// How a stay in a place of this kind ends.
    pub(super) fn exit(&self, kind: StructureKind, dice: &mut Dice) -> (ExitDestination, ExitReason) {
        use StructureKind as K;
        let column = match kind {
            K::EmergencyShelter | K::HotelNight => 0,
            K::Chrs | K::Rhvs | K::Alt => 1,
            K::SocialResidence
            | K::YoungWorkersResidence
            | K::MigrantWorkersHome
            | K::FamilyBoardingHouse
            | K::PsychiatricSupportResidence
            | K::SubletIntermediation
            | K::ManagedLease
            | K::SlidingLease
            | K::Solibail
            | K::SocialDwelling => 2,
        };
        let exit = &self.exit[dice.weigh(self.exit.iter().map(|one| one.weights[column]))];
        (exit.destination, exit.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_settings_are_valid() {
        let settings = Settings::parse(include_str!("../../../../config/simulation.toml")).unwrap();
        for kind in StructureKind::ALL {
            assert_eq!(settings.kind(kind).code, kind);
        }
        assert!(settings.exit.iter().all(|exit| exit.destination.exit_class().ends_stay()));
    }

    #[test]
    fn every_département_with_communes_has_its_town() {
        use domain::reference::territory::{communes_of, departements};
        let settings = Settings::shipped();
        for departement in departements().iter().filter(|one| !communes_of(one.territory).is_empty()) {
            let towns = settings.towns.iter().filter(|town| town.territory() == departement.territory);
            assert_eq!(towns.count(), 1, "{}", departement.name);
        }
    }

    #[test]
    fn a_code_that_does_not_exist_is_refused_by_name() {
        let text = include_str!("../../../../config/simulation.toml").replace("french = 56", "martian = 56");
        let error = Settings::parse(&text).unwrap_err().to_string();
        assert!(error.contains("martian"), "{error}");
    }
}
