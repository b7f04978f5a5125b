//! Organisations, the tokens of their software, and those who sign in.

use domain::calendar::Instant;
use domain::decide::account::{BindAccount, RevokeAccount};
use domain::decide::organisation::{
    ChangeOrganisation, CloseOrganisation, IssueToken, NoticeBulkReading, RevokeToken,
};
use domain::decide::user::{
    ChangePassword, DisableUser, EnableUser, Enrol, GrantProfile, LinkIdentity, RenewInvitation, SignIn,
    SignOut, SwitchProfile, WithdrawProfile,
};
use domain::id::{OrganisationId, SessionId, TokenId, UserId};
use domain::ledger::{AggregateId, State};
use domain::organisation::{BrokerAccount, Organisation, OrganisationKind, OrganisationLedger, Verb};
use domain::rights::Role;
use domain::user::{Account, DisabledBecause, Factor, Profile, User};
use jiff::ToSpan;

use crate::scenario::{World, gironde, organisation};

fn at(w: &World, id: UserId) -> &User {
    match w.ledgers.get(&AggregateId::User(id)) {
        Some(State::User(user)) => user,
        other => panic!("no user: {other:?}"),
    }
}

fn of(w: &World, id: OrganisationId) -> &OrganisationLedger {
    match w.ledgers.get(&AggregateId::Organisation(id)) {
        Some(State::Organisation(organisation)) => organisation,
        other => panic!("no organisation: {other:?}"),
    }
}

fn token(w: &World) -> IssueToken {
    IssueToken {
        label: "Export du logiciel métier".to_owned(),
        digest: "ab".to_owned(),
        role: Role::LandlordOfficer,
        verbs: [Verb::Read].into(),
        subscription: None,
        expires_at: Instant(w.now + jiff::SignedDuration::from_hours(24 * 90)),
        per_minute: 60,
    }
}

fn enrol() -> Enrol {
    Enrol {
        invitation: "aa".to_owned(),
        password: "$argon2id$…".to_owned(),
        totp: "JBSWY3DPEHPK3PXP".to_owned(),
        recovery: vec!["c0".to_owned(), "c1".to_owned()],
        step: 5,
    }
}

fn sign_in(factor: Factor) -> SignIn {
    SignIn { digest: "dd".to_owned(), profile: None, factor }
}

#[test]
fn a_token_is_for_a_role_of_its_organisation_for_a_year_at_most_and_can_be_taken_back() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.organisation(organisation(), OrganisationKind::SocialLandlord);
    let wrong = [
        (IssueToken { role: Role::SiaoManager, ..token(&w) }, "role-of-organisation"),
        (IssueToken { verbs: [].into(), ..token(&w) }, "token-verbs"),
        (IssueToken { expires_at: Instant(w.now), ..token(&w) }, "token-expiry"),
        (
            IssueToken {
                expires_at: Instant(w.now + jiff::SignedDuration::from_hours(24 * 367)),
                ..token(&w)
            },
            "token-expiry",
        ),
        (IssueToken { per_minute: 0, ..token(&w) }, "token-rate"),
        (IssueToken { label: " ".to_owned(), ..token(&w) }, "text-length"),
    ];
    for (issue, code) in wrong {
        assert_eq!(w.refuses(id, issue).code, code);
    }
    let issued = TokenId::created_by(w.upcoming());
    let with_subscription =
        IssueToken { subscription: Some(domain::id::SubscriptionId::new(gironde(), issued.0)), ..token(&w) };
    w.does(id, with_subscription);
    let expires = w.now + jiff::SignedDuration::from_hours(24 * 90);
    let good = |w: &World, now| of(w, id).tokens[&issued].is_good(now);
    assert!(good(&w, w.now) && good(&w, expires) && !good(&w, expires + 1.second()));
    w.does(id, RevokeToken { token: issued });
    assert!(!good(&w, w.now));
    assert_eq!(w.refuses(id, RevokeToken { token: TokenId(uuid::Uuid::nil()) }).code, "unknown-id");
}

fn broker_account(letter: char) -> BrokerAccount {
    format!("A{}", letter.to_string().repeat(55)).parse().unwrap()
}

