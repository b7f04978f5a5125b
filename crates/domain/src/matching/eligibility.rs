//! The hard rules: each has an id, and says which fact it used and of which date.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::household::Household;
use crate::household::composition::Profile;
use crate::household::request::{Request, RequestSituation};
use crate::place::inventory::{Description, GenderRule};
use crate::reference::Regularity;

/// A hard rule between a request and a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EligibilityRule {
    /// The request is on the waiting list and up to date.
    RequestReady,
    /// The SIAO qualified the request for this kind of housing.
    KindQualified,
    /// The place can house that many persons.
    Capacity,
    /// The household is not smaller than the place asks.
    PersonsMin,
    /// Women only, men only.
    Gender,
    /// Couples are admitted.
    Couple,
    /// Minors are admitted.
    Children,
    /// The adults are of the ages that are admitted.
    Age,
    /// A wheelchair can enter and turn.
    Wheelchair,
    /// Ground floor or lift.
    StepFree,
    /// The animals are admitted.
    Animals,
    /// A place for victims of violence, for those who need one and for them only.
    Violence,
    /// A measure of justice is admitted.
    Justice,
    /// Where the household would live.
    Territory,
    /// Where the household must not live.
    ExclusionZone,
    /// Regular stay of the adults, where the law requires it (ALT, social housing).
    RegularStay,
    /// Resources that the fee asks for.
    Resources,
}

impl EligibilityRule {
    /// Every rule, in the order in which they are checked.
    pub const ALL: [Self; 17] = [
        Self::RequestReady,
        Self::KindQualified,
        Self::Capacity,
        Self::PersonsMin,
        Self::Gender,
        Self::Couple,
        Self::Children,
        Self::Age,
        Self::Wheelchair,
        Self::StepFree,
        Self::Animals,
        Self::Violence,
        Self::Justice,
        Self::Territory,
        Self::ExclusionZone,
        Self::RegularStay,
        Self::Resources,
    ];

    /// The id in data: `exclusion-zone`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::RequestReady => "request-ready",
            Self::KindQualified => "kind-qualified",
            Self::Capacity => "capacity",
            Self::PersonsMin => "persons-min",
            Self::Gender => "gender",
            Self::Couple => "couple",
            Self::Children => "children",
            Self::Age => "age",
            Self::Wheelchair => "wheelchair",
            Self::StepFree => "step-free",
            Self::Animals => "animals",
            Self::Violence => "violence",
            Self::Justice => "justice",
            Self::Territory => "territory",
            Self::ExclusionZone => "exclusion-zone",
            Self::RegularStay => "regular-stay",
            Self::Resources => "resources",
        }
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The rule.
    pub rule: EligibilityRule,
    /// The fact it used, in French, without naming anybody.
    pub fact: String,
    /// The day that fact was established, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
}

/// The first rule that excludes the request from the place on `day`, or none.
#[must_use]
pub fn assess(household: &Household, request: &Request, place: &Description, day: Date) -> Option<Verdict> {
    let profile = household.composition.profile(day, None);
    let facts = Facts { household, request, place, profile, day };
    EligibilityRule::ALL.into_iter().find_map(|rule| {
        facts.fails(rule).map(|fact| Verdict { rule, fact, since: facts.established(rule).map(Day) })
    })
}

/// The first rule on who the household is, and where it must not live, that excludes it from the place on `day`: what a
/// referral that was proposed for it must still meet after a birth, a departure, a separation.
#[must_use]
pub fn outgrown(household: &Household, request: &Request, place: &Description, day: Date) -> Option<Verdict> {
    use EligibilityRule as R;
    let profile = household.composition.profile(day, None);
    let facts = Facts { household, request, place, profile, day };
    let rules = [
        R::Capacity,
        R::PersonsMin,
        R::Gender,
        R::Couple,
        R::Children,
        R::Age,
        R::ExclusionZone,
        R::RegularStay,
    ];
    rules.into_iter().find_map(|rule| {
        facts.fails(rule).map(|fact| Verdict { rule, fact, since: facts.established(rule).map(Day) })
    })
}

struct Facts<'a> {
    household: &'a Household,
    request: &'a Request,
    place: &'a Description,
    profile: Profile,
    day: Date,
}

