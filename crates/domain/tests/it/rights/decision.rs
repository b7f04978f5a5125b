//! The decision: roles, organisations, territories, protected files, objections.

use std::collections::BTreeSet;

use domain::decide::application::CloseApplication;
use domain::decide::consent::Object;
use domain::decide::follow_up::AssignWorker;
use domain::decide::inventory::{OpenPlace, OpenStructure};
use domain::decide::lease::EndLease;
use domain::decide::protection::{OpenInEmergency, Protect};
use domain::decide::request::{CancelRequest, TransferRequest};
use domain::event::Actor;
use domain::household::application::Deregistration;
use domain::household::consent::{ConsentChannel, Recipient};
use domain::household::erasure::ErasureGround;
use domain::household::protection::EmergencyGround;
use domain::id::{HouseholdId, OrganisationId, PlaceId, StructureId, Territory, TokenId, UserId};
use domain::organisation::{OrganisationKind, Verb};
use domain::place::inventory::Description;
use domain::reference::ConsentPurpose;
use domain::rights::{
    Action, Caller, Circumstances, Denial, Grant, Group, Level, Providers, Resource, Role, decide,
    is_told_of_erasure,
};
use domain::rules::RuleBook;
use domain::structure_kind::StructureKind::{Chrs, SocialDwelling, SocialResidence};
use jiff::ToSpan;
use uuid::Uuid;

use crate::scenario::{World, build, code, gironde, organisation};

use super::about::lets;

const FILE: Action = Action::read("household", "file");

pub(crate) fn elsewhere() -> OrganisationId {
    OrganisationId::new(gironde(), Uuid::from_u128(2))
}

pub(crate) fn caller(role: Role, organisation: OrganisationId) -> Caller {
    Caller {
        actor: Actor::of_token(TokenId(Uuid::nil())),
        user: None,
        organisation,
        kind: OrganisationKind::SiaoOperator,
        territories: [gironde()].into(),
        role,
        verbs: Some([Verb::Read, Verb::Follow, Verb::Command].into()),
    }
}

fn person(role: Role, organisation: OrganisationId, user: UserId) -> Caller {
    Caller { actor: Actor::of_user(user), user: Some(user), verbs: None, ..caller(role, organisation) }
}

fn asks(
    w: &World,
    caller: &Caller,
    action: Action,
    id: HouseholdId,
    about: Option<PlaceId>,
) -> Result<Grant, Denial> {
    let is = w.household_of(id);
    let named = is.referrals.values().map(|r| r.place).chain(is.stays.values().map(|s| s.place));
    let named =
        named.chain(is.candidacies.values().map(|c| c.place)).chain(is.leases.values().map(|l| l.place));
    let providers: Providers = named
        .chain(about)
        .filter_map(|place| Some((place, w.place_of(place).description()?.provider)))
        .collect();
    let rules = RuleBook::shipped().on(gironde(), w.today());
    decide(
        caller,
        action,
        &Resource::Household { id, is, providers: &providers, about },
        Circumstances { now: w.now, rules },
    )
}

fn level(granted: Result<Grant, Denial>, group: Group) -> Level {
    granted.map_or(Level::None, |grant| grant.row.level(group))
}

#[test]
fn without_a_tie_to_the_household_it_does_not_exist() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.household("woman 32");
    for role in Role::ALL {
        let far =
            Caller { territories: ["974".parse::<Territory>().unwrap()].into(), ..caller(role, elsewhere()) };
        let denied = asks(&w, &far, FILE, id, None).unwrap_err();
        assert!(matches!(denied, Denial::Unseen | Denial::Role), "{role}");
    }
    assert!(asks(&w, &caller(Role::SiaoManager, elsewhere()), FILE, id, None).is_ok());
}

