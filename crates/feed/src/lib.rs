//! Feed: what leaves. Events, and what is available, after a position and live, over HTTP; what partners are told over the
//! broker.
//!
//! **Invariant.** A reader that comes back with its cursor receives what it missed, in order, once: of each event as much as
//! it may know when it reads. Personal values leave sealed.
//!
//! This crate takes the commands of subscriptions and of questions about capacity, and keeps no copy of a body: its view is an
//! index into the journal, and what was available at each position of it.

mod delivery;
mod documents;
mod events;
mod filter;
mod index;
mod inquiries;
mod live;
pub mod mail;
mod partner;
mod partners;
mod placements;
pub mod sending;
mod source;
pub mod webhook;

use domain::decide::Service;
use journal::seals::SealKey;
use projection::View;
use projection::ledgers::{Ledgers, LedgersView};
use service::sse::Streams;

use delivery::Routes;
use desk::{Context, Desk, Reading, Running};
use mail::Mailer;
use sending::Carriers;
use source::Source;
use webhook::Client;
use webhook::attempt::Limits;

/// The name of the service.
pub const NAME: &str = "feed";

/// Raised whenever the same events would give other states of ledgers.
const VIEW_VERSION: u32 = 7;

/// What the service keeps in its view.
#[must_use]
pub fn views() -> Vec<Box<dyn View>> {
    let ledgers = LedgersView::new(VIEW_VERSION)
        .indexed(desk::FEED_TREES, desk::index(Service::Feed))
        .withholding(desk::withhold::stories_and_secrets);
    vec![Box::new(index::Index), Box::new(ledgers), Box::new(placements::Placements)]
}

/// Starts the service: its view, its surface.
///
/// # Errors
/// When its rows cannot be opened or made.
pub async fn start(context: &Context) -> anyhow::Result<Running> {
    let mut running = Running::start(NAME, context, views()).await?;
    let reading = Reading::of(running.view.clone());
    let streams = Streams::new(NAME, &context.settings.limits, running.tasks.stop());
    let ledgers = Ledgers::of(running.view.clone());
    let policy = delivery::allowed(context.settings.webhooks.as_ref());
    let webhooks = Client::of_machine(policy.clone(), Limits::default())?;
    let settings = context.settings.mail.as_ref();
    let mail = settings.map(Mailer::of).transpose()?.flatten();
    let link = settings.map(|mail| mail.link.clone()).filter(|link| !link.is_empty());
    let ways = Routes { policy, mail: mail.is_some(), link };
    let carriers = Carriers { webhooks, mail };
    let (sender, rounds) = sending::sender(carriers, &sending::Settings::default(), context.edge.clone());
    let desk = Desk::new(NAME, context.journal.clone(), ledgers, context.edge.clone(), context.book.clone());
    desk::partner_commands(&mut running, context, &desk, Service::Feed, None);
    let seal_key = SealKey::beside(&context.settings.keys.file).into();
    let source = Source { desk, reading, view: running.view.clone(), streams, seal_key };
    let (telling, door) = (source.clone(), running.door.clone());
    let clock = source.desk.clone();
    running.tasks.front("deadlines", move |stop| desk::deadlines(clock, stop));
    running.tasks.front("partners' feeds", move |stop| partners::tell(telling, door, stop));
    running.tasks.front("sending", move |stop| rounds.run(stop));
    let bringing = source.clone();
    let steps = move |stop| delivery::bring(bringing, ways, sender, stop);
    running.tasks.front("subscriptions' ways", steps);
    let site = running.site.document(|api| {
        api.tag(NAME, "Flux : les événements après une position, et en direct.").schemas(desk::schemas())
    });
    let site = desk::commands(site, &source.desk, Service::Feed, None);
    let site = documents::routes(site);
    let site = placements::routes(events::routes(site, source.clone()), source.clone());
    let site = inquiries::routes(site, source.clone());
    let site = placements::subscription_routes(site, source.clone());
    let site = delivery::recipient_routes(site, source.clone());
    running.site = delivery::routes(site, source);
    Ok(running)
}
