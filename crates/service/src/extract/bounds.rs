//! What a single request may ask for.

use std::time::Duration;

use axum::http::Extensions;

use crate::config::{Http, Limits};
use crate::problem::Bound;

/// The bounds of a request. The server puts them on each; a route that reads larger bodies puts its own there with
/// `axum::Extension(bounds.with_body_bytes_max(…))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The largest body that is read, in bytes.
    pub body_bytes_max: u64,
    /// How deep JSON may be nested, in levels.
    pub json_depth_max: u32,
    /// The most rows of one page of a list.
    pub list_max: u32,
    /// The longest wait for a view, in milliseconds.
    pub wait_ms_max: u32,
}

impl Bounds {
    /// Those of the configuration.
    #[must_use]
    pub fn new(http: &Http, limits: &Limits) -> Self {
        Self {
            body_bytes_max: http.body_bytes_max,
            json_depth_max: http.json_depth_max,
            list_max: limits.list_max,
            wait_ms_max: limits.wait_ms_max,
        }
    }

    /// The same, for a route that reads bodies of up to `bytes`.
    #[must_use]
    pub fn with_body_bytes_max(self, bytes: u64) -> Self {
        Self { body_bytes_max: bytes, ..self }
    }

    /// The bounds of this request; those of the shipped configuration where no server put any.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_default()
    }

    pub(crate) fn body(&self) -> Bound {
        Bound { name: "http.body_bytes_max", value: self.body_bytes_max, unit: "bytes" }
    }

    pub(crate) fn depth(&self) -> Bound {
        Bound { name: "http.json_depth_max", value: self.json_depth_max.into(), unit: "levels" }
    }

    pub(crate) fn list(&self) -> Bound {
        Bound { name: "limits.list_max", value: self.list_max.into(), unit: "rows" }
    }

    pub(crate) fn wait(&self) -> Bound {
        Bound { name: "limits.wait_ms_max", value: self.wait_ms_max.into(), unit: "ms" }
    }

    pub(crate) fn wait_max(&self) -> Duration {
        Duration::from_millis(self.wait_ms_max.into())
    }
}

impl Default for Bounds {
    /// Those of the shipped configuration.
    fn default() -> Self {
        Self { body_bytes_max: 1_048_576, json_depth_max: 32, list_max: 200, wait_ms_max: 5_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, Sources, load};

    #[test]
    fn the_default_bounds_are_those_of_the_shipped_configuration() {
        let settings: Settings = load("intake", &Sources::default()).unwrap();
        assert_eq!(Bounds::new(&settings.http, &settings.limits), Bounds::default());
    }
}
