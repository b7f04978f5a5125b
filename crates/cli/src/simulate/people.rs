//! People: names, ages, links. Nobody real is meant.

use domain::calendar::{Day, days_after};
use domain::decide::registration::NewMember;
use domain::household::composition::{Identity, Sex};
use domain::reference::{MemberLink, RightOfResidence};
use jiff::civil::Date;

use super::dice::Dice;
use super::settings::{Settings, Shape};

/// The lists of names.
pub(super) struct People {
    women: Vec<&'static str>,
    men: Vec<&'static str>,
    surnames: Vec<&'static str>,
}

/// Telephone numbers kept for fiction: what stands before the last four digits.
const PHONES: [&str; 8] =
    ["0639 98", "0639 98", "0639 98", "0199 00", "0261 91", "0353 01", "0465 71", "0536 49"];

impl People {
    /// The lists this program ships with.
    pub(super) fn shipped() -> Self {
        let lines = |text: &'static str| text.lines().filter(|line| !line.is_empty()).collect();
        Self {
            women: lines(include_str!("../../../../config/names/first_names_female.txt")),
            men: lines(include_str!("../../../../config/names/first_names_male.txt")),
            surnames: lines(include_str!("../../../../config/names/surnames.txt")),
        }
    }

    /// A surname.
    pub(super) fn surname(&self, dice: &mut Dice) -> String {
        dice.pick(&self.surnames).unwrap_or("Martin").to_owned()
    }

    fn first_name(&self, sex: Sex, dice: &mut Dice) -> &'static str {
        let names = match sex {
            Sex::Female => &self.women,
            Sex::Male => &self.men,
        };
        dice.pick(names).unwrap_or("Camille")
    }

    /// Somebody of this sex, born on `born`, called `surname`.
    pub(super) fn person(
        &self,
        sex: Sex,
        link: MemberLink,
        born: Date,
        surname: &str,
        dice: &mut Dice,
    ) -> NewMember {
        let identity = Identity {
            last_name: surname.to_owned(),
            first_names: self.first_name(sex, dice).to_owned(),
            birth_name: None,
            birth_date: Day(born),
            phone: None,
            email: None,
            address: None,
        };
        NewMember { sex, link, residence: None, identity }
    }

    /// The members of a household of this shape, as they stand on `today`; the main applicant comes first.
    pub(super) fn household(
        &self,
        shape: Shape,
        today: Date,
        settings: &Settings,
        dice: &mut Dice,
    ) -> Vec<NewMember> {
        let surname = self.surname(dice);
        let adult = |dice: &mut Dice| born(today, adult_age(shape, dice), dice);
        let main_sex = match shape {
            Shape::SingleMan | Shape::ManWithChildren => Sex::Male,
            Shape::SingleWoman | Shape::WomanWithChildren => Sex::Female,
            Shape::Couple | Shape::CoupleWithChildren => {
                if dice.chance(0.5) {
                    Sex::Female
                } else {
                    Sex::Male
                }
            }
        };
        let born_main = adult(dice);
        let mut main = self.person(main_sex, MemberLink::main_applicant(), born_main, &surname, dice);
        let right = settings.residence.draw(dice);
        main.residence = Some(right);
        self.add_contacts(&mut main.identity, dice);
        let mut members = vec![main];
        if matches!(shape, Shape::Couple | Shape::CoupleWithChildren) {
            members.push(self.partner(main_sex, born_main, today, right, &surname, dice));
        }
        if matches!(shape, Shape::WomanWithChildren | Shape::ManWithChildren | Shape::CoupleWithChildren) {
            let oldest = (years_between(born_main, today) - 18).clamp(1, 17);
            for _ in 0..=dice.weigh([46, 32, 15, 7].into_iter()) {
                let sex = if dice.chance(0.5) { Sex::Female } else { Sex::Male };
                let age = dice.between(0, oldest);
                let born = born(today, age, dice);
                members.push(self.person(sex, MemberLink::child(), born, &surname, dice));
            }
        }
        members
    }

    fn partner(
        &self,
        of: Sex,
        born_main: Date,
        today: Date,
        right: RightOfResidence,
        surname: &str,
        dice: &mut Dice,
    ) -> NewMember {
        let sex = match of {
            Sex::Female => Sex::Male,
            Sex::Male => Sex::Female,
        };
        let age = (years_between(born_main, today) + dice.between(-6, 6)).clamp(18, 90);
        let own = if dice.chance(0.6) { surname.to_owned() } else { self.surname(dice) };
        let mut partner =
            self.person(sex, MemberLink::spouse_or_partner(), born(today, age, dice), &own, dice);
        partner.residence = Some(right);
        partner
    }

    /// Telephone and e-mail, as far as there are any.
    pub(super) fn add_contacts(&self, identity: &mut Identity, dice: &mut Dice) {
        if dice.chance(0.93) {
            identity.phone = Some(phone(dice));
        }
        if dice.chance(0.45) {
            let local = format!("{}.{}", plain(&identity.first_names), plain(&identity.last_name));
            identity.email = Some(format!("{local}@example.fr"));
        }
    }
}

