//! The social-housing application (*demande de logement social*) and its numéro unique.

use crate::event::{Event as _, Stamp, events};
use crate::household::{Household, HouseholdEvent, lift};
use crate::personal::{Kept, Personal};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Day, Instant};
use crate::id::{ApplicationId, EventId, Malformed, OrganisationId, Territory};
use crate::reference::CommuneCode;

/// The national registration number of an application (*numéro unique d'enregistrement*): 18 characters, which are a
/// territory block (`0` and the département, `97x`, or `111` in Île-de-France), month and year of filing, a sequence
/// of six digits and the code of the counter. No check digit is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueRegistrationNumber([u8; 18]);

impl UniqueRegistrationNumber {
    /// The number as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters and digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// Month and two-digit year of filing.
    #[must_use]
    pub fn filed(&self) -> (i8, i16) {
        let digits = |at: usize| i16::from(self.0[at] - b'0') * 10 + i16::from(self.0[at + 1] - b'0');
        (i8::try_from(digits(3)).unwrap_or(0), digits(5))
    }

    /// Whether the number says it was given in the month of `filed`.
    #[must_use]
    pub fn agrees_with(&self, filed: Date) -> bool {
        self.filed() == (filed.month(), filed.year().rem_euclid(100))
    }
}

impl std::str::FromStr for UniqueRegistrationNumber {
    type Err = Malformed;

    fn from_str(s: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new(s, "a numéro unique of 18 characters such as 0330318016982G1104");
        let bytes: [u8; 18] = s.as_bytes().try_into().map_err(|_| malformed())?;
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        let block = match (&bytes[..3], s.get(1..3)) {
            (b"111", _) => true,
            ([b'0', ..], Some(département)) => département.parse::<crate::id::Territory>().is_ok(),
            ([b'9', ..], _) => s.get(..3).is_some_and(|block| block.parse::<crate::id::Territory>().is_ok()),
            (_, _) => false,
        };
        let month = matches!(&bytes[3..5], [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']);
        let counter = bytes[13..].iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if block && month && digits(5..13) && counter { Ok(Self(bytes)) } else { Err(malformed()) }
    }
}

impl std::fmt::Display for UniqueRegistrationNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::id::text_serde!(
    UniqueRegistrationNumber,
    "^(0(0[1-9]|[1-8][0-9]|9[0-5]|2[AB])|97[1-6]|111)(0[1-9]|1[0-2])[0-9]{2}[0-9]{6}[0-9A-Z]{5}$",
    "0330318016982G1104"
);

/// Why an application leaves the register (CCH R441-2-8, a to f).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deregistration {
    /// a) A dwelling was awarded and the lease signed.
    A,
    /// b) The applicant renounced in writing.
    B,
    /// c) No answer to a letter sent to the last address.
    C,
    /// d) Declared inadmissible by an allocation committee.
    D,
    /// e) Not renewed in time.
    E,
    /// f) Several numbers merged into one; seniority kept.
    F,
    /// The applicant died, alone on the application: the article has no letter for it.
    Deceased,
}

/// Where an application stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ApplicationSituation {
    /// In the register.
    Registered,
    /// Warned that it will be struck off, for ground c or d.
    Warned {
        /// The ground.
        ground: Deregistration,
        /// When it is struck off without an answer.
        strikes_at: jiff::Timestamp,
    },
    /// Out of the register.
    Deregistered {
        /// Why.
        reason: Deregistration,
    },
}

/// A social-housing application of the household.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its number, once the register gave it, sealed; that it has one is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Kept<UniqueRegistrationNumber>>,
    /// The day of filing: kept by every renewal and merge.
    pub filed_on: Day,
    /// The last day it is valid.
    pub valid_until: Day,
    /// Wished communes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communes: Vec<CommuneCode>,
    /// The counter that registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<OrganisationId>,
    /// The event that says when it was filed.
    pub registered_by: EventId,
    /// When it left the register, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<jiff::Timestamp>,
    /// Where it stands.
    pub situation: ApplicationSituation,
}

impl Application {
    /// Whether the application is in the register.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.situation {
            ApplicationSituation::Registered | ApplicationSituation::Warned { .. } => true,
            ApplicationSituation::Deregistered { .. } => false,
        }
    }

    /// Its number, if a committee may examine it on `day` (INV-5; CCH L441-2-1), or might on a day that is over: it was
    /// in the register then.
    #[must_use]
    pub fn number_on(&self, day: Date, territory: Territory) -> Option<&Kept<UniqueRegistrationNumber>> {
        let left = |ended| crate::calendar::day(territory, ended) < day;
        // A warning strikes off at its instant, whether or not the clock has written it down yet.
        let struck = match self.situation {
            ApplicationSituation::Warned { strikes_at, .. } => Some(strikes_at),
            ApplicationSituation::Registered | ApplicationSituation::Deregistered { .. } => None,
        };
        let gone = self.ended.or(struck).is_some_and(left);
        self.number.as_ref().filter(|_| day <= self.valid_until.0 && !gone)
    }

    /// Its number, if it has one and it is readable here.
    #[must_use]
    pub fn known_number(&self) -> Option<&UniqueRegistrationNumber> {
        self.number.as_ref()?.value.known()
    }

    fn deregister(&mut self, reason: Deregistration, at: jiff::Timestamp) {
        self.situation = ApplicationSituation::Deregistered { reason };
        self.ended = Some(at);
    }
}

