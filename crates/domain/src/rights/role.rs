//! The roles in which people and software act.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::organisation::OrganisationKind;

/// A role. What each may do and see is data: `config/rights.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Prescripteur: registers households, writes and follows their requests.
    Referrer,
    /// Écoutant 115: the night's places.
    #[serde(rename = "siao_115_agent")]
    Siao115Agent,
    /// Coordinateur du volet insertion: qualifies, proposes.
    SiaoInsertionCoordinator,
    /// Responsable du SIAO.
    SiaoManager,
    /// Directeur de structure.
    ProviderManager,
    /// Référent social of a structure.
    ProviderWorker,
    /// Chargé d'attribution of a landlord.
    LandlordOfficer,
    /// Secrétaire de la CALEOL.
    CommitteeSecretary,
    /// Réservataire de l'État.
    PrefectureOfficer,
    /// Secrétariat de la commission de médiation.
    MediationSecretary,
    /// Observatoire d'un département: aggregates only.
    ObserverDepartmental,
    /// Observatoire national: aggregates only.
    ObserverNational,
    /// Délégué à la protection des données, contrôle.
    Auditor,
    /// Administration technique: no personal data at all.
    SystemAdmin,
}

impl Role {
    /// All of them, in the order of domain.md §1.2.
    pub const ALL: [Self; 14] = [
        Self::Referrer,
        Self::Siao115Agent,
        Self::SiaoInsertionCoordinator,
        Self::SiaoManager,
        Self::ProviderManager,
        Self::ProviderWorker,
        Self::LandlordOfficer,
        Self::CommitteeSecretary,
        Self::PrefectureOfficer,
        Self::MediationSecretary,
        Self::ObserverDepartmental,
        Self::ObserverNational,
        Self::Auditor,
        Self::SystemAdmin,
    ];

    /// Its code: `siao_manager`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::Siao115Agent => "siao_115_agent",
            Self::SiaoInsertionCoordinator => "siao_insertion_coordinator",
            Self::SiaoManager => "siao_manager",
            Self::ProviderManager => "provider_manager",
            Self::ProviderWorker => "provider_worker",
            Self::LandlordOfficer => "landlord_officer",
            Self::CommitteeSecretary => "committee_secretary",
            Self::PrefectureOfficer => "prefecture_officer",
            Self::MediationSecretary => "mediation_secretary",
            Self::ObserverDepartmental => "observer_departmental",
            Self::ObserverNational => "observer_national",
            Self::Auditor => "auditor",
            Self::SystemAdmin => "system_admin",
        }
    }

    /// Whether somebody of an organisation of this kind can hold it.
    #[must_use]
    pub fn fits(self, kind: OrganisationKind) -> bool {
        use OrganisationKind as K;
        match self {
            Self::Referrer => matches!(kind, K::Referrer | K::SiaoOperator | K::Provider),
            Self::Siao115Agent | Self::SiaoInsertionCoordinator | Self::SiaoManager => {
                kind == K::SiaoOperator
            }
            Self::ProviderManager | Self::ProviderWorker => kind == K::Provider,
            Self::LandlordOfficer | Self::CommitteeSecretary => kind == K::SocialLandlord,
            Self::PrefectureOfficer => kind == K::Prefecture,
            Self::MediationSecretary => kind == K::MediationBoard,
            Self::ObserverDepartmental | Self::ObserverNational => {
                matches!(kind, K::Observer | K::Prefecture)
            }
            Self::Auditor => matches!(kind, K::Auditor | K::SiaoOperator),
            Self::SystemAdmin => kind == K::Operator,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(code: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.code() == code).ok_or(UnknownRole)
    }
}

/// No role is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no role is called so; there are: {}", Role::ALL.map(Role::code).join(", "))]
pub struct UnknownRole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_written_by_its_code() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.code());
            assert_eq!(role.code().parse(), Ok(role));
        }
        assert!("chief".parse::<Role>().unwrap_err().to_string().contains("siao_manager"));
    }
}
