//! One event as views see it: the envelope, and the fact already read.

use std::ops::Deref;

use domain::event::Undecodable;
use domain::ledger::Fact;
use journal::recorded::Recorded;

/// One event of the journal whose body this program understands. Read once, however many views apply it.
#[derive(Debug, Clone)]
pub struct Entry {
    recorded: Recorded,
    fact: Fact,
}

impl Entry {
    /// Reads the body.
    ///
    /// # Errors
    /// The event as it was, and why its body cannot be read.
    pub fn read(recorded: Recorded) -> Result<Self, Box<(Recorded, Undecodable)>> {
        match recorded.fact() {
            Ok(fact) => Ok(Self { recorded, fact }),
            Err(why) => Err(Box::new((recorded, why))),
        }
    }

    /// What happened.
    #[must_use]
    pub fn fact(&self) -> &Fact {
        &self.fact
    }
}

impl Deref for Entry {
    type Target = Recorded;

    fn deref(&self) -> &Recorded {
        &self.recorded
    }
}
