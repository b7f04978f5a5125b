//! One household becomes two, or two become one (INV-10, INV-11).

mod merge;
mod split;

use jiff::Timestamp;

pub use merge::Merge;
pub use split::{Keeper, Split};

use crate::household::Household;
use crate::id::PersonId;
use crate::refusal::Refusal;

/// What happened to these persons from `from` to `to` can be written on this ledger only if they were in this household
/// all that time (INV-1, INV-11): what they lived through before they came, or since they left, is in another one.
pub(super) fn were_here<'a>(
    is: &Household,
    persons: impl IntoIterator<Item = &'a PersonId>,
    from: Timestamp,
    to: Option<Timestamp>,
) -> Result<(), Refusal> {
    for person in persons {
        let present = is.composition.members.get(person);
        let gone = || is.gone.iter().filter(|gone| gone.person == *person);
        let here = present.is_some_and(|is| is.came.is_none_or(|came| came <= from))
            || gone().any(|gone| {
                gone.came.is_none_or(|came| came <= from) && to.is_some_and(|to| to <= gone.left)
            });
        if !here {
            let sentence = "À cette date, l'une de ces personnes n'était pas dans ce ménage.";
            let refusal = Refusal::conflict("in-another-household", "INV-11", sentence);
            let since = present.and_then(|is| is.came).or_else(|| gone().map(|gone| gone.left).max());
            return Err(match since {
                Some(since) => refusal.since(since),
                None => refusal,
            });
        }
    }
    Ok(())
}

/// Nobody goes to another household before a stay that is written here had begun, or had ended: they would be in two
/// households at once (INV-1).
pub(super) fn not_before_their_stays<'a>(
    is: &Household,
    persons: impl IntoIterator<Item = &'a PersonId>,
    at: Timestamp,
) -> Result<(), Refusal> {
    let theirs = |person: &'a PersonId| {
        let theirs = is.presences().map(|(_, one)| one).filter(move |one| one.person == *person);
        theirs.map(|one| one.to.unwrap_or(one.from))
    };
    match persons.into_iter().flat_map(theirs).max().filter(|latest| at < *latest) {
        None => Ok(()),
        Some(latest) => {
            let sentence = "À cette date, l'une de ces personnes n'avait pas encore vécu ce qui est enregistré de ses prises en charge dans ce ménage : corrigez l'une des dates.";
            Err(Refusal::conflict("date-before-stay", "INV-1", sentence).since(latest))
        }
    }
}
