//! The simulated territory: its ledgers, its clock, and how a command is asked for in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::decide::Command;
use domain::event::{Actor, Origin};
use domain::household::request::RequestSituation;
use domain::household::{Household, Registration};
use domain::id::{HouseholdId, OrganisationId, PlaceId, RequestId, StructureId, Territory};
use domain::ledger::{AggregateId, Ledgers, State};
use domain::place::Place;
use domain::structure_kind::StructureKind;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::agenda::{Action, Agenda, Deadlines};
use super::desks::{DeskKind, Desks, Who};
use super::dice::Dice;
use super::geography::Geography;
use super::people::People;
use super::settings::Settings;
use super::summary::Summary;
use super::supply::PlannedStructure;
use super::{Plan, Progress, Step};

/// What the simulation knows of a household beside its ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Persona {
    /// Which referrer follows it.
    pub(super) referrer: usize,
    /// Whether it is out of reach for good: dead, gone, part of another household.
    pub(super) gone: bool,
}

/// The simulated territory.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) from: Timestamp,
    pub(super) now: Timestamp,
    pub(super) dice: Dice,
    pub(super) settings: &'static Settings,
    pub(super) geography: Geography,
    pub(super) people: People,
    pub(super) desks: Desks,
    pub(super) agenda: Agenda,
    pub(super) deadlines: Deadlines,
    pub(super) steps: Vec<Step>,
    pub(super) summary: Summary,
    pub(super) ledgers: Ledgers,
    pub(super) personas: HashMap<HouseholdId, Persona>,
    pub(super) structures: Vec<PlannedStructure>,
    pub(super) closing: BTreeSet<StructureId>,
    /// Requests whose assessment is there.
    pub(super) assessed: BTreeSet<RequestId>,
    /// Households with a request on the waiting list, by the kinds it is qualified for.
    pub(super) waiting: BTreeMap<StructureKind, BTreeSet<HouseholdId>>,
    waits_for: HashMap<HouseholdId, BTreeSet<StructureKind>>,
    /// Households with a social-housing application in the register.
    pub(super) applicants: BTreeSet<HouseholdId>,
    /// Places on offer, by kind.
    pub(super) on_offer: BTreeMap<StructureKind, BTreeSet<PlaceId>>,
    /// Places for which a search is planned.
    pub(super) sought: BTreeSet<PlaceId>,
    pub(super) asked: u64,
}

/// The organisations of a plan: more of them where more households are registered.
pub(super) fn desks_of(plan: &Plan) -> Desks {
    let providers = (plan.households as usize / 150).clamp(4, 60);
    let landlords = (plan.households as usize / 600).clamp(2, 12);
    Desks::of(plan.territory, plan.seed, providers, landlords)
}

impl World {
    /// The territory of `plan` before its first day: nothing is there yet.
    pub(super) fn new(plan: Plan) -> Self {
        let settings = Settings::shipped();
        let geography = Geography::of(plan.territory, settings);
        let mut dice = Dice::of(plan.seed);
        let last = domain::calendar::day(plan.territory, plan.until);
        let first = domain::calendar::months_after(last, -12 * i64::from(plan.years));
        let from = domain::calendar::start_of_day(plan.territory, first);
        let desks = desks_of(&plan);
        let structures = PlannedStructure::all(&plan, settings, &geography, &desks, &mut dice);
        let summary = Summary { desks: desks.all().to_vec(), ..Summary::default() };
        Self {
            plan,
            from,
            now: from,
            dice,
            settings,
            geography,
            people: People::shipped(),
            desks,
            agenda: Agenda::default(),
            deadlines: Deadlines::default(),
            steps: Vec::new(),
            summary,
            ledgers: Ledgers::default(),
            personas: HashMap::new(),
            structures,
            closing: BTreeSet::new(),
            assessed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            waits_for: HashMap::new(),
            applicants: BTreeSet::new(),
            on_offer: BTreeMap::new(),
            sought: BTreeSet::new(),
            asked: 0,
        }
    }

