//! Applications for social housing and the labels that make them a priority.

use domain::calendar::{Day, days_after, start_of_day};
use domain::decide::application::{
    CloseApplication, GrantPriority, NumberApplication, RegisterApplication, RenewApplication,
    WarnApplication, WithdrawPriority,
};
use domain::household::application::{
    Application, ApplicationEvent, ApplicationSituation, Deregistration, UniqueRegistrationNumber,
};
use domain::household::priority::{LabelEnd, LabelSource};
use domain::id::{ApplicationId, HouseholdId};
use domain::place::committee::CommitteeDecision;
use domain::reference::{PriorityGround, Regularity};
use jiff::civil::Date;

use super::agenda::Action;
use super::desks::DeskKind;
use super::world::World;

impl World {
    /// What follows from a fact about an application.
    pub(super) fn on_application(&mut self, id: HouseholdId, event: &ApplicationEvent) {
        match event {
            ApplicationEvent::ApplicationRegistered(e) => {
                if e.number.is_none() {
                    let days = self.dice.within(4.0, 28.0);
                    self.in_days(days, Action::Number(id, e.application));
                }
                self.plan_renewal(id, e.application, e.valid_until);
                if self.dice.chance(0.36) {
                    let days = self.dice.within(5.0, 240.0);
                    self.in_days(days, Action::Label(id));
                }
            }
            ApplicationEvent::ApplicationRenewed(e) => self.plan_renewal(id, e.application, e.valid_until),
            ApplicationEvent::ApplicationWarned(e) => {
                if self.dice.chance(0.5) {
                    let days = self.dice.within(3.0, 25.0);
                    self.in_days(days, Action::Renew(id, e.application));
                } else if self.dice.chance(0.4) {
                    let days = self.dice.within(3.0, 25.0);
                    self.in_days(days, Action::LiftWarning(id, e.application));
                }
            }
            ApplicationEvent::ApplicationExpired(_) | ApplicationEvent::ApplicationClosed(_) => {
                if self.dice.chance(0.2) {
                    let days = self.dice.within(20.0, 200.0);
                    self.in_days(days, Action::File(id));
                }
            }
            ApplicationEvent::ApplicationNumbered(_) | ApplicationEvent::ApplicationWarningLifted(_) => {}
        }
    }

    /// Most applications are renewed some weeks before they run out.
    fn plan_renewal(&mut self, id: HouseholdId, application: ApplicationId, valid_until: Day) {
        let ahead = self.dice.between(4, 55);
        let at = start_of_day(self.plan.territory, days_after(valid_until.0, -ahead));
        let at = self.working(at.max(self.now));
        if self.dice.chance(0.88) {
            self.plan_at(at, Action::Renew(id, application));
        }
        let throw = self.dice.unit();
        let sometime = self.dice.within(20.0, 320.0);
        if throw < 0.02 {
            self.in_days(sometime, Action::Warn(id, application));
        } else if throw < 0.05 {
            self.in_days(sometime, Action::Renounce(id, application));
        }
    }

    /// An application is filed, if the household may and has none.
    pub(super) fn file_application(&mut self, id: HouseholdId) {
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        let today = self.today();
        let housed = is.leases.values().any(|lease| lease.ended.is_none());
        let regular =
            is.composition.members.values().filter(|person| person.born.age_on(today) >= 18).all(|person| {
                person.residence.is_some_and(|residence| residence.regularity() == Regularity::Regular)
            });
        if housed || !regular || is.live_application().is_some() {
            return;
        }
        // Some had filed long before they were known here.
        let earlier = self.dice.chance(0.3);
        let filed_on = if earlier { days_after(today, -self.dice.between(20, 900)) } else { today };
        let renewed_on = earlier.then(|| Day(days_after(today, -self.dice.between(1, 300)).max(filed_on)));
        let number = (earlier || self.dice.chance(0.5)).then(|| self.number(filed_on)).flatten();
        let communes = self.geography.named(&mut self.dice);
        let who = self.counter();
        let filed = RegisterApplication { filed_on: Some(Day(filed_on)), number, renewed_on, communes };
        self.ask(who, id, filed);
    }

    pub(super) fn counter(&mut self) -> super::desks::Who {
        let (nth, throw) = (self.dice.below(64), self.dice.below(64));
        self.desks.agent(self.desks.nth(DeskKind::Landlord, nth), throw)
    }

