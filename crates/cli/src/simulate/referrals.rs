//! Referrals: seen, answered, judged, honoured or not.

use domain::calendar::{Day, days_after};
use domain::decide::referral::{
    AcceptReferral, DeclineReferral, JudgeRefusal, RecordNoShow, RefuseReferral, ViewReferral,
    WithdrawReferral,
};
use domain::decide::stay::{Leaving, StartStay};
use domain::household::Household;
use domain::household::referral::{Referral, ReferralEvent, ReferralProposed, ReferralSituation};
use domain::household::stay::StaySituation;
use domain::id::{HouseholdId, ReferralId, StayId};
use domain::place::inventory::{Description, GenderRule};
use domain::reference::{
    ExitDestination, ExitReason, HouseholdRefusalReason, ProviderRefusalReason, WithdrawalReason,
};
use domain::structure_kind::{AnswerDelay, StructureKind};

use super::agenda::{Action, Reply};
use super::coordinator::is_emergency;
use super::world::World;

impl World {
    /// What follows from a fact about a referral.
    pub(super) fn on_referral(&mut self, id: HouseholdId, event: &ReferralEvent) {
        match event {
            ReferralEvent::ReferralProposed(e) => self.on_proposed(id, e),
            ReferralEvent::ReferralAccepted(e) => {
                let at = match e.arrival {
                    Some(day) => self.hour(day.0, 9.5, 17.0),
                    None => self.after(3_600.0),
                };
                self.plan_at(at, Action::MoveIn(id, e.referral));
            }
            ReferralEvent::DeclinedByHousehold(e) => {
                let days = self.dice.within(1.0, 12.0);
                self.in_days(days, Action::Judge(id, e.referral));
            }
            ReferralEvent::ReferralViewed(_)
            | ReferralEvent::DeclinedByProvider(_)
            | ReferralEvent::RefusalJudged(_)
            | ReferralEvent::ReferralExpired(_)
            | ReferralEvent::ReferralWithdrawn(_)
            | ReferralEvent::NoShow(_) => {}
        }
    }

    fn on_proposed(&mut self, id: HouseholdId, e: &ReferralProposed) {
        let Some(kind) = self.kind_of(e.place) else { return };
        let left = (e.expires_at.0.as_second() - self.now.as_second()).max(60) as f64;
        let accepts = self.settings.kind(kind).accepts;
        let (decline, refuse) = (0.42 * (1.0 - accepts), 0.38 * (1.0 - accepts));
        let throw = self.dice.unit();
        let reply = if throw < accepts {
            Some(Reply::Accept)
        } else if throw < accepts + decline {
            Some(Reply::Decline)
        } else if throw < accepts + decline + refuse {
            Some(Reply::Refuse)
        } else if throw < accepts + decline + refuse + 0.015 {
            Some(Reply::Withdraw)
        } else {
            None
        };
        let seen = left * self.dice.within(0.02, 0.25);
        if self.dice.chance(0.85) {
            self.plan_in_time(seen, left, kind, Action::View(id, e.referral));
        }
        if let Some(reply) = reply {
            let answered = seen + (left - seen) * self.dice.within(0.08, 0.85);
            self.plan_in_time(answered, left, kind, Action::Answer(id, e.referral, reply));
        }
    }

    /// Plans something so many seconds from now and before `left` seconds have passed, in office hours if it can be.
    fn plan_in_time(&mut self, seconds: f64, left: f64, kind: StructureKind, action: Action) {
        let plain = self.after(seconds);
        let office = match kind.answer_delay() {
            AnswerDelay::Emergency => plain,
            AnswerDelay::Accommodation | AnswerDelay::Residence | AnswerDelay::Intermediation => {
                self.working(plain)
            }
        };
        let last = self.after(left);
        self.plan_at(if office < last { office } else { plain }, action);
    }

