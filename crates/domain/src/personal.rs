//! Personal data inside events.
//!
//! A [`Personal`] value is written by the rules in the clear, as `{"personal": …}`, and never leaves the process so:
//! the journal replaces the marker by a sealed blob under the household's data key, and back. What the rules decide
//! on is in the clear beside it (months of birth, needs, codes); names, contacts, free notes, resources, safety and
//! justice facts are personal.

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