    /// Lets the next thing happen. False when the plan has come to its end.
    pub(super) fn advance(&mut self) -> bool {
        let (action, deadline) = (self.agenda.next(), self.deadlines.next());
        let clock = match (action, deadline) {
            (Some(action), Some(deadline)) => deadline <= action,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => return false,
        };
        let at = if clock { deadline } else { action };
        let Some(at) = at.filter(|at| *at <= self.plan.until) else { return false };
        self.now = self.now.max(at);
        if clock {
            self.elapse();
        } else if let Some(action) = self.agenda.take() {
            self.act(action);
        }
        true
    }

    /// Fires the next deadline, as the clock of the services does.
    fn elapse(&mut self) {
        let Some(deadline) = self.deadlines.take() else { return };
        let organisation = OrganisationId::new(deadline.ledger.territory(), Uuid::nil());
        let origin = Origin {
            command: deadline.command(),
            actor: Actor::clock(),
            organisation,
            at: self.now,
            trace: None,
        };
        if !self.submit(Command::Elapse(deadline), Value::Null, None, origin, None) {
            self.deadlines.was_idle(deadline);
        }
    }

    /// Brings deadlines and lists up to date with a ledger that has changed.
    pub(super) fn index(&mut self, ledger: AggregateId) {
        let Some(state) = self.ledgers.get(&ledger) else { return };
        self.deadlines.update(ledger, state);
        match (ledger, state) {
            (AggregateId::Household(id), State::Household(is)) => {
                let kinds = kinds_waited_for(is);
                let applies = is.live_application().is_some()
                    && matches!(is.registration, Registration::Registered { .. });
                self.index_household(id, kinds, applies);
            }
            (AggregateId::Place(id), State::Place(is)) => {
                if let Some(description) = is.inventory.description() {
                    let open = is.open_vacancy().is_some() && is.hold.is_none() && is.description().is_some();
                    let list = self.on_offer.entry(description.kind).or_default();
                    if open {
                        list.insert(id)
                    } else {
                        list.remove(&id)
                    };
                }
            }
            (
                AggregateId::Household(_)
                | AggregateId::Place(_)
                | AggregateId::Structure(_)
                | AggregateId::Organisation(_)
                | AggregateId::User(_)
                | AggregateId::Subscription(_)
                | AggregateId::Inquiry(_),
                _,
            ) => {}
        }
    }

    fn index_household(&mut self, id: HouseholdId, kinds: BTreeSet<StructureKind>, applies: bool) {
        if applies {
            self.applicants.insert(id)
        } else {
            self.applicants.remove(&id)
        };
        let before = self.waits_for.entry(id).or_default();
        if *before == kinds {
            return;
        }
        for kind in before.difference(&kinds) {
            if let Some(list) = self.waiting.get_mut(kind) {
                list.remove(&id);
            }
        }
        for kind in kinds.difference(before) {
            self.waiting.entry(*kind).or_default().insert(id);
        }
        *before = kinds;
    }

    /// A household's state.
    pub(super) fn household(&self, id: HouseholdId) -> Option<&Household> {
        self.ledgers.get(&AggregateId::Household(id))?.household()
    }

    /// A place's state.
    pub(super) fn place(&self, id: PlaceId) -> Option<&Place> {
        self.ledgers.get(&AggregateId::Place(id))?.place()
    }

    /// Whether the household is still by itself and can be reached.
    pub(super) fn is_here(&self, id: HouseholdId) -> bool {
        self.personas.get(&id).is_some_and(|persona| !persona.gone)
    }

    /// The département.
    pub(super) fn territory(&self) -> Territory {
        self.plan.territory
    }

    /// Today.
    pub(super) fn today(&self) -> Date {
        domain::calendar::day(self.plan.territory, self.now)
    }

    /// Plans an action.
    pub(super) fn plan_at(&mut self, at: Timestamp, action: Action) {
        self.agenda.plan(at.max(self.now), action);
    }

