//! People in a few words: `woman 32, daughter 5, son 3`.

use domain::calendar::{Day, months_after};
use domain::decide::registration::{NewMember, Register};
use domain::household::composition::{Identity, Sex};
use domain::id::{HouseholdId, PersonId};
use domain::reference::{MemberLink, RightOfResidence};
use jiff::civil::Date;

use super::{World, gironde};

/// A person in a word and an age: `daughter 5`. The first of a household is its main applicant.
pub(crate) fn member(text: &str, first: bool, today: Date) -> NewMember {
    let (word, age) = text.trim().split_once(' ').unwrap_or_else(|| panic!("« {text} » has no age"));
    let age: i64 = age.parse().unwrap_or_else(|_| panic!("« {age} » is no age"));
    let (sex, link) = match word {
        "woman" => (Sex::Female, MemberLink::other()),
        "man" => (Sex::Male, MemberLink::other()),
        "wife" => (Sex::Female, MemberLink::spouse_or_partner()),
        "husband" => (Sex::Male, MemberLink::spouse_or_partner()),
        "daughter" => (Sex::Female, MemberLink::child()),
        "son" => (Sex::Male, MemberLink::child()),
        "mother" => (Sex::Female, MemberLink::parent()),
        "father" => (Sex::Male, MemberLink::parent()),
        "sister" => (Sex::Female, MemberLink::sibling()),
        "brother" => (Sex::Male, MemberLink::sibling()),
        _ => panic!("« {word} » is nobody this world knows"),
    };
    // Two months past the birthday: the month of birth is over, whatever the day.
    let birth_date = if age == 0 { today } else { months_after(today, -12 * age - 2) };
    NewMember {
        sex,
        link: if first { MemberLink::main_applicant() } else { link },
        residence: Some(RightOfResidence::all().find(|right| right.code() == "french").unwrap()),
        identity: Identity {
            last_name: "Lormont".to_owned(),
            first_names: word.to_owned(),
            birth_name: None,
            birth_date: Day(birth_date),
            phone: first.then(|| "0556000000".to_owned()),
            email: None,
            address: None,
        },
    }
}

impl World {
    /// Today, in Gironde.
    pub(crate) fn today(&self) -> Date {
        domain::calendar::day(gironde(), self.now)
    }

    /// The members that `people` describes.
    pub(crate) fn members(&self, people: &str) -> Vec<NewMember> {
        people.split(',').enumerate().map(|(n, one)| member(one, n == 0, self.today())).collect()
    }

    /// Registers a household: `woman 32, daughter 5`.
    #[track_caller]
    pub(crate) fn household(&mut self, people: &str) -> HouseholdId {
        let members = self.members(people);
        self.registers(members)
    }

    /// Registers these people.
    #[track_caller]
    pub(crate) fn registers(&mut self, members: Vec<NewMember>) -> HouseholdId {
        let register = Register {
            territory: gironde(),
            members,
            expected: None,
            reachable_through_structure: false,
            at: None,
            note: None,
            duplicate_reviewed: None,
        };
        let id = HouseholdId::created_by(gironde(), self.upcoming());
        self.does(id, register);
        id
    }

    /// The members of the household whose link or first name is `word`, in the order of their ids.
    pub(crate) fn person(&self, household: HouseholdId, word: &str) -> PersonId {
        let members = &self.household_of(household).composition.members;
        let named = |person: &&PersonId| {
            let identity = members[*person].identity.as_ref().and_then(|kept| kept.value.known());
            identity.is_some_and(|identity| identity.first_names == word)
        };
        *members.keys().find(named).unwrap_or_else(|| panic!("no {word} in {household}"))
    }
}
