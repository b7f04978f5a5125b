//! How what a subscription is told is brought to its owner.

use domain::calendar::TimeOfDay;
use domain::decide::subscription::{
    AcknowledgeSubscription, CloseSubscription, DeliverSubscription, EndDelivery, PauseSubscription,
    ReplayDelivery, ResumeDelivery, ResumeSubscription, RotateSecret,
};
use domain::decide::user::DisableUser;
use domain::id::{OrganisationId, SubscriptionId, UserId};
use domain::organisation::OrganisationKind;
use domain::rights::Role;
use domain::subscription::{QuietHours, Replay, Restart, Resumption, Rhythm, Way};
use domain::user::DisabledBecause;
use jiff::Timestamp;
use uuid::Uuid;

use super::subscription::{is, open};
use crate::scenario::{World, gironde};

fn deliver(url: &str) -> DeliverSubscription {
    by(Way::Webhook { url: url.to_owned() })
}

fn by(way: Way) -> DeliverSubscription {
    DeliverSubscription { way, role: Role::LandlordOfficer, rhythm: Rhythm::Immediate, quiet: None }
}

fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_way_is_set_changed_resumed_and_ended_and_each_time_is_another_round() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    assert_eq!(w.refuses(id, ResumeDelivery::default()).code, "no-delivery");
    assert_eq!(w.refuses(id, RotateSecret {}).code, "no-delivery");
    assert!(w.does(id, EndDelivery {}).is_empty());
    let round = |w: &World| is(w, id).standing().unwrap().delivery.as_ref().map(|delivery| delivery.round);
    assert_eq!(w.does(id, deliver("https://sne.example/hook?k=1")), ["subscription.delivery_set"]);
    assert_eq!(round(&w), Some(1));
    assert!(w.does(id, deliver("https://sne.example/hook?k=1")).is_empty(), "it is set already");
    assert_eq!(w.does(id, deliver("https://sne.example/other")), ["subscription.delivery_set"]);
    assert_eq!(w.does(id, ResumeDelivery::default()), ["subscription.delivery_resumed"]);
    assert_eq!(round(&w), Some(3));
    assert_eq!(w.does(id, EndDelivery {}), ["subscription.delivery_ended"]);
    assert_eq!(round(&w), None);
    w.does(id, deliver("https://sne.example/hook"));
    assert_eq!(round(&w), Some(4), "no round comes twice");
    w.does(id, CloseSubscription {});
    assert_eq!(w.refuses(id, deliver("https://sne.example/hook")).code, "subscription-closed");
}

#[test]
fn a_way_leads_to_a_whole_address_without_a_password() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    let long = format!("https://sne.example/{}", "a".repeat(2_048));
    for wrong in [
        "",
        "sne.example",
        "ftp://sne.example/",
        "https://",
        "https:///hook",
        "https://:443/",
        "https://who:secret@sne.example/",
        "https://sne.example/#part",
        "https://sne.example/a b",
        "https://sné.example/",
        &long,
    ] {
        let refused = w.refuses(id, deliver(wrong));
        assert_eq!(refused.code, "way-malformed", "{wrong}");
        assert!(wrong.is_empty() || !format!("{refused:?}").contains(wrong), "a refusal repeats no address");
    }
    w.acting = Some(OrganisationId::new(gironde(), Uuid::from_u128(9)));
    assert_eq!(w.refuses(id, deliver("https://sne.example/")).code, "unknown-id");
    assert!(!format!("{:?}", deliver("https://sne.example/secret-path")).contains("secret-path"));
}

