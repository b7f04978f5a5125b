//! Who is told of what leaves: of placements, and of an erasure.

use domain::decide::consent::Object;
use domain::decide::follow_up::{AssignWorker, EndFollowUp};
use domain::decide::protection::Protect;
use domain::decide::request::CancelRequest;
use domain::household::consent::ConsentChannel;
use domain::household::erasure::ErasureGround;
use domain::id::{OrganisationId, Territory};
use domain::ledger::AggregateId;
use domain::organisation::{OrganisationKind, Verb};
use domain::placement::{Placement, PlacementId, offered};
use domain::reference::{CancellationReason, ConsentPurpose};
use domain::rights::{
    Action, Caller, Circumstances, Providers, Role, is_told_of_erasure, is_told_of_placement,
};
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::{Chrs, SocialResidence};
use uuid::Uuid;

use super::decision::{caller, elsewhere, erased};
use crate::scenario::{World, code, gironde, organisation};

const LIST: Action = Action::read("placement", "list");
const FOLLOW: Action = Action::follow("placement", "follow");

/// Who was told something of the household is told that it is erased; whoever was not, is not (GDPR art. 19).
#[test]
fn who_was_told_of_a_household_is_told_that_it_is_erased() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let (officer, manager) =
        (w.invited(organisation(), Role::Auditor), w.invited(organisation(), Role::SiaoManager));
    let id = w.household("woman 32");
    let place = w.vacancy(SocialResidence, 2);
    let request = w.qualified(id, &[SocialResidence]);
    let referral = w.referred(id, request, place);
    let providers = Providers::from([(place, elsewhere())]);
    let told = |w: &World, kind, of, territory: Territory| {
        let caller = Caller { kind, territories: [territory].into(), ..caller(Role::ProviderManager, of) };
        is_told_of_erasure(&caller, id, w.household_of(id), &providers)
    };
    let kinds = [OrganisationKind::Provider, OrganisationKind::SiaoOperator, OrganisationKind::Prefecture];
    let far: Territory = "974".parse().unwrap();
    assert!(kinds.iter().all(|kind| !told(&w, *kind, elsewhere(), gironde())), "it is not erased yet");
    w.does(id, domain::decide::referral::WithdrawReferral { referral, reason: code("error") });
    w.does(id, CancelRequest { request, reason: CancellationReason::all().next().unwrap() });
    let before = OrganisationId::new(gironde(), Uuid::from_u128(4));
    w.organisation(before, OrganisationKind::Referrer);
    w.does(id, AssignWorker { organisation: Some(before), worker: None });
    w.does(id, EndFollowUp { organisation: Some(before) });
    erased(&mut w, id, officer, manager);
    assert!(told(&w, OrganisationKind::Referrer, before, far), "it followed it once");
    // It followed the household; it runs the place that was proposed, whatever became of it.
    assert!(told(&w, OrganisationKind::Referrer, organisation(), far));
    assert!(told(&w, OrganisationKind::Provider, elsewhere(), far));
    let third = OrganisationId::new(gironde(), Uuid::from_u128(3));
    for (kind, territory, expected) in [
        (OrganisationKind::SiaoOperator, gironde(), true),
        (OrganisationKind::Prefecture, gironde(), true),
        (OrganisationKind::SiaoOperator, far, false),
        (OrganisationKind::Provider, gironde(), false),
        (OrganisationKind::SocialLandlord, gironde(), false),
        (OrganisationKind::Observer, gironde(), false),
    ] {
        assert_eq!(told(&w, kind, third, territory), expected, "{kind:?} {territory}");
    }
}

