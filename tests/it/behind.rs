//! What another process recorded a moment ago is not overlooked: a decision never rests on a view that is behind.

use domain::organisation::OrganisationKind as Kind;
use serde_json::json;
use tests::{Shape, World, bodies};

/// How often the same is tried: each time the view may be behind, or not.
const TIMES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_out_of_rank_needs_its_reason_in_the_very_instant_of_the_vacancy() {
    let world = World::start(Shape::Five).await;
    let caller = world.caller();
    let kinds = ["social_residence"];
    let first = caller.waiting(&bodies::household("Aubert"), &kinds).await;
    let second = caller.waiting(&bodies::household("Barbier"), &kinds).await;
    let structure = caller.structure(kinds[0]).await;
    for n in 0..TIMES {
        let place = caller.place(&structure, kinds[0], 1).await;
        caller.act(&format!("places/{place}"), "declare-vacancy", &json!({})).await;
        let propose = json!({ "request": second.request, "place": place });
        let path = format!("/api/v1/households/{}/propose-referral", second.household);
        let refused = caller.post(&path, &propose).await.refused(422, "deviation-unexplained");
        assert!(refused["detail"].as_str().unwrap().contains("2e sur 2"), "{n}: {refused}");
        let ranking = caller.get(&format!("/api/v1/places/{place}/ranking")).await.ok();
        assert_eq!(ranking["ranked"][0]["household"], first.household);
    }
    assert!(caller.events(0, "type:referral.proposed").await.is_empty(), "nothing was recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dwelling_is_no_place_of_a_provider_in_the_very_instant_it_is_opened() {
    let world = World::start(Shape::Five).await;
    let caller = world.caller();
    let building = caller.structure("social_dwelling").await;
    for _ in 0..TIMES {
        let dwelling = caller.place(&building, "social_dwelling", 3).await;
        let path = format!("/api/v1/places/{dwelling}/declare-vacancy");
        let asking = caller.command(&path, &json!({})).as_the(Kind::SocialLandlord);
        let _ = asking.send().await.refused(422, "other-collection");
    }
    assert!(caller.events(0, "type:vacancy.*").await.is_empty(), "nothing was recorded");
}
