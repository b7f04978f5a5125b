//! The gate of every service: who asks is looked up in the service's own view of organisations and users, and what the
//! operation needs is decided by [`domain::rights`].
//!
//! **Invariant.** Nothing is taken from what a caller says of itself. A token that was revoked, a user who was disabled, an
//! organisation that closed opens nothing once this view knows it, live streams included.
//!
//! **Invariant.** A session that nobody used for half an hour is over, whichever replica was asked last: the moment it was
//! seen travels in its cookie, under a keyed digest. What a page asks by itself is not using it: a live stream, and what is
//! marked as asked without anybody's doing.

mod account;
mod caller;
mod credentials;
mod household;
mod names;
mod session;

use std::sync::Arc;

use domain::event::Actor;
use domain::id::{OrganisationId, TokenId, UserId};
use domain::ledger::AggregateId;
use domain::organisation::OrganisationLedger;
use domain::rights::{self, Action, Calls, Circumstances, Denial, Matrix, Resource};
use domain::rules::RuleBook;
use domain::subscription::Subscription;
use domain::user::User;
use jiff::Timestamp;
use journal::Journal;
use projection::Page;
use projection::ledgers::Folded;
use service::axum::http::request::Parts;
use service::axum::http::{HeaderName, HeaderValue, header};
use service::config::Limits;
use service::http::{Admission, Admitted, Counted};
use service::problem::Kind;
use service::rate::{Per, Quota, Rates};
use service::{Edge, Gate, Needs, Problem, TraceContext};

pub use account::accounts;
pub use caller::{Caller, SignedIn};
pub use credentials::{COOKIE, InvitationText, Secret, SessionText, TokenText, hex};
pub use household::Meant;
pub use names::{Names, references};
pub use session::{IDLE_S, csrf_token, fresh_cookie, is_from_here, no_cookie};

use crate::reading::{Reading, folded};
use caller::verb;
use credentials::Credentials;

/// The header in which a page repeats the session's token against forged requests.
pub const CSRF: HeaderName = HeaderName::from_static("continuum-csrf");
/// The header that says what a read is for: a code.
pub const PURPOSE: HeaderName = HeaderName::from_static("continuum-purpose");
/// The header with which a page says that nobody did anything: it asks by itself, now and then.
pub const BY_ITSELF: HeaderName = HeaderName::from_static("continuum-by-itself");
/// How many requests a person may make in a minute.
const PER_MINUTE: u32 = 600;

/// The gate of one service.
pub struct Doorkeeper {
    reading: Reading,
    journal: Journal,
    edge: Edge,
    book: Arc<RuleBook>,
    limits: Limits,
    rates: Rates<Asker>,
}

/// Whose requests are counted together, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    /// All of one person's session or one program's token.
    One(SignedIn),
    /// All of an organisation.
    All(OrganisationId),
    /// Exports of one person, whatever the session, or of one program.
    Exports(Somebody),
}

/// One person, whatever the session, or one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Somebody {
    User(UserId),
    Token(OrganisationId, TokenId),
}

/// A caller who was recognised, and how often they may ask.
struct Recognised {
    rights: rights::Caller,
    by: SignedIn,
    per_minute: u32,
    cookie: Option<HeaderValue>,
    /// When the session is over if nobody uses it until then.
    idle_at: Option<Timestamp>,
}

/// What whoever has not signed in is told.
#[must_use]
pub fn sign_in_needed() -> Problem {
    Problem::new(Kind::SignInNeeded)
        // RFC 9110 asks every 401 to name a scheme.
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"continuum\""))
}

impl Doorkeeper {
    /// The gate that looks callers up through `reading`.
    #[must_use]
    pub fn new(reading: Reading, journal: Journal, edge: Edge, book: Arc<RuleBook>, limits: Limits) -> Self {
        Self { reading, journal, edge, book, limits, rates: Rates::new() }
    }

    fn recognise(&self, head: &Parts, needs: Needs) -> Result<Recognised, Problem> {
        let now = self.edge.now();
        match Credentials::of(&head.headers)? {
            Credentials::None => Err(sign_in_needed()),
            Credentials::Token(text) => self.token(&text, now),
            Credentials::Session(text) => {
                let used = session::is_somebody_s_doing(&head.headers, needs);
                let recognised = self.session(&text, used, now)?;
                session::refuse_forged(head, &self.journal, text.session)?;
                Ok(recognised)
            }
        }
    }

