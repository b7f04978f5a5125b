//! Reading a view: at least as far as the caller asks, and saying how far it was.

use std::sync::Arc;

use domain::ledger::AggregateId;
use projection::ledgers::{self, Folded};
use projection::{Handle, Page};
use serde::Serialize;
use service::Problem;
use service::axum::http::{HeaderName, HeaderValue};
use service::axum::response::{IntoResponse, Response};
use service::extract::{AtLeast, Json, etag};

use crate::answer::{Failure, stopped, unserved};

/// The header that says which position of the journal the answer knows.
const POSITION: HeaderName = HeaderName::from_static("continuum-position");
/// The header that says how many events wait behind it.
const PENDING: HeaderName = HeaderName::from_static("continuum-pending");

/// How far a view has read, in every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ViewState {
    /// The position of the last event it knows.
    pub position: u64,
    /// How many events are known to wait behind it.
    pub pending: u64,
}

/// Opens pages of a view for queries.
#[derive(Clone)]
pub struct Reading {
    handle: Handle,
}

impl Reading {
    /// Reads the view behind `handle`.
    #[must_use]
    pub fn of(handle: Handle) -> Self {
        Self { handle }
    }

    /// A page that knows at least the position the caller asks for.
    ///
    /// # Errors
    /// [`Problem`] `view-behind` when it does not within the caller's wait; `not-ready` when it serves nothing.
    pub async fn page(&self, at_least: AtLeast) -> Result<Page, Problem> {
        self.known(at_least).await?;
        self.now()
    }

    /// What `read` makes of a page that knows at least the position the caller asks for. It runs beside the tasks of the
    /// process: for answers that read many rows.
    ///
    /// # Errors
    /// As [`Reading::page`], and what `read` says.
    pub async fn read<T, F>(&self, at_least: AtLeast, read: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Page) -> Result<T, Problem> + Send + 'static,
    {
        self.known(at_least).await?;
        let reading = self.clone();
        let reading = tokio::task::spawn_blocking(move || read(&reading.now()?));
        reading.await.map_err(Problem::internal)?
    }

    async fn known(&self, at_least: AtLeast) -> Result<(), Problem> {
        if let Some(position) = at_least.position
            && !self.handle.reached(position, at_least.wait).await
        {
            return Err(Problem::view_behind(position, self.handle.position()));
        }
        Ok(())
    }

    /// A page of what is known now.
    ///
    /// # Errors
    /// [`Problem`] `not-ready` when the view serves nothing.
    pub fn now(&self) -> Result<Page, Problem> {
        self.handle.reader().page().map_err(|e| unserved(&e))
    }
}

/// The state of one ledger as `page` has it; `None` if it knows nothing of it.
///
/// # Errors
/// [`Problem`] `aggregate-stopped` when its rows stand still: what they say may be long past.
pub fn folded(page: &Page, ledger: &AggregateId) -> Result<Option<Arc<Folded>>, Problem> {
    if page.halted(ledger).map_err(Failure)?.is_some() {
        return Err(stopped(ledger));
    }
    Ok(ledgers::state(page, ledger).map_err(Failure)?)
}

impl ViewState {
    /// How far `page` has read.
    #[must_use]
    pub fn of(page: &Page) -> Self {
        Self { position: page.position(), pending: page.pending() }
    }

    /// The answer `body`, with how far the view had read.
    #[must_use]
    pub fn answer(self, body: &impl Serialize) -> Response {
        let mut response = match serde_json::to_value(body) {
            Ok(body) => Json(body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        };
        response.headers_mut().insert(POSITION, HeaderValue::from(self.position));
        response.headers_mut().insert(PENDING, HeaderValue::from(self.pending));
        response
    }

    /// As [`ViewState::answer`], with the version of the ledger it shows, for *If-Match*.
    #[must_use]
    pub fn versioned(self, body: &impl Serialize, version: u64) -> Response {
        let mut response = self.answer(body);
        let (name, value) = etag(version);
        response.headers_mut().insert(name, value);
        response
    }
}
