//! The description of what is read and asked as messages: AsyncAPI 3.0.

use desk::{collection, command_schema};
use domain::decide::{CommandKind, Service, catalogue};
use domain::schema::{EventSchema, PLACEMENT};
use journal::accounts::PARTNER_PREFIX;
use serde_json::{Map, Value, json};

use super::message;

/// What this is, for who reads it first.
const ABOUT: &str = "Every fact is an event in one ordered journal; whoever may know of it reads it after a cursor, live over HTTP \
(server-sent events) or from a feed of their own on the broker (NATS), as CloudEvents 1.0. Commands are asked on the broker \
as over HTTP, and answered with the same receipts and problems. Over HTTP: /api/openapi.json; shapes of events: /api/v1/schemas. Pass over types, fields and words that you do not know.";

/// The services that take commands over the broker.
const DESKS: [Service; 4] = [Service::Intake, Service::Insertion, Service::Landlord, Service::Feed];

/// The ledgers whose commands are asked over the broker.
const LEDGERS: [&str; 5] = ["household", "place", "structure", "subscription", "inquiry"];

/// The document, made of the shapes of events and of the catalogue of commands.
pub(super) fn document(schemas: &[EventSchema]) -> Value {
    let mut description =
        Description { channels: Map::new(), operations: Map::new(), messages: message::all(schemas) };
    let (placements, events): (Vec<_>, Vec<_>) =
        message::leaving(schemas).partition(|schema| schema.about == PLACEMENT);
    let kinds = |of: Vec<&EventSchema>| of.into_iter().map(|schema| schema.kind).collect::<Vec<_>>();
    let (placements, events) = (kinds(placements), kinds(events));
    description.streams(&events, &placements);
    description.feed(&events);
    description.ways(&placements);
    description.commands();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Continuum",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" }
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": servers(),
        "channels": description.channels,
        "operations": description.operations,
        "components": {
            "messages": description.messages,
            "schemas": message::shared(),
            "securitySchemes": security()
        }
    })
}

fn servers() -> Value {
    let server = |protocol: &str, of: &str, default: &str, means: &str, scheme: &str| {
        json!({
            "host": format!("{{{of}}}"),
            "protocol": protocol,
            "description": means,
            "variables": { of: { "default": default, "description": "Where it is, with its port." } },
            "security": [{ "$ref": format!("#/components/securitySchemes/{scheme}") }]
        })
    };
    let host = json!({ "description": "Where the owner's server listens, as its subscription names it." });
    let receiver = json!({
        "host": "{receiver}",
        "protocol": "https",
        "description": "The server of whoever subscribes: webhooks go there.",
        "variables": { "receiver": host }
    });
    json!({
        "receiver": receiver,
        "http": server("https", "site", "localhost:8080", "The API: live streams are read here.", "token"),
        "broker": server("nats", "broker", "localhost:4222", "The broker: a partner has an account of its own on it.", "account")
    })
}

fn security() -> Value {
    json!({
        "token": { "type": "http", "scheme": "bearer", "description": "A token of an organisation's software: ctm_…" },
        "account": { "type": "asymmetricEncryption", "description": "The credentials that `continuum partner add` wrote: a file that ends with .creds, or a seed (.nk)." }
    })
}

struct Description {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
}

impl Description {
    fn channel(&mut self, name: &str, mut channel: Value, messages: &[&str]) {
        let reference =
            |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") }));
        channel["messages"] = Value::Object(messages.iter().map(reference).collect());
        self.channels.insert(name.to_owned(), channel);
    }

    /// What is read live over HTTP.
    fn streams(&mut self, events: &[&str], placements: &[&str]) {
        let after = json!({ "type": "integer", "minimum": 0, "description": "The last position that is known; from now on if absent. Last-Event-ID is stronger." });
        let filter =
            json!({ "type": "string", "description": "type:referral.*,territory:33,ledger:household/33-…" });
        let since = json!({ "type": "string", "format": "date-time", "description": "From this instant on, instead of after a position." });
        let asked = |members: Value| json!({ "type": "object", "properties": members });
        for (name, address, title, query, messages) in [
            (
                "events",
                "/api/v1/events/stream",
                "Events, live",
                asked(json!({ "after": after, "filter": filter })),
                events,
            ),
            (
                "placements",
                "/api/v1/placements/stream",
                "What becomes of what is available, live, under the conditions of the query that OpenAPI lists",
                asked(json!({ "after": after })),
                placements,
            ),
            (
                "subscription",
                "/api/v1/subscriptions/{subscription}/stream",
                "What becomes of what is available and a subscription is for, live",
                asked(json!({ "after": after, "since": since })),
                placements,
            ),
        ] {
            let mut channel = json!({
                "address": address,
                "title": title,
                "description": "Server-sent events: `event` is the type, `id` the position, `data` the CloudEvent.",
                "servers": [{ "$ref": "#/servers/http" }]
            });
            if name == "subscription" {
                channel["parameters"] =
                    json!({ "subscription": { "description": "The subscription: 33-…" } });
            }
            self.channel(name, channel, messages);
            let operation = json!({
                "action": "send",
                "channel": { "$ref": format!("#/channels/{name}") },
                "title": title,
                "bindings": { "http": { "method": "GET", "query": query, "bindingVersion": "0.3.0" } }
            });
            self.operations.insert(format!("follow-{name}"), operation);
        }
    }

