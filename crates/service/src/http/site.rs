//! What a service shows: its routes, their documentation and its checks of readiness.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::on;

use super::Check;
use super::gate::{Before, Gate, Needs, admitted};
use crate::extract::unknown_parameter;
use crate::openapi::{Api, Conflict, Operation};
use crate::problem::Problem;

/// Refuses a query with a parameter that the operation does not have.
async fn only_known_parameters(
    State(known): State<Arc<[&'static str]>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match unknown_parameter(request.uri(), &known)? {
        None => Ok(next.run(request).await),
        Some(problem) => Err(problem),
    }
}

/// The surface of one service, or of several in one process.
///
/// **Invariant.** There is no way to add a route that does not state what it needs of its caller: [`Site::operation`] and
/// [`Site::page`] take nothing else, and what needs nothing says so ([`Operation::open_to_all`]). Health, counts and the
/// description of the API are the server's own.
#[derive(Default)]
pub struct Site {
    pub(super) name: &'static str,
    pub(super) router: Router,
    pub(super) checks: Vec<Check>,
    pub(super) api: Api,
    gate: Option<Arc<dyn Gate>>,
}

impl Site {
    /// An empty surface of the service `name`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// The same surface, behind this gate: for the operations that are added from now on.
    #[must_use]
    pub fn behind(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Serves and documents an operation in one step, so that the documentation cannot miss a route. A parameter of the
    /// query that is not documented is refused: misspelt, a filter would let everything through, a cursor begin anew.
    ///
    /// # Panics
    ///
    /// When two operations have the same path and method, or paths that differ only in the names of their parameters;
    /// when one does not state what it needs of its caller, or needs something and no gate is there: the program is wrong
    /// and says so before it listens.
    #[must_use]
    pub fn operation<H, T, S>(self, operation: Operation, handler: H, state: S) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let mut site = self.page(&operation, handler, state);
        site.api = site.api.operation(operation);
        site
    }

    /// Serves what is not part of the API, such as a page or an asset: like an operation, but documented nowhere.
    ///
    /// # Panics
    ///
    /// As [`Site::operation`].
    #[must_use]
    pub fn page<H, T, S>(mut self, operation: &Operation, handler: H, state: S) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let mut routes = on(operation.method_filter(), handler).with_state(state);
        if !operation.takes_any_query() {
            let known: Arc<[&'static str]> = operation.query_names().into();
            routes = routes.route_layer(from_fn_with_state(known, only_known_parameters));
        }
        let (needs, counted) = (operation.needs(), operation.is_counted());
        assert_ne!(needs, Needs::Unstated, "{} does not state what it needs of its caller", operation.path());
        if needs != Needs::Nothing {
            #[expect(clippy::expect_used, reason = "the program is wrong, and says so before it listens")]
            let gate = self.gate.clone().expect("an operation that needs something stands behind a gate");
            routes = routes.route_layer(from_fn_with_state(Before { gate, needs, counted }, admitted));
        }
        self.router = self.router.route(operation.path(), routes);
        self
    }

    /// With the schemas and tags that the operations speak of.
    #[must_use]
    pub fn document(mut self, describe: impl FnOnce(Api) -> Api) -> Self {
        self.api = describe(self.api);
        self
    }

    /// With something that must hold for the service to be ready.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The documentation of its API.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The surfaces of several services as one, named `name`; their checks keep the name of their service.
    ///
    /// # Errors
    ///
    /// [`Conflict`] when two of them mean different things by the same operation id or schema name.
    ///
    /// # Panics
    ///
    /// When two of them serve the same route.
    pub fn merge(name: &'static str, sites: impl IntoIterator<Item = Self>) -> Result<Self, Conflict> {
        sites.into_iter().try_fold(Self::new(name), |mut all, site| {
            all.api = all.api.merge(site.api)?;
            all.router = all.router.merge(site.router);
            all.checks.extend(site.checks.into_iter().map(|check| check.of_service(site.name)));
            Ok(all)
        })
    }
}
