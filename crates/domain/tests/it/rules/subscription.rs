//! What an organisation wants to be told of.

use domain::decide::subscription::{
    ChangeSubscription, CloseSubscription, OpenSubscription, PauseSubscription, ResumeSubscription,
};
use domain::id::{OrganisationId, SubscriptionId};
use domain::ledger::{AggregateId, State};
use domain::money::Money;
use domain::placement::Wants;
use domain::subscription::{Flow, Resumption, Subscription};
use uuid::Uuid;

use crate::scenario::{World, gironde};

fn wants(cents: i64) -> Wants {
    Wants { rent_max: Some(Money::cents(cents)), ..Wants::default() }
}

pub(super) fn open(label: &str) -> OpenSubscription {
    OpenSubscription { territory: gironde(), label: label.to_owned(), wants: wants(64_000) }
}

fn change(label: &str, wants: Wants) -> ChangeSubscription {
    ChangeSubscription { label: label.to_owned(), wants }
}

pub(super) fn is(w: &World, id: SubscriptionId) -> &Subscription {
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
