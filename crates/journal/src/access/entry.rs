//! What one entry says, and its form in the stream.

use domain::event::Actor;
use domain::id::{EventId, HouseholdId, OrganisationId, UserId};
use domain::ledger::AggregateId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Code;

/// The newest version of an entry's form that this program reads. Additions keep it; what an older program would
/// misunderstand raises it.
const VERSION: u16 = 2;

/// The version of entries about a household, as they were from the beginning.
const ABOUT_HOUSEHOLDS: u16 = 1;

/// How long a free reason may be, in characters.
pub const MAX_REASON: usize = 1000;

/// How many field groups one entry may name.
pub const MAX_FIELDS: usize = 64;

/// The first token of every entry's subject.
const ROOT: &str = "access";

/// How a request to read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What was asked for was shown.
    Granted,
    /// Nothing was shown.
    Refused,
    /// It was shown although the rule says no, on the reader's own responsibility (*bris de glace*).
    BreakGlass,
}

/// Whose data was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A household.
    Household(HouseholdId),
    /// Somebody who works with the instance.
    User(UserId),
}

impl About {
    /// The household, if it is one.
    #[must_use]
    pub fn household(self) -> Option<HouseholdId> {
        match self {
            Self::Household(id) => Some(id),
            Self::User(_) => None,
        }
    }

    /// The ledger under whose key a reason is sealed.
    pub(super) fn ledger(self) -> AggregateId {
        match self {
            Self::Household(id) => AggregateId::Household(id),
            Self::User(id) => AggregateId::User(id),
        }
    }
}

impl From<HouseholdId> for About {
    fn from(id: HouseholdId) -> Self {
        Self::Household(id)
    }
}

impl From<UserId> for About {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

/// Somebody read, or wanted to read, something of one household or of one colleague.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// The entry's own id, drawn by whoever records: the same entry recorded twice within two minutes is there once.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Who: an opaque code.
    pub actor: Actor,
    /// On whose behalf.
    pub organisation: OrganisationId,
    /// In which role.
    pub role: Code,
    /// What was done: `read-file`, `list`, `export`, `search`, `break-glass`.
    pub action: Code,
    /// Of whom.
    pub about: About,
    /// What for.
    pub purpose: Code,
    /// The field groups that were shown, at most [`MAX_FIELDS`]; none when nothing was.
    pub fields: Vec<Code>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in the reader's own words, at most [`MAX_REASON`] characters. It is sealed under the key of whom it is about.
    pub reason: Option<String>,
    /// The trace the request belongs to: a W3C trace id or trace context. Anything else is not repeated.
    pub trace: Option<String>,
}

/// An entry as it stands in the stream.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) v: u16,
    pub(super) id: EventId,
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) organisation: OrganisationId,
    pub(super) role: Code,
    pub(super) action: Code,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) household: Option<HouseholdId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<UserId>,
    pub(super) purpose: Code,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Code>,
    pub(super) outcome: Outcome,
    /// Sealed, or marked as erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<String>,
}

impl Written {
    /// The form of an entry whose reason was sealed.
    pub(super) fn of(entry: &AccessEntry, reason: Option<Value>) -> Self {
        let (v, household, user) = match entry.about {
            About::Household(id) => (ABOUT_HOUSEHOLDS, Some(id), None),
            About::User(id) => (VERSION, None, Some(id)),
        };
        Self {
            v,
            id: entry.id,
            at: entry.at,
            actor: entry.actor.to_string(),
            organisation: entry.organisation,
            role: entry.role.clone(),
            action: entry.action.clone(),
            household,
            user,
            purpose: entry.purpose.clone(),
            fields: entry.fields.clone(),
            outcome: entry.outcome,
            reason,
            trace: entry.trace.clone().filter(|trace| is_trace(trace)),
        }
    }

    /// The entry, without its reason, and the reason as it stands; or what is wrong with it.
    pub(super) fn read(subject: &str, body: &[u8]) -> Result<(AccessEntry, Option<Value>), &'static str> {
        let written: Self = serde_json::from_slice(body).map_err(|_| "its body is no entry")?;
        if written.v > VERSION {
            return Err("a newer program wrote it");
        }
        let about = match (written.household, written.user) {
            (Some(id), None) => About::Household(id),
            (None, Some(id)) => About::User(id),
            (None, None) | (Some(_), Some(_)) => return Err("it does not say whom it is about"),
        };
        if subject != subject_of(about) {
            return Err("its subject names somebody else");
        }
        let entry = AccessEntry {
            id: written.id,
            at: written.at,
            actor: written.actor.parse().map_err(|_| "its actor is no code")?,
            organisation: written.organisation,
            role: written.role,
            action: written.action,
            about,
            purpose: written.purpose,
            fields: written.fields,
            outcome: written.outcome,
            reason: None,
            trace: written.trace,
        };
        Ok((entry, written.reason))
    }
}

