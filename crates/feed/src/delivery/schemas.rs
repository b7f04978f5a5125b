//! What answers about sending look like.

use serde_json::{Value, json};
use service::openapi::Api;

pub(super) fn schemas(api: Api) -> Api {
    let object = |required: Value, properties: Value| json!({ "type": "object", "required": required, "properties": properties });
    let view = json!({ "$ref": "#/components/schemas/View" });
    let moment = json!({ "type": "string", "format": "date-time" });
    let count = json!({ "type": "integer" });
    let text = json!({ "type": "string" });
    let way = json!({ "enum": ["webhook", "mail", "broker"] });
    let time = json!({ "type": "string", "examples": ["19:30"] });
    let rhythm = json!({
        "description": "At once, or gathered once a day, by the clocks of the subscription's département.",
        "anyOf": [
            { "const": "immediate" },
            object(json!(["daily"]), json!({ "daily": object(json!(["at"]), json!({ "at": time })) }))
        ]
    });
    let quiet = object(json!(["from", "until"]), json!({ "from": time, "until": time }));
    let to = json!({ "type": "string", "description": "The user who is written to." });
    let url = json!({ "type": "string", "description": "Shown to the role that set it alone." });
    let delivery = json!({ "way": way, "url": url, "to": to, "role": text, "rhythm": rhythm, "quiet": quiet, "round": count });
    let old = object(json!(["secret", "until"]), json!({ "secret": text, "until": moment }));
    let secret = json!({ "generation": count, "secret": text, "old": old, "view": view });
    let outcome = json!({
        "type": "object",
        "description": "Delivered to a server; sent to a mail relay; again, why and when; given up, why; gone; not sent, why; set aside; acknowledged by the owner.",
        "required": ["is"],
        "properties": {
            "is": { "enum": ["delivered", "sent", "again", "given_up", "gone", "not_sent", "set_aside", "acknowledged"] },
            "why": text, "status": count, "due": moment
        }
    });
    let by = json!({ "enum": ["webhook", "mail", "broker", "owner"] });
    let positions = json!({ "type": "array", "items": count });
    let replay = object(json!(["number", "cursor"]), json!({ "number": count, "cursor": count }));
    let stopped =
        object(json!(["round", "position"]), json!({ "round": count, "position": count, "item": text }));
    let record = json!({
        "number": count, "hash": text, "previous": text, "way": by, "round": count, "position": count,
        "item": text, "digest": text, "attempt": count, "at": moment, "outcome": outcome, "gathered": count,
        "cursor": count, "aside": positions, "replay": replay, "acknowledged": count, "stopped": stopped
    });
    let required = json!([
        "number", "hash", "previous", "way", "round", "position", "attempt", "at", "outcome", "cursor"
    ]);
    let deliveries = json!({
        "deliveries": { "type": "array", "items": { "$ref": "#/components/schemas/DeliveryAttempt" } },
        "cursor": count, "more": { "type": "boolean" }, "view": view
    });
    let health = json!({
        "state": { "enum": ["not_sent", "paused", "running", "retrying", "quiet", "not_allowed", "stopped"] },
        "cursor": count,
        "acknowledged": count,
        "lag_s": { "type": ["integer", "null"], "description": "For how many seconds the first of what waits has waited." },
        "retries": count,
        "next_attempt": moment,
        "set_aside": { "type": "array", "items": count, "description": "Where the items stand that the owner set aside." },
        "replay": object(json!(["number", "after", "until", "cursor"]), json!({ "number": count, "after": count, "until": count, "cursor": count })),
        "waiting": count,
        "waiting_since": moment,
        "more_waiting": { "type": "boolean", "description": "More wait than are counted." },
        "last": { "anyOf": [{ "$ref": "#/components/schemas/DeliveryAttempt" }, { "type": "null" }] },
        "view": view
    });
    let receipt = json!({
        "continuum_receipt": count,
        "subscription": text,
        "records": { "type": "array", "items": text, "description": "Each as it was written, byte by byte." },
        "key": { "type": "string", "description": "The public key of the seals, in hexadecimal digits." },
        "signature": text
    });
    let whole = json!(["continuum_receipt", "subscription", "records", "key", "signature"]);
    api.schema("DeliveryReceipt", object(whole, receipt))
        .schema("Delivery", object(json!(["way", "role", "rhythm", "round"]), delivery))
        .schema("SigningSecret", object(json!(["generation", "secret", "view"]), secret))
        .schema("DeliveryAttempt", object(required, record))
        .schema("Deliveries", object(json!(["deliveries", "cursor", "more", "view"]), deliveries))
        .schema(
            "DeliveryHealth",
            object(json!(["state", "waiting", "more_waiting", "acknowledged", "view"]), health),
        )
}
