//! Who comes, when, and with what.

use domain::calendar::{Day, Instant, day, days_after};
use domain::decide::consent::GiveConsent;
use domain::decide::registration::{NoteSafety, Register};
use domain::decide::request::{CreateRequest, SubmitRequest};
use domain::decide::stay::TakeOverStay;
use domain::household::composition::{Expected, Safety, Sex};
use domain::household::consent::ConsentChannel;
use domain::household::request::{NeedProfile, RequestFile, RequestStream};
use domain::id::{HouseholdId, PlaceId, RequestId};
use domain::matching::assess;
use domain::place::inventory::{Description, GenderRule};
use domain::reference::{Animal, Area, ConsentPurpose};
use domain::structure_kind::StructureKind;
use jiff::Timestamp;

use super::agenda::Action;
use super::settings::{Background, Shape};
use super::world::{Persona, World};

impl World {
    /// Plans everything that is known before the first day: the supply, those already there, those who will come.
    pub(super) fn begin(&mut self) {
        self.plan_supply();
        let waiting = (f64::from(self.plan.households) * self.settings.demand.waiting_at_first) as u32;
        let first = 1.0 + self.structures.len() as f64 / 120.0 + 8.0;
        for n in 0..waiting {
            self.in_hours(first + f64::from(n) / 60.0, Action::ArriveEarlier);
        }
        self.in_hours(first + f64::from(waiting + 1) / 60.0, Action::OpenDoors);
    }

    /// Those who are known from the first day on are there; the others will come.
    pub(super) fn open_doors(&mut self) {
        for _ in self.summary.households..u64::from(self.plan.households) {
            let emergency = self.dice.chance(self.settings.demand.emergency);
            let at = self.arrival(emergency);
            self.plan_at(at, Action::Arrive { emergency });
        }
    }

    /// A moment of the simulated time, the busy months more often.
    fn arrival(&mut self, emergency: bool) -> Timestamp {
        let demand = &self.settings.demand;
        let months = if emergency { &demand.months_emergency } else { &demand.months_insertion };
        let most = months.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let length = self.plan.until.as_second() - self.now.as_second();
        loop {
            let ahead = self.dice.unit() * length as f64;
            let at = self.after(ahead);
            let on = day(self.plan.territory, at);
            let weight = months[usize::from(on.month().unsigned_abs()).saturating_sub(1) % 12] / most;
            if !self.dice.chance(weight) {
                continue;
            }
            // Files come in office hours, calls mostly in the afternoon and the evening.
            let at = if emergency { self.hour(on, 9.0, 22.5) } else { self.working(at) };
            if (self.now..=self.plan.until).contains(&at) {
                return at;
            }
        }
    }

    /// A household comes.
    pub(super) fn arrive(&mut self, emergency: bool) {
        let background = self.settings.background(emergency, &mut self.dice);
        let shape = self.shape(background);
        let Some(id) = self.come(shape, background, None) else { return };
        let file = self.file(id, emergency, background);
        self.request(id, file, None);
        if emergency && self.dice.chance(0.12) {
            let file = self.file(id, false, background);
            self.request(id, file, None);
        }
    }

    /// A household that has been waiting since before the first day.
    pub(super) fn arrive_earlier(&mut self) {
        let background = self.settings.background(false, &mut self.dice);
        let shape = self.shape(background);
        let days = self.dice.around(110.0, 0.7).clamp(5.0, 900.0);
        let since = self.before(days);
        let Some(id) = self.come(shape, background, Some(since)) else { return };
        let file = self.file(id, false, background);
        self.request(id, file, Some(since));
    }

    /// A household that has been living in `place` since before the first day.
    pub(super) fn settle(&mut self, place: PlaceId) {
        let Some(description) = self.place(place).and_then(|is| is.description()).cloned() else { return };
        let kind = self.settings.kind(description.kind);
        // Long stays are met more often: what has already passed of one is about as long as what is left.
        let days = (self.dice.around(kind.stay, kind.spread) * self.dice.unit()).clamp(1.0, 2_400.0);
        let from = self.before(days);
        for _ in 0..40 {
            let background = self.settings.background(false, &mut self.dice);
            let shape = self.shape(background);
            if !plausible(shape, &description) {
                continue;
            }
            let Some(id) = self.come_fitting(shape, &description, from) else { continue };
            let term = kind.term.map(|months| {
                let served = (days / 30.4) as i64 % months.max(1);
                let today = self.today();
                Day(days_after(today, 10 + 30 * (months - served)))
            });
            let who = self.keeper(place);
            let stay =
                TakeOverStay { place, from: Instant(from), persons: None, planned_end: term, ended: None };
            self.ask(who, id, stay);
            if self.dice.chance(0.3) {
                let file = self.file(id, false, background);
                let since = self.before(self.dice_days(days));
                self.request(id, file, Some(since.max(from)));
            }
            return;
        }
    }