/// The subject of all entries about one household or one user.
#[must_use]
pub fn subject_of(about: About) -> String {
    let ledger = about.ledger();
    format!("{ROOT}.{}.{}.{}", ledger.territory(), ledger.name(), ledger.uuid())
}

/// Whether a text can be a trace id (32 hexadecimal digits) or a trace context, and nothing else.
fn is_trace(text: &str) -> bool {
    let length =
        |wanted: usize, part: &str| part.len() == wanted && part.bytes().all(|c| c.is_ascii_hexdigit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [id] => length(32, id),
        [version, id, parent, flags] => {
            length(2, version) && length(32, id) && length(16, parent) && length(2, flags)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// One line of each form ever written: they are only ever added to.
    const FORMS: &[&str] = &[
        r#"{"v":1,"id":"00000000-0000-0000-0000-000000000001","at":"2026-03-15T10:00:00Z","actor":"agent-12","organisation":"33-00000000-0000-0000-0000-000000000007","role":"siao","action":"read-file","household":"33-00000000-0000-0000-0000-000000000002","purpose":"orientation","fields":["identity"],"outcome":"granted"}"#,
        r#"{"v":1,"id":"00000000-0000-0000-0000-000000000001","at":"2026-03-15T10:00:00Z","actor":"agent-12","organisation":"33-00000000-0000-0000-0000-000000000007","role":"siao","action":"break-glass","household":"33-00000000-0000-0000-0000-000000000002","purpose":"emergency","fields":["identity"],"outcome":"break-glass","reason":{"erased":true},"trace":"0af7651916cd43dd8448eb211c80319c"}"#,
        r#"{"v":2,"id":"00000000-0000-0000-0000-000000000001","at":"2026-03-15T10:00:00Z","actor":"agent-12","organisation":"33-00000000-0000-0000-0000-000000000007","role":"system_admin","action":"user.list","user":"33-00000000-0000-0000-0000-000000000002","purpose":"administration","fields":["name"],"outcome":"granted"}"#,
    ];

    #[test]
    fn every_form_ever_written_is_read_and_written_again_as_it_was() {
        let household = About::from(HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(2)));
        let user = About::from(UserId::new("33".parse().unwrap(), Uuid::from_u128(2)));
        for (about, line) in [household, household, user].into_iter().zip(FORMS) {
            let (entry, reason) = Written::read(&subject_of(about), line.as_bytes()).unwrap();
            assert_eq!(entry.about, about);
            assert_eq!(&serde_json::to_string(&Written::of(&entry, reason)).unwrap(), line);
        }
        let added = FORMS[0].replacen("{", r#"{"device":"kiosk","#, 1);
        assert!(
            Written::read(&subject_of(household), added.as_bytes()).is_ok(),
            "additions are not understood"
        );
        let newer = FORMS[0].replacen("\"v\":1", "\"v\":3", 1);
        assert_eq!(Written::read(&subject_of(household), newer.as_bytes()), Err("a newer program wrote it"));
        let elsewhere = HouseholdId::new("33".parse().unwrap(), Uuid::from_u128(3)).into();
        for other in [elsewhere, user] {
            assert!(Written::read(&subject_of(other), FORMS[0].as_bytes()).is_err());
        }
        let both = FORMS[2].replacen(
            "\"user\"",
            "\"household\":\"33-00000000-0000-0000-0000-000000000002\",\"user\"",
            1,
        );
        assert!(Written::read(&subject_of(user), both.as_bytes()).is_err(), "about two at once");
    }

    #[test]
    fn a_trace_says_nothing_but_which_request_it_was() {
        assert!(is_trace("0af7651916cd43dd8448eb211c80319c"));
        assert!(is_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        for other in ["", "Mme Dupont", "0af7651916cd43dd8448eb211c80319", "00-x-y-01"] {
            assert!(!is_trace(other), "{other}");
        }
    }
}
