//! P11: three years of many files, with an oracle that reckons the days by itself. Nothing late, nothing early, nothing
//! held purged.

use std::collections::BTreeMap;

use domain::calendar::{Day, day, end_of_day, start_of_day};
use domain::decide::clock::deadlines;
use domain::decide::consent::GiveConsent;
use domain::decide::erasure::{ConfirmErasure, LiftLegalHold, PlaceLegalHold, ProposeErasure};
use domain::decide::registration::Register;
use domain::decide::request::{CancelRequest, CreateRequest};
use domain::decide::{Command, Context, HouseholdCommand, decide};
use domain::household::Household;
use domain::household::consent::ConsentChannel;
use domain::household::erasure::{ErasureGround, HoldGround};
use domain::household::request::RequestStream;
use domain::id::{CommandId, HouseholdId, RequestId, UserId};
use domain::ledger::{AggregateId, Halt, Ledgers, State};
use domain::reference::{CancellationReason, ConsentPurpose};
use domain::refusal::Refusal;
use domain::rules::RuleBook;
use domain::worklist::{Desk, TaskKind, tasks};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::scenario::{build, gironde, instant, member, organisation};

/// How many files. All of them take two seconds without optimisations.
const FILES: u64 = 10_000;

/// Three years from here.
fn begins() -> Timestamp {
    instant("2026-01-01T00:00")
}

fn ends() -> Timestamp {
    instant("2029-01-01T00:00")
}

/// One file, and what somebody who knows nothing of the program has written down about it.
struct File {
    id: HouseholdId,
    ledgers: Ledgers,
    now: Timestamp,
    asked: u64,
    dice: u64,
    // The oracle's notes.
    last: Date,
    open: Option<RequestId>,
    holds: BTreeMap<HoldGround, Date>,
    /// When something last stopped standing in the way: from then on the file is on the list for thirty days.
    freed: Date,
    erased: Option<Timestamp>,
}

/// What the three years came to.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    erased: u32,
    announced: u32,
    held: u32,
    early: u32,
    late: u32,
    held_purged: u32,
    open_purged: u32,
}

fn officer(n: u128) -> UserId {
    UserId::new(gironde(), Uuid::from_u128(n))
}

impl File {
    fn below(&mut self, n: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }

    fn state(&self) -> &State {
        self.ledgers.get(&AggregateId::Household(self.id)).unwrap()
    }

    fn is(&self) -> &Household {
        match self.state() {
            State::Household(is) => is,
            State::Place(_)
            | State::Structure(_)
            | State::Organisation(_)
            | State::User(_)
            | State::Subscription(_)
            | State::Inquiry(_) => panic!(),
        }
    }

    fn today(&self) -> Date {
        day(gironde(), self.now)
    }

