//! A small world in which random commands are asked: four households, six places, and the clock.

use std::collections::BTreeSet;

use domain::calendar::{self, Day, Instant};
use domain::decide::allocation::{
    AcceptOffer, CandidateDecision, ConveneCommittee, DecideCommittee, DesignateCandidates, Designated,
    RefuseOffer,
};
use domain::decide::application::{GrantPriority, RegisterApplication, RenewApplication};
use domain::decide::clock::deadlines;
use domain::decide::correction::CorrectDate;
use domain::decide::family::{Keeper, Merge, Split};
use domain::decide::inventory::{OpenPlace, OpenStructure};
use domain::decide::lease::SignLease;
use domain::decide::referral::{
    AcceptReferral, DeclineReferral, JudgeRefusal, ProposeReferral, RecordNoShow, RefuseReferral,
    WithdrawReferral,
};
use domain::decide::registration::{AddMember, NewMember, Register};
use domain::decide::request::{CreateRequest, QualifyRequest, SubmitRequest, UpdateRequest};
use domain::decide::stay::{
    AdmitDirectly, EndStay, Leaving, RequestExtension, StartStay, TakeOverStay, TakenOverEnd,
};
use domain::decide::vacancy::{ConfirmVacancy, DeclareVacancy};
use domain::decide::{Addressed, Command, Context, HouseholdCommand, PlaceCommand, StructureCommand, decide};
use domain::event::Stamp;
use domain::household::Household;
use domain::household::composition::{Identity, Sex};
use domain::household::correction::DatedFact;
use domain::household::priority::LabelSource;
use domain::household::request::{NeedProfile, Qualification, RequestFile, RequestStream};
use domain::id::{
    CommandId, EventId, HouseholdId, OrganisationId, PlaceId, RequestId, StructureId, Territory,
};
use domain::ledger::{AggregateId, Fact, Halt, Ledgers, State};
use domain::money::Money;
use domain::place::Place;
use domain::place::committee::{CommitteeDecision, CommitteeException};
use domain::place::inventory::{Criteria, Description};
use domain::reference::{
    CorrectionReason, ExitDestination, ExitReason, HouseholdRefusalReason, MemberArrivalReason, MemberLink,
    NonAwardReason, OfferRefusalReason, PriorityGround, ProviderRefusalReason, RightOfResidence,
    WithdrawalReason,
};
use domain::refusal::Refusal;
use domain::rules::RuleBook;
use domain::structure::Profile;
use domain::structure_kind::StructureKind as Kind;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use uuid::Uuid;

/// One random command: which, and two numbers to choose what it concerns, and how many hours passed before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    what: u8,
    a: u8,
    b: u8,
    hours: u16,
}

/// Random commands; time mostly passes by hours, sometimes by weeks or months.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let hours = prop_oneof![12 => 0_u16..5, 4 => 5_u16..60, 1 => 200_u16..1_600];
    (0_u8..32, any::<u8>(), any::<u8>(), hours).prop_map(|(what, a, b, hours)| Op { what, a, b, hours })
}

/// What one step recorded.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The facts of the commands of this step, with the command of each.
    pub(crate) facts: Vec<(AggregateId, Fact, CommandId)>,
    /// The commands that the clock gave.
    pub(crate) by_clock: BTreeSet<CommandId>,
    /// Changes of deadlines that were fired a second time: must be none.
    pub(crate) fired_twice: usize,
}

/// The world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) ledgers: Ledgers,
    pub(crate) log: Vec<(AggregateId, Fact, Stamp)>,
    pub(crate) at: Timestamp,
    pub(crate) households: Vec<HouseholdId>,
    pub(crate) places: Vec<PlaceId>,
    asked: u64,
}

fn home() -> Territory {
    "33".parse().unwrap()
}

fn provider() -> OrganisationId {
    OrganisationId::new(home(), Uuid::from_u128(7))
}

impl World {
    /// Four households with qualified requests and applications, six vacant places.
    pub(crate) fn settled() -> Self {
        let mut world = Self {
            ledgers: Ledgers::default(),
            log: Vec::new(),
            at: "2026-01-05T08:00:00Z".parse().unwrap(),
            households: Vec::new(),
            places: Vec::new(),
            asked: 0,
        };
        for kind in [
            Kind::EmergencyShelter,
            Kind::Chrs,
            Kind::SocialResidence,
            Kind::Alt,
            Kind::SocialDwelling,
            Kind::SocialDwelling,
        ] {
            world.open(kind);
        }
        for members in [1, 2, 1, 3] {
            world.register(members);
        }
        world
    }

