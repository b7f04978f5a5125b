use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use service::extract::{Json, Path};
use service::openapi::{Operation, Schema, unresolved};
use service::{Check, Site};

use crate::{Running, problem, settings};

#[tokio::test]
async fn a_service_is_ready_when_all_its_checks_pass_and_says_which_do_not() {
    let broker = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&broker);
    let service = Running::start(&settings(), |_| {
        Site::new("intake").check(Check::new("view", || async { Ok(()) })).check(Check::new(
            "broker",
            move || {
                let answers = answers.load(Ordering::Relaxed);
                async move { if answers { Ok(()) } else { Err("the broker does not answer".to_owned()) } }
            },
        ))
    })
    .await;
    let body = problem(service.get("/readyz").await, 503, "not-ready").await;
    assert_eq!(body["service"], "intake");
    assert_eq!(
        body["checks"],
        json!([
            { "name": "view", "ready": true },
            { "name": "broker", "ready": false, "reason": "the broker does not answer" }
        ])
    );
    assert_eq!(service.get("/healthz").await.json::<Value>().await.unwrap()["healthy"], true);
    broker.store(true, Ordering::Relaxed);
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["ready"], true);
    let counted = service.get("/metrics").await.text().await.unwrap();
    assert!(counted.contains("continuum_ready_ratio{service=\"intake\",check=\"broker\"} 1"), "{counted}");
    service.stop().await;
}

#[tokio::test]
async fn a_check_that_does_not_answer_has_not_passed() {
    let site = Site::new("intake").check(Check::new("broker", std::future::pending));
    let service = Running::start(&settings(), |_| site).await;
    let body = problem(service.get("/readyz").await, 503, "not-ready").await;
    assert_eq!(body["checks"][0]["reason"], "no answer within 2 s");
    service.stop().await;
}

async fn household(Path(id): Path<String>) -> Json<String> {
    Json(id)
}

fn documented_site() -> Site {
    let household_at = "/api/v1/households/{id}";
    let read = Operation::get(household_at, "readHousehold", "intake", "Read")
        .view()
        .path_parameter("id", Schema::named("HouseholdId"), "The household.")
        .answer(200, "It is known.", Schema::Text, None)
        .open_to_all();
    Site::new("intake")
        .operation(read, household, ())
        .document(|api| api.schema("HouseholdId", json!({ "type": "string" })))
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_path() {
    let service = Running::start(&settings(), |_| documented_site()).await;
    for id in ["33-a", "33-b", "33-c"] {
        assert_eq!(service.get(&format!("/api/v1/households/{id}")).await.status(), 200);
    }
    service.get("/somewhere/else").await;
    let counted = service.get("/metrics").await.text().await.unwrap();
    let line = "continuum_http_requests_total{service=\"intake\",route=\"/api/v1/households/{id}\",method=\"GET\",\
                status=\"200\"} 3";
    assert!(counted.contains(line), "{counted}");
    assert!(counted.contains("route=\"(none)\",method=\"GET\",status=\"404\""), "{counted}");
    assert!(counted.contains("continuum_http_request_duration_seconds_bucket"), "{counted}");
    assert!(!counted.contains("33-a") && !counted.contains("somewhere"), "{counted}");
    service.stop().await;
}

#[tokio::test]
async fn the_api_is_described_where_it_is_served() {
    let service = Running::start(&settings(), |_| documented_site()).await;
    let document: Value = service.get("/api/openapi.json").await.json().await.unwrap();
    assert_eq!(unresolved(&document), Vec::<String>::new());
    for path in ["/api/v1/households/{id}", "/healthz", "/readyz", "/metrics", "/api/openapi.json"] {
        assert!(document["paths"][path]["get"]["operationId"].is_string(), "{path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn several_services_share_one_surface_and_keep_their_checks() {
    let other = Site::new("feed").check(Check::new("broker", || async { Err("away".to_owned()) }));
    let all = Site::merge("all", [documented_site(), other]).unwrap();
    let service = Running::start(&settings(), |_| all).await;
    assert_eq!(service.get("/api/v1/households/33-a").await.status(), 200);
    let body = problem(service.get("/readyz").await, 503, "not-ready").await;
    assert_eq!(body["checks"][0]["name"], "feed: broker");
    service.stop().await;
}
