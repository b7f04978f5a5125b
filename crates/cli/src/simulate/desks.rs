//! Who works in the territory: organisations, and the agents who ask on their behalf.

use domain::event::Actor;
use domain::id::{OrganisationId, Territory};
use domain::organisation::{Organisation, OrganisationKind};
use domain::rights::{Calls, Matrix, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dice::scatter;

/// What an organisation does in the pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskKind {
    /// The SIAO, with the 115.
    Siao,
    /// The préfet's services.
    Prefecture,
    /// A social service that follows households: département, CCAS, day centre.
    Referrer,
    /// Runs insertion housing.
    Provider,
    /// Lets social dwellings.
    Landlord,
}

impl DeskKind {
    /// What such an organisation is.
    #[must_use]
    pub fn organisation(self) -> OrganisationKind {
        match self {
            Self::Siao => OrganisationKind::SiaoOperator,
            Self::Prefecture => OrganisationKind::Prefecture,
            Self::Referrer => OrganisationKind::Referrer,
            Self::Provider => OrganisationKind::Provider,
            Self::Landlord => OrganisationKind::SocialLandlord,
        }
    }

    /// The role in which its software asks.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Siao => Role::SiaoManager,
            Self::Prefecture => Role::PrefectureOfficer,
            Self::Referrer => Role::Referrer,
            Self::Provider => Role::ProviderManager,
            Self::Landlord => Role::LandlordOfficer,
        }
    }

    /// Whether it calls households by references of its own.
    #[must_use]
    pub fn calls_by_reference(self) -> bool {
        Matrix::shipped().calls(self.role()) == Calls::Reference
    }

    /// What it is called, the `nth` of its kind in `territory`.
    fn name(self, territory: Territory, nth: usize) -> String {
        let name = match self {
            Self::Siao => return format!("SIAO {territory}"),
            Self::Prefecture => return format!("Préfecture {territory}"),
            Self::Referrer => "Service social",
            Self::Provider => "Gestionnaire",
            Self::Landlord => "Bailleur",
        };
        format!("{name} {territory}-{}", nth + 1)
    }

    /// The name of its worklist in URLs.
    #[must_use]
    pub fn worklist(self) -> &'static str {
        match self {
            Self::Siao => "siao",
            Self::Prefecture => "prefecture",
            Self::Referrer => "referrer",
            Self::Provider => "provider",
            Self::Landlord => "landlord",
        }
    }
}

/// An organisation of the territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Desk {
    /// What it does.
    pub kind: DeskKind,
    /// Its id, the same for the same seed and territory.
    pub organisation: OrganisationId,
}

impl Desk {
    /// What it is, as the `nth` of all.
    #[must_use]
    pub fn is(&self, nth: usize) -> Organisation {
        let territory = self.organisation.territory();
        Organisation {
            name: self.kind.name(territory, nth),
            kind: self.kind.organisation(),
            territories: [territory].into(),
            siret: None,
        }
    }
}

/// Who asks for a command: an organisation and one of its agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) organisation: OrganisationId,
    agent: u16,
}

impl Who {
    /// The code of the agent: `agent-204`.
    pub(super) fn actor(self) -> Actor {
        // Letters, digits and a dash are what a code is made of.
        format!("agent-{}", self.agent).parse().unwrap_or_else(|_| Actor::clock())
    }
}

/// How many agents one organisation has.
const AGENTS: usize = 6;

/// All organisations, in the order they are numbered in.
pub(super) struct Desks {
    all: Vec<Desk>,
}

impl Desks {
    /// The organisations of a territory of this size.
    pub(super) fn of(territory: Territory, seed: u64, providers: usize, landlords: usize) -> Self {
        let kinds = [DeskKind::Siao, DeskKind::Prefecture]
            .into_iter()
            .chain(std::iter::repeat_n(DeskKind::Referrer, 6))
            .chain(std::iter::repeat_n(DeskKind::Provider, providers))
            .chain(std::iter::repeat_n(DeskKind::Landlord, landlords));
        let named = |(n, kind): (usize, DeskKind)| {
            let (high, low) = (scatter(seed ^ ((n as u64) << 32)), scatter(seed.wrapping_add(n as u64)));
            let uuid = Uuid::from_u64_pair(high & !0xf000 | 0x4000, low & !(0b11 << 62) | (0b10 << 62));
            Desk { kind, organisation: OrganisationId::new(territory, uuid) }
        };
        Self { all: kinds.enumerate().map(named).collect() }
    }

    /// Every organisation.
    pub(super) fn all(&self) -> &[Desk] {
        &self.all
    }

    /// The `nth` organisation of this kind, counting around; the first of all if there is none.
    pub(super) fn nth(&self, kind: DeskKind, nth: usize) -> OrganisationId {
        let count = self.all.iter().filter(|desk| desk.kind == kind).count().max(1);
        let found = self.all.iter().filter(|desk| desk.kind == kind).nth(nth % count);
        found.unwrap_or(&self.all[0]).organisation
    }

    /// An agent of `organisation`.
    pub(super) fn agent(&self, organisation: OrganisationId, throw: usize) -> Who {
        let at = self.all.iter().position(|desk| desk.organisation == organisation).unwrap_or(0);
        Who { organisation, agent: u16::try_from(at * 10 + throw % AGENTS + 1).unwrap_or(1) }
    }
}