/// Places go by who runs them; households that are ready by the département, to those who have dwellings to give, until
/// somebody says no, is in danger, or is erased.
#[test]
fn what_is_available_is_told_to_whoever_it_is_for() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.household("woman 32");
    let home = w.vacancy(Chrs, 1);
    let free = w.vacancy(SocialResidence, 1);
    let stay = w.staying(id, home);
    w.does(id, domain::decide::stay::ReviewStay { stay, housing_ready: true, note: None, at: None });
    let is = |w: &World, ledger: AggregateId| offered(&ledger, w.ledgers.get(&ledger).unwrap()).unwrap();
    let place = is(&w, AggregateId::Place(free));
    let ready = is(&w, AggregateId::Household(id));
    let rules = RuleBook::shipped().on(gironde(), w.today());
    let told = |w: &World, caller: &Caller, of: PlacementId, is: &Placement, household: bool| {
        let household = household.then(|| w.household_of(id));
        is_told_of_placement(caller, LIST, of, is, household, Circumstances { now: w.now, rules })
    };
    let of_place = |w: &World, caller: &Caller| told(w, caller, PlacementId::Place(free), &place, false);
    let of_ready = |w: &World, caller: &Caller| told(w, caller, PlacementId::Household(id), &ready, true);
    let far = |caller: Caller| Caller { territories: ["974".parse::<Territory>().unwrap()].into(), ..caller };
    let landlord =
        Caller { kind: OrganisationKind::SocialLandlord, ..caller(Role::LandlordOfficer, elsewhere()) };
    let siao = caller(Role::SiaoManager, elsewhere());

    assert!(of_place(&w, &caller(Role::ProviderManager, organisation())), "its own");
    assert!(!of_place(&w, &caller(Role::ProviderManager, elsewhere())) && !of_place(&w, &landlord));
    assert!(of_place(&w, &siao) && !of_place(&w, &far(siao.clone())));
    assert!(!of_place(&w, &caller(Role::Auditor, organisation())), "no place is an auditor's");

    for (who, expected) in [
        (landlord.clone(), true),
        (siao.clone(), true),
        (far(landlord.clone()), false),
        (far(siao.clone()), false),
        (caller(Role::ProviderManager, organisation()), false),
        (caller(Role::Referrer, organisation()), false),
    ] {
        assert_eq!(of_ready(&w, &who), expected, "{}", who.role);
    }
    assert!(!told(&w, &landlord, PlacementId::Household(id), &ready, false), "nothing is known of it");
    // A token that only follows is told live and lists nothing.
    let following = Caller { verbs: Some([Verb::Follow].into()), ..siao.clone() };
    assert!(!of_place(&w, &following) && !of_ready(&w, &following));
    let at = Circumstances { now: w.now, rules };
    let live =
        |of, is: &Placement, household| is_told_of_placement(&following, FOLLOW, of, is, household, at);
    assert!(live(PlacementId::Place(free), &place, None));
    assert!(live(PlacementId::Household(id), &ready, Some(w.household_of(id))));

    let mut objecting = w.clone();
    let (person, purpose) = (w.person(id, "woman"), ConsentPurpose::share_with_landlords());
    let channel = ConsentChannel::Oral;
    objecting.does(id, Object { person, purpose, recipient: None, channel });
    assert!(!of_ready(&objecting, &landlord));
    assert!(of_ready(&objecting, &siao), "the no is said to landlords");
    let mut hidden = w.clone();
    hidden.organisation(organisation(), OrganisationKind::SiaoOperator);
    let named = hidden.invited(organisation(), Role::SiaoManager);
    hidden.does(id, Protect { named: [named].into() });
    assert!(!of_ready(&hidden, &landlord) && !of_ready(&hidden, &siao));
    let mut gone = w.clone();
    gone.ends(id, stay);
    gone.organisation(organisation(), OrganisationKind::SiaoOperator);
    let people = [Role::Auditor, Role::SiaoManager].map(|role| gone.invited(organisation(), role));
    gone.asking = Some(people[0]);
    gone.does(id, domain::decide::erasure::ProposeErasure { ground: ErasureGround::Request });
    gone.asking = Some(people[1]);
    gone.does(id, domain::decide::erasure::ConfirmErasure {});
    assert!(!of_ready(&gone, &landlord) && !of_ready(&gone, &siao));
}
