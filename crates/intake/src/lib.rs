//! Intake: the SIAO's desk. Households, requests, assessment, qualification, matching, referrals.
//!
//! **Invariant.** A proposal that is not the first of the place's list carries the reason why, with the rank and the
//! digest of the list it was taken from.
//!
//! **Invariant.** Names leave this service in two answers only, the file of one household asked for by its id and the copy made for
//! one of its persons, once it is on disk who asked.
//!
//! **Invariant.** Who registers somebody is told of files that look like theirs, and goes on with a reason; of a protected file
//! they are told nothing.
//!
//! This crate does not know how places are run, nor how dwellings are let.

mod erasure;
mod export;
mod households;
mod likeness;
mod matching;

use domain::decide::Service;
use projection::View;
use projection::ledgers::{Ledgers, LedgersView};

use desk::{Context, Desk, Reading, Running};
pub use likeness::{NAME as LIKENESS, likeness};

/// The name of the service.
pub const NAME: &str = "intake";
/// Raised whenever the same events would give other rows.
const VIEW_VERSION: u32 = 8;

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(
        LedgersView::new(VIEW_VERSION)
            .indexed(desk::TREES, desk::index(Service::Intake))
            .withholding(desk::withhold::credentials),
    )]
}

/// Starts the service: its view, its clock, its surface.
///
/// # Errors
/// When its rows cannot be opened or made.
pub async fn start(context: &Context) -> anyhow::Result<Running> {
    let mut running = Running::start(NAME, context, views()).await?;
    let ledgers = Ledgers::of(running.view.clone());
    let desk = Desk::new(NAME, context.journal.clone(), ledgers, context.edge.clone(), context.book.clone());
    let reading = Reading::of(running.view.clone());
    let clock = desk.clone();
    running.tasks.front("deadlines", move |stop| desk::deadlines(clock, stop));
    let finishing = desk.clone();
    running.tasks.front("erasures", move |stop| desk::finish_erasures(finishing, stop));
    let site = desk::described(running.site)
        .document(|api| api.tag(NAME, "SIAO : ménages, demandes, orientations."));
    running.site = site;
    let finder = likeness::Finder::start(&mut running, context, &desk).await?;
    let advice = Some(likeness::advice(&desk, &finder));
    desk::partner_commands(&mut running, context, &desk, Service::Intake, advice.clone());
    let site = std::mem::take(&mut running.site);
    let site = desk::commands(site, &desk, Service::Intake, advice);
    let site = households::routes(site, &desk, &reading);
    let site = erasure::routes(site, &desk, &reading);
    let site = export::routes(site, &desk, &reading);
    let site = likeness::routes(site, finder);
    let site = matching::routes(site, &desk, &reading);
    running.site = desk::worklist(site, Service::Intake, &desk, &reading);
    Ok(running)
}
