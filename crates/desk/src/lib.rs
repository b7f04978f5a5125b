//! What the services that take commands share: the ledgers they decide on, commands over HTTP, the clock that fires
//! deadlines, worklists, and how such a service starts.
//!
//! **Invariant.** There is one way from a request to an event: [`Desk::take`]. Whatever the surface, a command is
//! decided by `domain`, guarded and recorded by `journal`, and answered when the service's own view shows it.
//!
//! **Invariant.** A deadline fires through the same way, under a command id that is a function of the deadline: once,
//! whatever the number of replicas and after any outage.
//!
//! **Invariant.** Every read says how far its view has read and how many events wait behind it.
//!
//! **Invariant.** The key of a household is removed before it is answered that the household is erased.
//!
//! This crate does not know which service it works for beyond its name: what is shown to whom is said by each service.

mod answer;
mod clock;
mod commands;
mod consequences;
mod cursor;
mod describe;
mod erasing;
mod file;
mod first;
mod forgetful;
mod gate;
mod gateway;
mod index;
mod nightly;
mod opened;
mod permit;
mod places;
mod readers;
mod reading;
mod running;
mod seen;
mod structures;
mod take;
pub mod withhold;
mod worklists;

pub use answer::{Failure, key_problem, keys, local_problem, problem_of, read_problem, stopped, unserved};
pub use clock::deadlines;
pub use commands::{Advice, Advised, Asking, collection, commands};
pub use describe::{command_schema, described, schemas};
pub use erasing::finish_erasures;
pub use file::withheld;
pub use gate::{
    BY_ITSELF, COOKIE, CSRF, Caller, Doorkeeper, IDLE_S, InvitationText, Meant, Names, PURPOSE, Secret,
    SessionText, SignedIn, TokenText, accounts, csrf_token, fresh_cookie, hex, is_from_here, no_cookie,
    organisation, references, sign_in_needed, still, subscription, user,
};
pub use gateway::partner_commands;
pub use index::{
    ACCOUNTS, DEADLINES, ERASED, FEED_TREES, INQUIRIES, PLACES, SUBSCRIPTIONS, TASKS, TREES, WAITING, index,
};
pub use nightly::{rebuild_nightly, rotate_nightly};
pub use opened::{open_user, plain};
pub use places::{PlaceFilter, listed, place_list, shown};
pub use readers::{Read, Reader, unread};
pub use reading::{Reading, ViewState, folded};
pub use running::{Context, Running, journal_config, key_places, provision, serve};
pub use seen::{Seen, household, provider, see, supply_seen};
pub use structures::{structure_file, structure_shown, supply_schemas};
pub use take::{Ask, Desk, digest};
pub use worklists::worklist;
