//! The events of legal holds and of erasure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ErasureGround, HoldGround};
use crate::calendar::{Day, Instant};
use crate::event::events;
use crate::household::HouseholdEvent;
use crate::id::UserId;
use crate::personal::Personal;

/// `household.legal_hold_placed`: the file is kept until a day, whatever its retention says; a hold of the same ground
/// that stands already is replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegalHoldPlaced {
    /// Why, as a code.
    pub ground: HoldGround,
    /// Why, in words.
    pub motive: Personal<String>,
    /// Its last day.
    pub until: Day,
}

/// `household.legal_hold_lifted`: before its day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegalHoldLifted {
    /// Which one.
    pub ground: HoldGround,
}

/// `household.erasure_announced`: the file falls due, and stands on the list of the data-protection officer until then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureAnnounced {
    /// The last instant it may be kept.
    pub due: Instant,
}

/// `household.erasure_proposed`: a first person proposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureProposed {
    /// Why.
    pub ground: ErasureGround,
    /// Who.
    pub by: UserId,
}

/// `household.erasure_withdrawn`: what was proposed is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureWithdrawn {
    /// Who says so.
    pub by: UserId,
}

/// `household.erasure_confirmed`: a second person agrees, ahead of the day the file falls due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureConfirmed {
    /// Who.
    pub by: UserId,
}

/// `household.erased`: its key is removed, and nothing personal of it can be read any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    /// Why.
    pub ground: ErasureGround,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// Who agreed.
    pub confirmed_by: UserId,
}

/// `household.erasure_certified`: it was tried to open what was sealed, after the key-encryption key was destroyed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErasureCertified {
    /// How many events its ledger holds, this one not counted.
    pub events: u64,
    /// How many sealed values they hold.
    pub values: u64,
    /// How many of them were refused to open: all.
    pub refused: u64,
    /// The newest epoch its key can have been wrapped under, destroyed since.
    pub epoch: u32,
    /// The last day on which somebody who holds both an older backup and the escrow of that epoch could still read it.
    pub backups_until: Day,
}

events! {
    /// What can happen to how long a household is kept.
    pub enum ErasureEvent in HouseholdEvent::Erasure {
        "household.legal_hold_placed" v 1 => LegalHoldPlaced(LegalHoldPlaced),
        "household.legal_hold_lifted" v 1 => LegalHoldLifted(LegalHoldLifted),
        "household.erasure_announced" v 1 => ErasureAnnounced(ErasureAnnounced),
        "household.erasure_proposed" v 1 => ErasureProposed(ErasureProposed),
        "household.erasure_withdrawn" v 1 => ErasureWithdrawn(ErasureWithdrawn),
        "household.erasure_confirmed" v 1 => ErasureConfirmed(ErasureConfirmed),
        "household.erased" v 1 => Erased(Erased),
        "household.erasure_certified" v 1 => ErasureCertified(ErasureCertified),
    }
}
