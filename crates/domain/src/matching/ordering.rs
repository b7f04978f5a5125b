//! The order of the requests for one place, and of the places for one request.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EligibilityRule, RULES_VERSION, Verdict, proposable};
use crate::calendar::{Day, Instant};
use crate::household::Household;
use crate::household::request::Request;
use crate::id::{HouseholdId, PersonId, PlaceId, RequestId};
use crate::place::inventory::Description;
use crate::place::{Place, PlaceSituation};
use crate::reference::PriorityGround;

/// The values that order a request, first to last; less comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OrderingKey {
    /// 0 imminent danger, 1 DALO or DAHO recognised, 2 otherwise.
    pub urgency: u8,
    /// The SIAO's priority class, 1 to 5.
    pub class: u8,
    /// Places that would stay empty: a T4 is not wasted on one person.
    pub spare: u8,
    /// First transmission.
    pub seniority: Instant,
    /// The request, so that no two are equal.
    pub request: RequestId,
}

impl OrderingKey {
    /// The values of `request` for `place` on `day`.
    #[must_use]
    pub fn of(
        household: &Household,
        id: RequestId,
        request: &Request,
        place: &Description,
        day: Date,
    ) -> Self {
        let qualification = request.situation.qualification();
        let (dalo, daho) = (PriorityGround::dalo(), PriorityGround::daho());
        let recognised =
            household.labels.values().any(|l| l.ended.is_none() && (l.ground == dalo || l.ground == daho));
        let urgency = match (qualification.is_some_and(|q| q.imminent_danger), recognised) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        Self {
            urgency,
            class: qualification.map_or(5, |q| q.priority_class.into()),
            spare: place
                .capacity
                .saturating_sub(household.composition.profile(day, None).to_house(place.kind)),
            seniority: Instant(request.seniority.unwrap_or(Timestamp::MAX)),
            request: id,
        }
    }

    /// The same values where only these persons would live in the place.
    pub(crate) fn filling(self, place: &Description, persons: &BTreeSet<PersonId>) -> Self {
        let persons = u8::try_from(persons.len()).unwrap_or(u8::MAX);
        Self { spare: place.capacity.saturating_sub(persons), ..self }
    }
}

/// A rank among the requests for one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The rank, 1 first.
    pub rank: u32,
    /// How many requests could be proposed.
    pub of: u32,
    /// A digest of the whole list: the same list gives the same digest.
    #[schemars(with = "String")]
    pub digest: Uuid,
}

/// A request that can be proposed for the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Whose.
    pub household: HouseholdId,
    /// The values that order it.
    pub key: OrderingKey,
}

/// A request that cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// Whose.
    pub household: HouseholdId,
    /// The request.
    pub request: RequestId,
    /// The first rule that says no.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The requests for one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranking {
    /// Version of the rules.
    pub rules: String,
    /// Who can be proposed, first to last.
    pub ranked: Vec<Ranked>,
    /// Who cannot, and why.
    pub excluded: Vec<Excluded>,
    /// A digest of the list.
    #[schemars(with = "String")]
    pub digest: Uuid,
}

impl Ranking {
    /// The rank of `request`.
    #[must_use]
    pub fn standing(&self, request: RequestId) -> Option<Standing> {
        let at = self.ranked.iter().position(|ranked| ranked.key.request == request)?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Some(Standing { rank: count(at + 1), of: count(self.ranked.len()), digest: self.digest })
    }
}