    fn dice_days(&self, days: f64) -> f64 {
        (days * 0.4).max(0.5)
    }

    /// So many days before now.
    fn before(&self, days: f64) -> Timestamp {
        let back = jiff::SignedDuration::from_secs((days * 86_400.0) as i64);
        self.now.checked_sub(back).unwrap_or(self.now)
    }

    fn shape(&mut self, background: Background) -> Shape {
        let shape = self.settings.composition.draw(&mut self.dice);
        match shape {
            Shape::SingleMan if background.women => Shape::SingleWoman,
            Shape::ManWithChildren | Shape::Couple | Shape::CoupleWithChildren if background.women => {
                Shape::WomanWithChildren
            }
            Shape::SingleMan
            | Shape::SingleWoman
            | Shape::Couple
            | Shape::WomanWithChildren
            | Shape::ManWithChildren
            | Shape::CoupleWithChildren => shape,
        }
    }

    /// Registers a household that can live in a place of this description.
    fn come_fitting(&mut self, shape: Shape, place: &Description, from: Timestamp) -> Option<HouseholdId> {
        let today = self.today();
        let criteria = &place.criteria;
        for _ in 0..30 {
            let members = self.people.household(shape, today, self.settings, &mut self.dice);
            let ages = members
                .iter()
                .map(|m| domain::calendar::BirthMonth::of(m.identity.birth_date.0).age_on(today));
            let fits = |age: u8| {
                age < 18
                    || (criteria.age_min.is_none_or(|min| min <= age)
                        && criteria.age_max.is_none_or(|max| age <= max))
            };
            let count = u8::try_from(members.len()).unwrap_or(u8::MAX);
            if ages.into_iter().all(fits) && count <= place.capacity && count >= criteria.persons_min {
                return self.enter(Register {
                    territory: self.plan.territory,
                    members,
                    expected: None,
                    reachable_through_structure: true,
                    at: Some(Instant(from)),
                    note: None,
                    duplicate_reviewed: None,
                });
            }
        }
        None
    }

    /// Registers a household with this background.
    fn come(
        &mut self,
        shape: Shape,
        background: Background,
        since: Option<Timestamp>,
    ) -> Option<HouseholdId> {
        let today = self.today();
        let members = self.people.household(shape, today, self.settings, &mut self.dice);
        let woman = members.first().is_some_and(|main| main.sex == Sex::Female);
        let expected = (woman && self.dice.chance(0.04)).then(|| Expected {
            due: Day(days_after(today, self.dice.between(20, 200))),
            children: 1,
            certified: self.dice.chance(0.8),
        });
        let id = self.enter(Register {
            territory: self.plan.territory,
            members,
            expected,
            reachable_through_structure: true,
            at: since.map(Instant),
            note: None,
            duplicate_reviewed: None,
        })?;
        if background.women && self.dice.chance(0.6) {
            let who = self.siao();
            let zone = self.geography.commune(&mut self.dice).map(Area::Commune);
            let safety = Safety { exclusion_zones: zone.into_iter().collect(), note: None };
            self.ask(who, id, NoteSafety { safety });
        }
        Some(id)
    }

    fn enter(&mut self, register: Register) -> Option<HouseholdId> {
        let pregnant = register.expected.as_ref().map(|expected| expected.due);
        let referrer = self.dice.below(6);
        let who = self.desks.agent(self.desks.nth(super::DeskKind::Referrer, referrer), referrer);
        let id = self.register(who, register)?;
        self.summary.households += 1;
        self.adopt(id, referrer);
        if self.dice.chance(0.7)
            && let Some(person) = self.main_applicant(id)
        {
            let purpose = match self.dice.weigh([6, 3, 2].into_iter()) {
                0 => ConsentPurpose::share_with_providers(),
                1 => ConsentPurpose::contact_by_text_message(),
                _ => ConsentPurpose::share_with_landlords(),
            };
            let channel = if self.dice.chance(0.6) { ConsentChannel::Written } else { ConsentChannel::Oral };
            let given =
                GiveConsent { person, purpose, recipient: None, channel, until: None, given_on: None };
            self.ask(who, id, given);
        }
        if let Some(due) = pregnant {
            let at = domain::calendar::start_of_day(self.plan.territory, due.0);
            self.plan_at(at, Action::Birth(id));
        }
        Some(id)
    }

