//! The allocation of a social dwelling: holder, candidates, committee (CALEOL), offers rank by rank.

mod designation;
mod offer;
mod session;

pub use designation::{AssignVacancy, DesignateCandidates, Designated};
pub use offer::{AcceptOffer, MeetCondition, NotifyOffer, RefuseOffer};
pub use session::{CandidateDecision, CheckDocuments, ConveneCommittee, DecideCommittee};

pub(super) use designation::return_to_landlord;
pub(super) use offer::{close, close_candidacies, lapse};

use jiff::civil::Date;

use super::{Context, day_words};
use crate::household::Household;
use crate::household::application::UniqueRegistrationNumber;
use crate::household::priority::Label;
use crate::id::{HouseholdId, PlaceId, Territory};
use crate::personal::Personal;
use crate::place::Place;
use crate::place::vacancy::Vacancy;
use crate::reference::PriorityGround;
use crate::refusal::Refusal;

/// The vacancy of a social dwelling, while it is on offer.
fn dwelling<'a>(is: &'a Place, id: PlaceId, ctx: &Context<'_>) -> Result<&'a Vacancy, Refusal> {
    match is.description_on(ctx.today(id.territory())) {
        Some(description) if description.kind.let_by_committee() => {}
        Some(_) => {
            let sentence = "Cette place n'est pas un logement social : elle se propose par orientation.";
            return Err(Refusal::invalid("not-a-dwelling", "CCH L441-2", sentence));
        }
        None => return Err(Refusal::unknown("Logement")),
    }
    is.open_vacancy()
        .ok_or_else(|| Refusal::conflict("no-vacancy", "vacancy", "Ce logement n'est pas déclaré libre."))
}

/// Whether the committee has decided and somebody still waits for, or has, the dwelling. When everybody whom it
/// examined is out, another round begins.
fn settled(vacancy: &Vacancy) -> bool {
    let decided = vacancy.allocation.committee.as_ref().is_some_and(|committee| committee.decided);
    decided && !vacancy.allocation.is_idle()
}

/// Whether the household had a numéro unique that was valid on `on` (INV-5): what happened to the application since then
/// changes nothing to what the committee could examine that day.
fn numbered(id: HouseholdId, is: &Household, on: Date, territory: Territory) -> Result<(), Refusal> {
    let known = is.applications.values().any(|application| application.number_on(on, territory).is_some());
    if known { Ok(()) } else { Err(no_number(id, on)) }
}

fn no_number(id: HouseholdId, on: Date) -> Refusal {
    let sentence = format!(
        "Le ménage {id} n'a pas de numéro unique valable le {} : enregistrez ou renouvelez sa demande.",
        day_words(on)
    );
    Refusal::conflict("no-valid-number", "INV-5", sentence)
}

/// The household's DALO label, decided by `on` at the latest and not ended (CCH L441-2-3 II).
fn dalo_label(is: &Household, on: Date) -> Option<&Label> {
    let dalo = PriorityGround::dalo();
    is.labels.values().find(|label| label.ground == dalo && label.ended.is_none() && label.decided_on.0 <= on)
}

/// The household's valid numéro unique today.
fn numbered_today(
    id: HouseholdId,
    is: &Household,
    ctx: &Context<'_>,
    territory: Territory,
) -> Result<Personal<UniqueRegistrationNumber>, Refusal> {
    let today = ctx.today(territory);
    let live = is.live_application().and_then(|(_, application)| application.number_on(today, territory));
    live.map(|number| number.value.carried()).ok_or_else(|| no_number(id, today))
}