    fn token(&self, text: &TokenText, now: Timestamp) -> Result<Recognised, Problem> {
        let page = self.reading.now()?;
        // Hashed whether or not there is such a token: both take the same time.
        let digest = text.secret.digest();
        let found = folded(&page, &AggregateId::Organisation(text.organisation))?;
        let ledger = found.as_deref().and_then(organisation).ok_or_else(sign_in_needed)?;
        let token =
            ledger.tokens.get(&text.token).filter(|token| token.digest == digest && token.is_good(now));
        let (Some(token), Some(organisation)) = (token, ledger.open()) else { return Err(sign_in_needed()) };
        let rights = rights::Caller {
            actor: Actor::of_token(text.token),
            user: None,
            organisation: text.organisation,
            kind: organisation.kind,
            territories: organisation.territories.clone(),
            role: token.role,
            verbs: Some(token.verbs.clone()),
        };
        let by = SignedIn::Token(text.organisation, text.token);
        Ok(Recognised { rights, by, per_minute: token.per_minute, cookie: None, idle_at: None })
    }

    fn session(&self, text: &SessionText, used: bool, now: Timestamp) -> Result<Recognised, Problem> {
        let page = self.reading.now()?;
        let digest = text.secret.digest();
        let found = folded(&page, &AggregateId::User(text.user))?;
        let user = found.as_deref().and_then(user).ok_or_else(session::over)?;
        let session = user.session(text.session, now).filter(|session| session.digest == digest);
        let session = session.ok_or_else(session::over)?;
        let profile = session.profile;
        let found = folded(&page, &AggregateId::Organisation(profile.organisation))?;
        let ledger = found.as_deref().and_then(organisation);
        let organisation = ledger.and_then(OrganisationLedger::open).ok_or_else(session::over)?;
        let cookie = session::seen(text, used, &self.journal, now)?;
        let idle_at = Timestamp::from_second(text.seen.saturating_add(IDLE_S)).ok();
        let rights = rights::Caller {
            actor: Actor::of_user(text.user),
            user: Some(text.user),
            organisation: profile.organisation,
            kind: organisation.kind,
            territories: organisation.territories.clone(),
            role: profile.role,
            verbs: None,
        };
        let by = SignedIn::Session(text.user, text.session);
        Ok(Recognised { rights, by, per_minute: PER_MINUTE, cookie, idle_at })
    }

    /// Whether who signed in so still is: asked again and again while something is streamed to them.
    ///
    /// # Errors
    /// [`Problem`] when the view serves nothing.
    pub fn still(&self, caller: &Caller) -> Result<bool, Problem> {
        still(&self.reading.now()?, caller, self.edge.now())
    }

    /// Counts a request of somebody, of their organisation, and as what it is besides; the next page of an export that was
    /// begun is no further one.
    fn count(&self, caller: &Recognised, counted: Counted, goes_on: bool) -> Result<(), Problem> {
        let (now, limits) = (self.edge.now(), &self.limits);
        let take = |asker, name, most, per| {
            self.rates.take(asker, Quota { name, most, per }, now).map_err(Problem::from)
        };
        take(Asker::One(caller.by), "requests", caller.per_minute, Per::Minute)?;
        let of_all = Asker::All(caller.rights.organisation);
        take(of_all, "limits.per_organisation_max", limits.per_organisation_max, Per::Minute)?;
        let somebody = match caller.by {
            SignedIn::Session(user, _) => Somebody::User(user),
            SignedIn::Token(organisation, token) => Somebody::Token(organisation, token),
        };
        match counted {
            Counted::Request => Ok(()),
            Counted::Export if goes_on => Ok(()),
            Counted::Export => {
                take(Asker::Exports(somebody), "limits.exports_max", limits.exports_max, Per::Hour)
            }
        }
    }

    fn admit_now(&self, mut head: Parts, needs: Needs, counted: Counted) -> Result<Admission, Problem> {
        let mut recognised = self.recognise(&head, needs)?;
        self.count(&recognised, counted, goes_on(&head))?;
        let cookie = recognised.cookie.take();
        let trace = TraceContext::of_request(&head.headers);
        let mut caller = match needs {
            Needs::Nothing | Needs::Unstated | Needs::SignedIn => {
                self.asking(recognised, Action::read("session", "file"), trace)?
            }
            Needs::Right { on, name, verb: needed } => {
                self.entitled(recognised, Action { on, name, verb: verb(needed) }, trace)?
            }
        };
        caller.purpose = match head.headers.get(PURPOSE) {
            None => None,
            Some(given) => Some(purpose(given)?),
        };
        let wording = caller.names.wording();
        head.extensions.insert(caller);
        Ok(Admission { head, cookie, wording })
    }