#[test]
fn a_structure_learns_the_name_with_its_acceptance_and_forgets_it_after_the_departure() {
    let mut w = World::at("2026-03-02T09:00");
    let (id, place) = (w.household("woman 32"), w.vacancy(SocialResidence, 2));
    let structure = caller(Role::ProviderWorker, organisation());
    // It registered the household itself in this world: it no longer follows it.
    w.organisation(organisation(), OrganisationKind::Provider);
    w.does(id, domain::decide::follow_up::EndFollowUp { organisation: None });
    assert_eq!(asks(&w, &structure, FILE, id, None), Err(Denial::Unseen));
    let request = w.qualified(id, &[SocialResidence]);
    let referral = w.referred(id, request, place);
    w.does(id, domain::decide::follow_up::EndFollowUp { organisation: None });
    assert_eq!(level(asks(&w, &structure, FILE, id, None), Group::Id), Level::Pseudonym);
    w.does(id, domain::decide::referral::AcceptReferral { referral, arrival: None });
    assert_eq!(level(asks(&w, &structure, FILE, id, None), Group::Id), Level::Read);
    let stay = domain::id::StayId::created_by(w.upcoming());
    w.does(id, World::moving_in(referral));
    w.ends(id, stay);
    w.pass((24 * 92).hours());
    assert_eq!(level(asks(&w, &structure, FILE, id, None), Group::Id), Level::Read);
    w.pass((24 * 2).hours());
    assert_eq!(asks(&w, &structure, FILE, id, None), Err(Denial::Unseen));
}

#[test]
fn nobody_acts_on_a_place_of_somebody_else() {
    let mut w = World::at("2026-03-02T09:00");
    let (id, own) = (w.household("woman 32"), w.vacancy(Chrs, 2));
    let profile = domain::structure::Profile { provider: elsewhere(), ..build::profile(Chrs) };
    let structure = StructureId::created_by(gironde(), w.upcoming());
    w.does(structure, OpenStructure { profile, at: None });
    let description = Description { provider: elsewhere(), ..build::description(structure, Chrs, 2) };
    let theirs = PlaceId::created_by(gironde(), w.upcoming());
    w.does(theirs, OpenPlace { description, from: None });
    let request = w.qualified(id, &[Chrs]);
    w.referred(id, request, own);
    let accept = Action::command("household", "accept-referral");
    let structure = caller(Role::ProviderWorker, organisation());
    assert!(asks(&w, &structure, accept, id, Some(own)).is_ok());
    assert_eq!(asks(&w, &structure, accept, id, Some(theirs)), Err(Denial::Unseen));
    // To admit in an emergency begins the tie.
    let fresh = w.household("man 40");
    let admit = Action::command("household", "admit-directly");
    let there = caller(Role::ProviderWorker, elsewhere());
    assert!(asks(&w, &there, admit, fresh, Some(theirs)).is_ok());
    assert_eq!(asks(&w, &there, admit, fresh, Some(own)), Err(Denial::Unseen));
}

#[test]
fn the_worker_before_no_longer_sees_the_file() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::Referrer);
    let (anne, basile) =
        (w.invited(organisation(), Role::Referrer), w.invited(organisation(), Role::Referrer));
    w.asking = Some(anne);
    let id = w.household("woman 32");
    let sees = |w: &World, who| asks(w, &person(Role::Referrer, organisation(), who), FILE, id, None).is_ok();
    assert!(sees(&w, anne) && !sees(&w, basile));
    w.does(id, AssignWorker { organisation: None, worker: Some(basile) });
    assert!(!sees(&w, anne) && sees(&w, basile));
    w.does(id, AssignWorker { organisation: None, worker: None });
    assert!(sees(&w, anne) && sees(&w, basile));
}