    /// A referral while it waits for an answer.
    fn proposed(&self, id: HouseholdId, which: ReferralId) -> Option<(&Referral, bool)> {
        let referral = self.household(id)?.referrals.get(&which)?;
        match referral.situation {
            ReferralSituation::Proposed { expires_at, viewed } if self.now <= expires_at => {
                Some((referral, viewed.is_some()))
            }
            ReferralSituation::Proposed { .. }
            | ReferralSituation::Accepted { .. }
            | ReferralSituation::Admitted { .. }
            | ReferralSituation::DeclinedByProvider { .. }
            | ReferralSituation::DeclinedByHousehold { .. }
            | ReferralSituation::Expired
            | ReferralSituation::Withdrawn { .. }
            | ReferralSituation::NoShow => None,
        }
    }

    /// The provider opens a referral.
    pub(super) fn view(&mut self, id: HouseholdId, referral: ReferralId) {
        if let Some((is, false)) = self.proposed(id, referral) {
            let who = self.keeper(is.place);
            self.ask(who, id, ViewReferral { referral });
        }
    }

    /// A referral is answered.
    pub(super) fn answer(&mut self, id: HouseholdId, referral: ReferralId, reply: Reply) {
        let Some((is, _)) = self.proposed(id, referral) else { return };
        let place = is.place;
        match reply {
            Reply::Accept => self.accept(id, referral),
            Reply::Decline => {
                let reason = self.settings.reasons.provider_refusal.draw(&mut self.dice);
                let note = (reason == ProviderRefusalReason::other())
                    .then(|| "Admission différée après échange avec l'équipe.".to_owned());
                let who = self.keeper(place);
                self.ask(who, id, DeclineReferral { referral, reason, note });
            }
            Reply::Refuse => self.refuse(id, referral),
            Reply::Withdraw => {
                let reason = if self.dice.chance(0.5) {
                    WithdrawalReason::place_withdrawn()
                } else {
                    WithdrawalReason::error()
                };
                let who = self.siao();
                self.ask(who, id, WithdrawReferral { referral, reason });
            }
        }
    }

    fn accept(&mut self, id: HouseholdId, referral: ReferralId) {
        let Some(is) = self.household(id) else { return };
        let Some(place) = is.referrals.get(&referral).map(|one| one.place) else { return };
        let elsewhere =
            is.live_referrals().any(|(_, one)| matches!(one.situation, ReferralSituation::Accepted { .. }));
        if elsewhere {
            return;
        }
        let emergency = self.kind_of(place).is_some_and(is_emergency);
        let days = if emergency { 0 } else { self.dice.between(1, 18) };
        let arrival = (!emergency).then(|| Day(days_after(self.today(), days)));
        let who = self.keeper(place);
        self.ask(who, id, AcceptReferral { referral, arrival });
    }

    /// The household refuses, with its reason.
    fn refuse(&mut self, id: HouseholdId, referral: ReferralId) {
        let reason = self.settings.reasons.household_refusal.draw(&mut self.dice);
        let note = (reason == HouseholdRefusalReason::other())
            .then(|| "Préfère attendre une autre proposition.".to_owned());
        let who = self.referrer(id);
        self.ask(who, id, RefuseReferral { referral, reason, note });
    }

    /// The SIAO judges a refusal.
    pub(super) fn judge(&mut self, id: HouseholdId, referral: ReferralId) {
        let Some(is) = self.household(id).and_then(|is| is.referrals.get(&referral)) else { return };
        if let ReferralSituation::DeclinedByHousehold { receivable: None, .. } = is.situation {
            let receivable = self.dice.chance(0.86);
            let who = self.siao();
            self.ask(who, id, JudgeRefusal { referral, receivable });
        }
    }

