//! The organisation ledger: who takes part, what it answers for, the tokens of its software, its account
//! of the broker.

mod account;
mod event;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use account::{Account, AccountSituation, BrokerAccount, NoAccount};
pub use event::{
    AccountBound, AccountRevoked, BulkReadingNoticed, OrganisationChanged, OrganisationClosed,
    OrganisationEvent, OrganisationRegistered, PartyEvent, TokenIssued, TokenRevoked,
};
pub use token::{Token, TokenSituation, Verb};

use crate::event::Stamp;
use crate::id::{Territory, TokenId};

/// How many times that somebody opened many files are kept in mind: the youngest ones. All of them stay in the journal.
const BULK_READINGS_KEPT: usize = 200;

/// What kind of organisation: it decides which roles its people may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    /// Service intégré d'accueil et d'orientation (CASF L345-2-4), its 115 included.
    SiaoOperator,
    /// Prescripteur: social service, CCAS, accueil de jour, maraude, hospital, SPIP.
    Referrer,
    /// Gestionnaire: CHRS, CHU, résidence sociale, pension de famille, intermédiation locative.
    Provider,
    /// Bailleur social.
    SocialLandlord,
    /// Préfecture, DDETS or DRIHL.
    Prefecture,
    /// Commission de médiation (DALO, DAHO).
    MediationBoard,
    /// Those who observe: DIHAL, DREES, a département. Aggregates only.
    Observer,
    /// Those who check: data-protection officer, CNIL, Ancols.
    Auditor,
    /// Who runs this instance.
    Operator,
}

/// What an organisation is. Nothing of it is personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: OrganisationKind,
    /// The départements it answers for.
    pub territories: BTreeSet<Territory>,
    /// SIRET, fourteen digits; a reference, never a proof of membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siret: Option<String>,
}

/// An organisation's ledger, folded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganisationLedger {
    /// Whether it takes part.
    pub standing: Standing,
    /// The tokens of its software, revoked and expired ones too: a revoked one is told from one that never was.
    pub tokens: BTreeMap<TokenId, Token>,
    /// The accounts of the broker that are or were its own.
    pub accounts: BTreeMap<BrokerAccount, Account>,
    /// When its people and its software opened unusually many files, the youngest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bulk_readings: Vec<BulkReadingNoticed>,
}

/// Whether an organisation takes part.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is written on this ledger.
    #[default]
    Unknown,
    /// It does.
    Open {
        /// What it is.
        organisation: Organisation,
    },
    /// It did: nobody of it may do anything.
    Closed {
        /// What it was.
        organisation: Organisation,
    },
}

impl OrganisationLedger {
    /// What it is, if it takes part.
    #[must_use]
    pub fn open(&self) -> Option<&Organisation> {
        match &self.standing {
            Standing::Open { organisation } => Some(organisation),
            Standing::Unknown | Standing::Closed { .. } => None,
        }
    }

    /// What it is or was, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<&Organisation> {
        match &self.standing {
            Standing::Unknown => None,
            Standing::Open { organisation } | Standing::Closed { organisation } => Some(organisation),
        }
    }

    /// The token that an account of the broker acts under now, with its id; none if the account is not or no longer the
    /// organisation's, or opens nothing.
    #[must_use]
    pub fn account(&self, account: &BrokerAccount, now: Timestamp) -> Option<(TokenId, &Token)> {
        self.open()?;
        let is = self.accounts.get(account).filter(|is| is.situation == AccountSituation::Bound)?;
        let token = self.tokens.get(&is.token).filter(|token| token.is_good(now))?;
        Some((is.token, token))
    }

    /// Adds one recorded fact.
    pub fn evolve(&mut self, event: &OrganisationEvent, _: &Stamp) {
        let OrganisationEvent::Party(event) = event;
        match event {
            PartyEvent::OrganisationRegistered(e) => {
                self.standing = Standing::Open { organisation: e.organisation.clone() };
            }
            PartyEvent::OrganisationChanged(e) => match &mut self.standing {
                Standing::Open { organisation } | Standing::Closed { organisation } => {
                    organisation.clone_from(&e.organisation);
                }
                Standing::Unknown => {}
            },
            PartyEvent::OrganisationClosed(_) => {
                if let Some(organisation) = self.known().cloned() {
                    self.standing = Standing::Closed { organisation };
                }
            }
            PartyEvent::TokenIssued(e) => {
                self.tokens.insert(e.token, Token::issued(e));
            }
            PartyEvent::TokenRevoked(e) => {
                if let Some(token) = self.tokens.get_mut(&e.token) {
                    token.situation = TokenSituation::Revoked;
                }
            }
            PartyEvent::AccountBound(e) => {
                let bound = Account { token: e.token, situation: AccountSituation::Bound };
                self.accounts.insert(e.account.clone(), bound);
            }
            PartyEvent::AccountRevoked(e) => {
                if let Some(account) = self.accounts.get_mut(&e.account) {
                    account.situation = AccountSituation::Revoked;
                }
            }
            PartyEvent::BulkReadingNoticed(e) => {
                self.bulk_readings.push(e.clone());
                let surplus = self.bulk_readings.len().saturating_sub(BULK_READINGS_KEPT);
                self.bulk_readings.drain(..surplus);
            }
        }
    }
}
