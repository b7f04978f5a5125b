//! Who the household is made of: members, children to be born, and what the rules read from it.

pub use crate::household::profile::Profile;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{BirthMonth, Day};
use crate::event::{Event as _, Stamp, events};
use crate::household::custody::{CustodyEnded, CustodyShared};
use crate::household::occupants::StayJoined;
use crate::household::{Household, HouseholdEvent, Registration};
use crate::id::PersonId;
use crate::likeness::Reviewed;
use crate::personal::{Kept, Personal};
use crate::reference::{MemberArrivalReason, MemberDepartureReason, MemberLink, RightOfResidence};

/// Civil sex as the housing files record it; only gender rules of places read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Femme.
    Female,
    /// Homme.
    Male,
}

/// Who a person is and how to reach them. Always sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Nom d'usage.
    pub last_name: String,
    /// Prénom(s).
    pub first_names: String,
    /// Nom de naissance, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_name: Option<String>,
    /// Date of birth.
    pub birth_date: Day,
    /// Telephone, as dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Postal or domiciliation address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A person as events carry them: what rules read in the clear, the rest sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonRecord {
    /// The person.
    pub person: PersonId,
    /// Civil sex.
    pub sex: Sex,
    /// Month of birth: the day stays sealed.
    pub born: BirthMonth,
    /// What they are to the main applicant.
    pub link: MemberLink,
    /// Right of residence, for the few kinds of housing where the law asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<RightOfResidence>,
    /// Name, date of birth, contacts.
    pub identity: Personal<Identity>,
}

/// A member of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Civil sex.
    pub sex: Sex,
    /// Month of birth.
    pub born: BirthMonth,
    /// What they are to the main applicant.
    pub link: MemberLink,
    /// Right of residence, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<RightOfResidence>,
    /// When they came from another household, if they did: what they lived through before is in its ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came: Option<jiff::Timestamp>,
    /// Name and contacts, sealed; absent where a service may not hold them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Kept<Identity>>,
}

impl Person {
    /// The member that `record` describes, whose identity came in the event of this stamp and kind.
    #[must_use]
    pub fn from_record(record: &PersonRecord, stamp: &Stamp, kind: &str) -> Self {
        Self {
            sex: record.sex,
            born: record.born,
            link: record.link,
            residence: record.residence,
            came: None,
            identity: Some(Kept::new(kind, stamp, record.identity.clone())),
        }
    }

    /// The member as an event of another household can carry them. An identity that is not readable here cannot
    /// travel: the new key would seal nothing.
    #[must_use]
    pub fn to_record(&self, person: PersonId) -> PersonRecord {
        let identity =
            self.identity.as_ref().map_or(Personal::Erased(true), |identity| identity.value.carried());
        PersonRecord {
            person,
            sex: self.sex,
            born: self.born,
            link: self.link,
            residence: self.residence,
            identity,
        }
    }
}

/// A declared pregnancy. It counts for housing only with a certificate of more than twelve weeks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// Expected date of birth.
    pub due: Day,
    /// How many children.
    pub children: u8,
    /// Whether a certificate was seen.
    pub certified: bool,
}

/// Somebody who is no longer in the household, with the time they were: what they live through since is not written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Who.
    pub person: PersonId,
    /// When they came from another household, if they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came: Option<jiff::Timestamp>,
    /// When they left.
    pub left: jiff::Timestamp,
}

/// Members and expected children, as the rules read them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Composition {
    /// Present members.
    pub members: BTreeMap<PersonId, Person>,
    /// Children in shared custody who belong to another household and are counted here too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shared: BTreeMap<PersonId, BirthMonth>,
    /// A declared pregnancy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Since when the composition has been what it is.
    pub since: Option<Day>,
    /// Since when each fact of it has been what it is.
    #[serde(default, skip_serializing_if = "crate::household::dated::FactDates::is_empty")]
    pub dates: crate::household::dated::FactDates,
    /// When its change was recorded last: a referral that was accepted before is to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<jiff::Timestamp>,
}

/// `household.registered`: the household enters the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    /// Its members, at least one.
    pub members: Vec<PersonRecord>,
    /// A declared pregnancy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Whether somebody can be reached by telephone, e-mail or through a structure.
    pub reachable: bool,
    /// Free note, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// Who registers it follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follower: Option<crate::household::follow_up::Follower>,
    /// That files looked like this one, and why it is another; none if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// `household.member_added`: birth, reunification, return…
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberAdded {
    /// Who joins.
    pub member: PersonRecord,
    /// Why.
    pub reason: MemberArrivalReason,
    /// The stay the person joins at once, if its place can take one more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<crate::id::StayId>,
    /// That files looked like this one, and why it is another; none if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// `household.member_left`: death, majority, departure. (Two that separate are a `household.split`.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberLeft {
    /// Who leaves.
    pub person: PersonId,
    /// Why.
    pub reason: MemberDepartureReason,
    /// Who becomes the main applicant, if the main applicant leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_applicant: Option<PersonId>,
}

/// `household.identity_corrected`: a name, date of birth or contact was wrong or has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityCorrected {
    /// The person as they should be recorded.
    pub member: PersonRecord,
    /// Whether somebody of the household can be reached now.
    pub reachable: bool,
    /// That files looked like this one, and why it is another; none if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// `household.pregnancy_declared`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PregnancyDeclared {
    /// The pregnancy; none when a declaration is withdrawn.
    pub expected: Option<Expected>,
}

