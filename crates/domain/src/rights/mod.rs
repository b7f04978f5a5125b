//! Who may do and see what: one pure decision for HTTP, NATS, live streams, exports and search.
//!
//! **Invariant.** What is not allowed is denied: a role, an action, a field that the data file does not name opens
//! nothing.
//!
//! **Invariant.** A caller who may not know of something is told what is told of something that does not exist.
//!
//! **Invariant.** A protected file exists for those who are named, and for nobody else.

mod about;
mod inquiry;
mod mask;
mod matrix;
mod placement;
mod relation;
mod role;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use about::place_of;
pub use inquiry::{InquirySeen, inquiry_seen};
pub use mask::{Shown, Unclassified, mask_event, mask_file};
pub use matrix::{Calls, Group, Level, Matrix, MatrixError, RoleRights, Row, Supply};
pub use placement::{READY_HOUSEHOLDS, is_told_of_placement, sees_recipients};
pub use relation::{Providers, Relation, is_told_of_erasure, relations};
pub use role::{Role, UnknownRole};

use crate::event::Actor;
use crate::household::Household;
use crate::id::{HouseholdId, OrganisationId, PlaceId, Territory, UserId};
use crate::organisation::{OrganisationKind, Verb};
use crate::rules::Rules;

/// Something that can be done: what it is done to, its name, the verb a token needs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// `household`, `place`, `worklist`…
    pub on: &'static str,
    /// `propose-referral`, `file`…
    pub name: &'static str,
    /// What a token must be allowed.
    pub verb: Verb,
}

impl Action {
    /// A query.
    #[must_use]
    pub const fn read(on: &'static str, name: &'static str) -> Self {
        Self { on, name, verb: Verb::Read }
    }

    /// Following what happens.
    #[must_use]
    pub const fn follow(on: &'static str, name: &'static str) -> Self {
        Self { on, name, verb: Verb::Follow }
    }

    /// A command.
    #[must_use]
    pub const fn command(on: &'static str, name: &'static str) -> Self {
        Self { on, name, verb: Verb::Command }
    }

    /// Its code in the data file: `household.propose-referral`.
    #[must_use]
    pub fn code(self) -> String {
        format!("{}.{}", self.on, self.name)
    }
}

/// Reading a household's file.
pub const FILE: Action = Action::read("household", "file");

/// Being told which files look like one that is opened, and whom to ask; and looking for them later.
pub const LOOK_ALIKES: Action = Action::read("household", "look-alikes");

/// Every query there is: what is not here cannot be granted.
pub const READS: &[Action] = &[
    FILE,
    Action::read("household", "housing"),
    Action::read("household", "timeline"),
    Action::read("household", "accesses"),
    Action::read("household", "erasure"),
    Action::read("household", "consents"),
    Action::read("household", "reference"),
    Action::read("household", "export"),
    Action::read("household", "places"),
    Action::read("household", "why-not"),
    LOOK_ALIKES,
    Action::read("place", "list"),
    Action::read("place", "file"),
    Action::read("place", "timeline"),
    Action::read("place", "ranking"),
    Action::read("structure", "file"),
    Action::read("occupancy", "read"),
    Action::read("dwelling", "list"),
    Action::read("dwelling", "file"),
    Action::read("building", "file"),
    Action::read("worklist", "siao"),
    Action::read("worklist", "referrer"),
    Action::read("worklist", "provider"),
    Action::read("worklist", "landlord"),
    Action::read("worklist", "prefecture"),
    Action::read("worklist", "data-protection"),
    Action::read("placement", "list"),
    Action::follow("placement", "follow"),
    READY_HOUSEHOLDS,
    Action::read("subscription", "list"),
    Action::read("subscription", "file"),
    Action::read("subscription", "events"),
    Action::follow("subscription", "follow"),
    Action::read("placement", "recipients"),
    Action::read("subscription", "secret"),
    Action::read("subscription", "deliveries"),
    Action::read("inquiry", "list"),
    Action::read("inquiry", "file"),
    Action::read("event", "list"),
    Action::follow("event", "follow"),
    Action::read("organisation", "list"),
    Action::read("user", "list"),
    Action::read("alert", "list"),
];

