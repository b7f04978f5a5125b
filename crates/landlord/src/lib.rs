//! Social landlords: dwellings, vacancies, reservation holders, candidates, allocation committee (CALEOL), leases.
//!
//! **Invariant.** Its view keeps no identity, nor why a household asks the SIAO and what it needs to be safe: minimisation
//! by construction.
//!
//! This crate does not know how insertion housing is run, nor what a social assessment says.

mod dwellings;

use domain::decide::Service;
use projection::View;
use projection::ledgers::{Ledgers, LedgersView};

use desk::{Context, Desk, Reading, Running};

/// The name of the service.
pub const NAME: &str = "landlord";
/// Raised whenever the same events would give other rows.
const VIEW_VERSION: u32 = 8;

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    let ledgers = LedgersView::new(VIEW_VERSION)
        .indexed(desk::TREES, desk::index(Service::Landlord))
        .withholding(desk::withhold::persons_and_stories);
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
    desk::partner_commands(&mut running, context, &desk, Service::Landlord, None);
    let site = desk::described(running.site)
        .document(|api| api.tag(NAME, "Bailleurs sociaux : logements, candidatures, commission, baux."));
    let site = desk::commands(site, &desk, Service::Landlord, None);
    let site = dwellings::routes(site, &desk, &reading);
    running.site = desk::worklist(site, Service::Landlord, &desk, &reading);
    Ok(running)
}
