//! A partner that uses async-nats: the same as `partner.py` and `partner.mjs`.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, Message, Request};
use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const MARK: &str = "CANARY";

type Says = mpsc::Sender<(Instant, Value)>;

struct Partner {
    role: Value,
    attacks: Vec<Value>,
}

/// A connection and what is known of it.
struct Connection {
    client: Client,
    /// Whether it was lost.
    lost: watch::Receiver<bool>,
    /// Whether the server complained.
    complaints: watch::Receiver<u32>,
}

pub(super) async fn run(role: Value, mut orders: mpsc::Receiver<Value>, says: Says) {
    let list = std::fs::read_to_string(role["attacks"].as_str().unwrap()).unwrap();
    let partner = Partner { role, attacks: serde_json::from_str(&list).unwrap() };
    let connection = partner.connect("own").await.unwrap();
    let say = async |what: Value| says.send((Instant::now(), what)).await.unwrap();
    let mut sinks = Vec::new();
    for attack in partner.those("subscribe") {
        let sink = connection.client.subscribe(partner.fill(&attack["subject"])).await.unwrap();
        sinks.push((attack["name"].clone(), sink));
    }
    connection.client.flush().await.unwrap();
    say(json!({ "at": "subscribed" })).await;

    orders.recv().await.unwrap();
    say(partner.own(&connection.client).await).await;
    let asked = partner.those("request").map(|attack| partner.ask(&connection.client, attack));
    for verdict in join_all(asked).await {
        say(verdict).await;
    }
    for attack in partner.those("deputy").chain(partner.those("publish")) {
        say(partner.write(&connection.client, attack).await).await;
    }
    connection.client.flush().await.unwrap();
    for (name, mut sink) in sinks {
        let mut leaked = false;
        while let Some(Some(message)) = sink.next().now_or_never() {
            leaked |= String::from_utf8_lossy(&message.payload).contains(MARK);
        }
        say(json!({ "attack": name, "refused": !leaked })).await;
    }
    for attack in partner.those("connect") {
        let connected = partner.connect(attack["credentials"].as_str().unwrap()).await.is_ok();
        say(json!({ "attack": attack["name"], "refused": !connected })).await;
    }
    for attack in partner.attacks.iter().filter(|attack| attack["count"].is_u64()) {
        let refused = partner.beyond(attack).await;
        say(json!({ "attack": attack["name"], "refused": refused })).await;
    }
    say(json!({ "at": "attacked", "connected": !*connection.lost.borrow() })).await;

    connection.lost.clone().wait_for(|lost| *lost).await.unwrap();
    say(json!({ "at": "cut" })).await;
    drop(connection);
    while orders.recv().await.is_some_and(|order| order["do"] == json!("again")) {
        let connected = partner.connect("own").await.is_ok();
        say(json!({ "at": "again", "connected": connected })).await;
    }
}

