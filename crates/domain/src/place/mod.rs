//! Being written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stamp, events};

/// State.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Place {
    noted: u32,
}

impl Place {
    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &PlaceEvent, _: &Stamp) {
        match event {
            PlaceEvent::Noted(_) => self.noted += 1,
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
    pub enum PlaceEvent {
        "place.noted" v 1 => Noted(Noted),
    }
}
