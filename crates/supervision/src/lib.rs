//! Supervision: pathways on one line of time, at two dates.
//!
//! **Invariant.** Its view holds no sealed value: a pathway is read without identity, and nothing here could open one.
//!
//! **Invariant.** Both dates of every fact are kept: « what was true then » and « what was known then » are answered from
//! the same rows.
//!
//! It seals what is recorded: of all services it alone takes nothing in, so nothing it is asked can hold that up.
//!
//! This crate takes no command on households, places or structures.

mod pathway;
mod timeline;

use journal::seals::{Cadence, SealKey, keep};
use projection::View;

use desk::{Context, Reading, Running};

/// The name of the service.
pub const NAME: &str = "supervision";

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(timeline::Timelines)]
}

/// Starts the service: its view, its surface, the sealing of what all services record.
///
/// # Errors
/// When its rows cannot be opened or made.
pub async fn start(context: &Context) -> anyhow::Result<Running> {
    let mut running = Running::start(NAME, context, views()).await?;
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
    running.site = pathway::routes(site, &reading);
    Ok(running)
}
