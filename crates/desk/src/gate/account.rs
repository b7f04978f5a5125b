//! Who speaks by an account of the broker: the organisation that it is bound to, under one of its tokens.

use domain::event::Actor;
use domain::ledger::AggregateId;
use domain::organisation::BrokerAccount;
use domain::rights::{self, Action};
use projection::{Page, key};
use service::http::Counted;
use service::problem::Kind;
use service::{Problem, TraceContext};

use super::{Caller, Doorkeeper, Recognised, SignedIn, organisation, sign_in_needed};
use crate::answer::Failure;
use crate::index::ACCOUNTS;
use crate::reading::folded;

impl Doorkeeper {
    /// Whoever asks `action` by `account`. It counts as one request of the token that the account acts under.
    ///
    /// # Errors
    /// [`Problem`] `sign-in-needed` when the account is nobody's, or opens nothing any more; `too-many-requests`;
    /// `token-not-allowed` or `not-allowed`; what hinders reading.
    pub fn partner(
        &self,
        account: &BrokerAccount,
        action: Action,
        trace: TraceContext,
    ) -> Result<Caller, Problem> {
        let recognised = self.account(&self.reading.now()?, account)?;
        self.count(&recognised, Counted::Request, false)?;
        self.entitled(recognised, action, trace)
    }

    /// Whoever may be told what happens by `account`; none if nobody is.
    ///
    /// # Errors
    /// [`Problem`] when the rows cannot be read.
    pub fn follower(&self, page: &Page, account: &BrokerAccount) -> Result<Option<Caller>, Problem> {
        let follow = Action::follow("event", "follow");
        let recognised = self.account(page, account);
        match recognised.and_then(|recognised| self.entitled(recognised, follow, TraceContext::root())) {
            Ok(caller) => Ok(Some(caller)),
            Err(no) if [Kind::SignInNeeded, Kind::NotAllowed, Kind::TokenNotAllowed].contains(&no.kind()) => {
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }

    fn account(&self, page: &Page, account: &BrokerAccount) -> Result<Recognised, Problem> {
        let now = self.edge.now();
        let prefix = key::of(account.as_str());
        let mut found = None;
        for row in page.prefix(ACCOUNTS, &prefix).map_err(Failure)? {
            let (at, _) = row.map_err(Failure)?;
            let Some(ledger) = at.get(prefix.len()..).and_then(key::read::<AggregateId>) else { continue };
            let AggregateId::Organisation(id) = ledger else { continue };
            let folded = folded(page, &ledger)?;
            let Some(is) = folded.as_deref().and_then(organisation) else { continue };
            let Some(((token, scope), standing)) = is.account(account, now).zip(is.open()) else { continue };
            // Of two who claim the same account neither is believed.
            if found.is_some() {
                return Err(sign_in_needed());
            }
            let rights = rights::Caller {
                actor: Actor::of_token(token),
                user: None,
                organisation: id,
                kind: standing.kind,
                territories: standing.territories.clone(),
                role: scope.role,
                verbs: Some(scope.verbs.clone()),
            };
            let by = SignedIn::Token(id, token);
            found =
                Some(Recognised { rights, by, per_minute: scope.per_minute, cookie: None, idle_at: None });
        }
        found.ok_or_else(sign_in_needed)
    }
}

/// The accounts of the broker that are or were bound to somebody.
///
/// # Errors
/// [`Problem`] when the rows cannot be read.
pub fn accounts(page: &Page) -> Result<Vec<BrokerAccount>, Problem> {
    let mut accounts = Vec::new();
    for row in page.prefix(ACCOUNTS, &[]).map_err(Failure)? {
        let (at, _) = row.map_err(Failure)?;
        let read = key::read::<(String, AggregateId)>(&at);
        accounts.extend(read.and_then(|(account, _)| account.parse::<BrokerAccount>().ok()));
    }
    accounts.dedup();
    Ok(accounts)
}
