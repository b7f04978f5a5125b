use std::convert::Infallible;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use reqwest::Response;
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response as Answer;
use service::extract::Cursor;
use service::openapi::Operation;
use service::sse::{Event, LastEventId, Streams};
use service::{Problem, Site, Stop};

use crate::{PATIENCE, Running, problem, settings};

/// Three events after the one the client has seen, and then silence.
fn events(after: u64) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let three = (after + 1..=after + 3).map(|nth| {
        let id = Cursor::of(&nth).unwrap().to_string();
        Ok(Event::new(id, "referral.proposed", &json!({ "nth": nth, "text": "a\nb" })).unwrap())
    });
    stream::iter(three).chain(stream::pending())
}

async fn live(State(streams): State<Streams>, last: Option<LastEventId>) -> Result<Answer, Problem> {
    let after = match last {
        Some(LastEventId(id)) => id.parse::<Cursor>()?.read()?,
        None => 0,
    };
    streams.open(events(after))
}

fn site(stop: &Stop) -> Site {
    let streams = Streams::new("feed", &settings().limits, stop.clone());
    let operation = Operation::get("/api/v1/subscriptions/{id}/stream", "follow", "feed", "Follow")
        .live("Events.")
        .open_to_all();
    Site::new("feed").operation(operation, live, streams)
}

const PATH: &str = "/api/v1/subscriptions/1/stream";

/// What is sent until it holds `part`.
async fn read_until(answer: &mut Response, part: &str) -> String {
    let mut text = String::new();
    while !text.contains(part) {
        let chunk =
            tokio::time::timeout(PATIENCE, answer.chunk()).await.unwrap().unwrap().expect("more to come");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    text
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_after_the_last_event_it_saw() {
    let service = Running::start(&settings(), site).await;
    let mut answer = service.get(PATH).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-accel-buffering"], "no");
    let text = read_until(&mut answer, "\"nth\":3").await;
    assert!(text.contains("retry: 2000"), "{text}");
    let id = Cursor::of(&1_u64).unwrap();
    let expected = format!("id: {id}\nevent: referral.proposed\ndata: {{\"nth\":1,\"text\":\"a\\nb\"}}\n\n");
    assert!(text.contains(&expected), "{text}");
    drop(answer);

    let last = Cursor::of(&3_u64).unwrap().to_string();
    let mut again = service.client.get(service.url(PATH)).header("Last-Event-ID", last).send().await.unwrap();
    let text = read_until(&mut again, "\"nth\":6").await;
    assert!(!text.contains("\"nth\":3"), "{text}");
    let bad = service.client.get(service.url(PATH)).header("Last-Event-ID", "****").send().await.unwrap();
    problem(bad, 400, "malformed-cursor").await;
    drop(again);
    service.stop().await;
}

#[tokio::test]
async fn so_many_streams_and_no_more_until_one_ends() {
    let service = Running::start(&settings(), site).await;
    let (one, two) = (service.get(PATH).await, service.get(PATH).await);
    let refused = service.get(PATH).await;
    assert_eq!(refused.headers()["retry-after"], "5");
    let body = problem(refused, 503, "too-many-streams").await;
    assert_eq!(body["bound"], json!({ "name": "limits.stream_clients_max", "value": 2, "unit": "streams" }));
    drop(one);
    let freed = async {
        while service.get(PATH).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the place of a client that is gone is free");
    drop(two);
    service.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let service = Running::start(&settings(), site).await;
    let mut answer = service.get(PATH).await;
    read_until(&mut answer, "\"nth\":3").await;
    service.handle.stop();
    let ended = async { while answer.chunk().await.unwrap().is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the stream ends");
    service.handle.join().await.unwrap();
}
