//! What a command's answer says beside its receipt: what its asker has to tell the household.

use domain::decide::{Command, HouseholdCommand};
use domain::household::Household;
use domain::household::dated::FactDates;
use domain::household::referral::ReferralSituation;
use domain::id::{HouseholdId, ReferralId};
use domain::ledger::State;
use domain::rights::{Group, Level};
use journal::{Local as _, Receipt};
use serde_json::{Map, Value, json};
use service::Problem;

use crate::answer::{local_problem, unserved};
use crate::gate::Caller;
use crate::take::Desk;

/// The situation before a command, as far as its consequences are told.
pub(crate) enum Before {
    /// A consent is taken back or an objection noted: who read until now is told.
    Readers(HouseholdId),
    /// A person is corrected: what matching makes of it is told.
    Matching(HouseholdId, FactDates, Vec<ReferralId>),
    /// Nothing is told.
    Nothing,
}

impl Desk {
    /// What is to be compared afterwards.
    pub(crate) fn before(&self, command: &Command) -> Result<Before, Problem> {
        let Command::Household(id, command) = command else { return Ok(Before::Nothing) };
        if matches!(command, HouseholdCommand::WithdrawConsent(_) | HouseholdCommand::Object(_)) {
            return Ok(Before::Readers(*id));
        }
        if let HouseholdCommand::CorrectIdentity(_) = command
            && let Some(is) = self.household_now(*id)?
        {
            return Ok(Before::Matching(*id, is.composition.dates.clone(), proposed(&is)));
        }
        Ok(Before::Nothing)
    }

    /// What is told afterwards, by its name in the answer. The command is recorded: what cannot be told now is left out,
    /// and is read where it always can be.
    pub(crate) async fn consequences(
        &self,
        before: Before,
        caller: &Caller,
        receipt: &Receipt,
    ) -> Map<String, Value> {
        let told = match before {
            Before::Nothing => return Map::new(),
            Before::Readers(id) => self.readers_told(id, caller).await,
            Before::Matching(id, facts, proposals) => self.matching_told(id, &facts, &proposals, receipt),
        };
        told.unwrap_or_else(|problem| {
            tracing::warn!(problem = problem.code(), "the consequences of a command cannot be told now");
            Map::new()
        })
    }

    /// The readers of the household, to whom all of its pathway is shown: that others read is a part of it.
    async fn readers_told(&self, id: HouseholdId, caller: &Caller) -> Result<Map<String, Value>, Problem> {
        {
            let page = self.ledgers().handle().reader().page().map_err(|e| unserved(&e))?;
            let seen = self.see(&page, caller, id, None);
            if !seen.is_ok_and(|seen| seen.grant.row.level(Group::Path) >= Level::Read) {
                return Ok(Map::new());
            }
        }
        let mut readers = self.readers(id).await?;
        // Those for whom this changes something, or who know something already.
        readers.retain(|reader| !reader.stopped_as.is_empty() || reader.read.is_some());
        Ok(Map::from_iter([("readers".to_owned(), json!(readers))]))
    }

    /// Which facts that places are matched on have changed, and what became of the referrals. Asked again under the same
    /// key, it is too late to compare.
    fn matching_told(
        &self,
        id: HouseholdId,
        before: &FactDates,
        proposals: &[ReferralId],
        receipt: &Receipt,
    ) -> Result<Map<String, Value>, Problem> {
        let Some(is) = self.household_now(id)?.filter(|_| !receipt.repeated) else { return Ok(Map::new()) };
        let facts = is.composition.dates.changed_since(before);
        let still = proposed(&is);
        let withdrawn: Vec<_> = proposals.iter().filter(|one| !still.contains(one)).collect();
        let accepted = |one: &&domain::household::referral::Referral| {
            matches!(one.situation, ReferralSituation::Accepted { .. })
        };
        let to_check = !facts.is_empty() && is.referrals.values().any(|one| accepted(&one));
        let matching = json!({
            "changed": !facts.is_empty(),
            "facts": facts,
            "withdrawn": withdrawn,
            "check_accepted": to_check,
        });
        Ok(Map::from_iter([("matching".to_owned(), matching)]))
    }

    fn household_now(&self, id: HouseholdId) -> Result<Option<Household>, Problem> {
        let ledger = domain::ledger::AggregateId::Household(id);
        let known = self.ledgers().ledger(&ledger).map_err(local_problem)?;
        Ok(known.and_then(|(state, _)| if let State::Household(is) = state { Some(*is) } else { None }))
    }
}

/// The referrals that wait for an answer.
fn proposed(is: &Household) -> Vec<ReferralId> {
    let waits = |situation: &ReferralSituation| matches!(situation, ReferralSituation::Proposed { .. });
    let waiting = is.referrals.iter().filter(|(_, one)| waits(&one.situation));
    waiting.map(|(id, _)| *id).collect()
}
