//! What each rule reads, when it says no, and since when that has been so.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{EligibilityRule, Verdict};
use crate::calendar::{Day, day};
use crate::household::composition::Person;
use crate::household::dated::Dated;
use crate::household::profile::Profile;
use crate::household::referral::{Referral, ReferralSituation};
use crate::household::request::{Request, RequestSituation, Since};
use crate::household::{Household, Registration};
use crate::id::{PersonId, Territory};
use crate::personal::Personal;
use crate::place::inventory::{Description, GenderRule};
use crate::reference::{MemberLink, Regularity};

/// Most referrals that can be open for one household at a time.
pub const LIVE_REFERRALS_MAX: usize = 6;

/// What a rule found: the fact for which it says no, and since when.
type Found = Option<(String, Option<Date>)>;

/// The members, beside a place.
pub(super) struct People<'a> {
    household: &'a Household,
    /// Those of them who are to live there; everybody if absent.
    persons: Option<&'a BTreeSet<PersonId>>,
    place: &'a Description,
    profile: Profile,
    day: Date,
    /// In whose civil time days are told.
    territory: Territory,
}

/// The request and the members, beside a place.
pub(super) struct Facts<'a> {
    people: People<'a>,
    request: &'a Request,
}

impl<'a> People<'a> {
    pub(super) fn of(
        household: &'a Household,
        persons: Option<&'a BTreeSet<PersonId>>,
        place: &'a Description,
        day: Date,
        territory: Territory,
    ) -> Self {
        let profile = household.composition.profile(day, persons);
        Self { household, persons, place, profile, day, territory }
    }

