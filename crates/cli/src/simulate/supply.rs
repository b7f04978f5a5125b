//! The supply: structures of every kind on real communes, their places, and how it changes.

use domain::calendar::{Day, Instant, days_after, start_of_day};
use domain::decide::inventory::{
    ChangePlace, ChangeStructure, ClosePlace, CloseStructure, OpenPlace, OpenStructure,
};
use domain::household::request::ResourceBracket;
use domain::id::{OrganisationId, PlaceId, StructureId};
use domain::ledger::{AggregateId, State};
use domain::money::Money;
use domain::place::inventory::{Criteria, Description, GenderRule};
use domain::reference::{Animal, CommuneCode, PlaceCategory};
use domain::structure::{Profile, Structure};
use domain::structure_kind::StructureKind;

use super::Plan;
use super::agenda::Action;
use super::desks::{DeskKind, Desks};
use super::dice::Dice;
use super::geography::Geography;
use super::settings::Settings;
use super::world::World;

/// A structure that will open.
pub(super) struct PlannedStructure {
    profile: Profile,
    criteria: Criteria,
    places: Vec<u8>,
    /// Its id, once it is open.
    id: Option<StructureId>,
}

impl PlannedStructure {
    /// Every structure of the plan: at least one of each kind.
    pub(super) fn all(
        plan: &Plan,
        settings: &Settings,
        geography: &Geography,
        desks: &Desks,
        dice: &mut Dice,
    ) -> Vec<Self> {
        let mut all = Vec::new();
        for kind in StructureKind::ALL {
            let of = settings.kind(kind);
            let mut left = ((of.places * f64::from(plan.households) / 1_000.0).round() as usize).max(2);
            let mut nth = 0;
            while left > 0 {
                let size = left.min(of.structure);
                let Some(commune) = geography.commune(dice) else { return all };
                let keeper = if kind.let_by_committee() { DeskKind::Landlord } else { DeskKind::Provider };
                let provider = desks.nth(keeper, all.len());
                let profile = profile(kind, commune, provider, all.len(), settings, dice);
                let criteria = criteria(kind, nth, dice);
                let places = (0..size).map(|_| of.capacity(dice)).collect();
                all.push(Self { profile, criteria, places, id: None });
                left -= size;
                nth += 1;
            }
        }
        all
    }
}

fn profile(
    kind: StructureKind,
    commune: CommuneCode,
    provider: OrganisationId,
    nth: usize,
    settings: &Settings,
    dice: &mut Dice,
) -> Profile {
    use StructureKind as K;
    let names = &settings.kind(kind).names;
    let first = names.get(dice.below(names.len())).map_or("Structure", String::as_str);
    let second = &settings.words.residences[dice.below(settings.words.residences.len())];
    let street = &settings.words.streets[dice.below(settings.words.streets.len())];
    let finess = match kind {
        K::Chrs
        | K::EmergencyShelter
        | K::SocialResidence
        | K::YoungWorkersResidence
        | K::MigrantWorkersHome
        | K::FamilyBoardingHouse
        | K::PsychiatricSupportResidence => Some(format!("{:0>3}SIM{nth:03}", commune.territory().as_str())),
        K::HotelNight
        | K::Rhvs
        | K::SubletIntermediation
        | K::ManagedLease
        | K::SlidingLease
        | K::Solibail
        | K::Alt
        | K::SocialDwelling => None,
    };
    Profile {
        name: format!("{first} {second}"),
        kind,
        provider,
        commune,
        address: Some(format!("{} {street}", dice.between(1, 140))),
        finess: finess.filter(|number| number.len() == 9),
        reference: Some(format!("SIM-{nth:04}")),
    }
}