    /// The caller, if its role and what it signed in with may do this at all.
    fn entitled(&self, caller: Recognised, action: Action, trace: TraceContext) -> Result<Caller, Problem> {
        let (rights, now) = (&caller.rights, self.edge.now());
        let rules = self.book.on(rights.organisation.territory(), day(rights, now));
        rights::decide(rights, action, &Resource::Any, Circumstances { now, rules }).map_err(|denial| {
            let (actor, action) = (&rights.actor, action.code());
            tracing::info!(code = "not-allowed", %actor, action, "{actor} asked for {action}, which is not theirs");
            denied(denial, rights)
        })?;
        self.asking(caller, action, trace)
    }

    fn asking(&self, caller: Recognised, action: Action, trace: TraceContext) -> Result<Caller, Problem> {
        let Recognised { rights, by, idle_at, .. } = caller;
        let names = match Matrix::shipped().calls(rights.role) {
            Calls::Id => Names::Ids,
            Calls::Reference => Names::references(&self.journal, rights.organisation, &self.reading)?,
        };
        Ok(Caller { rights, by, action, purpose: None, trace, idle_at, names })
    }
}

impl Gate for Doorkeeper {
    fn admit(&self, head: Parts, needs: Needs, counted: Counted) -> Admitted<'_> {
        Box::pin(std::future::ready(self.admit_now(head, needs, counted)))
    }
}

/// Whether a request asks for the next page of something that was begun before.
fn goes_on(head: &Parts) -> bool {
    let pairs = head.uri.query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.split_once('=')).any(|(name, cursor)| name == "cursor" && !cursor.is_empty())
}

/// Whether who signed in so still is, by this page.
///
/// # Errors
/// [`Problem`] when the rows cannot be read.
pub fn still(page: &Page, caller: &Caller, now: Timestamp) -> Result<bool, Problem> {
    if caller.is_idle(now) {
        return Ok(false);
    }
    let found = folded(page, &AggregateId::Organisation(caller.rights.organisation))?;
    let Some(ledger) = found.as_deref().and_then(organisation).filter(|ledger| ledger.open().is_some())
    else {
        return Ok(false);
    };
    match caller.by {
        // A token acts for the organisation that it was issued to.
        SignedIn::Token(_, token) => Ok(ledger.tokens.get(&token).is_some_and(|token| token.is_good(now))),
        SignedIn::Session(id, session) => {
            let found = folded(page, &AggregateId::User(id))?;
            let stands = found.as_deref().and_then(user).and_then(|user| user.session(session, now));
            let same = |profile: domain::user::Profile| {
                (profile.organisation, profile.role) == (caller.rights.organisation, caller.rights.role)
            };
            Ok(stands.is_some_and(|session| same(session.profile)))
        }
    }
}

/// What a role or a token may not do at all. It says nothing of what was asked about.
pub(crate) fn denied(denial: Denial, caller: &rights::Caller) -> Problem {
    match denial {
        Denial::Role | Denial::Unseen => Problem::new(Kind::NotAllowed).member("role", caller.role.code()),
        Denial::Token => Problem::new(Kind::TokenNotAllowed).member("limit", "verbs"),
    }
}

fn day(caller: &rights::Caller, now: Timestamp) -> jiff::civil::Date {
    domain::calendar::day(caller.organisation.territory(), now)
}

fn purpose(given: &HeaderValue) -> Result<journal::access::Code, Problem> {
    let code = given.to_str().ok().and_then(|text| text.parse().ok());
    code.ok_or_else(|| {
        Problem::new(Kind::MalformedHeader)
            .detail("continuum-purpose must be sent once, as a code such as orientation")
            .member("header", PURPOSE.as_str())
            .member("expected", "a code such as orientation")
    })
}

/// What is known of an organisation, if the ledger is that of one.
#[must_use]
pub fn organisation(folded: &Folded) -> Option<&OrganisationLedger> {
    folded.state.organisation()
}

/// What is known of a subscription, if the ledger is that of one.
#[must_use]
pub fn subscription(folded: &Folded) -> Option<&Subscription> {
    folded.state.subscription()
}

/// What is known of somebody who signs in, if the ledger is that of one.
#[must_use]
pub fn user(folded: &Folded) -> Option<&User> {
    folded.state.user()
}
