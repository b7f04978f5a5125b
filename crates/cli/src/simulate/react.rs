//! What is planned is done, and what happened makes somebody plan something: reactions never ask for anything at once.

use domain::household::HouseholdEvent;
use domain::household::family::FamilyEvent;
use domain::ledger::{AggregateId, Change, Fact};
use domain::place::PlaceEvent;

use super::agenda::Action;
use super::world::World;

impl World {
    /// Lets somebody do what they had planned.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::OpenStructure(at) => self.open_structure(at),
            Action::OpenDwelling(at) => self.open_dwelling(at),
            Action::Rename(id) => self.rename(id),
            Action::Wind(id) => self.wind_up(id),
            Action::ReviseFees => self.revise_fees(),
            Action::OpenDoors => self.open_doors(),
            Action::Arrive { emergency } => self.arrive(emergency),
            Action::ArriveEarlier => self.arrive_earlier(),
            Action::Settle(place) => self.settle(place),
            Action::AskAgain { household, emergency } => self.ask_again(household, emergency),
            Action::Transmit(id, request) => self.transmit(id, request),
            Action::Assess(id, request) => self.assess_request(id, request),
            Action::Examine(id, request) => self.examine(id, request),
            Action::Contact(id, request) => self.contact(id, request),
            Action::Reactivate(id, request) => self.reactivate(id, request),
            Action::Match(place) => self.match_place(place),
            Action::View(id, referral) => self.view(id, referral),
            Action::Answer(id, referral, reply) => self.answer(id, referral, reply),
            Action::Judge(id, referral) => self.judge(id, referral),
            Action::MoveIn(id, referral) => self.move_in(id, referral),
            Action::Turnover(place) => self.turn_over(place),
            Action::BreakDown(place) => self.break_down(place),
            Action::Repair(place) => self.repair(place),
            Action::Declare(place) => self.declare(place),
            Action::Confirm(place) => self.confirm(place),
            Action::DecideAdmission(id, stay) => self.decide_admission(id, stay),
            Action::Review(id, stay) => self.review(id, stay),
            Action::GoAway(id, stay) => self.go_away(id, stay),
            Action::ComeBack(id, stay) => self.come_back(id, stay),
            Action::PrepareEnd(id, stay) => self.prepare_end(id, stay),
            Action::DecideExtension(id, stay) => self.decide_extension(id, stay),
            Action::Leave(id, stay) => self.leave(id, stay),
            Action::End(id, stay, destination, reason) => self.end_stay(id, stay, destination, reason),
            Action::ReturnDeposit(id, stay) => self.return_deposit(id, stay),
            Action::Correct(id, stay) => self.correct(id, stay),
            Action::Live(id) => self.live(id),
            Action::Birth(id) => self.birth(id),
            Action::File(id) => self.file_application(id),
            Action::Number(id, application) => self.number_application(id, application),
            Action::Renew(id, application) => self.renew(id, application),
            Action::Warn(id, application) => self.warn(id, application),
            Action::Renounce(id, application) => self.renounce(id, application),
            Action::Label(id) => self.label(id),
            Action::Assign(place) => self.assign(place),
            Action::Designate(place) => self.designate(place),
            Action::Convene(place) => self.convene(place),
            Action::Decide(place) => self.decide_committee(place),
            Action::AnswerOffer(id, candidacy) => self.answer_offer(id, candidacy),
            Action::NotifyOffer(place, candidacy) => self.notify_offer(place, candidacy),
            Action::MeetCondition(place, candidacy) => self.meet_condition(place, candidacy),
            Action::Sign(id, candidacy) => self.sign(id, candidacy),
            Action::StartOver(place) => self.start_over(place),
            Action::EndLease(id, lease) => self.end_lease(id, lease),
            Action::CheckFiles(place) => self.check_files(place),
            Action::TakeNoticeBack(id, stay) => self.take_notice_back(id, stay),
            Action::LiftWarning(id, application) => self.lift_warning(id, application),
            Action::Void(id, stay) => self.void(id, stay),
            Action::Join(id) => self.join(id),
            Action::LeaveOthers(id, stay) => self.leave_others(id, stay),
            Action::ShareCustody { household, of } => self.share_custody(household, of),
            Action::EndCustody(id, person) => self.end_custody(id, person),
        }
    }

    /// Lets those whom a fact concerns plan what they will do.
    pub(super) fn react(&mut self, change: &Change) {
        match (&change.ledger, &change.fact) {
            (AggregateId::Household(id), Fact::Household(event)) => match event {
                HouseholdEvent::Request(event) => self.on_request(*id, event),
                HouseholdEvent::Referral(event) => self.on_referral(*id, event),
                HouseholdEvent::Stay(event) => self.on_stay(*id, event, change.effective),
                HouseholdEvent::Application(event) => self.on_application(*id, event),
                HouseholdEvent::Candidacy(event) => self.on_candidacy(*id, event),
                HouseholdEvent::Family(FamilyEvent::Separated(event)) => self.on_separated(*id, event),
                HouseholdEvent::Family(FamilyEvent::MergedInto(_)) => self.lose(*id),
                HouseholdEvent::Family(FamilyEvent::Merged(_)) => {
                    let days = self.dice.within(1.0, 20.0);
                    self.in_days(days, Action::Join(*id));
                }
                HouseholdEvent::Family(FamilyEvent::Split(_))
                | HouseholdEvent::Composition(_)
                | HouseholdEvent::Correction(_)
                | HouseholdEvent::Priority(_)
                | HouseholdEvent::Consent(_)
                | HouseholdEvent::PersonRequest(_)
                | HouseholdEvent::FollowUp(_)
                | HouseholdEvent::Protection(_)
                | HouseholdEvent::Erasure(_) => {}
            },
            (AggregateId::Place(id), Fact::Place(event)) => match event {
                PlaceEvent::Occupancy(event) => self.on_occupancy(*id, event),
                PlaceEvent::Vacancy(event) => self.on_vacancy(*id, event),
                PlaceEvent::Committee(event) => self.on_committee(*id, event),
                PlaceEvent::Inventory(_) => {}
            },
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
}