/// Whom the `nth` structure of a kind is for.
fn criteria(kind: StructureKind, nth: usize, dice: &mut Dice) -> Criteria {
    use StructureKind as K;
    let open = Criteria { justice: dice.chance(0.8), ..Criteria::default() };
    let animals =
        if dice.chance(0.14) { [Animal::dog(), Animal::cat()].into() } else { open.animals.clone() };
    let open = Criteria { animals, ..open };
    match kind {
        // One of the first structures of these kinds is for victims of violence.
        K::Chrs | K::Alt if nth == 1 => {
            Criteria { gender: GenderRule::WomenOnly, violence_dedicated: true, couples: false, ..open }
        }
        K::Chrs | K::EmergencyShelter => {
            let gender = match dice.weigh([62, 18, 20].into_iter()) {
                0 => GenderRule::Mixed,
                1 => GenderRule::WomenOnly,
                _ => GenderRule::MenOnly,
            };
            let children = gender != GenderRule::MenOnly;
            Criteria { couples: gender == GenderRule::Mixed, gender, children, ..open }
        }
        K::YoungWorkersResidence => {
            Criteria { children: false, age_min: Some(16), age_max: Some(30), ..open }
        }
        K::MigrantWorkersHome => Criteria {
            gender: GenderRule::MenOnly,
            couples: false,
            children: false,
            age_min: Some(18),
            ..open
        },
        K::FamilyBoardingHouse | K::PsychiatricSupportResidence => {
            Criteria { couples: false, children: false, age_min: Some(18), ..open }
        }
        K::Solibail => Criteria { persons_min: 2, ..open },
        K::SocialResidence => Criteria { resources_min: Some(ResourceBracket::Under600), ..open },
        K::ManagedLease | K::SlidingLease => {
            Criteria { resources_min: Some(ResourceBracket::From600), ..open }
        }
        K::HotelNight | K::Rhvs | K::SubletIntermediation | K::Alt | K::SocialDwelling => open,
    }
}

/// The category of a place of this kind for so many persons.
fn category(kind: StructureKind, capacity: u8) -> Option<PlaceCategory> {
    use StructureKind as K;
    let code = match (kind, capacity) {
        (K::EmergencyShelter | K::Chrs | K::Rhvs, 1) => "single_room",
        (K::EmergencyShelter | K::Chrs | K::Rhvs, 2) => "room_2",
        (K::EmergencyShelter | K::Chrs | K::Rhvs, 3) => "room_3",
        (K::EmergencyShelter | K::Chrs | K::Rhvs, _) => "room_4",
        (K::HotelNight, _) => "hotel_room",
        (
            K::YoungWorkersResidence
            | K::MigrantWorkersHome
            | K::FamilyBoardingHouse
            | K::PsychiatricSupportResidence,
            1,
        ) => "studio",
        (_, 1) => "t1",
        (_, 2) => "t2",
        (_, 3) => "t3",
        (_, 4) => "t4",
        (_, _) => "t5",
    };
    code.parse().ok()
}

impl World {
    /// Plans the opening of the supply, and what changes in it.
    pub(super) fn plan_supply(&mut self) {
        let length = (self.plan.until.as_second() - self.from.as_second()) as f64;
        for at in 0..self.structures.len() {
            self.in_hours(1.0 + at as f64 / 120.0, Action::OpenStructure(at));
            if self.structures[at].profile.kind.let_by_committee() {
                for _ in 0..self.structures[at].places.len() {
                    let seconds = self.dice.within(0.002, 1.0) * length;
                    let at_time = self.after(seconds);
                    let at_time = self.working(at_time);
                    self.plan_at(at_time, Action::OpenDwelling(at));
                }
            }
        }
        let (mut year, last) =
            (self.today().year() + 1, domain::calendar::day(self.plan.territory, self.plan.until).year());
        while year <= last {
            let day = jiff::civil::date(year, 1, 2);
            let at = self.working(start_of_day(self.plan.territory, day));
            self.plan_at(at, Action::ReviseFees);
            year += 1;
        }
    }

