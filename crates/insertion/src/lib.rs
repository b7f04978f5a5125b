//! Insertion housing: structures, places, answers to referrals, admissions, stays.
//!
//! **Invariant.** Its view keeps no identity: a provider reads names from the SIAO's service, where rights are checked.
//!
//! This crate does not know who waits nor how requests are ranked.

mod occupancy;
mod places;

use domain::decide::Service;
use projection::View;
use projection::ledgers::{Ledgers, LedgersView};

use desk::{Context, Desk, Reading, Running};

/// The name of the service.
pub const NAME: &str = "insertion";
/// Raised whenever the same events would give other rows.
const VIEW_VERSION: u32 = 8;

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    let ledgers = LedgersView::new(VIEW_VERSION)
        .indexed(desk::TREES, desk::index(Service::Insertion))
        .withholding(desk::withhold::persons);
    vec![Box::new(ledgers)]
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
    desk::partner_commands(&mut running, context, &desk, Service::Insertion, None);
    let site = desk::described(running.site)
        .document(|api| api.tag(NAME, "Hébergement et logement d'insertion : structures, places, séjours."));
    let site = desk::commands(site, &desk, Service::Insertion, None);
    let site = places::routes(site, &desk, &reading);
    let site = occupancy::routes(site, &desk, &reading);
    running.site = desk::worklist(site, Service::Insertion, &desk, &reading);
    Ok(running)
}