    /// A number as the register gives them: territory, month of filing, sequence, counter.
    fn number(&mut self, filed_on: Date) -> Option<UniqueRegistrationNumber> {
        let code = self.plan.territory;
        let block = match code.as_str() {
            "75" | "77" | "78" | "91" | "92" | "93" | "94" | "95" => "111".to_owned(),
            code if code.len() == 3 => code.to_owned(),
            code => format!("0{code}"),
        };
        let (month, year) = (filed_on.month(), filed_on.year().rem_euclid(100));
        let sequence = self.dice.below(1_000_000);
        let counter = self.dice.below(40);
        format!("{block}{month:02}{year:02}{sequence:06}S{counter:04}").parse().ok()
    }

    fn live_application(&self, id: HouseholdId, which: ApplicationId) -> Option<&Application> {
        self.household(id)?.applications.get(&which).filter(|one| one.is_live() && self.is_here(id))
    }

    /// The number comes.
    pub(super) fn number_application(&mut self, id: HouseholdId, application: ApplicationId) {
        let Some(filed_on) =
            self.live_application(id, application).filter(|is| is.number.is_none()).map(|is| is.filed_on)
        else {
            return;
        };
        let Some(number) = self.number(filed_on.0) else { return };
        let who = self.counter();
        self.ask(who, id, NumberApplication { application, number });
    }

    /// An application is renewed.
    pub(super) fn renew(&mut self, id: HouseholdId, application: ApplicationId) {
        if self.live_application(id, application).is_some() {
            let communes = self.dice.chance(0.15).then(|| self.geography.named(&mut self.dice));
            let who = self.counter();
            self.ask(who, id, RenewApplication { application, communes });
        }
    }

    /// A letter comes back, or a file is found inadmissible: struck off in a month unless somebody answers.
    pub(super) fn warn(&mut self, id: HouseholdId, application: ApplicationId) {
        let Some(is) = self.live_application(id, application) else { return };
        let expected =
            self.household(id).is_some_and(|is| is.candidacies.values().any(|candidacy| candidacy.is_live()));
        if matches!(is.situation, ApplicationSituation::Registered) && !expected {
            let inadmissible = self.household(id).is_some_and(|is| {
                is.candidacies.values().any(|one| {
                    matches!(one.decision, Some(CommitteeDecision::Inadmissible { .. }))
                        && one.known_number().is_some()
                        && is
                            .live_application()
                            .is_some_and(|(_, live)| live.known_number() == one.known_number())
                })
            });
            let ground = if inadmissible { Deregistration::D } else { Deregistration::C };
            let who = self.counter();
            self.ask(who, id, WarnApplication { application, ground });
        }
    }

    /// The household gives its application up.
    pub(super) fn renounce(&mut self, id: HouseholdId, application: ApplicationId) {
        if self.live_application(id, application).is_some() {
            let who = self.counter();
            self.ask(who, id, CloseApplication { application, reason: Deregistration::B });
        }
    }

    /// A priority is recognised; now and then one is withdrawn.
    pub(super) fn label(&mut self, id: HouseholdId) {
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        if is.live_application().is_none() {
            return;
        }
        let given = is.labels.iter().find(|(_, label)| label.ended.is_none()).map(|(label, _)| *label);
        if let Some(label) = given {
            if self.dice.chance(0.25) {
                let why = if self.dice.chance(0.8) { LabelEnd::GroundsGone } else { LabelEnd::Error };
                let who = self.prefecture();
                self.ask(who, id, WithdrawPriority { label, why });
            }
            return;
        }
        let (ground, source) = match self.dice.weigh([14, 4, 82].into_iter()) {
            0 => (PriorityGround::dalo(), LabelSource::MediationBoard),
            1 => (PriorityGround::daho(), LabelSource::MediationBoard),
            _ => {
                let source = if self.dice.chance(0.55) { LabelSource::Siao } else { LabelSource::Prefecture };
                (self.settings.reasons.label.draw(&mut self.dice), source)
            }
        };
        let who = if source == LabelSource::Siao { self.siao() } else { self.prefecture() };
        let decided_on =
            self.dice.chance(0.3).then(|| Day(days_after(self.today(), -self.dice.between(1, 12))));
        self.ask(who, id, GrantPriority { ground, source, decided_on, document: None });
        if self.dice.chance(0.15) {
            let days = self.dice.within(60.0, 400.0);
            self.in_days(days, Action::Label(id));
        }
    }

    /// The label of a household that the préfet designated, after it refused what suited it.
    pub(super) fn reconsider_label(&mut self, id: HouseholdId) {
        let dalo = PriorityGround::dalo();
        let label = self.household(id).and_then(|is| {
            is.labels
                .iter()
                .find(|(_, label)| label.ended.is_none() && label.ground == dalo)
                .map(|(label, _)| *label)
        });
        if let Some(label) = label
            && self.dice.chance(0.25)
        {
            let who = self.prefecture();
            self.ask(who, id, WithdrawPriority { label, why: LabelEnd::SuitableOfferRefused });
        }
    }
}
