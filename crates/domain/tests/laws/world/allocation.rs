//! Allocation of dwellings: candidates, committees with right and wrong decisions, offers, leases.

use domain::calendar::{Day, days_after};
use domain::decide::allocation::{
    AcceptOffer, AssignVacancy, CandidateDecision, CheckDocuments, ConveneCommittee, DecideCommittee,
    DesignateCandidates, Designated, MeetCondition, NotifyOffer, RefuseOffer,
};
use domain::decide::application::GrantPriority;
use domain::decide::lease::{EndLease, SignLease};
use domain::household::Registration;
use domain::household::candidacy::{Candidacy, CandidacySituation};
use domain::household::priority::LabelSource;
use domain::id::{CandidacyId, HouseholdId, PlaceId};
use domain::money::Money;
use domain::place::Place;
use domain::place::committee::{
    CommitteeDecision as Decision, CommitteeException as Exception, NotificationMeans,
};
use domain::reference::{
    ConditionalDocument, NonAwardReason, OfferRefusalReason, PriorityGround, ReservationHolderKind,
};

use super::World;
use super::dice::Dice;

fn dwelling(is: &Place) -> bool {
    is.description().is_some_and(|it| it.kind.let_by_committee()) && is.open_vacancy().is_some()
}

pub(super) fn undecided(is: &Place) -> bool {
    dwelling(is)
        && is.open_vacancy().is_some_and(|v| v.allocation.committee.as_ref().is_none_or(|c| !c.decided))
}

fn convened(is: &Place) -> bool {
    undecided(is)
        && is.open_vacancy().is_some_and(|v| {
            v.allocation.committee.is_some() && v.allocation.candidates.values().any(|c| c.is_live())
        })
}

