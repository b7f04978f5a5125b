//! A partner's software, made with async-nats as its developers are told to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, Request};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use tests::PATIENCE;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long one attempt waits for an answer that should not come.
const ATTEMPT: Duration = Duration::from_millis(1_500);

/// How long a command waits for its answer.
const ANSWER: Duration = Duration::from_secs(20);

/// What its developers were told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) url: String,
    pub(super) account: String,
    pub(super) credentials: PathBuf,
    /// With the same rights over HTTP.
    pub(super) token: String,
}

impl Told {
    /// Reads what `continuum partner` said and wrote to `dir`.
    pub(super) fn read(said: &str, dir: &Path, organisation: &str) -> Self {
        let word = |name: &str| {
            let line =
                said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {said}"));
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let file = |ending: &str| dir.join(format!("{organisation}.{ending}"));
        let credentials = ["nk", "creds"].map(file).into_iter().find(|file| file.is_file()).unwrap();
        let token = std::fs::read_to_string(file("token")).unwrap();
        Self { url: word("url"), account: word("account"), credentials, token }
    }
}

/// A connection.
pub(super) struct Software {
    pub(super) told: Told,
    pub(super) client: Client,
    lost: watch::Receiver<bool>,
}

impl Software {
    pub(super) async fn connect(told: &Told) -> Result<Self, String> {
        let (loses, lost) = watch::channel(false);
        let said = std::fs::read_to_string(&told.credentials).map_err(|why| why.to_string())?;
        let options = ConnectOptions::new().max_reconnects(1).event_callback(move |event| {
            match event {
                Event::Disconnected | Event::Closed => drop(loses.send_replace(true)),
                Event::Connected
                | Event::LameDuckMode
                | Event::Draining
                | Event::SlowConsumer(_)
                | Event::ServerError(_)
                | Event::ClientError(_) => {}
            }
            std::future::ready(())
        });
        let is_token = told.credentials.extension().is_some_and(|ending| ending == "creds");
        let options = if is_token {
            options.credentials(&said).map_err(|why| why.to_string())?
        } else {
            options.nkey(said.trim().to_owned())
        };
        let client =
            timeout(PATIENCE, options.connect(&told.url)).await.map_err(|_| "no answer".to_owned())?;
        Ok(Self { told: told.clone(), client: client.map_err(|why| why.to_string())?, lost })
    }

    /// Waits until the broker cuts it off.
    pub(super) async fn is_cut_off(&self) {
        let mut lost = self.lost.clone();
        timeout(PATIENCE, lost.wait_for(|lost| *lost)).await.expect("it is cut off").unwrap();
    }

    /// Its own reader.
    pub(super) async fn reader(&self) -> PullConsumer {
        let js = jetstream::with_prefix(self.client.clone(), journal::accounts::PARTNER_PREFIX);
        js.get_consumer_from_stream(&self.told.account, "FEED").await.unwrap()
    }

    /// Reads its feed up to the event at `position`, acknowledging each message.
    pub(super) async fn read_up_to(&self, position: u64) -> Vec<Value> {
        let (mut read, mut last) = (Vec::<Value>::new(), 0);
        let reading = async {
            let reader = self.reader().await;
            while last < position {
                let batch = reader.fetch().max_messages(10).messages().await.unwrap();
                for message in batch.try_collect::<Vec<_>>().await.unwrap() {
                    let body: Value = serde_json::from_slice(&message.payload).unwrap();
                    last = body["sequence"].as_str().unwrap().parse().unwrap();
                    read.push(body);
                    message.double_ack().await.unwrap();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, reading).await.expect("the feed comes");
        read
    }

    /// Reads its feed, acknowledging each message, until so many came for a subscription behind the place `after` in the stream:
    /// the place of each, what names it, and what it says. What comes again, because a broker that was killed forgot that it
    /// was acknowledged, is at its old place.
    pub(super) async fn read_for(
        &self,
        subscription: &str,
        after: u64,
        count: usize,
    ) -> Vec<(u64, String, Value)> {
        let subject = format!("feed.{}.subscription-{subscription}", self.told.account);
        let mut read = Vec::new();
        let reading = async {
            let reader = self.reader().await;
            while read.len() < count {
                let batch = reader.fetch().max_messages(1).messages().await.unwrap();
                for message in batch.try_collect::<Vec<_>>().await.unwrap() {
                    let place = message.info().unwrap().stream_sequence;
                    if message.subject.as_str() == subject && place > after {
                        let id = message.headers.as_ref().unwrap().get("ce-id").unwrap().to_string();
                        read.push((place, id, serde_json::from_slice(&message.payload).unwrap()));
                    }
                    message.double_ack().await.unwrap();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, reading).await.expect("the feed comes");
        read
    }

    /// Asks a command: the status that HTTP would give, and the answer.
    pub(super) async fn command(
        &self,
        name: &str,
        key: &str,
        id: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", key);
        if let Some(id) = id {
            headers.insert(journal::gateway::TARGET, id);
        }
        let request = Request::new().headers(headers).payload(body.to_string().into()).timeout(Some(ANSWER));
        match self.client.send_request(format!("cmd.{name}"), request).await {
            Ok(answer) => {
                let status =
                    answer.headers.as_ref().and_then(|headers| headers.get(journal::gateway::STATUS));
                let status = status.map_or(0, |status| status.as_str().parse().unwrap());
                (status, serde_json::from_slice(&answer.payload).unwrap_or(Value::Null))
            }
            // Nobody takes such a command.
            Err(why) => (404, Value::String(why.to_string())),
        }
    }

    /// Asks something that is not its business: the answer, if there is one that does not say no.
    pub(super) async fn attempt(&self, subject: &str) -> Option<String> {
        let request = Request::new().payload("{}".into()).timeout(Some(ATTEMPT));
        let answer = self.client.send_request(subject.to_owned(), request).await.ok()?;
        (!refuses(&answer)).then(|| String::from_utf8_lossy(&answer.payload).into_owned())
    }
}

/// Whether an answer is a no.
fn refuses(answer: &Message) -> bool {
    let headers = answer.headers.as_ref();
    let problem = headers.is_some_and(|headers| headers.get("Nats-Service-Error").is_some());
    let status = answer.status.is_some_and(|status| status.as_u16() >= 300);
    let error = serde_json::from_slice::<Value>(&answer.payload).is_ok_and(|body| !body["error"].is_null());
    problem || status || error
}
