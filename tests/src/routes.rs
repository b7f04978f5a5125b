//! Which service answers which request: read from the OpenAPI documents, by tag.

use std::collections::BTreeMap;
use std::sync::RwLock;

use serde_json::Value;

/// One operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`.
    pub method: String,
    /// `/api/v1/households/{id}/timeline`.
    pub path: String,
    /// The service: its tag.
    pub service: String,
    /// Whether it can be asked to know at least a position.
    pub at_least: bool,
    /// The right that it needs; none where anybody may ask, or anybody who signed in.
    pub right: Option<String>,
}

/// The routes of a world, and where each service listens now.
#[derive(Debug, Default)]
pub struct Routes {
    known: RwLock<Vec<Route>>,
    bases: RwLock<BTreeMap<String, String>>,
}

impl Route {
    /// The operations of a document, those of every service (health, metrics) left out.
    ///
    /// # Panics
    /// When the document is not of the OpenAPI form.
    #[must_use]
    pub fn of(document: &Value) -> Vec<Self> {
        let mut routes = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let service = operation["tags"][0].as_str().unwrap().to_owned();
                let parameters = operation["parameters"].as_array();
                let at_least =
                    parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "at_least"));
                if service != "operations" {
                    let (method, path) = (method.to_uppercase(), path.clone());
                    let right = operation["x-right"].as_str().map(str::to_owned);
                    routes.push(Self { method, path, service, at_least, right });
                }
            }
        }
        routes
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let (asked, known): (Vec<_>, Vec<_>) = (path.split('/').collect(), self.path.split('/').collect());
        let fits =
            |(asked, known): (&&str, &&str)| asked == known || (known.starts_with('{') && !asked.is_empty());
        self.method == method && asked.len() == known.len() && asked.iter().zip(&known).all(fits)
    }
}

impl Routes {
    /// Adds the operations of a document.
    ///
    /// # Panics
    /// When the document is not of the OpenAPI form.
    pub fn learn(&self, document: &Value) {
        self.known.write().unwrap().extend(Route::of(document));
    }

    /// From now on `service` listens at `base`.
    ///
    /// # Panics
    /// When a test has panicked in here.
    pub fn moved(&self, service: &str, base: &str) {
        self.bases.write().unwrap().insert(service.to_owned(), base.to_owned());
    }

    /// The operation that answers `path` (without its query).
    ///
    /// # Panics
    /// When a test has panicked in here.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Route> {
        let known = self.known.read().unwrap();
        let fitting = known.iter().filter(|route| route.matches(method, path));
        // A written-out segment wins over a parameter.
        fitting.min_by_key(|route| route.path.matches('{').count()).cloned()
    }

    /// Where `service` listens.
    ///
    /// # Panics
    /// When it does not run in this world.
    #[must_use]
    pub fn base(&self, service: &str) -> String {
        let bases = self.bases.read().unwrap();
        bases.get(service).unwrap_or_else(|| panic!("{service} does not run in this world")).clone()
    }

    /// Where a request goes; one that no service knows goes to intake, which says so.
    #[must_use]
    pub fn base_for(&self, route: Option<&Route>) -> String {
        self.base(route.map_or("intake", |route| route.service.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_finds_its_service_by_the_tag_of_its_operation() {
        let routes = Routes::default();
        let operation = |tag: &str| json!({ "tags": [tag], "parameters": [{ "name": "at_least" }] });
        routes.learn(&json!({ "paths": {
            "/api/v1/places/{id}": { "get": operation("insertion") },
            "/api/v1/places/{id}/ranking": { "get": operation("intake") },
            "/api/v1/events/stream": { "get": operation("feed") },
            "/api/v1/events/{id}": { "get": operation("supervision") },
            "/healthz": { "get": operation("operations") },
        }}));
        let service = |path: &str| routes.find("GET", path).map(|route| route.service);
        assert_eq!(service("/api/v1/places/33-1"), Some("insertion".to_owned()));
        assert_eq!(service("/api/v1/places/33-1/ranking"), Some("intake".to_owned()));
        assert_eq!(service("/api/v1/events/stream"), Some("feed".to_owned()));
        assert_eq!((service("/api/v1/places"), service("/healthz")), (None, None));
        assert_eq!(routes.find("POST", "/api/v1/places/33-1"), None);
    }
}
