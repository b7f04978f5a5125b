//! What simulated landlords call households: the SIAO tells them, as it would.

use std::collections::HashMap;

use anyhow::Context as _;
use domain::decide::Command;
use domain::id::{HouseholdId, OrganisationId};
use serde_json::Value;

use super::DeskKind;
use super::purse::Purse;
use super::replay::Line;
use crate::client::Client;

/// The references that landlords were told so far.
pub(super) struct Names {
    /// Signed in as the SIAO.
    siao: Client,
    told: HashMap<(OrganisationId, HouseholdId), String>,
}

impl Names {
    /// The instance that `administrator` asks, asked by the SIAO of the purse.
    pub(super) fn told_at(administrator: &Client, purse: &Purse) -> anyhow::Result<Self> {
        let siao = purse.first(DeskKind::Siao).context("there is no SIAO")?;
        Ok(Self { siao: administrator.signed_in_with(siao), told: HashMap::new() })
    }

    /// The line as its asker writes it: `command` names the households that stand in it by their ids.
    pub(super) async fn written(
        &mut self,
        mut line: Line,
        command: &mut Command,
        kind: DeskKind,
    ) -> anyhow::Result<Line> {
        if !kind.calls_by_reference() {
            return Ok(line);
        }
        let mut body = line.body.to_string();
        for household in command.households() {
            let id = household.to_string();
            // A household that is being registered has no name yet.
            if line.path.contains(&id) || body.contains(&id) {
                let reference = self.reference(line.organisation, *household).await?;
                line.path = line.path.replace(&id, &reference);
                body = body.replace(&id, &reference);
            }
        }
        line.body = serde_json::from_str::<Value>(&body)?;
        Ok(line)
    }

    async fn reference(&mut self, landlord: OrganisationId, id: HouseholdId) -> anyhow::Result<String> {
        if let Some(told) = self.told.get(&(landlord, id)) {
            return Ok(told.clone());
        }
        let asked = [("landlord", landlord.to_string())];
        let answer = self.siao.get(&format!("/api/v1/households/{id}/reference"), &asked).await;
        // A registration that the instance refused left nobody to call.
        let Ok(answer) = answer else { return Ok(id.to_string()) };
        let told = answer["reference"].as_str().context("the instance tells no reference")?.to_owned();
        self.told.insert((landlord, id), told.clone());
        Ok(told)
    }
}
