//! Matching, both ways: the ranked requests for a place, the ranked places for a household, and why not.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::calendar;
use domain::decide::referral::ProposeReferral;
use domain::household::Household;
use domain::id::{HouseholdId, PlaceId, RequestId, Territory};
use domain::ledger::{AggregateId, State as Ledger};
use domain::matching::{Exclusion, Ranking, Standing, proposable, rank, suitable};
use domain::place::{Place, PlaceSituation};
use domain::reference::Area;
use jiff::Timestamp;
use projection::ledgers::{self, Folded};
use projection::{Page as View, key};
use serde::Deserialize;
use serde_json::json;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Path, Query};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};
use tokio::sync::Mutex;

use desk::{Caller, Desk, Failure, Meant, Reading, ViewState};

/// Most rows of each part of an answer; more are counted, not listed.
const LISTED_MAX: usize = 200;

/// The turns of those who propose: proposals of one place are ranked one after the other, those of others hardly ever wait.
/// To rank opens what each request needs: a thousand who want the same place at once would do it a thousand times, while
/// only one of them can have it, and the others need no rank once it does.
static TURNS: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];

#[derive(Clone)]
struct Board {
    desk: Desk,
    reading: Reading,
}

pub(crate) fn routes(site: Site, desk: &Desk, reading: &Reading) -> Site {
    let board = Board { desk: desk.clone(), reading: reading.clone() };
    let ranking = Operation::get("/api/v1/places/{id}/ranking", "place-ranking", crate::NAME, "Les demandes pour une place, dans l'ordre, et pourquoi pas les autres.")
        .view()
        .right("place", "ranking", Verb::Read)
        .path_parameter("id", Schema::Text, "The place.")
        .problems([Kind::UnknownId, Kind::BrokerUnreachable])
        .answer(200, "The ranked requests; for each excluded one the first rule that says no. At most 200 of each are listed.", Schema::named("RankedRequests"), None);
    let places = Operation::get("/api/v1/households/{id}/places", "household-places", crate::NAME, "Les places pour un ménage, dans l'ordre, et pourquoi pas les autres.")
        .view()
        .right("household", "places", Verb::Read)
        .path_parameter("id", Schema::Text, "The household.")
        .query_parameter("request", Schema::Text, "The request; the only open one if absent.")
        .problems([Kind::UnknownId, Kind::BrokerUnreachable])
        .answer(200, "The places that can be proposed, best fit first; for each other one the rule, the fact it used and its date. At most 200 of each are listed.", Schema::named("SuitablePlaces"), None);
    let why_not = Operation::get(
        "/api/v1/households/{id}/why-not",
        "household-why-not",
        crate::NAME,
        "Pourquoi pas cette place.",
    )
    .view()
    .right("household", "why-not", Verb::Read)
    .path_parameter("id", Schema::Text, "The household.")
    .query_parameter("place", Schema::Text, "The place.")
    .query_parameter("request", Schema::Text, "The request; the only open one if absent.")
    .problems([Kind::UnknownId, Kind::BrokerUnreachable])
    .answer(
        200,
        "Whether the place can be proposed; if not, the rule, the fact and its date.",
        Schema::named("WhyNot"),
        None,
    );
    site.operation(ranking, ranked, board.clone())
        .operation(places, places_for, board.clone())
        .operation(why_not, why, board)
        .document(|api| {
            api.schema("RankedRequests", ranking_schema())
                .schema("SuitablePlaces", suitable_schema())
                .schema("WhyNot", why_schema())
        })
}

/// For a proposal: the request's rank on the place's list. A place that is taken is not ranked: it is refused anyway.
///
/// Whether there is a list, and who is on it, is never taken from a view that is behind the two ledgers it is about: in
/// the instant of a vacancy a proposal out of rank would otherwise be recorded without its reason.
pub(crate) async fn standing(
    desk: &Desk,
    household: HouseholdId,
    proposal: &ProposeReferral,
) -> Result<Option<Standing>, Problem> {
    let nth = proposal.place.uuid().as_u128() % TURNS.len() as u128;
    let _turn = TURNS[usize::try_from(nth).unwrap_or_default()].lock().await;
    let (standing, known) = stand(desk, household, proposal).await?;
    if standing.is_some() {
        return Ok(standing);
    }
    let concerned = [AggregateId::Place(proposal.place), AggregateId::Household(household)];
    if catch_up(desk, concerned, known).await? {
        return Ok(stand(desk, household, proposal).await?.0);
    }
    Ok(None)
}

