//! What a mail says: how much is new, until when, and where to look. Never what, where or who.

use std::fmt::Write as _;

use domain::calendar::time_zone;
use domain::id::SubscriptionId;
use jiff::Timestamp;
use serde_json::Value;

use crate::live::Message;

/// The letter about some of what a subscription is told.
pub(super) struct Letter {
    subscription: SubscriptionId,
    count: usize,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    link: Option<String>,
}

fn moment(value: Option<&Value>) -> Option<Timestamp> {
    value.and_then(Value::as_str).and_then(|text| text.parse().ok())
}

impl Letter {
    /// The letter about `told`; `link` leads to the subscription it names as `{subscription}`.
    pub(super) fn of(subscription: SubscriptionId, told: &[Message], link: Option<&str>) -> Self {
        let since = told.first().and_then(|(_, _, event)| moment(event.get("time")));
        let fresh = |(_, _, event): &Message| moment(event.pointer("/data/placement/fresh_until"));
        Self {
            subscription,
            count: told.len(),
            since,
            until: told.iter().filter_map(fresh).min(),
            link: link.map(|link| link.replace("{subscription}", &subscription.to_string())),
        }
    }

    /// Its text, for a person.
    pub(super) fn text(&self) -> String {
        let Self { subscription, count, since, until, link } = self;
        let zone = time_zone(subscription.territory());
        let words =
            |at: &Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%d/%m/%Y à %H:%M").to_string();
        let changes = if *count == 1 { "1 changement".to_owned() } else { format!("{count} changements") };
        let mut text = format!("Bonjour,\n\nVotre abonnement {subscription} a du nouveau : {changes}");
        // A `String` takes whatever is written to it.
        if let Some(since) = since {
            let _ = write!(text, ", depuis le {}", words(since));
        }
        text.push_str(".\n");
        if let Some(until) = until {
            let _ = writeln!(text, "À consulter avant le {}.", words(until));
        }
        if let Some(link) = link {
            let _ = writeln!(text, "\n{link}");
        }
        text.push_str(
            "\nCe message ne dit rien des logements, des places ni des personnes : tout est dans Continuum.\n\
             Votre organisme l'a demandé pour cet abonnement ; il peut l'arrêter à tout moment dans Continuum.\n",
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_letter_says_how_much_is_new_until_when_and_where_to_look_and_nothing_of_what() {
        let id: SubscriptionId = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let event = |position, fresh: &str| {
            let placement = json!({ "commune": "33063", "rent": 51_234, "fresh_until": fresh });
            let time = "2026-11-28T12:30:00Z";
            (
                position,
                "placement.available".to_owned(),
                json!({ "time": time, "data": { "placement": placement } }),
            )
        };
        let told = [event(7, "2026-12-05T22:59:59Z"), event(9, "2026-12-01T22:59:59Z")];
        let letter =
            Letter::of(id, &told, Some("https://continuum.example/abonnements/{subscription}")).text();
        assert!(letter.contains("2 changements, depuis le 28/11/2026 à 13:30"), "{letter}");
        assert!(letter.contains("avant le 01/12/2026 à 23:59"), "{letter}");
        assert!(letter.contains(&format!("\nhttps://continuum.example/abonnements/{id}\n")), "{letter}");
        for nothing_of_it in ["33063", "51234", "512"] {
            assert!(!letter.contains(nothing_of_it), "{letter}");
        }
        let one = Letter::of(id, &told[..1], None).text();
        assert!(one.contains("1 changement,") && !one.contains("http"), "{one}");
    }
}
