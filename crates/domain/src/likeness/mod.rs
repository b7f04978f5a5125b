//! When two files may be about the same person: what is compared, and what is said of it to people.
//!
//! Nothing is compared in the clear. An identity gives [`Trait`]s, each a tuple of which every part was made plain first;
//! whoever holds the index key makes a token of each, and two files look alike where their tokens meet. A trait never is
//! one field that many share: a name alone, or a date of birth alone, gives none.
//!
//! That two files look alike is a proposal to a person, who decides. Nothing is unique here and nothing is merged by itself.

mod names;
mod sound;

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::household::application::UniqueRegistrationNumber;
use crate::household::composition::Identity;
use crate::personal::Personal;
use crate::reference::DuplicateReviewReason;

/// In what two persons look alike, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The numéro unique of the social-housing application.
    Number,
    /// Name, first name and date of birth.
    Name,
    /// Name and first name the other way round, and the date of birth.
    NamesSwapped,
    /// Name and year of birth, day and month the other way round.
    DayAndMonthSwapped,
    /// The sound of the name, and the date of birth.
    Sound,
    /// Telephone.
    Phone,
}

impl Likeness {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Number, Self::Name, Self::NamesSwapped, Self::DayAndMonthSwapped, Self::Sound, Self::Phone];

    /// Its stable code: `names_swapped`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name",
            Self::NamesSwapped => "names_swapped",
            Self::DayAndMonthSwapped => "day_and_month_swapped",
            Self::Sound => "sound",
            Self::Phone => "phone",
        }
    }

    /// What it says to a person, without saying whose name it is.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Number => "même numéro unique",
            Self::Name => "même nom, même prénom et même date de naissance",
            Self::NamesSwapped => "nom et prénom inversés, même date de naissance",
            Self::DayAndMonthSwapped => "même nom, jour et mois de naissance inversés",
            Self::Sound => "nom qui se prononce pareil, même date de naissance",
            Self::Phone => "même téléphone",
        }
    }
}

/// What is worth telling of all in which two persons look alike: who bears the same name also bears one of the same sound.
#[must_use]
pub fn told(alike: &BTreeSet<Likeness>) -> Vec<Likeness> {
    use Likeness as L;
    let has = |likeness| alike.contains(&likeness);
    let implied = |likeness: L| match likeness {
        L::Number | L::Name | L::Phone => false,
        L::NamesSwapped => has(L::Name),
        // With the same date nothing is swapped.
        L::DayAndMonthSwapped => has(L::Name) || has(L::Sound),
        L::Sound => has(L::Name),
    };
    alike.iter().copied().filter(|likeness| !implied(*likeness)).collect()
}

/// One tuple in which persons can look alike. Its parts are made from what is personal: they are never shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trait {
    /// In what.
    pub likeness: Likeness,
    parts: Vec<String>,
}

impl Trait {
    fn of(likeness: Likeness, parts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { likeness, parts: parts.into_iter().map(Into::into).collect() }
    }

    /// What is compared, to be made a token of at once.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(String::as_bytes)
    }
}

impl fmt::Debug for Trait {
    /// Never shows the parts: logs and error messages carry no personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trait({})", self.likeness.code())
    }
}

/// The traits of a person. Accents, case, punctuation and particles make no difference; a name that is not known gives
/// none.
#[must_use]
pub fn traits(identity: &Identity) -> BTreeSet<Trait> {
    use Likeness as L;
    let born = Born::of(identity.birth_date);
    let mut traits = BTreeSet::new();
    let given = names::given(&identity.first_names);
    for surname in [Some(&identity.last_name), identity.birth_name.as_ref()].into_iter().flatten() {
        for name in names::surnames(surname) {
            for first in &given {
                traits.insert(Trait::of(L::Name, [&name, first, &born.date]));
            }
            if let Some([year, one, other]) = &born.swappable {
                traits.insert(Trait::of(L::DayAndMonthSwapped, [&name, year, one, other]));
            }
            let mut sounds = vec![sound::of(&name)];
            // Thousands are said to be born on the first of January: with such a date a name alone says too little.
            if born.presumed {
                match names::whole(&identity.first_names) {
                    Some(first) => sounds.push(sound::of(&first)),
                    None => continue,
                }
            }
            traits.insert(Trait::of(L::Sound, sounds.into_iter().chain([born.date.clone()])));
        }
        if let (Some(name), Some(first)) = (names::whole(surname), names::whole(&identity.first_names)) {
            let (one, other) = if name <= first { (name, first) } else { (first, name) };
            traits.insert(Trait::of(L::NamesSwapped, [&one, &other, &born.date]));
        }
    }
    traits.extend(identity.phone.as_deref().and_then(phone).map(|phone| Trait::of(L::Phone, [phone])));
    traits
}

/// The trait of an application's number.
#[must_use]
pub fn of_number(number: &UniqueRegistrationNumber) -> Trait {
    Trait::of(Likeness::Number, [number.to_string()])
}

/// A date of birth as it is compared.
struct Born {
    date: String,
    /// The year, then day and month in one order whichever they were written in; none where swapping them gives no other
    /// date.
    swappable: Option<[String; 3]>,
    /// Whether it is a day that is written where the day is not known.
    presumed: bool,
}

impl Born {
    fn of(day: Day) -> Self {
        let Day(date) = day;
        let (d, m) = (date.day(), date.month());
        let ordered = [date.year().to_string(), d.min(m).to_string(), d.max(m).to_string()];
        Self {
            date: date.to_string(),
            swappable: (d <= 12 && d != m).then_some(ordered),
            presumed: matches!((d, m), (1, 1) | (31, 12)),
        }
    }
}

/// Fewest digits of a number that stands for somebody.
const PHONE_DIGITS_MIN: usize = 8;

/// A telephone number as it is dialled from France: without the country's own prefix, without signs.
fn phone(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let abroad = text.trim_start().starts_with('+');
    let international = if abroad { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    let dialled = match international {
        // « +33 (0)6 … » is written too.
        Some(number) => match number.strip_prefix("33") {
            Some(national) => format!("0{}", national.trim_start_matches('0')),
            None => format!("+{number}"),
        },
        None => digits.clone(),
    };
    (digits.len() >= PHONE_DIGITS_MIN && digits.bytes().any(|digit| digit != b'0')).then_some(dialled)
}

/// The field of a command that says so. It is about how the command is asked, not about what: asked again with it, the
/// command is the same one.
pub const REVIEWED: &str = "duplicate_reviewed";

/// That somebody was told of files that look alike and goes on, as the command says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateReviewed {
    /// Why this is another file.
    pub reason: DuplicateReviewReason,
    /// In words, if the reason does not say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The same, as an event keeps it. It does not say which files looked alike: nobody may learn of them here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    /// Why this is another file.
    pub reason: DuplicateReviewReason,
    /// In words, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

impl From<&DuplicateReviewed> for Reviewed {
    fn from(is: &DuplicateReviewed) -> Self {
        Self { reason: is.reason, note: is.note.clone().map(Personal::Known) }
    }
}

#[cfg(test)]
mod tests;
