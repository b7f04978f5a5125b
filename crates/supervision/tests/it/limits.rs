//! How often one may ask, beyond what each token may.

use serde_json::json;

use domain::rights::Role;

use crate::browser::Browser;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_begun_so_often_in_an_hour_and_its_pages_are_not_counted() {
    let world = World::with(|settings, _| settings.limits.exports_max = 2).await;
    let token = world.first.issues(world.siao, Role::SiaoManager).await;
    let mut software = Browser { bearer: Some(token), ..world.browser() };
    let proof = "/api/v1/households/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90/accesses/proof";
    for _ in 0..2 {
        assert_eq!(software.get(proof).await.refusal(), (404, "unknown-id"));
    }
    let answer = software.get(proof).await;
    assert_eq!(answer.refusal(), (429, "too-many-requests"));
    assert_eq!(answer.header("retry-after"), "1800", "half an hour");
    let bound = json!({ "name": "limits.exports_max", "value": 2, "unit": "an hour" });
    assert_eq!(answer.body["bound"], bound);
    let page = software.get(&format!("{proof}?cursor=x")).await;
    assert_eq!(page.refusal().0, 400, "the cursor is none, and it was looked at");
    world.passes(jiff::SignedDuration::from_mins(30));
    assert_eq!(software.get(proof).await.refusal(), (404, "unknown-id"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_an_organisation_together_ask_so_often_and_others_do_not_wait_for_them() {
    let world = World::with(|settings, _| settings.limits.per_organisation_max = 3).await;
    let token = world.first.issues(world.siao, Role::SiaoManager).await;
    let other = world.first.issues(world.siao, Role::SiaoManager).await;
    let of = |token: &str| Browser { bearer: Some(token.to_owned()), ..world.browser() };
    for token in [&token, &other, &token] {
        of(token).get("/api/v1/session").await.is(200);
    }
    let answer = of(&other).get("/api/v1/session").await;
    assert_eq!(answer.refusal(), (429, "too-many-requests"));
    let bound = json!({ "name": "limits.per_organisation_max", "value": 3, "unit": "a minute" });
    assert_eq!((&answer.body["bound"], answer.header("retry-after")), (&bound, "20"));
    world.software().get("/api/v1/session").await.is(200);
    world.stop().await;
}
