//! Occupancy: who holds the place, who lives in it, who did.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant, spans_meet};
use crate::event::{Stamp, events};
use crate::id::{HouseholdId, LeaseId, ReferralId, StayId};
use crate::place::{Place, PlaceEvent};

/// An open referral that holds the place (INV-2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// The referral.
    pub referral: ReferralId,
    /// Its household.
    pub household: HouseholdId,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// By which title somebody lives in the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Title {
    /// A stay.
    Stay {
        /// The stay.
        stay: StayId,
    },
    /// A lease.
    Lease {
        /// The lease.
        lease: LeaseId,
    },
}

/// An interval during which somebody lives or lived in the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Occupancy {
    /// By which title.
    #[serde(flatten)]
    pub title: Title,
    /// Whose.
    pub household: HouseholdId,
    /// How many persons, at the end of what is known.
    pub persons: u8,
    /// Since when.
    pub from: Timestamp,
    /// Until when, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

impl Occupancy {
    /// Whether it covers some instant of `[from, to)`; an open end is the end of time.
    #[must_use]
    pub fn overlaps(&self, from: Timestamp, to: Option<Timestamp>) -> bool {
        spans_meet((self.from, self.to), (from, to))
    }
}

/// `place.held`: by a referral.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The referral.
    pub referral: ReferralId,
    /// Its household.
    pub household: HouseholdId,
    /// The last instant of an answer.
    pub until: Instant,
}

/// `place.reserved`: the referral was accepted, the household is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reserved {
    /// The referral.
    pub referral: ReferralId,
}

/// `place.released`: the referral no longer holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// The referral.
    pub referral: ReferralId,
}

/// `place.occupied`: somebody moved in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Occupied {
    /// By which title.
    pub title: Title,
    /// Whose.
    pub household: HouseholdId,
    /// How many persons.
    pub persons: u8,
    /// The referral that led here, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralId>,
}

/// `place.occupants_changed`: more or fewer persons, or another household after a merge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OccupantsChanged {
    /// By which title they live there.
    pub title: Title,
    /// Whose it is now.
    pub household: HouseholdId,
    /// How many persons now.
    pub persons: u8,
}

/// `place.departure_announced`: free from that day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartureAnnounced {
    /// By which title they live there.
    pub title: Title,
    /// The first day it is free.
    pub available_from: Day,
}

/// `place.departure_withdrawn`: they stay after all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartureWithdrawn {
    /// By which title they live there.
    pub title: Title,
}

/// `place.vacated`: somebody moved out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vacated {
    /// By which title they lived there.
    pub title: Title,
}

/// `place.occupancy_corrected`: the dates of an occupancy were wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OccupancyCorrected {
    /// Which occupancy.
    pub title: Title,
    /// Since when it really was.
    pub from: Instant,
    /// Until when it really was, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
}

/// `place.occupancy_voided`: nobody ever lived there by that title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OccupancyVoided {
    /// Which occupancy.
    pub title: Title,
}

events! {
    /// What can happen to the occupancy of a place.
    pub enum OccupancyEvent in PlaceEvent::Occupancy {
        "place.held" v 1 => Held(Held),
        "place.reserved" v 1 => Reserved(Reserved),
        "place.released" v 1 => Released(Released),
        "place.occupied" v 1 => Occupied(Occupied),
        "place.occupants_changed" v 1 => OccupantsChanged(OccupantsChanged),
        "place.departure_announced" v 1 => DepartureAnnounced(DepartureAnnounced),
        "place.departure_withdrawn" v 1 => DepartureWithdrawn(DepartureWithdrawn),
        "place.vacated" v 1 => Vacated(Vacated),
        "place.occupancy_corrected" v 1 => OccupancyCorrected(OccupancyCorrected),
        "place.occupancy_voided" v 1 => OccupancyVoided(OccupancyVoided),
    }
}

impl Place {
    /// Who lives in the place at `at`, as far as is known.
    pub fn occupancies_at(&self, at: Timestamp) -> impl Iterator<Item = &Occupancy> {
        self.occupancies.iter().filter(move |o| o.from <= at && o.to.is_none_or(|to| at < to))
    }

    /// Who lives there now.
    #[must_use]
    pub fn current_occupancy(&self) -> Option<&Occupancy> {
        self.occupancies.iter().find(|o| o.to.is_none())
    }

    /// An occupancy that covers some instant of `[from, to)`, other than `except`.
    #[must_use]
    pub fn occupancy_over(
        &self,
        from: Timestamp,
        to: Option<Timestamp>,
        except: Option<Title>,
    ) -> Option<&Occupancy> {
        self.occupancies.iter().find(|o| Some(o.title) != except && o.overlaps(from, to))
    }

    pub(super) fn fold_occupancy(&mut self, event: &OccupancyEvent, stamp: &Stamp) {
        use OccupancyEvent as E;
        match event {
            E::Held(e) => {
                let until = Some(e.until.0);
                self.hold = Some(Hold {
                    referral: e.referral,
                    household: e.household,
                    since: stamp.effective,
                    until,
                });
            }
            E::Reserved(e) => {
                if let Some(hold) = self.hold.as_mut().filter(|hold| hold.referral == e.referral) {
                    hold.until = None;
                }
            }
            E::Released(e) => {
                self.hold.take_if(|hold| hold.referral == e.referral);
            }
            E::Occupied(e) => {
                self.hold.take_if(|hold| Some(hold.referral) == e.referral);
                let (title, household, persons) = (e.title, e.household, e.persons);
                // Delivered again, it is the occupancy that is known (INV-16).
                if self.occupancies.iter().all(|known| known.title != title) {
                    let from = stamp.effective;
                    self.occupancies.push(Occupancy { title, household, persons, from, to: None });
                }
                self.occupied_closes_vacancy(e.title);
            }
            E::OccupantsChanged(e) => self.on_occupancy(e.title, |o| {
                (o.household, o.persons) = (e.household, e.persons);
            }),
            E::DepartureAnnounced(e) => self.departure = Some(e.available_from),
            E::DepartureWithdrawn(_) => self.departure = None,
            E::Vacated(e) => {
                self.on_occupancy(e.title, |o| o.to = Some(stamp.effective));
                if self.current_occupancy().is_none() {
                    self.departure = None;
                }
                self.gone_before_vacancy(e.title, stamp.effective);
            }
            E::OccupancyVoided(e) => {
                self.occupancies.retain(|occupancy| occupancy.title != e.title);
                if self.current_occupancy().is_none() {
                    self.departure = None;
                }
                self.never_filled_vacancy(e.title);
            }
            E::OccupancyCorrected(e) => self.on_occupancy(e.title, |o| {
                (o.from, o.to) = (e.from.0, e.to.map(|to| to.0));
            }),
        }
    }

    fn on_occupancy(&mut self, title: Title, change: impl FnOnce(&mut Occupancy)) {
        if let Some(occupancy) = self.occupancies.iter_mut().rev().find(|o| o.title == title) {
            change(occupancy);
        }
    }
}
