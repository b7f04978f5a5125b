//! What is available: a place, a dwelling, and, for landlords, a household that is ready for a home of its own. One public
//! vocabulary for the three, without anybody's name.
//!
//! **Invariant.** What is available is a function of one ledger: no clock takes part, so that the same journal tells the same
//! story again. What goes stale leaves with an event of its ledger (`vacancy.expired`, `stay.readiness_lapsed`).
//!
//! **Invariant.** Nothing is told of a place for victims of violence, nor of a protected household: not even where it is.

mod expression;
mod wants;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant, day};
use crate::household::{Household, Registration};
use crate::id::{HouseholdId, OrganisationId, PlaceId, Territory};
use crate::ledger::{AggregateId, State};
use crate::money::Money;
use crate::place::Place;
use crate::place::inventory::GenderRule;
use crate::reference::{Animal, CommuneCode, PlaceCategory, ReservationHolderKind};
use crate::structure_kind::StructureKind;
pub use expression::{EXPRESSION_MAX, Expression, FUNCTIONS, NAMES};
pub use wants::Wants;

/// What sort of thing is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// A place in insertion housing (*place*).
    Place,
    /// A social dwelling (*logement social*).
    Dwelling,
    /// A household that was found ready for a lease of its own (*ménage prêt au relogement*).
    Household,
}

impl Offer {
    /// Every sort.
    pub const ALL: [Self; 3] = [Self::Place, Self::Dwelling, Self::Household];
}

/// Something that is available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Placement {
    /// What sort of thing.
    pub offer: Offer,
    /// Its département.
    pub territory: Territory,
    /// Where it is; a household has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commune: Option<CommuneCode>,
    /// In what kind of structure; for a household, where it lives now.
    pub kind: StructureKind,
    /// Its category (T1, T2…); a household has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PlaceCategory>,
    /// How many persons it can house; for a household, how many there are.
    pub persons: u8,
    /// The typology of a household, as the SI-SIAO codes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typology: Option<String>,
    /// Who it is for; a household has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admits: Option<Admits>,
    /// Monthly rent or fee, charges included as far as they are known, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rent: Option<Money>,
    /// Who runs it; nobody for a household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<OrganisationId>,
    /// For which holder's quota a dwelling is reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_for: Option<ReservationHolderKind>,
    /// Whether a household has a priority label that stands.
    pub labelled: bool,
    /// The first day it can be had.
    pub available_from: Day,
    /// Until when what is said here holds without being said again.
    pub fresh_until: Instant,
}

/// Whom a place admits, as far as a list says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Admits {
    /// Which sexes among adults.
    pub gender: GenderRule,
    /// Couples.
    pub couples: bool,
    /// Minors.
    pub children: bool,
    /// Fewest persons.
    pub persons_min: u8,
    /// Animals.
    pub animals: Vec<Animal>,
    /// A wheelchair can enter and turn.
    pub wheelchair: bool,
    /// Ground floor or lift.
    pub step_free: bool,
}

/// What is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlacementId {
    /// A place or a dwelling.
    Place(PlaceId),
    /// A household.
    Household(HouseholdId),
}

impl PlacementId {
    /// The ledger that tells of it.
    #[must_use]
    pub fn ledger(self) -> AggregateId {
        match self {
            Self::Place(id) => AggregateId::Place(id),
            Self::Household(id) => AggregateId::Household(id),
        }
    }

    /// What the ledger may tell of; nothing if it is of another kind.
    #[must_use]
    pub fn of(ledger: &AggregateId) -> Option<Self> {
        match ledger {
            AggregateId::Place(id) => Some(Self::Place(*id)),
            AggregateId::Household(id) => Some(Self::Household(*id)),
            AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_) => None,
        }
    }
}

/// What becomes of a placement for one who looks for some and not for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It is to be had now.
    Available,
    /// It still is, and something of it has changed.
    Changed,
    /// It is not any more.
    Gone,
}

