//! Roles: how they are written, and in which organisations they are held.

use domain::organisation::OrganisationKind;
use domain::rights::Role;
use serde_json::json;

/// Each role with its code and where it is held, written down a second time: whoever changes one changes both.
const EXPECTED: &[(Role, &str, &[OrganisationKind])] = {
    use OrganisationKind::*;
    &[
        (Role::Referrer, "referrer", &[Referrer, SiaoOperator, Provider]),
        (Role::Siao115Agent, "siao_115_agent", &[SiaoOperator]),
        (Role::SiaoInsertionCoordinator, "siao_insertion_coordinator", &[SiaoOperator]),
        (Role::SiaoManager, "siao_manager", &[SiaoOperator]),
        (Role::ProviderManager, "provider_manager", &[Provider]),
        (Role::ProviderWorker, "provider_worker", &[Provider]),
        (Role::LandlordOfficer, "landlord_officer", &[SocialLandlord]),
        (Role::CommitteeSecretary, "committee_secretary", &[SocialLandlord]),
        (Role::PrefectureOfficer, "prefecture_officer", &[Prefecture]),
        (Role::MediationSecretary, "mediation_secretary", &[MediationBoard]),
        (Role::ObserverDepartmental, "observer_departmental", &[Observer, Prefecture]),
        (Role::ObserverNational, "observer_national", &[Observer, Prefecture]),
        (Role::Auditor, "auditor", &[Auditor, SiaoOperator]),
        (Role::SystemAdmin, "system_admin", &[Operator]),
    ]
};

const KINDS: [OrganisationKind; 9] = {
    use OrganisationKind::*;
    [
        SiaoOperator,
        Referrer,
        Provider,
        SocialLandlord,
        Prefecture,
        MediationBoard,
        Observer,
        Auditor,
        Operator,
    ]
};

#[test]
fn a_role_is_written_and_read_by_its_code() {
    let roles: Vec<_> = EXPECTED.iter().map(|(role, ..)| *role).collect();
    assert_eq!(roles, Role::ALL);
    for (role, code, _) in EXPECTED {
        assert_eq!((role.code(), role.to_string().as_str()), (*code, *code));
        assert_eq!(code.parse(), Ok(*role));
        assert_eq!(serde_json::to_value(role).unwrap(), json!(code));
    }
    let unknown = "chief".parse::<Role>().unwrap_err().to_string();
    assert!(EXPECTED.iter().all(|(_, code, _)| unknown.contains(code)), "{unknown}");
}

#[test]
fn a_role_is_held_in_the_organisations_whose_work_it_is_and_in_no_other() {
    for (role, _, held) in EXPECTED {
        for kind in KINDS {
            assert_eq!(role.fits(kind), held.contains(&kind), "{role} in {kind:?}");
        }
    }
}