#[test]
fn a_protected_file_does_not_exist_for_any_role_that_is_not_named() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let named = w.invited(organisation(), Role::SiaoInsertionCoordinator);
    let other = w.invited(organisation(), Role::SiaoInsertionCoordinator);
    let (id, place) = (w.household("woman 32"), w.place(Chrs, 2));
    w.staying_directly(id, place);
    w.does(id, Protect { named: [named].into() });
    for role in Role::ALL {
        for one in [caller(role, organisation()), person(role, organisation(), other)] {
            assert!(asks(&w, &one, FILE, id, None).is_err(), "{role}");
        }
    }
    let coordinator = |user| person(Role::SiaoInsertionCoordinator, organisation(), user);
    assert!(asks(&w, &coordinator(named), FILE, id, None).is_ok_and(|grant| !grant.in_emergency));
    let open = Action::command("household", "open-in-emergency");
    assert!(asks(&w, &coordinator(other), open, id, None).is_ok());
    assert_eq!(asks(&w, &caller(Role::SiaoManager, organisation()), open, id, None), Err(Denial::Unseen));
    w.asking = Some(other);
    let motive = "menace devant la structure".to_owned();
    w.does(id, OpenInEmergency { ground: EmergencyGround::Danger, motive });
    assert!(asks(&w, &coordinator(other), FILE, id, None).is_ok_and(|grant| grant.in_emergency));
    w.pass(61.minutes());
    assert_eq!(asks(&w, &coordinator(other), FILE, id, None), Err(Denial::Unseen));
}

#[test]
fn a_landlord_sees_candidates_until_one_of_them_objects() {
    let mut w = World::at("2026-03-02T09:00");
    let (_, candidates) = w.designated(3);
    let (id, _) = candidates[0];
    // It registered the household itself in this world: it no longer follows it.
    w.organisation(organisation(), OrganisationKind::SocialLandlord);
    w.does(id, domain::decide::follow_up::EndFollowUp { organisation: None });
    let landlord = caller(Role::LandlordOfficer, organisation());
    let other = caller(Role::LandlordOfficer, elsewhere());
    assert_eq!(level(asks(&w, &landlord, FILE, id, None), Group::Sne), Level::Read);
    assert_eq!(asks(&w, &other, FILE, id, None), Err(Denial::Unseen));
    let person = w.household_of(id).composition.members.keys().copied().next().unwrap();
    let (purpose, channel) = (ConsentPurpose::share_with_landlords(), ConsentChannel::Written);
    w.does(id, Object { person, purpose, recipient: Some(Recipient::Organisation(elsewhere())), channel });
    assert!(asks(&w, &landlord, FILE, id, None).is_ok());
    w.does(id, Object { person, purpose, recipient: Some(Recipient::Organisation(organisation())), channel });
    assert_eq!(asks(&w, &landlord, FILE, id, None), Err(Denial::Unseen));
}

#[test]
fn a_landlord_sees_its_tenant_whatever_they_object_to_and_for_a_while_after_the_lease() {
    let mut w = World::at("2026-03-02T09:00");
    let (dwelling, candidates) = w.designated(3);
    let (id, lease) = lets(&mut w, dwelling, &candidates);
    // It registered the household itself in this world: it no longer follows it.
    w.organisation(organisation(), OrganisationKind::SocialLandlord);
    w.does(id, domain::decide::follow_up::EndFollowUp { organisation: None });
    let sees = |w: &World, of| asks(w, &caller(Role::LandlordOfficer, of), FILE, id, None).is_ok();
    assert!(sees(&w, organisation()) && !sees(&w, elsewhere()));
    let person = w.household_of(id).composition.members.keys().copied().next().unwrap();
    let (purpose, channel) = (ConsentPurpose::share_with_landlords(), ConsentChannel::Written);
    w.does(id, Object { person, purpose, recipient: None, channel });
    assert!(sees(&w, organisation()), "who rents does not hide from who lets");
    w.pass(200.days());
    assert!(sees(&w, organisation()) && !sees(&w, elsewhere()));
    w.does(id, EndLease { lease, on: None });
    w.pass(90.days());
    assert!(sees(&w, organisation()));
    w.pass(4.days());
    assert!(!sees(&w, organisation()));
}

