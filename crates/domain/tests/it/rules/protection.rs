//! Who follows a household, what its people object to, and the files that exist for those alone who are named.

use domain::decide::consent::{GiveConsent, Object, WithdrawConsent};
use domain::decide::family::{Keeper, Split};
use domain::decide::follow_up::{AssignWorker, EndFollowUp, TellFollowUp};
use domain::decide::protection::{LiftProtection, OpenInEmergency, Protect, ReviewEmergencyOpening};
use domain::household::consent::{Among, ConsentChannel, Reader, Recipient};
use domain::household::follow_up::Follower;
use domain::household::protection::EmergencyGround;
use domain::id::{ConsentId, HouseholdId, OrganisationId, Territory};
use domain::ledger::{AggregateId, State};
use domain::organisation::OrganisationKind;
use domain::reference::ConsentPurpose;
use domain::rights::Role;
use domain::rules::RuleBook;
use domain::worklist::{TaskKind, tasks};
use jiff::ToSpan;
use uuid::Uuid;

use crate::scenario::{World, gironde, organisation};

fn other() -> OrganisationId {
    OrganisationId::new(gironde(), Uuid::from_u128(2))
}

fn emergency(motive: &str) -> OpenInEmergency {
    OpenInEmergency { ground: EmergencyGround::Danger, motive: motive.to_owned() }
}

#[test]
fn who_registers_a_household_follows_it_until_somebody_else_is_in_charge() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::Referrer);
    let (anne, basile) =
        (w.invited(organisation(), Role::Referrer), w.invited(organisation(), Role::Referrer));
    w.asking = Some(anne);
    let household = w.household("woman 32");
    let follower = |worker| Some(Follower { organisation: organisation(), worker });
    assert_eq!(w.household_of(household).follower(organisation()).copied(), follower(Some(anne)));
    w.does(household, AssignWorker { organisation: None, worker: Some(basile) });
    assert_eq!(w.household_of(household).follower(organisation()).copied(), follower(Some(basile)));
    w.does(household, AssignWorker { organisation: None, worker: None });
    assert_eq!(w.household_of(household).follower(organisation()).copied(), follower(None));
    w.does(household, EndFollowUp { organisation: None });
    assert_eq!(w.household_of(household).follower(organisation()), None);
}

#[test]
fn nobody_of_another_organisation_can_be_put_in_charge() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::Referrer);
    w.organisation(other(), OrganisationKind::Provider);
    let stranger = w.invited(other(), Role::ProviderWorker);
    let household = w.household("woman 32");
    let assign = AssignWorker { organisation: None, worker: Some(stranger) };
    assert_eq!(w.refuses(household, assign).code, "worker-of-organisation");
}

#[test]
fn a_protected_file_exists_for_those_who_are_named_and_for_who_breaks_the_glass_for_an_hour() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let named = w.invited(organisation(), Role::SiaoInsertionCoordinator);
    let other = w.invited(organisation(), Role::SiaoInsertionCoordinator);
    let manager = w.invited(organisation(), Role::SiaoManager);
    let household = w.household("woman 32, son 3");
    assert_eq!(w.refuses(household, Protect { named: [].into() }).code, "nobody-named");
    w.does(household, Protect { named: [named].into() });
    let shows = |w: &World, user| w.household_of(household).shows_to(user, w.now);
    assert!(shows(&w, Some(named)) && !shows(&w, Some(other)) && !shows(&w, None));

    assert_eq!(w.refuses(household, emergency("menace devant la structure")).code, "person-only");
    w.asking = Some(named);
    assert_eq!(w.refuses(household, emergency("menace devant la structure")).code, "already-shown");
    w.asking = Some(other);
    assert_eq!(w.refuses(household, emergency("urgent")).code, "motive-too-short");
    w.does(household, emergency("menace devant la structure"));
    assert!(shows(&w, Some(other)) && !shows(&w, Some(manager)));
    let review = ReviewEmergencyOpening { user: other, justified: true };
    assert_eq!(w.refuses(household, review.clone()).code, "own-opening");
    w.asking = Some(manager);
    w.does(household, review);
    assert!(w.household_of(household).openings[0].reviewed);
    w.pass(61.minutes());
    assert!(!shows(&w, Some(other)), "an hour later it is closed again");
    w.does(household, LiftProtection {});
    assert!(shows(&w, None));
}

#[test]
fn those_who_leave_a_protected_household_are_protected_too() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let named = w.invited(organisation(), Role::SiaoManager);
    let household = w.household("woman 32, husband 34");
    w.does(household, Protect { named: [named].into() });
    let wife = w.person(household, "woman");
    let husband = w.person(household, "husband");
    let into = HouseholdId::created_by(gironde(), w.upcoming());
    let split = Split {
        persons: [wife].into(),
        main_applicant: wife,
        remaining_main_applicant: Some(husband),
        application: Keeper::Remaining,
        at: None,
    };
    w.does(household, split);
    assert!(!w.household_of(into).shows_to(None, w.now));
    assert!(w.household_of(into).shows_to(Some(named), w.now));
}

