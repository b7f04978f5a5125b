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
    pub fn operation<H, T, S>(mut self, operation: Operation, handler: H, state: S) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        let known: Arc<[&'static str]> = operation.query_names().into();
        let mut routes = on(operation.method_filter(), handler)
            .route_layer(from_fn_with_state(known, only_known_parameters))
            .with_state(state);
        let needs = operation.needs();
        assert_ne!(needs, Needs::Unstated, "{} does not state what it needs of its caller", operation.path());
        if needs != Needs::Nothing {
            #[expect(clippy::expect_used, reason = "the program is wrong, and says so before it listens")]
            let gate = self.gate.clone().expect("an operation that needs something stands behind a gate");
            routes = routes.route_layer(from_fn_with_state(Before { gate, needs }, admitted));
        }
        self.router = self.router.route(operation.path(), routes);
        self.api = self.api.operation(operation);
        self
    }

    /// Serves what is not part of the API: pages, assets.
    ///
    /// # Panics
    ///
    /// When a route is already there.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
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
