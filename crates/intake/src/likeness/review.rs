//! Before somebody is registered, added or corrected: whether another file looks like theirs.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::decide::{Command, HouseholdCommand};
use domain::household::composition::Identity;
use domain::id::{HouseholdId, PersonId};
use domain::ledger::AggregateId;
use domain::likeness::traits;
use journal::Local as _;
use serde_json::json;
use service::Problem;

use desk::{Advice, Asking, Desk, Failure};

use super::look::Who;
use super::token::Token;
use super::{Finder, view};
use crate::matching;

/// What intake adds to a command: the rank of a proposal, the look-alikes of a person.
pub(crate) fn advice(desk: &Desk, finder: &Finder) -> Advice {
    let (desk, finder) = (desk.clone(), finder.clone());
    Arc::new(move |asking| {
        let (desk, finder) = (desk.clone(), finder.clone());
        Box::pin(async move {
            if let Command::Household(household, HouseholdCommand::ProposeReferral(proposal)) =
                &asking.command
            {
                return matching::standing(&desk, *household, proposal).await;
            }
            finder.review(&asking).await.map(|()| None)
        })
    })
}

/// Somebody whose identity a command brings.
struct Brought<'a> {
    who: Who,
    identity: &'a Identity,
    /// Whom it corrects, if it does.
    corrects: Option<PersonId>,
}

/// The household and those whom a command brings to it without a word on look-alikes.
fn brought(command: &Command) -> Option<(HouseholdId, Vec<Brought<'_>>)> {
    let Command::Household(id, command) = command else { return None };
    let one = |identity, corrects| vec![Brought { who: Some("0".to_owned()), identity, corrects }];
    let (brought, reviewed) = if let HouseholdCommand::Register(register) = command {
        let members = register.members.iter().enumerate();
        let all = members.map(|(n, member)| Brought {
            who: Some(n.to_string()),
            identity: &member.identity,
            corrects: None,
        });
        (all.collect(), &register.duplicate_reviewed)
    } else if let HouseholdCommand::AddMember(add) = command {
        (one(&add.member.identity, None), &add.duplicate_reviewed)
    } else if let HouseholdCommand::CorrectIdentity(correct) = command {
        (one(&correct.member.identity, Some(correct.person)), &correct.duplicate_reviewed)
    } else {
        return None;
    };
    reviewed.is_none().then_some((*id, brought))
}

impl Finder {
    /// Lets the command go on if no file looks like those whom it brings, if it says why it goes on, or if it is recorded
    /// already: whoever lost the answer gets it again.
    async fn review(&self, asking: &Asking) -> Result<(), Problem> {
        let Some((id, brought)) = brought(&asking.command) else { return Ok(()) };
        if self.is_recorded(asking)? {
            return Ok(());
        }
        self.level().await?;
        let wanted = self.wanted(id, &brought)?;
        let found = self.find(&asking.caller, id, &wanted)?;
        if found.listed.is_empty() {
            return Ok(());
        }
        // Another process may have recorded it a moment ago.
        if self.desk.catch_up(&AggregateId::Household(id)).await? && self.is_recorded(asking)? {
            return Ok(());
        }
        self.record(&asking.caller, &found).await?;
        let sentence = "Un dossier semblable est déjà enregistré. Vérifiez avec le SIAO qui le tient s'il s'agit de la même personne ; si c'est un autre dossier, dites pourquoi.";
        let listed: Vec<_> = found.listed.iter().map(|one| json!(one)).collect();
        Err(Problem::refused_now("possible-duplicate", "look-alikes", sentence).member("look_alikes", listed))
    }

    fn is_recorded(&self, asking: &Asking) -> Result<bool, Problem> {
        Ok(self.desk.ledgers().command(asking.id).map_err(desk::local_problem)?.is_some())
    }

    /// The tokens of those who are brought. In what a person looked like others before their correction was looked at then.
    fn wanted(
        &self,
        id: HouseholdId,
        brought: &[Brought<'_>],
    ) -> Result<Vec<(Who, BTreeSet<Token>)>, Problem> {
        let page = self.rows.reader().page().map_err(|e| desk::unserved(&e))?;
        let file = view::file(&page, id).map_err(Failure)?;
        let tokens = |Brought { who, identity, corrects }: &Brought<'_>| {
            let before = file.as_ref().zip(*corrects).map(|(file, person)| file.of_person(person));
            let all = traits(identity).into_iter().map(|one| self.tokens.token(id.territory(), &one));
            (
                who.clone(),
                all.filter(|one| before.as_ref().is_none_or(|before| !before.contains(one))).collect(),
            )
        };
        Ok(brought.iter().map(tokens).collect())
    }
}