/// `housing_application.registered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationRegistered {
    /// The application.
    pub application: ApplicationId,
    /// Its number, if already known, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Personal<UniqueRegistrationNumber>>,
    /// The day of filing.
    pub filed_on: Day,
    /// The last day it is valid without renewal.
    pub valid_until: Day,
    /// Wished communes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communes: Vec<CommuneCode>,
    /// The counter that registers it (*guichet enregistreur*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<OrganisationId>,
}

/// `housing_application.numbered`: the register gave the number (within one month, CCH L441-2-1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationNumbered {
    /// The application.
    pub application: ApplicationId,
    /// Its number, sealed.
    pub number: Personal<UniqueRegistrationNumber>,
}

/// `housing_application.renewed`: number and date of filing stay (CCH R441-2-7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationRenewed {
    /// The application.
    pub application: ApplicationId,
    /// The last day it is valid now.
    pub valid_until: Day,
    /// Wished communes, if they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communes: Option<Vec<CommuneCode>>,
}

/// `housing_application.warned`: it will be struck off for ground c or d in one month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationWarned {
    /// The application.
    pub application: ApplicationId,
    /// c or d.
    pub ground: Deregistration,
    /// When it is struck off.
    pub strikes_at: Instant,
}

/// `housing_application.warning_lifted`: what was missing came within the month (CCH R441-2-8 c and d), the application
/// stays in the register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationWarningLifted {
    /// The application.
    pub application: ApplicationId,
    /// The ground of the warning.
    pub ground: Deregistration,
}

/// `housing_application.expired`: not renewed in time, produced by the clock (ground e).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationExpired {
    /// The application.
    pub application: ApplicationId,
}

/// `housing_application.closed`: struck off for any other ground.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationClosed {
    /// The application.
    pub application: ApplicationId,
    /// Why.
    pub reason: Deregistration,
}

events! {
    /// What can happen to a social-housing application.
    pub enum ApplicationEvent in HouseholdEvent::Application {
        "housing_application.registered" v 2 by lift::number => ApplicationRegistered(ApplicationRegistered),
        "housing_application.numbered" v 2 by lift::number => ApplicationNumbered(ApplicationNumbered),
        "housing_application.renewed" v 1 => ApplicationRenewed(ApplicationRenewed),
        "housing_application.warned" v 1 => ApplicationWarned(ApplicationWarned),
        "housing_application.warning_lifted" v 1 => ApplicationWarningLifted(ApplicationWarningLifted),
        "housing_application.expired" v 1 => ApplicationExpired(ApplicationExpired),
        "housing_application.closed" v 1 => ApplicationClosed(ApplicationClosed),
    }
}

impl Household {
    fn on_application(&mut self, id: ApplicationId, change: impl FnOnce(&mut Application)) {
        if let Some(application) = self.applications.get_mut(&id) {
            change(application);
        }
    }

    pub(super) fn fold_application(&mut self, event: &ApplicationEvent, stamp: &Stamp) {
        use ApplicationEvent as E;
        let kept = |number: &Personal<_>| Kept::new(event.kind(), stamp, number.clone());
        match event {
            E::ApplicationRegistered(e) => {
                let application = Application {
                    number: e.number.as_ref().map(kept),
                    filed_on: e.filed_on,
                    valid_until: e.valid_until,
                    communes: e.communes.clone(),
                    counter: e.counter,
                    registered_by: stamp.event,
                    ended: None,
                    situation: ApplicationSituation::Registered,
                };
                self.applications.insert(e.application, application);
            }
            E::ApplicationNumbered(e) => {
                self.on_application(e.application, |a| a.number = Some(kept(&e.number)));
            }
            E::ApplicationRenewed(e) => self.on_application(e.application, |a| {
                a.valid_until = e.valid_until;
                // To renew answers a letter (c); what a committee declared inadmissible (d) is not answered so.
                if !matches!(a.situation, ApplicationSituation::Warned { ground: Deregistration::D, .. }) {
                    a.situation = ApplicationSituation::Registered;
                }
                if let Some(communes) = &e.communes {
                    a.communes.clone_from(communes);
                }
            }),
            E::ApplicationWarned(e) => self.on_application(e.application, |a| {
                a.situation = ApplicationSituation::Warned { ground: e.ground, strikes_at: e.strikes_at.0 };
            }),
            E::ApplicationWarningLifted(e) => {
                self.on_application(e.application, |a| a.situation = ApplicationSituation::Registered);
            }
            E::ApplicationExpired(e) => {
                self.on_application(e.application, |a| a.deregister(Deregistration::E, stamp.effective));
            }
            E::ApplicationClosed(e) => {
                self.on_application(e.application, |a| a.deregister(e.reason, stamp.effective));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numéro_unique_has_eighteen_characters_and_a_month() {
        for good in ["1110318016982G1104", "0330126000001AB123", "02A1299123456ABCDE", "974062600000112345"] {
            assert_eq!(good.parse::<UniqueRegistrationNumber>().unwrap().to_string(), good, "{good}");
        }
        for bad in [
            "",
            "1111318016982G1104",
            "0200318016982G1104",
            "1110318016982g1104",
            "1110318016982G110",
            "111031801698XG1104",
            "9770318016982G1104",
            "033é3180169821G110",
        ] {
            assert!(bad.parse::<UniqueRegistrationNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_numéro_unique_names_the_month_of_filing() {
        let number: UniqueRegistrationNumber = "1110318016982G1104".parse().unwrap();
        assert!(number.agrees_with(jiff::civil::date(2018, 3, 15)));
        assert!(!number.agrees_with(jiff::civil::date(2018, 4, 15)));
    }
}
