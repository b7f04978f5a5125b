//! Answers in the words of whoever asked: a caller may call things otherwise than the service does.
//!
//! **Invariant.** Nothing passes unworded to such a caller: headers, bodies, problems and live streams, whatever the
//! handler. What cannot be worded is not sent.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};

use crate::problem::Problem;

/// How one caller's answers are worded.
pub trait Wording: Send + Sync + 'static {
    /// `text` as the caller is to read it. It is given whole words: no letter, digit or hyphen goes on before or after it.
    ///
    /// # Errors
    /// A [`Problem`] when it cannot be worded now.
    fn worded<'a>(&self, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Problem>;
}

/// The answer as its caller is to read it.
pub(super) fn worded(response: Response, wording: &Arc<dyn Wording>) -> Result<Response, Problem> {
    let (mut head, body) = response.into_parts();
    for value in head.headers.values_mut() {
        if let Cow::Owned(other) = wording.worded(value.as_bytes())? {
            *value = HeaderValue::from_bytes(&other).map_err(Problem::internal)?;
        }
    }
    // Words may differ in length.
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, as_read(body, Arc::clone(wording))))
}

/// The body, each piece worded as it comes. A word that a piece cuts in two waits for its other half: a live stream ends its
/// pieces with a line break and never waits.
fn as_read(body: Body, wording: Arc<dyn Wording>) -> Body {
    let pieces = body.into_data_stream().map(Some).chain(stream::iter([None]));
    let worded = pieces.scan(BytesMut::new(), move |held, piece| {
        let ready = match piece {
            Some(Ok(bytes)) => {
                held.extend_from_slice(&bytes);
                let whole = held.len() - held.iter().rev().take_while(|byte| goes_on(**byte)).count();
                held.split_to(whole).freeze()
            }
            Some(Err(error)) => return std::future::ready(Some(Err(error))),
            None => held.split().freeze(),
        };
        let text = wording.worded(&ready).map(|text| match text {
            Cow::Borrowed(_) => ready.clone(),
            Cow::Owned(text) => Bytes::from(text),
        });
        // The head is gone: the answer ends before its end, and whoever reads it knows.
        std::future::ready(Some(text.map_err(|problem| axum::Error::new(Unworded(problem.code())))))
    });
    Body::from_stream(worded.filter(|piece| {
        let something = piece.as_ref().map_or(true, |bytes| !bytes.is_empty());
        std::future::ready(something)
    }))
}

/// Whether a word may go on with this.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// An answer could not be worded to its end.
#[derive(Debug, thiserror::Error)]
#[error("the answer cannot be worded for its caller: {0}")]
struct Unworded(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `true-name` something shorter, and refuses to speak of `secret`.
    struct Shorter;

    impl Wording for Shorter {
        fn worded<'a>(&self, text: &'a [u8]) -> Result<Cow<'a, [u8]>, Problem> {
            let text = std::str::from_utf8(text).unwrap();
            if text.contains("secret") {
                return Err(Problem::broker_unreachable());
            }
            Ok(Cow::Owned(text.replace("true-name", "alias").into_bytes()))
        }
    }

    fn answer(pieces: &[&'static str]) -> Response {
        let pieces = pieces.iter().map(|piece| Ok::<_, axum::Error>(Bytes::from_static(piece.as_bytes())));
        let mut response = Response::new(Body::from_stream(stream::iter(pieces.collect::<Vec<_>>())));
        response.headers_mut().insert("location", HeaderValue::from_static("/things/true-name"));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("21"));
        response
    }

    async fn read(pieces: &[&'static str]) -> Result<String, axum::Error> {
        let wording: Arc<dyn Wording> = Arc::new(Shorter);
        let response = worded(answer(pieces), &wording).unwrap();
        assert_eq!(response.headers()["location"], "/things/alias");
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        let bytes = axum::body::to_bytes(response.into_body(), 1_024).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_word_is_worded_wherever_pieces_cut_it() {
        let text = "{\"a\":\"true-name\",\"b\":true-name}";
        for cut in 0..=text.len() {
            let (one, other) = text.split_at(cut);
            assert_eq!(read(&[one, other]).await.unwrap(), "{\"a\":\"alias\",\"b\":alias}", "cut at {cut}");
        }
        assert_eq!(read(&["true-", "na", "me"]).await.unwrap(), "alias");
        assert_eq!(read(&[]).await.unwrap(), "");
    }

    #[tokio::test]
    async fn an_event_of_a_live_stream_leaves_when_it_comes() {
        let wording: Arc<dyn Wording> = Arc::new(Shorter);
        // After each event the stream waits for ever: nothing may be held back until the next one.
        let event = stream::iter([Ok::<_, axum::Error>(Bytes::from_static(b"data: true-name\n\n"))]);
        let live = Body::from_stream(event.chain(stream::pending()));
        let mut read = worded(Response::new(live), &wording).unwrap().into_body().into_data_stream();
        assert_eq!(read.next().await.unwrap().unwrap(), "data: alias\n\n");
    }

    #[tokio::test]
    async fn what_cannot_be_worded_is_not_sent() {
        assert!(read(&["before ", "the secret ", "after"]).await.is_err());
    }
}