#[test]
fn an_account_opens_what_its_token_does_until_one_of_them_or_the_organisation_is_taken_back() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.organisation(organisation(), OrganisationKind::SocialLandlord);
    let (own, other) = (broker_account('B'), broker_account('C'));
    let opens = |w: &World, account: &BrokerAccount| of(w, id).account(account, w.now).map(|(id, _)| id);
    let issued = |w: &mut World| {
        let token_id = TokenId::created_by(w.upcoming());
        let issue = token(w);
        w.does(id, issue);
        token_id
    };
    let first = issued(&mut w);
    let bind = |account: &BrokerAccount, token| BindAccount { account: account.clone(), token };
    assert_eq!(w.refuses(id, bind(&own, TokenId(uuid::Uuid::nil()))).code, "unknown-id");
    assert_eq!(w.refuses(id, RevokeAccount { account: own.clone() }).code, "unknown-id");
    w.does(id, bind(&own, first));
    assert!(w.does(id, bind(&own, first)).is_empty());
    assert_eq!((opens(&w, &own), opens(&w, &other)), (Some(first), None));
    assert_eq!(w.refuses(id, bind(&other, first)).code, "account-bound");
    w.does(id, RevokeToken { token: first });
    assert_eq!(opens(&w, &own), None);
    assert_eq!(w.refuses(id, bind(&own, first)).code, "token-not-good");
    let second = issued(&mut w);
    w.does(id, bind(&own, second));
    assert_eq!(opens(&w, &own), Some(second));
    w.does(id, RevokeAccount { account: own.clone() });
    assert!(w.does(id, RevokeAccount { account: own.clone() }).is_empty());
    assert_eq!(opens(&w, &own), None);
    w.does(id, bind(&other, second));
    assert_eq!(opens(&w, &other), Some(second));
    w.does(id, CloseOrganisation {});
    assert_eq!(opens(&w, &other), None);
    assert_eq!(w.refuses(id, bind(&other, second)).code, "organisation-closed");
}

#[test]
fn an_account_is_the_public_key_of_one() {
    let good = broker_account('Z');
    assert_eq!(good.to_string().parse(), Ok(good.clone()));
    for bad in [
        "",
        "A",
        &good.as_str()[1..],
        &format!("{good}A"),
        &"B".repeat(56),
        &good.as_str().replace("ZZ", "Z1"),
        "*",
        ">",
    ] {
        assert!(bad.parse::<BrokerAccount>().is_err(), "{bad}");
    }
}

#[test]
fn who_opens_many_files_is_noticed_once_in_an_hour_whoever_watches() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let begun = w.now;
    let notice = |actor: &str, households, minute: i64| NoticeBulkReading {
        actor: actor.parse().unwrap(),
        households,
        since: Instant(begun + (minute - 60).minutes()),
        until: Instant(begun + minute.minutes()),
    };
    let elsewhere = OrganisationId::new(gironde(), uuid::Uuid::from_u128(4));
    assert_eq!(w.refuses(elsewhere, notice("user:1", 61, 0)).code, "unknown-id");
    w.does(id, notice("user:1", 61, 0));
    // A second watcher saw the last of them a minute sooner; the first goes on reading; another reads too.
    for notice in [notice("user:1", 61, -1), notice("user:1", 90, 59), notice("token:1", 61, 30)] {
        w.does(id, notice);
    }
    w.does(id, CloseOrganisation {});
    w.does(id, notice("user:1", 64, 60));
    let noticed = of(&w, id).bulk_readings.iter();
    let noticed: Vec<_> = noticed.map(|one| (one.actor.as_str(), one.households)).collect();
    assert_eq!(noticed, [("user:1", 61), ("token:1", 61), ("user:1", 64)]);
}

#[test]
fn an_organisation_that_closed_takes_part_in_nothing() {
    let mut w = World::at("2026-03-02T09:00");
    let id = w.organisation(organisation(), OrganisationKind::SocialLandlord);
    let now = Organisation {
        name: "Bordeaux Habitat".to_owned(),
        kind: OrganisationKind::SocialLandlord,
        territories: [gironde()].into(),
        siret: Some("12345678901234".to_owned()),
    };
    let other = Organisation { kind: OrganisationKind::Provider, ..now.clone() };
    assert_eq!(w.refuses(id, ChangeOrganisation { organisation: other }).code, "organisation-kind");
    let bad = Organisation { siret: Some("12".to_owned()), ..now.clone() };
    assert_eq!(w.refuses(id, ChangeOrganisation { organisation: bad }).code, "siret");
    let nowhere = Organisation { territories: [].into(), ..now.clone() };
    assert_eq!(w.refuses(id, ChangeOrganisation { organisation: nowhere }).code, "territories");
    w.does(id, ChangeOrganisation { organisation: now });
    w.does(id, CloseOrganisation {});
    let issue = token(&w);
    assert_eq!(w.refuses(id, issue).code, "organisation-closed");
    assert!(of(&w, id).open().is_none() && of(&w, id).known().is_some());
}

