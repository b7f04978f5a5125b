//! Whether a caller may ask a command of the ledgers it concerns, before it is decided.

use std::sync::Arc;

use domain::decide::{
    Command, HouseholdCommand, InquiryCommand, OrganisationCommand, PlaceCommand, StructureCommand,
    SubscriptionCommand, UserCommand,
};
use domain::household::Household;
use domain::id::{HouseholdId, InquiryId, OrganisationId, SubscriptionId, Territory};
use domain::inquiry::{Asked, Inquiry};
use domain::ledger::AggregateId;
use domain::rights::{self, Denial, InquirySeen, Matrix, Resource, Supply, place_of};
use domain::subscription::Subscription;
use projection::Page;
use projection::ledgers::Folded;
use serde_json::Value;
use service::Problem;

use crate::answer::read_problem;
use crate::gate::{Caller, denied, subscription};
use crate::reading::folded;
use crate::seen::{household, see, supply_seen};
use crate::take::Desk;

impl Desk {
    /// Lets the command through if the caller may ask it. What another process recorded a moment ago is waited for before
    /// it is said that something does not exist, whether it does or not.
    ///
    /// # Errors
    /// [`Problem`] `unknown-id`, `not-allowed`, or what hinders reading.
    pub(crate) async fn permit(
        &self,
        command: &Command,
        body: &Value,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let first = self.permitted(command, body, caller);
        let Err(problem) = first else { return Ok(()) };
        if !self.catch_up(&command.ledger()).await? {
            return Err(problem);
        }
        self.permitted(command, body, caller)
    }

    /// Waits until the view knows all that is recorded on the ledger; false if it did already.
    ///
    /// # Errors
    /// [`Problem`] `view-behind` when it does not in time; `broker-unreachable`.
    pub async fn catch_up(&self, ledger: &AggregateId) -> Result<bool, Problem> {
        let view = self.ledgers().handle();
        let known = view.position();
        let recorded = self.journal().version(ledger).await.map_err(read_problem)?;
        if recorded <= known {
            return Ok(false);
        }
        if view.reached(recorded, self.journal().config().visible_within).await {
            return Ok(true);
        }
        Err(Problem::view_behind(recorded, view.position()))
    }

    fn permitted(&self, command: &Command, body: &Value, caller: &Caller) -> Result<(), Problem> {
        let page = self.ledgers().handle().reader().page().map_err(|e| crate::answer::unserved(&e))?;
        match command {
            Command::Household(id, HouseholdCommand::Register(_)) => at_home(caller, id.territory()),
            Command::Household(id, command) => self.household(&page, *id, command, body, caller),
            Command::Place(id, PlaceCommand::OpenPlace(open)) => {
                self.supply(caller, id.territory(), open.description.provider)
            }
            Command::Structure(id, StructureCommand::OpenStructure(open)) => {
                self.supply(caller, id.territory(), open.profile.provider)
            }
            Command::Place(id, command) => {
                let provider = crate::seen::provider(&page, *id)?;
                let unknown = || Problem::unknown_id("place", id);
                self.supply(caller, id.territory(), provider.ok_or_else(unknown)?).map_err(|_| unknown())?;
                self.candidates(&page, command, caller)
            }
            Command::Structure(id, _) => {
                let unknown = || Problem::unknown_id("structure", id);
                let found = folded(&page, &AggregateId::Structure(*id))?;
                let provider = found.and_then(|found| Some(found.state.structure()?.profile()?.provider));
                self.supply(caller, id.territory(), provider.ok_or_else(unknown)?).map_err(|_| unknown())
            }
            // Those who administer the instance do so for all organisations: their role alone decides.
            Command::Organisation(
                _,
                OrganisationCommand::Register(_)
                | OrganisationCommand::Change(_)
                | OrganisationCommand::Close(_)
                | OrganisationCommand::IssueToken(_)
                | OrganisationCommand::RevokeToken(_)
                | OrganisationCommand::BindAccount(_)
                | OrganisationCommand::RevokeAccount(_)
                | OrganisationCommand::NoticeBulkReading(_),
            )
            | Command::User(
                _,
                UserCommand::Invite(_)
                | UserCommand::RenewInvitation(_)
                | UserCommand::GrantProfile(_)
                | UserCommand::WithdrawProfile(_)
                | UserCommand::Enrol(_)
                | UserCommand::LinkIdentity(_)
                | UserCommand::ChangePassword(_)
                | UserCommand::Disable(_)
                | UserCommand::Enable(_)
                | UserCommand::SignIn(_)
                | UserCommand::SwitchProfile(_)
                | UserCommand::SignOut(_),
            ) => self.any(caller),
            Command::Subscription(_, SubscriptionCommand::Open(_)) => self.any(caller),
            Command::Subscription(
                id,
                SubscriptionCommand::Change(_)
                | SubscriptionCommand::Pause(_)
                | SubscriptionCommand::Resume(_)
                | SubscriptionCommand::ResumeDelivery(_)
                | SubscriptionCommand::Replay(_)
                | SubscriptionCommand::EndDelivery(_)
                | SubscriptionCommand::RotateSecret(_)
                | SubscriptionCommand::Close(_),
            ) => self.any(caller).and_then(|()| self.subscription(&page, caller, *id).map(drop)),
            Command::Subscription(id, SubscriptionCommand::Acknowledge(acknowledge)) => {
                self.any(caller)?;
                self.subscription(&page, caller, *id)?;
                if acknowledge.upto <= page.position() {
                    return Ok(());
                }
                let sentence = "Cette position n'a pas encore été atteinte : confirmez ce que vous avez reçu, au plus tard la dernière position lue.";
                Err(Problem::refused_now("position-ahead", "upto", sentence))
            }
            Command::Subscription(id, SubscriptionCommand::Deliver(deliver)) => {
                self.any(caller)?;
                self.subscription(&page, caller, *id)?;
                // What leaves unasked tells no more than whoever has it sent may know.
                if deliver.role == caller.rights.role {
                    Ok(())
                } else {
                    Err(denied(Denial::Role, &caller.rights))
                }
            }
            Command::Inquiry(id, InquiryCommand::Open(_)) => {
                self.any(caller).and_then(|()| at_home(caller, id.territory()))
            }
            Command::Inquiry(id, InquiryCommand::Answer(_) | InquiryCommand::Close(_)) => {
                self.any(caller).and_then(|()| self.inquiry(&page, caller, *id).map(drop))
            }
            // The clock asks nobody.
            Command::Elapse(_) => Ok(()),
        }
    }

