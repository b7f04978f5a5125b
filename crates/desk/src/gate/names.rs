//! What a caller calls households: by their ids, or by references that are its organisation's own.
//!
//! **Invariant.** Whoever calls households by references neither reads nor is understood by an id: what it sends is read as
//! a reference, what it is answered is worded with them, on every way out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use domain::decide::Command;
use domain::id::{HouseholdId, OrganisationId};
use domain::ledger::AggregateId;
use journal::Journal;
use journal::keys::References;
use parking_lot::Mutex;
use projection::ledgers;
use serde_json::Value;
use service::Problem;
use service::http::Wording;

use crate::answer::{Failure, keys};
use crate::reading::Reading;

/// The shortest id of a ledger: two characters of a département, a hyphen, a UUID.
const ID_MIN: usize = 39;
/// The length of a UUID.
const UUID: usize = 36;

/// What a caller calls households.
#[derive(Clone)]
pub enum Names {
    /// Their ids.
    Ids,
    /// References.
    References(Arc<Referring>),
}

/// The references of one caller, and what is needed to recognise a household.
pub struct Referring {
    references: References,
    reading: Reading,
    /// Those that it meant and those that it registered: they may be ones that the view does not know.
    met: Mutex<BTreeSet<HouseholdId>>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ids => "Ids",
            Self::References(_) => "References",
        })
    }
}

impl Names {
    /// The references of an organisation, whose households are recognised by what `reading` knows.
    ///
    /// # Errors
    /// [`Problem`] `internal` without keys: then there are none.
    pub(super) fn references(
        journal: &Journal,
        organisation: OrganisationId,
        reading: &Reading,
    ) -> Result<Self, Problem> {
        let references = references(journal, organisation)?;
        let referring = Referring { references, reading: reading.clone(), met: Mutex::default() };
        Ok(Self::References(Arc::new(referring)))
    }

    /// The household that is meant by what was given.
    #[must_use]
    pub fn meant(&self, given: HouseholdId) -> HouseholdId {
        match self {
            Self::Ids => given,
            Self::References(referring) => referring.meant(given),
        }
    }

    /// The command about the households that are meant.
    #[must_use]
    pub fn understood(&self, mut command: Command) -> Command {
        for household in command.households() {
            *household = self.meant(*household);
        }
        command
    }

    /// The ledger of that id is about to be created.
    pub(crate) fn created(&self, ledger: &AggregateId) {
        if let (Self::References(referring), AggregateId::Household(id)) = (self, ledger) {
            referring.met.lock().insert(*id);
        }
    }

    /// `value` as the caller is to read it.
    ///
    /// # Errors
    /// [`Problem`] `not-ready` when households cannot be recognised.
    pub fn worded(&self, value: Value) -> Result<Value, Problem> {
        let Self::References(referring) = self else { return Ok(value) };
        let text = value.to_string();
        match referring.worded(text.as_bytes())? {
            Cow::Borrowed(_) => Ok(value),
            Cow::Owned(other) => serde_json::from_slice(&other).map_err(Problem::internal),
        }
    }

    pub(super) fn wording(&self) -> Option<Arc<dyn Wording>> {
        match self {
            Self::Ids => None,
            Self::References(referring) => Some(Arc::<Referring>::clone(referring)),
        }
    }
}

impl Referring {
    fn meant(&self, reference: HouseholdId) -> HouseholdId {
        let meant = self.references.meant(reference);
        self.met.lock().insert(meant);
        meant
    }
}

impl Wording for Referring {
    fn worded<'a>(&self, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Problem> {
        let mut ids = ids(text).peekable();
        if ids.peek().is_none() {
            return Ok(Cow::Borrowed(text));
        }
        let page = self.reading.now()?;
        let (mut worded, mut done) = (Vec::with_capacity(text.len()), 0);
        for (at, length, id) in ids {
            let known = || ledgers::state(&page, &AggregateId::Household(id)).map_err(Failure);
            if self.met.lock().contains(&id) || known()?.is_some() {
                worded.extend_from_slice(&text[done..at]);
                worded.extend_from_slice(self.references.of(id).to_string().as_bytes());
                done = at + length;
            }
        }
        worded.extend_from_slice(&text[done..]);
        Ok(Cow::Owned(worded))
    }
}

/// The references of an organisation.
///
/// # Errors
/// [`Problem`] `internal` without keys.
pub fn references(journal: &Journal, organisation: OrganisationId) -> Result<References, Problem> {
    Ok(keys(journal)?.references(organisation))
}

/// Whatever in `text` has the form of a ledger's id, with where it stands and how long it is. Households are among them:
/// the form does not tell.
fn ids(text: &[u8]) -> impl Iterator<Item = (usize, usize, HouseholdId)> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        while from + ID_MIN <= text.len() {
            let at = from;
            // A département is as long as two characters or three.
            let found = [ID_MIN, ID_MIN + 1].into_iter().find_map(|length| {
                let written = text.get(at..at + length)?;
                // Most of a text is told from an id by one look.
                if written[length - UUID - 1] != b'-' || !ends(text.get(at + length)) {
                    return None;
                }
                std::str::from_utf8(written).ok()?.parse::<HouseholdId>().ok().map(|id| (length, id))
            });
            match found {
                Some((length, id)) if at == 0 || ends(text.get(at - 1)) => {
                    from = at + length;
                    return Some((at, length, id));
                }
                Some(_) | None => from = at + 1,
            }
        }
        None
    })
}

/// Whether an id does not go on with this.
fn ends(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand_in_a_text() {
        let (one, other) =
            ("33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90", "974-0192F1C2-7d5e-7c3a-9b1f-2f6d0c1e8a91");
        let found = |text: &str| {
            ids(text.as_bytes()).map(|(at, length, _)| text[at..at + length].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(one), [one]);
        assert_eq!(found(other), [other]);
        assert_eq!(
            found(&format!("{{\"household\":\"{one}\",\"é\":[\"household/{other}\"]}}")),
            [one, other]
        );
        assert_eq!(found(&format!("« {one} » n'est plus là, {other}.")), [one, other]);
        assert_eq!(found(&format!("{one}{other}")), Vec::<String>::new());
        for none in [
            &one[1..],
            &one[..38],
            "",
            "x33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90",
            "99-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90",
        ] {
            assert_eq!(found(none), Vec::<String>::new(), "{none}");
        }
    }
}