#[test]
fn the_siao_of_another_departement_sees_a_household_while_it_is_asked_and_nobody_objects() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.household("woman 32");
    let request = w.qualified(id, &[Chrs]);
    let of = |territory: &str| Caller {
        territories: [territory.parse::<Territory>().unwrap()].into(),
        ..caller(Role::SiaoManager, elsewhere())
    };
    let see = |w: &World| ["33", "24", "974"].map(|siao| asks(w, &of(siao), FILE, id, None).is_ok());
    assert_eq!(see(&w), [true, false, false]);
    w.does(id, TransferRequest { request, to: code("24"), wishes: vec![] });
    assert_eq!(see(&w), [true, true, false]);

    let mut objecting = w.clone();
    let person = w.household_of(id).composition.members.keys().copied().next().unwrap();
    let purpose = ConsentPurpose::share_with_other_siao();
    objecting.does(id, Object { person, purpose, recipient: None, channel: ConsentChannel::Written });
    assert_eq!(see(&objecting), [true, false, false], "the SIAO of its home is no other one");

    w.does(id, CancelRequest { request, reason: code("moved_away") });
    assert_eq!(see(&w), [true, false, false], "a request that is closed asks nothing");
}

#[test]
fn places_are_seen_by_who_runs_them_and_by_those_who_answer_for_the_territory() {
    let mut w = World::at("2026-03-02T09:00");
    let dwelling = w.place(SocialDwelling, 4);
    let territory = dwelling.territory();
    let rules = RuleBook::shipped().on(gironde(), w.today());
    let read = Action::read("place", "file");
    let asks = |caller: &Caller| {
        let supply = Resource::Supply { territory, provider: organisation() };
        decide(caller, read, &supply, Circumstances { now: w.now, rules }).map(drop)
    };
    assert_eq!(asks(&caller(Role::LandlordOfficer, organisation())), Ok(()));
    assert_eq!(asks(&caller(Role::LandlordOfficer, elsewhere())), Err(Denial::Unseen));
    assert_eq!(asks(&caller(Role::SiaoManager, elsewhere())), Ok(()));
    let far = Caller { territories: BTreeSet::new(), ..caller(Role::SiaoManager, elsewhere()) };
    assert_eq!(asks(&far), Err(Denial::Unseen));
    assert_eq!(asks(&caller(Role::ObserverNational, organisation())), Err(Denial::Role));
}

#[test]
fn a_token_does_no_more_than_its_verbs() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.household("woman 32");
    let reader = Caller { verbs: Some([Verb::Read].into()), ..caller(Role::SiaoManager, organisation()) };
    assert!(asks(&w, &reader, FILE, id, None).is_ok());
    let propose = Action::command("household", "propose-referral");
    assert_eq!(asks(&w, &reader, propose, id, None), Err(Denial::Token));
}

#[test]
fn the_administrator_of_the_machine_sees_no_personal_data_at_all() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.household("woman 32");
    let admin = caller(Role::SystemAdmin, organisation());
    for action in domain::rights::READS.iter().filter(|read| read.on == "household") {
        assert_eq!(asks(&w, &admin, *action, id, None), Err(Denial::Role), "{}", action.code());
    }
}

/// Two people erase the household.
pub(super) fn erased(w: &mut World, id: HouseholdId, officer: UserId, manager: UserId) {
    w.asking = Some(officer);
    w.does(id, domain::decide::erasure::ProposeErasure { ground: ErasureGround::Request });
    w.asking = Some(manager);
    w.does(id, domain::decide::erasure::ConfirmErasure {});
}

#[test]
fn the_counter_of_an_application_is_told_that_the_household_is_erased_and_no_other_counter() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let (officer, manager) =
        (w.invited(organisation(), Role::Auditor), w.invited(organisation(), Role::SiaoManager));
    let id = w.household("woman 32");
    let counter = OrganisationId::new(gironde(), Uuid::from_u128(4));
    w.acting = Some(counter);
    let application = w.applies(id);
    w.acting = None;
    w.does(id, CloseApplication { application, reason: Deregistration::B });
    erased(&mut w, id, officer, manager);
    assert!(!w.household_of(id).erasure().unwrap().followed_by.contains(&counter));
    let told = |of| {
        let asking = Caller { kind: OrganisationKind::SocialLandlord, ..caller(Role::LandlordOfficer, of) };
        is_told_of_erasure(&asking, id, w.household_of(id), &Providers::new())
    };
    assert!(told(counter) && !told(elsewhere()));
}
