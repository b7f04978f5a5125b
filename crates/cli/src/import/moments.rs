//! Days and times as files write them: as people type them, or as the number a spreadsheet keeps.

use domain::calendar::{Instant, start_of_day};
use domain::id::Territory;
use jiff::civil::{Date, DateTime, Time};

/// The earliest and latest years that a cell may name: outside, a digit was mistyped.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;
/// What to write instead of what is no date.
const MOMENT_FORM: &str = "écrivez une date comme 2026-03-09 ou 09/03/2026";

/// A day, with a time or without.
pub(crate) fn read_moment(text: &str) -> Result<DateTime, String> {
    let wrong = || MOMENT_FORM.to_owned();
    if year_alone(text) {
        return Err("une année ne suffit pas : écrivez le jour, comme 2026-03-09 ou 09/03/2026".to_owned());
    }
    if let Some(serial) = serial(text) {
        return serial.ok_or_else(wrong);
    }
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time.trim_start_matches("à ").trim())),
        None => (text, None),
    };
    let day = read_date(day).ok_or_else(wrong)?;
    if !YEARS.contains(&day.year()) {
        return Err(format!("l'année {} est impossible", day.year()));
    }
    let time = match time {
        None | Some("") => Time::midnight(),
        Some(time) => read_time(time).ok_or_else(|| "écrivez l'heure comme 14:30".to_owned())?,
    };
    Ok(day.to_datetime(time))
}

/// Whether a cell holds a year and nothing else. As the number of a spreadsheet it would stand for a day of 1905.
fn year_alone(text: &str) -> bool {
    text.len() == 4 && text.parse().is_ok_and(|year: i16| YEARS.contains(&year))
}

fn read_date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let [first, second, third] = parts[..] else { return None };
    let number =
        |text: &str| text.parse::<i16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = match (first.len(), third.len()) {
        (4, 1..=2) => (first, second, third),
        (1..=2, 4) => (third, second, first),
        _ => return None,
    };
    Date::new(number(year)?, i8::try_from(number(month)?).ok()?, i8::try_from(number(day)?).ok()?).ok()
}

/// `14:30`, `14:30:00`, `14h30`, `9h`.
fn read_time(text: &str) -> Option<Time> {
    let mut parts = text.split([':', 'h', 'H']).map(|part| if part.is_empty() { "0" } else { part });
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next().map_or(Some(0), |minute| minute.parse().ok())?;
    let second = parts.next().map_or(Some(0), |second| second.split('.').next()?.parse().ok())?;
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

/// The day that a spreadsheet's number stands for, `None` inside where it stands for none; `None` outside if the text is
/// no such number. Days are counted from 30 December 1899, which makes those from March 1900 on right.
fn serial(text: &str) -> Option<Option<DateTime>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 5 {
        return None;
    }
    let days: i64 = whole.parse().ok()?;
    let part: f64 = format!("0.{fraction}").parse().ok()?;
    let floor = Date::new(1899, 12, 30).ok()?;
    let day = floor.checked_add(jiff::Span::new().days(days)).ok();
    // To the minute: a spreadsheet's fractions of a day are not exact.
    #[expect(clippy::cast_possible_truncation, reason = "a part of a day is at most 1,440 minutes")]
    let minutes = (part * 1_440.0).round() as i64;
    Some(day.filter(|day| YEARS.contains(&day.year())).and_then(|day| {
        day.to_datetime(Time::midnight()).checked_add(jiff::Span::new().minutes(minutes)).ok()
    }))
}

/// The instant of a civil moment in a territory. A day alone is its first second: stays that follow one another on a
/// place meet there without a gap or an overlap.
pub(crate) fn instant(territory: Territory, moment: DateTime) -> Instant {
    let zone = domain::calendar::time_zone(territory);
    let at = moment
        .to_zoned_datetime(zone)
        .map_or_else(|_| start_of_day(territory, moment.date()), |zoned| zoned.timestamp());
    Instant(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_in_every_form_that_a_file_writes() {
        for text in ["2026-03-09", "09/03/2026", "9/3/2026", "09.03.2026", "09-03-2026", "46090"] {
            assert_eq!(read_moment(text).unwrap().to_string(), "2026-03-09T00:00:00", "{text}");
        }
        for text in ["2026-03-09 14:30", "09/03/2026 14h30", "2026-03-09T14:30:00", "46090.604166667"] {
            assert_eq!(read_moment(text).unwrap().to_string(), "2026-03-09T14:30:00", "{text}");
        }
    }

    #[test]
    fn a_day_that_does_not_exist_is_not_read() {
        for text in
            ["31/02/2026", "2026-13-01", "09/03/26", "hier", "", "1/2", "09/03/0026", "123456", "-5", "0"]
        {
            assert!(read_moment(text).is_err(), "{text}");
        }
        assert!(read_moment("09/03/2026 25:00").is_err());
        assert_eq!(read_moment("09/03/1026").unwrap_err(), "l'année 1026 est impossible");
    }

    #[test]
    fn a_year_alone_is_no_day_of_1905() {
        for text in ["1900", "2015", "2100"] {
            assert!(read_moment(text).unwrap_err().starts_with("une année ne suffit pas"), "{text}");
        }
        assert_eq!(read_moment("2101").unwrap().to_string(), "1905-10-01T00:00:00");
    }
}
