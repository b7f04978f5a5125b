//! Commands of partners over the broker: those of the catalogue that a service takes, through the same gate and to the same
//! decision as over HTTP, answered with the same receipts and problems.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use domain::decide::{
    Addressed, Command, CommandKind, HouseholdCommand, InquiryCommand, PlaceCommand, Service,
    StructureCommand, SubscriptionCommand, Visitor,
};
use domain::id::CommandId;
use domain::organisation::Verb;
use domain::rights::Action;
use journal::JournalConfig;
use journal::gateway::{Answer, Gateway, GatewayOptions, Handler, PartnerCommand, Taken};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::extract::from_value;
use service::openapi::OPENAPI;
use service::problem::Kind;
use service::{Problem, Stop, TraceContext};

use crate::commands::{Advice, Counter, answer, collection, forms};
use crate::describe::command_schema;
use crate::gate::{Caller, Doorkeeper, Names};
use crate::running::{Context, Running};
use crate::take::Desk;

/// Takes the commands of `service` from partners too, if the settings name the gateway's credentials: on a broker that asks
/// nobody who they are, an account in a subject proves nothing.
pub fn partner_commands(
    running: &mut Running,
    context: &Context,
    desk: &Desk,
    service: Service,
    advice: Option<Advice>,
) {
    let Some(credentials) = context.settings.nats.gateway_credentials_file.clone() else { return };
    let config = JournalConfig {
        credentials: Some(credentials),
        inbox: Some("_INBOX_gateway".to_owned()),
        name: format!("{}-gateway", service.name()),
        ..context.journal.config().clone()
    };
    let counter = Counter { desk: desk.clone(), service, advice };
    let partners = Partners { counter, door: Arc::clone(&running.door), commands: Catalogue::of(service) };
    running.tasks.front("partners' commands", move |stop| serve(config, partners, stop));
}

async fn serve(config: JournalConfig, partners: Partners, stop: Stop) -> anyhow::Result<()> {
    let takes = partners.commands.taken();
    let name = format!("continuum-{}", partners.counter.service.name());
    let options = GatewayOptions { takes, ..GatewayOptions::new(name) };
    let gateway =
        Gateway::start(&config, options, partners).await.context("cannot take partners' commands")?;
    stop.stopping().await;
    gateway.stop().await;
    Ok(())
}

/// A command that was read and addressed: as it was written, and in one canonical form.
struct Asked {
    command: Command,
    written: Value,
    canonical: Vec<u8>,
}

/// Reads and addresses one command of the catalogue.
type Read = fn(&PartnerCommand) -> Result<Asked, Problem>;

/// The commands of one service, by collection and name.
struct Catalogue(HashMap<(&'static str, &'static str), (&'static CommandKind, Read)>);

impl Catalogue {
    fn of(service: Service) -> Self {
        let mut gathering = Gathering { service, found: HashMap::new() };
        HouseholdCommand::visit(&mut gathering);
        PlaceCommand::visit(&mut gathering);
        StructureCommand::visit(&mut gathering);
        SubscriptionCommand::visit(&mut gathering);
        InquiryCommand::visit(&mut gathering);
        Self(gathering.found)
    }

    /// Each command as tools of the micro protocol are told of it, in one order.
    fn taken(&self) -> Vec<Taken> {
        let mut taken: Vec<Taken> =
            self.0.iter().map(|((on, name), (kind, _))| announced(on, name, kind)).collect();
        taken.sort_by(|one, other| (&one.aggregate, &one.command).cmp(&(&other.aggregate, &other.command)));
        taken
    }
}

fn announced(on: &str, name: &str, kind: &CommandKind) -> Taken {
    let metadata = [
        // The endpoint's own subject has the asker's account in it, which the broker writes there.
        ("subject", format!("cmd.<territory>.{on}.{name}")),
        ("schema", format!("{OPENAPI}#/components/schemas/{}", command_schema(kind))),
        ("right", format!("{}.{}", kind.ledger, kind.name)),
        ("summary", kind.summary.to_owned()),
    ];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value)).into();
    Taken { aggregate: on.to_owned(), command: name.to_owned(), metadata }
}

