use serde_json::json;

use super::*;
use crate::problem::Kind;

fn api() -> Api {
    Api::new()
        .tag("intake", "Households, requests, referrals.")
        .schema("HouseholdId", json!({ "type": "string" }))
        .schema("ProposeReferral", json!({ "type": "object", "properties": { "household": { "$ref": "#/components/schemas/HouseholdId" } } }))
        .schema("Recorded", json!({ "type": "object" }))
        .operation(
            Operation::post(
                "/api/v1/households/{id}/propose-referral",
                "proposeReferral",
                "intake",
                "Propose a place to a household",
            )
            .path_parameter("id", Schema::named("HouseholdId"), "The household.")
            .command()
            .body(Schema::named("ProposeReferral"), Some(json!({ "household": "33-…" })))
            .answer(200, "It was recorded.", Schema::named("Recorded"), None)
            .problems([Kind::UnknownId]),
        )
}

#[test]
fn the_document_is_openapi_3_1_and_every_reference_in_it_resolves() {
    let document = api().document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(unresolved(&document), Vec::<String>::new());
    // The library reads the skeleton; of JSON Schema 2020-12 it knows only a part.
    let mut skeleton = document.clone();
    skeleton["components"] = json!({});
    let typed: Result<utoipa::openapi::OpenApi, _> = serde_json::from_value(skeleton);
    assert!(typed.is_ok(), "{:?}", typed.err());
    let operation = &document["paths"]["/api/v1/households/{id}/propose-referral"]["post"];
    assert_eq!(operation["operationId"], "proposeReferral");
    assert_eq!(operation["parameters"].as_array().unwrap().len(), 3);
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/ProposeReferral");
    let responses = &operation["responses"];
    assert_eq!(responses["412"]["$ref"], "#/components/responses/Problem-stale-version");
    assert!(responses["409"]["description"].as_str().unwrap().contains("`contended`"));
    assert!(responses["409"]["description"].as_str().unwrap().contains("the rule's own code"));
}

#[test]
fn a_schema_that_is_missing_is_found() {
    let api = api().schema("Recorded", json!({ "$ref": "#/components/schemas/Gone" }));
    assert_eq!(unresolved(&api.document()), ["#/components/schemas/Gone"]);
}

#[test]
fn the_document_does_not_depend_on_the_order_it_was_made_in() {
    let other =
        Api::new().operation(Operation::get("/api/v1/places", "listPlaces", "insertion", "Places").list());
    let one = api().merge(other.clone()).unwrap().text();
    assert_eq!(one, other.merge(api()).unwrap().text());
    assert!(one.ends_with("}\n"));
}

#[test]
fn two_meanings_of_one_name_are_refused() {
    let other = Api::new().schema("Recorded", json!({ "type": "string" }));
    assert_eq!(api().merge(other).unwrap_err(), Conflict::Schema("Recorded".to_owned()));
    let same_id = Api::new().operation(Operation::get("/x", "proposeReferral", "feed", "x"));
    assert_eq!(api().merge(same_id).unwrap_err(), Conflict::OperationId("proposeReferral"));
    let twice = |id| Operation::get("/api/v1/places", id, "feed", "x");
    let conflict = Api::new().operation(twice("a")).merge(Api::new().operation(twice("b"))).unwrap_err();
    assert_eq!(conflict, Conflict::Route("GET /api/v1/places".to_owned()));
}

#[test]
fn two_methods_of_one_path_stand_side_by_side() {
    let api = Api::new()
        .operation(Operation::get("/api/v1/places", "listPlaces", "insertion", "Places").list())
        .operation(Operation::post("/api/v1/places", "openPlace", "insertion", "Open a place").command());
    let document = api.document();
    let path = document["paths"]["/api/v1/places"].as_object().unwrap();
    assert_eq!(path.keys().collect::<Vec<_>>(), ["get", "post"]);
}
