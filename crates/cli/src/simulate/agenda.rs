//! What is going to happen: things people will do, and deadlines that fire by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::decide::clock::{Deadline, deadlines};
use domain::id::{
    ApplicationId, CandidacyId, HouseholdId, LeaseId, PersonId, PlaceId, ReferralId, RequestId, StayId,
    StructureId,
};
use domain::ledger::{AggregateId, State};
use domain::reference::{ExitDestination, ExitReason};
use jiff::{SignedDuration, Timestamp};

/// Something that somebody is going to do, if it still makes sense when its time comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// A structure of the plan opens, with its places.
    OpenStructure(usize),
    /// A social dwelling is let for the first time under this program.
    OpenDwelling(usize),
    /// A structure takes another name.
    Rename(StructureId),
    /// A structure starts to close.
    Wind(StructureId),
    /// Fees are revised.
    ReviseFees,
    /// Everybody who is known on the first day is there.
    OpenDoors,
    /// A household comes, to the 115 or with a file.
    Arrive { emergency: bool },
    /// A household that is known on the first day already waits.
    ArriveEarlier,
    /// A household that is known on the first day already lives in this place.
    Settle(PlaceId),
    /// Somebody who was known before asks again.
    AskAgain { household: HouseholdId, emergency: bool },
    /// A request is transmitted.
    Transmit(HouseholdId, RequestId),
    /// The referrer adds the social assessment.
    Assess(HouseholdId, RequestId),
    /// The SIAO looks at a request.
    Examine(HouseholdId, RequestId),
    /// The household and its referrer are in touch.
    Contact(HouseholdId, RequestId),
    /// A cancelled request may be wanted again.
    Reactivate(HouseholdId, RequestId),
    /// The SIAO looks for a household for a place.
    Match(PlaceId),
    /// The provider opens a referral.
    View(HouseholdId, ReferralId),
    /// A referral is answered.
    Answer(HouseholdId, ReferralId, Reply),
    /// The SIAO judges a refusal.
    Judge(HouseholdId, ReferralId),
    /// The household is expected.
    MoveIn(HouseholdId, ReferralId),
    /// A place is prepared for the next.
    Turnover(PlaceId),
    /// A place breaks down while nobody is in it.
    BreakDown(PlaceId),
    /// A place can be used again.
    Repair(PlaceId),
    /// A place is put on offer.
    Declare(PlaceId),
    /// The provider looks at a place on offer.
    Confirm(PlaceId),
    /// The préfet answers an admission.
    DecideAdmission(HouseholdId, StayId),
    /// A stay is reviewed.
    Review(HouseholdId, StayId),
    /// The household goes away for some time.
    GoAway(HouseholdId, StayId),
    /// It comes back.
    ComeBack(HouseholdId, StayId),
    /// The end of the term comes near.
    PrepareEnd(HouseholdId, StayId),
    /// The préfet answers an extension.
    DecideExtension(HouseholdId, StayId),
    /// The household is about to leave.
    Leave(HouseholdId, StayId),
    /// The stay ends.
    End(HouseholdId, StayId, ExitDestination, ExitReason),
    /// The deposit is returned.
    ReturnDeposit(HouseholdId, StayId),
    /// A date of the stay turns out wrong.
    Correct(HouseholdId, StayId),
    /// Something happens in the family.
    Live(HouseholdId),
    /// A child is born.
    Birth(HouseholdId),
    /// An application for social housing is filed.
    File(HouseholdId),
    /// Its number comes.
    Number(HouseholdId, ApplicationId),
    /// It is renewed, or not.
    Renew(HouseholdId, ApplicationId),
    /// The register has no answer from the household.
    Warn(HouseholdId, ApplicationId),
    /// The household gives its application up.
    Renounce(HouseholdId, ApplicationId),
    /// A priority is recognised.
    Label(HouseholdId),
    /// A vacant dwelling is given to a holder, or kept.
    Assign(PlaceId),
    /// Candidates are designated.
    Designate(PlaceId),
    /// The committee is convened.
    Convene(PlaceId),
    /// The committee decides.
    Decide(PlaceId),
    /// The household answers an offer.
    AnswerOffer(HouseholdId, CandidacyId),
    /// It is known when the household received the offer.
    NotifyOffer(PlaceId, CandidacyId),
    /// The missing document comes.
    MeetCondition(PlaceId, CandidacyId),
    /// The lease is signed.
    Sign(HouseholdId, CandidacyId),
    /// Nobody is left on the list of a dwelling.
    StartOver(PlaceId),
    /// The tenant leaves.
    EndLease(HouseholdId, LeaseId),
    /// The candidates' files are checked.
    CheckFiles(PlaceId),
    /// A notice is taken back.
    TakeNoticeBack(HouseholdId, StayId),
    /// A warning is answered.
    LiftWarning(HouseholdId, ApplicationId),
    /// A stay turns out to be on the wrong file.
    Void(HouseholdId, StayId),
    /// Members without a place join the others.
    Join(HouseholdId),
    /// A member leaves the others in a stay.
    LeaveOthers(HouseholdId, StayId),
    /// A parent counts a child of the other household `of`.
    ShareCustody { household: HouseholdId, of: HouseholdId },
    /// The child lives with one parent again.
    EndCustody(HouseholdId, PersonId),
}

/// How a referral is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// The provider accepts.
    Accept,
    /// The provider declines.
    Decline,
    /// The household refuses.
    Refuse,
    /// The SIAO takes it back.
    Withdraw,
}

/// Actions by time, and in the order they were planned in where the time is the same.
#[derive(Default)]
pub(super) struct Agenda {
    planned: BTreeMap<(Timestamp, u64), Action>,
    count: u64,
}

impl Agenda {
    /// Plans `action` for `at`.
    pub(super) fn plan(&mut self, at: Timestamp, action: Action) {
        self.count += 1;
        self.planned.insert((at, self.count), action);
    }

    /// When the next action is planned.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.planned.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next action.
    pub(super) fn take(&mut self) -> Option<Action> {
        self.planned.pop_first().map(|(_, action)| action)
    }
}

/// The deadlines of all ledgers, soonest first.
#[derive(Default)]
pub(super) struct Deadlines {
    waiting: BTreeSet<Deadline>,
    of: HashMap<AggregateId, Vec<Deadline>>,
    /// Those that fired and changed nothing: asking again would change nothing either.
    idle: HashSet<Deadline>,
}

impl Deadlines {
    /// Looks again at a ledger that has changed.
    pub(super) fn update(&mut self, ledger: AggregateId, state: &State) {
        let now = deadlines(&ledger, state);
        let before = self.of.entry(ledger).or_default();
        if *before == now {
            return;
        }
        for deadline in before.iter() {
            self.waiting.remove(deadline);
        }
        self.waiting.extend(now.iter().filter(|deadline| !self.idle.contains(deadline)).copied());
        *before = now;
    }

    /// When the next deadline fires: the second after its last instant.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let due = self.waiting.first()?.due;
        Some(due.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX))
    }

    /// The next deadline.
    pub(super) fn take(&mut self) -> Option<Deadline> {
        self.waiting.pop_first()
    }

    /// Notes that a deadline fired without a change.
    pub(super) fn was_idle(&mut self, deadline: Deadline) {
        self.idle.insert(deadline);
    }
}
