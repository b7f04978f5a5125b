//! Commands over HTTP: `POST /api/v1/<ledgers>/<id>/<command>`, and creation at `POST /api/v1/<ledgers>`.

use std::pin::Pin;
use std::sync::Arc;

use domain::decide::{
    Addressed, Command, CommandKind, HouseholdCommand, InquiryCommand, OrganisationCommand, PlaceCommand,
    Service, StructureCommand, SubscriptionCommand, UserCommand, Visitor, created,
};
use domain::event::Origin;
use domain::id::CommandId;
use domain::ledger::{AggregateId, State};
use domain::likeness::REVIEWED;
use domain::matching::Standing;
use journal::{Local as _, Receipt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service::axum::extract::State as Shared;
use service::axum::http::{HeaderMap, HeaderValue, StatusCode};
use service::axum::response::{IntoResponse, Response};
use service::extract::{IdempotencyKey, IfMatch, Json, Path, etag};
use service::openapi::{Operation, Schema};
use service::problem::Kind;
use service::{Problem, Site, Verb};

use crate::answer::{local_problem, problem_of, read_problem};
use crate::gate::Caller;
use crate::take::{Ask, Desk};

/// What a service adds to a command before it is decided: for a proposal, the rank of the request. Or that it is not to be
/// decided yet: for a registration, that another file looks like it.
pub type Advice = Arc<dyn Fn(Asking) -> Advised + Send + Sync>;

/// A command that somebody may ask and that is about to be decided.
#[derive(Debug, Clone)]
pub struct Asking {
    /// What is asked.
    pub command: Command,
    /// By whom.
    pub caller: Caller,
    /// Under which id.
    pub id: CommandId,
}

/// The advice while it is being sought.
pub type Advised = Pin<Box<dyn Future<Output = Result<Option<Standing>, Problem>> + Send>>;

/// The word in URLs for the ledgers that `kind` addresses, in `service`: landlords speak of dwellings and buildings.
#[must_use]
pub fn collection(ledger: &str, service: Service) -> &'static str {
    match (ledger, service) {
        ("place", Service::Landlord) => "dwellings",
        ("place", Service::Intake | Service::Insertion | Service::Supervision | Service::Feed) => "places",
        ("structure", Service::Landlord) => "buildings",
        ("structure", Service::Intake | Service::Insertion | Service::Supervision | Service::Feed) => {
            "structures"
        }
        ("organisation", _) => "organisations",
        ("user", _) => "users",
        ("subscription", _) => "subscriptions",
        ("inquiry", _) => "inquiries",
        (
            _,
            Service::Intake | Service::Insertion | Service::Landlord | Service::Supervision | Service::Feed,
        ) => "households",
    }
}

/// Adds every command of the catalogue that `service` takes to `site`.
#[must_use]
pub fn commands(site: Site, desk: &Desk, service: Service, advice: Option<Advice>) -> Site {
    let counter = Counter { desk: desk.clone(), service, advice };
    let mut mounting = Mounting { site: Some(site), counter };
    HouseholdCommand::visit(&mut mounting);
    PlaceCommand::visit(&mut mounting);
    StructureCommand::visit(&mut mounting);
    OrganisationCommand::visit(&mut mounting);
    UserCommand::visit(&mut mounting);
    SubscriptionCommand::visit(&mut mounting);
    InquiryCommand::visit(&mut mounting);
    mounting.site.unwrap_or_default()
}

/// What the handlers of one service's commands share, whatever the surface.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) desk: Desk,
    pub(crate) service: Service,
    pub(crate) advice: Option<Advice>,
}

/// Adds routes to a site, one command after the other.
struct Mounting {
    site: Option<Site>,
    counter: Counter,
}