    /// A structure opens: it existed long before, and is taken up with its places.
    pub(super) fn open_structure(&mut self, at: usize) {
        let Some(planned) = self.structures.get(at) else { return };
        let (profile, places) = (planned.profile.clone(), planned.places.clone());
        let (kind, provider) = (profile.kind, profile.provider);
        let opened = Day(days_after(self.today(), -self.dice.between(2_500, 3_400)));
        let throw = self.dice.below(64);
        let who = self.desks.agent(provider, throw);
        let open = OpenStructure { profile, at: Some(Instant(start_of_day(self.plan.territory, opened.0))) };
        let Some(id) = self.ask_structure(who, kind, None, open) else { return };
        self.structures[at].id = Some(id);
        *self.summary.structures.entry(kind.code()).or_default() += 1;
        self.plan_changes(id, kind, at);
        if kind.let_by_committee() {
            return;
        }
        for (nth, capacity) in places.into_iter().enumerate() {
            let Some(place) = self.open_place_of(at, nth, capacity, opened) else { continue };
            if self.dice.chance(self.settings.demand.occupied_at_first) {
                let hours = self.dice.within(0.1, 6.0);
                self.in_hours(hours, Action::Settle(place));
                let later = self.dice.within(6.5, 8.0);
                self.in_hours(later, Action::Turnover(place));
            } else {
                let hours = self.dice.within(6.5, 40.0);
                self.in_hours(hours, Action::Turnover(place));
            }
        }
    }

    /// Some structures change their name; the second hotel or shelter of a territory closes one day.
    fn plan_changes(&mut self, id: StructureId, kind: StructureKind, at: usize) {
        let length = (self.plan.until.as_second() - self.from.as_second()) as f64 / 86_400.0;
        if self.dice.chance(0.06) || at == 0 {
            let days = self.dice.within(0.2, 0.9) * length;
            self.in_days(days, Action::Rename(id));
        }
        let of_kind = |one: &&PlannedStructure| one.profile.kind == kind;
        let earlier = self.structures[..at].iter().filter(of_kind).count();
        let all = self.structures.iter().filter(of_kind).count();
        if kind == StructureKind::HotelNight && earlier == 1 && all >= 2 {
            self.in_days(0.55 * length, Action::Wind(id));
        }
    }

    fn open_place_of(&mut self, at: usize, nth: usize, capacity: u8, from: Day) -> Option<PlaceId> {
        let planned = self.structures.get(at)?;
        let profile = &planned.profile;
        let (kind, provider) = (profile.kind, profile.provider);
        let mut criteria = planned.criteria.clone();
        criteria.wheelchair = self.dice.chance(0.07);
        criteria.step_free = criteria.wheelchair || self.dice.chance(0.34);
        criteria.children &= capacity > 1;
        criteria.couples &= capacity > 1;
        criteria.persons_min = criteria.persons_min.min(capacity).max(if capacity >= 4 { 2 } else { 1 });
        let rent = self.settings.kind(kind).fee.map(|[first, more]| {
            let spread = self.dice.between(-2_500, 3_500);
            Money::cents((first + more * i64::from(capacity - 1) + spread) / 10 * 10)
        });
        let label = match kind {
            StructureKind::SocialDwelling
            | StructureKind::SubletIntermediation
            | StructureKind::ManagedLease
            | StructureKind::SlidingLease
            | StructureKind::Solibail
            | StructureKind::Alt => format!("Lot {:03}", nth + 1),
            StructureKind::EmergencyShelter
            | StructureKind::HotelNight
            | StructureKind::Chrs
            | StructureKind::Rhvs
            | StructureKind::SocialResidence
            | StructureKind::YoungWorkersResidence
            | StructureKind::MigrantWorkersHome
            | StructureKind::FamilyBoardingHouse
            | StructureKind::PsychiatricSupportResidence => {
                format!("{}{:02}", (b'A' + (nth / 10 % 26) as u8) as char, nth % 10 + 1)
            }
        };
        let description = Description {
            structure: planned.id?,
            kind,
            provider,
            label,
            category: category(kind, capacity)?,
            capacity,
            commune: profile.commune,
            criteria,
            rent,
            plai_adapte: kind.let_by_committee() && self.dice.chance(0.06),
        };
        let throw = self.dice.below(64);
        let who = self.desks.agent(provider, throw);
        let place = self.open_place(who, kind, OpenPlace { description, from: Some(from) })?;
        *self.summary.places.entry(kind.code()).or_default() += 1;
        Some(place)
    }

