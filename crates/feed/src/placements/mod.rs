//! What is available: a list of it, and what becomes of it, after a position or live; for whoever asks under a filter, and for
//! subscriptions.
//!
//! **Invariant.** A reader is told of nothing outside its filter or its rights, not even that there is something: what leaves
//! its filter is gone for it, what comes into it is new. Both are looked at when it is told.

mod asked;
mod preview;
mod routes;
mod subscriptions;
mod view;

use desk::{Caller, Failure};
use domain::id::SubscriptionId;
use domain::ledger::AggregateId;
use domain::placement::{Placement, PlacementId, Turn, Wants};
use domain::rights::{self, Action, Resource, is_told_of_placement};
use domain::schema::placement_urn;
use domain::subscription::{Delivery, Flow, Standing, Way};
use projection::Page;
use serde_json::{Value, json};
use service::Problem;

use crate::delivery::FOLLOW;
use crate::live::{Message, Tale};
use crate::source::Source;
pub(crate) use routes::routes;
pub(crate) use subscriptions::routes as subscription_routes;
use view::Passage;
pub(crate) use view::Placements;

/// How many passages are looked at for one page or one step of a stream, whatever the filter.
const LOOKED_AT_MAX: usize = 10_000;
/// How many are told in one step of a stream.
const STEP: usize = 128;

/// Who is told, whoever asked: what was proven of them, and what they ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// What was proven of them.
    pub(crate) rights: &'a rights::Caller,
    /// What they ask.
    pub(crate) action: Action,
}

impl<'a> From<&'a Caller> for Reader<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self { rights: &caller.rights, action: caller.action }
    }
}

/// From which position on a subscription is sent what it is told, if it is.
///
/// # Errors
/// [`Problem`] when the rows cannot be read.
pub(crate) fn sent_since(page: &Page, id: SubscriptionId) -> Result<u64, Problem> {
    Ok(view::sent_since(page, id).map_err(Failure)?)
}

/// What a reader is told of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    wants: Wants,
    /// Up to this position, nothing but the last passage of each placement.
    compacted_until: u64,
}

/// A subscription that is told over the broker.
pub(crate) struct Followed {
    /// Which.
    pub(crate) id: SubscriptionId,
    /// After which position.
    pub(crate) since: u64,
    /// What it is told of.
    pub(crate) query: Query,
}

