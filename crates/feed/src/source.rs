//! Where what leaves is read from.

use std::path::Path;
use std::sync::Arc;

use desk::{Desk, Reading};
use projection::Handle as View;
use service::sse::Streams;

/// What every way out is read from: events, what is available, subscriptions, partners' feeds. A clone is cheap.
#[derive(Clone)]
pub(crate) struct Source {
    /// The desk at which readers are known.
    pub(crate) desk: Desk,
    /// The rows.
    pub(crate) reading: Reading,
    /// How far they are.
    pub(crate) view: View,
    /// The room for live streams.
    pub(crate) streams: Streams,
    /// Where the key lies that signs receipts.
    pub(crate) seal_key: Arc<Path>,
}
