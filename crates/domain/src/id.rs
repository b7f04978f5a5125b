//! Identifiers. An id is a type of its own, so that a place cannot be passed where a household is meant.
//!
//! Ids of aggregates *know their home*: `33-0192f1c2-…` is a département code followed by a UUID, so the subject
//! of any id is a pure function. The home never changes, even when the household moves away.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The reason an identifier or a code was refused, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("« {given} » is not {expected}")]
pub struct Malformed {
    /// What was received, cut to 64 characters.
    pub given: String,
    /// What was expected, with an example.
    pub expected: &'static str,
}

impl Malformed {
    pub(crate) fn new(given: &str, expected: &'static str) -> Self {
        Self { given: given.chars().take(64).collect(), expected }
    }
}

/// A département: the territory of one SIAO. Two digits, `2A`, `2B`, or three digits overseas (`971` to `976`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Territory {
    code: [u8; 3],
    len: u8,
}

impl Territory {
    /// The code as written: `33`, `2A`, `974`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters and digits are ever stored.
        std::str::from_utf8(&self.code[..usize::from(self.len)]).unwrap_or("")
    }
}

impl FromStr for Territory {
    type Err = Malformed;

    fn from_str(s: &str) -> Result<Self, Malformed> {
        let bytes = s.as_bytes();
        let known = match bytes {
            b"2A" | b"2B" => true,
            [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => {
                let n = (a - b'0') * 10 + (b - b'0');
                (1..=95).contains(&n) && n != 20
            }
            [b'9', b'7', c] => (b'1'..=b'6').contains(c),
            _ => false,
        };
        if !known {
            return Err(Malformed::new(s, "a département code such as 33, 2A or 974"));
        }
        let mut code = [0; 3];
        code[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { code, len: if bytes.len() == 3 { 3 } else { 2 } })
    }
}

impl fmt::Display for Territory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Territory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! text_serde {
    ($name:ident, $pattern:expr, $example:expr) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text: std::borrow::Cow<'de, str> = serde::Deserialize::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}
pub(crate) use text_serde;

text_serde!(Territory, "^([0-9]{2}|2A|2B|97[1-6])$", "33");

const UUID_PATTERN: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
const HOMED_PATTERN: &str = "^([0-9]{2}|2A|2B|97[1-6])-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/// Ids of aggregates: a territory and a UUID.
macro_rules! homed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            territory: Territory,
            uuid: Uuid,
        }

        impl $name {
            /// The id of this home and this number.
            #[must_use]
            pub fn new(territory: Territory, uuid: Uuid) -> Self {
                Self { territory, uuid }
            }

            /// The id that `command` gives to what it creates: the same command asked twice, even of two
            /// processes at once, names the same thing.
            #[must_use]
            pub fn created_by(territory: Territory, command: CommandId) -> Self {
                Self { territory, uuid: command.derive(stringify!($name)) }
            }

            /// The département the thing was created in.
            #[must_use]
            pub fn territory(&self) -> Territory {
                self.territory
            }

            /// The number without the home.
            #[must_use]
            pub fn uuid(&self) -> Uuid {
                self.uuid
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", self.territory, self.uuid)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(s: &str) -> Result<Self, Malformed> {
                let expected = concat!("a ", stringify!($name), " such as 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90");
                let malformed = || Malformed::new(s, expected);
                let (home, number) = s.split_once('-').ok_or_else(malformed)?;
                let territory = home.parse().map_err(|_| malformed())?;
                let uuid = Uuid::try_parse(number).map_err(|_| malformed())?;
                Ok(Self { territory, uuid })
            }
        }

        text_serde!($name, HOMED_PATTERN, "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90");
    )+};
}

/// Ids of what lives inside an aggregate, and of events and commands: a UUID.
macro_rules! plain_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id that `command` gives to what it creates.
            #[must_use]
            pub fn created_by(command: CommandId) -> Self {
                Self(command.derive(stringify!($name)))
            }

            /// The id of the `nth` thing of this kind that `command` creates, counted from 0.
            #[must_use]
            pub fn nth_created_by(command: CommandId, nth: usize) -> Self {
                Self(command.derive(&format!("{}/{nth}", stringify!($name))))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(s: &str) -> Result<Self, Malformed> {
                Uuid::try_parse(s).map(Self).map_err(|_| {
                    Malformed::new(s, concat!("a ", stringify!($name), " such as 0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90"))
                })
            }
        }

        text_serde!($name, UUID_PATTERN, "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90");
    )+};
}