impl World {
    pub(super) fn assign(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, dwelling)?;
        let kind = dice.pick(ReservationHolderKind::all())?;
        let designate_by = dice.one_in(2).then(|| dice.day(self.today(), 0, 10));
        self.at_place(place, AssignVacancy { kind, organisation: None, designate_by, flow: None })
            .ok()
            .map(drop)
    }

    pub(super) fn designate(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, undecided)?;
        let registered =
            |id: &HouseholdId| matches!(self.household(*id).registration, Registration::Registered { .. });
        let many = 1 + dice.below(4);
        let mut left: Vec<_> = self.households.iter().copied().filter(registered).collect();
        let mut candidates = Vec::new();
        while candidates.len() < many && !left.is_empty() {
            let household = left.swap_remove(dice.below(left.len()));
            candidates.push(Designated { household, dalo: dice.one_in(3) });
        }
        let designated = self.at_place(place, DesignateCandidates { candidates });
        if dice.one_in(2) {
            let on = domain::calendar::Day(self.today());
            let _ = self.at_place(place, ConveneCommittee { on });
        }
        designated.ok()?;
        if dice.one_in(2) { self.decide_committee(dice) } else { Some(()) }
    }

    pub(super) fn convene(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, undecided)?;
        let on = dice.day(self.today(), 1, 6);
        self.at_place(place, ConveneCommittee { on }).ok().map(drop)
    }

    pub(super) fn check_documents(&mut self, dice: &mut Dice) -> Option<()> {
        let (_, candidacy, place) = self.a_candidacy(dice, Candidacy::is_live)?;
        let missing = dice.some(ConditionalDocument::all());
        self.at_place(place, CheckDocuments { candidacy, missing }).ok().map(drop)
    }

    /// Decisions on the live candidates: mostly one each with ranks in order, now and then one missing, one twice, a
    /// rank twice or with a gap, or two awards. Those the rules must refuse.
    pub(super) fn decide_committee(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, convened)?;
        self.decide_committee_of(place, dice)
    }

    pub(super) fn decide_committee_of(&mut self, place: PlaceId, dice: &mut Dice) -> Option<()> {
        let candidates = &self.place(place).open_vacancy()?.allocation.candidates;
        let mut left: Vec<CandidacyId> =
            candidates.iter().filter(|(_, c)| c.is_live()).map(|(id, _)| *id).collect();
        let mut decisions = Vec::new();
        let awards = dice.below(3);
        let mut rank = 0;
        let today = self.today();
        while !left.is_empty() {
            let candidacy = left.swap_remove(dice.below(left.len()));
            let decision = match (decisions.len(), awards) {
                (0, 1) => Decision::Award,
                (0, 2) => Decision::AwardConditional {
                    document: dice.pick(ConditionalDocument::all())?,
                    by: domain::calendar::Day(days_after(today, 5)),
                },
                (_, _) if dice.one_in(6) => Decision::Reject { reason: NonAwardReason::other() },
                (_, _) if dice.one_in(8) => Decision::Inadmissible { reason: NonAwardReason::other() },
                (_, _) => {
                    rank += 1;
                    Decision::AwardRanked { rank }
                }
            };
            decisions.push(CandidateDecision { candidacy, decision });
        }
        Self::spoil(&mut decisions, dice);
        let exceptions = [
            None,
            Some(Exception::InsufficientCandidates),
            Some(Exception::DaloDesignation),
            Some(Exception::PlaiAdapte),
        ];
        let exception = if dice.one_in(2) { exceptions[1] } else { dice.pick(exceptions)? };
        self.at_place(place, DecideCommittee { decisions, exception }).ok()?;
        if dice.one_in(2) {
            let _ = self.meet_condition(dice);
        }
        if dice.one_in(2) { self.accept_offer(dice) } else { Some(()) }
    }

    fn spoil(decisions: &mut Vec<CandidateDecision>, dice: &mut Dice) {
        let Some(last) = decisions.last().cloned() else { return };
        match dice.below(16) {
            0 => drop(decisions.pop()),
            1 => decisions.push(last),
            2 => decisions.iter_mut().for_each(|one| one.decision = Decision::Award),
            3 => decisions.iter_mut().for_each(|one| one.decision = Decision::AwardRanked { rank: 1 }),
            4 => decisions.iter_mut().for_each(|one| {
                if let Decision::AwardRanked { rank } = &mut one.decision {
                    *rank += 1;
                }
            }),
            _ => {}
        }
    }

    fn a_candidacy(
        &self,
        dice: &mut Dice,
        fits: fn(&Candidacy) -> bool,
    ) -> Option<(HouseholdId, CandidacyId, PlaceId)> {
        let id = self.a_household(dice, |is| is.candidacies.values().any(fits))?;
        let any = dice.one_in(12);
        let all = &self.household(id).candidacies;
        let (candidacy, is) = dice.pick(all.iter().filter(|(_, is)| any || fits(is)))?;
        Some((id, *candidacy, is.place))
    }

    pub(super) fn meet_condition(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |is| {
            is.open_vacancy().is_some_and(|v| {
                v.allocation.candidates.values().any(|c| c.is_live() && c.condition_pending().is_some())
            })
        })?;
        let candidates = &self.place(place).open_vacancy()?.allocation.candidates;
        let pending = candidates.iter().filter(|(_, c)| c.condition_pending().is_some());
        let candidacy = dice.pick(pending.map(|(id, _)| *id))?;
        self.at_place(place, MeetCondition { candidacy }).ok().map(drop)
    }

    pub(super) fn accept_offer(&mut self, dice: &mut Dice) -> Option<()> {
        let offered = |is: &Candidacy| matches!(is.situation, CandidacySituation::Offered { .. });
        let (id, candidacy, place) = self.a_candidacy(dice, offered)?;
        if dice.one_in(3) {
            let received = Day(self.today());
            let notify =
                NotifyOffer { candidacy, received, means: NotificationMeans::RegisteredLetter, proof: None };
            self.at_place(place, notify).ok()?;
        }
        self.of(id, AcceptOffer { candidacy }).ok()?;
        if dice.one_in(2) { self.sign_lease(dice) } else { Some(()) }
    }

    pub(super) fn refuse_offer(&mut self, dice: &mut Dice) -> Option<()> {
        let at_stake = |is: &Candidacy| {
            matches!(is.situation, CandidacySituation::Offered { .. } | CandidacySituation::Accepted)
        };
        let (id, candidacy, _) = self.a_candidacy(dice, at_stake)?;
        self.of(id, RefuseOffer { candidacy, reason: OfferRefusalReason::other() }).ok().map(drop)
    }

    pub(super) fn sign_lease(&mut self, dice: &mut Dice) -> Option<()> {
        let accepted = |is: &Candidacy| matches!(is.situation, CandidacySituation::Accepted);
        let wanted = if dice.one_in(5) { Candidacy::is_live } else { accepted };
        let (id, candidacy, _) = self.a_candidacy(dice, wanted)?;
        if dice.one_in(2) {
            let (ground, source) = (PriorityGround::dalo(), LabelSource::MediationBoard);
            let _ = self.of(id, GrantPriority { ground, source, decided_on: None, document: None });
        }
        let (at, rent) = (self.stated(dice), Money::euros(300));
        self.of(
            id,
            SignLease { candidacy, at, from: None, rent, charges: Money::ZERO, deposit_to_return: false },
        )
        .ok()
        .map(drop)
    }

    pub(super) fn end_lease(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.leases.values().any(|lease| lease.ended.is_none()))?;
        let lease = dice.pick(self.household(id).leases.keys().copied())?;
        let on = dice.one_in(2).then(|| dice.day(self.today(), 5, 0));
        self.of(id, EndLease { lease, on }).ok().map(drop)
    }
}