    fn ask(&mut self, command: &Command, id: CommandId, user: UserId) -> Result<Vec<&'static str>, Refusal> {
        let context = Context {
            command: id,
            at: self.now,
            organisation: organisation(),
            user: Some(user),
            book: RuleBook::shipped(),
            standing: None,
        };
        let changes = loop {
            match decide(command, &context, &self.ledgers) {
                Ok(changes) => break changes,
                Err(Halt::Need(ledger)) => self.ledgers.insert(ledger, State::empty(&ledger)),
                Err(Halt::Refused(refusal)) => return Err(refusal),
            }
        };
        for (n, change) in changes.iter().enumerate() {
            self.ledgers.record(change, &change.stamp(id, n, self.now));
        }
        Ok(changes.iter().map(|change| change.fact.kind()).collect())
    }

    fn does(&mut self, body: impl Into<HouseholdCommand>, user: UserId) -> Vec<&'static str> {
        self.asked += 1;
        let id = CommandId(Uuid::from_u128(self.dice.into()).max(Uuid::from_u128(self.asked.into())));
        let id = CommandId(id.derive(&self.asked.to_string()));
        let command = Command::Household(self.id, body.into());
        self.ask(&command, id, user)
            .unwrap_or_else(|refusal| panic!("{} on {}: {refusal}", command.name(), self.today()))
    }

    /// Something happens to the household, or to what keeps its file.
    fn lives(&mut self, counted: &mut Counted) {
        let today = self.today();
        match self.below(6) {
            0 | 1 => {
                let person = *self.is().composition.members.keys().next().unwrap();
                let (purpose, channel) = (ConsentPurpose::share_with_providers(), ConsentChannel::Oral);
                let given =
                    GiveConsent { person, purpose, recipient: None, channel, until: None, given_on: None };
                self.does(given, officer(9));
                self.last = today;
            }
            2 | 3 => match self.open.take() {
                None => {
                    let file = build::file(RequestStream::Insertion);
                    self.does(CreateRequest { siao: None, file, note: None, at: None }, officer(9));
                    self.open =
                        self.is().requests.iter().find(|(_, r)| r.situation.is_open()).map(|(id, _)| *id);
                    self.last = today;
                }
                Some(request) => {
                    let reason = CancellationReason::all().next().unwrap();
                    // The clock may have cancelled it already.
                    if self.is().requests[&request].situation.is_open() {
                        self.does(CancelRequest { request, reason }, officer(9));
                        self.last = today;
                        self.freed = today;
                    }
                }
            },
            _ => {
                let ground = [HoldGround::Litigation, HoldGround::DaloProcedure, HoldGround::UnpaidDebt]
                    [usize::try_from(self.below(3)).unwrap()];
                if self.holds.contains_key(&ground) && self.below(3) == 0 {
                    self.does(LiftLegalHold { ground }, officer(9));
                    self.holds.remove(&ground);
                    self.freed = today;
                } else {
                    let days = i64::try_from(self.below(365)).unwrap();
                    let until = today.checked_add(days.days()).unwrap();
                    let motive = "recours devant le tribunal".to_owned();
                    self.does(PlaceLegalHold { ground, motive, until: Day(until) }, officer(9));
                    self.holds.insert(ground, until);
                    self.freed = today;
                    counted.held += 1;
                }
            }
        }
    }

    /// The day until which the file is kept, by the oracle's notes.
    fn kept_until(&self) -> Date {
        let kept = self.last.checked_add(24.months()).unwrap();
        self.holds.values().copied().fold(kept, Date::max)
    }

    fn note(&mut self, kinds: &[&'static str], at: Timestamp, counted: &mut Counted) {
        for kind in kinds {
            match *kind {
                "household.erasure_announced" => counted.announced += 1,
                "household.erased" => {
                    let on = day(gironde(), at);
                    counted.erased += 1;
                    self.erased = Some(at);
                    counted.early += u32::from(at < end_of_day(gironde(), self.kept_until()));
                    counted.held_purged += u32::from(
                        self.holds.values().any(|until| on <= *until && at != end_of_day(gironde(), *until)),
                    );
                    counted.open_purged += u32::from(self.open.is_some());
                    counted.late += u32::from(on > self.latest());
                }
                "request.cancelled" | "request.went_stale" => {
                    // The clock did: it happened to the household all the same.
                    self.last = self.today();
                    if *kind == "request.cancelled" {
                        self.open = None;
                        self.freed = self.last;
                    }
                }
                _ => {}
            }
        }
    }

    /// The last day of the file if nothing more happens to it: it was thirty days on the list.
    fn latest(&self) -> Date {
        self.kept_until().max(self.freed.checked_add(30.days()).unwrap())
    }

    /// The officers look at their list, and decide what is on it.
    fn visit(&mut self, counted: &mut Counted) {
        let list = tasks(&AggregateId::Household(self.id), self.state(), RuleBook::shipped());
        let stands =
            |kind: TaskKind| list.iter().any(|task| task.desk == Desk::DataProtection && task.kind == kind);
        if stands(TaskKind::ErasureDue {}) {
            self.does(ProposeErasure { ground: ErasureGround::Retention }, officer(1));
            let kinds = self.does(ConfirmErasure {}, officer(2));
            self.note(&kinds, self.now, counted);
        }
    }

    fn three_years(&mut self, counted: &mut Counted) {
        let mut days: Vec<Timestamp> = Vec::new();
        let mut at = self.now;
        for _ in 0..self.below(7) {
            let hours = i64::try_from(1 + self.below(24 * 250)).unwrap();
            at = at.checked_add(hours.hours()).unwrap();
            days.push(at);
        }
        days.reverse();
        while self.erased.is_none() {
            let act = days.last().copied().unwrap_or(Timestamp::MAX);
            let next = deadlines(&AggregateId::Household(self.id), self.state()).into_iter().min();
            let fires = next.map_or(Timestamp::MAX, |next| next.due.checked_add(1.seconds()).unwrap());
            let list = tasks(&AggregateId::Household(self.id), self.state(), RuleBook::shipped());
            let listed = list.iter().any(|task| task.kind == TaskKind::ErasureDue {});
            // The day after tomorrow, in the morning.
            let morning = start_of_day(gironde(), self.today().checked_add(2.days()).unwrap());
            let visit = if listed { morning } else { Timestamp::MAX };
            let then = act.min(fires).min(visit).max(self.now);
            if then >= ends() {
                return;
            }
            self.now = then;
            match next {
                Some(deadline) if fires <= then => {
                    let kinds = self.ask(&Command::Elapse(deadline), deadline.command(), officer(0)).unwrap();
                    assert!(!kinds.is_empty(), "{deadline:?}");
                    self.note(&kinds, deadline.due, counted);
                }
                Some(_) | None if visit <= then => self.visit(counted),
                Some(_) | None => {
                    days.pop();
                    self.lives(counted);
                }
            }
        }
    }
}

#[test]
fn in_three_years_nothing_is_erased_late_nothing_early_and_nothing_that_is_held() {
    let mut counted = Counted::default();
    let mut overdue = 0;
    for n in 0..FILES {
        let id = HouseholdId::new(gironde(), Uuid::from_u128(u128::from(n) + 1));
        let (ledgers, now) = (Ledgers::default(), begins());
        let today = day(gironde(), now);
        let mut file = File {
            id,
            ledgers,
            now,
            asked: n << 20,
            dice: n,
            last: today,
            open: None,
            holds: BTreeMap::new(),
            freed: today,
            erased: None,
        };
        let hours = i64::try_from(file.below(24 * 365)).unwrap();
        file.now = begins().checked_add(hours.hours()).unwrap();
        (file.last, file.freed) = (file.today(), file.today());
        let register = Register {
            duplicate_reviewed: None,
            territory: gironde(),
            members: vec![member("woman 32", true, file.today())],
            expected: None,
            reachable_through_structure: false,
            at: None,
            note: None,
        };
        file.does(register, officer(9));
        file.three_years(&mut counted);
        // The clock comes the second after.
        let due = end_of_day(gironde(), file.latest()).checked_add(1.seconds()).unwrap();
        overdue += u32::from(file.erased.is_none() && file.open.is_none() && due < ends());
    }
    let Counted { early, late, held_purged, open_purged, .. } = counted;
    assert_eq!((overdue, late, early, held_purged, open_purged), (0, 0, 0, 0, 0), "{counted:?}");
    // There was something to get wrong.
    assert!(
        counted.erased > 1_000 && counted.held > 3_000 && counted.announced > counted.erased,
        "{counted:?}"
    );
}