#[test]
fn a_secret_turns_once_a_day_and_the_one_before_signs_beside_it_for_as_long() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    w.does(id, deliver("https://sne.example/hook"));
    let signing = |w: &World| is(w, id).standing().unwrap().secret;
    assert_eq!((signing(&w).generation, signing(&w).beside(w.now)), (1, None));
    assert_eq!(w.does(id, RotateSecret {}), ["subscription.secret_rotated"]);
    assert_eq!((signing(&w).generation, signing(&w).beside(w.now)), (2, Some(1)));
    assert_eq!(w.refuses(id, RotateSecret {}).code, "secret-turning");
    w.now += jiff::SignedDuration::from_hours(24);
    assert_eq!(signing(&w).beside(w.now), None);
    w.does(id, RotateSecret {});
    assert_eq!((signing(&w).generation, signing(&w).beside(w.now)), (3, Some(2)));
}

#[test]
fn mail_goes_to_who_acts_for_the_owner_in_the_role_of_the_way() {
    let mut w = World::at("2026-03-02T10:00");
    let owner = OrganisationId::new(gironde(), Uuid::from_u128(8));
    w.organisation(owner, OrganisationKind::SocialLandlord);
    w.acting = Some(owner);
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    let (ours, other_role) =
        (w.invited(owner, Role::LandlordOfficer), w.invited(owner, Role::CommitteeSecretary));
    let another =
        w.organisation(OrganisationId::new(gironde(), Uuid::from_u128(9)), OrganisationKind::SocialLandlord);
    let elsewhere = w.invited(another, Role::LandlordOfficer);
    let nobody = UserId::new(gironde(), Uuid::from_u128(99));
    for wrong in [other_role, elsewhere, nobody] {
        assert_eq!(w.refuses(id, by(Way::Mail { to: wrong })).code, "unknown-id");
    }
    assert_eq!(w.does(id, by(Way::Mail { to: ours })), ["subscription.delivery_set"]);
    assert_eq!(w.refuses(id, RotateSecret {}).code, "nothing-signed");
    w.does(ours, DisableUser { reason: DisabledBecause::Left });
    assert_eq!(
        w.refuses(id, by(Way::Mail { to: ours })).code,
        "unknown-id",
        "who has left is written to no more"
    );
}

#[test]
fn mail_alone_is_gathered_and_a_feed_has_no_quiet_hours() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    let (daily, night) =
        (Rhythm::Daily { at: time("08:30") }, |until| QuietHours { from: time("19:00"), until: time(until) });
    let webhook = deliver("https://sne.example/hook");
    assert_eq!(
        w.refuses(id, DeliverSubscription { rhythm: daily, ..webhook.clone() }).code,
        "rhythm-of-mail"
    );
    assert_eq!(
        w.refuses(id, DeliverSubscription { rhythm: daily, ..by(Way::Broker {}) }).code,
        "rhythm-of-mail"
    );
    let quiet = |until, way| DeliverSubscription { quiet: Some(night(until)), ..way };
    assert_eq!(w.refuses(id, quiet("07:30", by(Way::Broker {}))).code, "quiet-hours-of-broker");
    assert_eq!(w.refuses(id, quiet("19:00", webhook.clone())).code, "quiet-hours-empty");
    assert_eq!(w.does(id, quiet("07:30", webhook.clone())), ["subscription.delivery_set"]);
    assert_eq!(w.does(id, webhook), ["subscription.delivery_set"], "quiet hours are taken away again");
}

#[test]
fn quiet_hours_last_over_midnight_by_the_clocks_of_the_departement() {
    let night = QuietHours { from: time("19:00"), until: time("07:30") };
    let noon = QuietHours { from: time("12:00"), until: time("14:00") };
    // In July Paris is two hours ahead of UTC, La Réunion four.
    for (at, quiet) in [
        ("2026-07-01T16:59:59Z", false),
        ("2026-07-01T17:00:00Z", true),
        ("2026-07-01T23:00:00Z", true),
        ("2026-07-02T05:29:59Z", true),
        ("2026-07-02T05:30:00Z", false),
    ] {
        assert_eq!(night.last(gironde(), moment(at)), quiet, "{at}");
    }
    assert!(
        noon.last(gironde(), moment("2026-07-01T10:00:00Z"))
            && !noon.last(gironde(), moment("2026-07-01T12:00:00Z"))
    );
    assert!(noon.last("974".parse().unwrap(), moment("2026-07-01T08:00:00Z")));
}