impl Turn {
    /// What becomes of a placement that was `before` and is `after`, as far as `seen` lets it through; nothing if nothing
    /// does.
    #[must_use]
    pub fn of(
        before: Option<&Placement>,
        after: Option<&Placement>,
        seen: impl Fn(&Placement) -> bool,
    ) -> Option<Self> {
        match (before.filter(|is| seen(is)), after.filter(|is| seen(is))) {
            (None, None) => None,
            (None, Some(_)) => Some(Self::Available),
            (Some(_), None) => Some(Self::Gone),
            (Some(before), Some(after)) => (before != after).then_some(Self::Changed),
        }
    }

    /// The type of the event that tells it: `placement.available`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Available => "placement.available",
            Self::Changed => "placement.changed",
            Self::Gone => "placement.gone",
        }
    }
}

/// What is available of a ledger in this state.
#[must_use]
pub fn offered(ledger: &AggregateId, state: &State) -> Option<Placement> {
    match (ledger, state) {
        (AggregateId::Place(id), State::Place(is)) => of_place(*id, is),
        (AggregateId::Household(id), State::Household(is)) => of_household(*id, is),
        (
            AggregateId::Place(_)
            | AggregateId::Household(_)
            | AggregateId::Structure(_)
            | AggregateId::Organisation(_)
            | AggregateId::User(_)
            | AggregateId::Subscription(_)
            | AggregateId::Inquiry(_),
            _,
        ) => None,
    }
}

/// A place on offer that nobody holds or lives in and that can be used. Once candidates are designated a dwelling is no
/// longer available: its committee chooses among them.
fn of_place(id: PlaceId, is: &Place) -> Option<Placement> {
    let (description, vacancy) = (is.description()?, is.open_vacancy()?);
    let taken = is.hold.is_some() || is.current_occupancy().is_some() || !vacancy.allocation.is_idle();
    let unusable = is.offline.values().any(|spell| !spell.over && spell.from <= vacancy.available_from);
    let criteria = &description.criteria;
    if taken || unusable || criteria.violence_dedicated {
        return None;
    }
    let offer = if description.kind.let_by_committee() { Offer::Dwelling } else { Offer::Place };
    Some(Placement {
        offer,
        territory: id.territory(),
        commune: Some(description.commune),
        kind: description.kind,
        category: Some(description.category),
        persons: description.capacity,
        typology: None,
        admits: Some(Admits {
            gender: criteria.gender,
            couples: criteria.couples,
            children: criteria.children,
            persons_min: criteria.persons_min,
            animals: criteria.animals.iter().copied().collect(),
            wheelchair: criteria.wheelchair,
            step_free: criteria.step_free,
        }),
        rent: description.rent,
        provider: Some(description.provider),
        reserved_for: vacancy.holder.as_ref().map(|holder| holder.kind),
        labelled: false,
        available_from: vacancy.available_from,
        fresh_until: Instant(vacancy.good_until),
    })
}

/// A household that a review found ready, while it stays where it is and nobody has given it a lease.
fn of_household(id: HouseholdId, is: &Household) -> Option<Placement> {
    let housed = is.leases.values().any(|lease| lease.ended.is_none());
    let registered = matches!(is.registration, Registration::Registered { .. });
    if is.protected.is_some() || housed || !registered {
        return None;
    }
    let (_, stay) = is.active_stays().find(|(_, stay)| stay.ready.is_some())?;
    let (since, until) =
        stay.ready.and_then(|ready| Some((day(id.territory(), ready.since.0), ready.until?)))?;
    Some(Placement {
        offer: Offer::Household,
        territory: id.territory(),
        commune: None,
        kind: stay.kind,
        category: None,
        persons: u8::try_from(stay.persons.len()).unwrap_or(u8::MAX),
        typology: Some(is.composition.typology(since).to_string()),
        admits: None,
        rent: None,
        provider: None,
        reserved_for: None,
        labelled: is.labels.values().any(|label| label.ended.is_none()),
        available_from: Day(since),
        fresh_until: until,
    })
}
