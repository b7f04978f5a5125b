//! A live stream of events, read as a partner's software reads it.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::time::timeout;

use crate::{Ask, PATIENCE};

/// An event that was told live.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where to go on from.
    pub id: String,
    /// `referral.proposed`.
    pub name: String,
    /// The `CloudEvent`.
    pub data: Value,
}

impl Told {
    /// The position of the event.
    ///
    /// # Panics
    /// When its id is none.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.id.parse().unwrap()
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Live {
    response: reqwest::Response,
    bytes: Vec<u8>,
    ready: VecDeque<Told>,
}

impl Live {
    /// Opens the stream that `ask` asks for.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn open(ask: Ask) -> Self {
        let response = ask.start().await.unwrap();
        assert_eq!(response.status(), 200, "the stream opens");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, bytes: Vec::new(), ready: VecDeque::new() }
    }

    /// The next event.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`], or the stream ends.
    pub async fn next(&mut self) -> Told {
        timeout(PATIENCE, self.try_next()).await.expect("an event comes").expect("the stream goes on")
    }

    /// Every event up to the one at `position`.
    ///
    /// # Panics
    /// As [`Live::next`].
    pub async fn up_to(&mut self, position: u64) -> Vec<Told> {
        let mut told = Vec::new();
        while told.last().is_none_or(|last: &Told| last.position() < position) {
            told.push(self.next().await);
        }
        told
    }

    /// The next event; none once the stream has ended or broken.
    pub async fn try_next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            let chunk = self.response.chunk().await.ok()??;
            self.bytes.extend_from_slice(&chunk);
            while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.bytes.drain(..end + 2).collect();
                self.ready.extend(frame_of(&String::from_utf8_lossy(&frame)));
            }
        }
    }
}

/// The event of a frame; comments and settings are none.
fn frame_of(text: &str) -> Option<Told> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(|value| value.trim_start())
    };
    let data = serde_json::from_str(field("data")?).ok()?;
    Some(Told { id: field("id")?.to_owned(), name: field("event")?.to_owned(), data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_with_data_is_an_event_and_any_other_is_none() {
        let told = frame_of("id: 7\nevent: place.held\ndata: {\"a\":1}\n\n").unwrap();
        assert_eq!(
            (told.position(), told.name.as_str(), &told.data["a"]),
            (7, "place.held", &Value::from(1))
        );
        assert_eq!(frame_of(": open\nretry: 2000\n\n"), None);
    }
}
