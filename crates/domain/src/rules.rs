//! Delays and thresholds as dated configuration: law where there is one, each territory's choice elsewhere.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::household::erasure::Activity;
use crate::id::Territory;

/// The values in force on one day in one territory. Units are in the names; sources stand in `config/rules.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each value is explained, with its source, in config/rules.toml")]
pub struct Rules {
    pub version: String,
    pub from: Date,
    #[serde(default)]
    pub territory: Option<Territory>,
    pub referral_answer_emergency_hours: i64,
    pub referral_answer_accommodation_days: i64,
    pub referral_answer_residence_days: i64,
    pub referral_answer_intermediation_days: i64,
    pub request_update_months: i64,
    pub request_contact_months: i64,
    pub request_reactivation_months: i64,
    pub social_aid_tacit_months: i64,
    pub extension_tacit_months: i64,
    pub extension_request_before_end_months: i64,
    pub stay_review_months: i64,
    pub readiness_months: i64,
    pub residence_notice_months: i64,
    pub residence_short_notice_days: i64,
    pub residence_conditions_lost_months: i64,
    pub residence_unpaid_months: u8,
    pub residence_deposit_return_days: i64,
    pub transfer_overlap_hours: i64,
    pub late_recording_years: i64,
    pub vacancy_good_days: i64,
    pub task_notice_days: i64,
    pub committee_candidates_min: usize,
    pub offer_answer_days: i64,
    pub designation_days: i64,
    pub application_validity_years: i64,
    pub application_reminder_months: i64,
    pub application_number_months: i64,
    pub deregistration_warning_months: i64,
    pub dalo_proposal_months: i64,
    pub daho_proposal_weeks: i64,
    pub after_departure_days: i64,
    pub emergency_opening_minutes: i64,
    pub retention_active_months: i64,
    pub retention_rehearsal_days: i64,
    pub retention_activity: Vec<Activity>,
    pub legal_hold_months_max: i64,
}

/// Every entry of the rules, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBook {
    entry: Vec<Rules>,
}

/// A rule book as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    entry: Vec<toml::Table>,
}

/// What an entry for some territories says of itself; whatever else it says replaces the general value.
#[derive(Deserialize)]
struct Own {
    version: String,
    from: Date,
    territories: Vec<Territory>,
}

/// The entries of each territory that `own` names: its values over those of the general entry in force, from its date
/// on and again from the date of each later general entry.
fn overlaid(general: &[(Date, &toml::Table)], own: &toml::Table) -> Result<Vec<Rules>, toml::de::Error> {
    let Own { version, from, territories } = Own::deserialize(own.clone())?;
    let in_force = general.iter().map(|(since, _)| *since).filter(|since| *since <= from).max();
    let mut entries = Vec::new();
    for (since, under) in general.iter().filter(|(since, _)| *since > from || Some(*since) == in_force) {
        for territory in &territories {
            let mut table = (*under).clone();
            table.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            table.remove("territories");
            let below = under.get("version").and_then(toml::Value::as_str).unwrap_or_default();
            table.insert("version".to_owned(), format!("{below}+{version}").into());
            table.insert("territory".to_owned(), territory.to_string().into());
            table.insert("from".to_owned(), from.max(*since).to_string().into());
            entries.push(Rules::deserialize(table)?);
        }
    }
    Ok(entries)
}

/// Why a rule book was refused.
#[derive(Debug, thiserror::Error)]
pub enum BadRuleBook {
    /// Not the expected form.
    #[error("the rules cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// No general entry covers the past.
    #[error("the rules need one entry without territory that applies from 2000-01-01 or before")]
    NoFloor,
}

impl RuleBook {
    /// Reads a rule book in the form of `config/rules.toml`.
    ///
    /// # Errors
    /// [`BadRuleBook`] when a key is unknown, missing or ill-typed, or when no general entry covers the past.
    pub fn parse(text: &str) -> Result<Self, BadRuleBook> {
        let written: Written = toml::from_str(text)?;
        let mut book = Self { entry: Vec::new() };
        let (own, complete): (Vec<_>, Vec<_>) =
            written.entry.into_iter().partition(|entry| entry.contains_key("territories"));
        for entry in &complete {
            book.entry.push(Rules::deserialize(entry.clone())?);
        }
        let general: Vec<_> = (book.entry.iter().map(|rules| (rules.from, rules.territory)).zip(&complete))
            .filter_map(|((from, territory), entry)| territory.is_none().then_some((from, entry)))
            .collect();
        for entry in own {
            book.entry.extend(overlaid(&general, &entry)?);
        }
        book.entry.sort_by_key(|rules| (rules.from, rules.territory.is_some()));
        match book.entry.first() {
            Some(first) if first.territory.is_none() && first.from <= jiff::civil::date(2000, 1, 1) => {
                Ok(book)
            }
            Some(_) | None => Err(BadRuleBook::NoFloor),
        }
    }

