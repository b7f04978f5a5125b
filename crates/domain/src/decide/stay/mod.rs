//! The stay: admission, reviews, extensions, notices, exit.

mod admission;
mod deposit;
mod entry;
mod exit;
mod extension;
mod notice;
mod review;
mod social_aid;

pub use deposit::ReturnDeposit;
pub use entry::{AdmitDirectly, Leaving, StartStay, TakeOverStay, TakenOverEnd};
pub use exit::EndStay;
pub use extension::{DecideExtension, RequestExtension};
pub use notice::{GiveNotice, NotifyTermination, WithdrawNotice};
pub use review::{RecordAbsence, RecordReturn, ReviewStay};
pub use social_aid::DecideAdmission;

pub(super) use admission::{admits, existing};
pub(super) use exit::Exit;
pub(super) use extension::deem_extended;
pub(super) use review::lapse_readiness;
pub(super) use social_aid::deem_admitted;

use super::words;
use crate::household::Household;
use crate::household::stay::Stay;
use crate::id::StayId;
use crate::ledger::Halt;
use crate::refusal::Refusal;

/// The stay, if the household has it.
pub(super) fn stay_of(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    is.stays.get(&id).ok_or_else(|| Refusal::unknown("Prise en charge").into())
}

/// The stay, still running.
pub(super) fn running(is: &Household, id: StayId) -> Result<&Stay, Halt> {
    let stay = stay_of(is, id)?;
    match stay.ended() {
        None => Ok(stay),
        Some(at) => {
            let sentence = format!(
                "Cette prise en charge est terminée depuis le {}.",
                words(stay.place.territory(), at)
            );
            Err(Refusal::conflict("stay-ended", "stay", sentence).since(at).into())
        }
    }
}
