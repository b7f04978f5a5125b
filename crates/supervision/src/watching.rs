//! Who opens too many files is noticed: on the ledger of their organisation, once in the time that is looked at, whatever the
//! number of processes that watch.

use std::time::Duration;

use domain::calendar::Instant;
use domain::decide::organisation::NoticeBulkReading;
use domain::decide::{Command, OrganisationCommand};
use domain::event::{Actor, Origin};
use domain::id::CommandId;
use domain::organisation::Verb;
use domain::rights::READS;
use jiff::SignedDuration;
use journal::ExecuteError;
use journal::access::{Code, Crossing, Watched};
use service::config::Watch;
use service::{Stop, TraceContext};

use desk::{Ask, Desk};

/// How far back is read at the start: a watcher that was away over a long weekend still notices what was read meanwhile.
const BACK: Duration = Duration::from_secs(4 * 24 * 3600);
/// How long to wait before the journal is asked again, when it does not answer as it should.
const AGAIN: Duration = Duration::from_secs(2);

/// What counts, by the settings: whatever shows a household by its id.
pub(crate) fn watched(settings: Watch) -> Watched {
    let files = READS.iter().filter(|read| read.on == "household" && read.verb == Verb::Read);
    Watched {
        households: usize::try_from(settings.files_max).unwrap_or(usize::MAX),
        within: Duration::from_secs(u64::from(settings.within_min) * 60),
        back: BACK,
        // Actions are written in the letters of codes.
        actions: files.filter_map(|read| read.code().parse::<Code>().ok()).collect(),
    }
}

/// Watches until asked to stop.
///
/// # Errors
/// None: what hinders it is told, and it begins again.
pub(crate) async fn watch(desk: Desk, watched: Watched, stop: Stop) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = stop.stopping() => return Ok(()),
            hindered = notice_all(&desk, &watched) => {
                tracing::error!(error = %hindered, "who opens too many files is not noticed now: {hindered}");
            }
        }
        tokio::select! {
            () = stop.stopping() => return Ok(()),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Notices everybody, until something hinders it.
async fn notice_all(desk: &Desk, watched: &Watched) -> anyhow::Error {
    let mut watch = match desk.journal().watch_bulk_reading(watched.clone(), desk.edge().now()).await {
        Ok(watch) => watch,
        Err(error) => return error.into(),
    };
    loop {
        match watch.next().await {
            Ok(crossing) => notice(desk, watched, &crossing).await,
            Err(error) => return error.into(),
        }
    }
}

/// Notices one crossing, as often as it takes.
async fn notice(desk: &Desk, watched: &Watched, crossing: &Crossing) {
    let within = SignedDuration::try_from(watched.within).unwrap_or(SignedDuration::MAX);
    let since = crossing.at.checked_sub(within).unwrap_or(jiff::Timestamp::MIN);
    let organisation = crossing.organisation;
    let notice = NoticeBulkReading {
        actor: crossing.actor.clone(),
        households: u32::try_from(crossing.households).unwrap_or(u32::MAX),
        since: Instant(since),
        until: Instant(crossing.at),
    };
    // Every process that watches asks the same, under one id for each hour of the clock.
    let hour = crossing.at.as_second().div_euclid(3600);
    let key = format!("bulk-reading/{}/{hour}", crossing.actor);
    let ask = Ask {
        command: Command::Organisation(organisation, OrganisationCommand::NoticeBulkReading(notice)),
        // Two of them may have counted a file more or less: it is the same notice all the same.
        body: Vec::new(),
        origin: Origin {
            command: CommandId::of_key(&organisation.to_string(), &key),
            actor: Actor::clock(),
            organisation,
            at: desk.edge().now(),
            trace: Some(TraceContext::root().to_header()),
        },
        version: None,
        standing: None,
    };
    loop {
        match desk.take(&ask).await {
            Ok(receipt) => {
                if !receipt.events.is_empty() && !receipt.repeated {
                    let (actor, households) = (&crossing.actor, crossing.households);
                    tracing::warn!(code = "files-read-in-bulk", %actor, households, "{actor} opened {households} files");
                }
                return;
            }
            Err(ExecuteError::Refused(refusal)) => {
                let code = refusal.code;
                tracing::error!(refusal = code, %organisation, "a bulk reading cannot be noticed: {code}");
                return;
            }
            Err(ExecuteError::KeyReused { .. }) => return,
            Err(error) => {
                tracing::warn!(error = %error, "a bulk reading is not noticed yet: {error}");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