impl Partner {
    /// The attacks of one kind that make sense with this form of accounts.
    fn those<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let mode = &self.role["mode"];
        self.attacks.iter().filter(move |attack| {
            attack["do"] == kind && (attack["only"].is_null() || attack["only"] == *mode)
        })
    }

    fn fill(&self, text: &Value) -> String {
        let names = self.role["names"].as_object().unwrap();
        let text = text.as_str().unwrap_or_default().to_owned();
        names
            .iter()
            .fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value.as_str().unwrap()))
    }

    fn headers(attack: &Value) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in attack["headers"].as_object().into_iter().flatten() {
            headers.insert(name.as_str(), value.as_str().unwrap());
        }
        headers
    }

    async fn connect(&self, credentials: &str) -> Result<Connection, String> {
        let ((loses, lost), (complains, complaints)) = (watch::channel(false), watch::channel(0));
        let mut options =
            ConnectOptions::new().connection_timeout(Duration::from_secs(3)).event_callback(move |event| {
                match event {
                    Event::Disconnected | Event::Closed => drop(loses.send_replace(true)),
                    Event::ServerError(_) => complains.send_modify(|n| *n += 1),
                    Event::Connected
                    | Event::LameDuckMode
                    | Event::Draining
                    | Event::SlowConsumer(_)
                    | Event::ClientError(_) => {}
                }
                std::future::ready(())
            });
        if let Some(authority) = self.role["ca"].as_str() {
            options = options.add_root_certificates(authority.into()).require_tls(true).tls_first();
        }
        options = match credentials {
            "anonymous" => options,
            "password" => options.user_and_password("admin".to_owned(), "admin".to_owned()),
            other => {
                let path = self.role["credentials"][other].as_str().unwrap();
                let said = std::fs::read_to_string(path).unwrap();
                if path.ends_with(".creds") {
                    options.credentials(&said).map_err(|why| why.to_string())?
                } else {
                    options.nkey(said.trim().to_owned())
                }
            }
        };
        let client =
            timeout(Duration::from_secs(5), options.connect(self.role["url"].as_str().unwrap())).await;
        let client = client.map_err(|_| "no answer".to_owned())?.map_err(|why| why.to_string())?;
        Ok(Connection { client, lost, complaints })
    }

    /// What a partner is for: its own feed, its own commands.
    async fn own(&self, client: &Client) -> Value {
        let wanted = usize::try_from(self.role["messages"].as_u64().unwrap()).unwrap();
        if wanted == 0 {
            return json!({ "at": "own" });
        }
        let account = self.role["names"]["A"].as_str().unwrap();
        let js = jetstream::with_prefix(client.clone(), journal::accounts::PARTNER_PREFIX);
        let reader: PullConsumer = js.get_consumer_from_stream(account, "FEED").await.unwrap();
        let mut feed = Vec::new();
        while feed.len() < wanted {
            let batch = reader.fetch().max_messages(10).messages().await.unwrap();
            for message in batch.try_collect::<Vec<_>>().await.unwrap() {
                feed.push(String::from_utf8_lossy(&message.payload).into_owned());
                message.double_ack().await.unwrap();
            }
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "same-key");
        let receipt = client.request_with_headers("cmd.33.households.register", headers, "{}".into()).await;
        let receipt: Value = serde_json::from_slice(&receipt.unwrap().payload).unwrap();
        json!({ "at": "own", "feed": feed, "receipt": receipt })
    }

    async fn ask(&self, client: &Client, attack: &Value) -> Value {
        let request = Request::new()
            .payload(self.fill(&attack["body"]).into())
            .headers(Self::headers(attack))
            .timeout(Some(Duration::from_secs(1)));
        let (refused, detail) = match client.send_request(self.fill(&attack["subject"]), request).await {
            Ok(message) => {
                (refuses(&message), String::from_utf8_lossy(&message.payload).chars().take(120).collect())
            }
            Err(why) => (true, why.to_string()),
        };
        json!({ "attack": attack["name"], "refused": refused, "detail": detail })
    }

    /// What it did is seen by the house.
    async fn write(&self, client: &Client, attack: &Value) -> Value {
        let (subject, body) = (self.fill(&attack["subject"]), self.fill(&attack["body"]).into());
        let headers = Self::headers(attack);
        let sent = match attack["reply"].is_string() {
            true => {
                let reply = self.fill(&attack["reply"]);
                client.publish_with_reply_and_headers(subject, reply, headers, body).await
            }
            false => client.publish_with_headers(subject, headers, body).await,
        };
        let detail = sent.err().map(|why| why.to_string());
        json!({ "attack": attack["name"], "refused": true, "detail": detail })
    }

    /// More than the limits: whether one of many was refused, or the connection cut.
    async fn beyond(&self, attack: &Value) -> bool {
        let count = usize::try_from(attack["count"].as_u64().unwrap()).unwrap();
        if attack["do"] == json!("connections") {
            let mut opened = Vec::new();
            for _ in 0..count {
                match self.connect("own").await {
                    Ok(connection) => opened.push(connection),
                    Err(_) => return true,
                }
            }
            return false;
        }
        let Ok(connection) = self.connect("own").await else { return false };
        let client = &connection.client;
        let subject = self.fill(&attack["subject"]);
        match attack["do"].as_str().unwrap() {
            "subscriptions" => {
                let mut held = Vec::new();
                for n in 0..count {
                    held.push(client.subscribe(format!("_INBOX.more.{n}")).await.unwrap());
                }
                self.refused(&connection).await
            }
            "payload" => {
                let sent = client.publish(subject, "x".repeat(count).into()).await;
                sent.is_err() || self.refused(&connection).await
            }
            _ => {
                let one = |n| {
                    let mut headers = HeaderMap::new();
                    headers.insert("Nats-Msg-Id", format!("flood-{n}"));
                    client.request_with_headers(subject.clone(), headers, "{}".into())
                };
                let answers = join_all((0..count).map(one)).await;
                answers.iter().any(|answer| match answer {
                    Ok(answer) => answer.headers.as_ref().is_some_and(|headers| {
                        headers.get(journal::gateway::STATUS).is_some_and(|status| status.as_str() == "429")
                    }),
                    Err(_) => true,
                })
            }
        }
    }

    /// Whether the server complains or cuts.
    async fn refused(&self, connection: &Connection) -> bool {
        let (mut lost, mut complaints) = (connection.lost.clone(), connection.complaints.clone());
        let either = async {
            tokio::select! {
                lost = lost.wait_for(|lost| *lost) => lost.is_ok(),
                complaint = complaints.wait_for(|n| *n > 0) => complaint.is_ok(),
            }
        };
        timeout(Duration::from_secs(5), either).await.unwrap_or(false)
    }
}

/// Whether an answer is a no.
fn refuses(message: &Message) -> bool {
    let headers = message.headers.as_ref();
    let problem = headers.is_some_and(|headers| headers.get("Nats-Service-Error").is_some());
    let status = message.status.is_some_and(|status| status.as_u16() >= 300);
    let error = serde_json::from_slice::<Value>(&message.payload).is_ok_and(|body| !body["error"].is_null());
    problem || status || error
}
