//! Days, months and the civil time of each territory.
//!
//! Deadlines that the law counts in days or months end with the last second of their day, in the civil time of the
//! territory: a household of Saint-Denis de La Réunion has until its own midnight.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::id::{Malformed, Territory};

/// The civil time of a département.
#[must_use]
pub fn time_zone(territory: Territory) -> TimeZone {
    let name = match territory.as_str() {
        "971" => "America/Guadeloupe",
        "972" => "America/Martinique",
        "973" => "America/Cayenne",
        "974" => "Indian/Reunion",
        "975" => "America/Miquelon",
        "976" => "Indian/Mayotte",
        _ => "Europe/Paris",
    };
    // The time-zone database is compiled in: these names are in it.
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The civil day it is in `territory` at `at`.
#[must_use]
pub fn day(territory: Territory, at: Timestamp) -> Date {
    at.to_zoned_datetime(time_zone(territory)).date()
}

/// The first instant of `on` in `territory`.
#[must_use]
pub fn start_of_day(territory: Territory, on: Date) -> Timestamp {
    on.to_zoned_datetime(time_zone(territory)).map_or_else(|_| edge(on), |zoned| zoned.timestamp())
}

/// The last second of `on` in `territory`: when a deadline counted in days ends.
#[must_use]
pub fn end_of_day(territory: Territory, on: Date) -> Timestamp {
    on.at(23, 59, 59, 0)
        .to_zoned_datetime(time_zone(territory))
        .map_or_else(|_| edge(on), |zoned| zoned.timestamp())
}

/// `n` days after `on`; the last day of the calendar if there is no such day.
#[must_use]
pub fn days_after(on: Date, n: i64) -> Date {
    shift(on, n.days())
}

/// `n` months after `on`, the same day of the month or its last.
#[must_use]
pub fn months_after(on: Date, n: i64) -> Date {
    shift(on, n.months())
}

/// `n` hours after `at`.
#[must_use]
pub fn hours_after(at: Timestamp, n: i64) -> Timestamp {
    at.checked_add(n.hours()).unwrap_or(Timestamp::MAX)
}

/// Whether two spans `[from, to)` share an instant; an open end is the end of time.
pub(crate) fn spans_meet(one: (Timestamp, Option<Timestamp>), other: (Timestamp, Option<Timestamp>)) -> bool {
    one.1.is_none_or(|end| other.0 < end) && other.1.is_none_or(|end| one.0 < end)
}

fn shift(on: Date, by: Span) -> Date {
    on.checked_add(by).unwrap_or(Date::MAX)
}

/// Where a civil date has no instant in the zone (the ends of the calendar): the nearest one there is.
fn edge(on: Date) -> Timestamp {
    if on.year() > 2000 { Timestamp::MAX } else { Timestamp::MIN }
}

/// A month of birth. The day stays sealed with the identity: the rules need an age, not a birthday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BirthMonth {
    year: i16,
    month: i8,
}

impl BirthMonth {
    /// The month of a date of birth.
    #[must_use]
    pub fn of(born: Date) -> Self {
        Self { year: born.year(), month: born.month() }
    }

    /// Whole years on `day`, counted from the last day of the month: nobody is made older than they are.
    #[must_use]
    pub fn age_on(self, day: Date) -> u8 {
        let born = date(self.year, self.month, 1).last_of_month();
        let mut years = i32::from(day.year()) - i32::from(born.year());
        if (day.month(), day.day()) < (born.month(), born.day()) {
            years -= 1;
        }
        u8::try_from(years.clamp(0, 130)).unwrap_or(0)
    }

    /// The first day on which [`Self::age_on`] gives `age`.
    #[must_use]
    pub fn turns(self, age: u8) -> Date {
        let born = date(self.year, self.month, 1).last_of_month();
        let there = months_after(born, 12 * i64::from(age));
        // Born on 29 February: the birthday of a common year is the day after the 28th.
        if there.day() < born.day() { days_after(there, 1) } else { there }
    }
}

impl std::fmt::Display for BirthMonth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl std::str::FromStr for BirthMonth {
    type Err = Malformed;

    fn from_str(s: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new(s, "a month of birth such as 1990-03");
        let first: Date = format!("{s}-01").parse().map_err(|_| malformed())?;
        if (1900..=2100).contains(&first.year()) && s.len() == 7 {
            Ok(Self::of(first))
        } else {
            Err(malformed())
        }
    }
}

crate::id::text_serde!(BirthMonth, "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", "1990-03");

/// A civil date as it is written in commands and events: `2026-03-09`.
pub mod iso_date {
    use schemars::{Schema, SchemaGenerator, json_schema};

    /// The schema of a civil date.
    #[must_use]
    pub fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "examples": ["2026-03-09"] })
    }

    /// The schema of an instant.
    #[must_use]
    pub fn instant(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-03-09T14:00:00Z"] })
    }
}

/// A civil day, typed for schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub Date);

impl schemars::JsonSchema for Day {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        iso_date::schema(generator)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An instant, typed for schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub Timestamp);

impl schemars::JsonSchema for Instant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        iso_date::instant(generator)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A time of the day to the minute, as clocks of a département show it: `19:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(Time);

impl TimeOfDay {
    /// What clocks of `territory` show at `now`.
    #[must_use]
    pub fn at(territory: Territory, now: Timestamp) -> Self {
        Self(now.to_zoned_datetime(time_zone(territory)).time())
    }

    /// When clocks of `territory` show it on that day; where they are put forward over it, as much later as they are.
    #[must_use]
    pub fn on(self, territory: Territory, on: Date) -> Timestamp {
        let at = on.to_datetime(self.0);
        at.to_zoned_datetime(time_zone(territory)).map_or_else(|_| edge(on), |zoned| zoned.timestamp())
    }
}

impl std::str::FromStr for TimeOfDay {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let two = |digits: &str| match digits.as_bytes() {
            [b'0'..=b'9', b'0'..=b'9'] => digits.parse::<i8>().ok(),
            _ => None,
        };
        let parts = text.split_once(':').and_then(|(hour, minute)| two(hour).zip(two(minute)));
        let time = parts.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
        time.map(Self).ok_or_else(|| Malformed::new(text, "a time of the day such as 19:30"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl schemars::JsonSchema for TimeOfDay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["19:30"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_ends_with_the_day_where_the_household_lives() {
        let on = date(2026, 7, 1);
        assert_eq!(end_of_day("33".parse().unwrap(), on).to_string(), "2026-07-01T21:59:59Z");
        assert_eq!(end_of_day("974".parse().unwrap(), on).to_string(), "2026-07-01T19:59:59Z");
        assert_eq!(end_of_day("971".parse().unwrap(), on).to_string(), "2026-07-02T03:59:59Z");
    }

    #[test]
    fn nobody_is_of_age_before_the_month_of_birth_is_over() {
        let born: BirthMonth = "2008-02".parse().unwrap();
        assert_eq!(born.age_on(date(2026, 2, 27)), 17);
        assert_eq!(born.age_on(date(2026, 2, 28)), 17);
        assert_eq!(born.age_on(date(2026, 3, 1)), 18);
        assert_eq!(born.turns(18), date(2026, 3, 1));
        assert_eq!("2000-05".parse::<BirthMonth>().unwrap().turns(26), date(2026, 5, 31));
    }

    #[test]
    fn a_month_after_the_31st_is_the_last_of_the_month() {
        assert_eq!(months_after(date(2026, 1, 31), 1), date(2026, 2, 28));
    }
}
