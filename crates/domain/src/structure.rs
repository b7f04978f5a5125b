//! Being written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stamp, events};

/// State.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Structure {
    noted: u32,
}

impl Structure {
    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &StructureEvent, _: &Stamp) {
        match event {
            StructureEvent::Noted(_) => self.noted += 1,
        }
    }
}

/// Placeholder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noted {
    /// Text.
    pub text: crate::personal::Personal<String>,
}

events! {
    /// Events.
    pub enum StructureEvent {
        "structure.noted" v 1 => Noted(Noted),
    }
}