impl<C> Visitor<C> for Mounting
where
    C: Addressed + Send + 'static,
    C::Id: Send,
{
    fn visit<B>(&mut self, kind: &'static CommandKind)
    where
        B: Serialize + DeserializeOwned + Into<C> + Send + Sync + 'static,
    {
        if !kind.services.contains(&self.counter.service) {
            return;
        }
        let collection = collection(kind.ledger, self.counter.service);
        let operation = operation(kind, collection, self.counter.service);
        let counter = self.counter.clone();
        self.site = self.site.take().map(|site| {
            if kind.creates {
                site.operation(operation, create::<C, B>, counter)
            } else {
                site.operation(operation, take::<C, B>, counter)
            }
        });
    }
}

/// The documentation of a command. Paths and ids are made once per start and live as long as the program.
fn operation(kind: &CommandKind, collection: &str, service: Service) -> Operation {
    let singular = collection.trim_end_matches('s');
    let (path, id) = if kind.creates {
        (format!("/api/v1/{collection}"), format!("{}-{singular}", kind.name))
    } else {
        (format!("/api/v1/{collection}/{{id}}/{}", kind.name), format!("{singular}-{}", kind.name))
    };
    let (path, id): (&'static str, &'static str) = (path.leak(), id.leak());
    let operation = Operation::post(path, id, service.name(), kind.summary);
    let operation = if kind.creates {
        operation.answer(201, "Recorded.", Schema::named("Receipt"), None)
    } else {
        operation
            .path_parameter("id", Schema::Text, "Its id: a département and a UUID.")
            .answer(200, "Recorded, or recorded before under the same key.", Schema::named("Receipt"), None)
            .problems([Kind::UnknownId])
    };
    operation
        .command()
        .right(kind.ledger, kind.name, Verb::Command)
        .body(Schema::named(crate::describe::command_schema(kind)), None)
}

async fn create<C, B>(
    Shared(counter): Shared<Counter>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    Json(body): Json<B>,
) -> Result<Response, Problem>
where
    C: Addressed,
    B: Serialize + DeserializeOwned + Into<C>,
{
    let (written, canonical) = forms(&body)?;
    let command: C = body.into();
    let id = counter.desk.command_id(caller.organisation(), key.as_ref().map(|key| key.0.as_str()));
    let home =
        command.home().ok_or_else(|| Problem::internal(anyhow::anyhow!("a creation without a home")))?;
    let command = command.creating(home, id);
    caller.names.created(&command.ledger());
    counter.permit(&command, &written, &caller, id).await?;
    let (ledger, receipt) = counter.ask(command, canonical, &caller, id, None).await?;
    let mut response = (StatusCode::CREATED, Json(answer(&ledger, id, &receipt))).into_response();
    with_version(response.headers_mut(), &receipt, &ledger);
    Ok(response)
}

async fn take<C, B>(
    Shared(counter): Shared<Counter>,
    Path(id): Path<String>,
    caller: Caller,
    key: Option<IdempotencyKey>,
    if_match: Option<IfMatch>,
    Json(body): Json<B>,
) -> Result<Response, Problem>
where
    C: Addressed,
    B: Serialize + DeserializeOwned + Into<C>,
{
    let id: C::Id =
        id.parse().map_err(|error: domain::id::Malformed| Problem::malformed_id("id", error.expected))?;
    let (written, canonical) = forms(&body)?;
    let command = caller.names.understood(Into::<C>::into(body).on(id));
    let command_id = counter.desk.command_id(caller.organisation(), key.as_ref().map(|key| key.0.as_str()));
    let version = if_match.map(|if_match| if_match.version);
    counter.permit(&command, &written, &caller, command_id).await?;
    let before = counter.desk.before(&command)?;
    let (ledger, receipt) = counter.ask(command, canonical, &caller, command_id, version).await?;
    let mut answer = answer(&ledger, command_id, &receipt);
    if let Some(fields) = answer.as_object_mut() {
        fields.extend(counter.desk.consequences(before, &caller, &receipt).await);
    }
    let mut response = Json(answer).into_response();
    with_version(response.headers_mut(), &receipt, &ledger);
    Ok(response)
}

/// A body as it was written, and in the one form that tells it from another one under the same key: without the review of
/// look-alikes, so that a registration that was refused for them and is asked again with a reason is the same registration.
///
/// # Errors
/// [`Problem`] `internal`: it was read from JSON, and cannot be written.
pub(crate) fn forms<B: Serialize + DeserializeOwned>(body: &B) -> Result<(Value, Vec<u8>), Problem> {
    let written = serde_json::to_value(body).map_err(Problem::internal)?;
    if written.get(REVIEWED).is_none() {
        let canonical = serde_json::to_vec(body).map_err(Problem::internal)?;
        return Ok((written, canonical));
    }
    let mut plain = written.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.remove(REVIEWED);
    }
    let plain = serde_json::from_value::<B>(plain).map_err(Problem::internal)?;
    Ok((written, serde_json::to_vec(&plain).map_err(Problem::internal)?))
}