    fn household(
        &self,
        page: &Page,
        id: HouseholdId,
        command: &HouseholdCommand,
        body: &Value,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let found = folded(page, &AggregateId::Household(id))?;
        let nothing = Household::default();
        let is = found.as_deref().and_then(household).unwrap_or(&nothing);
        self.see(page, caller, id, place_of(body, is))?;
        // The other household that a command reads must be seen too.
        let other = if let HouseholdCommand::Merge(merge) = command {
            Some(merge.from)
        } else if let HouseholdCommand::ShareCustody(share) = command {
            Some(share.of)
        } else {
            None
        };
        match other {
            Some(other) => self.see(page, caller, other, None).map(drop),
            None => Ok(()),
        }
    }

    /// Who designates candidates sees them; a landlord learns of them by designating them on its own dwelling.
    fn candidates(&self, page: &Page, command: &PlaceCommand, caller: &Caller) -> Result<(), Problem> {
        let PlaceCommand::DesignateCandidates(designate) = command else { return Ok(()) };
        let own = Matrix::shipped().role(caller.rights.role).is_some_and(|role| role.supply == Supply::Own);
        if own {
            return designate.candidates.iter().try_for_each(|candidate| {
                let unknown = || Problem::unknown_id("household", candidate.household);
                let found = folded(page, &AggregateId::Household(candidate.household))?;
                let is = found.as_deref().and_then(household).ok_or_else(unknown)?;
                if is.shows_to(caller.user(), self.edge().now()) { Ok(()) } else { Err(unknown()) }
            });
        }
        let file = Caller { action: rights::FILE, ..caller.clone() };
        designate.candidates.iter().try_for_each(|candidate| {
            let at = self.circumstances(candidate.household.territory());
            see(page, &file, candidate.household, None, &at).map(drop)
        })
    }

    fn supply(&self, caller: &Caller, territory: Territory, provider: OrganisationId) -> Result<(), Problem> {
        if supply_seen(caller, territory, provider, self.circumstances(territory)) {
            Ok(())
        } else {
            Err(denied(Denial::Role, &caller.rights))
        }
    }

    /// A subscription, if it is the caller's.
    ///
    /// # Errors
    /// [`Problem`] `unknown-id` when there is none, or it is somebody else's; what hinders reading.
    pub fn subscription(
        &self,
        page: &Page,
        caller: &Caller,
        id: SubscriptionId,
    ) -> Result<Arc<Folded>, Problem> {
        let found = folded(page, &AggregateId::Subscription(id))?;
        let owned = found
            .filter(|found| subscription(found).and_then(Subscription::owner) == Some(caller.organisation()));
        owned.ok_or_else(|| Problem::unknown_id("subscription", id))
    }

    /// A question about capacity, its version, and how much of it the caller is told.
    ///
    /// # Errors
    /// [`Problem`] `unknown-id` when there is none, or it is not asked of the caller; what hinders reading.
    pub fn inquiry(
        &self,
        page: &Page,
        caller: &Caller,
        id: InquiryId,
    ) -> Result<(Asked, u64, InquirySeen), Problem> {
        let unknown = || Problem::unknown_id("inquiry", id);
        let found = folded(page, &AggregateId::Inquiry(id))?.ok_or_else(unknown)?;
        let asked = found.state.inquiry().and_then(Inquiry::asked).ok_or_else(unknown)?;
        let seen = rights::inquiry_seen(&caller.rights, id.territory(), asked).ok_or_else(unknown)?;
        Ok((asked.clone(), found.version, seen))
    }

    fn any(&self, caller: &Caller) -> Result<(), Problem> {
        let at = self.circumstances(caller.organisation().territory());
        let decided = rights::decide(&caller.rights, caller.action, &Resource::Any, at);
        decided.map(drop).map_err(|denial| denied(denial, &caller.rights))
    }
}

/// A household is registered, and a question asked, where one's organisation answers.
fn at_home(caller: &Caller, territory: Territory) -> Result<(), Problem> {
    if caller.rights.territories.contains(&territory) {
        return Ok(());
    }
    let sentence = "Votre organisme n'intervient pas dans ce département : choisissez l'un des vôtres.";
    Err(Problem::refused_always("territory-of-organisation", "rights", sentence))
}