/// A telephone number that nobody has.
fn phone(dice: &mut Dice) -> String {
    let prefix = PHONES[dice.below(PHONES.len())].replace(' ', "");
    let digits = format!("{prefix}{:04}", dice.below(10_000));
    let pairs: Vec<&str> = (0..5).map(|n| &digits[2 * n..2 * n + 2]).collect();
    pairs.join(" ")
}

/// The age of an adult, in years.
fn adult_age(shape: Shape, dice: &mut Dice) -> i64 {
    let (low, high) = match shape {
        Shape::SingleMan | Shape::SingleWoman => match dice.weigh([26, 36, 25, 13].into_iter()) {
            0 => (18, 25),
            1 => (26, 40),
            2 => (41, 57),
            _ => (58, 78),
        },
        Shape::Couple => (20, 68),
        Shape::WomanWithChildren | Shape::ManWithChildren | Shape::CoupleWithChildren => (20, 48),
    };
    dice.between(low, high)
}

/// A day of birth of somebody who is `age` on `today` by the month of birth.
pub(super) fn born(today: Date, age: i64, dice: &mut Dice) -> Date {
    // Whole years are counted from the end of the month of birth: one month more makes sure of the age.
    days_after(
        domain::calendar::months_after(today, -12 * age),
        -dice.between(if age == 0 { 1 } else { 35 }, if age == 0 { 300 } else { 360 }),
    )
}

fn years_between(born: Date, today: Date) -> i64 {
    i64::from(domain::calendar::BirthMonth::of(born).age_on(today))
}

/// A name as e-mail addresses write it: no accents, nothing but letters and dashes.
fn plain(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            'a'..='z' => Some(letter),
            'à' | 'â' | 'ä' | 'á' | 'ã' => Some('a'),
            'é' | 'è' | 'ê' | 'ë' => Some('e'),
            'î' | 'ï' | 'í' => Some('i'),
            'ô' | 'ö' | 'ó' | 'õ' => Some('o'),
            'ù' | 'û' | 'ü' | 'ú' => Some('u'),
            'ç' => Some('c'),
            'ñ' => Some('n'),
            ' ' | '-' | '\'' => Some('-'),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn telephone_numbers_are_those_kept_for_fiction() {
        let mut dice = Dice::of(2);
        let kept = ["06 39 98", "01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49"];
        for _ in 0..200 {
            let number = phone(&mut dice);
            assert!(number.len() == 14 && kept.iter().any(|start| number.starts_with(start)), "{number}");
        }
    }

    #[test]
    fn a_household_has_one_main_applicant_of_age_and_children_who_are_not() {
        let (people, mut dice) = (People::shipped(), Dice::of(4));
        let today = date(2026, 3, 9);
        for _ in 0..500 {
            let shape = Settings::shipped().composition.draw(&mut dice);
            let members = people.household(shape, today, Settings::shipped(), &mut dice);
            let ages: Vec<i64> =
                members.iter().map(|m| years_between(m.identity.birth_date.0, today)).collect();
            assert!(members[0].link == MemberLink::main_applicant() && ages[0] >= 18, "{shape:?} {ages:?}");
            for (member, age) in members.iter().zip(&ages) {
                assert_eq!(member.link == MemberLink::child(), *age < 18, "{shape:?} {ages:?}");
                assert!(member.identity.birth_date.0 < today);
            }
        }
    }

    #[test]
    fn an_address_has_no_accents() {
        assert_eq!(plain("Zoé-Anaïs"), "zoe-anais");
        assert_eq!(plain("N'Diaye"), "n-diaye");
    }
}