struct Gathering {
    service: Service,
    found: HashMap<(&'static str, &'static str), (&'static CommandKind, Read)>,
}

impl<C: Addressed> Visitor<C> for Gathering {
    fn visit<B>(&mut self, kind: &'static CommandKind)
    where
        B: Serialize + DeserializeOwned + Into<C> + Send + Sync + 'static,
    {
        if kind.services.contains(&self.service) {
            let read: Read = if kind.creates { created::<C, B> } else { addressed::<C, B> };
            self.found.insert((collection(kind.ledger, self.service), kind.name), (kind, read));
        }
    }
}

fn created<C, B>(asked: &PartnerCommand) -> Result<Asked, Problem>
where
    C: Addressed,
    B: Serialize + DeserializeOwned + Into<C>,
{
    let body: B = from_value(asked.body.clone())?;
    let (written, canonical) = forms(&body)?;
    let command: C = body.into();
    let home = command.home().filter(|home| *home == asked.territory && asked.target.is_none());
    let home = home.ok_or_else(|| {
        Problem::malformed_id("subject", "the département of what is created, and no continuum-id")
    })?;
    Ok(Asked { command: command.creating(home, asked.id), written, canonical })
}

fn addressed<C, B>(asked: &PartnerCommand) -> Result<Asked, Problem>
where
    C: Addressed,
    B: Serialize + DeserializeOwned + Into<C>,
{
    let body: B = from_value(asked.body.clone())?;
    let (written, canonical) = forms(&body)?;
    let malformed = |expected: &str| Problem::malformed_id("continuum-id", expected);
    let id: C::Id = asked
        .target
        .as_deref()
        .ok_or_else(|| malformed("the id of what the command is about"))?
        .parse()
        .map_err(|error: domain::id::Malformed| malformed(error.expected))?;
    Ok(Asked { command: Into::<C>::into(body).on(id), written, canonical })
}

/// Decides what partners ask of one service.
struct Partners {
    counter: Counter,
    door: Arc<Doorkeeper>,
    commands: Catalogue,
}

impl Handler for Partners {
    async fn take(&self, asked: PartnerCommand) -> Answer {
        let given = asked.trace.as_deref().and_then(|text| text.parse::<TraceContext>().ok());
        let trace = given.map_or_else(TraceContext::root, |partner| partner.child());
        Box::pin(trace.scope(async { self.answered(&asked, trace).await })).await
    }
}

impl Partners {
    async fn answered(&self, asked: &PartnerCommand, trace: TraceContext) -> Answer {
        let (taken, names) = match self.admitted(asked, trace) {
            Ok((caller, read)) => (self.taken(asked, read, &caller).await, caller.names),
            Err(problem) => (Err(problem), Names::Ids),
        };
        match taken.and_then(|receipt| names.worded(receipt)) {
            Ok(receipt) => Answer::Done(receipt.to_string().into()),
            Err(problem) => {
                problem.note();
                // What cannot be worded now says only what it is.
                let document = names.worded(problem.to_json()).unwrap_or_else(|unworded| unworded.to_json());
                Answer::Problem {
                    status: problem.status().as_u16(),
                    code: problem.code().to_owned(),
                    document: document.to_string().into(),
                }
            }
        }
    }

    /// Who asks, and how what they ask is read.
    fn admitted(&self, asked: &PartnerCommand, trace: TraceContext) -> Result<(Caller, Read), Problem> {
        let account = asked.account.as_str().parse().map_err(|_| crate::gate::sign_in_needed())?;
        let known = self.commands.0.get(&(asked.aggregate.as_str(), asked.command.as_str()));
        let (kind, read) = known.ok_or_else(|| Problem::new(Kind::UnknownPath))?;
        let action = Action { on: kind.ledger, name: kind.name, verb: Verb::Command };
        Ok((self.door.partner(&account, action, trace)?, *read))
    }

    async fn taken(&self, asked: &PartnerCommand, read: Read, caller: &Caller) -> Result<Value, Problem> {
        let Asked { command, written, canonical } = read(asked)?;
        let command = if asked.target.is_some() {
            caller.names.understood(command)
        } else {
            caller.names.created(&command.ledger());
            command
        };
        let id: CommandId = asked.id;
        self.counter.permit(&command, &written, caller, id).await?;
        let (ledger, receipt) = self.counter.ask(command, canonical, caller, id, asked.version).await?;
        Ok(answer(&ledger, id, &receipt))
    }
}
