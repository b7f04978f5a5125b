//! How the world begins, and what keeps it going.

use std::collections::BTreeSet;

use domain::calendar::Day;
use domain::decide::inventory::{OpenPlace, OpenStructure};
use domain::decide::registration::{NewMember, Register};
use domain::decide::request::{CreateRequest, QualifyRequest, SubmitRequest, UpdateRequest};
use domain::decide::vacancy::{ConfirmVacancy, DeclareVacancy};
use domain::decide::{Addressed, StructureCommand};
use domain::decide::{HouseholdCommand, PlaceCommand};
use domain::household::Registration;
use domain::household::composition::{Identity, Sex};
use domain::household::request::{NeedProfile, Qualification, RequestFile, RequestStream};
use domain::id::{HouseholdId, PlaceId, RequestId, StructureId};
use domain::ledger::Ledgers;
use domain::place::inventory::{Criteria, Description, GenderRule};
use domain::reference::MemberLink;
use domain::structure::Profile;
use domain::structure_kind::StructureKind as Kind;

use super::dice::Dice;
use super::{Law, World, home, provider};

/// The kinds of places that requests are qualified for here.
pub(super) const KINDS: [Kind; 5] =
    [Kind::EmergencyShelter, Kind::Chrs, Kind::SocialResidence, Kind::YoungWorkersResidence, Kind::Alt];

impl World {
    /// Five households with qualified requests and applications; five vacant places and two vacant dwellings.
    pub(crate) fn settled(law: Law) -> Self {
        let mut world = Self {
            ledgers: Ledgers::default(),
            log: Vec::new(),
            at: "2026-01-05T08:00:00Z".parse().unwrap(),
            households: Vec::new(),
            places: Vec::new(),
            structures: Vec::new(),
            accepted: Vec::new(),
            fired_twice: 0,
            law,
            broken: None,
            asked: 0,
        };
        world.staff();
        world.open_all();
        for who in 0..5 {
            world.register(Self::family(who));
        }
        assert_eq!(world.broken, None, "the world is settled lawfully");
        world
    }

    fn open_all(&mut self) {
        let women = Criteria { gender: GenderRule::WomenOnly, ..Criteria::default() };
        let young = Criteria { age_min: Some(18), age_max: Some(36), children: false, ..Criteria::default() };
        let alone = Criteria { couples: false, ..Criteria::default() };
        for (kind, capacity, criteria, plai_adapte) in [
            (Kind::EmergencyShelter, 4, women, false),
            (Kind::Chrs, 3, Criteria::default(), false),
            (Kind::SocialResidence, 2, Criteria::default(), false),
            (Kind::YoungWorkersResidence, 3, young, false),
            (Kind::Alt, 3, alone, false),
            (Kind::SocialDwelling, 5, Criteria::default(), false),
            (Kind::SocialDwelling, 5, Criteria::default(), true),
        ] {
            self.open(kind, capacity, criteria, plai_adapte);
        }
    }

    /// A structure of its own with one place, declared free.
    pub(super) fn open(&mut self, kind: Kind, capacity: u8, criteria: Criteria, plai_adapte: bool) {
        let commune = "33063".parse().unwrap();
        let profile = Profile {
            name: "Essai".into(),
            kind,
            provider: provider(),
            commune,
            address: None,
            finess: None,
            reference: None,
        };
        let command = self.mint();
        let structure = StructureId::created_by(home(), command);
        let opened = StructureCommand::from(OpenStructure { profile, at: None });
        self.ask(&opened.on(structure), command).unwrap();
        let description = Description {
            structure,
            kind,
            provider: provider(),
            label: "1".into(),
            category: "t2".parse().unwrap(),
            capacity,
            commune,
            criteria,
            rent: None,
            plai_adapte,
        };
        let command = self.mint();
        let place = PlaceId::created_by(home(), command);
        let opened = PlaceCommand::from(OpenPlace { description, from: None });
        self.ask(&opened.on(place), command).unwrap();
        let _ = self.at_place(place, DeclareVacancy { available_from: None, good_until: None });
    }

