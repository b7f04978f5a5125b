//! Requests: two streams, two SIAOs, every step and every way out.

use domain::calendar::days_after;
use domain::decide::request::{
    AssessRequest, CancelRequest, CreateRequest, DeferRequest, QualifyRequest, ReactivateRequest,
    RejectRequest, ReturnRequest, ScheduleCommittee, SubmitRequest, TransferRequest, UpdateRequest,
};
use domain::household::request::{NeedProfile, Request, RequestSituation as Situation, RequestStream};
use domain::id::{HouseholdId, RequestId, Territory};
use domain::reference::{AssessmentReturnReason, CancellationReason, DeferralReason, RequestRejectionReason};

use super::World;
use super::dice::Dice;

fn siaos() -> [Territory; 2] {
    [super::home(), "24".parse().unwrap()]
}

impl World {
    fn a_request(
        &self,
        dice: &mut Dice,
        fits: impl Fn(&Request) -> bool,
    ) -> Option<(HouseholdId, RequestId)> {
        let id = self.a_household(dice, |is| is.requests.values().any(&fits))?;
        let any = dice.one_in(12);
        let requests = &self.household(id).requests;
        let request = dice.pick(requests.iter().filter(|(_, r)| any || fits(r)).map(|(id, _)| *id))?;
        Some((id, request))
    }

    pub(super) fn create_request(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let stream = dice.pick([RequestStream::Insertion, RequestStream::Emergency115])?;
        let siao = dice.pick(siaos().map(Some))?.filter(|_| dice.one_in(2));
        let (file, at) = (Self::file(stream), self.stated(dice));
        let command = self.of(id, CreateRequest { siao, file, note: None, at }).ok()?;
        if dice.one_in(2) {
            let (request, at) = (RequestId::created_by(command), self.stated(dice));
            let _ = self.of(id, SubmitRequest { request, at });
            if dice.one_in(2) {
                return Some(());
            }
            let _ = self.of(id, QualifyRequest { request, qualification: Self::qualification() });
        }
        Some(())
    }

    pub(super) fn submit_request(&mut self, dice: &mut Dice) -> Option<()> {
        let fits = |r: &Request| matches!(r.situation, Situation::Draft | Situation::Stale { .. });
        let (id, request) = self.a_request(dice, fits)?;
        let at = self.stated(dice);
        self.of(id, SubmitRequest { request, at }).ok().map(drop)
    }

    pub(super) fn update_request(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, request) = self.a_request(dice, |r| r.situation.is_open())?;
        let stream = self.household(id).requests.get(&request)?.file.stream;
        let file = dice.one_in(2).then(|| Self::file(stream));
        self.of(id, UpdateRequest { request, file }).ok().map(drop)
    }

    pub(super) fn examine_request(&mut self, dice: &mut Dice) -> Option<()> {
        let undecided = |r: &Request| {
            matches!(
                r.situation,
                Situation::Submitted
                    | Situation::UnderAssessment { .. }
                    | Situation::InCommittee { .. }
                    | Situation::Deferred { .. }
            )
        };
        let (id, request) = self.a_request(dice, undecided)?;
        let today = self.today();
        let done = match dice.below(7) {
            0 => self.of(id, ReturnRequest { request, reasons: vec![AssessmentReturnReason::other()] }),
            1 | 2 => {
                let (need, at) = (NeedProfile::default(), self.stated(dice));
                self.of(id, AssessRequest { request, need, autonomy: 2, support: 3, narrative: None, at })
            }
            3 => self.of(id, ScheduleCommittee { request, on: dice.day(today, 0, 20) }),
            4 => {
                let (reason, until) = (DeferralReason::other(), domain::calendar::Day(days_after(today, 30)));
                self.of(id, DeferRequest { request, reason, until })
            }
            5 if dice.one_in(2) => {
                self.of(id, RejectRequest { request, reason: RequestRejectionReason::other(), note: None })
            }
            _ => self.of(id, QualifyRequest { request, qualification: Self::qualification() }),
        };
        done.ok().map(drop)
    }

    pub(super) fn cancel_request(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, request) = self.a_request(dice, |r| r.situation.is_open())?;
        let reason = dice.pick(CancellationReason::all())?;
        self.of(id, CancelRequest { request, reason }).ok().map(drop)
    }

    pub(super) fn reactivate_request(&mut self, dice: &mut Dice) -> Option<()> {
        let cancelled = |r: &Request| matches!(r.situation, Situation::Cancelled { .. });
        let (id, request) = self.a_request(dice, cancelled)?;
        self.of(id, ReactivateRequest { request }).ok().map(drop)
    }

    pub(super) fn transfer_request(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, request) = self.a_request(dice, |r| r.situation.is_open())?;
        let (to, wishes) = (dice.pick(siaos())?, vec!["departement:33".parse().unwrap()]);
        self.of(id, TransferRequest { request, to, wishes }).ok().map(drop)
    }
}
