//! The SIAO's coordinator: a household for each place on offer, mostly the first of the list.

use domain::decide::referral::ProposeReferral;
use domain::household::Household;
use domain::household::referral::ReferralSituation;
use domain::id::{HouseholdId, PlaceId, RequestId};
use domain::matching::{Ranking, rank};
use domain::place::PlaceSituation;
use domain::structure_kind::StructureKind;

use super::agenda::Action;
use super::world::World;

impl World {
    /// Plans a search for a place that is on offer, so many days from now, unless one is planned.
    pub(super) fn seek(&mut self, place: PlaceId, days: f64) {
        if self.sought.insert(place) {
            let emergency = self.kind_of(place).is_some_and(is_emergency);
            if emergency {
                self.in_hours(24.0 * days, Action::Match(place));
            } else {
                self.in_days(days, Action::Match(place));
            }
        }
    }

    /// The kind of a place.
    pub(super) fn kind_of(&self, place: PlaceId) -> Option<StructureKind> {
        self.place(place).and_then(|is| is.inventory.description()).map(|is| is.kind)
    }

    /// Looks for a household for a place and proposes it.
    pub(super) fn match_place(&mut self, place: PlaceId) {
        self.sought.remove(&place);
        let today = self.today();
        let Some(is) = self.place(place) else { return };
        if is.situation(self.now, today) != PlaceSituation::Vacant {
            return;
        }
        let Some(description) = is.description().filter(|is| !is.kind.let_by_committee()) else { return };
        let kind = description.kind;
        let ranking = self.ranking(place);
        let Some((at, id, request)) = ranking.as_ref().and_then(|ranking| self.choose(ranking, place)) else {
            let days =
                if is_emergency(kind) { self.dice.within(0.6, 1.5) } else { self.dice.within(4.0, 11.0) };
            self.seek(place, days);
            return;
        };
        let deviation = (at > 0).then(|| self.settings.reasons.deviation.draw(&mut self.dice));
        let standing = ranking.and_then(|ranking| ranking.standing(request));
        self.summary.deviations += u64::from(deviation.is_some());
        let note =
            self.dice.chance(0.15).then(|| "Orientation vue avec le référent ; projet confirmé.".to_owned());
        let who = self.siao();
        let proposal = ProposeReferral { request, place, persons: None, deviation, note };
        self.ask_with(who, id, proposal, standing);
    }

    /// Everybody who waits for a place like this one. Those who wait for other kinds of housing cannot be ranked by
    /// any rule, so they need not be looked at: the list is the same without them.
    pub(super) fn ranking(&self, place: PlaceId) -> Option<Ranking> {
        let description = self.place(place)?.description()?;
        let waiting = self.waiting.get(&description.kind)?;
        let households = waiting.iter().filter_map(|id| Some((*id, self.household(*id)?)));
        Some(rank(place, description, households, self.today()))
    }

    /// Whom the coordinator proposes, with the place on the list, counted from 0.
    fn choose(&mut self, ranking: &Ranking, place: PlaceId) -> Option<(usize, HouseholdId, RequestId)> {
        for (at, ranked) in ranking.ranked.iter().enumerate() {
            let Some(is) = self.household(ranked.household) else { continue };
            if !self.is_here(ranked.household) || expected_elsewhere(is) || said_no(is, place) {
                continue;
            }
            let live = is.live_referrals().count();
            // Proposing one household for several places at once is done, with measure.
            let busy = live >= 2 || (live == 1 && self.dice.chance(0.6));
            // Now and then somebody further down is preferred.
            if busy || (at == 0 && ranking.ranked.len() > 1 && self.dice.chance(0.06)) {
                continue;
            }
            return Some((at, ranked.household, ranked.key.request));
        }
        None
    }
}

/// Whether the kind is one of the same night.
pub(super) fn is_emergency(kind: StructureKind) -> bool {
    matches!(kind, StructureKind::EmergencyShelter | StructureKind::HotelNight)
}

/// Whether the household is expected in another place.
pub(super) fn expected_elsewhere(is: &Household) -> bool {
    is.live_referrals().any(|(_, referral)| matches!(referral.situation, ReferralSituation::Accepted { .. }))
}

/// Whether somebody said no to this household in this place before, or proposes it there now.
fn said_no(is: &Household, place: PlaceId) -> bool {
    is.referrals.values().any(|referral| {
        referral.place == place
            && match referral.situation {
                ReferralSituation::DeclinedByProvider { .. }
                | ReferralSituation::DeclinedByHousehold { .. }
                | ReferralSituation::Proposed { .. }
                | ReferralSituation::NoShow => true,
                ReferralSituation::Accepted { .. }
                | ReferralSituation::Admitted { .. }
                | ReferralSituation::Expired
                | ReferralSituation::Withdrawn { .. } => false,
            }
    })
}
