//! `continuum timeline ID`: one pathway, at two dates.

use std::str::FromStr;

use clap::Args;
use domain::calendar::{end_of_day, time_zone};
use domain::id::{HouseholdId, PlaceId, Territory};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use crate::client::{Client, DEFAULT_URL};
use crate::credentials::Credentials;

/// How many facts are asked for at a time.
const PAGE: usize = 200;

/// Show the pathway of a household, or the history of a place.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum timeline 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90\n  continuum timeline 33-0192f1c2-… --as-of 2026-03-15 --known-at 2026-03-15\n\n--as-of leaves out what was true later, --known-at what was recorded later: together they give what was known then. Times are those of the territory."
)]
pub struct Timeline {
    /// The id of a household, or of a place with --place.
    id: String,
    /// The id is a place's.
    #[arg(long)]
    place: bool,
    /// Leave out what was true after this day, such as 2026-03-15, or this instant, such as 2026-03-15T18:00:00+01:00.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<When>,
    /// Leave out what was recorded after this day or instant.
    #[arg(long, value_name = "WHEN")]
    known_at: Option<When>,
    /// Print JSON as the service answers it.
    #[arg(long)]
    json: bool,
    /// Where the instance listens.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    #[command(flatten)]
    credentials: Credentials,
}

impl Timeline {
    /// Prints the pathway.
    ///
    /// # Errors
    /// An id that is none, an instance that does not answer, a household that is not known.
    pub async fn run(self) -> anyhow::Result<()> {
        let (path, territory) = if self.place {
            let place: PlaceId = self.id.parse()?;
            (format!("/api/v1/places/{place}/timeline"), place.territory())
        } else {
            let household: HouseholdId = self.id.parse()?;
            (format!("/api/v1/households/{household}/timeline"), household.territory())
        };
        let mut query = Vec::new();
        query.extend(self.as_of.map(|at| ("as_of", at.until(territory).to_string())));
        query.extend(self.known_at.map(|at| ("known_at", at.until(territory).to_string())));
        let timeline = whole(&Client::new(&self.url, self.credentials.token()?)?, &path, query).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&timeline)?);
            return Ok(());
        }
        for event in timeline["events"].as_array().into_iter().flatten() {
            println!("{}", line(event, territory));
        }
        Ok(())
    }
}

/// The timeline with the facts of all its pages.
async fn whole(client: &Client, path: &str, mut query: Vec<(&str, String)>) -> anyhow::Result<Value> {
    query.push(("limit", PAGE.to_string()));
    let mut whole = Value::Null;
    let gather = |mut page: Value| {
        match whole.get_mut("events").and_then(Value::as_array_mut) {
            Some(all) => all.extend(page["events"].as_array_mut().map(std::mem::take).unwrap_or_default()),
            None => whole = page,
        }
        Ok(())
    };
    client.pages(path, query, gather).await?;
    Ok(whole)
}

/// When somebody looks: an instant, or a day, of which everything counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Instant(Timestamp),
    Day(Date),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || text.parse().map(Self::Day);
        let read = text.parse().map(Self::Instant).or_else(|_| day());
        read.map_err(|_| "write a day, 2026-03-15, or an instant, 2026-03-15T18:00:00+01:00".to_owned())
    }
}

impl When {
    /// The last instant that counts; a day ends at midnight in `territory`.
    fn until(self, territory: Territory) -> Timestamp {
        match self {
            Self::Instant(at) => at,
            Self::Day(on) => end_of_day(territory, on),
        }
    }
}

/// One fact: when it was true, what happened, who said so, and when it was recorded if later. Times are those of the
/// territory.
fn line(event: &Value, territory: Territory) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let (effective, recorded) = (there(&text("effective"), territory), there(&text("recorded"), territory));
    let mut line = format!("{effective}  {:<32} {}", text("type"), text("actor"));
    if effective != recorded {
        line.push_str(&format!("  (recorded {recorded})"));
    }
    if let Some(was) = event["recorded_effective"].as_str() {
        line.push_str(&format!("  (first dated {})", there(was, territory)));
    }
    line
}

/// An instant as the clocks of `territory` showed it, to the minute; as it is if it is none.
fn there(at: &str, territory: Territory) -> String {
    let shown = |at: Timestamp| time_zone(territory).to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string();
    at.parse().map_or_else(|_| at.to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_those_of_the_territory() {
        let moved_in = json!({
            "effective": "2026-03-14T23:00:00Z", "recorded": "2026-03-15T09:30:12Z", "type": "stay.started", "actor": "agent-1",
        });
        let told = line(&moved_in, "33".parse().unwrap());
        assert!(told.starts_with("2026-03-15 00:00  stay.started "), "{told}");
        assert!(told.ends_with("agent-1  (recorded 2026-03-15 10:30)"), "{told}");
        assert!(line(&moved_in, "974".parse().unwrap()).starts_with("2026-03-15 03:00"));
    }

    #[test]
    fn a_day_counts_to_its_midnight_there() {
        let until = |text: &str, territory: &str| {
            text.parse::<When>().unwrap().until(territory.parse().unwrap()).to_string()
        };
        assert_eq!(until("2026-03-15", "33"), "2026-03-15T22:59:59Z");
        assert_eq!(until("2026-03-15", "974"), "2026-03-15T19:59:59Z");
        assert_eq!(until("2026-03-15T18:00:00+01:00", "33"), "2026-03-15T17:00:00Z");
        assert!("hier".parse::<When>().is_err());
    }
}