impl Facts<'_> {
    /// The fact for which the rule says no; none if it says yes.
    fn fails(&self, rule: EligibilityRule) -> Option<String> {
        use EligibilityRule as R;
        let (place, profile, need) = (self.place, &self.profile, &self.request.file.need);
        let criteria = &place.criteria;
        let persons = profile.to_house(place.kind);
        match rule {
            R::RequestReady => {
                let situation = &self.request.situation;
                let ready = matches!(situation, RequestSituation::Qualified(_));
                (!ready).then(|| format!("demande {}", situation.word()))
            }
            R::KindQualified => {
                let qualified = self.request.situation.qualification()?;
                (!qualified.kinds.contains(&place.kind)).then(|| {
                    let kinds: Vec<_> = qualified.kinds.iter().map(|kind| kind.code()).collect();
                    format!("orientation validée pour {}", kinds.join(", "))
                })
            }
            R::Capacity => (persons > place.capacity)
                .then(|| format!("{persons} personnes pour {} places", place.capacity)),
            R::PersonsMin => (persons < criteria.persons_min)
                .then(|| format!("{persons} personnes, {} au moins", criteria.persons_min)),
            R::Gender => match criteria.gender {
                GenderRule::Mixed => None,
                GenderRule::WomenOnly => (profile.men > 0).then(|| "un homme dans le ménage".to_owned()),
                GenderRule::MenOnly => (profile.women > 0).then(|| "une femme dans le ménage".to_owned()),
            },
            R::Couple => (profile.couple && !criteria.couples).then(|| "un couple".to_owned()),
            R::Children => {
                let minors = profile.minors_to_admit(criteria.age_min);
                (minors > 0 && !criteria.children).then(|| format!("{minors} mineurs"))
            }
            R::Age => self.age_fails(),
            R::Wheelchair => {
                (need.wheelchair && !criteria.wheelchair).then(|| "fauteuil roulant nécessaire".to_owned())
            }
            R::StepFree => (need.step_free && !criteria.step_free)
                .then(|| "rez-de-chaussée ou ascenseur nécessaire".to_owned()),
            R::Animals => {
                let refused = need.animals.iter().find(|animal| !criteria.animals.contains(animal))?;
                Some(format!("animal : {}", refused.label_fr()))
            }
            R::Violence => (need.violence_dedicated != criteria.violence_dedicated).then(|| {
                if need.violence_dedicated { "lieu protégé nécessaire" } else { "lieu réservé" }.to_owned()
            }),
            R::Justice => (need.justice_measure && !criteria.justice)
                .then(|| "mesure non acceptée par la structure".to_owned()),
            R::Territory => self.territory_fails(),
            R::ExclusionZone => self.exclusion_fails(),
            R::RegularStay => self.residence_fails(),
            R::Resources => {
                let least = criteria.resources_min?;
                (need.resources.is_none_or(|has| has < least)).then(|| "tranche de ressources".to_owned())
            }
        }
    }

    fn age_fails(&self) -> Option<String> {
        let (youngest, oldest) = (self.profile.youngest_adult, self.profile.oldest_adult);
        let criteria = &self.place.criteria;
        if criteria.age_min.is_some_and(|min| youngest < min) {
            return Some(format!("{youngest} ans"));
        }
        criteria.age_max.is_some_and(|max| oldest > max).then(|| format!("{oldest} ans"))
    }

    fn territory_fails(&self) -> Option<String> {
        let wishes = &self.request.file.wishes;
        let inside = if wishes.is_empty() {
            self.place.commune.territory() == self.request.siao
        } else {
            wishes.iter().any(|area| area.covers(self.place.commune))
        };
        (!inside).then(|| "hors des souhaits du ménage".to_owned())
    }

    /// Fails closed: zones that cannot be read here exclude the place, never the contrary.
    fn exclusion_fails(&self) -> Option<String> {
        let kept = self.household.safety.as_ref()?;
        match kept.value.known() {
            None => Some("périmètre de sécurité illisible ici".to_owned()),
            Some(safety) => safety
                .exclusion_zones
                .iter()
                .any(|zone| zone.covers(self.place.commune))
                .then(|| "périmètre de sécurité".to_owned()),
        }
    }

    fn residence_fails(&self) -> Option<String> {
        if !self.place.kind.regular_stay_required() {
            return None;
        }
        let adults = self.household.composition.members.values().filter(|p| p.born.age_on(self.day) >= 18);
        let regular = |p: &crate::household::composition::Person| {
            p.residence.is_some_and(|residence| residence.regularity() == Regularity::Regular)
        };
        (!adults.into_iter().all(regular)).then(|| "régularité du séjour non établie".to_owned())
    }

    /// The day the fact behind `rule` was established.
    fn established(&self, rule: EligibilityRule) -> Option<Date> {
        use EligibilityRule as R;
        let day = |at: Timestamp| crate::calendar::day(self.request.siao, at);
        match rule {
            R::RequestReady
            | R::KindQualified
            | R::Wheelchair
            | R::StepFree
            | R::Animals
            | R::Violence
            | R::Justice
            | R::Territory
            | R::Resources => Some(day(self.request.need_since)),
            R::Capacity | R::PersonsMin | R::Gender | R::Couple | R::Children | R::Age | R::RegularStay => {
                self.household.composition.since.map(|day| day.0)
            }
            // When somebody's safety was noted is itself nobody's business here.
            R::ExclusionZone => None,
        }
    }
}