    /// A dwelling is let for the first time here.
    pub(super) fn open_dwelling(&mut self, at: usize) {
        let today = Day(self.today());
        let Some(capacity) = self.structures.get_mut(at).and_then(|planned| planned.places.pop()) else {
            return;
        };
        let nth = self.structures[at].places.len();
        if let Some(place) = self.open_place_of(at, nth, capacity, today) {
            self.declare(place);
        }
    }

    fn profile_of(&self, id: StructureId) -> Option<&Profile> {
        match self.ledgers.get(&AggregateId::Structure(id))?.structure()? {
            Structure::Open { profile } => Some(profile),
            Structure::Unknown | Structure::Closed { .. } => None,
        }
    }

    /// A structure takes another name.
    pub(super) fn rename(&mut self, id: StructureId) {
        let Some(profile) = self.profile_of(id) else { return };
        let mut profile = profile.clone();
        let word = &self.settings.words.residences[self.dice.below(self.settings.words.residences.len())];
        profile.name = format!("{} ({word})", profile.name.chars().take(80).collect::<String>());
        let throw = self.dice.below(64);
        let who = self.desks.agent(profile.provider, throw);
        self.ask_structure(who, profile.kind, Some(id), ChangeStructure { profile });
    }

    /// A structure starts to close: free places at once, the others when they are left.
    pub(super) fn wind_up(&mut self, id: StructureId) {
        self.closing.insert(id);
        let from = Day(days_after(self.today(), 1));
        for place in self.places_of(id) {
            let free =
                self.place(place).is_some_and(|is| is.current_occupancy().is_none() && is.hold.is_none());
            if free {
                let who = self.keeper(place);
                self.ask_place(who, place, ClosePlace { from });
            }
        }
        self.close_structure_if_empty(id);
    }

    /// Closes a structure when its last place is closed.
    pub(super) fn close_structure_if_empty(&mut self, id: StructureId) {
        if !self.places_of(id).is_empty() {
            return;
        }
        let Some(profile) = self.profile_of(id) else { return };
        let (provider, kind) = (profile.provider, profile.kind);
        let throw = self.dice.below(64);
        let who = self.desks.agent(provider, throw);
        let from = Day(days_after(self.today(), 1));
        self.ask_structure(who, kind, Some(id), CloseStructure { from });
    }

    /// The open places of a structure.
    fn places_of(&self, id: StructureId) -> Vec<PlaceId> {
        let of = |(ledger, state): (&AggregateId, &State)| match (ledger, state) {
            (AggregateId::Place(place), State::Place(is)) => {
                is.description().filter(|description| description.structure == id).map(|_| *place)
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
            ) => None,
        };
        self.ledgers.iter().filter_map(of).collect()
    }

    /// Fees follow the index of the year before (CCH L353-9-2), about one in a hundred.
    pub(super) fn revise_fees(&mut self) {
        let with_fee = |(ledger, state): (&AggregateId, &State)| match (ledger, state) {
            (AggregateId::Place(place), State::Place(is)) => is
                .description()
                .filter(|is| is.kind.residence_contract() && is.rent.is_some())
                .map(|_| *place),
            (
                AggregateId::Household(_)
                | AggregateId::Place(_)
                | AggregateId::Structure(_)
                | AggregateId::Organisation(_)
                | AggregateId::User(_)
                | AggregateId::Subscription(_)
                | AggregateId::Inquiry(_),
                _,
            ) => None,
        };
        let places: Vec<PlaceId> = self.ledgers.iter().filter_map(with_fee).collect();
        for place in places {
            let Some(description) = self.place(place).and_then(|is| is.description()).cloned() else {
                continue;
            };
            let closed = self.profile_of(description.structure).is_none();
            let persons =
                self.place(place).and_then(|is| is.current_occupancy()).map_or(0, |one| one.persons);
            if closed || persons > description.capacity {
                continue;
            }
            let rent = description.rent.map(|rent| Money::cents(rent.as_cents() * 1_0104 / 1_0000));
            let who = self.keeper(place);
            self.ask_place(who, place, ChangePlace { description: Description { rent, ..description } });
        }
    }
}
