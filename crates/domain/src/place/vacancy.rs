//! The vacancy: since when and until when the place is on offer, and to whom.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::event::{Stamp, events};
use crate::id::{OrganisationId, VacancyId};
use crate::place::committee::Allocation;
use crate::place::occupancy::Title;
use crate::place::{Place, PlaceEvent};
use crate::reference::{ReservationHolderKind, VacancyWithdrawalReason};

/// Where a vacancy stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum VacancySituation {
    /// On offer.
    Open,
    /// Nobody confirmed it in time: it left the feed.
    Expired,
    /// Taken back by whoever declared it.
    Withdrawn {
        /// Why.
        reason: VacancyWithdrawalReason,
    },
    /// Somebody moved in.
    Filled,
}

/// The vacancy of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vacancy {
    /// Its id.
    pub id: VacancyId,
    /// First day the place is free.
    pub available_from: Day,
    /// Until when the declaration holds without a confirmation.
    pub good_until: Timestamp,
    /// When it was declared.
    #[serde(default)]
    pub declared: Timestamp,
    /// When it was withdrawn or expired, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When it was declared or last confirmed.
    pub confirmed: Timestamp,
    /// Where it stands.
    pub situation: VacancySituation,
    /// By which title somebody moved in, once it is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled_by: Option<Title>,
    /// The reservation holder it was given to, for a social dwelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Candidates, committee and offers, for a social dwelling.
    #[serde(default)]
    pub allocation: Allocation,
}

/// The reservation holder that designates candidates (CCH R441-5: gestion en flux).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// What kind of holder.
    pub kind: ReservationHolderKind,
    /// Which organisation, if it is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// Until when it may designate; afterwards the dwelling returns to the landlord.
    pub designate_by: Instant,
}

/// `vacancy.declared`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VacancyDeclared {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// First day the place is free.
    pub available_from: Day,
    /// Until when the declaration holds without a confirmation.
    pub good_until: Instant,
}

/// `vacancy.confirmed`: still free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VacancyConfirmed {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// Until when the confirmation holds.
    pub good_until: Instant,
}

/// `vacancy.expired`: nobody confirmed it in time; it leaves the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VacancyExpired {
    /// The vacancy.
    pub vacancy: VacancyId,
}

/// `vacancy.withdrawn`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VacancyWithdrawn {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// Why.
    pub reason: VacancyWithdrawalReason,
}

/// `vacancy.assigned_to_holder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssignedToHolder {
    /// The vacancy.
    pub vacancy: VacancyId,
    /// To whom.
    pub holder: Holder,
    /// Which one it is of the dwellings that the holder's flow gave it this year (CCH R441-5), as the landlord counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<u32>,
}

/// `vacancy.returned_to_landlord`: the holder did not designate in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnedToLandlord {
    /// The vacancy.
    pub vacancy: VacancyId,
}

events! {
    /// What can happen to the vacancy of a place.
    pub enum VacancyEvent in PlaceEvent::Vacancy {
        "vacancy.declared" v 1 => VacancyDeclared(VacancyDeclared),
        "vacancy.confirmed" v 1 => VacancyConfirmed(VacancyConfirmed),
        "vacancy.expired" v 1 => VacancyExpired(VacancyExpired),
        "vacancy.withdrawn" v 1 => VacancyWithdrawn(VacancyWithdrawn),
        "vacancy.assigned_to_holder" v 1 => AssignedToHolder(AssignedToHolder),
        "vacancy.returned_to_landlord" v 1 => ReturnedToLandlord(ReturnedToLandlord),
    }
}

impl Vacancy {
    /// When the declaration ends without a confirmation; never while somebody is a candidate.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.without_candidate(self.good_until)
    }

    /// When the dwelling returns from its holder to the landlord; never while somebody is a candidate.
    #[must_use]
    pub fn returns_at(&self) -> Option<Timestamp> {
        self.without_candidate(self.holder.as_ref()?.designate_by.0)
    }

    fn without_candidate(&self, due: Timestamp) -> Option<Timestamp> {
        let idle = self.allocation.is_idle();
        idle.then(|| self.allocation.idle_since().map_or(due, |since| since.max(due)))
    }
}

impl Place {
    /// The vacancy on offer, if there is one.
    #[must_use]
    pub fn open_vacancy(&self) -> Option<&Vacancy> {
        self.vacancy.as_ref().filter(|vacancy| match vacancy.situation {
            VacancySituation::Open => true,
            VacancySituation::Expired | VacancySituation::Withdrawn { .. } | VacancySituation::Filled => {
                false
            }
        })
    }

    /// Moving in fills the vacancy, whatever the title.
    pub(super) fn occupied_closes_vacancy(&mut self, title: Title) {
        if self.open_vacancy().is_some()
            && let Some(vacancy) = &mut self.vacancy
        {
            vacancy.situation = VacancySituation::Filled;
            vacancy.filled_by = Some(title);
        }
    }

    /// Who was gone before the vacancy was declared did not fill it: a stay of earlier times was taken over.
    pub(super) fn gone_before_vacancy(&mut self, title: Title, gone: Timestamp) {
        if let Some(vacancy) = &mut self.vacancy
            && vacancy.filled_by == Some(title)
            && gone < vacancy.confirmed
        {
            vacancy.situation = VacancySituation::Open;
            vacancy.filled_by = None;
        }
    }

    /// Who was never there did not fill the vacancy.
    pub(super) fn never_filled_vacancy(&mut self, title: Title) {
        if let Some(vacancy) = self.vacancy.as_mut().filter(|vacancy| vacancy.filled_by == Some(title)) {
            vacancy.situation = VacancySituation::Open;
            vacancy.filled_by = None;
        }
    }

    pub(super) fn fold_vacancy(&mut self, event: &VacancyEvent, stamp: &Stamp) {
        use VacancyEvent as E;
        match event {
            E::VacancyDeclared(e) => {
                self.vacancies.insert(e.vacancy);
                self.vacancy = Some(Vacancy {
                    id: e.vacancy,
                    available_from: e.available_from,
                    good_until: e.good_until.0,
                    declared: stamp.effective,
                    ended: None,
                    confirmed: stamp.effective,
                    situation: VacancySituation::Open,
                    filled_by: None,
                    holder: None,
                    allocation: Allocation::default(),
                });
            }
            E::VacancyConfirmed(e) => self.on_vacancy(e.vacancy, |v| {
                v.good_until = e.good_until.0;
                v.confirmed = stamp.effective;
                v.ended = None;
                v.situation = VacancySituation::Open;
            }),
            E::VacancyExpired(e) => self.on_vacancy(e.vacancy, |v| {
                v.situation = VacancySituation::Expired;
                v.ended = Some(stamp.effective);
            }),
            E::VacancyWithdrawn(e) => {
                self.on_vacancy(e.vacancy, |v| {
                    v.situation = VacancySituation::Withdrawn { reason: e.reason };
                    v.ended = Some(stamp.effective);
                });
            }
            E::AssignedToHolder(e) => self.on_vacancy(e.vacancy, |v| v.holder = Some(e.holder.clone())),
            E::ReturnedToLandlord(e) => self.on_vacancy(e.vacancy, |v| v.holder = None),
        }
    }

    pub(in crate::place) fn on_vacancy(&mut self, id: VacancyId, change: impl FnOnce(&mut Vacancy)) {
        if let Some(vacancy) = self.vacancy.as_mut().filter(|vacancy| vacancy.id == id) {
            change(vacancy);
        }
    }
}
