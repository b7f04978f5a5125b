//! `[watch]`: what counts as reading too much. Only the service that watches over readers has it.

use serde::Deserialize;

use super::Wrong;

/// `[watch]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// How many different files one person or program may open within the time before others are told.
    pub files_max: u32,
    /// The time, in minutes.
    pub within_min: u32,
}

impl Watch {
    /// Refuses values that do not make sense.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`] value.
    pub fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("watch.files_max", self.files_max.into(), 1, 100_000)?;
        Wrong::unless_within("watch.within_min", self.within_min.into(), 1, 24 * 60)
    }
}

impl Default for Watch {
    /// Sixty files in an hour.
    fn default() -> Self {
        Self { files_max: 60, within_min: 60 }
    }
}
