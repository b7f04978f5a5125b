//! What a process counts, rendered for Prometheus at `/metrics`.
//!
//! The registry belongs to the process: several services in one process share it and tell themselves apart by the label
//! `service`. Recording before [`install`] is lost, never an error.

pub mod names;
mod process;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ::metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::problem::Kind;
use names::Shape;

/// The upper bounds of the buckets of durations, in seconds: from the 0.35 ms of a lone append to the longest request.
const DURATION_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0];

/// How often observations are folded into their buckets when nobody asks for them, so that they do not pile up.
pub(crate) const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// The registry of this process.
pub struct Registry {
    handle: PrometheusHandle,
    started: Instant,
}

impl Registry {
    /// Everything counted so far, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        gauge!(names::PROCESS_UPTIME.name).set(self.started.elapsed().as_secs_f64());
        if let Some(bytes) = process::resident_memory_bytes() {
            gauge!(names::PROCESS_MEMORY.name).set(as_number(bytes));
        }
        self.handle.render()
    }

    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// The registry of this process, set up by the first call. When the program that we are part of has installed a
/// recorder of its own, that one counts and this one renders nothing.
pub fn install() -> &'static Registry {
    REGISTRY.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for metric in names::ALL.iter().filter(|metric| metric.shape == Shape::Histogram) {
            let name = Matcher::Full(metric.name.to_owned());
            // Refused only for an empty list of buckets, of which there are fourteen.
            builder = match builder.set_buckets_for_metric(name, &DURATION_BUCKETS) {
                Ok(builder) => builder,
                Err(_) => PrometheusBuilder::new(),
            };
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if ::metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("a recorder of metrics is already installed: /metrics will be empty");
        }
        describe();
        Registry { handle, started: Instant::now() }
    })
}

fn describe() {
    for metric in names::ALL {
        match metric.shape {
            Shape::Counter => ::metrics::describe_counter!(metric.name, metric.description),
            Shape::Gauge => ::metrics::describe_gauge!(metric.name, metric.description),
            Shape::Histogram => ::metrics::describe_histogram!(metric.name, metric.description),
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its events were written.
    Recorded,
    /// It had been recorded before.
    Repeated,
    /// A rule said no.
    Refused,
    /// Others were first each time it was decided.
    Contended,
    /// The journal could not be reached, or a fault of ours.
    Failed,
}

impl Outcome {
    /// The value of the label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Contended => "contended",
            Self::Failed => "failed",
        }
    }
}

/// A command was decided. `command` is its name, `propose-referral`: one of a closed list, never what a caller sent.
pub fn command(service: &'static str, command: &'static str, outcome: Outcome, took: Duration) {
    counter!(names::COMMANDS.name, "service" => service, "command" => command, "outcome" => outcome.as_str())
        .increment(1);
    histogram!(names::COMMAND_DURATION.name, "service" => service, "command" => command)
        .record(took.as_secs_f64());
}

/// Where a view stands: the position of its last applied event, and how far it is behind in events and in time.
pub fn view(service: &'static str, view: &'static str, position: u64, lag_events: u64, lag: Duration) {
    gauge!(names::VIEW_POSITION.name, "service" => service, "view" => view).set(as_number(position));
    gauge!(names::VIEW_LAG_EVENTS.name, "service" => service, "view" => view).set(as_number(lag_events));
    gauge!(names::VIEW_LAG_SECONDS.name, "service" => service, "view" => view).set(lag.as_secs_f64());
}

/// How many aggregates a view has stopped at.
pub fn stopped_aggregates(service: &'static str, view: &'static str, count: u64) {
    gauge!(names::VIEW_STOPPED.name, "service" => service, "view" => view).set(as_number(count));
}

pub(crate) fn request(
    service: &'static str,
    route: String,
    method: &'static str,
    status: u16,
    took: Duration,
) {
    counter!(names::HTTP_REQUESTS.name, "service" => service, "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!(names::HTTP_DURATION.name, "service" => service, "route" => route, "method" => method)
        .record(took.as_secs_f64());
}

pub(crate) fn problem(code: &'static str, kind: Kind) {
    counter!(names::PROBLEMS.name, "code" => code, "kind" => kind.entry().code).increment(1);
}

pub(crate) fn readiness(service: &'static str, check: String, passed: bool) {
    gauge!(names::READY.name, "service" => service, "check" => check).set(f64::from(u8::from(passed)));
}

pub(crate) fn ticker(ticker: &'static str, outcome: &'static str, took: Duration) {
    counter!(names::TICKER_RUNS.name, "ticker" => ticker, "outcome" => outcome).increment(1);
    histogram!(names::TICKER_DURATION.name, "ticker" => ticker).record(took.as_secs_f64());
}

/// One more of what `metric` counts, until it is dropped.
pub(crate) struct Held(::metrics::Gauge);

impl Held {
    pub(crate) fn one_more(metric: names::Metric, service: &'static str) -> Self {
        let gauge = gauge!(metric.name, "service" => service);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Prometheus counts in floating point: exact up to 2^53, which no position reaches.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_with_its_description_and_labels() {
        let registry = install();
        command("intake", "propose-referral", Outcome::Refused, Duration::from_millis(3));
        view("intake", "waiting_households", 12, 3, Duration::from_millis(1500));
        let text = registry.render();
        for line in [
            "# TYPE continuum_commands_total counter",
            "# HELP continuum_view_lag_events Events the view has still to apply.",
            "continuum_commands_total{service=\"intake\",command=\"propose-referral\",outcome=\"refused\"} 1",
            "continuum_view_position_events{service=\"intake\",view=\"waiting_households\"} 12",
            "continuum_view_lag_seconds{service=\"intake\",view=\"waiting_households\"} 1.5",
            "continuum_command_duration_seconds_bucket{service=\"intake\",command=\"propose-referral\",le=\"0.005\"} 1",
            "continuum_process_uptime_seconds",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!cfg!(target_os = "linux") || text.contains("continuum_process_resident_memory_bytes"));
        assert!(std::ptr::eq(registry, install()));
    }
}