/// What a person does with a protected file without being named. Who breaks the glass sees nothing yet; who judges it sees
/// that it was broken, and nothing else.
const IN_SPITE_OF_PROTECTION: &[&str] = &[
    "open-in-emergency",
    "review-emergency-opening",
    "place-legal-hold",
    "lift-legal-hold",
    "propose-erasure",
    "withdraw-erasure",
    "confirm-erasure",
    "erasure",
    "data-protection",
];

/// Who asks: what has been proven of them, never what they say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The code written beside what they do.
    pub actor: Actor,
    /// The person, if it is one.
    pub user: Option<UserId>,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// What the organisation is.
    pub kind: OrganisationKind,
    /// The départements that the organisation answers for.
    pub territories: BTreeSet<Territory>,
    /// In which role.
    pub role: Role,
    /// What a token may do at all; a person may do what the role may.
    pub verbs: Option<BTreeSet<Verb>>,
}

/// What it is done to.
pub enum Resource<'a> {
    /// Nothing in particular yet: whether the role may do this at all.
    Any,
    /// A household.
    Household {
        /// Which.
        id: HouseholdId,
        /// What is known of it.
        is: &'a Household,
        /// Who runs the places that its ledger names.
        providers: &'a Providers,
        /// The place that the action is about, where it is about one.
        about: Option<PlaceId>,
    },
    /// A place, a dwelling, a structure, a building.
    Supply {
        /// Where.
        territory: Territory,
        /// Who runs it.
        provider: OrganisationId,
    },
}

/// When it is asked, under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Now.
    pub now: Timestamp,
    /// The dated rules where the resource is at home.
    pub rules: &'a Rules,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// How much of each group of fields.
    pub row: Row,
    /// Whether the row is there for an emergency only.
    pub in_emergency: bool,
}

/// Why something is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Whatever it is done to, this role may not do it.
    Role,
    /// Whatever its role, this token may not do it.
    Token,
    /// For this caller it does not exist.
    Unseen,
}

/// Rules on one request.
///
/// # Errors
/// [`Denial`].
pub fn decide(
    caller: &Caller,
    action: Action,
    resource: &Resource<'_>,
    at: Circumstances<'_>,
) -> Result<Grant, Denial> {
    decide_by(Matrix::shipped(), caller, action, resource, at)
}

/// As [`decide`], by another file of rights: for tests.
///
/// # Errors
/// [`Denial`].
pub fn decide_by(
    matrix: &Matrix,
    caller: &Caller,
    action: Action,
    resource: &Resource<'_>,
    at: Circumstances<'_>,
) -> Result<Grant, Denial> {
    let code = action.code();
    let role = matrix.role(caller.role).filter(|role| role.actions.contains(&code)).ok_or(Denial::Role)?;
    if caller.verbs.as_ref().is_some_and(|verbs| !verbs.contains(&action.verb)) {
        return Err(Denial::Token);
    }
    let nothing = Grant { row: Row::nothing(), in_emergency: false };
    match resource {
        Resource::Any => Ok(nothing),
        Resource::Supply { territory, provider } => {
            let within = match role.supply {
                Supply::None => false,
                Supply::Own => *provider == caller.organisation,
                Supply::Territory => caller.territories.contains(territory),
            };
            if within { Ok(nothing) } else { Err(Denial::Unseen) }
        }
        Resource::Household { id, is, providers, about } => {
            if role.supply == Supply::Own
                && about.is_some_and(|place| providers.get(&place) != Some(&caller.organisation))
            {
                return Err(Denial::Unseen);
            }
            // Those who decide how long a file is kept decide it of protected files too: of these they see the same as of any
            // other, that it is there and for how long.
            let in_spite = IN_SPITE_OF_PROTECTION.contains(&action.name) && caller.user.is_some();
            if !is.shows_to(caller.user, at.now) && !in_spite {
                return Err(Denial::Unseen);
            }
            let held = relations(caller, *id, is, providers, at);
            let rows = held.iter().filter_map(|relation| matrix.row(role.rows.get(relation)?));
            let row = rows
                .fold(None, |all: Option<Row>, row| Some(all.map_or_else(|| row.clone(), |all| all.or(row))));
            let named =
                is.protected.as_ref().is_none_or(|named| caller.user.is_some_and(|u| named.contains(&u)));
            match row {
                Some(row) => Ok(Grant { row, in_emergency: !named }),
                None if role.opens.contains(&code) => Ok(nothing),
                None => Err(Denial::Unseen),
            }
        }
    }
}