/// The rank of the proposal's request on the list of its place, if both are on offer, and the position this is known at.
///
/// A protected household stands on the list that is made for itself, and on no other: the rank of somebody else must not
/// tell that it is there.
async fn stand(
    desk: &Desk,
    household: HouseholdId,
    proposal: &ProposeReferral,
) -> Result<(Option<Standing>, u64), Problem> {
    let now = desk.edge().now();
    let (waiting, known) = {
        let page = desk.ledgers().handle().reader().page().map_err(|e| desk::unserved(&e))?;
        let day = calendar::day(proposal.place.territory(), now);
        let vacant =
            place(&page, proposal.place)?.filter(|place| place.situation(now, day) == PlaceSituation::Vacant);
        let stands = |id, is: &Household| is.protected.is_none() || id == household;
        let waiting = vacant.map(|place| Waiting::of(&page, proposal.place, place, &stands)).transpose()?;
        (waiting, page.position())
    };
    match waiting {
        Some(waiting) => Ok((waiting.rank(desk, now).await?.standing(proposal.request), known)),
        None => Ok((None, known)),
    }
}

/// Waits until the view knows all that is recorded on these ledgers; false if it did already at position `known`.
async fn catch_up(desk: &Desk, ledgers: [AggregateId; 2], known: u64) -> Result<bool, Problem> {
    let mut recorded = 0;
    for ledger in ledgers {
        recorded = recorded.max(desk.journal().version(&ledger).await.map_err(desk::read_problem)?);
    }
    if recorded <= known {
        return Ok(false);
    }
    let view = desk.ledgers().handle();
    if view.reached(recorded, desk.journal().config().visible_within).await {
        return Ok(true);
    }
    Err(Problem::view_behind(recorded, view.position()))
}

/// Those who wait, taken from one page of the view.
struct Waiting {
    at: PlaceId,
    place: Place,
    households: Vec<(HouseholdId, Arc<Folded>)>,
}

impl Waiting {
    fn of(
        page: &View,
        at: PlaceId,
        place: Place,
        stands: &dyn Fn(HouseholdId, &Household) -> bool,
    ) -> Result<Self, Problem> {
        let territory =
            place.inventory.description().map_or_else(|| at.territory(), |is| is.commune.territory());
        let (halted, mut households) = (halted(page)?, Vec::new());
        for row in page.prefix(desk::WAITING, &key::of(&territory)).map_err(Failure)? {
            let (at, _) = row.map_err(Failure)?;
            if let Some((_, ledger @ AggregateId::Household(id))) = key::read::<(Territory, AggregateId)>(&at)
                && !halted.contains(&ledger)
                && let Some(folded) = ledgers::state(page, &ledger).map_err(Failure)?
                && matches!(&folded.state, Ledger::Household(is) if stands(id, is))
            {
                households.push((id, folded));
            }
        }
        Ok(Self { at, place, households })
    }

    /// Ranks them, with what they need and where they must not live opened: no need and no zone is overlooked.
    async fn rank(self, desk: &Desk, now: Timestamp) -> Result<Ranking, Problem> {
        let Some(description) = self.place.inventory.description() else {
            return Err(Problem::unknown_id("place", self.at));
        };
        let opened = desk.needs_opened(self.households).await?;
        let waiting = opened.iter().map(|(id, is)| (*id, is));
        let mut ranking = rank(self.at, description, waiting, calendar::day(self.at.territory(), now));
        // The digest is recorded in the clear, and the list tells who needs what: without the key of this instance nobody
        // can try which list it is the digest of.
        if let Some(keys) = desk.journal().keys() {
            let digest = keys.digest(&[b"ranking", ranking.digest.as_bytes()]);
            ranking.digest = uuid::Builder::from_custom_bytes(digest).into_uuid();
        }
        Ok(ranking)
    }
}

fn place(page: &View, id: PlaceId) -> Result<Option<Place>, Problem> {
    let folded = desk::folded(page, &AggregateId::Place(id))?;
    Ok(folded.and_then(|folded| folded.state.place().cloned()))
}

