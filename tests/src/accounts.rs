//! Who takes part in a test: one organisation of each kind, each with a token of its software.

use std::sync::Arc;
use std::time::Duration;

use domain::organisation::OrganisationKind as Kind;
use domain::rights::{Matrix, Role};
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::routes::Route;

/// One organisation, with the token of its software.
#[derive(Debug, Clone)]
pub struct Party {
    /// What it is.
    pub kind: Kind,
    /// The role of its token.
    pub role: Role,
    /// Its id.
    pub organisation: String,
    /// Its token.
    pub token: String,
}

/// Those who act together in a test. A clone is the same ones.
#[derive(Debug, Clone)]
pub struct Parties(Arc<Vec<Party>>);

/// The organisations of every test: what they are, and the role of their software.
pub const KINDS: [(Kind, Role); 6] = [
    (Kind::SiaoOperator, Role::SiaoManager),
    (Kind::Provider, Role::ProviderManager),
    (Kind::SocialLandlord, Role::LandlordOfficer),
    (Kind::Prefecture, Role::PrefectureOfficer),
    (Kind::Referrer, Role::Referrer),
    (Kind::Auditor, Role::Auditor),
];

impl Parties {
    /// These.
    #[must_use]
    pub fn of(parties: Vec<Party>) -> Self {
        Self(Arc::new(parties))
    }

    /// One organisation of each kind, registered at `base` (where supervision listens) with an administrator's token.
    ///
    /// # Panics
    /// When the administrator is refused.
    pub async fn registered(http: &reqwest::Client, base: &str, administrator: &str) -> Self {
        let mut parties = Vec::new();
        for (kind, role) in KINDS {
            let organisation = format!("33-{}", uuid::Uuid::new_v4());
            let register = json!({
                "territory": "33", "id": organisation,
                "organisation": { "name": "Organisme", "kind": kind, "territories": ["33"] },
            });
            post(http, &format!("{base}/api/v1/organisations"), administrator, &register).await;
            let issue = json!({
                "label": "test", "role": role, "verbs": ["read", "follow", "command"], "days": 30, "per_minute": 6_000,
            });
            let at = format!("{base}/api/v1/organisations/{organisation}/issue-token");
            let issued = post(http, &at, administrator, &issue).await;
            let token = issued["token"].as_str().unwrap().to_owned();
            parties.push(Party { kind, role, organisation, token });
        }
        Self::of(parties)
    }

    /// Waits until the service at `base` knows all of them: the last one is enough.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`].
    pub async fn known(&self, http: &reqwest::Client, base: &str, path: &str) {
        let last = &self.0.last().unwrap().token;
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let answer = http.get(format!("{base}{path}")).bearer_auth(last).send().await.unwrap();
            if answer.status() != 401 {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{base} does not know the tokens");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The one of this kind.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn the(&self, kind: Kind) -> &Party {
        self.0.iter().find(|party| party.kind == kind).unwrap()
    }

    /// Who asks for what `route` offers: of those whose role may, the one whose business it is.
    #[must_use]
    pub fn for_route(&self, route: Option<&Route>) -> &Party {
        let first = match route.map(|route| route.service.as_str()) {
            Some("insertion") => Kind::Provider,
            Some("landlord") => Kind::SocialLandlord,
            _ => Kind::SiaoOperator,
        };
        let right = route.and_then(|route| route.right.as_deref());
        let may = |party: &&Party| {
            right.is_none_or(|right| {
                Matrix::shipped().role(party.role).is_some_and(|role| role.actions.contains(right))
            })
        };
        let own = Some(self.the(first)).filter(may);
        own.or_else(|| self.0.iter().find(may)).unwrap_or_else(|| self.the(Kind::SiaoOperator))
    }
}

async fn post(http: &reqwest::Client, url: &str, token: &str, body: &Value) -> Value {
    let answer = http.post(url).bearer_auth(token).json(body).send().await.unwrap();
    let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert!(status.is_success(), "{url}: {status} {body}");
    body
}
