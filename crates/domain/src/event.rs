//! What an event is: a kind, a version and a body; and the two dates that every fact has.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{CommandId, EventId, OrganisationId, TokenId, UserId};

/// Why a stored event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// No such kind for this aggregate: the program is older than the event.
    #[error("no event of kind {kind} is known to this program")]
    UnknownKind {
        /// The kind in the journal.
        kind: String,
    },
    /// A version newer than the program knows: it must be upgraded before it reads on.
    #[error("{kind} is at version {found}, this program knows {known}")]
    Newer {
        /// The kind in the journal.
        kind: String,
        /// The version in the journal.
        found: u16,
        /// The newest version this program reads.
        known: u16,
    },
    /// The body does not have the shape its version promises.
    #[error("{kind} version {version} cannot be read: {why}")]
    Shape {
        /// The kind in the journal.
        kind: String,
        /// The version in the journal.
        version: u16,
        /// What serde says, without values.
        why: String,
    },
}

/// When a fact was true, when it was recorded, and which event says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The event that records the fact.
    pub event: EventId,
    /// The version of the shape it was recorded in, whatever this program writes today: what is sealed in it is bound
    /// to that version.
    pub version: u16,
    /// When the journal learned it.
    pub recorded: Timestamp,
    /// When it was true.
    pub effective: Timestamp,
}

/// Who asks for a change, through which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The command, for idempotence.
    pub command: CommandId,
    /// The agent, software or clock that asks: an opaque code, never a name.
    pub actor: Actor,
    /// The organisation on whose behalf it asks.
    pub organisation: OrganisationId,
    /// When it was asked, by the clock of the process.
    pub at: Timestamp,
    /// The W3C trace context it came with, if any.
    pub trace: Option<String>,
}

/// The agent, software or clock that asks for a change: an opaque code of letters, digits, `-`, `_`, `.` and `:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor(String);

impl Actor {
    /// The code of the clock, which produces tacit decisions and expiries.
    pub const CLOCK: &'static str = "clock";

    /// The clock as an actor.
    #[must_use]
    pub fn clock() -> Self {
        Self(Self::CLOCK.to_owned())
    }

    /// A person who signed in.
    #[must_use]
    pub fn of_user(user: UserId) -> Self {
        Self(format!("user:{user}"))
    }

    /// Software that signed in with a token.
    #[must_use]
    pub fn of_token(token: TokenId) -> Self {
        Self(format!("token:{token}"))
    }

    /// The person, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.0.strip_prefix("user:")?.parse().ok()
    }

    /// The code as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Actor {
    type Err = crate::id::Malformed;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&s.len())
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
        if fits {
            Ok(Self(s.to_owned()))
        } else {
            Err(crate::id::Malformed::new(
                s,
                "an actor code of 1 to 64 letters, digits, '-', '_', '.' or ':'",
            ))
        }
    }
}

crate::id::text_serde!(Actor, "^[A-Za-z0-9_.:-]{1,64}$", "agent-12");

/// What the journal knows of an event, whatever its aggregate.
pub trait Event: Sized + Clone + Send + Sync + 'static {
    /// The kind, `aggregate.fact` in the past tense: `referral.proposed`.
    fn kind(&self) -> &'static str;
    /// The version of the shape this program writes for that kind.
    fn version(&self) -> u16;
    /// The body alone.
    fn body(&self) -> Value;
    /// Reads a body of any version ever written.
    ///
    /// # Errors
    /// [`Undecodable`] when the kind or version is unknown, or the shape is not the promised one.
    fn read(kind: &str, version: u16, body: Value) -> Result<Self, Undecodable>;
    /// Reads a body as it is stored, of any version ever written: without a [`Value`] in between, unless it is of an
    /// older version that has to be brought to today's shape.
    ///
    /// # Errors
    /// As [`Event::read`]; what is not JSON has not the promised shape either.
    fn parse(kind: &str, version: u16, body: &[u8]) -> Result<Self, Undecodable>;
}

/// Declares the events of one sub-machine: an enum whose variants hold one struct each, and its [`Event`] reading.
///
/// `events! { pub enum StayEvent in HouseholdEvent::Stay { "stay.started" v 1 => StayStarted(StayStarted), … } }`.
/// An event that changed shape names the function that upcasts older JSON: `v2 by upcast_fn`.
macro_rules! events {
    ($(#[$doc:meta])* pub enum $name:ident in $parent:ident :: $family:ident { $($kind:literal v $version:literal $(by $upcast:path)? => $variant:ident($body:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $kind, "`")] $variant($body)),+
        }

        impl $name {
            /// Every kind with the version this program writes.
            pub const KINDS: &'static [(&'static str, u16)] = &[$(($kind, $version)),+];

            /// Whether an event of this kind is one of these.
            #[must_use]
            pub fn knows(kind: &str) -> bool {
                matches!(kind, $($kind)|+)
            }

            /// The JSON Schema of each kind's body.
            #[must_use]
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, u16, schemars::Schema)> {
                vec![$(($kind, $version, generator.subschema_for::<$body>())),+]
            }
        }

        impl $crate::event::Event for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind),+ }
            }

            fn version(&self) -> u16 {
                match self { $(Self::$variant(_) => $version),+ }
            }

            fn body(&self) -> serde_json::Value {
                let body = match self { $(Self::$variant(body) => serde_json::to_value(body)),+ };
                // Our event bodies are plain structs with string keys: serde_json cannot refuse them.
                body.unwrap_or(serde_json::Value::Null)
            }

            fn read(kind: &str, version: u16, body: serde_json::Value) -> Result<Self, $crate::event::Undecodable> {
                match kind {
                    $($kind => {
                        if version > $version {
                            return Err($crate::event::Undecodable::Newer { kind: kind.to_owned(), found: version, known: $version });
                        }
                        $(let body = $upcast(version, body);)?
                        serde_json::from_value(body).map(Self::$variant).map_err(|e| $crate::event::misshapen(kind, version, &e))
                    })+
                    _ => Err($crate::event::Undecodable::UnknownKind { kind: kind.to_owned() }),
                }
            }

            fn parse(kind: &str, version: u16, body: &[u8]) -> Result<Self, $crate::event::Undecodable> {
                match kind {
                    $($kind => {
                        if version > $version {
                            return Err($crate::event::Undecodable::Newer { kind: kind.to_owned(), found: version, known: $version });
                        }
                        $(if version < $version {
                            let old = serde_json::from_slice(body).map_err(|e| $crate::event::misshapen(kind, version, &e))?;
                            let body = $upcast(version, old);
                            return serde_json::from_value(body).map(Self::$variant).map_err(|e| $crate::event::misshapen(kind, version, &e));
                        })?
                        serde_json::from_slice(body).map(Self::$variant).map_err(|e| $crate::event::misshapen(kind, version, &e))
                    })+
                    _ => Err($crate::event::Undecodable::UnknownKind { kind: kind.to_owned() }),
                }
            }
        }

        $(impl From<$body> for $parent {
            fn from(body: $body) -> Self { Self::$family($name::$variant(body)) }
        })+
    };
}
pub(crate) use events;

