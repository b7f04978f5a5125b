//! How those who run it watch it: health, readiness, counts, traces, logs.

use serde_json::Value;
use tests::{Live, Shape, World, bodies};

/// A trace that a partner's software has begun.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_request_into_the_event_and_out_on_the_stream() {
    for shape in [Shape::One, Shape::All, Shape::Five] {
        let world = World::with(shape, &[("CONTINUUM_LOG", "info")]).await;
        let caller = world.caller();
        let mut live = Live::open(caller.asking("/api/v1/events/stream").with("after", 0)).await;
        let traced = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let command = caller.command("/api/v1/households", &bodies::household("Colin"));
        let answer = command.header("traceparent", &traced).send().await;
        assert_eq!(trace_of(&answer.headers["traceparent"].to_str().unwrap().into()), TRACE);
        let receipt = answer.recorded();

        let told = live.next().await;
        assert_eq!(trace_of(&told.data["traceparent"]), TRACE, "{}", told.data);
        assert_eq!(told.data["id"], receipt.events[0].0.as_str());
        let read = caller.events(0, "").await;
        assert_eq!(read[0], told.data);
        check_cloud_event(&told.data, caller.organisation());

        let refused = caller.command("/api/v1/households", &Value::Null).header("traceparent", &traced);
        let problem = refused.send().await.refused(400, "malformed-body");
        assert_eq!(problem["instance"], format!("urn:continuum:trace:{TRACE}"));
        tests::until("the request is logged under its trace", || async { world.logged().contains(TRACE) })
            .await;
    }
}

/// `00-<trace>-<span>-<flags>`
fn trace_of(header: &Value) -> &str {
    header.as_str().unwrap().split('-').nth(1).unwrap()
}

fn check_cloud_event(event: &Value, organisation: &str) {
    let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("{name} of {event}"));
    assert_eq!((text("specversion"), text("type")), ("1.0", "household.registered"));
    assert!(text("sequence").parse::<u64>().is_ok(), "{event}");
    assert!(text("actor").starts_with("token:") && text("org") == organisation, "{event}");
    for date in ["time", "effectivetime"] {
        assert!(text(date).parse::<jiff::Timestamp>().is_ok(), "{date} of {event}");
    }
    assert!(text("subject").starts_with("household/33-") && !event.to_string().contains("Colin"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_says_that_it_turns_whether_it_is_ready_and_what_it_counts() {
    for shape in [Shape::One, Shape::All, Shape::Five] {
        let world = World::start(shape).await;
        let caller = world.caller();
        let register = caller.command("/api/v1/households", &bodies::household("Vidal")).key("a");
        for _ in 0..2 {
            let _ = register.clone().send().await.recorded();
        }
        let _ =
            caller.post("/api/v1/households", &bodies::household_of(&[])).await.refused(422, "members-count");
        for service in ["intake", "insertion", "landlord", "supervision", "feed"] {
            let base = world.base(service);
            let get = async |path: &str| world.http().get(format!("{base}{path}")).send().await.unwrap();
            let health = get("/healthz").await;
            assert_eq!(health.status(), 200);
            let ready = get("/readyz").await;
            assert_eq!(ready.status(), 200);
            let ready: Value = ready.json().await.unwrap();
            let checks = ready["checks"].as_array().unwrap();
            // Of the broker and of the view; intake has a second view.
            let own = if service == "intake" { 3 } else { 2 };
            assert_eq!(checks.len(), if shape == Shape::Five { own } else { 11 }, "{ready}");
            assert!(checks.iter().all(|check| check["ready"] == true), "{ready}");
            // The view is measured once a second.
            tests::until("the view's position is counted", || async {
                let counted = get("/metrics").await.text().await.unwrap();
                let position = count(&counted, "continuum_view_position_events", &[("service", service)]);
                position == Some(caller.seen() as f64)
            })
            .await;
        }
        let counted = world.http().get(format!("{}/metrics", world.base("intake"))).send().await.unwrap();
        check_counts(&counted.text().await.unwrap());
    }
}

fn check_counts(metrics: &str) {
    let commands = |outcome: &str| {
        let labels = [("service", "intake"), ("command", "register"), ("outcome", outcome)];
        count(metrics, "continuum_commands_total", &labels)
    };
    assert_eq!(
        (commands("recorded"), commands("repeated"), commands("refused")),
        (Some(1.0), Some(1.0), Some(1.0)),
        "{metrics}"
    );
    let problems = [("code", "members-count")];
    assert_eq!(count(metrics, "continuum_http_problems_total", &problems), Some(1.0), "{metrics}");
    let posts = [("route", "/api/v1/households"), ("method", "POST"), ("status", "201")];
    assert_eq!(count(metrics, "continuum_http_requests_total", &posts), Some(2.0), "{metrics}");
    assert!(count(metrics, "continuum_process_resident_memory_bytes", &[]).is_some_and(|bytes| bytes > 1e6));
    // Labels have few values: nothing of a household is among them.
    assert!(!metrics.contains("33-") && !metrics.contains("Vidal"), "{metrics}");
}

/// The value of a metric with these labels, whatever others it has.
fn count(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let fits = |line: &&str| {
        let named = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        named && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    };
    metrics.lines().find(fits)?.rsplit(' ').next()?.parse().ok()
}
