//! The supply: places that change, close, go off line and come back; vacancies; structures.

use domain::calendar::Day;
use domain::decide::inventory::{
    BringOnline, ChangePlace, ChangeStructure, ClosePlace, CloseStructure, TakeOffline,
};
use domain::decide::vacancy::{ConfirmVacancy, DeclareVacancy, WithdrawVacancy};
use domain::ledger::{AggregateId, State};
use domain::place::inventory::{Criteria, GenderRule};
use domain::reference::{OfflineReason, VacancyWithdrawalReason};
use domain::structure_kind::StructureKind;

use super::World;
use super::dice::Dice;

/// More places than this teach nothing new.
const PLACES_MAX: usize = 10;

impl World {
    pub(super) fn open_another(&mut self, dice: &mut Dice) -> Option<()> {
        if self.places.len() < PLACES_MAX {
            let kind = dice.pick([StructureKind::SocialDwelling, StructureKind::Chrs])?;
            self.open(kind, 4, Criteria::default(), dice.one_in(2));
        }
        Some(())
    }

    pub(super) fn change_place(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |_| true)?;
        let mut description = self.place(place).description()?.clone();
        description.capacity = u8::try_from(1 + dice.below(4)).unwrap();
        if dice.one_in(2) {
            let gender = dice.pick([GenderRule::Mixed, GenderRule::WomenOnly, GenderRule::MenOnly])?;
            let (couples, children) = (!dice.one_in(4), !dice.one_in(4));
            let age_max = dice.one_in(4).then_some(40);
            description.criteria = Criteria { gender, couples, children, age_max, ..Criteria::default() };
        }
        self.at_place(place, ChangePlace { description }).ok().map(drop)
    }

    pub(super) fn close_place(&mut self, dice: &mut Dice) -> Option<()> {
        // Most of the supply must last.
        let place = self.a_place(dice, |_| true).filter(|_| self.places.len() > 6 && dice.one_in(4))?;
        self.at_place(place, ClosePlace { from: Day(self.today()) }).ok().map(drop)
    }

    pub(super) fn offline(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |is| is.current_occupancy().is_none())?;
        let from = Some(dice.day(self.today(), 2, 3));
        let until = dice.one_in(2).then(|| dice.day(self.today(), 0, 12));
        self.at_place(place, TakeOffline { reason: OfflineReason::other(), from, until }).ok().map(drop)
    }

    pub(super) fn online(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |is| is.offline.values().any(|spell| !spell.over))?;
        self.at_place(place, BringOnline { spell: None, until: None }).ok().map(drop)
    }

    pub(super) fn vacancy(&mut self, dice: &mut Dice) -> Option<()> {
        let place = self.a_place(dice, |is| is.current_occupancy().is_none())?;
        let good_until = dice.one_in(2).then(|| dice.day(self.today(), 0, 20));
        let done = match dice.below(4) {
            0 => self.at_place(place, WithdrawVacancy { reason: VacancyWithdrawalReason::other() }),
            1 => self.at_place(place, ConfirmVacancy { good_until }),
            _ => self.at_place(place, DeclareVacancy { available_from: None, good_until }),
        };
        done.ok().map(drop)
    }

    pub(super) fn structure(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.structures.clone())?;
        if dice.one_in(4) && self.structures.len() > 7 {
            return self.at_structure(id, CloseStructure { from: Day(self.today()) }).ok().map(drop);
        }
        let Some(State::Structure(is)) = self.ledgers.get(&AggregateId::Structure(id)) else { return None };
        let mut profile = is.profile()?.clone();
        profile.name = format!("Essai {}", dice.below(9));
        self.at_structure(id, ChangeStructure { profile }).ok().map(drop)
    }
}