/// Declares the events of one ledger as families, one per sub-machine: `families! { pub enum HouseholdEvent { … } }`.
macro_rules! families {
    ($(#[$doc:meta])* pub enum $name:ident { $($family:ident($events:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("Of the sub-machine `", stringify!($family), "`.")] $family($events)),+
        }

        impl $name {
            /// Every kind with the version this program writes.
            #[must_use]
            pub fn kinds() -> Vec<(&'static str, u16)> {
                [$(<$events>::KINDS),+].concat()
            }

            /// The JSON Schema of each kind's body.
            #[must_use]
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, u16, schemars::Schema)> {
                let mut all = Vec::new();
                $(all.extend(<$events>::schemas(generator));)+
                all
            }
        }

        impl $crate::event::Event for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$family(event) => event.kind()),+ }
            }

            fn version(&self) -> u16 {
                match self { $(Self::$family(event) => event.version()),+ }
            }

            fn body(&self) -> serde_json::Value {
                match self { $(Self::$family(event) => event.body()),+ }
            }

            fn read(kind: &str, version: u16, body: serde_json::Value) -> Result<Self, $crate::event::Undecodable> {
                $(if <$events>::knows(kind) {
                    return <$events>::read(kind, version, body).map(Self::$family);
                })+
                Err($crate::event::Undecodable::UnknownKind { kind: kind.to_owned() })
            }

            fn parse(kind: &str, version: u16, body: &[u8]) -> Result<Self, $crate::event::Undecodable> {
                $(if <$events>::knows(kind) {
                    return <$events>::parse(kind, version, body).map(Self::$family);
                })+
                Err($crate::event::Undecodable::UnknownKind { kind: kind.to_owned() })
            }
        }

        $(impl From<$events> for $name {
            fn from(event: $events) -> Self { Self::$family(event) }
        })+
    };
}
pub(crate) use families;

/// A body that serde refuses.
pub(crate) fn misshapen(kind: &str, version: u16, e: &serde_json::Error) -> Undecodable {
    Undecodable::Shape { kind: kind.to_owned(), version, why: without_values(e) }
}

/// What serde says of a body without quoting it: where and which kind of fault.
pub(crate) fn without_values(e: &serde_json::Error) -> String {
    format!("{:?} fault at line {} column {}", e.classify(), e.line(), e.column())
}

#[cfg(test)]
#[expect(unreachable_pub, dead_code, reason = "the macros declare what other crates use")]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Painted {
        colour: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Moved {
        by: u8,
    }

    /// Version 1 said `color`.
    fn coloured(version: u16, mut body: Value) -> Value {
        if version == 1 {
            body = json!({ "colour": body["color"].take() });
        }
        body
    }

    events! {
        /// What can happen to a door.
        pub enum DoorEvent in HouseEvent::Door {
            "door.painted" v 2 by coloured => Painted(Painted),
            "door.moved" v 1 => Moved(Moved),
        }
    }

    families! {
        /// What can happen to a house.
        pub enum HouseEvent { Door(DoorEvent) }
    }

    #[test]
    fn a_stored_body_reads_as_its_value_does_whatever_its_version() {
        for (kind, version, body) in [
            ("door.painted", 1, r#"{"color":"bleu"}"#),
            ("door.painted", 2, r#"{"colour":"bleu"}"#),
            ("door.painted", 3, r#"{"colour":"bleu"}"#),
            ("door.moved", 1, r#"{"by":3}"#),
            ("door.closed", 1, "{}"),
        ] {
            let value = HouseEvent::read(kind, version, serde_json::from_str(body).unwrap());
            assert_eq!(HouseEvent::parse(kind, version, body.as_bytes()), value, "{kind}");
        }
        let painted = HouseEvent::parse("door.painted", 1, br#"{"color":"bleu"}"#).unwrap();
        assert_eq!(painted, Painted { colour: "bleu".to_owned() }.into());
    }

    #[test]
    fn a_body_that_cannot_be_read_is_not_quoted() {
        for body in [r#"{"by":"Mme Secret"}"#, "Mme Secret"] {
            let why = HouseEvent::parse("door.moved", 1, body.as_bytes()).unwrap_err().to_string();
            assert!(why.contains("fault at line 1") && !why.contains("Secret"), "{why}");
        }
    }
}
