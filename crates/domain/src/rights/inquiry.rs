//! Who is told what of a question about capacity.

use super::{Caller, Matrix, Supply};
use crate::id::Territory;
use crate::inquiry::Asked;

/// How much of a question somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InquirySeen {
    /// All of it, whoever answered: they asked.
    Whole,
    /// The question and what they answered themselves: what others have is theirs to say.
    OwnAnswer,
}

/// How much of a question that was asked in this département the caller is told; nothing if it is not there for them. It is
/// asked of those who run places there.
#[must_use]
pub fn inquiry_seen(caller: &Caller, territory: Territory, is: &Asked) -> Option<InquirySeen> {
    if is.owner == caller.organisation {
        return Some(InquirySeen::Whole);
    }
    let runs_places = Matrix::shipped().role(caller.role).is_some_and(|role| role.supply == Supply::Own);
    (runs_places && caller.territories.contains(&territory)).then_some(InquirySeen::OwnAnswer)
}
