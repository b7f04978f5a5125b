//! Supervision: pathways on one line of time, at two dates; who read what; organisations and those who sign in.
//!
//! **Invariant.** Its view holds no identity of a household: a pathway is read without it, and nothing here could open one.
//!
//! **Invariant.** Passwords, codes and tokens are hashed before a command is made of them; what is shown once is kept
//! nowhere. Whoever does not get in is told the same, whatever was wrong.
//!
//! **Invariant.** Both dates of every fact are kept: « what was true then » and « what was known then » are answered from
//! the same rows.
//!
//! This crate takes no command on households, places or structures. It rotates the keys at night, for all services, seals
//! what is recorded, and notices who opens too many files.

mod accesses;
mod accounts;
mod consents;
mod pathway;
mod timeline;
mod watching;

use domain::decide::Service;
use journal::seals::{Cadence, SealKey, keep};
use projection::View;
use projection::ledgers::{Ledgers, LedgersView};

use desk::{Context, Desk, Reading, Running};

/// The name of the service.
pub const NAME: &str = "supervision";

/// Raised whenever the same events would give other states of ledgers, or other entries.
const VIEW_VERSION: u32 = 6;

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    let ledgers = LedgersView::new(VIEW_VERSION)
        .indexed(accounts::TREES, accounts::index)
        .withholding(desk::withhold::stories);
    vec![Box::new(timeline::Timelines), Box::new(ledgers)]
}

/// Starts the service: its view, its surface, the sealing of what all services record.
///
/// # Errors
/// When its rows cannot be opened or made.
pub async fn start(context: &Context) -> anyhow::Result<Running> {
    let mut running = Running::start(NAME, context, views()).await?;
    let rotating = context.clone();
    running.tasks.behind("key rotation", move |stop| desk::rotate_nightly(rotating, stop));
    let (journal, edge) = (context.journal.clone(), context.edge.clone());
    let key = SealKey::beside(&context.settings.keys.file);
    running.tasks.behind("seals", move |stop| async move {
        let stopping = async move { stop.stopping().await };
        keep(journal, key, Cadence::default(), stopping, move || edge.now()).await;
        Ok(())
    });
    let reading = Reading::of(running.view.clone());
    let site = running
        .site
        .document(|api| api.tag(NAME, "Supervision : parcours, à deux dates.").schemas(desk::schemas()));
    let ledgers = Ledgers::of(running.view.clone());
    let desk = Desk::new(NAME, context.journal.clone(), ledgers, context.edge.clone(), context.book.clone());
    let watched = watching::watched(context.settings.watch.unwrap_or_default());
    let watching = desk.clone();
    running.tasks.behind("bulk reading", move |stop| watching::watch(watching, watched, stop));
    let site = desk::commands(site, &desk, Service::Supervision, None);
    let site = pathway::routes(site, &desk, &reading);
    let site = accesses::routes(site, &desk, &reading);
    let site = consents::routes(site, &desk, &reading);
    running.site = accounts::routes(site, &desk, &reading, context.settings.sign_in.as_ref());
    Ok(running)
}
