//! What comes back.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its JSON; null when it is empty or not JSON.
    pub body: Value,
}

/// What a recorded command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the ledger that was addressed.
    pub id: String,
    /// The position of its last event.
    pub position: u64,
    /// Whether the command was recorded before.
    pub repeated: bool,
    /// Its events: id, type, ledger, position.
    pub events: Vec<(String, String, String, u64)>,
    /// What it created, by the word for it: `request`, `stay`.
    pub created: Value,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        Ok(Self { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// The code of the problem; empty when it is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body of a success.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    /// The receipt of a command that was recorded.
    ///
    /// # Panics
    /// When it was not.
    #[must_use]
    pub fn recorded(self) -> Receipt {
        let body = self.ok();
        let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let events = body["events"].as_array().unwrap().iter();
        let events = events.map(|event| {
            let position = event["position"].as_u64().unwrap();
            (text(event, "id"), text(event, "type"), text(event, "ledger"), position)
        });
        Receipt {
            id: text(&body, "id"),
            position: body["position"].as_u64().unwrap(),
            repeated: body["repeated"].as_bool().unwrap(),
            events: events.collect(),
            created: body["created"].clone(),
        }
    }

    /// The problem, which must have this status and this code, and the form of RFC 9457.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        assert_eq!(self.body["status"], status);
        let media = self.headers["content-type"].to_str().unwrap();
        assert!(media.starts_with("application/problem+json"), "{media}");
        for member in ["type", "title"] {
            assert!(self.body[member].is_string(), "{member} of {}", self.body);
        }
        self.body
    }
}

impl Receipt {
    /// The only thing of this sort that it created: `request`.
    ///
    /// # Panics
    /// When it created none, or several.
    #[must_use]
    pub fn new_one(&self, sort: &str) -> String {
        let ids = self.created[sort].as_array().unwrap_or_else(|| panic!("no {sort} in {}", self.created));
        assert_eq!(ids.len(), 1, "{}", self.created);
        ids[0].as_str().unwrap().to_owned()
    }

    /// The types of its events, in order.
    #[must_use]
    pub fn types(&self) -> Vec<&str> {
        self.events.iter().map(|(_, kind, _, _)| kind.as_str()).collect()
    }
}
