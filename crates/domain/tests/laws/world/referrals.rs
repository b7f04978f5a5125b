//! Referrals: proposed, seen, answered in time or too late, judged.

use domain::decide::referral::{
    AcceptReferral, DeclineReferral, JudgeRefusal, ProposeReferral, RecordNoShow, RefuseReferral,
    ViewReferral, WithdrawReferral,
};
use domain::decide::request::SubmitRequest;
use domain::household::Household;
use domain::household::referral::ReferralSituation as Situation;
use domain::household::request::RequestSituation;
use domain::id::{HouseholdId, ReferralId};
use domain::place::PlaceSituation;
use domain::reference::{HouseholdRefusalReason, ProviderRefusalReason, WithdrawalReason};

use super::World;
use super::dice::Dice;

fn which(is: &Household, fits: impl Fn(&Situation) -> bool) -> Vec<ReferralId> {
    is.referrals.iter().filter(|(_, r)| fits(&r.situation)).map(|(id, _)| *id).collect()
}

fn proposed(situation: &Situation) -> bool {
    matches!(situation, Situation::Proposed { .. })
}

pub(super) fn accepted(situation: &Situation) -> bool {
    matches!(situation, Situation::Accepted { .. })
}

impl World {
    pub(super) fn a_referral(
        &self,
        dice: &mut Dice,
        fits: fn(&Situation) -> bool,
    ) -> Option<(HouseholdId, ReferralId)> {
        let id = self.a_household(dice, |is| !which(is, fits).is_empty())?;
        let any = dice.one_in(12);
        let referral = dice.pick(which(self.household(id), |situation| any || fits(situation)))?;
        Some((id, referral))
    }

    /// What is said with a reason: nothing, blanks, or words.
    fn words(dice: &mut Dice) -> Option<String> {
        [None, Some(String::new()), Some("  ".to_owned()), Some("précision".to_owned())][dice.below(4)]
            .clone()
    }

    pub(super) fn propose(&mut self, dice: &mut Dice) -> Option<()> {
        let qualified = |is: &Household| {
            is.requests.values().any(|r| matches!(r.situation, RequestSituation::Qualified(_)))
        };
        let id = self.a_household(dice, qualified)?;
        let requests = &self.household(id).requests;
        let ready = requests.iter().filter(|(_, r)| matches!(r.situation, RequestSituation::Qualified(_)));
        let request = dice.pick(ready.map(|(id, _)| *id))?;
        // Several at once, as a SIAO does that wants an answer tonight.
        for _ in 0..=dice.below(2) {
            let (at, today) = (self.at, self.today());
            // Now and then one that another household is proposed for.
            let wanted = if dice.one_in(5) { PlaceSituation::Held } else { PlaceSituation::Vacant };
            let place = self.a_place(dice, |is| is.situation(at, today) == wanted);
            let Some(place) = place else { continue };
            let _ =
                self.of(id, ProposeReferral { request, place, persons: None, deviation: None, note: None });
        }
        if dice.one_in(2) { self.accept(dice) } else { Some(()) }
    }

    pub(super) fn view(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, proposed)?;
        self.of(id, ViewReferral { referral }).ok().map(drop)
    }

    pub(super) fn accept(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, proposed)?;
        let arrival = dice.one_in(3).then(|| dice.day(self.today(), 1, 5));
        self.of(id, AcceptReferral { referral, arrival }).ok()?;
        if dice.one_in(2) { self.start_stay(dice) } else { Some(()) }
    }

    pub(super) fn decline(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, proposed)?;
        let other = dice.one_in(2);
        let reason = dice.pick(ProviderRefusalReason::all())?;
        let reason = if other { ProviderRefusalReason::other() } else { reason };
        let note = Self::words(dice);
        self.of(id, DeclineReferral { referral, reason, note }).ok().map(drop)
    }

    pub(super) fn refuse(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, Situation::holds)?;
        let reason = dice.pick(HouseholdRefusalReason::all())?;
        let note = Self::words(dice);
        let refused = self.of(id, RefuseReferral { referral, reason, note });
        refused.ok()?;
        if dice.one_in(2) { self.judge(dice) } else { Some(()) }
    }

    pub(super) fn judge(&mut self, dice: &mut Dice) -> Option<()> {
        let refused = |situation: &Situation| {
            matches!(situation, Situation::DeclinedByHousehold { receivable: None, .. })
        };
        let (id, referral) = self.a_referral(dice, refused)?;
        self.of(id, JudgeRefusal { referral, receivable: dice.one_in(3) }).ok()?;
        if dice.one_in(2) {
            // Who lost their seniority tries to date the next transmission back.
            let request = self.household(id).referrals.get(&referral)?.request;
            let at = Some(self.earlier(dice)).filter(|_| !dice.one_in(4));
            let _ = self.of(id, SubmitRequest { request, at });
        }
        Some(())
    }

    pub(super) fn withdraw(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, Situation::holds)?;
        let reason = dice.pick(WithdrawalReason::all())?;
        self.of(id, WithdrawReferral { referral, reason }).ok().map(drop)
    }

    pub(super) fn no_show(&mut self, dice: &mut Dice) -> Option<()> {
        let (id, referral) = self.a_referral(dice, accepted)?;
        self.of(id, RecordNoShow { referral }).ok().map(drop)
    }
}
