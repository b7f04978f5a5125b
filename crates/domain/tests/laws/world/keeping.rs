//! How long a file is kept: holds, and two who erase.

use domain::calendar::{Day, days_after};
use domain::decide::erasure::{
    CertifyErasure, ConfirmErasure, LiftLegalHold, PlaceLegalHold, ProposeErasure, WithdrawErasure,
};
use domain::decide::family::Merge;
use domain::decide::registration::Register;
use domain::decide::{Addressed as _, HouseholdCommand};
use domain::household::erasure::{ErasureGround, HoldGround};
use domain::id::HouseholdId;
use domain::reference::MemberLink;
use jiff::ToSpan;

use super::World;
use super::dice::Dice;
use super::home;

/// More erased households than this teach nothing new.
const ERASED_MAX: usize = 4;

impl World {
    /// Holds come and go; somebody proposes to erase, and thinks better of it.
    pub(super) fn keep(&mut self, dice: &mut Dice) -> Option<()> {
        let id = dice.pick(self.households.clone())?;
        let ground = dice.pick([HoldGround::Litigation, HoldGround::DaloProcedure])?;
        match dice.below(4) {
            0 => {
                let until = Day(days_after(self.today(), i64::try_from(dice.below(40)).ok()?));
                let motive = "recours devant le tribunal".to_owned();
                self.of(id, PlaceLegalHold { ground, motive, until }).ok()?;
                if dice.one_in(2) { self.of(id, LiftLegalHold { ground }).ok().map(drop) } else { Some(()) }
            }
            1 => self.of(id, LiftLegalHold { ground }).ok().map(drop),
            2 => self.of(id, ProposeErasure { ground: ErasureGround::Request }).ok().map(drop),
            _ => {
                let _ = self.of(id, ConfirmErasure {});
                self.of(id, WithdrawErasure {}).ok().map(drop)
            }
        }
    }

    /// Two who erase a household, at once or when its file falls due; sometimes another one joined it, or a hold is placed
    /// in between.
    pub(super) fn erase_somebody(&mut self, dice: &mut Dice) -> Option<()> {
        let erased = self.households.iter().filter(|id| self.household(**id).erasure().is_some()).count();
        if erased >= ERASED_MAX {
            return None;
        }
        let id = self.registered_only(dice)?;
        if dice.one_in(3) {
            let joins = self.registered_only(dice)?;
            let members = self.household(joins).composition.members.keys();
            let links = members.map(|person| (*person, MemberLink::sibling())).collect();
            self.of(id, Merge { from: joins, links, at: None }).ok()?;
        }
        // Two years are the end of everything else: seldom.
        let falls_due = dice.one_in(6);
        if falls_due {
            self.at = self.at.checked_add((24 * 715).hours()).ok()?;
            self.fire();
        }
        let ground = if falls_due { ErasureGround::Retention } else { ErasureGround::Unlawful };
        self.of(id, ProposeErasure { ground }).ok()?;
        if dice.one_in(4) {
            self.of(id, WithdrawErasure {}).ok()?;
            self.of(id, ProposeErasure { ground }).ok()?;
        }
        if dice.one_in(4) {
            let (ground, until) = (HoldGround::UnpaidDebt, Day(self.today()));
            let motive = "redevance impayée".to_owned();
            self.of(id, PlaceLegalHold { ground, motive, until }).ok()?;
        }
        self.of(id, ConfirmErasure {}).ok()?;
        if falls_due {
            self.at = self.at.checked_add((24 * 20).hours()).ok()?;
            self.fire();
        }
        let backups_until = Day(days_after(self.today(), 35));
        let certify = CertifyErasure { events: 5, values: 2, refused: 2, epoch: 1, backups_until };
        self.of(id, certify).ok().map(drop)
    }

    /// A household that nothing more happens to.
    fn registered_only(&mut self, dice: &mut Dice) -> Option<HouseholdId> {
        let register = Register {
            duplicate_reviewed: None,
            territory: home(),
            members: Self::family(dice.below(5)),
            expected: None,
            reachable_through_structure: true,
            at: None,
            note: None,
        };
        let command = self.mint();
        let id = HouseholdId::created_by(home(), command);
        self.ask(&HouseholdCommand::from(register).on(id), command).ok()?;
        Some(id)
    }
}
