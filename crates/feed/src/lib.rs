//! Feed: what leaves. For now the raw stream: events after a position, and live.
//!
//! **Invariant.** Same range, same bytes: a reader that comes back with its cursor receives what it missed, in order,
//! once. Personal values leave sealed.
//!
//! This crate takes no command and keeps no copy of a body: its view is an index into the journal.

mod events;
mod filter;
mod index;

use projection::View;
use service::sse::Streams;

use desk::{Context, Reading, Running};

/// The name of the service.
pub const NAME: &str = "feed";

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(index::Index)]
}

/// Starts the service: its view, its surface.
///
/// # Errors
/// When its rows cannot be opened or made.
pub async fn start(context: &Context) -> anyhow::Result<Running> {
    let mut running = Running::start(NAME, context, views()).await?;
    let reading = Reading::of(running.view.clone());
    let streams = Streams::new(NAME, &context.settings.limits, running.tasks.stop());
    let site = running.site.document(|api| {
        api.tag(NAME, "Flux : les événements après une position, et en direct.").schemas(desk::schemas())
    });
    let source = events::Source::new(context.journal.clone(), reading, running.view.clone(), streams);
    running.site = events::routes(site, source);
    Ok(running)
}
