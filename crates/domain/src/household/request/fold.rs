//! What the events make of a request.

use jiff::Timestamp;

use crate::event::{Event as _, Stamp};
use crate::household::Household;
use crate::household::dated::FactDates;
use crate::household::request::{
    Request, RequestAssessed, RequestCancelled, RequestCreated, RequestEvent, RequestReactivated,
    RequestSituation, RequestStream, RequestSubmitted, RequestTransferred, RequestUpdated, SeniorityLoss,
};
use crate::id::{RequestId, Territory};
use crate::personal::SealedIn;

impl Request {
    pub(crate) fn created(created: &RequestCreated, stamp: &Stamp, sealed_in: SealedIn) -> Self {
        Self {
            file: created.file.clone(),
            reason_in: sealed_in.clone(),
            need_in: sealed_in,
            situation: RequestSituation::Draft,
            siao: created.siao,
            seniority: None,
            submitted_by: None,
            update_due: None,
            contact_due: None,
            need_since: stamp.effective,
            dates: FactDates::default(),
        }
    }

    pub(crate) fn submitted(&mut self, event: &RequestSubmitted, stamp: &Stamp) {
        if self.seniority.is_none() {
            self.seniority = Some(stamp.effective);
            self.submitted_by = Some(stamp.event);
        }
        self.update_due = Some(event.update_due.0);
        self.situation = if let RequestSituation::Stale { qualification: Some(qualification) }
        | RequestSituation::Qualified(qualification) = &self.situation
        {
            RequestSituation::Qualified(qualification.clone())
        } else {
            RequestSituation::Submitted
        };
    }

    pub(crate) fn updated(&mut self, event: &RequestUpdated, stamp: &Stamp, sealed_in: SealedIn) {
        if let Some(file) = &event.file {
            self.file = file.clone();
            (self.reason_in, self.need_in) = (sealed_in.clone(), sealed_in);
            self.need_since = stamp.effective;
        }
        self.update_due = Some(event.update_due.0);
        self.contact_due = event.contact_due.map(|at| at.0);
        if let RequestSituation::Stale { qualification } = &self.situation {
            // After a reset the household re-transmits: that is a submission, which sets the new date.
            self.situation = match qualification {
                Some(qualification) if self.seniority.is_some() => {
                    RequestSituation::Qualified(qualification.clone())
                }
                Some(_) => self.situation.clone(),
                None if self.seniority.is_some() => RequestSituation::Submitted,
                None => RequestSituation::Draft,
            };
        }
    }

    pub(crate) fn assessed(&mut self, event: &RequestAssessed, stamp: &Stamp, sealed_in: SealedIn) {
        self.file.need = event.need.clone();
        self.need_in = sealed_in;
        self.need_since = stamp.effective;
        if matches!(self.situation, RequestSituation::UnderAssessment { .. }) {
            self.situation = RequestSituation::Submitted;
        }
    }

    pub(crate) fn cancelled(&mut self, event: &RequestCancelled, stamp: &Stamp) {
        let qualification = self.situation.qualification().cloned();
        self.situation =
            RequestSituation::Cancelled { reason: event.reason, at: stamp.effective, qualification };
        self.update_due = None;
        self.contact_due = None;
    }

    pub(crate) fn reactivated(&mut self, event: &RequestReactivated) {
        self.update_due = Some(event.update_due.0);
        self.contact_due = Some(event.contact_due.0);
        self.situation = match (self.situation.qualification(), self.seniority) {
            (Some(qualification), Some(_)) => RequestSituation::Qualified(qualification.clone()),
            // Its seniority was lost before it was cancelled: it comes back as it was, to be transmitted again.
            (Some(qualification), None) => {
                self.update_due = None;
                RequestSituation::Stale { qualification: Some(qualification.clone()) }
            }
            (None, Some(_)) => RequestSituation::Submitted,
            (None, None) => RequestSituation::Draft,
        };
    }

    pub(crate) fn went_stale(&mut self) {
        let qualification = self.situation.qualification().cloned();
        self.situation = RequestSituation::Stale { qualification };
        self.update_due = None;
    }
}

impl Household {
    fn on_request(&mut self, id: RequestId, change: impl FnOnce(&mut Request)) {
        if let Some(request) = self.requests.get_mut(&id) {
            change(request);
        }
    }

