//! Personal data inside events.
//!
//! A [`Personal`] value is written by the rules in the clear, as `{"personal": …}`, and never leaves the process so:
//! the journal replaces the marker by a sealed blob under the household's data key, and back. What the rules decide
//! on in the clear stands beside it (months of birth, functional needs, codes). Names and contacts, the social situation,
//! violence, justice, resources, numbers given by registers and free notes are personal: a decision has them opened for it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that names, locates or tells the story of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal<T> {
    /// Readable here and now.
    #[serde(rename = "personal")]
    Known(T),
    /// Sealed under the household's key: the blob as the journal wrote it.
    Sealed(Value),
    /// Its key is gone: nobody will read it again.
    Erased(bool),
}

impl<T> Personal<T> {
    /// The value, if it is readable here.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Sealed(_) | Self::Erased(_) => None,
        }
    }

    /// The value as another event can carry it. One that is not readable here cannot travel: a blob opens in its own event
    /// alone.
    #[must_use]
    pub fn carried(&self) -> Self
    where
        T: Clone,
    {
        self.known().map_or(Self::Erased(true), |value| Self::Known(value.clone()))
    }

    /// Makes the value readable through `open`, which is given the event, its schema and the sealed blob, and answers
    /// `{"personal": …}` or `{"erased": true}`. What cannot be read stays sealed.
    pub(crate) fn open(
        &mut self,
        event: crate::id::EventId,
        schema: &str,
        open: &mut dyn FnMut(crate::id::EventId, &str, &Value) -> Option<Value>,
    ) where
        T: serde::de::DeserializeOwned,
    {
        if let Self::Sealed(blob) = self {
            let marked = serde_json::json!({ "sealed": blob });
            if let Some(opened) = open(event, schema, &marked)
                && let Ok(value) = serde_json::from_value(opened)
            {
                *self = value;
            }
        }
    }
}

impl<T> std::fmt::Debug for Personal<T> {
    /// Never shows the value: logs and error messages carry no personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Personal(known)",
            Self::Sealed(_) => "Personal(sealed)",
            Self::Erased(_) => "Personal(erased)",
        })
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Personal<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Personal{}", T::schema_name()).into()
    }

    /// Two generic values may have one name.
    fn schema_id() -> std::borrow::Cow<'static, str> {
        format!("{}::Personal<{}>", module_path!(), T::schema_id()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({
            "description": "A personal value: readable under `personal`, or sealed, or erased.",
            "oneOf": [
                { "type": "object", "properties": { "personal": value }, "required": ["personal"] },
                { "type": "object", "properties": { "sealed": { "type": "object" } }, "required": ["sealed"] },
                { "type": "object", "properties": { "erased": { "const": true } }, "required": ["erased"] }
            ]
        })
    }
}

/// JSON in which every personal value, readable or sealed, is erased.
#[must_use]
pub(crate) fn erased(value: Value) -> Value {
    match value {
        Value::Object(fields)
            if fields.len() == 1 && (fields.contains_key("personal") || fields.contains_key("sealed")) =>
        {
            serde_json::json!({ "erased": true })
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, erased(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(erased).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// A personal value that a ledger keeps, with the event that sealed it: without that, nobody could open it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// The event the value was written in.
    pub event: crate::id::EventId,
    /// That event's kind and the version it was recorded in, `household.registered/1`.
    pub schema: String,
    /// The value.
    pub value: Personal<T>,
}

impl<T> Kept<T> {
    /// Keeps the `value` that came in the event of this kind and stamp.
    #[must_use]
    pub fn new(kind: &str, stamp: &crate::event::Stamp, value: Personal<T>) -> Self {
        SealedIn::new(kind, stamp).keep(value)
    }

    /// Makes the value readable: see [`Personal::open`].
    pub(crate) fn open(&mut self, open: &mut dyn FnMut(crate::id::EventId, &str, &Value) -> Option<Value>)
    where
        T: serde::de::DeserializeOwned,
    {
        self.value.open(self.event, &self.schema, open);
    }
}

/// The event in which several values of a ledger were sealed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedIn {
    /// That event.
    pub event: crate::id::EventId,
    /// Its kind and the version it was recorded in, `request.created/2`.
    pub schema: String,
}

impl SealedIn {
    /// The event of this kind and stamp.
    #[must_use]
    pub fn new(kind: &str, stamp: &crate::event::Stamp) -> Self {
        Self { event: stamp.event, schema: format!("{kind}/{}", stamp.version) }
    }

    /// Keeps a `value` that came in this event by itself.
    #[must_use]
    pub fn keep<T>(&self, value: Personal<T>) -> Kept<T> {
        Kept { event: self.event, schema: self.schema.clone(), value }
    }
}