    /// The day of arrival.
    pub(super) fn move_in(&mut self, id: HouseholdId, referral: ReferralId) {
        let Some(is) = self.household(id) else { return };
        let Some(one) = is.referrals.get(&referral) else { return };
        let ReferralSituation::Accepted { .. } = one.situation else { return };
        let place = one.place;
        let Some(description) = self.place(place).and_then(|is| is.inventory.description()).cloned() else {
            return;
        };
        let who = self.keeper(place);
        let throw = self.dice.unit();
        if throw < 0.045 {
            self.ask(who, id, RecordNoShow { referral });
        } else if throw < 0.065 {
            self.refuse(id, referral);
        } else if !self.fits(id, &description) {
            let who = self.siao();
            let reason = WithdrawalReason::composition_changed();
            self.ask(who, id, WithdrawReferral { referral, reason });
        } else {
            self.start_stay(id, referral, &description);
        }
    }

    fn start_stay(&mut self, id: HouseholdId, referral: ReferralId, place: &Description) {
        let Some(is) = self.household(id) else { return };
        let Some(at) = is.referrals.get(&referral).map(|one| one.place) else { return };
        let mut running: Vec<StayId> = is.active_stays().map(|(stay, _)| stay).collect();
        let (destination, reason) = moving_to(place.kind);
        // The last stay ends with the move; others, which a merger brought, end before.
        let leaving = running.pop().map(|stay| Leaving {
            stay,
            at: None,
            destination,
            reason,
            deposit_to_return: false,
        });
        for stay in running {
            self.end_now(id, stay, destination, reason, false);
        }
        let planned_end = self.term(place.kind);
        let who = self.keeper(at);
        self.ask(who, id, StartStay { referral, at: None, persons: None, planned_end, leaving });
    }

    /// The planned end of a stay that begins today, where the kind has a term.
    pub(super) fn term(&self, kind: StructureKind) -> Option<Day> {
        let months = self.settings.kind(kind).term?;
        Some(Day(domain::calendar::months_after(self.today(), months)))
    }

    /// Whether everybody of the household can still live in such a place.
    pub(super) fn fits(&self, id: HouseholdId, place: &Description) -> bool {
        let Some(is) = self.household(id) else { return false };
        let (profile, criteria) = (is.composition.profile(self.today(), None), &place.criteria);
        let sexes = match criteria.gender {
            GenderRule::Mixed => true,
            GenderRule::WomenOnly => profile.men == 0,
            GenderRule::MenOnly => profile.women == 0,
        };
        let ages = criteria.age_min.is_none_or(|min| min <= profile.youngest_adult)
            && criteria.age_max.is_none_or(|max| profile.oldest_adult <= max);
        profile.persons <= place.capacity && sexes && ages && (profile.minors == 0 || criteria.children)
    }
}

/// How the exit of somebody who moves into such a place is recorded.
pub(super) fn moving_to(kind: StructureKind) -> (ExitDestination, ExitReason) {
    use StructureKind as K;
    let code = match kind {
        K::EmergencyShelter => "emergency_accommodation",
        K::HotelNight => "hotel",
        K::Chrs => "chrs",
        K::Rhvs => "stabilisation_accommodation",
        K::SocialResidence => "social_residence",
        K::YoungWorkersResidence | K::MigrantWorkersHome => "young_or_migrant_workers_home",
        K::FamilyBoardingHouse => "family_boarding_house",
        K::PsychiatricSupportResidence => "psychiatric_support_residence",
        K::SubletIntermediation | K::Solibail => "sublet",
        K::ManagedLease => "managed_lease",
        K::SlidingLease => "sliding_lease",
        K::Alt => "temporary_housing_alt",
        K::SocialDwelling => "social_rental",
    };
    // A test reads each of these codes.
    let destination = code.parse().unwrap_or_else(|_| ExitDestination::not_stated());
    (destination, ExitReason::solution_found())
}

/// Whether the household is away.
pub(super) fn is_away(is: &Household, stay: StayId) -> bool {
    is.stays.get(&stay).is_some_and(|stay| matches!(stay.situation, StaySituation::Absent { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_has_its_destination() {
        for kind in StructureKind::ALL {
            assert_ne!(moving_to(kind).0, ExitDestination::not_stated(), "{kind}");
        }
    }
}
