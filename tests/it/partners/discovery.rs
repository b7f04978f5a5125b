//! The gateways are found by whoever runs the house, with the questions that every tool for NATS's micro services asks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::service::{Info, PingResponse};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tests::{PATIENCE, Shape, World};
use tokio::time::timeout;

use super::software::Software;
use super::{admitted, connected};

/// The services that take commands of partners, as they are called on the broker.
const GATEWAYS: [&str; 4] =
    ["continuum-feed", "continuum-insertion", "continuum-intake", "continuum-landlord"];

/// How long answers are waited for before it is asked again.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// The names of those who answer `$SRV.PING`, asked until all of them do: a broker that was started again for a partner is
/// connected to by each of them in its own time.
async fn found(client: &async_nats::Client) -> BTreeSet<String> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    let mut found = BTreeSet::new();
    let all = async {
        while found.len() < GATEWAYS.len() {
            client.publish_with_reply("$SRV.PING", inbox.clone(), "".into()).await.unwrap();
            while let Ok(answer) = timeout(ASKED_EVERY, answers.next()).await {
                let answer = answer.unwrap();
                // Nobody is there yet, says the broker.
                if answer.status.is_some() {
                    continue;
                }
                let ping: PingResponse = serde_json::from_slice(&answer.payload).unwrap();
                assert_eq!(ping.kind, "io.nats.micro.v1.ping_response");
                found.insert(ping.name);
            }
        }
    };
    timeout(PATIENCE, all).await.expect("each gateway answers");
    found
}

async fn asked(client: &async_nats::Client, question: String) -> Vec<u8> {
    client.request(question, "".into()).await.unwrap().payload.to_vec()
}

async fn gateways_are_found(shape: Shape) {
    let world = World::start(shape).await;
    let caller = world.caller();
    let told = admitted(&world, &caller).await;
    let operator = connected(&world, &told, "ops").await;
    assert_eq!(found(&operator).await, BTreeSet::from(GATEWAYS.map(str::to_owned)));

    let openapi = world.document(&world.base("feed")).await;
    let mut taken = BTreeMap::new();
    for gateway in GATEWAYS {
        let info = asked(&operator, format!("$SRV.INFO.{gateway}")).await;
        let info: Info = serde_json::from_slice(&info).unwrap();
        for endpoint in info.endpoints {
            let schema = endpoint.metadata["schema"].strip_prefix("/api/openapi.json#").unwrap();
            assert!(openapi.pointer(schema).is_some(), "{schema}");
            assert!(endpoint.metadata["right"].contains('.') && !endpoint.metadata["summary"].is_empty());
            taken.insert(endpoint.metadata["subject"].replace("<territory>", "{territory}"), endpoint.name);
        }
    }
    let described = caller.asking("/api/asyncapi.json").anonymously().send().await.ok();
    let channels = described["channels"].as_object().unwrap().values();
    let commands =
        channels.filter_map(|channel| channel["address"].as_str()).filter(|to| to.starts_with("cmd."));
    let commands: BTreeSet<String> = commands.map(str::to_owned).collect();
    assert_eq!(taken.keys().cloned().collect::<BTreeSet<_>>(), commands, "all that is taken is described");

    let software = Software::connect(&told).await.unwrap();
    let building = caller.structure("social_dwelling").await;
    let dwelling = caller.place(&building, "social_dwelling", 4).await;
    let (status, _) =
        software.command("33.dwellings.declare-vacancy", "k1", Some(&dwelling), &json!({})).await;
    assert_eq!(status, 200);
    let stats = asked(&operator, "$SRV.STATS.continuum-landlord".to_owned()).await;
    let stats: Value = serde_json::from_slice(&stats).unwrap();
    let one =
        stats["endpoints"].as_array().unwrap().iter().find(|one| one["name"] == "dwellings-declare-vacancy");
    assert_eq!(one.unwrap()["num_requests"], 1, "{stats}");
    assert_eq!(software.attempt("$SRV.PING").await, None, "a partner finds none of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_of_one_machine_are_found_by_tools_for_micro_services_and_by_no_partner() {
    gateways_are_found(Shape::One).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_on_a_shared_broker_are_found_by_tools_for_micro_services_and_by_no_partner() {
    gateways_are_found(Shape::Five).await;
}