    /// The simulation gets to know a household; its life goes on.
    pub(super) fn adopt(&mut self, id: HouseholdId, referrer: usize) {
        self.personas.insert(id, Persona { referrer, gone: false });
        let days = self.dice.exponential(365.0 / self.settings.demand.family_events_a_year);
        self.in_days(days, Action::Live(id));
        if self.dice.chance(0.24) {
            let days = self.dice.within(2.0, 90.0);
            self.in_days(days, Action::File(id));
        }
    }

    /// What a request says.
    pub(super) fn file(&mut self, id: HouseholdId, emergency: bool, background: Background) -> RequestFile {
        let stream = if emergency { RequestStream::Emergency115 } else { RequestStream::Insertion };
        let violence = background.women && self.dice.chance(0.4);
        let mut need = NeedProfile {
            wheelchair: self.dice.chance(0.012),
            step_free: self.dice.chance(0.05),
            violence_dedicated: violence,
            justice_measure: self.dice.chance(0.02),
            resources: Some(self.settings.resources(&mut self.dice)),
            ..NeedProfile::default()
        };
        need.step_free |= need.wheelchair;
        if self.dice.chance(0.05) {
            need.animals.insert(if self.dice.chance(0.7) { Animal::dog() } else { Animal::cat() });
        }
        let wishes = if emergency || violence { Vec::new() } else { self.geography.wishes(&mut self.dice) };
        let recommended = self.kinds_for(id, emergency, &need);
        RequestFile {
            stream,
            situation: background.situation,
            reason: background.reason,
            wishes,
            need,
            recommended,
        }
    }

    /// Opens a request; one that waits `since` an earlier day is transmitted with that date.
    pub(super) fn request(
        &mut self,
        id: HouseholdId,
        file: RequestFile,
        since: Option<Timestamp>,
    ) -> Option<RequestId> {
        let emergency = file.stream == RequestStream::Emergency115;
        let who = if emergency { self.siao() } else { self.referrer(id) };
        let created = CreateRequest { siao: None, file, note: None, at: since.map(Instant) };
        let request = RequestId::created_by(self.ask(who, id, created)?);
        if let Some(since) = since {
            self.ask(who, id, SubmitRequest { request, at: Some(Instant(since)) });
        } else if emergency {
            let hours = self.dice.within(0.05, 0.4);
            self.in_hours(hours, Action::Transmit(id, request));
        } else if self.dice.chance(0.96) {
            let days = self.dice.around(self.settings.demand.days_to_transmit, 0.8);
            self.in_days(days, Action::Transmit(id, request));
        }
        Some(request)
    }

    /// Somebody who was known before asks again.
    pub(super) fn ask_again(&mut self, id: HouseholdId, emergency: bool) {
        let Some(is) = self.household(id).filter(|_| self.is_here(id)) else { return };
        let stream = if emergency { RequestStream::Emergency115 } else { RequestStream::Insertion };
        let housed = is.leases.values().any(|lease| lease.ended.is_none());
        if housed || is.open_request((stream, id.territory())).is_some() {
            return;
        }
        let mut background = self.settings.background(emergency, &mut self.dice);
        background.women = false;
        let file = self.file(id, emergency, background);
        self.request(id, file, None);
    }

    /// Whether a place of this description could be proposed to a request today.
    pub(super) fn suits(&self, id: HouseholdId, request: RequestId, place: &Description) -> bool {
        let asked = self.household(id).and_then(|is| Some((is, is.requests.get(&request)?)));
        asked.is_some_and(|(is, asked)| assess(is, asked, place, self.today()).is_none())
    }
}

/// Whether a household of this shape can live in such a place at all.
fn plausible(shape: Shape, place: &Description) -> bool {
    let criteria = &place.criteria;
    let (couple, children) = match shape {
        Shape::SingleMan | Shape::SingleWoman => (false, false),
        Shape::Couple => (true, false),
        Shape::WomanWithChildren | Shape::ManWithChildren => (false, true),
        Shape::CoupleWithChildren => (true, true),
    };
    let sexes = match criteria.gender {
        GenderRule::Mixed => true,
        GenderRule::WomenOnly => matches!(shape, Shape::SingleWoman | Shape::WomanWithChildren),
        GenderRule::MenOnly => matches!(shape, Shape::SingleMan | Shape::ManWithChildren),
    };
    let least = 1 + u8::from(couple) + u8::from(children);
    let roomy = least <= place.capacity
        && (place.capacity < 3 || least > 1 || place.kind == StructureKind::HotelNight);
    sexes && roomy && (!couple || criteria.couples) && (!children || criteria.children)
}