    /// Those who are to live there.
    fn members(&self) -> impl Iterator<Item = &'a Person> {
        let (household, persons) = (self.household, self.persons);
        let members = household.composition.members.iter();
        members
            .filter(move |(id, _)| persons.is_none_or(|persons| persons.contains(id)))
            .map(|(_, person)| person)
    }

    fn local(&self, at: Timestamp) -> Date {
        day(self.territory, at)
    }

    /// Since when a fact of the composition has been so.
    fn since(&self, fact: Dated) -> Option<Date> {
        let known = match &self.household.registration {
            Registration::Registered { at } => Some(*at),
            Registration::Unknown | Registration::MergedInto { .. } | Registration::Erased(_) => None,
        };
        self.household.composition.dates.since(fact).or(known).map(|at| self.local(at))
    }

    /// Since when a fact about these adults has been so: since they are here, and of that age.
    fn since_aged(&self, fact: Dated, age: impl Fn(&Person) -> Option<u8>) -> Option<Date> {
        let turned = self.members().filter_map(|one| age(one).map(|age| one.born.turns(age)));
        self.since(fact).into_iter().chain(turned.filter(|on| *on <= self.day)).max()
    }

    fn adult(&self, one: &Person) -> Option<u8> {
        (one.born.age_on(self.day) >= 18).then_some(18)
    }

    pub(super) fn verdict(&self, rule: EligibilityRule) -> Option<Verdict> {
        self.finds(rule).map(|found| verdict(rule, found))
    }

    /// The rules that read the members; the others find nothing.
    fn finds(&self, rule: EligibilityRule) -> Found {
        use EligibilityRule as R;
        let (place, profile) = (self.place, &self.profile);
        let criteria = &place.criteria;
        let (persons, minors) = (profile.to_house(place.kind), profile.minors_to_admit(criteria.age_min));
        match rule {
            R::Capacity => (persons > place.capacity).then(|| {
                (format!("{persons} personnes pour {} places", place.capacity), self.since(Dated::Size))
            }),
            R::PersonsMin => (persons < criteria.persons_min).then(|| {
                (format!("{persons} personnes, {} au moins", criteria.persons_min), self.since(Dated::Size))
            }),
            R::Gender => {
                let (refused, fact) = match criteria.gender {
                    GenderRule::Mixed => return None,
                    GenderRule::WomenOnly => (profile.men, "un homme dans le ménage"),
                    GenderRule::MenOnly => (profile.women, "une femme dans le ménage"),
                };
                (refused > 0)
                    .then(|| (fact.to_owned(), self.since_aged(Dated::Adults, |one| self.adult(one))))
            }
            R::Couple => (profile.couple && !criteria.couples).then(|| {
                let partner =
                    |one: &Person| self.adult(one).filter(|_| one.link == MemberLink::spouse_or_partner());
                ("un couple".to_owned(), self.since_aged(Dated::Couple, partner))
            }),
            R::Children => (minors > 0 && !criteria.children)
                .then(|| (format!("{minors} mineurs"), self.since(Dated::Minors))),
            R::Age => self.age(),
            R::ExclusionZone => self.exclusion(),
            R::RegularStay => self.residence(),
            R::RequestReady
            | R::Available
            | R::KindQualified
            | R::Wheelchair
            | R::StepFree
            | R::Animals
            | R::Violence
            | R::Justice
            | R::Territory
            | R::Resources => None,
        }
    }

    fn age(&self) -> Found {
        let (youngest, oldest) = (self.profile.youngest_adult, self.profile.oldest_adult);
        let criteria = &self.place.criteria;
        let refused = if criteria.age_min.is_some_and(|min| youngest < min) {
            youngest
        } else if criteria.age_max.is_some_and(|max| oldest > max) {
            oldest
        } else {
            return None;
        };
        let of_that_age = |one: &Person| (one.born.age_on(self.day) == refused).then_some(refused);
        Some((format!("{refused} ans"), self.since_aged(Dated::Adults, of_that_age)))
    }

    /// Fails closed: zones that cannot be read here exclude the place, never the contrary. Where they cannot be read,
    /// when they were noted is nobody's business either.
    fn exclusion(&self) -> Found {
        let kept = self.household.safety.as_ref()?;
        match kept.value.known() {
            None => Some(("périmètre de sécurité illisible ici".to_owned(), None)),
            Some(safety) => {
                let covers = safety.exclusion_zones.iter().any(|zone| zone.covers(self.place.commune));
                covers.then(|| ("périmètre de sécurité".to_owned(), self.since(Dated::Safety)))
            }
        }
    }

    fn residence(&self) -> Found {
        if !self.place.kind.regular_stay_required() {
            return None;
        }
        let irregular = |one: &Person| {
            one.residence.is_none_or(|residence| residence.regularity() != Regularity::Regular)
        };
        let refused = |one: &Person| self.adult(one).filter(|_| irregular(one));
        let any = self.members().any(|one| refused(one).is_some());
        any.then(|| {
            ("régularité du séjour non établie".to_owned(), self.since_aged(Dated::Residence, refused))
        })
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(
        household: &'a Household,
        request: &'a Request,
        persons: Option<&'a BTreeSet<PersonId>>,
        place: &'a Description,
        day: Date,
    ) -> Self {
        Self { people: People::of(household, persons, place, day, request.siao), request }
    }

    pub(super) fn verdict(&self, rule: EligibilityRule) -> Option<Verdict> {
        self.finds(rule).map(|found| verdict(rule, found))
    }

    fn finds(&self, rule: EligibilityRule) -> Found {
        use EligibilityRule as R;
        let (place, need) = (self.people.place, &self.request.file.need);
        let criteria = &place.criteria;
        let (fact, dated) = match rule {
            R::RequestReady => {
                let situation = &self.request.situation;
                if matches!(situation, RequestSituation::Qualified(_)) {
                    return None;
                }
                (format!("demande {}", situation.word()), Dated::Situation)
            }
            R::KindQualified => {
                let qualified = self.request.situation.qualification()?;
                if qualified.kinds.contains(&place.kind) {
                    return None;
                }
                let kinds: Vec<_> = qualified.kinds.iter().map(|kind| kind.code()).collect();
                (format!("orientation validée pour {}", kinds.join(", ")), Dated::Qualification)
            }
            R::Wheelchair if need.wheelchair && !criteria.wheelchair => {
                ("fauteuil roulant nécessaire".to_owned(), Dated::Wheelchair)
            }
            R::StepFree if need.step_free && !criteria.step_free => {
                ("rez-de-chaussée ou ascenseur nécessaire".to_owned(), Dated::StepFree)
            }
            R::Animals => {
                let refused = need.animals.iter().find(|animal| !criteria.animals.contains(animal))?;
                (format!("animal : {}", refused.label_fr()), Dated::Animals)
            }
            R::Territory if !self.wished() => ("hors des souhaits du ménage".to_owned(), Dated::Wishes),
            R::Violence => {
                return self.sealed(&need.violence_dedicated, |needed| {
                    match (*needed, criteria.violence_dedicated) {
                        (true, false) => Some("lieu protégé nécessaire"),
                        (false, true) => Some("lieu réservé"),
                        (true, true) | (false, false) => None,
                    }
                });
            }
            R::Justice if !criteria.justice => {
                return self.sealed(&need.justice_measure, |measure| {
                    measure.then_some("mesure non acceptée par la structure")
                });
            }
            R::Resources => {
                let least = criteria.resources_min?;
                return self.sealed(&need.resources, |has| {
                    has.is_none_or(|has| has < least).then_some("tranche de ressources")
                });
            }
            R::Wheelchair | R::StepFree | R::Justice | R::Territory => return None,
            R::Available => return self.expected(),
            R::Capacity
            | R::PersonsMin
            | R::Gender
            | R::Couple
            | R::Children
            | R::Age
            | R::ExclusionZone
            | R::RegularStay => return self.people.finds(rule),
        };
        let since = self.request.dates.since(dated).unwrap_or(self.request.need_since);
        Some((fact, Some(self.people.local(since))))
    }

    /// What is found of a sealed need. Fails closed: one that cannot be read here excludes the place.
    fn sealed<T>(&self, need: &Personal<Since<T>>, no: impl Fn(&T) -> Option<&'static str>) -> Found {
        let Some(need) = need.known() else { return Some(("besoin illisible ici".to_owned(), None)) };
        let since = need.since.map_or(self.request.need_since, |since| since.0);
        no(&need.is).map(|fact| (fact.to_owned(), Some(self.people.local(since))))
    }

    fn wished(&self) -> bool {
        let (wishes, commune) = (&self.request.file.wishes, self.people.place.commune);
        if wishes.is_empty() {
            commune.territory() == self.request.siao
        } else {
            wishes.iter().any(|area| area.covers(commune))
        }
    }

    /// Where else the household is expected, or how many others are asked: a proposal would be refused.
    fn expected(&self) -> Found {
        let live = || self.people.household.live_referrals();
        let theirs = |referral: &Referral| {
            self.people.persons.is_none_or(|persons| persons.iter().any(|person| referral.is_for(*person)))
        };
        let accepted =
            live().filter(|(_, referral)| theirs(referral)).find_map(|(_, referral)| {
                match referral.situation {
                    ReferralSituation::Accepted { at, .. } => Some(at),
                    ReferralSituation::Proposed { .. }
                    | ReferralSituation::Admitted { .. }
                    | ReferralSituation::DeclinedByProvider { .. }
                    | ReferralSituation::DeclinedByHousehold { .. }
                    | ReferralSituation::Expired
                    | ReferralSituation::Withdrawn { .. }
                    | ReferralSituation::NoShow => None,
                }
            });
        if let Some(at) = accepted {
            return Some(("orientation déjà acceptée ailleurs".to_owned(), Some(self.people.local(at))));
        }
        let open = live().count();
        let last = live().map(|(_, referral)| referral.proposed).max()?;
        (open >= LIVE_REFERRALS_MAX)
            .then(|| (format!("{open} orientations en cours"), Some(self.people.local(last))))
    }
}

fn verdict(rule: EligibilityRule, (fact, since): (String, Option<Date>)) -> Verdict {
    Verdict { rule, fact, since: since.map(Day) }
}
