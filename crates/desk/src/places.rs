//! Places as lists show them: providers list theirs, landlords their dwellings.

use domain::calendar;
use domain::id::{OrganisationId, PlaceId, StructureId, Territory};
use domain::ledger::AggregateId;
use domain::place::{Place, PlaceSituation};
use domain::reference::CommuneCode;
use domain::structure_kind::StructureKind;
use jiff::Timestamp;
use projection::{Page as View, key, ledgers};
use serde::Deserialize;
use serde_json::{Value, json};
use service::axum::response::Response;
use service::extract::Page;
use service::openapi::{Operation, Schema};
use service::{Problem, Verb};

use crate::answer::Failure;
use crate::gate::Caller;
use crate::index::PLACES;
use crate::reading::ViewState;
use crate::seen::supply_seen;
use crate::take::Desk;

/// How many rows are looked at for one page, whatever the filters.
const LOOKED_AT_MAX: usize = 20_000;

/// Which places to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceFilter {
    /// Of this département.
    pub territory: Option<Territory>,
    /// Of this kind.
    pub kind: Option<StructureKind>,
    /// Standing so: `vacant`.
    pub situation: Option<PlaceSituation>,
    /// In this commune.
    pub commune: Option<CommuneCode>,
    /// Of this structure.
    pub structure: Option<StructureId>,
    /// Run by this organisation.
    pub provider: Option<OrganisationId>,
    /// For at least so many persons.
    pub capacity_min: Option<u8>,
}

impl PlaceFilter {
    fn fits(&self, place: &Place, situation: PlaceSituation) -> bool {
        let Some(is) = place.inventory.description() else { return false };
        self.kind.is_none_or(|kind| is.kind == kind)
            && self.situation.is_none_or(|wanted| situation == wanted)
            && self.commune.is_none_or(|commune| is.commune == commune)
            && self.structure.is_none_or(|structure| is.structure == structure)
            && self.provider.is_none_or(|provider| is.provider == provider)
            && self.capacity_min.is_none_or(|min| is.capacity >= min)
    }
}

/// The documentation of a list of places at `path`.
#[must_use]
pub fn place_list(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::get(path, id, tag, summary)
        .list()
        .right(id.trim_end_matches('s'), "list", Verb::Read)
        .query_parameter("territory", Schema::Text, "Of this département: 33.")
        .query_parameter("kind", Schema::Text, "Of this kind: chrs, social_residence…")
        .query_parameter(
            "situation",
            Schema::Text,
            "Standing so: vacant, held, occupied, offline, undeclared, closed.",
        )
        .query_parameter("commune", Schema::Text, "In this commune, by its INSEE code.")
        .query_parameter("structure", Schema::Text, "Of this structure.")
        .query_parameter("provider", Schema::Text, "Run by this organisation.")
        .query_parameter("capacity_min", Schema::Count, "For at least so many persons.")
        .answer(200, "Places, by id.", Schema::named("Places"), None)
}

/// A page of the places that `filter` lets through, that the caller may see, and that are dwellings or not.
///
/// # Errors
/// [`Problem`] when the cursor is none of ours or the rows cannot be read.
pub fn listed(
    view: &View,
    desk: &Desk,
    caller: &Caller,
    filter: &PlaceFilter,
    dwellings: bool,
    page: &Page,
) -> Result<Response, Problem> {
    let now = desk.edge().now();
    let prefix = filter.territory.map(|territory| key::of(&territory)).unwrap_or_default();
    let from = desk.row_of(page, prefix.clone())?;
    let until = if prefix.is_empty() { None } else { key::after_prefix(&prefix) };
    let rows = view.range(PLACES, &from, until.as_deref()).map_err(Failure)?;
    let (places, next) = desk.page_of(rows, (page.limit, LOOKED_AT_MAX), |at, _| {
        let Some((_, ledger)) = key::read::<(Territory, AggregateId)>(at) else { return Ok(None) };
        let AggregateId::Place(id) = ledger else { return Ok(None) };
        let folded = ledgers::state(view, &ledger).map_err(Failure)?;
        let Some(place) = folded.as_ref().and_then(|folded| folded.state.place()) else { return Ok(None) };
        let Some(is) = place.inventory.description() else { return Ok(None) };
        let own = is.kind.let_by_committee() == dwellings;
        let seen = supply_seen(caller, id.territory(), is.provider, desk.circumstances(id.territory()));
        let situation = place.situation(now, calendar::day(id.territory(), now));
        Ok((own && seen && filter.fits(place, situation)).then(|| shown(id, place, now)))
    })?;
    let state = ViewState::of(view);
    Ok(state.answer(&json!({ "places": places, "next": next, "view": state })))
}

/// A place as a list shows it: what it is, where it stands, until when its vacancy is good. Never who lives there.
#[must_use]
pub fn shown(id: PlaceId, place: &Place, now: Timestamp) -> Value {
    let situation = place.situation(now, calendar::day(id.territory(), now));
    let vacancy = place.open_vacancy().map(|vacancy| {
        json!({
            "id": vacancy.id,
            "available_from": vacancy.available_from,
            "good_until": vacancy.good_until.to_string(),
            "confirmed": vacancy.confirmed.to_string(),
        })
    });
    json!({
        "id": id,
        "situation": situation,
        "description": place.inventory.description(),
        "available_from": place.departure,
        "vacancy": vacancy,
    })
}
