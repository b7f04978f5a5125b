//! Applications for social housing and priority labels.

use domain::calendar::Day;
use domain::decide::application::{
    CloseApplication, GrantPriority, LiftWarning, NumberApplication, RegisterApplication, RenewApplication,
    WarnApplication, WithdrawPriority,
};
use domain::household::application::{ApplicationSituation, Deregistration, UniqueRegistrationNumber};
use domain::household::priority::{LabelEnd, LabelSource};
use domain::id::HouseholdId;
use domain::reference::PriorityGround;

use super::World;
use super::dice::Dice;

impl World {
    fn number(&self, filed_on: Day) -> Option<UniqueRegistrationNumber> {
        let (month, year) = (filed_on.0.month(), filed_on.0.year() % 100);
        format!("033{month:02}{year:02}{:06}A0001", self.asked).parse().ok()
    }

    /// An application filed today with its number, unless there is one.
    pub(super) fn apply(&mut self, id: HouseholdId) {
        let number = self.number(Day(self.today()));
        let _ = self
            .of(id, RegisterApplication { filed_on: None, number, renewed_on: None, communes: Vec::new() });
    }

    pub(super) fn register_application(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.live_application().is_none())?;
        let filed_on = dice.day(self.today(), 364, 0);
        if dice.one_in(2) {
            return self.register_application_of(id, filed_on);
        }
        let (filed_on, number) = (Some(filed_on), None);
        let registered = RegisterApplication { filed_on, number, renewed_on: None, communes: Vec::new() };
        self.of(id, registered).ok().map(drop)
    }

    /// An application filed on an earlier day, with its number.
    pub(super) fn register_application_of(&mut self, id: HouseholdId, filed_on: Day) -> Option<()> {
        let number = self.number(filed_on);
        let filed_on = Some(filed_on);
        let registered = RegisterApplication { filed_on, number, renewed_on: None, communes: Vec::new() };
        self.of(id, registered).ok().map(drop)
    }

    pub(super) fn number_application(&mut self, dice: &mut Dice) -> Option<()> {
        let unnumbered = |is: &domain::household::Household| {
            is.live_application().is_some_and(|(_, a)| a.number.is_none())
        };
        let id = self.a_household(dice, unnumbered)?;
        let (application, is) = self.household(id).live_application()?;
        let number = self.number(is.filed_on)?;
        self.of(id, NumberApplication { application, number }).ok().map(drop)
    }

    pub(super) fn renew_application(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.live_application().is_some())?;
        let (application, _) = self.household(id).live_application()?;
        self.of(id, RenewApplication { application, communes: None }).ok().map(drop)
    }

    pub(super) fn strike_off(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.live_application().is_some())?;
        let (application, _) = self.household(id).live_application()?;
        use Deregistration::{A, B, C, D, E, F};
        let ground = dice.pick([A, B, C, D, E, F])?;
        if dice.one_in(2) {
            return self.of(id, WarnApplication { application, ground }).ok().map(drop);
        }
        self.of(id, CloseApplication { application, reason: ground }).ok().map(drop)
    }

    pub(super) fn lift_warning(&mut self, dice: &mut Dice) -> Option<()> {
        let warned = |is: &domain::household::Household| {
            is.live_application()
                .is_some_and(|(_, a)| matches!(a.situation, ApplicationSituation::Warned { .. }))
        };
        let id = self.a_household(dice, warned)?;
        let (application, _) = self.household(id).live_application()?;
        self.of(id, LiftWarning { application }).ok().map(drop)
    }

    pub(super) fn grant_priority(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |_| true)?;
        let ground = dice.pick([
            PriorityGround::dalo(),
            PriorityGround::dalo(),
            PriorityGround::daho(),
            "l441_1_a".parse().unwrap(),
        ])?;
        let sources = [LabelSource::MediationBoard, LabelSource::MediationBoard, LabelSource::Siao];
        let source = dice.pick(sources)?;
        let decided_on = dice.one_in(2).then(|| dice.day(self.today(), 60, 0));
        self.of(id, GrantPriority { ground, source, decided_on, document: None }).ok().map(drop)
    }

    pub(super) fn withdraw_priority(&mut self, dice: &mut Dice) -> Option<()> {
        let id = self.a_household(dice, |is| is.labels.values().any(|label| label.ended.is_none()))?;
        let label = dice.pick(self.household(id).labels.keys().copied())?;
        let why = dice.pick([LabelEnd::Housed, LabelEnd::Error, LabelEnd::GroundsGone])?;
        self.of(id, WithdrawPriority { label, why }).ok().map(drop)
    }
}
