//! What the view keeps of a household: which identities it has, and their tokens instead of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::Stamp;
use domain::household::composition::Composition;
use domain::household::{Household, HouseholdEvent};
use domain::id::{ApplicationId, HouseholdId, PersonId};
use domain::likeness::{of_number, traits};
use domain::personal::Personal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::token::{Token, Tokens};

/// A household, folded by the rules of the domain, with nothing in it but who is of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct File {
    /// Members and applications; their identities and numbers are taken out as they come.
    household: Household,
    persons: BTreeMap<PersonId, BTreeSet<Token>>,
    numbers: BTreeMap<ApplicationId, Token>,
}

/// An identity or a number came sealed: whoever opens them has left it out, and its tokens would be missing without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StillSealed;

impl File {
    /// Whether an event can change who is of a household.
    pub(super) fn concerns(event: &HouseholdEvent) -> bool {
        match event {
            HouseholdEvent::Composition(_)
            | HouseholdEvent::Family(_)
            | HouseholdEvent::Application(_)
            | HouseholdEvent::Erasure(_) => true,
            HouseholdEvent::Correction(_)
            | HouseholdEvent::Request(_)
            | HouseholdEvent::Referral(_)
            | HouseholdEvent::Stay(_)
            | HouseholdEvent::Priority(_)
            | HouseholdEvent::Consent(_)
            | HouseholdEvent::FollowUp(_)
            | HouseholdEvent::Protection(_)
            | HouseholdEvent::PersonRequest(_)
            | HouseholdEvent::Candidacy(_) => false,
        }
    }

    /// Adds an event whose identities and numbers are opened.
    pub(super) fn evolve(
        &mut self,
        id: HouseholdId,
        event: &HouseholdEvent,
        stamp: &Stamp,
        tokens: &Tokens,
    ) -> Result<(), StillSealed> {
        self.household.evolve(event, stamp);
        let Household { registration, composition, applications, .. } = std::mem::take(&mut self.household);
        let composition = Composition { members: composition.members, ..Composition::default() };
        self.household = Household { registration, composition, applications, ..Household::default() };
        self.persons.retain(|person, _| self.household.composition.members.contains_key(person));
        for (person, is) in &mut self.household.composition.members {
            let Some(kept) = &mut is.identity else {
                self.persons.remove(person);
                continue;
            };
            match come(&mut kept.value)? {
                Came::New(identity) => {
                    let of = |one| tokens.token(id.territory(), &one);
                    self.persons.insert(*person, traits(&identity).into_iter().map(of).collect());
                }
                Came::Before => {}
                Came::Gone => drop(self.persons.remove(person)),
            }
        }
        for (application, is) in &mut self.household.applications {
            let Some(kept) = &mut is.number else { continue };
            match come(&mut kept.value)? {
                Came::New(number) => {
                    let token = tokens.token(id.territory(), &of_number(&number));
                    self.numbers.insert(*application, token);
                }
                Came::Before => {}
                Came::Gone => drop(self.numbers.remove(application)),
            }
        }
        let applications = &self.household.applications;
        self.numbers.retain(|id, _| applications.get(id).is_some_and(|is| is.is_live()));
        Ok(())
    }

    /// Its tokens by person; those of its applications stand for nobody in particular.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (Option<PersonId>, &Token)> {
        let persons =
            self.persons.iter().flat_map(|(person, all)| all.iter().map(move |one| (Some(*person), one)));
        persons.chain(self.numbers.values().map(|one| (None, one)))
    }

    /// The tokens of one of its persons.
    pub(super) fn of_person(&self, person: PersonId) -> BTreeSet<Token> {
        self.persons.get(&person).cloned().unwrap_or_default()
    }
}

/// What has come of a value that the view may not keep.
enum Came<T> {
    /// It came with this event.
    New(T),
    /// It came before: its tokens are here.
    Before,
    /// It is erased, and its tokens go with it.
    Gone,
}

/// Takes a value out, and leaves that there is one, not what it is: when it goes, its tokens go.
fn come<T>(value: &mut Personal<T>) -> Result<Came<T>, StillSealed> {
    match std::mem::replace(value, Personal::Sealed(Value::Null)) {
        Personal::Known(known) => Ok(Came::New(known)),
        Personal::Sealed(Value::Null) => Ok(Came::Before),
        Personal::Sealed(_) => Err(StillSealed),
        erased @ Personal::Erased(_) => {
            *value = erased;
            Ok(Came::Gone)
        }
    }
}