#[test]
fn what_was_said_of_one_recipient_counts_before_what_was_said_of_all() {
    let mut w = World::at("2026-03-02T09:00");
    let household = w.household("woman 32, husband 34");
    let (person, purpose, channel) =
        (w.person(household, "woman"), ConsentPurpose::share_with_landlords(), ConsentChannel::Oral);
    let home = [gironde()].into();
    let reader =
        |organisation| Reader { organisation, kind: OrganisationKind::SocialLandlord, territories: &home };
    let objects = |w: &World, to| w.household_of(household).objects(purpose, reader(to), w.today());
    assert!(!objects(&w, other()), "who said nothing does not object");
    let consent = ConsentId::created_by(w.upcoming());
    w.does(household, GiveConsent { person, purpose, recipient: None, channel, until: None, given_on: None });
    w.does(household, Object { person, purpose, recipient: Some(Recipient::Organisation(other())), channel });
    assert!(objects(&w, other()) && !objects(&w, organisation()));
    w.pass(1.hours());
    w.does(household, WithdrawConsent { consent, channel });
    assert!(objects(&w, organisation()));
    w.pass(1.hours());
    let recipient = Some(Recipient::Organisation(other()));
    let again = GiveConsent { person, purpose, recipient, channel, until: None, given_on: None };
    w.does(household, again);
    assert!(!objects(&w, other()) && objects(&w, organisation()));
}

#[test]
fn one_consents_to_landlords_but_not_to_those_of_a_territory_nor_to_a_kind() {
    let mut w = World::at("2026-03-02T09:00");
    let household = w.household("woman 32");
    let (person, purpose, channel) =
        (w.person(household, "woman"), ConsentPurpose::share_with_landlords(), ConsentChannel::Written);
    let pas_de_calais: Territory = "62".parse().unwrap();
    let (here, there, both) = ([gironde()].into(), [pas_de_calais].into(), [gironde(), pas_de_calais].into());
    let objects = |w: &World, kind, territories| {
        let reader = Reader { organisation: other(), kind, territories };
        w.household_of(household).objects(purpose, reader, w.today())
    };
    let among = |kind, territory| Some(Recipient::Among(Among { kind, territory }));
    let landlord = OrganisationKind::SocialLandlord;
    let give = |recipient| GiveConsent { person, purpose, recipient, channel, until: None, given_on: None };
    assert_eq!(w.refuses(household, give(among(None, None))).code, "recipient-unnamed");
    w.does(household, give(None));
    w.does(household, Object { person, purpose, recipient: among(None, Some(pas_de_calais)), channel });
    assert!(!objects(&w, landlord, &here) && objects(&w, landlord, &there));
    assert!(objects(&w, landlord, &both), "who answers for both départements reads in neither");
    w.does(
        household,
        Object { person, purpose, recipient: among(Some(OrganisationKind::Provider), None), channel },
    );
    assert!(objects(&w, OrganisationKind::Provider, &here) && !objects(&w, landlord, &here));
    // What names one organisation counts before what names a territory.
    w.does(household, give(Some(Recipient::Organisation(other()))));
    assert!(!objects(&w, landlord, &there));
}

#[test]
fn of_two_things_said_of_the_same_recipient_the_last_one_counts() {
    let mut w = World::at("2026-03-02T09:00");
    let household = w.household("woman 32");
    let (person, purpose, channel) =
        (w.person(household, "woman"), ConsentPurpose::share_with_providers(), ConsentChannel::Oral);
    let home = [gironde()].into();
    let objects = |w: &World| {
        let reader = Reader { organisation: other(), kind: OrganisationKind::Provider, territories: &home };
        w.household_of(household).objects(purpose, reader, w.today())
    };
    let give = GiveConsent { person, purpose, recipient: None, channel, until: None, given_on: None };
    w.does(household, give.clone());
    w.pass(1.hours());
    w.does(household, Object { person, purpose, recipient: None, channel });
    assert!(objects(&w), "an objection counts although a consent was given and not taken back");
    w.pass(1.hours());
    w.does(household, give);
    assert!(!objects(&w));
}

#[test]
fn the_household_is_told_who_follows_it_now() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::Referrer);
    let basile = w.invited(organisation(), Role::Referrer);
    let household = w.household("woman 32");
    let untold = |w: &World| {
        let state = State::Household(Box::new(w.household_of(household).clone()));
        let tasks = tasks(&AggregateId::Household(household), &state, RuleBook::shipped());
        tasks.iter().filter(|task| matches!(task.kind, TaskKind::TellFollowUp { .. })).count()
    };
    let tell = TellFollowUp { organisation: None, told_on: None, channel: ConsentChannel::Telephone };
    assert_eq!(untold(&w), 0, "who registers a household stands before it");
    assert_eq!(w.refuses(household, tell.clone()).code, "nothing-to-tell");
    w.does(household, AssignWorker { organisation: None, worker: Some(basile) });
    assert_eq!(untold(&w), 1);
    assert_eq!(w.does(household, tell.clone()), ["household.follow_up_told"]);
    assert_eq!(untold(&w), 0);
    w.does(household, EndFollowUp { organisation: None });
    assert_eq!(untold(&w), 1, "that somebody stops is told too");
    w.does(household, tell);
}
