//! How far the sending of a subscription is, and what holds it up.

use domain::id::SubscriptionId;
use domain::subscription::{Delivery, Flow, Replay, Standing};
use journal::deliveries::{Lying, Outcome, Reach};
use projection::Page as View;
use serde_json::{Value, json};
use service::Problem;
use service::axum::extract::State;
use service::axum::response::Response;
use service::extract::{AtLeast, Path};

use desk::{Caller, ViewState};

use super::owner::FOLLOW;
use super::routes::shown;
use crate::placements::{self, Reader};
use crate::source::Source;

/// Up to how many events that wait are counted.
const WAITING_MAX: usize = 1_000;

pub(super) async fn health_of(
    State(source): State<Source>,
    Path(id): Path<SubscriptionId>,
    caller: Caller,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    let last = source.desk.journal().last_delivery(id).await.map_err(desk::read_problem)?;
    let page = source.reading.page(at_least).await?;
    let (is, _) = source.standing(&page, &caller, id)?;
    let state = ViewState::of(&page);
    let mut answer = source.health(&page, id, &is, last.as_ref())?;
    answer["acknowledged"] = json!(is.acknowledged);
    answer["view"] = json!(state);
    Ok(state.answer(&answer))
}

impl Source {
    fn health(
        &self,
        page: &View,
        id: SubscriptionId,
        is: &Standing,
        last: Option<&Lying>,
    ) -> Result<Value, Problem> {
        let Some(delivery) = &is.delivery else {
            return Ok(json!({ "state": "not_sent", "waiting": 0, "more_waiting": false }));
        };
        let mut reach = last.map_or_else(Reach::default, |last| last.record.reach.clone());
        reach.cursor = reach.cursor.max(placements::sent_since(page, id)?);
        let owner = self.owner(page, id, is, delivery)?;
        let waiting = match &owner {
            Some(owner) => {
                let (reader, query) =
                    (Reader { rights: owner, action: FOLLOW }, self.query_of(page, id, is)?);
                self.passages_told(page, reader, &query, reach.cursor, WAITING_MAX)?.0
            }
            None => Vec::new(),
        };
        let now = self.desk.edge().now();
        let quiet = delivery.is_quiet(id.territory(), now);
        let mut health = json!({
            "state": state(is, delivery, &reach, last, owner.is_some(), quiet),
            "cursor": reach.cursor,
            "waiting": waiting.len(),
            "more_waiting": waiting.len() == WAITING_MAX,
            "set_aside": reach.aside,
            "last": last.map(shown),
        });
        if let Some(first) = waiting.first().and_then(|(_, _, event)| event.get("time").cloned()) {
            let since = first.as_str().and_then(|time| time.parse().ok());
            health["lag_s"] = json!(since.map(|since| now.duration_since(since).as_secs().max(0)));
            health["waiting_since"] = first;
        }
        if let Some(Outcome::Again { due, .. }) = last.map(|last| &last.record.outcome) {
            health["retries"] = json!(last.map(|last| last.record.attempt));
            health["next_attempt"] = json!(due);
        }
        if let Some(replay) = &is.replay {
            health["replay"] = replayed(replay, &reach);
        }
        Ok(health)
    }
}

fn state(
    is: &Standing,
    delivery: &Delivery,
    reach: &Reach,
    last: Option<&Lying>,
    may_be_told: bool,
    quiet: bool,
) -> &'static str {
    let of_round = last.filter(|last| last.record.round == delivery.round);
    match is.flow {
        Flow::Paused { .. } => "paused",
        Flow::Running if reach.stopped.as_ref().is_some_and(|is| is.round == delivery.round) => "stopped",
        Flow::Running if !may_be_told => "not_allowed",
        Flow::Running if quiet => "quiet",
        Flow::Running => match of_round.map(|last| &last.record.outcome) {
            Some(Outcome::Again { .. }) => "retrying",
            Some(
                Outcome::Delivered
                | Outcome::Sent
                | Outcome::SetAside
                | Outcome::Acknowledged
                | Outcome::GivenUp { .. }
                | Outcome::Gone
                | Outcome::NotSent { .. },
            )
            | None => "running",
        },
    }
}

fn replayed(asked: &Replay, reach: &Reach) -> Value {
    let cursor = reach.replay.filter(|is| is.number == asked.number).map_or(asked.after, |is| is.cursor);
    let until = asked.until.min(reach.cursor);
    json!({ "number": asked.number, "after": asked.after, "until": until, "cursor": cursor.min(until) })
}