/// Ranks the requests of `households` for `place` on `day`.
///
/// Only requests that the SIAO still treats are listed: drafts and closed ones are nobody's turn.
#[must_use]
pub fn rank<'a>(
    at: PlaceId,
    place: &Description,
    households: impl IntoIterator<Item = (HouseholdId, &'a Household)>,
    day: Date,
) -> Ranking {
    let (mut ranked, mut excluded) = (Vec::new(), Vec::new());
    for (household, is) in households {
        for (id, request) in
            is.requests.iter().filter(|(_, r)| r.situation.is_open() && r.seniority.is_some())
        {
            match proposable(is, *id, request, place, day) {
                None => {
                    let whole = OrderingKey::of(is, *id, request, place, day);
                    let key = is.remaining(*id).map_or(whole, |persons| whole.filling(place, &persons));
                    ranked.push(Ranked { household, key });
                }
                Some(verdict) => excluded.push(Excluded { household, request: *id, verdict }),
            }
        }
    }
    ranked.sort_by_key(|ranked| ranked.key);
    excluded.sort_by_key(|excluded| excluded.request);
    // All that the list was made of and all that it says: the place as it was, the day, the ranks, the exclusions.
    let told = serde_json::json!({
        "rules": RULES_VERSION, "at": at, "place": place, "day": day, "ranked": ranked, "excluded": excluded,
    });
    let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, told.to_string().as_bytes());
    Ranking { rules: RULES_VERSION.to_owned(), ranked, excluded, digest }
}

/// Why a place cannot be proposed to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Exclusion {
    /// The place is not on offer now.
    Unavailable {
        /// Where it stands.
        situation: PlaceSituation,
        /// The same in French.
        fact: String,
        /// The day since when it has been so, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Day>,
    },
    /// A rule says no.
    Rule {
        /// What it found.
        #[serde(flatten)]
        verdict: Verdict,
    },
}

impl Exclusion {
    /// Why the place is not on offer at `at`; none if it is.
    #[must_use]
    pub fn unavailable(id: PlaceId, place: &Place, at: Timestamp) -> Option<Self> {
        let territory = id.territory();
        let day = crate::calendar::day(territory, at);
        let situation = place.situation(at, day);
        if situation == PlaceSituation::Vacant {
            return None;
        }
        let since = place.situation_since(at, territory);
        let since = since.map(|at| Day(crate::calendar::day(territory, at)));
        Some(Self::Unavailable { situation, fact: situation.label_fr().to_owned(), since })
    }
}

/// The places for one request on `day`: those that can be proposed, best fit first, and why the others cannot. Where
/// some of the household have a place on it already, they are for the others.
#[must_use]
pub fn suitable<'a>(
    household: &Household,
    request_id: RequestId,
    request: &Request,
    places: impl IntoIterator<Item = (PlaceId, &'a Place)>,
    at: Timestamp,
    day: Date,
) -> (Vec<PlaceId>, BTreeMap<PlaceId, Exclusion>) {
    let (mut fitting, mut others) = (Vec::new(), BTreeMap::new());
    let remaining = household.remaining(request_id);
    let profile = household.composition.profile(day, remaining.as_ref());
    for (id, place) in places {
        let Some(description) = place.inventory.description() else { continue };
        if let Some(unavailable) = Exclusion::unavailable(id, place, at) {
            others.insert(id, unavailable);
        } else if let Some(verdict) = proposable(household, request_id, request, description, day) {
            others.insert(id, Exclusion::Rule { verdict });
        } else {
            let available = place.open_vacancy().map_or(day, |vacancy| vacancy.available_from.0);
            let persons = profile.to_house(description.kind);
            fitting.push((description.capacity.saturating_sub(persons), available, id));
        }
    }
    fitting.sort();
    (fitting.into_iter().map(|(_, _, id)| id).collect(), others)
}

impl EligibilityRule {
    /// The rule in a few French words, for lists.
    #[must_use]
    pub fn label_fr(self) -> &'static str {
        match self {
            Self::RequestReady => "demande à jour et validée",
            Self::Available => "disponibilité du ménage",
            Self::KindQualified => "type d'hébergement ou de logement préconisé",
            Self::Capacity => "capacité de la place",
            Self::PersonsMin => "nombre minimal de personnes",
            Self::Gender => "public accueilli",
            Self::Couple => "accueil des couples",
            Self::Children => "accueil des mineurs",
            Self::Age => "âge des adultes",
            Self::Wheelchair => "accessibilité en fauteuil",
            Self::StepFree => "rez-de-chaussée ou ascenseur",
            Self::Animals => "animaux acceptés",
            Self::Violence => "lieu protégé",
            Self::Justice => "mesure de justice",
            Self::Territory => "secteur souhaité",
            Self::ExclusionZone => "périmètre de sécurité",
            Self::RegularStay => "régularité du séjour",
            Self::Resources => "ressources",
        }
    }
}