    /// The rules this program ships with.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<RuleBook> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the file is compiled in and read by a test")]
            RuleBook::parse(include_str!("../../../config/rules.toml")).expect("config/rules.toml is valid")
        });
        &SHIPPED
    }

    /// The rules in force in `territory` on `day`.
    #[must_use]
    pub fn on(&self, territory: Territory, day: Date) -> &Rules {
        let applies =
            |rules: &&Rules| rules.from <= day && rules.territory.is_none_or(|own| own == territory);
        let own = self.entry.iter().rev().filter(applies).find(|rules| rules.territory.is_some());
        let general = self.entry.iter().rev().filter(applies).find(|rules| rules.territory.is_none());
        // `parse` made sure that there is a first entry, general and old.
        own.or(general).unwrap_or(&self.entry[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_shipped_rules_are_valid() {
        assert_eq!(RuleBook::shipped().on("33".parse().unwrap(), date(2026, 11, 23)).offer_answer_days, 10);
    }

    #[test]
    fn a_territory_s_own_rules_win_from_their_date() {
        let text = include_str!("../../../config/rules.toml");
        let own = format!("[[entry]]{}", text.split("[[entry]]").nth(1).unwrap());
        let own = own
            .replace("version = \"2026-01\"", "version = \"2026-07-33\"\nterritory = \"33\"")
            .replace("from = \"2000-01-01\"", "from = \"2026-07-01\"")
            .replace("request_update_months = 6", "request_update_months = 2");
        let book = RuleBook::parse(&format!("{text}\n{own}")).unwrap();
        let (gironde, ain) = ("33".parse().unwrap(), "01".parse().unwrap());
        assert_eq!(book.on(gironde, date(2026, 6, 30)).request_update_months, 6);
        assert_eq!(book.on(gironde, date(2026, 7, 1)).request_update_months, 2);
        assert_eq!(book.on(ain, date(2026, 7, 1)).request_update_months, 6);
    }

    #[test]
    fn some_territories_replace_what_they_say_and_follow_the_general_entries_for_the_rest() {
        let text = include_str!("../../../config/rules.toml");
        let next = text.split("[[entry]]").nth(1).unwrap();
        let next = next
            .replace("version = \"2026-01\"", "version = \"2027-01\"")
            .replace("from = \"2000-01-01\"", "from = \"2027-01-01\"")
            .replace("offer_answer_days = 10", "offer_answer_days = 12");
        let own =
            "version = \"gironde\"\nfrom = \"2026-07-01\"\nterritories = [\"33\"]\ndesignation_days = 30";
        let book = RuleBook::parse(&format!("{text}\n[[entry]]{next}\n[[entry]]\n{own}")).unwrap();
        let on = |territory: &str, day| {
            let rules = book.on(territory.parse().unwrap(), day);
            (rules.version.as_str(), rules.designation_days, rules.offer_answer_days)
        };
        assert_eq!(on("33", date(2026, 6, 30)), ("2026-01", 15, 10));
        assert_eq!(on("33", date(2026, 7, 1)), ("2026-01+gironde", 30, 10));
        assert_eq!(on("33", date(2027, 1, 1)), ("2027-01+gironde", 30, 12));
        assert_eq!(on("01", date(2027, 1, 1)), ("2027-01", 15, 12));
        assert!(RuleBook::parse(&format!("{text}\n[[entry]]\n{own}\nunknown_days = 3")).is_err());
    }

    #[test]
    fn the_prefet_has_six_months_in_île_de_france_and_overseas() {
        for (territory, months) in [("75", 6), ("93", 6), ("974", 6), ("33", 3), ("01", 3)] {
            let rules = RuleBook::shipped().on(territory.parse().unwrap(), date(2026, 3, 2));
            assert_eq!(rules.dalo_proposal_months, months, "{territory}");
        }
    }
}
