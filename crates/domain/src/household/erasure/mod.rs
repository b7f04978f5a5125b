//! Legal holds, retention and erasure (RGPD art. 5-1-e, 17 and 18): what keeps a file, when it falls due, who decides,
//! and what is left of it.
//!
//! **Invariant (INV-18).** Nobody is erased by one person, by software, or by the passing of time alone: two people decide.
//! What they decided ahead for the day a file falls due happens on that day, unless something happened to it since.
//!
//! **Invariant (INV-18).** Once a household is erased its ledger takes one more event, the certificate, and its folded
//! state holds no personal value: whatever is made of the state, an index or a row, holds none either.
//!
//! What was before a split stays on the ledger of those who remained, under their key, and is erased with it.

pub mod certificate;
mod event;
pub mod retention;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use certificate::Certificate;
pub use event::{
    Erased, ErasureAnnounced, ErasureCertified, ErasureConfirmed, ErasureEvent, ErasureProposed,
    ErasureWithdrawn, LegalHoldLifted, LegalHoldPlaced,
};
pub use retention::{Activity, Unfinished};

use crate::calendar::{Day, end_of_day};
use crate::event::{Event as _, Stamp};
use crate::household::{Household, Registration};
use crate::id::{OrganisationId, Territory, UserId};
use crate::personal::{Kept, erased};

/// Why a file is kept although it is due (RGPD art. 17-3 and 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldGround {
    /// A dispute before a court, or announced.
    Litigation,
    /// A recourse under the right to housing (DALO, DAHO), whose file the commission or the court still needs.
    DaloProcedure,
    /// A criminal procedure, of a victim above all.
    CriminalProcedure,
    /// A debt between the household and who housed it.
    UnpaidDebt,
    /// The person asked that their data be kept, to defend their rights (art. 18-1-c).
    RestrictionRequested,
}

impl HoldGround {
    /// What it is, in French.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Litigation => "contentieux",
            Self::DaloProcedure => "recours DALO ou DAHO",
            Self::CriminalProcedure => "procédure pénale",
            Self::UnpaidDebt => "dette à apurer",
            Self::RestrictionRequested => "limitation demandée par la personne",
        }
    }
}

/// Why a household is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureGround {
    /// Somebody of the household asks for it (art. 17-1).
    Request,
    /// The file was kept for as long as it may be.
    Retention,
    /// The file should never have been there: opened by mistake, or twice.
    Unlawful,
}

impl ErasureGround {
    /// What it is, in French and in English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Request => ("demande de la personne", "request of the person"),
            Self::Retention => ("fin de la durée de conservation", "end of the retention period"),
            Self::Unlawful => ("dossier ouvert à tort", "file opened by mistake"),
        }
    }
}

/// A legal hold, until its day and no longer.
///
/// It ends by itself, without an event: nothing but erasure depends on it, so that the rule that reads it is the one place
/// where its day matters, and no outage of a clock makes it last longer or end sooner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Its last day.
    pub until: Day,
    /// Why, in words; withheld where it may not be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motive: Option<Kept<String>>,
}

/// That a file falls due was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// When.
    pub at: Timestamp,
    /// The last instant it may be kept.
    pub due: Timestamp,
}

/// Somebody proposes to erase the household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Why.
    pub ground: ErasureGround,
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Who agreed, ahead of the day it falls due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<UserId>,
}

/// How long the file is kept: what happened last, what holds it, what was decided.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeping {
    /// When something of each sort happened last, by the journal's clock.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub activity: BTreeMap<Activity, Timestamp>,
    /// Legal holds, in force or over.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub holds: BTreeMap<HoldGround, Hold>,
    /// The last announcement that it falls due; whether it still stands is [`Household::announced`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
    /// What somebody proposed; whether it still stands is [`Household::proposal`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Proposal>,
}

/// That the household was erased, and what it was made sure of since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erasure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub ground: ErasureGround,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// Who agreed.
    pub confirmed_by: UserId,
    /// Who followed the household at any time before, besides those whose places and applications its ledger still names: they are
    /// told (GDPR art. 19).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub followed_by: BTreeSet<OrganisationId>,
    /// The certificate, once the night's rotation has made it irreversible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Household {
    /// The erasure, if it was erased.
    #[must_use]
    pub fn erasure(&self) -> Option<&Erasure> {
        match &self.registration {
            Registration::Erased(erasure) => Some(erasure),
            Registration::Unknown | Registration::Registered { .. } | Registration::MergedInto { .. } => None,
        }
    }

    /// The hold that keeps it longest at `now`.
    #[must_use]
    pub fn held(&self, home: Territory, now: Timestamp) -> Option<(HoldGround, &Hold)> {
        let holds = self.keeping.holds.iter().filter(|(_, hold)| now <= end_of_day(home, hold.until.0));
        holds.max_by_key(|(_, hold)| hold.until).map(|(ground, hold)| (*ground, hold))
    }

    pub(super) fn fold_erasure(&mut self, event: &ErasureEvent, stamp: &Stamp) {
        match event {
            ErasureEvent::LegalHoldPlaced(e) => {
                let motive = Some(Kept::new(event.kind(), stamp, e.motive.clone()));
                let hold = Hold { since: stamp.effective, until: e.until, motive };
                self.keeping.holds.insert(e.ground, hold);
            }
            ErasureEvent::LegalHoldLifted(e) => drop(self.keeping.holds.remove(&e.ground)),
            ErasureEvent::ErasureAnnounced(e) => {
                self.keeping.announced = Some(Announced { at: stamp.recorded, due: e.due.0 });
            }
            ErasureEvent::ErasureProposed(e) => {
                let (ground, by) = (e.ground, e.by);
                self.keeping.proposed = Some(Proposal { ground, by, at: stamp.recorded, confirmed_by: None });
            }
            ErasureEvent::ErasureWithdrawn(_) => self.keeping.proposed = None,
            ErasureEvent::ErasureConfirmed(e) => {
                if let Some(proposed) = &mut self.keeping.proposed {
                    proposed.confirmed_by = Some(e.by);
                }
            }
            ErasureEvent::Erased(e) => self.erase(e, stamp),
            ErasureEvent::ErasureCertified(e) => {
                if let Registration::Erased(erasure) = &mut self.registration {
                    erasure.certificate = Some(Certificate::of(e, stamp));
                }
            }
        }
    }

    /// What is left is counted, never read: dates, kinds, places, codes.
    fn erase(&mut self, e: &Erased, stamp: &Stamp) {
        let mut followed_by = self.erasure().map(|erasure| erasure.followed_by.clone()).unwrap_or_default();
        followed_by.extend(self.followers.iter().map(|follower| follower.organisation));
        followed_by.append(&mut self.followed_before);
        // A ledger that serde wrote, it reads; if it ever did not, nothing at all is better than a name.
        let left = serde_json::to_value(&*self).map(erased).and_then(serde_json::from_value);
        *self = left.unwrap_or_default();
        self.registration = Registration::Erased(Erasure {
            at: stamp.effective,
            ground: e.ground,
            proposed_by: e.proposed_by,
            confirmed_by: e.confirmed_by,
            followed_by,
            certificate: None,
        });
        // That there was a place to avoid is more than a count needs.
        self.safety = None;
        self.reachable = false;
        self.followers.clear();
        self.followed_before.clear();
        self.protected = None;
        self.openings.clear();
        self.consents.values_mut().for_each(|consent| consent.given = false);
        self.keeping = Keeping::default();
    }
}
