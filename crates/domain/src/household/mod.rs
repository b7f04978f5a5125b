//! Being written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Stamp, events};

/// State.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Household {
    noted: u32,
}

impl Household {
    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &HouseholdEvent, _: &Stamp) {
        match event {
            HouseholdEvent::Noted(_) => self.noted += 1,
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
    pub enum HouseholdEvent {
        "household.noted" v 1 => Noted(Noted),
    }
}
