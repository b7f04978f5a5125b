//! Every metric of every service: its name, what it counts, and what its labels are.
//!
//! A name says its unit last; a counter ends in `_total`. Labels have few values: never an id, never a path.

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// `continuum_<what>_<unit>[_total]`.
    pub name: &'static str,
    /// What it does over time.
    pub shape: Shape,
    /// The labels it has.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub description: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], description: &'static str) -> Metric {
    Metric { name, shape: Shape::Counter, labels, description }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], description: &'static str) -> Metric {
    Metric { name, shape: Shape::Gauge, labels, description }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], description: &'static str) -> Metric {
    Metric { name, shape: Shape::Histogram, labels, description }
}

/// Requests answered.
pub const HTTP_REQUESTS: Metric = counter(
    "continuum_http_requests_total",
    &["service", "route", "method", "status"],
    "Requests answered, by route template, method and status.",
);

/// How long requests took.
pub const HTTP_DURATION: Metric = histogram(
    "continuum_http_request_duration_seconds",
    &["service", "route", "method"],
    "Time from the request's head to the answer's head.",
);

/// Requests being served.
pub const HTTP_UNDER_WAY: Metric =
    gauge("continuum_http_under_way_requests", &["service"], "Requests being served now.");

/// Connections that are open.
pub const HTTP_CONNECTIONS: Metric =
    gauge("continuum_http_open_connections", &["service"], "Connections open now.");

/// Problems answered.
pub const PROBLEMS: Metric = counter(
    "continuum_http_problems_total",
    &["code", "kind"],
    "Problems answered, by code; the kind tells apart the codes of rules.",
);

/// Live streams that are open.
pub const STREAMS: Metric =
    gauge("continuum_live_open_streams", &["service"], "Live streams (server-sent events) open now.");

/// Commands decided.
pub const COMMANDS: Metric = counter(
    "continuum_commands_total",
    &["service", "command", "outcome"],
    "Commands decided, by outcome: recorded, repeated, refused, contended, failed.",
);

/// How long commands took.
pub const COMMAND_DURATION: Metric = histogram(
    "continuum_command_duration_seconds",
    &["service", "command"],
    "Time from deciding a command to its being on disk.",
);

/// How far a view is behind, in events.
pub const VIEW_LAG_EVENTS: Metric =
    gauge("continuum_view_lag_events", &["service", "view"], "Events the view has still to apply.");

/// How far a view is behind, in time.
pub const VIEW_LAG_SECONDS: Metric = gauge(
    "continuum_view_lag_seconds",
    &["service", "view"],
    "Time between the recording of the last applied event and its application; 0 when nothing waits.",
);

/// Where a view stands.
pub const VIEW_POSITION: Metric =
    gauge("continuum_view_position_events", &["service", "view"], "Position of the last applied event.");

/// Aggregates a view has stopped at.
pub const VIEW_STOPPED: Metric = gauge(
    "continuum_view_stopped_aggregates",
    &["service", "view"],
    "Aggregates that hold an event which could not be read or applied.",
);

/// Whether a check of readiness passed when it was last asked.
pub const READY: Metric =
    gauge("continuum_ready_ratio", &["service", "check"], "1 when the check passed when last asked, else 0.");

/// Runs of periodic work.
pub const TICKER_RUNS: Metric = counter(
    "continuum_ticker_runs_total",
    &["ticker", "outcome"],
    "Runs of periodic work, by outcome: done, failed, overran.",
);

/// How long runs of periodic work took.
pub const TICKER_DURATION: Metric =
    histogram("continuum_ticker_run_duration_seconds", &["ticker"], "Time that a run of periodic work took.");

/// Memory of the process.
pub const PROCESS_MEMORY: Metric =
    gauge("continuum_process_resident_memory_bytes", &[], "Memory of the process that is in RAM.");

/// Age of the process.
pub const PROCESS_UPTIME: Metric =
    gauge("continuum_process_uptime_seconds", &[], "Time since the process started.");

/// Every metric, in the order of this file.
pub const ALL: [Metric; 17] = [
    HTTP_REQUESTS,
    HTTP_DURATION,
    HTTP_UNDER_WAY,
    HTTP_CONNECTIONS,
    PROBLEMS,
    STREAMS,
    COMMANDS,
    COMMAND_DURATION,
    VIEW_LAG_EVENTS,
    VIEW_LAG_SECONDS,
    VIEW_POSITION,
    VIEW_STOPPED,
    READY,
    TICKER_RUNS,
    TICKER_DURATION,
    PROCESS_MEMORY,
    PROCESS_UPTIME,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_says_whose_it_is_and_its_unit_last() {
        let units = [
            "requests",
            "connections",
            "streams",
            "seconds",
            "events",
            "aggregates",
            "ratio",
            "bytes",
            "commands",
            "problems",
            "runs",
        ];
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        for metric in ALL {
            let bare = metric.name.strip_prefix("continuum_").unwrap();
            let (counts, bare) = bare.strip_suffix("_total").map_or((false, bare), |bare| (true, bare));
            assert_eq!(counts, metric.shape == Shape::Counter, "{}", metric.name);
            assert!(units.iter().any(|unit| bare.ends_with(unit)), "{}", metric.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
