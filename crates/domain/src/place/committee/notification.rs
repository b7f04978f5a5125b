//! How a household came to know that a dwelling is offered to it, and what proves it (CCH R441-10).

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::id::Malformed;

/// How a household was told that a dwelling is offered to it, so that it can be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationMeans {
    /// A registered letter with acknowledgement of receipt.
    RegisteredLetter,
    /// A registered letter by electronic means (Code des postes et des communications électroniques, L100).
    ElectronicRegisteredLetter,
    /// By hand, against a signature.
    HandDelivery,
    /// By electronic means that the household, or who acts for it, has acknowledged: a subscription's receipt, a mail.
    Electronic,
}

/// The SHA-256 of a document that is kept elsewhere, in 64 hexadecimal digits in lower case: it proves that the document is the
/// one that was meant, and says nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl FromStr for Fingerprint {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits && text.len() == 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::new(text, "a SHA-256: 64 hexadecimal digits in lower case"))
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(is: Fingerprint) -> Self {
        is.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Fingerprint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}