/// What must be avoided for somebody's safety. Always sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// Where the household must not be housed.
    pub exclusion_zones: Vec<crate::reference::Area>,
    /// What the team must know, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `household.safety_noted`: zones to avoid. The zones are sealed; that there are some is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyNoted {
    /// The zones and the note.
    pub safety: Personal<Safety>,
}

events! {
    /// What can happen to the composition of a household.
    pub enum CompositionEvent in HouseholdEvent::Composition {
        "household.registered" v 1 => Registered(Registered),
        "household.member_added" v 1 => MemberAdded(MemberAdded),
        "household.member_left" v 1 => MemberLeft(MemberLeft),
        "household.identity_corrected" v 1 => IdentityCorrected(IdentityCorrected),
        "household.pregnancy_declared" v 1 => PregnancyDeclared(PregnancyDeclared),
        "household.safety_noted" v 1 => SafetyNoted(SafetyNoted),
        "household.custody_shared" v 1 => CustodyShared(CustodyShared),
        "household.custody_ended" v 1 => CustodyEnded(CustodyEnded),
        "stay.joined" v 1 => StayJoined(StayJoined),
    }
}

impl Household {
    pub(super) fn fold_composition(&mut self, event: &CompositionEvent, stamp: &Stamp) {
        use CompositionEvent as E;
        let kind = event.kind();
        match event {
            E::Registered(e) => {
                self.registration = Registration::Registered { at: stamp.effective };
                self.reachable = e.reachable;
                self.composition.expected.clone_from(&e.expected);
                self.join(&e.members, stamp, kind);
                self.followed_by(e.follower);
            }
            E::MemberAdded(e) => self.member_added(e, stamp, kind),
            E::MemberLeft(e) => self.member_left(e, stamp),
            E::IdentityCorrected(e) => {
                self.reachable = e.reachable;
                self.corrected_identity(&e.member, stamp, kind);
            }
            E::PregnancyDeclared(e) => self.composition.expected.clone_from(&e.expected),
            E::CustodyShared(e) => self.custody_shared(e, stamp),
            E::CustodyEnded(e) => self.custody_ended(e, stamp),
            E::StayJoined(e) => self.stay_joined(e, stamp),
            E::SafetyNoted(e) => {
                self.safety = Some(Kept::new(kind, stamp, e.safety.clone()));
            }
        }
    }

    pub(super) fn join(&mut self, members: &[PersonRecord], stamp: &Stamp, kind: &str) {
        for record in members {
            let person = Person::from_record(record, stamp, kind);
            self.composition.members.insert(record.person, person);
            self.composition.shared.remove(&record.person);
        }
        self.recomposed(stamp);
    }

    /// Those who come from another household.
    pub(super) fn join_from_another(&mut self, members: &[PersonRecord], stamp: &Stamp, kind: &str) {
        self.join(members, stamp, kind);
        for record in members {
            if let Some(person) = self.composition.members.get_mut(&record.person) {
                person.came = Some(stamp.effective);
            }
        }
    }

    /// Takes a person out of the members, and remembers until when they were one.
    pub(super) fn leaves(&mut self, person: PersonId, stamp: &Stamp) {
        if let Some(member) = self.composition.members.remove(&person) {
            self.gone.push(Gone { person, came: member.came, left: stamp.effective });
        }
    }

    pub(super) fn recomposed(&mut self, stamp: &Stamp) {
        self.composition.since =
            Some(crate::calendar::Day(stamp.effective.to_zoned_datetime(jiff::tz::TimeZone::UTC).date()));
        self.composition.changed = Some(stamp.recorded);
    }

    /// The composition is another one only if something that a rule reads was wrong: not for a telephone number.
    fn corrected_identity(&mut self, record: &PersonRecord, stamp: &Stamp, kind: &str) {
        let Some(person) = self.composition.members.get_mut(&record.person) else { return };
        let rules_read = |is: &Person| (is.sex, is.born, is.link, is.residence);
        let corrected = Person { came: person.came, ..Person::from_record(record, stamp, kind) };
        let recomposed = rules_read(person) != rules_read(&corrected);
        *person = corrected;
        if recomposed {
            self.recomposed(stamp);
        }
    }

    fn member_added(&mut self, e: &MemberAdded, stamp: &Stamp, kind: &str) {
        // Delivered again, a birth must not count another of the expected children as born (INV-16).
        let born = e.reason == MemberArrivalReason::birth()
            && !self.composition.members.contains_key(&e.member.person);
        self.join(std::slice::from_ref(&e.member), stamp, kind);
        if let Some(stay) = e.joins.and_then(|stay| self.stays.get_mut(&stay)) {
            stay.persons.insert(e.member.person);
            stay.joined.insert(e.member.person, stamp.effective);
        }
        if born {
            self.composition.expected = match self.composition.expected.take() {
                Some(expected) if expected.children > 1 => {
                    Some(Expected { children: expected.children - 1, ..expected })
                }
                Some(_) | None => None,
            };
        }
    }

    fn member_left(&mut self, e: &MemberLeft, stamp: &Stamp) {
        self.leaves(e.person, stamp);
        if let Some(main) = e.main_applicant
            && let Some(person) = self.composition.members.get_mut(&main)
        {
            person.link = MemberLink::main_applicant();
        }
        let gone = BTreeSet::from([e.person]);
        for stay in self.stays.values_mut().filter(|stay| stay.is_active()) {
            stay.leave(&gone, stamp.effective);
        }
        self.recomposed(stamp);
    }
}