    /// Plans an action for so many hours from now.
    pub(super) fn in_hours(&mut self, hours: f64, action: Action) {
        self.plan_at(self.after(hours * 3_600.0), action);
    }

    /// Plans an action for a working hour, so many days from now.
    pub(super) fn in_days(&mut self, days: f64, action: Action) {
        let at = self.working(self.after(days * 86_400.0));
        self.plan_at(at, action);
    }

    /// So many seconds from now.
    pub(super) fn after(&self, seconds: f64) -> Timestamp {
        let ahead = SignedDuration::from_secs(seconds.clamp(0.0, 4e9) as i64);
        self.now.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// A moment of the day of `at` when offices are open, or of the next working day.
    pub(super) fn working(&mut self, at: Timestamp) -> Timestamp {
        let day = domain::calendar::day(self.plan.territory, at);
        let weekend = i64::from(day.weekday().to_monday_one_offset()) - 5;
        let day = if weekend > 0 { domain::calendar::days_after(day, 3 - weekend) } else { day };
        let at = self.hour(day, 8.5, 17.5);
        // A little later rather than in the past.
        if at > self.now { at } else { self.after(900.0) }
    }

    /// A moment of `day`, between two hours.
    pub(super) fn hour(&mut self, day: Date, from: f64, to: f64) -> Timestamp {
        let seconds = self.dice.within(from, to) * 3_600.0;
        let start = domain::calendar::start_of_day(self.plan.territory, day);
        start.checked_add(SignedDuration::from_secs(seconds as i64)).unwrap_or(Timestamp::MAX)
    }

    /// An agent of the SIAO.
    pub(super) fn siao(&mut self) -> Who {
        self.agent_of(DeskKind::Siao, 0)
    }

    /// An agent of the préfet's services.
    pub(super) fn prefecture(&mut self) -> Who {
        self.agent_of(DeskKind::Prefecture, 0)
    }

    /// An agent of the service that follows the household.
    pub(super) fn referrer(&mut self, id: HouseholdId) -> Who {
        let nth = self.personas.get(&id).map_or(0, |persona| persona.referrer);
        self.agent_of(DeskKind::Referrer, nth)
    }

    /// An agent of whoever runs the place.
    pub(super) fn keeper(&mut self, id: PlaceId) -> Who {
        let provider = self.place(id).and_then(|place| place.inventory.description()).map(|is| is.provider);
        let organisation = provider.unwrap_or_else(|| self.desks.nth(DeskKind::Provider, 0));
        let throw = self.dice.below(64);
        self.desks.agent(organisation, throw)
    }

    fn agent_of(&mut self, kind: DeskKind, nth: usize) -> Who {
        let throw = self.dice.below(64);
        self.desks.agent(self.desks.nth(kind, nth), throw)
    }

    /// The figures, when the plan has come to its end.
    pub(super) fn end(mut self) -> Summary {
        let (from, until) = (self.from.as_second(), self.plan.until.as_second());
        for (_, state) in self.ledgers.iter() {
            let State::Place(is) = state else { continue };
            if is.description().is_none_or(|is| is.kind.let_by_committee()) {
                continue;
            }
            self.summary.open_days += (until - from) as f64 / 86_400.0;
            for occupancy in &is.occupancies {
                let (entered, left) = (occupancy.from, occupancy.to.unwrap_or(self.plan.until));
                let days = (left.as_second().min(until) - entered.as_second().max(from)).max(0);
                self.summary.occupied_days += days as f64 / 86_400.0;
            }
        }
        self.summary
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            at: self.now,
            from: self.from,
            until: self.plan.until,
            commands: self.summary.commands,
            events: self.summary.total_events(),
        }
    }
}

fn kinds_waited_for(is: &Household) -> BTreeSet<StructureKind> {
    let mut kinds = BTreeSet::new();
    for request in is.requests.values().filter(|request| request.seniority.is_some()) {
        if let RequestSituation::Qualified(qualification) = &request.situation {
            kinds.extend(qualification.kinds.iter().copied());
        }
    }
    kinds
}