    fn mint(&mut self) -> CommandId {
        self.asked += 1;
        CommandId(Uuid::from_u128(u128::from(self.asked) | 0x7000 << 64))
    }

    fn open(&mut self, kind: Kind) {
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
        let open = StructureCommand::from(OpenStructure { profile, at: None });
        self.ask(open.on(structure), command).unwrap();
        let description = Description {
            structure,
            kind,
            provider: provider(),
            label: "1".into(),
            category: "t2".parse().unwrap(),
            capacity: 3,
            commune,
            criteria: Criteria::default(),
            rent: None,
            plai_adapte: false,
        };
        let command = self.mint();
        let place = PlaceId::created_by(home(), command);
        self.ask(PlaceCommand::from(OpenPlace { description, from: None }).on(place), command).unwrap();
        self.places.push(place);
        let command = self.mint();
        self.ask(
            PlaceCommand::from(DeclareVacancy { available_from: None, good_until: None }).on(place),
            command,
        )
        .unwrap();
    }

    fn member(link: MemberLink, born: &str) -> NewMember {
        NewMember {
            sex: Sex::Female,
            link,
            residence: Some("french".parse::<RightOfResidence>().unwrap()),
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

    fn register(&mut self, members: usize) {
        let links = [MemberLink::main_applicant(), MemberLink::spouse_or_partner(), MemberLink::child()];
        let born = ["1990-03-12", "1991-04-02", "2019-05-05"];
        let members = (0..members).map(|n| Self::member(links[n], born[n])).collect();
        let register = Register {
            territory: home(),
            members,
            expected: None,
            reachable_through_structure: true,
            at: None,
            note: None,
        };
        let command = self.mint();
        let id = HouseholdId::created_by(home(), command);
        self.ask(HouseholdCommand::from(register).on(id), command).unwrap();
        self.households.push(id);
        self.request(id);
        self.apply(id);
    }

    fn request(&mut self, id: HouseholdId) {
        let file = RequestFile {
            stream: RequestStream::Insertion,
            situation: "other".parse().unwrap(),
            reason: "other".parse().unwrap(),
            wishes: vec!["departement:33".parse().unwrap()],
            need: NeedProfile::default(),
            recommended: BTreeSet::from([Kind::Chrs]),
        };
        let command = self.mint();
        let created = HouseholdCommand::from(CreateRequest { siao: None, file, note: None, at: None });
        if self.ask(created.on(id), command).is_err() {
            return;
        }
        let request = RequestId::created_by(command);
        let _ = self.of(id, SubmitRequest { request, at: None });
        let kinds = BTreeSet::from([Kind::EmergencyShelter, Kind::Chrs, Kind::SocialResidence, Kind::Alt]);
        let qualification =
            Qualification { kinds, priority_class: 3.try_into().unwrap(), imminent_danger: false };
        let _ = self.of(id, QualifyRequest { request, qualification });
    }

    fn apply(&mut self, id: HouseholdId) {
        let today = calendar::day(home(), self.at);
        let number =
            format!("033{:02}{:02}{:06}A0001", today.month(), today.year() % 100, self.asked).parse().ok();
        let _ = self
            .of(id, RegisterApplication { filed_on: None, number, renewed_on: None, communes: Vec::new() });
    }

    fn of(&mut self, id: HouseholdId, body: impl Into<HouseholdCommand>) -> Result<CommandId, Refusal> {
        let command = self.mint();
        self.ask(body.into().on(id), command).map(|_| command)
    }

    fn at_place(&mut self, id: PlaceId, body: impl Into<PlaceCommand>) -> Result<CommandId, Refusal> {
        let command = self.mint();
        self.ask(body.into().on(id), command).map(|_| command)
    }

    /// Decides a command and records what it changes, through the JSON of each event.
    fn ask(&mut self, asked: Command, command: CommandId) -> Result<usize, Refusal> {
        let context = Context {
            command,
            at: self.at,
            organisation: provider(),
            book: RuleBook::shipped(),
            standing: None,
        };
        let changes = loop {
            match decide(&asked, &context, &self.ledgers) {
                Ok(changes) => break changes,
                Err(Halt::Need(ledger)) => self.ledgers.insert(ledger, State::empty(&ledger)),
                Err(Halt::Refused(refusal)) => return Err(refusal),
            }
        };
        for (n, change) in changes.iter().enumerate() {
            let read =
                Fact::read(&change.ledger, change.fact.kind(), change.fact.version(), change.fact.body())
                    .unwrap();
            assert_eq!(read, change.fact, "an event reads as it was written");
            let stamp = change.stamp(command, n, self.at);
            self.ledgers.record(change, &stamp);
            self.log.push((change.ledger, read, stamp));
        }
        Ok(changes.len())
    }

    pub(crate) fn household(&self, id: HouseholdId) -> &Household {
        match self.ledgers.get(&AggregateId::Household(id)) {
            Some(State::Household(is)) => is,
            Some(State::Place(_) | State::Structure(_)) | None => panic!("{id} is not known"),
        }
    }

    pub(crate) fn place(&self, id: PlaceId) -> &Place {
        match self.ledgers.get(&AggregateId::Place(id)) {
            Some(State::Place(is)) => is,
            Some(State::Household(_) | State::Structure(_)) | None => panic!("{id} is not known"),
        }
    }

    /// Lets time pass, fires what is due (each deadline twice), and asks one random command.
    pub(crate) fn carry_out(&mut self, op: &Op) -> Done {
        let begun = self.log.len();
        let mut done = Done::default();
        self.at = self.at.checked_add(i64::from(op.hours).hours()).unwrap();
        self.fire(&mut done);
        if op.b.is_multiple_of(3) {
            self.tend(op);
        }
        self.random(op);
        done.facts = self.log[begun..]
            .iter()
            .map(|(ledger, fact, stamp)| (*ledger, fact.clone(), self.command_of(stamp)))
            .collect();
        done
    }

    /// What keeps the world going: vacancies declared or confirmed, requests opened or confirmed, applications filed.
    fn tend(&mut self, op: &Op) {
        for place in self.places.clone() {
            if self.at_place(place, DeclareVacancy { available_from: None, good_until: None }).is_err()
                && !op.a.is_multiple_of(4)
            {
                let _ = self.at_place(place, ConfirmVacancy { good_until: None });
            }
        }
        for id in self.households.clone() {
            let open: Vec<_> = self
                .household(id)
                .requests
                .iter()
                .filter(|(_, r)| r.situation.is_open())
                .map(|(r, _)| *r)
                .collect();
            for request in &open {
                let _ = self.of(id, UpdateRequest { request: *request, file: None });
                let _ = self.of(id, SubmitRequest { request: *request, at: None });
            }
            if open.is_empty() {
                self.request(id);
            }
            self.apply(id);
        }
    }

    /// The command behind an event: those of a step have few events each.
    fn command_of(&self, stamp: &Stamp) -> CommandId {
        let minted = (1..=self.asked).rev().map(|n| CommandId(Uuid::from_u128(u128::from(n) | 0x7000 << 64)));
        let of = |command: &CommandId| (0..60).any(|n| EventId::of(*command, n) == stamp.event);
        minted.take(64).find(of).unwrap_or(CommandId(stamp.event.0))
    }

    fn fire(&mut self, done: &mut Done) {
        for _ in 0..200 {
            let due = self
                .ledgers
                .iter()
                .flat_map(|(id, state)| deadlines(id, state))
                .filter(|d| d.due < self.at)
                .min();
            let Some(deadline) = due else { return };
            let command = deadline.command();
            let changed = self.ask(Command::Elapse(deadline), command).unwrap_or(0);
            assert!(changed > 0, "a deadline that is due changes something: {deadline:?}");
            let begun = self.log.len();
            done.fired_twice += self.ask(Command::Elapse(deadline), command).unwrap_or(0);
            self.log.truncate(begun);
            done.by_clock.extend((0..changed).map(|n| CommandId(EventId::of(command, n).0)));
        }
        panic!("deadlines never end");
    }

    fn random(&mut self, op: &Op) {
        let id = self.households[usize::from(op.a) % self.households.len()];
        let place = self.places[usize::from(op.b) % self.places.len()];
        let is = self.household(id).clone();
        let nth = |len: usize| if len == 0 { None } else { Some(usize::from(op.b) % len) };
        let referral = nth(is.referrals.len()).and_then(|n| is.referrals.keys().nth(n).copied());
        let refused = is.referrals.iter().find(|(_, r)| {
            matches!(
                r.situation,
                domain::household::referral::ReferralSituation::DeclinedByHousehold { receivable: None, .. }
            )
        });
        let refused = refused.map(|(referral, _)| *referral);
        let live = is.live_referrals().next().map(|(referral, _)| referral);
        let stay = is.active_stays().next().map(|(stay, _)| stay);
        let some_stay = nth(is.stays.len()).and_then(|n| is.stays.keys().nth(n).copied());
        let request = nth(is.requests.len()).and_then(|n| is.requests.keys().nth(n).copied());
        let candidacy = is.candidacies.iter().find(|(_, c)| c.is_live()).map(|(candidacy, _)| *candidacy);
        let today = Day(calendar::day(home(), self.at));
        let planned_end = Some(Day(calendar::months_after(today.0, 3)));
        let destination = ExitDestination::social_rental();
        let reason = ExitReason::solution_found();
        let leaving =
            stay.map(|stay| Leaving { stay, at: None, destination, reason, deposit_to_return: false });
        let past = self.at.checked_sub((i64::from(op.a) * 12 + 1).hours()).unwrap();
        let _ = match op.what {
            0..=4 => request.map(|request| {
                self.of(id, ProposeReferral { request, place, persons: None, deviation: None, note: None })
            }),
            5 | 6 => live.map(|referral| self.of(id, AcceptReferral { referral, arrival: None })),
            7 => live.map(|referral| {
                let reason = ProviderRefusalReason::all().nth(usize::from(op.b) % 17).unwrap();
                let note = (op.a.is_multiple_of(2)).then(|| "précision".to_owned());
                self.of(id, DeclineReferral { referral, reason, note })
            }),
            8 => live.map(|referral| {
                self.of(
                    id,
                    RefuseReferral {
                        referral,
                        reason: HouseholdRefusalReason::all().next().unwrap(),
                        note: None,
                    },
                )
            }),
            9 => refused
                .or(referral)
                .map(|referral| self.of(id, JudgeRefusal { referral, receivable: op.a.is_multiple_of(2) })),
            10 => live.map(|referral| {
                self.of(id, WithdrawReferral { referral, reason: WithdrawalReason::error() })
            }),
            11 => live.map(|referral| self.of(id, RecordNoShow { referral })),
            12 | 13 => live.map(|referral| {
                self.of(id, StartStay { referral, at: None, persons: None, planned_end, leaving })
            }),
            14 => Some(self.of(id, AdmitDirectly { place, at: None, persons: None, planned_end, leaving })),
            15 | 16 => stay.map(|stay| {
                self.of(id, EndStay { stay, at: None, destination, reason, deposit_to_return: false })
            }),
            17 => Some(self.of(
                id,
                TakeOverStay {
                    place,
                    from: Instant(past),
                    persons: None,
                    planned_end: None,
                    ended: (op.b.is_multiple_of(2)).then(|| TakenOverEnd {
                        at: Instant(past.checked_add(6.hours()).unwrap().min(self.at)),
                        destination,
                        reason,
                    }),
                },
            )),
            18 => stay.map(|stay| {
                self.of(
                    id,
                    RequestExtension {
                        stay,
                        until: Day(calendar::months_after(today.0, 9)),
                        motive: "suite".into(),
                    },
                )
            }),
            19 => some_stay.map(|stay| {
                let fact = if op.b.is_multiple_of(2) {
                    DatedFact::StayStart { stay }
                } else {
                    DatedFact::StayEnd { stay }
                };
                self.of(id, CorrectDate { fact, is: Instant(past), reason: CorrectionReason::other() })
            }),
            20 => {
                let persons: Vec<_> = is.composition.members.keys().copied().collect();
                if persons.is_empty() {
                    return;
                }
                let leaving = persons[usize::from(op.b) % persons.len()];
                let split = Split {
                    persons: BTreeSet::from([leaving]),
                    main_applicant: leaving,
                    remaining_main_applicant: persons.iter().find(|person| **person != leaving).copied(),
                    application: if op.a.is_multiple_of(2) { Keeper::Leaving } else { Keeper::Remaining },
                    at: None,
                };
                let asked = self.of(id, split);
                if let Ok(command) = &asked {
                    self.households.push(HouseholdId::created_by(home(), *command));
                }
                Some(asked)
            }
            21 if op.a.is_multiple_of(5) => {
                let from = self.households[usize::from(op.b) % self.households.len()];
                let main = MemberLink::main_applicant();
                let theirs = self.household(from).composition.members.iter();
                let joining = theirs.filter(|(_, person)| person.link == main);
                let links = joining.map(|(person, _)| (*person, MemberLink::sibling())).collect();
                Some(self.of(id, Merge { from, links, at: None }))
            }
            22 => {
                let member = Self::member(MemberLink::child(), "2026-01-02");
                Some(self.of(id, AddMember { member, reason: MemberArrivalReason::birth(), at: None }))
            }
            23 => Some(self.at_place(place, DeclareVacancy { available_from: None, good_until: None })),
            24 => Some(self.at_place(place, ConfirmVacancy { good_until: None })),
            25 => {
                let chosen: Vec<_> =
                    self.households.iter().take(1 + usize::from(op.a) % 4).copied().collect();
                let candidates =
                    chosen.into_iter().map(|household| Designated { household, dalo: false }).collect();
                let place = self.places[4 + usize::from(op.b) % 2];
                let _ = self.at_place(place, DesignateCandidates { candidates });
                Some(self.at_place(place, ConveneCommittee { on: today }))
            }
            26 | 27 => Some(self.decide_committee(op)),
            28 => candidacy.map(|candidacy| {
                let accepted = self.of(id, AcceptOffer { candidacy });
                if op.b.is_multiple_of(2) {
                    return self.of(
                        id,
                        SignLease {
                            candidacy,
                            at: None,
                            from: None,
                            rent: Money::euros(300),
                            charges: Money::ZERO,
                            deposit_to_return: false,
                        },
                    );
                }
                accepted
            }),
            29 => candidacy.map(|candidacy| {
                if op.b.is_multiple_of(3) {
                    self.of(id, RefuseOffer { candidacy, reason: OfferRefusalReason::other() })
                } else {
                    self.of(
                        id,
                        SignLease {
                            candidacy,
                            at: None,
                            from: None,
                            rent: Money::euros(300),
                            charges: Money::ZERO,
                            deposit_to_return: false,
                        },
                    )
                }
            }),
            30 => {
                self.request(id);
                self.apply(id);
                request.map(|request| self.of(id, UpdateRequest { request, file: None }))
            }
            _ => {
                let _ = self.of(
                    id,
                    GrantPriority {
                        ground: PriorityGround::dalo(),
                        source: LabelSource::MediationBoard,
                        decided_on: None,
                        document: None,
                    },
                );
                let application = is.live_application().map(|(application, _)| application);
                application.map(|application| self.of(id, RenewApplication { application, communes: None }))
            }
        };
    }

    fn decide_committee(&mut self, op: &Op) -> Result<CommandId, Refusal> {
        let place = self.places[4 + usize::from(op.b) % 2];
        let candidates: Vec<_> = self.place(place).open_vacancy().map_or_else(Vec::new, |vacancy| {
            vacancy.allocation.candidates.iter().filter(|(_, c)| c.is_live()).map(|(id, _)| *id).collect()
        });
        let decisions = candidates
            .iter()
            .enumerate()
            .map(|(n, candidacy)| {
                let decision = match (op.a % 4, n) {
                    (0, 0) => CommitteeDecision::Award,
                    (1, 1) => CommitteeDecision::Reject { reason: NonAwardReason::other() },
                    // Now and then the ranks have a gap or are doubled: the rules must say no.
                    (2, n) => CommitteeDecision::AwardRanked { rank: u8::try_from(n).unwrap() },
                    (_, n) => CommitteeDecision::AwardRanked { rank: u8::try_from(n + 1).unwrap() },
                };
                CandidateDecision { candidacy: *candidacy, decision }
            })
            .collect();
        let exception = (op.a.is_multiple_of(3)).then_some(CommitteeException::InsufficientCandidates);
        self.at_place(place, DecideCommittee { decisions, exception })
    }
}