    pub(super) fn member(link: MemberLink, sex: Sex, born: &str) -> NewMember {
        NewMember {
            sex,
            link,
            residence: Some("french".parse().unwrap()),
            identity: Identity {
                last_name: "Essai".into(),
                first_names: "Une".into(),
                birth_name: None,
                birth_date: Day(born.parse().unwrap()),
                phone: Some("0639980000".into()),
                email: None,
                address: None,
            },
        }
    }

    /// One of five kinds of families.
    pub(super) fn family(which: usize) -> Vec<NewMember> {
        let main = |sex, born| Self::member(MemberLink::main_applicant(), sex, born);
        let child = |born| Self::member(MemberLink::child(), Sex::Male, born);
        match which {
            0 => vec![main(Sex::Female, "1990-03-12")],
            1 => vec![
                main(Sex::Female, "1991-04-02"),
                Self::member(MemberLink::spouse_or_partner(), Sex::Male, "1989-01-20"),
            ],
            2 => vec![main(Sex::Male, "2003-06-30")],
            3 => vec![main(Sex::Female, "1995-02-11"), child("2008-05-05"), child("2019-05-05")],
            _ => vec![
                main(Sex::Male, "1975-12-01"),
                Self::member(MemberLink::spouse_or_partner(), Sex::Female, "1980-09-09"),
                child("2015-07-01"),
            ],
        }
    }

    pub(super) fn register(&mut self, members: Vec<NewMember>) {
        let register = Register {
            territory: home(),
            members,
            expected: None,
            reachable_through_structure: true,
            at: None,
            note: None,
            duplicate_reviewed: None,
        };
        let command = self.mint();
        let id = HouseholdId::created_by(home(), command);
        self.ask(&HouseholdCommand::from(register).on(id), command).unwrap();
        self.request(id);
        self.apply(id);
    }

    pub(super) fn file(stream: RequestStream) -> RequestFile {
        RequestFile {
            stream,
            situation: "other".parse().unwrap(),
            reason: "other".parse().unwrap(),
            wishes: vec!["departement:33".parse().unwrap()],
            need: NeedProfile::default(),
            recommended: BTreeSet::from([Kind::Chrs]),
        }
    }

    pub(super) fn qualification() -> Qualification {
        Qualification {
            kinds: KINDS.into_iter().collect(),
            priority_class: 3.try_into().unwrap(),
            imminent_danger: false,
        }
    }

    /// A request that is transmitted and qualified today, unless one is open.
    fn request(&mut self, id: HouseholdId) {
        let file = Self::file(RequestStream::Insertion);
        let Ok(command) = self.of(id, CreateRequest { siao: None, file, note: None, at: None }) else {
            return;
        };
        let request = RequestId::created_by(command);
        let _ = self.of(id, SubmitRequest { request, at: None });
        let _ = self.of(id, QualifyRequest { request, qualification: Self::qualification() });
    }

    /// What keeps the world going: vacancies declared or confirmed, requests opened or confirmed, applications filed.
    pub(super) fn tend(&mut self, dice: &mut Dice) {
        for place in self.places.clone() {
            let _ = self.at_place(place, DeclareVacancy { available_from: None, good_until: None });
            if dice.one_in(4) {
                let _ = self.at_place(place, ConfirmVacancy { good_until: None });
            }
        }
        for id in self.households.clone() {
            if !matches!(self.household(id).registration, Registration::Registered { .. }) || dice.one_in(3) {
                continue;
            }
            let requests = &self.household(id).requests;
            let open: Vec<_> =
                requests.iter().filter(|(_, r)| r.situation.is_open()).map(|(id, _)| *id).collect();
            for request in &open {
                let _ = self.of(id, SubmitRequest { request: *request, at: None });
                if dice.one_in(3) {
                    let _ = self.of(id, UpdateRequest { request: *request, file: None });
                }
                if dice.one_in(4) {
                    let qualification = Self::qualification();
                    let _ = self.of(id, QualifyRequest { request: *request, qualification });
                }
            }
            if open.is_empty() {
                self.request(id);
            }
            if dice.one_in(3) {
                // Filed almost a year ago: it is about to expire.
                let _ = self.register_application_of(id, dice.day(self.today(), 364, -345));
            }
            self.apply(id);
        }
    }
}
