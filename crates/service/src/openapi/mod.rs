//! The description of the API: OpenAPI 3.1, made of the same data that the routes are made of.
//!
//! Schemas come as JSON Schema 2020-12 from whoever owns the types (`schemars`, with definitions at
//! `#/components/schemas/`); operations name them. The document is the same in every run: sorted, no dates, no addresses.

mod document;
mod manners;
mod operation;
mod references;

use std::collections::BTreeMap;

use serde_json::Value;

pub use document::{HEALTH, METRICS, OPENAPI, READY};
pub use operation::{Answer, Operation, Parameter, Place, Schema};
pub use references::unresolved;

/// Two parts of an API mean different things by the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The same schema name, two schemas.
    #[error("two schemas are named {0}")]
    Schema(String),
    /// The same operation id, two operations.
    #[error("two operations have the id {0}")]
    OperationId(&'static str),
    /// The same method and path, two operations.
    #[error("two operations are at {0}")]
    Route(String),
}

/// The description of the API of one service, or of several.
#[derive(Debug, Clone, Default)]
pub struct Api {
    pub(crate) operations: Vec<Operation>,
    pub(crate) schemas: BTreeMap<String, Value>,
    pub(crate) tags: BTreeMap<&'static str, &'static str>,
}

impl Api {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With an operation.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// With a schema, which operations and other schemas name. The last one given under a name counts.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>, schema: Value) -> Self {
        self.schemas.insert(name.into(), schema);
        self
    }

    /// With schemas by name, as `schemars` collects them.
    #[must_use]
    pub fn schemas(mut self, schemas: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.schemas.extend(schemas);
        self
    }

    /// With what is said about a tag (a service).
    #[must_use]
    pub fn tag(mut self, name: &'static str, description: &'static str) -> Self {
        self.tags.insert(name, description);
        self
    }

    /// The operations, in the order they were given.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// This API and another one.
    ///
    /// # Errors
    ///
    /// [`Conflict`] when they mean different things by the same name.
    pub fn merge(mut self, other: Self) -> Result<Self, Conflict> {
        for (name, schema) in other.schemas {
            if self.schemas.get(&name).is_some_and(|ours| *ours != schema) {
                return Err(Conflict::Schema(name));
            }
            self.schemas.insert(name, schema);
        }
        self.tags.extend(other.tags);
        self.operations.extend(other.operations);
        self.check()?;
        Ok(self)
    }

    /// Refuses two operations with one id, and two at one route.
    ///
    /// # Errors
    ///
    /// The first [`Conflict`].
    pub fn check(&self) -> Result<(), Conflict> {
        let (mut ids, mut routes) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for operation in &self.operations {
            if !ids.insert(operation.id()) {
                return Err(Conflict::OperationId(operation.id()));
            }
            let route = operation.route();
            if !routes.insert(route.clone()) {
                return Err(Conflict::Route(route));
            }
        }
        Ok(())
    }

    /// The OpenAPI 3.1 document.
    #[must_use]
    pub fn document(&self) -> Value {
        document::of(self)
    }

    /// The document as text, to be committed: two spaces, sorted, a line break at the end.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:#}\n", self.document())
    }
}

#[cfg(test)]
mod tests;