async fn ranked(
    State(board): State<Board>,
    Path(id): Path<PlaceId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let now = board.desk.edge().now();
    let desk = board.desk.clone();
    let reading = board.reading.read(at_least, move |page| {
        let unknown = || Problem::unknown_id("place", id);
        let place = place(page, id)?.ok_or_else(unknown)?;
        let provider = place.inventory.description().map(|is| is.provider);
        let at = desk.circumstances(id.territory());
        if !provider.is_some_and(|provider| desk::supply_seen(&caller, id.territory(), provider, at)) {
            return Err(unknown());
        }
        let stands = |_, is: &Household| is.shows_to(caller.user(), now);
        Ok((Waiting::of(page, id, place, &stands)?, ViewState::of(page)))
    });
    let (waiting, state) = reading.await?;
    let mut ranking = waiting.rank(&board.desk, now).await?;
    let (ranked, excluded) = (ranking.ranked.len(), ranking.excluded.len());
    ranking.ranked.truncate(LISTED_MAX);
    ranking.excluded.truncate(LISTED_MAX);
    Ok(state.answer(&json!({
        "rules": ranking.rules,
        "digest": ranking.digest,
        "ranked": ranking.ranked,
        "ranked_count": ranked,
        "excluded": ranking.excluded,
        "excluded_count": excluded,
        "listed_max": LISTED_MAX,
        "view": state,
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    request: Option<RequestId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhyNot {
    place: PlaceId,
    request: Option<RequestId>,
}

/// The household opened, and which of its requests is meant.
async fn asked(
    board: &Board,
    id: HouseholdId,
    which: Option<RequestId>,
    folded: Option<Arc<Folded>>,
) -> Result<(Household, RequestId), Problem> {
    let unknown = || Problem::unknown_id("household", id);
    let folded = folded.ok_or_else(unknown)?;
    let (_, is) = board.desk.needs_opened(vec![(id, folded)]).await?.pop().ok_or_else(unknown)?;
    let mut open = is.requests.iter().filter(|(_, request)| request.situation.is_open()).map(|(id, _)| *id);
    let request = match (which, open.next(), open.next()) {
        (Some(request), _, _) if is.requests.contains_key(&request) => request,
        (None, Some(only), None) => only,
        (Some(_), _, _) => {
            return Err(Problem::unknown_id("request", which.map(|id| id.to_string()).unwrap_or_default()));
        }
        (None, None, _) => {
            return Err(Problem::unknown_id("request", "open").detail("this household has no open request"));
        }
        (None, Some(_), Some(_)) => {
            return Err(Problem::new(Kind::MalformedQuery)
                .detail("this household has several open requests: say which one")
                .member("parameter", "request"));
        }
    };
    Ok((is, request))
}

async fn places_for(
    State(board): State<Board>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let (desk, asking) = (board.desk.clone(), caller.clone());
    let reading = board
        .reading
        .read(at_least, move |page| Ok((desk.see(page, &asking, id, None), ViewState::of(page))));
    let (seen, state) = reading.await?;
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(board.desk.refused(&caller, id, problem).await),
    };
    let (is, request) = asked(&board, id, which.request, Some(seen.folded)).await?;
    let now = board.desk.edge().now();
    let own = &is.requests[&request];
    let territories: BTreeSet<Territory> =
        own.file.wishes.iter().flat_map(Area::territories).chain([own.siao]).collect();
    let places = board.reading.read(at_least, move |page| places_in(page, &territories)).await?;
    let near = places.iter().filter_map(|(place, folded)| {
        let at = folded.state.place()?;
        let own = at.inventory.description().is_some_and(|d| !d.kind.let_by_committee());
        own.then_some((*place, at))
    });
    let (fitting, others) = suitable(&is, request, own, near, now, calendar::day(own.siao, now));
    let listed = others.iter().take(LISTED_MAX);
    let listed: Vec<_> = listed.map(|(place, why)| json!({ "place": place, "why": why })).collect();
    Ok(state.answer(&json!({
        "request": request,
        "suitable": fitting.iter().take(LISTED_MAX).collect::<Vec<_>>(),
        "suitable_count": fitting.len(),
        "others": listed,
        "others_count": others.len(),
        "listed_max": LISTED_MAX,
        "view": state,
    })))
}

/// The places of these départements; those whose rows stand still are offered to nobody.
fn places_in(page: &View, territories: &BTreeSet<Territory>) -> Result<Vec<(PlaceId, Arc<Folded>)>, Problem> {
    let halted = halted(page)?;
    let mut places = Vec::new();
    for territory in territories {
        for row in page.prefix(desk::PLACES, &key::of(territory)).map_err(Failure)? {
            let (at, _) = row.map_err(Failure)?;
            if let Some((_, ledger @ AggregateId::Place(id))) = key::read::<(Territory, AggregateId)>(&at)
                && !halted.contains(&ledger)
                && let Some(folded) = ledgers::state(page, &ledger).map_err(Failure)?
            {
                places.push((id, folded));
            }
        }
    }
    Ok(places)
}

/// The ledgers whose rows stand still: what they say may be long past.
fn halted(page: &View) -> Result<BTreeSet<AggregateId>, Problem> {
    Ok(page.all_halted().map_err(Failure)?.into_iter().map(|one| one.ledger).collect())
}

async fn why(
    State(board): State<Board>,
    Meant(id): Meant,
    caller: Caller,
    at_least: AtLeast,
    Query(asking): Query<WhyNot>,
) -> Result<Response, Problem> {
    let (seen, place, state) = {
        let page = board.reading.page(at_least).await?;
        let seen = board.desk.see(&page, &caller, id, None);
        (seen, place(&page, asking.place)?, ViewState::of(&page))
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return Err(board.desk.refused(&caller, id, problem).await),
    };
    let place = place.ok_or_else(|| Problem::unknown_id("place", asking.place))?;
    let (is, request) = asked(&board, id, asking.request, Some(seen.folded)).await?;
    let now = board.desk.edge().now();
    let own = &is.requests[&request];
    let day = calendar::day(own.siao, now);
    let verdict =
        place.inventory.description().and_then(|description| proposable(&is, request, own, description, day));
    let why = match verdict {
        Some(verdict) => Some(Exclusion::Rule { verdict }),
        None => Exclusion::unavailable(asking.place, &place, now),
    };
    let sentence = why.as_ref().map(|why| match why {
        Exclusion::Rule { verdict } => format!("{} : {}", verdict.rule.label_fr(), verdict.fact),
        Exclusion::Unavailable { fact, .. } => format!("la place n'est pas libre en ce moment : {fact}"),
    });
    Ok(state.answer(&json!({
        "request": request,
        "place": asking.place,
        "proposable": why.is_none(),
        "why": why,
        "sentence": sentence,
        "view": state,
    })))
}

fn ranking_schema() -> serde_json::Value {
    json!({
        "allOf": [{ "$ref": "#/components/schemas/Ranking" }],
        "type": "object",
        "required": ["ranked_count", "excluded_count", "listed_max", "view"],
        "properties": {
            "ranked_count": { "type": "integer", "description": "How many can be proposed, listed or not." },
            "excluded_count": { "type": "integer", "description": "How many cannot, listed or not." },
            "listed_max": { "type": "integer", "description": "How many of each are listed at most." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}

fn suitable_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "required": ["request", "suitable", "suitable_count", "others", "others_count", "listed_max", "view"],
        "properties": {
            "request": { "type": "string" },
            "suitable": { "type": "array", "items": { "type": "string" } },
            "suitable_count": { "type": "integer" },
            "others_count": { "type": "integer" },
            "listed_max": { "type": "integer", "description": "How many of each are listed at most." },
            "others": { "type": "array", "items": { "type": "object", "properties": {
                "place": { "type": "string" }, "why": { "$ref": "#/components/schemas/Exclusion" } } } },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}

fn why_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "required": ["request", "place", "proposable", "view"],
        "properties": {
            "request": { "type": "string" },
            "place": { "type": "string" },
            "proposable": { "type": "boolean" },
            "why": { "oneOf": [{ "$ref": "#/components/schemas/Exclusion" }, { "type": "null" }] },
            "sentence": { "type": ["string", "null"], "description": "In French." },
            "view": { "$ref": "#/components/schemas/View" }
        }
    })
}
