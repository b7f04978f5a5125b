//! How long a file is kept: a function of what happened to it, never a list that somebody keeps.
//!
//! **Invariant (P11).** A file is not due while something of it goes on or a hold is in force; it is due once what happened
//! last is older than the rules allow. Whatever happens in between moves the day, and what was announced or decided for the
//! former day no longer stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Announced, ErasureGround, Proposal};
use crate::calendar::{day, end_of_day, months_after};
use crate::household::{Household, HouseholdEvent, Registration};
use crate::id::Territory;
use crate::rules::RuleBook;

/// A sort of thing that happens to a household; which of them begin the retention anew is said by the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Who it is made of, where it can be reached, what it needs to be safe from.
    File,
    /// A request to the SIAO.
    Request,
    /// A referral.
    Referral,
    /// A stay.
    Stay,
    /// A social-housing application, a priority label.
    Application,
    /// A candidacy, an offer, a lease.
    Allocation,
    /// A consent, an objection.
    Consent,
    /// Who follows it.
    FollowUp,
}

impl Activity {
    /// The sort of `event`. Corrections of the past, who may see the file and how long it is kept are none: they tell
    /// nothing new of the household.
    #[must_use]
    pub fn of(event: &HouseholdEvent) -> Option<Self> {
        match event {
            HouseholdEvent::Composition(_) | HouseholdEvent::Family(_) => Some(Self::File),
            HouseholdEvent::Request(_) => Some(Self::Request),
            HouseholdEvent::Referral(_) => Some(Self::Referral),
            HouseholdEvent::Stay(_) => Some(Self::Stay),
            HouseholdEvent::Application(_) | HouseholdEvent::Priority(_) => Some(Self::Application),
            HouseholdEvent::Candidacy(_) => Some(Self::Allocation),
            HouseholdEvent::Consent(_) => Some(Self::Consent),
            HouseholdEvent::FollowUp(_) => Some(Self::FollowUp),
            HouseholdEvent::Correction(_) | HouseholdEvent::Protection(_) | HouseholdEvent::Erasure(_) => {
                None
            }
        }
    }
}

/// What of a household still goes on, so that it cannot be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// A stay runs.
    Stay,
    /// A deposit is to be returned.
    Deposit,
    /// A referral is open.
    Referral,
    /// A request is open.
    Request,
    /// A candidacy is under way.
    Candidacy,
    /// A lease runs.
    Lease,
    /// An application is in the register.
    Application,
    /// A priority label holds.
    Label,
}

impl Unfinished {
    /// What to do first, in French.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Stay => "Une prise en charge est en cours : mettez-y fin d'abord.",
            Self::Deposit => "Un dépôt de garantie reste à rendre : notez sa restitution d'abord.",
            Self::Referral => "Une orientation est en cours : retirez-la d'abord.",
            Self::Request => "Une demande est ouverte : annulez-la d'abord.",
            Self::Candidacy => "Une candidature est en cours : attendez la décision, ou faites-la retirer.",
            Self::Lease => "Un bail est en cours : mettez-y fin d'abord.",
            Self::Application => "Une demande de logement social est en cours : radiez-la d'abord.",
            Self::Label => "Le ménage est reconnu prioritaire : retirez le label d'abord.",
        }
    }
}

impl Household {
    /// What of it still goes on.
    #[must_use]
    pub fn unfinished(&self) -> Option<Unfinished> {
        let found = [
            (self.active_stays().next().is_some(), Unfinished::Stay),
            (self.stays.values().any(|stay| stay.deposit_due.is_some()), Unfinished::Deposit),
            (self.live_referrals().next().is_some(), Unfinished::Referral),
            (self.requests.values().any(|request| request.situation.is_open()), Unfinished::Request),
            (self.candidacies.values().any(|candidacy| candidacy.is_live()), Unfinished::Candidacy),
            (self.leases.values().any(|lease| lease.ended.is_none()), Unfinished::Lease),
            (self.live_application().is_some(), Unfinished::Application),
            (self.labels.values().any(|label| label.ended.is_none()), Unfinished::Label),
        ];
        found.into_iter().find_map(|(goes_on, what)| goes_on.then_some(what))
    }

    /// The last instant the file may be kept, as things stand: so many months after what happened last, or the end of the
    /// last hold if that is later; none while something goes on. The rules are those of the day it happened: a period
    /// that has begun is not changed.
    #[must_use]
    pub fn due(&self, home: Territory, book: &RuleBook) -> Option<Timestamp> {
        let Registration::Registered { at } = self.registration else { return None };
        if self.unfinished().is_some() {
            return None;
        }
        let latest = self.keeping.activity.values().copied().max().unwrap_or(at);
        let rules = book.on(home, day(home, latest));
        let counted = rules.retention_activity.iter().filter_map(|sort| self.keeping.activity.get(sort));
        let last = day(home, counted.copied().max().unwrap_or(at));
        let kept = end_of_day(home, months_after(last, rules.retention_active_months));
        let held = self.keeping.holds.values().map(|hold| end_of_day(home, hold.until.0));
        Some(held.fold(kept, Timestamp::max))
    }

    /// The announcement that the file falls due, if it still stands: one made for a day that has moved since does not.
    #[must_use]
    pub fn announced(&self, home: Territory, book: &RuleBook) -> Option<Announced> {
        let due = self.due(home, book)?;
        self.keeping.announced.filter(|announced| announced.due >= due)
    }

    /// The proposal to erase, if it still stands: at the end of the retention, one made for the announcement that stands.
    #[must_use]
    pub fn proposal(&self, home: Territory, book: &RuleBook) -> Option<Proposal> {
        let proposed = self.keeping.proposed?;
        match proposed.ground {
            ErasureGround::Request | ErasureGround::Unlawful => Some(proposed),
            ErasureGround::Retention => {
                let announced = self.announced(home, book)?;
                (announced.at <= proposed.at).then_some(proposed)
            }
        }
    }
}