    /// When the household last lost its seniority in this volet of this SIAO.
    #[must_use]
    pub fn seniority_lost(&self, stream: RequestStream, siao: Territory) -> Option<Timestamp> {
        let of = |loss: &&SeniorityLoss| loss.stream == stream && loss.siao == siao;
        self.seniority_losses.iter().find(of).map(|loss| loss.at)
    }

    /// Keeps the last loss of each volet and SIAO.
    fn lose_seniority(&mut self, stream: RequestStream, siao: Territory, at: Timestamp) {
        let of = |loss: &&mut SeniorityLoss| loss.stream == stream && loss.siao == siao;
        match self.seniority_losses.iter_mut().find(of) {
            Some(loss) => loss.at = loss.at.max(at),
            None => self.seniority_losses.push(SeniorityLoss { stream, siao, at }),
        }
    }

    /// Takes over a request of another household, with the loss of its seniority if it has none left.
    /// Of a request that it had already, it keeps the dates of what does not change.
    pub(in crate::household) fn take_request(&mut self, id: RequestId, mut request: Request, at: Timestamp) {
        if let Some(known) = self.requests.get(&id) {
            request.dates.clone_from(&known.dates);
        }
        if request.seniority.is_none() && matches!(request.situation, RequestSituation::Stale { .. }) {
            self.lose_seniority(request.file.stream, request.siao, at);
        }
        self.requests.insert(id, request);
    }

    fn reset_seniority(&mut self, id: RequestId, at: Timestamp) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        (request.seniority, request.submitted_by) = (None, None);
        let (stream, siao) = (request.file.stream, request.siao);
        self.lose_seniority(stream, siao, at);
    }

    fn transfer(&mut self, event: &RequestTransferred) {
        let Some(request) = self.requests.get_mut(&event.request) else { return };
        let (stream, from) = (request.file.stream, request.siao);
        request.siao = event.to;
        if let Some(at) = self.seniority_lost(stream, from) {
            self.lose_seniority(stream, event.to, at);
        }
    }

    pub(in crate::household) fn fold_request(&mut self, event: &RequestEvent, stamp: &Stamp) {
        use RequestEvent as E;
        let sealed_in = || SealedIn::new(event.kind(), stamp);
        match event {
            E::RequestCreated(e) => {
                self.followed_by(e.follower);
                self.requests.entry(e.request).or_insert_with(|| Request::created(e, stamp, sealed_in()));
            }
            E::RequestSubmitted(e) => self.on_request(e.request, |r| r.submitted(e, stamp)),
            E::RequestUpdated(e) => self.on_request(e.request, |r| r.updated(e, stamp, sealed_in())),
            E::AssessmentRequested(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::UnderAssessment { reasons: e.reasons.clone() };
            }),
            E::RequestAssessed(e) => self.on_request(e.request, |r| r.assessed(e, stamp, sealed_in())),
            E::CommitteeScheduled(e) => {
                self.on_request(e.request, |r| r.situation = RequestSituation::InCommittee { on: e.on });
            }
            E::RequestQualified(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Qualified(e.qualification.clone());
                r.contact_due = Some(e.contact_due.0);
            }),
            E::RequestDeferred(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Deferred { reason: e.reason, until: e.until };
            }),
            E::RequestRejected(e) => self.on_request(e.request, |r| {
                r.situation = RequestSituation::Rejected { reason: e.reason };
                (r.update_due, r.contact_due) = (None, None);
            }),
            E::RequestCancelled(e) => self.on_request(e.request, |r| r.cancelled(e, stamp)),
            E::RequestReactivated(e) => self.on_request(e.request, |r| r.reactivated(e)),
            E::RequestTransferred(e) => self.transfer(e),
            E::RequestWentStale(e) => self.on_request(e.request, |r| r.went_stale()),
            E::SeniorityReset(e) => self.reset_seniority(e.request, stamp.effective),
            E::RequestFulfilled(e) => self.on_request(e.request, |r| {
                let qualification = r.situation.qualification().cloned();
                r.situation = RequestSituation::Fulfilled { stay: e.stay, qualification };
                (r.update_due, r.contact_due) = (None, None);
            }),
        }
    }
}
