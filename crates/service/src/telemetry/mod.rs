//! What a process says about itself while it runs: one line per thing worth knowing, on standard error.
//!
//! Standard output belongs to the program that started us (`ready http://…`). Each line made while serving a request
//! carries the request's `trace_id`; so do the lines of work done within [`TraceContext::span`].

mod line;
mod trace_context;

use std::io::IsTerminal;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use crate::config::{Log, LogFormat};

pub use trace_context::{NotATraceparent, TRACEPARENT, TraceContext};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is not a filter: correct the configuration.
    #[error("log.filter is not a filter such as \"info,journal=debug\"")]
    Filter(#[from] ParseError),
    /// Logging was already set up: it belongs to the process, not to a service.
    #[error("logging is already set up in this process")]
    AlreadyInstalled(#[from] TryInitError),
}

/// Sends the log of this process to standard error, in the configured form, and panics to the log.
///
/// Once per process, before anything is started.
///
/// # Errors
///
/// [`TelemetryError::Filter`] when `log.filter` cannot be read, [`TelemetryError::AlreadyInstalled`] on a second call.
pub fn install(log: &Log) -> Result<(), TelemetryError> {
    subscriber(log, std::io::stderr)?.try_init()?;
    log_panics();
    Ok(())
}

/// The subscriber of [`install`], writing elsewhere.
fn subscriber<W>(log: &Log, writer: W) -> Result<impl tracing::Subscriber + Send + Sync, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter: Targets = log.filter.parse()?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Json => lines.json().event_format(line::JsonLine).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines))
}

/// A panic becomes one log line with its place. Its message is logged only if it is a literal of the source: a
/// formatted message may hold a value, and a value may be a person's.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
        tracing::error!(panic.place = %place, panic.message = message, "panicked at {place}");
    }));
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        logged_with("info,quiet=off", format, work)
    }

    fn logged_with(filter: &str, format: LogFormat, work: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let log = Log { format, filter: filter.to_owned() };
        let subscriber = subscriber(&log, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, work);
        written.text()
    }

    #[test]
    fn each_json_line_carries_the_trace_however_deep_the_spans() {
        let context = TraceContext::root();
        let text = logged(LogFormat::Json, || {
            context.span().in_scope(|| {
                tracing::info_span!("inner", household.id = "33-x").in_scope(|| {
                    tracing::info!(count = 3, text = "a\nb", "done with \"it\"");
                });
                tracing::debug!("too fine");
                tracing::error!(target: "quiet", "not wanted");
            });
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["trace_id"], context.trace_id());
        assert_eq!(line["household.id"], "33-x");
        assert_eq!(line["count"], 3);
        assert_eq!(line["text"], "a\nb");
        assert_eq!(line["message"], "done with \"it\"");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "service::telemetry::tests");
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn a_line_of_a_library_that_speaks_log_has_the_librarys_target() {
        let text = logged(LogFormat::Json, || {
            let record = tracing_log::log::Record::builder()
                .args(format_args!("compacted"))
                .level(tracing_log::log::Level::Warn)
                .target("sled")
                .build();
            tracing_log::format_trace(&record).unwrap();
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["target"], &line["level"], &line["message"]),
            (&"sled".into(), &"WARN".into(), &"compacted".into())
        );
        assert!(!text.contains("log.target"), "{text}");
    }

    #[test]
    fn text_lines_carry_the_trace_too() {
        let context = TraceContext::root();
        let text = logged(LogFormat::Text, || context.span().in_scope(|| tracing::warn!("slow")));
        assert!(text.contains(&context.trace_id()) && text.contains("slow"), "{text}");
    }

    #[test]
    fn a_filter_that_lets_only_errors_through_keeps_their_trace() {
        let context = TraceContext::root();
        let text =
            logged_with("error", LogFormat::Json, || context.span().in_scope(|| tracing::error!("lost")));
        assert!(text.contains(&context.trace_id()), "{text}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        let log = Log { format: LogFormat::Json, filter: "info,journal=shouting".to_owned() };
        assert!(subscriber(&log, io::sink).is_err());
    }
}
