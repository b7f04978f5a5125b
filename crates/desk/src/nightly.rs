//! At night: the key-encryption key is rotated, and rows that must not outlive what they were made from are built anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::event::Actor;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use journal::keys::KeyRing;
use projection::{Handle as View, Opened};
use service::Stop;
use service::config::Wrong;
use service::ticker::{Next, Ticker};

use crate::running::Context;

/// How often it is looked whether the night's rotation is due, if the time of day does not come before: one that failed is
/// tried again, and one that another process left half-way is finished.
const EVERY: Duration = Duration::from_secs(600);
/// The longest one rotation may take; what it has done by then stays done.
const RUN_MAX: Duration = Duration::from_secs(3600);

/// Rotates the keys of the journal every night at the time of the settings, until asked to stop: once a night, whatever
/// the number of processes, and at the start when the last night's was missed.
///
/// # Errors
/// A time or a zone in the settings that makes no sense. A rotation that fails is logged and tried again.
pub async fn rotate_nightly(context: Context, stop: Stop) -> anyhow::Result<()> {
    let (at, zone) = context
        .settings
        .keys
        .rotation()
        .map_err(|Wrong { key, expected }| anyhow::anyhow!("{key} must be {expected}"))?;
    let ticker = Ticker::new("key rotation", EVERY, RUN_MAX, context.edge.clock.clone());
    let Some(keys) = context.journal.keys().cloned() else { return Ok(()) };
    let clock = context.edge.clock;
    ticker.run(stop, move || once(keys.clone(), clock.now(), at, zone.clone())).await
}

/// Rotates if the night before `now` has passed without.
async fn once(keys: KeyRing, now: Timestamp, at: Time, zone: TimeZone) -> anyhow::Result<Next> {
    let last = keys.last_rotation().await?;
    if last.is_none_or(|last| last < night_before(now, at, &zone)) {
        keys.rotate(&Actor::clock(), now, |_, _| {}).await?;
    }
    Ok(Next::Due(night_after(now, at, &zone)))
}

