//! Rows that are kept decoded: written as JSON, shared in memory as values.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value a view keeps under a key, serialised once a batch however often it changes.
///
/// Every type with these properties is one. Its shape is part of its view's version: change both together.
pub trait Row: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Row for T {}

/// A key without its tree, and the bytes under it.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// A [`Row`] whose type was forgotten.
pub(crate) trait Decoded: Send + Sync {
    /// As stored, or why serde refused.
    fn encode(&self) -> Result<Vec<u8>, String>;
    /// For reading it as the type it was written as.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// For changing it in place.
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// For looking at it.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Row> Decoded for T {
    fn encode(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|e| format!("{:?} fault", e.classify()))
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A value as it was stored. The error never quotes it.
pub(crate) fn decode<T: Row>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value).map_err(|e| format!("{:?} fault at byte {}", e.classify(), e.column()))
}
