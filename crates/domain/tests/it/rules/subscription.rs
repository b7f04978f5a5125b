//! What an organisation wants to be told of.

use domain::decide::subscription::{
    ChangeSubscription, CloseSubscription, DeliverSubscription, EndDelivery, OpenSubscription,
    PauseSubscription, ResumeDelivery, ResumeSubscription, RotateSecret,
};
use domain::id::{OrganisationId, SubscriptionId};
use domain::ledger::{AggregateId, State};
use domain::money::Money;
use domain::placement::Wants;
use domain::rights::Role;
use domain::subscription::{Flow, Resumption, Subscription, Way};
use uuid::Uuid;

use crate::scenario::{World, gironde};

fn wants(cents: i64) -> Wants {
    Wants { rent_max: Some(Money::cents(cents)), ..Wants::default() }
}

fn open(label: &str) -> OpenSubscription {
    OpenSubscription { territory: gironde(), label: label.to_owned(), wants: wants(64_000) }
}

fn change(label: &str, wants: Wants) -> ChangeSubscription {
    ChangeSubscription { label: label.to_owned(), wants }
}

fn is(w: &World, id: SubscriptionId) -> &Subscription {
    match w.ledgers.get(&AggregateId::Subscription(id)) {
        Some(State::Subscription(is)) => is,
        _ => panic!("no subscription"),
    }
}

#[test]
fn a_subscription_is_opened_changed_paused_resumed_and_closed() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    assert_eq!(w.does(id, open("T3 à Roubaix")), ["subscription.opened"]);
    assert_eq!(is(&w, id).standing().unwrap().flow, Flow::Running);
    assert!(w.does(id, change("T3 à Roubaix", wants(64_000))).is_empty(), "nothing is other than it was");
    assert_eq!(w.does(id, change("T3 ou T4", wants(70_000))), ["subscription.changed"]);
    assert_eq!(is(&w, id).standing().unwrap().wants, wants(70_000));
    let resume = |with| ResumeSubscription { with };
    assert!(w.does(id, resume(Resumption::CatchUp)).is_empty(), "it is told already");
    assert_eq!(w.does(id, PauseSubscription {}), ["subscription.paused"]);
    assert!(w.does(id, PauseSubscription {}).is_empty());
    assert_eq!(is(&w, id).standing().unwrap().flow, Flow::Paused { since: w.now });
    assert_eq!(w.does(id, resume(Resumption::OnlyWhatIsOpen)), ["subscription.resumed"]);
    assert_eq!(is(&w, id).standing().unwrap().flow, Flow::Running);
    assert_eq!(w.does(id, CloseSubscription {}), ["subscription.closed"]);
    assert!(w.does(id, CloseSubscription {}).is_empty());
    assert_eq!(w.refuses(id, PauseSubscription {}).code, "subscription-closed");
    assert!(is(&w, id).standing().is_none());
}

#[test]
fn a_subscription_is_its_owners_and_names_what_it_is_for() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    assert_eq!(w.refuses(id, open(" ")).code, "text-length");
    let nothing = Wants { persons_min: Some(3), persons_max: Some(2), ..Wants::default() };
    assert_eq!(w.refuses(id, OpenSubscription { wants: nothing.clone(), ..open("T3") }).code, "filter-empty");
    assert_eq!(w.refuses(id, PauseSubscription {}).code, "unknown-id");
    w.does(id, open("T3"));
    assert_eq!(w.refuses(id, change("T3", nothing)).code, "filter-empty");
    w.acting = Some(OrganisationId::new(gironde(), Uuid::from_u128(9)));
    for refused in [w.refuses(id, change("T3", Wants::default())), w.refuses(id, CloseSubscription {})] {
        assert_eq!(refused.code, "unknown-id", "somebody else's does not exist");
    }
}

fn deliver(url: &str) -> DeliverSubscription {
    DeliverSubscription { way: Way::Webhook { url: url.to_owned() }, role: Role::LandlordOfficer }
}

#[test]
fn a_way_is_set_changed_resumed_and_ended_and_each_time_is_another_round() {
    let mut w = World::at("2026-03-02T10:00");
    let id = SubscriptionId::created_by(gironde(), w.upcoming());
    w.does(id, open("T3"));
    assert_eq!(w.refuses(id, ResumeDelivery {}).code, "no-delivery");
    assert_eq!(w.refuses(id, RotateSecret {}).code, "no-delivery");
    assert!(w.does(id, EndDelivery {}).is_empty());
    let round = |w: &World| is(w, id).standing().unwrap().delivery.as_ref().map(|delivery| delivery.round);
    assert_eq!(w.does(id, deliver("https://sne.example/hook?k=1")), ["subscription.delivery_set"]);
    assert_eq!(round(&w), Some(1));
    assert!(w.does(id, deliver("https://sne.example/hook?k=1")).is_empty(), "it is set already");
    assert_eq!(w.does(id, deliver("https://sne.example/other")), ["subscription.delivery_set"]);
    assert_eq!(w.does(id, ResumeDelivery {}), ["subscription.delivery_resumed"]);
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
