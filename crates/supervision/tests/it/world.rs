//! An instance of supervision over a broker of its own, with one administrator's token and one SIAO.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use desk::{Ask, Context, Desk, Doorkeeper, Reading, Secret, TokenText};
use domain::calendar::Instant;
use domain::decide::organisation::{IssueToken, RegisterOrganisation};
use domain::decide::{Command, OrganisationCommand};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, OrganisationId, TokenId};
use domain::organisation::{Organisation, OrganisationKind, Verb};
use domain::rights::Role;
use jiff::{SignedDuration, Timestamp};
use journal::Provision;
use journal::broker::Broker;
use projection::ledgers::Ledgers;
use service::config::{Settings, Sources, load};
use service::{Clock, Edge, Handle, Ids, ManualClock, Stop};
use tempfile::TempDir;

use crate::browser::Browser;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// When all of this begins: noon.
pub(crate) fn noon() -> Timestamp {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

/// How settings are changed, given a directory of the instance's own.
type Change = dyn Fn(&mut Settings, &Path) + Send + Sync;

/// One process of supervision.
pub(crate) struct Served {
    pub(crate) base: String,
    desk: Desk,
    door: Doorkeeper,
    handle: Handle,
}

/// The instance.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    /// Runs the instance.
    pub(crate) operator: OrganisationId,
    /// A SIAO of the same département.
    pub(crate) siao: OrganisationId,
    /// The token of the operator's software.
    pub(crate) admin: String,
    pub(crate) first: Served,
    more: Vec<Handle>,
    change: Box<Change>,
    stop: Stop,
    broker: Option<Broker>,
    dir: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// An instance whose settings were changed so; the path is that of a directory of its own.
    pub(crate) async fn with(change: impl Fn(&mut Settings, &Path) + Send + Sync + 'static) -> Self {
        let (dir, broker) = (tempfile::tempdir().unwrap(), Broker::temporary().await.unwrap());
        let (clock, stop) = (ManualClock::at(noon()), Stop::new());
        let first = serve("first", &dir, &broker, &clock, &stop, &change).await;
        let operator = first.registers("Exploitant", OrganisationKind::Operator).await;
        let siao = first.registers("SIAO de la Gironde", OrganisationKind::SiaoOperator).await;
        let admin = first.issues(operator, Role::SystemAdmin).await;
        Self {
            clock,
            operator,
            siao,
            admin,
            first,
            more: Vec::new(),
            change: Box::new(change),
            stop,
            broker: Some(broker),
            dir,
        }
    }

    /// One more process over the same broker; where it listens.
    pub(crate) async fn one_more(&mut self) -> String {
        let name = format!("more-{}", self.more.len());
        let served =
            serve(&name, &self.dir, self.broker.as_ref().unwrap(), &self.clock, &self.stop, &self.change)
                .await;
        self.more.push(served.handle);
        served.base
    }

    /// Somebody's browser, before anybody signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser::at(&self.first.base)
    }

    /// The operator's software.
    pub(crate) fn software(&self) -> Browser {
        Browser { bearer: Some(self.admin.clone()), ..self.browser() }
    }

    pub(crate) fn passes(&self, span: SignedDuration) {
        self.clock.set(self.clock.now() + span);
    }

    pub(crate) async fn stop(self) {
        self.stop.stop();
        for handle in self.more.into_iter().chain([self.first.handle]) {
            handle.join().await.unwrap();
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }

    /// Nothing can be recorded from now on.
    pub(crate) async fn loses_its_broker(&mut self) {
        self.broker.take().unwrap().stop().await;
    }
}

async fn serve(
    name: &str,
    dir: &TempDir,
    broker: &Broker,
    clock: &ManualClock,
    stop: &Stop,
    change: &Change,
) -> Served {
    let mut settings: Settings = load("supervision", &Sources::default()).unwrap();
    settings.nats.url = broker.url();
    settings.data.dir = dir.path().join(name);
    settings.keys.file = dir.path().join("keys").join("kek");
    settings.http.address = ([127, 0, 0, 1], 0).into();
    change(&mut settings, dir.path());
    let edge = Edge { clock: Clock::Manual(clock.clone()), ids: Ids::Random };
    let context = Context::open(
        supervision::NAME,
        settings.clone(),
        edge.clone(),
        stop.clone(),
        Provision::Create,
        None,
    );
    let context = context.await.unwrap();
    let running = supervision::start(&context).await.unwrap();
    running.view.until_ready().await.unwrap();
    let ledgers = Ledgers::of(running.view.clone());
    let desk =
        Desk::new(supervision::NAME, context.journal.clone(), ledgers, edge, Arc::clone(&context.book));
    let (reading, journal, book) =
        (Reading::of(running.view.clone()), context.journal.clone(), Arc::clone(&context.book));
    let door = Doorkeeper::new(reading, journal, desk.edge().clone(), book, settings.limits.clone());
    let handle = running.listen(&settings).await.unwrap();
    Served { base: format!("http://{}", handle.address.unwrap()), desk, door, handle }
}

impl Served {
    /// What nobody could ask over HTTP yet: an instance begins with it.
    async fn takes(&self, command: CommandId, on: OrganisationId, asked: OrganisationCommand) {
        self.take(command, Actor::clock(), on, Command::Organisation(on, asked)).await;
    }

    /// What another service would take.
    pub(crate) async fn take(
        &self,
        id: CommandId,
        actor: Actor,
        organisation: OrganisationId,
        command: Command,
    ) {
        let at = self.desk.edge().now();
        let origin = Origin { command: id, actor, organisation, at, trace: None };
        let ask = Ask { command, body: Vec::new(), origin, version: None, standing: None };
        self.desk.take(&ask).await.unwrap();
    }

    /// A gate over the view of the process, as every service has one.
    pub(crate) fn door(&self) -> &Doorkeeper {
        &self.door
    }

    /// The journal of the process.
    pub(crate) fn journal(&self) -> &journal::Journal {
        self.desk.journal()
    }

    /// The id of a command that nobody asked yet.
    pub(crate) fn command(&self) -> CommandId {
        CommandId(self.desk.edge().mint())
    }

    pub(crate) async fn registers(&self, name: &str, kind: OrganisationKind) -> OrganisationId {
        let command = self.command();
        let home = "33".parse().unwrap();
        let id = OrganisationId::created_by(home, command);
        let organisation =
            Organisation { name: name.to_owned(), kind, territories: [home].into(), siret: None };
        let register = RegisterOrganisation { territory: home, id: None, organisation };
        self.takes(command, id, OrganisationCommand::Register(register)).await;
        id
    }

    pub(crate) async fn issues(&self, organisation: OrganisationId, role: Role) -> String {
        let command = self.command();
        let secret = Secret::of([7; 32]);
        let issue = IssueToken {
            label: "essai".to_owned(),
            digest: secret.digest(),
            role,
            verbs: [Verb::Read, Verb::Follow, Verb::Command].into(),
            subscription: None,
            expires_at: Instant(self.desk.edge().now() + SignedDuration::from_hours(24 * 30)),
            per_minute: 6_000,
        };
        self.takes(command, organisation, OrganisationCommand::IssueToken(issue)).await;
        TokenText { organisation, token: TokenId::created_by(command), secret }.text()
    }
}