    /// What a partner is told over the broker.
    fn feed(&mut self, events: &[&str]) {
        let title = "A partner's own feed";
        let description = format!(
            "A stream FEED with one consumer for each partner, named by its account: with the prefix {PARTNER_PREFIX} instead of \
             $JS.API, a client of JetStream binds to it, fetches and acknowledges. What is not acknowledged within a minute comes again."
        );
        let parameters = json!({
            "account": { "description": "The partner's account on the broker: A…" },
            "topic": { "enum": message::TOLD, "description": "What the event is about." }
        });
        let channel = json!({
            "address": "feed.{account}.{topic}",
            "title": title,
            "description": description,
            "servers": [{ "$ref": "#/servers/broker" }],
            "parameters": parameters
        });
        self.channel("feed", channel, events);
        let operation = json!({ "action": "send", "channel": { "$ref": "#/channels/feed" }, "title": title });
        self.operations.insert("read-feed".to_owned(), operation);
    }

    /// What a subscription is told by the way that its owner set.
    fn ways(&mut self, placements: &[&str]) {
        let subscription = json!({ "subscription": { "description": "The subscription: 33-…" } });
        let account = json!({ "description": "The partner's account on the broker: A…" });
        let mut parameters = subscription;
        parameters["account"] = account;
        let title = "What a subscription is told, in its owner's feed";
        let channel = json!({
            "address": "feed.{account}.subscription-{subscription}",
            "title": title,
            "description": "Once the way of the subscription is `broker`; read with the rest of the feed, by the same consumer.",
            "servers": [{ "$ref": "#/servers/broker" }],
            "parameters": parameters
        });
        self.channel("subscribed", channel, placements);
        let operation =
            json!({ "action": "send", "channel": { "$ref": "#/channels/subscribed" }, "title": title });
        self.operations.insert("read-subscribed".to_owned(), operation);
        let title = "What a subscription is told, sent to its owner's server";
        let channel = json!({
            "address": null,
            "title": title,
            "description": "Once the way of the subscription is `webhook`: to the address that it names, signed after Standard Webhooks \
                            in webhook-id, webhook-timestamp and webhook-signature. A message counts as taken when it is answered 2xx.",
            "servers": [{ "$ref": "#/servers/receiver" }]
        });
        self.channel("webhook", channel, placements);
        let operation = json!({
            "action": "send",
            "channel": { "$ref": "#/channels/webhook" },
            "title": title,
            "bindings": { "http": { "method": "POST", "bindingVersion": "0.3.0" } }
        });
        self.operations.insert("send-webhook".to_owned(), operation);
    }

    /// What the services take over the broker, and how they answer.
    fn commands(&mut self) {
        let answers = json!({
            "address": null,
            "title": "The answer to a command",
            "description": "It comes to the inbox that the request names, as every client of NATS does by itself.",
            "servers": [{ "$ref": "#/servers/broker" }]
        });
        self.channel("answers", answers, &["Receipt", "Problem"]);
        for kind in catalogue().filter(|kind| LEDGERS.contains(&kind.ledger)) {
            for service in DESKS.into_iter().filter(|service| kind.services.contains(service)) {
                let name = format!("{}.{}", collection(kind.ledger, service), kind.name);
                // Two services that take it under one name are one to whoever asks.
                if !self.channels.contains_key(&name) {
                    self.command(&name, kind);
                }
            }
        }
    }

    fn command(&mut self, name: &str, kind: &CommandKind) {
        let message = message::command(name, kind.summary, &command_schema(kind), kind.creates);
        self.messages.insert(name.to_owned(), message);
        let channel = json!({
            "address": format!("cmd.{{territory}}.{name}"),
            "title": name,
            "servers": [{ "$ref": "#/servers/broker" }],
            "parameters": { "territory": { "description": "The département of what the command is about: 33" } }
        });
        self.channel(name, channel, &[name]);
        let channel = format!("#/channels/{name}");
        let operation = json!({
            "action": "receive",
            "channel": { "$ref": channel },
            "summary": kind.summary,
            "messages": [{ "$ref": format!("{channel}/messages/{name}") }],
            "reply": { "channel": { "$ref": "#/channels/answers" } }
        });
        self.operations.insert(name.to_owned(), operation);
    }
}
