//! What the events make of a stay.

use std::collections::BTreeMap;

use crate::calendar::{Day, Instant};
use crate::event::Stamp;
use crate::household::Household;
use crate::household::referral::ReferralSituation;
use crate::household::stay::{
    Admission, Extension, Ready, SocialAid, Stay, StayEvent, StaySituation, StayStarted,
};
use crate::id::StayId;

impl Stay {
    pub(crate) fn started(event: &StayStarted, stamp: &Stamp) -> Self {
        Self {
            place: event.place,
            kind: event.kind,
            persons: event.persons.clone(),
            joined: BTreeMap::new(),
            left: Vec::new(),
            from: stamp.effective,
            started_by: stamp.event,
            planned_end: event.planned_end,
            admission: event.admission.clone(),
            situation: StaySituation::Present,
            review_due: event.review_due,
            termination: None,
            extension: None,
            social_aid: event.social_aid_tacit_at.map(|at| SocialAid::Sent { tacit_at: at.0 }),
            ready: None,
            deposit_due: None,
        }
    }

    pub(crate) fn extended(&mut self, until: Day) {
        self.planned_end = Some(until);
        self.extension = None;
    }
}

impl Household {
    fn on_stay(&mut self, id: StayId, change: impl FnOnce(&mut Stay)) {
        if let Some(stay) = self.stays.get_mut(&id) {
            change(stay);
        }
    }

    pub(in crate::household) fn fold_stay(&mut self, event: &StayEvent, stamp: &Stamp) {
        use StayEvent as E;
        match event {
            E::StayStarted(e) => {
                self.stays.insert(e.stay, Stay::started(e, stamp));
                if let Admission::Referral { referral } = e.admission
                    && let Some(referral) = self.referrals.get_mut(&referral)
                {
                    referral.situation = ReferralSituation::Admitted { stay: e.stay };
                }
            }
            E::StayReviewed(e) => self.on_stay(e.stay, |s| {
                let since = Instant(stamp.effective);
                s.ready = e.housing_ready.then_some(Ready { since, until: e.ready_until });
                s.review_due = e.next_due;
            }),
            E::ReadinessLapsed(e) => self.on_stay(e.stay, |s| s.ready = None),
            E::AbsenceRecorded(e) => {
                self.on_stay(e.stay, |s| s.situation = StaySituation::Absent { from: e.from, to: e.to });
            }
            E::StayResumed(e) => self.on_stay(e.stay, |s| s.situation = StaySituation::Present),
            E::ExtensionRequested(e) => self.on_stay(e.stay, |s| {
                s.extension =
                    Some(Extension::Requested { until: e.until, tacit_at: e.tacit_at.map(|at| at.0) });
            }),
            E::StayExtended(e) => self.on_stay(e.stay, |s| s.extended(e.until)),
            E::StayDeemedExtended(e) => self.on_stay(e.stay, |s| s.extended(e.until)),
            E::ExtensionRefused(e) => self.on_stay(e.stay, |s| s.extension = Some(Extension::Refused)),
            E::AdmissionDecided(e) => self.on_stay(e.stay, |s| {
                s.social_aid =
                    Some(if e.accepted { SocialAid::Accepted { tacit: false } } else { SocialAid::Refused });
            }),
            E::AdmissionDeemedAccepted(e) => {
                self.on_stay(e.stay, |s| s.social_aid = Some(SocialAid::Accepted { tacit: true }));
            }
            E::NoticeGiven(e) => {
                self.on_stay(e.stay, |s| s.situation = StaySituation::Leaving { ends_on: e.ends_on });
            }
            E::TerminationNotified(e) => self.on_stay(e.stay, |s| {
                s.situation = StaySituation::Leaving { ends_on: e.ends_on };
                s.termination = Some(e.ends_on);
            }),
            E::NoticeWithdrawn(e) => self.on_stay(e.stay, |s| {
                s.termination = e.stands;
                s.situation = match e.stands {
                    Some(ends_on) => StaySituation::Leaving { ends_on },
                    None => StaySituation::Present,
                };
            }),
            E::PersonsLeft(e) => self.on_stay(e.stay, |s| s.leave(&e.persons, stamp.effective)),
            E::StayEnded(e) => self.on_stay(e.stay, |s| {
                s.situation =
                    StaySituation::Ended { at: stamp.effective, destination: e.destination, by: stamp.event };
                s.deposit_due = e.deposit_due;
                (s.review_due, s.extension) = (None, None);
                if matches!(s.social_aid, Some(SocialAid::Sent { .. })) {
                    s.social_aid = None;
                }
            }),
            E::DepositReturned(e) => self.on_stay(e.stay, |s| s.deposit_due = None),
        }
    }
}
