use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service::lifecycle::stop_on_signals;
use service::openapi::Operation;
use service::{Server, Site, Stop};
use tokio::sync::Notify;

use crate::{PATIENCE, Running, settings};

fn site(begun: &Arc<Notify>, told: &Arc<Notify>) -> Site {
    let (begun, told) = (Arc::clone(begun), Arc::clone(told));
    let wait = || async move {
        begun.notify_one();
        told.notified().await;
        "done"
    };
    Site::new("intake").page(&Operation::get("/wait", "wait", "intake", "Wait").open_to_all(), wait, ())
}

#[tokio::test]
async fn what_is_under_way_ends_and_nothing_new_is_taken_on() {
    let (begun, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let service = Running::start(&settings(), |_| site(&begun, &told)).await;
    let under_way = tokio::spawn(service.client.get(service.url("/wait")).send());
    begun.notified().await;
    service.handle.stop();
    let refused = async {
        while tokio::net::TcpStream::connect(service.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the listener closes");
    told.notify_one();
    assert_eq!(under_way.await.unwrap().unwrap().text().await.unwrap(), "done");
    service.handle.join().await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let service = Running::start(&settings(), |_| Site::new("intake")).await;
    // Kept open by the client for its next request.
    service.get("/healthz").await.text().await.unwrap();
    let begun = Instant::now();
    service.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_dropped() {
    let (begun, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut settings = settings();
    settings.http.shutdown_grace_s = 1;
    let service = Running::start(&settings, |_| site(&begun, &told)).await;
    let under_way = tokio::spawn(service.client.get(service.url("/wait")).send());
    begun.notified().await;
    service.handle.stop();
    tokio::time::timeout(PATIENCE, service.handle.join()).await.expect("the stop is bounded").unwrap();
    assert!(under_way.await.unwrap().is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_by_name() {
    let service = Running::start(&settings(), |_| Site::new("intake")).await;
    let mut taken = settings();
    taken.http.address = service.address;
    let error = Server::bind(&taken.http, &taken.limits).await.unwrap_err().to_string();
    assert!(error.contains(&service.address.to_string()) && error.contains("http.address"), "{error}");
    service.stop().await;
}

#[tokio::test]
async fn a_signal_asks_to_stop_and_a_second_one_tells_to() {
    let stop = Stop::new();
    let listening = stop_on_signals(stop.clone()).unwrap();
    let signal = |name: &str| {
        let sent = Command::new("kill").arg(name).arg(std::process::id().to_string()).status().unwrap();
        assert!(sent.success());
    };
    signal("-TERM");
    tokio::time::timeout(PATIENCE, stop.stopping()).await.unwrap();
    signal("-INT");
    tokio::time::timeout(PATIENCE, stop.killed()).await.unwrap();
    listening.await.unwrap();
}