homed_id! {
    /// A household (*ménage*): one or more persons who are housed together.
    HouseholdId,
    /// A place (*place*, *lot*, *logement*): what a referral holds, a stay occupies or a lease lets.
    PlaceId,
    /// A structure (*structure*, *résidence*): the establishment or building that places belong to.
    StructureId,
    /// An organisation: SIAO, provider, social landlord, prefecture…
    OrganisationId,
    /// Somebody who signs in.
    UserId,
    /// A subscription to what is available.
    SubscriptionId,
    /// A question about capacity (*question de capacité*).
    InquiryId,
}

plain_id! {
    /// One person, inside the household that counts them.
    PersonId,
    /// A request addressed to the SIAO (*demande*).
    RequestId,
    /// A referral (*orientation*) of one request to one place.
    ReferralId,
    /// A stay (*prise en charge*).
    StayId,
    /// A social-housing application (*demande de logement social*).
    ApplicationId,
    /// A priority label (*labellisation*).
    LabelId,
    /// A declared vacancy of one place.
    VacancyId,
    /// A candidacy (*candidature*) of one household on one vacancy.
    CandidacyId,
    /// A session of an allocation committee (CALEOL) on one vacancy.
    CommitteeId,
    /// A lease (*bail*).
    LeaseId,
    /// A consent given by a person of the household.
    ConsentId,
    /// A request of a person on their data.
    PersonRequestId,
    /// A spell during which a place cannot be used (works, damage…).
    OfflineSpellId,
    /// A token of an organisation's software.
    TokenId,
    /// A session of a user.
    SessionId,
    /// One recorded event.
    EventId,
    /// One command, as asked: the *Idempotency-Key* of whoever asked it.
    CommandId,
}

impl CommandId {
    /// The command id of a client's key. Two organisations that use the same key mean two commands.
    ///
    /// A key that is itself a UUIDv7 keeps its time, so that what the command creates sorts by age.
    #[must_use]
    pub fn of_key(organisation: &str, key: &str) -> Self {
        let name = format!("{organisation}\u{0}{key}");
        let hashed = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        match Uuid::try_parse(key) {
            Ok(given) if given.get_version_num() == 7 => Self(with_time_of(given, hashed)),
            Ok(_) | Err(_) => Self(hashed),
        }
    }

    /// The command id of something the clock does: the same whatever the replica and however late.
    #[must_use]
    pub fn of_deadline(aggregate: &str, deadline: &str, due: jiff::Timestamp) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("{aggregate}\u{0}{deadline}\u{0}{due}").as_bytes()))
    }

    /// A UUID that is a pure function of this command and `name`; it keeps the command's time if it has one.
    #[must_use]
    pub fn derive(&self, name: &str) -> Uuid {
        let hashed = Uuid::new_v5(&self.0, name.as_bytes());
        if self.0.get_version_num() == 7 { with_time_of(self.0, hashed) } else { hashed }
    }
}

impl EventId {
    /// The id of the `nth` event of `command`, counted from 0: recording the command again gives the same ids.
    #[must_use]
    pub fn of(command: CommandId, nth: usize) -> Self {
        Self(Uuid::new_v5(&command.0, &u64::try_from(nth).unwrap_or(u64::MAX).to_be_bytes()))
    }
}

/// The name space of ids derived from words (a random UUID drawn once for Continuum).
const NAMESPACE: Uuid = Uuid::from_u128(0x5c1f_2d0e_94b7_4d7a_8a3b_61d0_9f7e_2c44);

/// A UUIDv7 with the 48-bit time of `dated` and the other bits of `hashed`.
fn with_time_of(dated: Uuid, hashed: Uuid) -> Uuid {
    let mut bytes = hashed.into_bytes();
    bytes[..6].copy_from_slice(&dated.as_bytes()[..6]);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        let text = "2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        let id: HouseholdId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.territory().as_str(), "2A");
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<HouseholdId>(&format!("\"{text}\"")).unwrap(), id);
    }

    #[test]
    fn only_départements_are_territories() {
        for good in ["01", "33", "95", "2A", "2B", "971", "976"] {
            assert_eq!(good.parse::<Territory>().unwrap().to_string(), good);
        }
        for bad in ["", "0", "00", "20", "96", "2C", "970", "977", "33-", "3é"] {
            assert!(bad.parse::<Territory>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_key_of_two_organisations_is_two_commands() {
        let key = "0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        let (one, other) = (CommandId::of_key("33-a", key), CommandId::of_key("33-b", key));
        assert_ne!(one, other);
        assert_eq!(one, CommandId::of_key("33-a", key));
        assert_eq!(&one.0.as_bytes()[..6], &key.parse::<Uuid>().unwrap().as_bytes()[..6]);
        assert_eq!(one.0.get_version_num(), 7);
    }
}
