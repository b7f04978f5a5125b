//! The owner of a subscription as a reader of it, without anybody asking.

use std::collections::BTreeSet;

use desk::Failure;
use domain::event::Actor;
use domain::id::{OrganisationId, SubscriptionId};
use domain::ledger::AggregateId;
use domain::organisation::Verb;
use domain::rights::{self, Action, Resource};
use domain::subscription::{Delivery, Standing, Way};
use projection::{Page, key};
use service::Problem;

use super::route::is_addressee;
use crate::source::Source;

/// What is asked when a subscription is told unasked.
pub(crate) const FOLLOW: Action = Action::follow("subscription", "follow");

impl Source {
    /// A subscription that stands.
    pub(super) fn stands(&self, page: &Page, id: SubscriptionId) -> Result<Option<Standing>, Problem> {
        let folded = desk::folded(page, &AggregateId::Subscription(id))?;
        Ok(folded.as_deref().and_then(desk::subscription).and_then(|is| is.standing().cloned()))
    }

    /// Every subscription that stands.
    pub(super) fn all_standing(&self, page: &Page) -> Result<Vec<(SubscriptionId, Standing)>, Problem> {
        self.standing_under(page, &[])
    }

    /// The subscriptions of an organisation that stand.
    pub(crate) fn standing_of(
        &self,
        page: &Page,
        owner: OrganisationId,
    ) -> Result<Vec<(SubscriptionId, Standing)>, Problem> {
        self.standing_under(page, &key::of(&owner))
    }

    fn standing_under(&self, page: &Page, prefix: &[u8]) -> Result<Vec<(SubscriptionId, Standing)>, Problem> {
        let mut all = Vec::new();
        for row in page.prefix(desk::SUBSCRIPTIONS, prefix).map_err(Failure)? {
            let (at, _) = row.map_err(Failure)?;
            let Some((_, ledger)) = key::read::<(OrganisationId, AggregateId)>(&at) else { continue };
            let AggregateId::Subscription(id) = ledger else { continue };
            all.extend(self.stands(page, id)?.map(|standing| (id, standing)));
        }
        Ok(all)
    }

    /// The owner in the role of the way, if it still takes part and that role may still be told.
    pub(super) fn owner(
        &self,
        page: &Page,
        id: SubscriptionId,
        is: &Standing,
        delivery: &Delivery,
    ) -> Result<Option<rights::Caller>, Problem> {
        let folded = desk::folded(page, &AggregateId::Organisation(is.owner))?;
        let Some(organisation) = folded.as_deref().and_then(desk::organisation).and_then(|is| is.open())
        else {
            return Ok(None);
        };
        if let Way::Mail { to } = delivery.way {
            let folded = desk::folded(page, &AggregateId::User(to))?;
            let user = folded.as_deref().and_then(desk::user);
            if !user.is_some_and(|user| is_addressee(user, is, delivery)) {
                return Ok(None);
            }
        }
        // An id is made of what a code may be made of.
        let Ok(actor) = format!("subscription:{id}").parse::<Actor>() else { return Ok(None) };
        let caller = rights::Caller {
            actor,
            user: None,
            organisation: is.owner,
            kind: organisation.kind,
            territories: organisation.territories.clone(),
            role: delivery.role,
            verbs: Some(BTreeSet::from([Verb::Follow])),
        };
        let at = self.desk.circumstances(is.owner.territory());
        Ok(rights::decide(&caller, FOLLOW, &Resource::Any, at).is_ok().then_some(caller))
    }
}
