//! The tokens of the simulated organisations, when a running instance is asked: an administrator's token registers them
//! and issues theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use domain::id::OrganisationId;
use serde_json::json;

use super::{Desk, DeskKind};
use crate::client::Client;

/// How long the tokens are good, in days.
const DAYS: u8 = 30;
/// How often it is looked whether every service knows the last token.
const LOOKED_EVERY: Duration = Duration::from_millis(50);
/// How long that may take.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// A token of each organisation.
pub(super) struct Purse {
    tokens: BTreeMap<OrganisationId, (DeskKind, String)>,
}

impl Purse {
    /// Registers the organisations that are not, and has a token issued to each.
    pub(super) async fn filled(administrator: &Client, desks: &[Desk]) -> anyhow::Result<Self> {
        let mut tokens = BTreeMap::new();
        for (nth, desk) in desks.iter().enumerate() {
            let id = desk.organisation;
            let register = json!({ "territory": id.territory(), "id": id, "organisation": desk.is(nth) });
            match administrator.post("/api/v1/organisations", &register).await {
                Ok(_) => {}
                // Simulated before: its id is the same for the same seed.
                Err(error) if error.to_string().contains("already-registered") => {}
                Err(error) => return Err(error).context("cannot register the simulated organisations"),
            }
            let ask = json!({
                "label": "simulation", "role": desk.kind.role(), "verbs": ["read", "command"],
                "days": DAYS, "per_minute": 6_000,
            });
            let issued = administrator.post(&format!("/api/v1/organisations/{id}/issue-token"), &ask).await?;
            let token = issued["token"].as_str().context("the instance issued no token")?;
            tokens.insert(id, (desk.kind, token.to_owned()));
        }
        let purse = Self { tokens };
        let last = desks.iter().rev().find(|desk| desk.kind == DeskKind::Landlord);
        if let Some(token) = last.and_then(|desk| purse.token(desk.organisation)) {
            known(&administrator.signed_in_with(token)).await?;
        }
        Ok(purse)
    }

    /// The token of an organisation.
    pub(super) fn token(&self, organisation: OrganisationId) -> Option<&str> {
        self.tokens.get(&organisation).map(|(_, token)| token.as_str())
    }

    /// What an organisation is.
    pub(super) fn kind(&self, organisation: OrganisationId) -> Option<DeskKind> {
        self.tokens.get(&organisation).map(|(kind, _)| *kind)
    }

    /// The token of the first organisation of this kind.
    pub(super) fn first(&self, kind: DeskKind) -> Option<&str> {
        self.tokens.values().find(|(each, _)| *each == kind).map(|(_, token)| token.as_str())
    }
}

/// Waits until each service that takes commands knows the landlord's token, which was issued last.
async fn known(landlord: &Client) -> anyhow::Result<()> {
    let nobody = "/api/v1/households/75-00000000-0000-7000-8000-000000000000";
    let waiting = async {
        for path in [nobody, "/api/v1/places", "/api/v1/worklists/landlord"] {
            while let Err(error) = landlord.get(path, &[]).await {
                if !error.to_string().contains("sign-in-needed") {
                    break;
                }
                tokio::time::sleep(LOOKED_EVERY).await;
            }
        }
    };
    tokio::time::timeout(KNOWN_WITHIN, waiting)
        .await
        .context("the instance does not take the tokens it issued")
}
