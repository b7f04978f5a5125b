//! The request: from draft to waiting list, and out of it.

mod assessment;
mod closing;
mod committee;
mod filing;

pub use assessment::{AssessRequest, ReturnRequest};
pub use closing::{CancelRequest, ReactivateRequest, TransferRequest};
pub use committee::{DeferRequest, QualifyRequest, RejectRequest, ScheduleCommittee};
pub use filing::{CreateRequest, SubmitRequest, UpdateRequest};

use jiff::Timestamp;

use super::{Context, words};
use crate::calendar::{Instant, end_of_day, months_after};
use crate::household::Household;
use crate::household::request::{Request, RequestSituation as Situation};
use crate::id::{RequestId, Territory};
use crate::ledger::Halt;
use crate::reference::Area;
use crate::refusal::Refusal;

/// Most areas a household can wish for.
const WISHES_MAX: usize = 30;

/// The request, with its household.
pub(super) fn request(is: &Household, id: RequestId) -> Result<&Request, Halt> {
    is.requests.get(&id).ok_or_else(|| Refusal::unknown("Demande").into())
}

fn not_now(situation: &Situation, what: &str) -> Halt {
    let sentence = format!("La demande est {} : on ne peut pas {what}.", situation.word());
    Refusal::conflict("request-situation", "request", sentence).into()
}

pub(in crate::decide) fn update_due(ctx: &Context<'_>, siao: Territory) -> Instant {
    let months = ctx.rules(siao).request_update_months;
    Instant(end_of_day(siao, months_after(ctx.today(siao), months)))
}

pub(in crate::decide) fn contact_due(ctx: &Context<'_>, siao: Territory) -> Instant {
    let months = ctx.rules(siao).request_contact_months;
    Instant(end_of_day(siao, months_after(ctx.today(siao), months)))
}

/// INV-10: no transmission is dated before the household lost its seniority.
pub(super) fn not_before_loss(is: &Household, of: &Request, at: Timestamp) -> Result<(), Refusal> {
    match is.seniority_lost(of.file.stream, of.siao).filter(|lost| at < *lost) {
        None => Ok(()),
        Some(lost) => {
            let sentence = format!("L'ancienneté a été remise à zéro le {}.", words(of.siao, lost));
            Err(Refusal::conflict("seniority-lost", "INV-10", sentence).since(lost))
        }
    }
}

fn check_wishes(wishes: &[Area]) -> Result<(), Refusal> {
    if wishes.len() > WISHES_MAX {
        let sentence =
            format!("Au plus {WISHES_MAX} secteurs souhaités : choisissez des secteurs plus larges.");
        return Err(Refusal::invalid("wishes-count", "request", sentence));
    }
    Ok(())
}