#[test]
fn what_is_gathered_once_a_day_is_what_was_recorded_before_the_last_such_time() {
    let daily = Rhythm::Daily { at: time("08:30") };
    for (now, upto) in [
        ("2026-07-01T06:29:59Z", "2026-06-30T06:30:00Z"),
        ("2026-07-01T06:30:00Z", "2026-07-01T06:30:00Z"),
        ("2026-07-02T00:00:00Z", "2026-07-01T06:30:00Z"),
        // The clocks were put back in the night.
        ("2026-10-25T07:29:59Z", "2026-10-24T06:30:00Z"),
        ("2026-10-25T07:30:00Z", "2026-10-25T07:30:00Z"),
    ] {
        assert_eq!(daily.upto(gironde(), moment(now)), moment(upto), "{now}");
    }
    let now = moment("2026-07-01T06:29:59Z");
    assert_eq!(Rhythm::Immediate.upto(gironde(), now), now);
}

#[test]
fn times_of_the_day_are_written_with_two_digits_each() {
    assert_eq!(time("07:05").to_string(), "07:05");
    for wrong in ["7:05", "24:00", "12:60", "12h30", "", "12:3", "+1:00", "-1:00"] {
        assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
    }
}

#[test]
fn what_was_sent_is_asked_for_again_and_each_time_has_its_number() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    let replay = |after, until| ReplayDelivery { after, until };
    assert_eq!(w.refuses(id, replay(0, 9)).code, "no-delivery");
    w.does(id, by(Way::Broker {}));
    assert_eq!(w.refuses(id, replay(0, 9)).code, "replay-of-broker");
    w.does(id, deliver("https://sne.example/hook"));
    assert_eq!(w.refuses(id, replay(9, 9)).code, "replay-empty");
    assert_eq!(w.does(id, replay(3, 9)), ["subscription.replay_asked"]);
    w.does(id, replay(3, 9));
    let is = is(&w, id).standing().unwrap();
    assert_eq!(is.replay, Some(Replay { number: 2, after: 3, until: 9 }));
}

#[test]
fn sending_goes_on_with_what_it_stopped_at_or_past_it() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    w.does(id, deliver("https://sne.example/hook"));
    let restart = |w: &World| is(w, id).standing().unwrap().delivery.as_ref().unwrap().restart;
    w.does(id, ResumeDelivery { restart: Restart::PastIt });
    assert_eq!(restart(&w), Restart::PastIt);
    w.does(id, ResumeDelivery::default());
    assert_eq!(restart(&w), Restart::WithIt);
}

#[test]
fn what_was_taken_is_acknowledged_and_never_taken_back() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    assert_eq!(w.does(id, AcknowledgeSubscription { upto: 7 }), ["subscription.acknowledged"]);
    for again in [7, 3] {
        assert!(w.does(id, AcknowledgeSubscription { upto: again }).is_empty());
    }
    assert_eq!(is(&w, id).standing().unwrap().acknowledged, 7);
    w.acting = Some(OrganisationId::new(gironde(), Uuid::from_u128(9)));
    assert_eq!(w.refuses(id, AcknowledgeSubscription { upto: 9 }).code, "unknown-id");
}

#[test]
fn a_feed_of_the_broker_is_paused_by_whoever_reads_it() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    w.does(id, PauseSubscription {});
    assert_eq!(w.refuses(id, by(Way::Broker {})).code, "subscription-paused");
    w.does(id, ResumeSubscription { with: Resumption::CatchUp });
    assert_eq!(w.does(id, by(Way::Broker {})), ["subscription.delivery_set"]);
    assert_eq!(w.refuses(id, PauseSubscription {}).code, "pause-of-broker");
}