#[test]
fn an_invitation_is_taken_up_once_and_in_time() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let id = w.invited(organisation(), Role::SiaoManager);
    assert_eq!(w.refuses(id, sign_in(Factor::Totp { step: 1 })).code, "sign-in-refused");
    let other = Enrol { invitation: "bb".to_owned(), ..enrol() };
    assert_eq!(w.refuses(id, other).code, "invitation-over");
    let mut late = w.clone();
    late.now = w.now + jiff::SignedDuration::from_hours(73);
    assert_eq!(late.refuses(id, enrol()).code, "invitation-over");
    w.does(id, enrol());
    assert_eq!(w.refuses(id, enrol()).code, "invitation-over");
    assert_eq!(at(&w, id).account, Account::Active);
    w.does(id, RenewInvitation { invitation: "aa".to_owned(), until: Instant(w.now + 1.hour()) });
    w.does(id, enrol());
}

#[test]
fn a_one_time_password_and_a_recovery_code_are_taken_once() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let id = w.invited(organisation(), Role::SiaoManager);
    w.does(id, enrol());
    assert_eq!(
        w.refuses(id, sign_in(Factor::Totp { step: 5 })).code,
        "sign-in-refused",
        "taken at enrolment"
    );
    w.does(id, sign_in(Factor::Totp { step: 7 }));
    for step in [6, 7] {
        assert_eq!(w.refuses(id, sign_in(Factor::Totp { step })).code, "sign-in-refused");
    }
    w.does(id, sign_in(Factor::Recovery { code: 1 }));
    assert_eq!(w.refuses(id, sign_in(Factor::Recovery { code: 1 })).code, "sign-in-refused");
    assert_eq!(w.refuses(id, sign_in(Factor::Provider)).code, "sign-in-refused");
    w.does(id, sign_in(Factor::Totp { step: 8 }));
    assert_eq!(at(&w, id).sessions.len(), 3);
    w.does(id, ChangePassword { password: "$argon2id$…".to_owned() });
    assert_eq!(at(&w, id).sessions.len(), 0);
    assert_eq!(w.refuses(id, sign_in(Factor::Totp { step: 8 })).code, "sign-in-refused");
}

#[test]
fn a_session_ends_by_itself_after_twelve_hours_by_hand_and_with_the_account() {
    let mut w = World::at("2026-03-02T08:00");
    w.organisation(organisation(), OrganisationKind::SiaoOperator);
    let id = w.invited(organisation(), Role::SiaoManager);
    w.does(id, enrol());
    let session = SessionId::created_by(w.upcoming());
    w.does(id, sign_in(Factor::Totp { step: 11 }));
    assert!(at(&w, id).session(session, w.now + 11.hours()).is_some());
    assert!(at(&w, id).session(session, w.now + 12.hours()).is_none());
    w.does(id, SignOut { session });
    assert!(at(&w, id).session(session, w.now).is_none());

    let session = SessionId::created_by(w.upcoming());
    w.does(id, sign_in(Factor::Totp { step: 12 }));
    let other = Profile { organisation: organisation(), role: Role::Auditor };
    assert_eq!(w.refuses(id, SwitchProfile { session, profile: other }).code, "profile-not-held");
    w.does(id, GrantProfile { profile: other });
    w.does(id, SwitchProfile { session, profile: other });
    assert_eq!(at(&w, id).sessions[&session].profile, other);
    w.does(id, WithdrawProfile { profile: other });
    assert!(at(&w, id).session(session, w.now).is_none(), "what one may no longer act as ends");
    let last = Profile { organisation: organisation(), role: Role::SiaoManager };
    assert_eq!(w.refuses(id, WithdrawProfile { profile: last }).code, "last-profile");

    let session = SessionId::created_by(w.upcoming());
    w.does(id, sign_in(Factor::Totp { step: 13 }));
    w.does(id, DisableUser { reason: DisabledBecause::Left });
    assert!(at(&w, id).session(session, w.now).is_none());
    assert_eq!(w.refuses(id, sign_in(Factor::Totp { step: 14 })).code, "sign-in-refused");
    let again = EnableUser { invitation: "cc".to_owned(), until: Instant(w.now + 1.hour()) };
    w.does(id, again.clone());
    assert_eq!(w.refuses(id, again).code, "user-not-disabled");
    let link = LinkIdentity { invitation: "cc".to_owned(), identity: "ee".to_owned() };
    w.does(id, link);
    w.does(id, sign_in(Factor::Provider));
}

#[test]
fn nobody_acts_in_a_role_that_their_organisation_does_not_have() {
    let mut w = World::at("2026-03-02T09:00");
    w.organisation(organisation(), OrganisationKind::SocialLandlord);
    let id = w.invited(organisation(), Role::LandlordOfficer);
    let profile = Profile { organisation: organisation(), role: Role::SiaoManager };
    assert_eq!(w.refuses(id, GrantProfile { profile }).code, "role-of-organisation");
}
