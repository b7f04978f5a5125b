//! W3C trace context: which trace a request belongs to, and which step of it this process is.
//!
//! The trace id is what a person quotes when something went wrong: it is in every log line of the request, in the
//! `instance` of every problem and in the header of every event the request wrote.

use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::edge;

/// The name of the header, of requests, answers and events alike.
pub const TRACEPARENT: &str = "traceparent";

/// The length of a version-00 `traceparent`.
const LENGTH: usize = 55;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// One step of one trace: `traceparent` of <https://www.w3.org/TR/trace-context/>, version 00.
///
/// Neither id is ever zero. Taken as an argument, a handler gets the context of its own request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

/// Why a `traceparent` was refused. A request that carries such a header starts a trace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
pub struct NotATraceparent;

impl TraceContext {
    /// A new trace, with its first step; not sampled.
    #[must_use]
    pub fn root() -> Self {
        Self { trace: edge::random_bytes(), span: new_span(), flags: 0 }
    }

    /// The next step of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span: new_span(), ..*self }
    }

    /// The step that serves a request: a child of the caller's if it sent one valid `traceparent`, else a new trace.
    #[must_use]
    pub fn of_request(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(TRACEPARENT).iter();
        match (given.next(), given.next()) {
            (Some(one), None) => one.to_str().ok().and_then(|text| text.parse().ok()),
            (None, _) | (Some(_), Some(_)) => None,
        }
        .map_or_else(Self::root, |caller: Self| caller.child())
    }

    /// The context of the request that is being served by this task, if it is serving one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// Runs `work` as this step: whatever it logs through [`TraceContext::span`] and whatever problem it answers
    /// carries this trace.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// A span for work done within this step outside of a request (a reaction, a delivery), so that its log lines
    /// carry the trace. Spans of this crate are at the level of errors: a filter that lets any line through lets them
    /// through, so that no line is without its trace.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        tracing::error_span!("work", trace_id = %self.trace_id(), span_id = %self.span_id())
    }

    /// The 32 hexadecimal digits shared by all steps of the trace.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The 16 hexadecimal digits of this step.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }

    /// Whether the caller asked for the trace to be recorded.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The header's value: what is sent on and what is written beside an event.
    #[must_use]
    pub fn to_header(&self) -> String {
        format!("00-{}-{}-{:02x}", hex(&self.trace), hex(&self.span), self.flags)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_header())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_header())
    }
}

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    /// Strict, as the recommendation asks: lower-case digits only, ids not zero, version `ff` refused; of a later
    /// version the first four fields are read and what follows them is ignored.
    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let bytes = text.as_bytes();
        let known = bytes.get(..LENGTH).ok_or(NotATraceparent)?;
        let [v0, v1, b'-', trace_to_flags @ ..] = known else { return Err(NotATraceparent) };
        let mut version = [0];
        unhex(&[*v0, *v1], &mut version)?;
        match (version[0], bytes.get(LENGTH)) {
            (0xff, _) => return Err(NotATraceparent),
            (0, Some(_)) => return Err(NotATraceparent),
            (0, None) | (_, None | Some(b'-')) => {}
            (_, Some(_)) => return Err(NotATraceparent),
        }
        let (trace_digits, rest) = trace_to_flags.split_at(32);
        let [b'-', rest @ ..] = rest else { return Err(NotATraceparent) };
        let (span_digits, rest) = rest.split_at(16);
        let [b'-', flag_digits @ ..] = rest else { return Err(NotATraceparent) };
        let (mut trace, mut span, mut flags) = ([0; 16], [0; 8], [0]);
        unhex(trace_digits, &mut trace)?;
        unhex(span_digits, &mut span)?;
        unhex(flag_digits, &mut flags)?;
        if trace == [0; 16] || span == [0; 8] {
            return Err(NotATraceparent);
        }
        // Of the flags only "sampled" is defined by version 00; others must not be passed on.
        Ok(Self { trace, span, flags: flags[0] & 1 })
    }
}

impl<S: Sync> FromRequestParts<S> for TraceContext {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or_else(|| Self::of_request(&parts.headers)))
    }
}

/// Eight bytes that are not all zero.
fn new_span() -> [u8; 8] {
    let mut span = [0; 8];
    span.copy_from_slice(&edge::random_bytes()[8..]);
    span
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &[u8], into: &mut [u8]) -> Result<(), NotATraceparent> {
    let digit = |d: u8| match d {
        b'0'..=b'9' => Ok(d - b'0'),
        b'a'..=b'f' => Ok(d - b'a' + 10),
        _ => Err(NotATraceparent),
    };
    for (pair, byte) in digits.chunks_exact(2).zip(into) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_as_it_is_written() {
        let context: TraceContext = SENT.parse().unwrap();
        assert_eq!(context.to_header(), SENT);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.sampled());
    }

    #[test]
    fn only_valid_traceparents_are_followed() {
        for good in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-will-be-like",
        ] {
            assert!(good.parse::<TraceContext>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00.more",
            "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_00",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-00",
        ] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_child_stays_in_its_trace_and_is_a_step_of_its_own() {
        let parent = TraceContext::root();
        let child = parent.child();
        assert_eq!(parent.trace_id(), child.trace_id());
        assert_ne!(parent.span_id(), child.span_id());
        assert_eq!(child.to_header().parse(), Ok(child));
    }

    #[test]
    fn two_traceparents_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, SENT.parse().unwrap());
        assert_eq!(TraceContext::of_request(&headers).trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        headers.append(TRACEPARENT, SENT.parse().unwrap());
        assert_ne!(TraceContext::of_request(&headers).trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