impl Counter {
    /// Lets a command through that the caller may ask, or that was recorded before under the same key: whoever lost the
    /// answer gets it again, even if the command has ended what let them ask it. The key is the organisation's own.
    pub(crate) async fn permit(
        &self,
        command: &Command,
        body: &Value,
        caller: &Caller,
        id: CommandId,
    ) -> Result<(), Problem> {
        if self.desk.ledgers().command(id).map_err(local_problem)?.is_some() {
            return Ok(());
        }
        self.desk.permit(command, body, caller).await
    }

    pub(crate) async fn ask(
        &self,
        command: Command,
        body: Vec<u8>,
        caller: &Caller,
        id: CommandId,
        version: Option<u64>,
    ) -> Result<(AggregateId, Receipt), Problem> {
        let ledger = command.ledger();
        self.own(&command).await?;
        let origin = Origin {
            command: id,
            actor: caller.rights.actor.clone(),
            organisation: caller.organisation(),
            at: self.desk.edge().now(),
            trace: Some(caller.trace.to_header()),
        };
        let standing = match &self.advice {
            Some(advice) => advice(Asking { command: command.clone(), caller: caller.clone(), id }).await?,
            None => None,
        };
        let ask = Ask { command, body, origin, version, standing };
        match self.desk.take(&ask).await {
            Ok(receipt) => Ok((ledger, receipt)),
            Err(error) => Err(problem_of(error, &ledger)),
        }
    }

    /// Landlords answer for dwellings, providers for the other places: to the one, those of the other do not exist.
    async fn own(&self, command: &Command) -> Result<(), Problem> {
        let ledger = command.ledger();
        let kind = match command {
            Command::Household(..)
            | Command::Organisation(..)
            | Command::User(..)
            | Command::Subscription(..)
            | Command::Inquiry(..)
            | Command::Elapse(_) => {
                return Ok(());
            }
            Command::Place(_, PlaceCommand::OpenPlace(open)) => Some(open.description.kind),
            Command::Structure(_, StructureCommand::OpenStructure(open)) => Some(open.profile.kind),
            Command::Place(..) | Command::Structure(..) => self.known(&ledger).await?.and_then(|state| {
                let of_place = || Some(state.place()?.inventory.description()?.kind);
                of_place().or_else(|| Some(state.structure()?.profile()?.kind))
            }),
        };
        let landlords = self.service == Service::Landlord;
        match kind {
            Some(kind) if kind.let_by_committee() != landlords => {
                let here =
                    collection(ledger.name(), if landlords { Service::Insertion } else { Service::Landlord });
                let sentence =
                    format!("Cette adresse ne convient pas à ce type ({kind}) : utilisez /api/v1/{here}.");
                Err(Problem::refused_always("other-collection", "inventory", sentence))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The state of a ledger, if it has one: what another process has opened a moment ago is waited for. What kind of
    /// thing it is never changes, so any state will do.
    async fn known(&self, ledger: &AggregateId) -> Result<Option<State>, Problem> {
        let local = || self.desk.ledgers().ledger(ledger).map_err(local_problem);
        if let Some((state, _)) = local()? {
            return Ok(Some(state));
        }
        let recorded = self.desk.journal().version(ledger).await.map_err(read_problem)?;
        let view = self.desk.ledgers().handle();
        if !view.reached(recorded, self.desk.journal().config().visible_within).await {
            return Err(Problem::view_behind(recorded, view.position()));
        }
        Ok(local()?.map(|(state, _)| state))
    }
}

/// The receipt as the asker reads it.
pub(crate) fn answer(ledger: &AggregateId, command: CommandId, receipt: &Receipt) -> Value {
    let created = created(command, receipt.events.iter().map(|event| event.kind.as_str()));
    let events: Vec<_> = receipt
        .events
        .iter()
        .map(|event| {
            json!({ "id": event.id, "type": event.kind, "ledger": event.ledger, "position": event.position })
        })
        .collect();
    json!({
        "id": format!("{}-{}", ledger.territory(), ledger.uuid()),
        "version": receipt.version(ledger),
        "position": receipt.position,
        "visible": receipt.visible,
        "repeated": receipt.repeated,
        "created": created,
        "events": events,
    })
}

fn with_version(headers: &mut HeaderMap, receipt: &Receipt, ledger: &AggregateId) {
    if let Some(version) = receipt.version(ledger) {
        let (name, value): (_, HeaderValue) = etag(version);
        headers.insert(name, value);
    }
}
