//! Who is and was in a stay, and when (INV-1): persons enter with it or join it later, leave it with it or before.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Instant, spans_meet};
use crate::household::Household;
use crate::household::stay::Stay;
use crate::id::{PersonId, StayId};

/// Somebody who left a stay that went on for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Who.
    pub person: PersonId,
    /// When they had joined it, if they had not been there from the first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Instant>,
    /// When they left.
    pub at: Instant,
}

/// A person in a stay, from one instant up to another, or still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub from: Timestamp,
    /// Until when, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

impl Presence {
    /// Whether it covers some instant of `[from, to)`; an open end is the end of time.
    #[must_use]
    pub fn overlaps(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        spans_meet((self.from, self.to), (from, to))
    }
}

impl Stay {
    /// Since when one of its persons has been in it.
    #[must_use]
    pub fn since(&self, person: PersonId) -> Timestamp {
        self.joined.get(&person).map_or(self.from, |joined| self.from.max(*joined))
    }

    /// Everybody who is or was in it.
    pub fn presences(&self) -> impl Iterator<Item = Presence> {
        self.presences_from(self.from, self.ended())
    }

    /// Everybody who is or was in it, had it begun and ended at these instants.
    pub fn presences_from(&self, from: Timestamp, to: Option<Timestamp>) -> impl Iterator<Item = Presence> {
        let since = move |joined: Option<Timestamp>| joined.map_or(from, |joined| from.max(joined));
        let inside = self.persons.iter().map(move |person| {
            let from = since(self.joined.get(person).copied());
            Presence { person: *person, from, to }
        });
        let outside = self.left.iter().map(move |left| {
            let from = since(left.joined.map(|at| at.0));
            Presence { person: left.person, from, to: Some(left.at.0) }
        });
        inside.chain(outside)
    }

    /// Those whom it took in on its first day.
    pub fn first(&self) -> impl Iterator<Item = &PersonId> {
        let inside = self.persons.iter().filter(|person| !self.joined.contains_key(*person));
        inside.chain(self.left.iter().filter(|left| left.joined.is_none()).map(|left| &left.person))
    }

    /// When somebody joined it or left it last, while it went on.
    #[must_use]
    pub fn last_move(&self) -> Option<Timestamp> {
        self.joined.values().copied().chain(self.left.iter().map(|left| left.at.0)).max()
    }

    /// These persons leave it; it goes on for the others.
    pub(super) fn leave(&mut self, persons: &BTreeSet<PersonId>, at: Timestamp) {
        for person in persons {
            let since = self.since(*person);
            if self.persons.remove(person) {
                let joined = self.joined.remove(person).map(Instant);
                self.left.push(Left { person: *person, joined, at: Instant(at.max(since)) });
            }
        }
    }
}

impl Household {
    /// Whether the stay is or was written here, annulled or not.
    #[must_use]
    pub fn knows_stay(&self, stay: StayId) -> bool {
        self.stays.contains_key(&stay) || self.former_stays.contains(&stay)
    }

    /// When everybody was where, as far as it is written here: with the stay, or with none for those that went to another
    /// household with those who remained in them.
    pub fn presences(&self) -> impl Iterator<Item = (Option<StayId>, Presence)> {
        let stays =
            self.stays.iter().flat_map(|(stay, is)| is.presences().map(move |one| (Some(*stay), one)));
        stays.chain(self.moved_presences.iter().map(|one| (None, *one)))
    }

    /// The stay goes to another household with all who are in it; who had left it before stays, and was there.
    pub(super) fn keep_presences(&mut self, stay: StayId, but: &BTreeSet<PersonId>) {
        let Some(stay) = self.stays.get(&stay) else { return };
        let theirs = stay.presences().filter(|one| !but.contains(&one.person));
        self.moved_presences.extend(theirs);
    }
}
