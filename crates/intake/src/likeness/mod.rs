//! Files that look alike: found through tokens that tell nothing of whom they stand for.
//!
//! **Invariant.** A token is a keyed digest of a tuple of what is personal, never of one field that many share, and of the
//! département: those of two départements cannot be joined. Tokens stand in the rows below, and nowhere else: not in the
//! journal, not in an answer, not in a log.
//!
//! **Invariant.** Rows hold the tokens of the identities that a household has now and whose key is there. They are a function
//! of the events and of the keys; an identity that comes sealed stops its ledger, and without keys the view stops: nothing is
//! left out without a word. The store keeps removed values on the disk, so the rows are built anew in another directory every
//! night.
//!
//! **Invariant.** A protected file gives no hint: who registers somebody of the same name is answered as if it did not exist.

mod file;
mod look;
mod opened;
mod review;
mod routes;
mod token;
mod view;

use anyhow::Context as _;
use desk::{Context, Desk, Reading, Running};
use journal::Journal;
use journal::keys::KeyRing;
use projection::{Source, View};

pub(crate) use review::advice;
pub(crate) use routes::routes;

/// The name of the view, and of its directory below that of the service.
pub const NAME: &str = "likeness";

/// The view of the tokens and what it follows: the journal, with identities opened on the way.
///
/// # Errors
/// When the process has no keys: it could open nothing.
pub fn likeness(journal: &Journal) -> anyhow::Result<(impl Source + use<>, Vec<Box<dyn View>>)> {
    let keys = keys(journal)?;
    let view: Box<dyn View> = Box::new(view::Likenesses::new(token::Tokens::of(keys.clone())));
    Ok((opened::Opened::new(journal.clone(), keys), vec![view]))
}

fn keys(journal: &Journal) -> anyhow::Result<KeyRing> {
    journal.keys().cloned().context("there is no key file: identities cannot be compared")
}

/// Files that look alike, for those who ask.
#[derive(Clone)]
pub(crate) struct Finder {
    desk: Desk,
    /// The service's own rows: what is known of a file, and who may know it.
    files: Reading,
    rows: projection::Handle,
    tokens: token::Tokens,
}

impl Finder {
    /// Starts the view and what builds it anew at night.
    ///
    /// # Errors
    /// When its rows cannot be opened or made.
    pub(crate) async fn start(running: &mut Running, context: &Context, desk: &Desk) -> anyhow::Result<Self> {
        let (source, views) = likeness(&context.journal)?;
        let tokens = token::Tokens::of(keys(&context.journal)?);
        let (rows, opened) = running.beside(NAME, context, source, views).await?;
        let (nightly, view) = (context.clone(), rows.clone());
        running
            .tasks
            .front("nightly rebuild", move |stop| desk::rebuild_nightly(view, opened, nightly, stop));
        Ok(Self { desk: desk.clone(), files: Reading::of(running.view.clone()), rows, tokens })
    }
}
