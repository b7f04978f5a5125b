//! A partner's program: it asks a command, then reads its organisation's own feed.

use std::{env, error::Error};

use async_nats::jetstream::{self, consumer::PullConsumer};
use async_nats::{ConnectOptions, HeaderMap, Request};
use futures_util::StreamExt;
use serde_json::Value;

type Failed = Box<dyn Error + Send + Sync>;

async fn connect() -> Result<async_nats::Client, Failed> {
    let file = env::var("CREDENTIALS")?;
    let secret = std::fs::read_to_string(&file)?;
    let options = match file.ends_with(".creds") {
        true => ConnectOptions::new().credentials(&secret)?,
        false => ConnectOptions::new().nkey(secret.trim().to_owned()),
    };
    Ok(options.connect(env::var("BROKER")?).await?)
}

async fn command(nc: &async_nats::Client, name: &str, key: &str, target: &str) -> Result<Value, Failed> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", key);
    headers.insert("Continuum-Id", target);
    let asked = Request::new().headers(headers).payload("{}".into());
    let answer = nc.send_request(format!("cmd.33.{name}"), asked).await?;
    let said: Value = serde_json::from_slice(&answer.payload)?;
    match answer.headers.as_ref().and_then(|headers| headers.get("Continuum-Status")) {
        Some(status) if status.as_str() == "200" => Ok(said),
        _ => Err(format!("{}: {}", said["code"], said["detail"]).into()),
    }
}

async fn own_reader(nc: &async_nats::Client) -> Result<PullConsumer, Failed> {
    let feed = jetstream::with_prefix(nc.clone(), "BR");
    Ok(feed.get_consumer_from_stream(env::var("ACCOUNT")?, "FEED").await?)
}

/// Some events, each acknowledged once it is kept: the position of the last one.
async fn read(reader: &PullConsumer, most: usize) -> Result<u64, Failed> {
    let (mut position, mut messages) = (0, reader.fetch().max_messages(most).messages().await?);
    while let Some(message) = messages.next().await {
        let message = message?;
        let event: Value = serde_json::from_slice(&message.payload)?;
        position = event["sequence"].as_str().unwrap_or_default().parse()?;
        println!("{position} {}", event["type"].as_str().unwrap_or_default()); // here: keep it
        message.double_ack().await?;
    }
    Ok(position)
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let nc = connect().await?;
    let receipt = command(&nc, "dwellings.declare-vacancy", "rust-1", &env::var("DWELLING")?).await?;
    let mut position = read(&own_reader(&nc).await?, 1).await?;
    nc.drain().await?;

    // Another connection, another day: the reader goes on behind what was acknowledged.
    let reader = own_reader(&connect().await?).await?;
    while position < receipt["position"].as_u64().unwrap_or_default() {
        position = position.max(read(&reader, 10).await?);
    }
    Ok(())
}
