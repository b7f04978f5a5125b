//! `continuum timeline ID`: one pathway, at two dates.

use clap::Args;
use domain::id::{HouseholdId, PlaceId};
use jiff::Timestamp;
use serde_json::Value;

use crate::client::{Client, DEFAULT_URL, nobody};

/// Show the pathway of a household, or the history of a place.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum timeline 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90\n  continuum timeline 33-0192f1c2-… --as-of 2026-03-15T18:00:00Z --known-at 2026-03-15T18:00:00Z\n\n--as-of leaves out what was true later, --known-at what was recorded later: together they give what was known then. Times are UTC."
)]
pub struct Timeline {
    /// The id of a household, or of a place with --place.
    id: String,
    /// The id is a place's.
    #[arg(long)]
    place: bool,
    /// Leave out what was true after this instant, such as 2026-03-15T18:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<Timestamp>,
    /// Leave out what was recorded after this instant.
    #[arg(long, value_name = "INSTANT")]
    known_at: Option<Timestamp>,
    /// Print JSON as the service answers it.
    #[arg(long)]
    json: bool,
    /// Where the instance listens.
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
}

impl Timeline {
    /// Prints the pathway.
    ///
    /// # Errors
    /// An id that is none, an instance that does not answer, a household that is not known.
    pub async fn run(self) -> anyhow::Result<()> {
        let path = if self.place {
            format!("/api/v1/places/{}/timeline", self.id.parse::<PlaceId>()?)
        } else {
            format!("/api/v1/households/{}/timeline", self.id.parse::<HouseholdId>()?)
        };
        let mut query = Vec::new();
        query.extend(self.as_of.map(|at| ("as_of", at.to_string())));
        query.extend(self.known_at.map(|at| ("known_at", at.to_string())));
        let timeline = Client::new(&self.url, &nobody())?.get(&path, &query).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&timeline)?);
            return Ok(());
        }
        for event in timeline["events"].as_array().into_iter().flatten() {
            println!("{}", line(event));
        }
        Ok(())
    }
}

/// One fact: when it was true, what happened, who said so, and when it was recorded if later.
fn line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let (effective, recorded) = (text("effective"), text("recorded"));
    let day = |at: &str| at.get(..16).unwrap_or(at).replace('T', " ");
    let mut line = format!("{}  {:<32} {}", day(&effective), text("type"), text("actor"));
    if day(&effective) != day(&recorded) {
        line.push_str(&format!("  (recorded {})", day(&recorded)));
    }
    if let Some(was) = event["recorded_effective"].as_str() {
        line.push_str(&format!("  (first dated {})", day(was)));
    }
    line
}
