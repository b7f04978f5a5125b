//! What a place's ledger gives to do.

use jiff::Timestamp;

use super::{About, Desk, List, TaskKind};
use crate::calendar::{end_of_day, start_of_day};
use crate::id::PlaceId;
use crate::place::Place;
use crate::place::committee::CandidateSituation;
use crate::place::vacancy::{Vacancy, VacancySituation};

impl List<'_> {
    pub(super) fn place(&mut self, id: PlaceId, is: &Place) {
        let Some(description) = is.inventory.description() else { return };
        // A place that is to close is used until then, and nobody has to offer it again.
        let closes = is.description().is_none();
        let dwelling = description.kind.let_by_committee();
        let desk = if dwelling { Desk::Landlord } else { Desk::Provider };
        let about = About { household: None, place: Some(id) };
        if let Some(hold) = &is.hold {
            let about = About { household: Some(hold.household), place: Some(id) };
            let referral = hold.referral;
            let kind = match hold.until {
                Some(_) => TaskKind::AnswerReferral { referral },
                None => TaskKind::AdmitHousehold { referral },
            };
            self.add(Desk::Provider, hold.until, hold.since, kind, about);
        }
        for (spell, one) in is.offline.iter().filter(|(_, one)| !one.over && !closes) {
            let since = start_of_day(id.territory(), one.from.0);
            let due = one.until.map(|until| end_of_day(id.territory(), until.0));
            self.add(desk, due, since, TaskKind::BringOnline { spell: *spell }, about);
        }
        if is.current_occupancy().is_some() || is.hold.is_some() || closes {
            if let Some(vacancy) = is.open_vacancy().filter(|vacancy| !vacancy.allocation.is_idle()) {
                self.allocation(id, vacancy);
            }
            return;
        }
        let offline = is.offline.values().any(|spell| !spell.over);
        match &is.vacancy {
            Some(vacancy) if vacancy.situation == VacancySituation::Open => {
                if vacancy.allocation.is_idle() {
                    let kind = TaskKind::ConfirmVacancy { vacancy: vacancy.id };
                    self.add(desk, Some(vacancy.good_until), vacancy.confirmed, kind, about);
                }
                if dwelling {
                    self.allocation(id, vacancy);
                }
            }
            Some(vacancy) if vacancy.situation == VacancySituation::Expired => {
                let kind = TaskKind::ConfirmVacancy { vacancy: vacancy.id };
                self.add(desk, None, vacancy.good_until, kind, about);
            }
            Some(_) | None if !offline => {
                let since = is.empty_since(Timestamp::MAX, id.territory()).unwrap_or(Timestamp::MIN);
                self.add(desk, None, since, TaskKind::DeclareVacancy {}, about);
            }
            Some(_) | None => {}
        }
    }

    fn allocation(&mut self, id: PlaceId, vacancy: &Vacancy) {
        let about = About { household: None, place: Some(id) };
        let (since, vacancy_id) = (vacancy.confirmed, vacancy.id);
        let live = || vacancy.allocation.candidates.iter().filter(|(_, candidate)| candidate.is_live());
        match (&vacancy.allocation.committee, live().next()) {
            (_, None) => {
                let (desk, due) = match &vacancy.holder {
                    Some(holder) => (Desk::Prefecture, Some(holder.designate_by.0)),
                    None => (Desk::Landlord, None),
                };
                self.add(desk, due, since, TaskKind::DesignateCandidates { vacancy: vacancy_id }, about);
            }
            (None, Some(_)) => {
                self.add(
                    Desk::Landlord,
                    None,
                    since,
                    TaskKind::ConveneCommittee { vacancy: vacancy_id },
                    about,
                );
            }
            (Some(committee), Some(_)) if !committee.decided => {
                let due = Some(end_of_day(id.territory(), committee.on.0));
                self.add(
                    Desk::Landlord,
                    due,
                    since,
                    TaskKind::DecideCommittee { vacancy: vacancy_id },
                    about,
                );
            }
            (Some(_), Some(_)) => {}
        }
        for (candidacy, candidate) in live() {
            let about = About { household: Some(candidate.household), place: Some(id) };
            let candidacy = *candidacy;
            match candidate.situation {
                CandidateSituation::Offered { answer_by } => {
                    let kind = TaskKind::ObtainAnswer { candidacy };
                    self.add(Desk::Landlord, Some(answer_by), since, kind, about);
                }
                CandidateSituation::Accepted { at } if candidate.condition_pending().is_none() => {
                    self.add(Desk::Landlord, None, at, TaskKind::SignLease { candidacy }, about);
                }
                CandidateSituation::Accepted { .. }
                | CandidateSituation::Designated
                | CandidateSituation::Decided
                | CandidateSituation::Closed { .. } => {}
            }
            if let Some(by) = candidate.condition_pending() {
                let due = Some(end_of_day(id.territory(), by.0));
                self.add(Desk::Landlord, due, since, TaskKind::ObtainDocument { candidacy }, about);
            }
        }
    }
}