impl Source {
    /// What became, after `cursor`, of the placements that the reader looks for and may be told of, at most `most`, and how
    /// far was looked.
    pub(crate) fn passages_told<'a>(
        &self,
        page: &Page,
        reader: impl Into<Reader<'a>>,
        query: &Query,
        after: u64,
        most: usize,
    ) -> Result<(Vec<Message>, u64), Problem> {
        let reader = reader.into();
        let (mut told, mut cursor, mut looked_at) = (Vec::new(), after, 0);
        for passage in view::passages(page, after).map_err(Failure)? {
            let (position, passage) = passage.map_err(Failure)?;
            (cursor, looked_at) = (position, looked_at + 1);
            if let Some(turn) = self.turn(page, reader, query, position, &passage)? {
                told.push((position, turn.kind().to_owned(), event(position, turn, &passage)));
            }
            if told.len() == most || looked_at == LOOKED_AT_MAX {
                return Ok((told, cursor));
            }
        }
        // Nothing else stands between here and what the view knows.
        Ok((told, cursor.max(page.position())))
    }

    /// What the event at `position` made of what is available, if the reader looks for it and may be told.
    pub(crate) fn passage_told<'a>(
        &self,
        page: &Page,
        reader: impl Into<Reader<'a>>,
        query: &Query,
        position: u64,
    ) -> Result<Option<Value>, Problem> {
        let Some(passage) = view::passage(page, position).map_err(Failure)? else { return Ok(None) };
        let turn = self.turn(page, reader.into(), query, position, &passage)?;
        Ok(turn.map(|turn| event(position, turn, &passage)))
    }

    /// The last passage of a ledger: where it stands, and what has been available since.
    pub(crate) fn last_passage(
        &self,
        page: &Page,
        ledger: &AggregateId,
    ) -> Result<Option<(u64, Placement)>, Problem> {
        let latest = view::latest_of(page, ledger).map_err(Failure)?;
        Ok(latest.and_then(|is| Some((is.position, is.placement?))))
    }

    /// The subscriptions of the caller's organisation that are told over the broker in its role, by their ids.
    pub(crate) fn followed_on_broker(&self, page: &Page, caller: &Caller) -> Result<Vec<Followed>, Problem> {
        let at = self.desk.circumstances(caller.organisation().territory());
        if rights::decide(&caller.rights, FOLLOW, &Resource::Any, at).is_err() {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for (id, is) in self.standing_of(page, caller.organisation())? {
            let by_broker = |delivery: &Delivery| {
                matches!(delivery.way, Way::Broker {}) && delivery.role == caller.rights.role
            };
            if is.flow == Flow::Running && is.delivery.as_ref().is_some_and(by_broker) {
                all.push(Followed { id, since: sent_since(page, id)?, query: self.query_of(page, id, &is)? });
            }
        }
        all.sort_by_key(|followed| followed.id);
        Ok(all)
    }

    /// What a subscription that stands is told of.
    pub(crate) fn query_of(&self, page: &Page, id: SubscriptionId, is: &Standing) -> Result<Query, Problem> {
        let compacted_until = view::resumed(page, id).map_err(Failure)?;
        Ok(Query { wants: is.wants.clone(), compacted_until })
    }

    /// What the passage is for the reader; nothing if it is none of theirs.
    fn turn(
        &self,
        page: &Page,
        reader: Reader<'_>,
        query: &Query,
        position: u64,
        passage: &Passage,
    ) -> Result<Option<Turn>, Problem> {
        let Passage { ledger, before, after, .. } = passage;
        // Most passages fit most filters not at all: that is looked at first.
        if Turn::of(before.as_ref(), after.as_ref(), |is| query.wants.fit(is)).is_none() {
            return Ok(None);
        }
        let compacted = position <= query.compacted_until;
        if compacted && !view::is_latest(page, ledger, position).map_err(Failure)? {
            return Ok(None);
        }
        let may = self.placements_shown(page, reader, ledger)?;
        let turn = Turn::of(before.as_ref(), after.as_ref(), |is| query.wants.fit(is) && may(is));
        Ok(match turn {
            // Whoever is told of the last passage alone may not know the one before.
            Some(Turn::Changed) if compacted => Some(Turn::Available),
            turn => turn,
        })
    }

    /// Whether the reader may be told of what is available of a ledger.
    pub(crate) fn placements_shown<'a>(
        &'a self,
        page: &Page,
        reader: impl Into<Reader<'a>>,
        ledger: &AggregateId,
    ) -> Result<impl Fn(&Placement) -> bool + 'a, Problem> {
        let (reader, id) = (reader.into(), PlacementId::of(ledger));
        let folded = match id {
            Some(PlacementId::Household(_)) => desk::folded(page, ledger)?,
            Some(PlacementId::Place(_)) | None => None,
        };
        let at = self.desk.circumstances(ledger.territory());
        Ok(move |is: &Placement| {
            let household = folded.as_deref().and_then(desk::household);
            id.is_some_and(|id| is_told_of_placement(reader.rights, reader.action, id, is, household, at))
        })
    }
}

/// A passage as a `CloudEvent`. Of what is gone it says why, and nothing else.
fn event(position: u64, turn: Turn, passage: &Passage) -> Value {
    let (ledger, kind) = (&passage.ledger, turn.kind());
    let placement = match turn {
        Turn::Available | Turn::Changed => passage.after.as_ref(),
        Turn::Gone => None,
    };
    json!({
        "specversion": "1.0",
        // One for each event that made a difference, told apart from that event by its source.
        "id": passage.stamp.event,
        "source": format!("/continuum/{}/placements", ledger.territory()),
        "type": kind,
        "subject": ledger,
        "time": passage.stamp.recorded,
        "dataschema": placement_urn(kind),
        "datacontenttype": "application/json",
        "sequence": position.to_string(),
        "data": { "because": passage.because, "placement": placement },
    })
}

/// What becomes of the placements that somebody looks for, live.
struct Live {
    source: Source,
    query: Query,
}

impl Tale for Live {
    fn source(&self) -> &Source {
        &self.source
    }

    async fn after(&self, caller: &Caller, cursor: u64) -> Result<(Vec<Message>, u64), Problem> {
        self.source.passages_told(&self.source.reading.now()?, caller, &self.query, cursor, STEP)
    }
}