/// Builds the rows of `view` anew every night at the time of the settings, beside those in use, until asked to stop: the store
/// keeps removed values on the disk, and only another directory is without them. Rows that were there at the start (`opened`)
/// are built anew at once: nobody knows how many nights they have seen.
///
/// # Errors
/// A time or a zone in the settings that makes no sense. A night that fails is logged and tried again.
pub async fn rebuild_nightly(view: View, opened: Opened, context: Context, stop: Stop) -> anyhow::Result<()> {
    let (at, zone) = context
        .settings
        .keys
        .rotation()
        .map_err(|Wrong { key, expected }| anyhow::anyhow!("{key} must be {expected}"))?;
    let ticker = Ticker::new("nightly rebuild", EVERY, RUN_MAX, context.edge.clock.clone());
    let clock = context.edge.clock;
    let new = match opened {
        Opened::Fresh | Opened::Outdated | Opened::Quarantined { .. } => Some(clock.now()),
        Opened::Resumed { .. } => None,
    };
    let built = Arc::new(Mutex::new(new));
    let stopping = stop.clone();
    let run = move || {
        let (view, built, now, zone) = (view.clone(), Arc::clone(&built), clock.now(), zone.clone());
        let stopping = stopping.clone();
        async move {
            let last = *built.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_none_or(|last| last < night_before(now, at, &zone)) {
                let rebuilding = async {
                    view.until_ready().await?;
                    view.rebuild().await.map_err(anyhow::Error::from)
                };
                tokio::select! {
                    rebuilt = rebuilding => rebuilt?,
                    // Nothing is lost by it: the next start builds them anew.
                    () = stopping.stopping() => return Ok(Next::Tick),
                }
                *built.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Ok(Next::Due(night_after(now, at, &zone)))
        }
    };
    ticker.run(stop, run).await
}

/// The last time before `now`, or at it, that it was `at` in `zone`.
fn night_before(now: Timestamp, at: Time, zone: &TimeZone) -> Timestamp {
    let today = nth_night(now, at, zone, 0);
    if today <= now { today } else { nth_night(now, at, zone, -1) }
}

/// The next time after `now` that it is `at` in `zone`.
fn night_after(now: Timestamp, at: Time, zone: &TimeZone) -> Timestamp {
    let today = nth_night(now, at, zone, 0);
    if today > now { today } else { nth_night(now, at, zone, 1) }
}

/// When it is `at` in `zone`, `days` after the civil day of `now`; a time that the change to summer time leaves out comes
/// as much later.
fn nth_night(now: Timestamp, at: Time, zone: &TimeZone, days: i64) -> Timestamp {
    let day = now.to_zoned_datetime(zone.clone()).date();
    let day = day.checked_add(days.days()).unwrap_or(day);
    // Only the ends of the calendar have no instant.
    day.to_datetime(at).to_zoned_datetime(zone.clone()).map_or(now, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use journal::broker::Broker;
    use journal::keys::KeyFile;
    use journal::{Journal, JournalConfig};

    use super::*;

    #[tokio::test]
    async fn keys_are_rotated_once_a_night_whatever_the_number_of_processes() {
        let broker = Broker::temporary().await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let process = async || {
            let file = KeyFile::open_or_create(&secrets.path().join("kek"), None).unwrap();
            let journal = Journal::open(JournalConfig::at(broker.url())).await.unwrap();
            journal.with_keys(file).await.unwrap().keys().unwrap().clone()
        };
        let (one, two) = (process().await, process().await);
        let at: Time = "02:30".parse().unwrap();
        // Counted from when the keys were first used, by the broker's clock.
        let first = one.last_rotation().await.unwrap().unwrap();
        let nights = async |nights: i64| {
            let now = first + jiff::SignedDuration::from_hours(24 * nights);
            let (a, b) = tokio::join!(
                once(one.clone(), now, at, TimeZone::UTC),
                once(two.clone(), now, at, TimeZone::UTC)
            );
            assert_eq!((a.unwrap(), b.unwrap()), {
                let next = night_after(now, at, &TimeZone::UTC);
                (Next::Due(next), Next::Due(next))
            });
            // A later look the same night.
            once(two.clone(), now, at, TimeZone::UTC).await.unwrap();
            two.rotations().await.unwrap().1.iter().map(|record| record.epoch).collect::<Vec<_>>()
        };
        assert_eq!(nights(0).await, Vec::<u32>::new(), "they are as new as the night");
        assert_eq!(nights(1).await, [2]);
        // Two nights later, one of which nobody was there.
        assert_eq!(nights(3).await, [2, 3]);
    }

    #[test]
    fn a_night_is_that_of_the_territory_summer_and_winter() {
        let zone = |name: &str| TimeZone::get(name).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let half_past_two = "02:30".parse::<Time>().unwrap();
        let both = |now: &str, name: &str| {
            let (now, zone) = (at(now), zone(name));
            (night_before(now, half_past_two, &zone), night_after(now, half_past_two, &zone))
        };
        let winter = both("2026-01-10T12:00:00Z", "Europe/Paris");
        assert_eq!(winter, (at("2026-01-10T01:30:00Z"), at("2026-01-11T01:30:00Z")));
        let early = both("2026-07-10T00:29:59Z", "Europe/Paris");
        assert_eq!(early, (at("2026-07-09T00:30:00Z"), at("2026-07-10T00:30:00Z")));
        let on_time = both("2026-07-10T00:30:00Z", "Europe/Paris");
        assert_eq!(on_time, (at("2026-07-10T00:30:00Z"), at("2026-07-11T00:30:00Z")));
        // The night in which it is never half past two.
        let spring = both("2026-03-28T12:00:00Z", "Europe/Paris");
        assert_eq!(spring.1, at("2026-03-29T01:30:00Z"));
        let island = both("2026-01-10T12:00:00Z", "Indian/Reunion");
        assert_eq!(island, (at("2026-01-09T22:30:00Z"), at("2026-01-10T22:30:00Z")));
    }
}
