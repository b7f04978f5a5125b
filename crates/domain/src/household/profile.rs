//! What the rules of places read of a composition: how many, of what ages, who counts beside the members.

use jiff::civil::Date;

use crate::calendar::BirthMonth;
use crate::household::composition::{Composition, Expected, Sex};
use crate::id::PersonId;
use crate::reference::MemberLink;
use crate::structure_kind::{AnswerDelay, StructureKind};

/// What a place must know of a household's composition on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Number of members.
    pub persons: u8,
    /// Number under 18.
    pub minors: u8,
    /// Number under 18 beside the main applicant and their partner, children in shared custody included.
    pub children: u8,
    /// Children in shared custody, who are members elsewhere.
    pub shared: u8,
    /// Children to be born of a certified pregnancy.
    pub to_come: u8,
    /// Whether two adults live as a couple.
    pub couple: bool,
    /// Women among the adults.
    pub women: u8,
    /// Men among the adults.
    pub men: u8,
    /// Age of the youngest adult, main applicant and partner being judged as adults at any age; 0 if there is none.
    pub youngest_adult: u8,
    /// Age of the oldest adult, in the same way; 0 if there is none.
    pub oldest_adult: u8,
}

impl Profile {
    /// How many persons must find room: those who sleep there tonight in an emergency; otherwise also the children in
    /// shared custody, and those to be born of a certified pregnancy.
    #[must_use]
    pub fn to_house(&self, kind: StructureKind) -> u8 {
        match kind.answer_delay() {
            AnswerDelay::Emergency => self.persons,
            AnswerDelay::Accommodation | AnswerDelay::Residence | AnswerDelay::Intermediation => {
                self.persons.saturating_add(self.shared).saturating_add(self.to_come)
            }
        }
    }

    /// How many minors a place must admit as such: a minor who applies, or whose partner does, is none where the place
    /// is for ages under 18.
    #[must_use]
    pub fn minors_to_admit(&self, age_min: Option<u8>) -> u8 {
        if age_min.is_some_and(|min| min < 18) { self.children } else { self.minors.max(self.children) }
    }
}

impl Composition {
    /// The household's profile on `day`, restricted to `persons` if given: then nobody counts who is not a member.
    #[must_use]
    pub fn profile(&self, day: Date, only: Option<&std::collections::BTreeSet<PersonId>>) -> Profile {
        let mut profile = Profile::default();
        for (_, person) in self.members.iter().filter(|(id, _)| only.is_none_or(|only| only.contains(id))) {
            profile.persons = profile.persons.saturating_add(1);
            let age = person.born.age_on(day);
            let partner = person.link == MemberLink::spouse_or_partner();
            let applies = partner || person.link == MemberLink::main_applicant();
            if age < 18 {
                profile.minors += 1;
                profile.children += u8::from(!applies);
            } else {
                match person.sex {
                    Sex::Female => profile.women += 1,
                    Sex::Male => profile.men += 1,
                }
                profile.couple |= partner;
            }
            if age >= 18 || applies {
                profile.oldest_adult = profile.oldest_adult.max(age);
                profile.youngest_adult =
                    if profile.youngest_adult == 0 { age } else { profile.youngest_adult.min(age) };
            }
        }
        if only.is_none() {
            let shared = self.shared.values().filter(|born| born.age_on(day) < 18).count();
            profile.shared = u8::try_from(shared).unwrap_or(u8::MAX);
            profile.children = profile.children.saturating_add(profile.shared);
            // Somebody forgot to record the birth, or the end of the pregnancy: a month after the term nobody counts.
            let awaited = |expected: &&Expected| {
                expected.certified && day <= crate::calendar::months_after(expected.due.0, 1)
            };
            let expected = self.expected.as_ref().filter(awaited);
            profile.to_come = expected.map_or(0, |expected| expected.children);
        }
        profile
    }

    /// The members who were born by `day`: who is born in a later month was in nothing that ended then.
    #[must_use]
    pub fn born_by(&self, day: Date) -> std::collections::BTreeSet<PersonId> {
        let month = BirthMonth::of(day);
        self.members.iter().filter(|(_, person)| person.born <= month).map(|(id, _)| *id).collect()
    }

    /// The SI-SIAO typology code (`compositions` table: 10 homme seul … 120) on `day`.
    #[must_use]
    pub fn typology(&self, day: Date) -> &'static str {
        let profile = self.profile(day, None);
        match (profile.women + profile.men, profile.minors, profile.couple) {
            (0, 1, _) => "80",
            (0, _, _) => "90",
            (1, 0, _) if profile.women == 1 => "20",
            (1, 0, _) => "10",
            (1, _, _) if profile.women == 1 => "40",
            (1, _, _) => "50",
            (2, 0, true) => "30",
            (2, _, true) => "100",
            (_, 0, _) => "70",
            (_, _, _) => "60",
        }
    }
}
