//! An instance of intake over a broker of its own, with organisations of several kinds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use desk::{Ask, Context, Desk, Secret, TokenText};
use domain::calendar::Instant;
use domain::decide::organisation::{IssueToken, RegisterOrganisation};
use domain::decide::{Command, OrganisationCommand};
use domain::event::{Actor, Origin};
use domain::id::{CommandId, HouseholdId, OrganisationId, TokenId};
use domain::ledger::{Change, Halt};
use domain::organisation::{Organisation, OrganisationKind, Verb};
use domain::rights::Role;
use jiff::{SignedDuration, Timestamp};
use journal::broker::Broker;
use journal::{Digest, Journal, Provision};
use projection::ledgers::Ledgers;
use serde_json::{Value, json};
use service::config::{Settings, Sources, load};
use service::{Clock, Edge, Handle, Ids, ManualClock, Stop};
use tempfile::TempDir;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The instance.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) journal: Journal,
    base: String,
    http: reqwest::Client,
    desk: Desk,
    handle: Handle,
    stop: Stop,
    broker: Broker,
    dir: TempDir,
}

/// An organisation with the token of its software.
pub(crate) struct Party {
    pub(crate) organisation: OrganisationId,
    token: String,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (dir, broker) = (tempfile::tempdir().unwrap(), Broker::temporary().await.unwrap());
        let noon: Timestamp = "2026-03-15T12:00:00Z".parse().unwrap();
        let (clock, stop) = (ManualClock::at(noon), Stop::new());
        let mut settings: Settings = load("intake", &Sources::default()).unwrap();
        settings.nats.url = broker.url();
        settings.data.dir = dir.path().join("views");
        settings.keys.file = dir.path().join("keys").join("kek");
        settings.http.address = ([127, 0, 0, 1], 0).into();
        let edge = Edge { clock: Clock::Manual(clock.clone()), ids: Ids::Random };
        let context = Context::open(
            intake::NAME,
            settings.clone(),
            edge.clone(),
            stop.clone(),
            Provision::Create,
            None,
        );
        let context = context.await.unwrap();
        let running = intake::start(&context).await.unwrap();
        running.view.until_ready().await.unwrap();
        let ledgers = Ledgers::of(running.view.clone());
        let journal = context.journal.clone();
        let desk = Desk::new(intake::NAME, journal.clone(), ledgers, edge, Arc::clone(&context.book));
        let handle = running.listen(&settings).await.unwrap();
        let base = format!("http://{}", handle.address.unwrap());
        Self { clock, journal, base, http: reqwest::Client::new(), desk, handle, stop, broker, dir }
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.stop.stop();
        self.handle.join().await.unwrap();
        self.broker.stop().await;
        self.dir
    }

    /// The directory of the rows that hold tokens.
    pub(crate) fn tokens_dir(&self) -> PathBuf {
        self.dir.path().join("views").join(intake::LIKENESS)
    }

    /// An organisation of `territory`, whose software acts in `role`.
    pub(crate) async fn party(
        &self,
        name: &str,
        kind: OrganisationKind,
        role: Role,
        territory: &str,
    ) -> Party {
        let (registers, home) = (self.command(), territory.parse().unwrap());
        let organisation = OrganisationId::created_by(home, registers);
        let profile = Organisation { name: name.to_owned(), kind, territories: [home].into(), siret: None };
        let register = RegisterOrganisation { territory: home, id: None, organisation: profile };
        self.takes(registers, organisation, OrganisationCommand::Register(register)).await;
        let (issues, secret) = (self.command(), Secret::of([7; 32]));
        let issue = IssueToken {
            label: "essai".to_owned(),
            digest: secret.digest(),
            role,
            verbs: [Verb::Read, Verb::Follow, Verb::Command].into(),
            subscription: None,
            expires_at: Instant(self.clock.now() + SignedDuration::from_hours(24 * 30)),
            per_minute: 6_000,
        };
        self.takes(issues, organisation, OrganisationCommand::IssueToken(issue)).await;
        let token = TokenText { organisation, token: TokenId::created_by(issues), secret }.text();
        Party { organisation, token }
    }

    async fn takes(&self, id: CommandId, on: OrganisationId, asked: OrganisationCommand) {
        let command = Command::Organisation(on, asked);
        let origin = self.origin(id, on);
        let ask = Ask { command, body: Vec::new(), origin, version: None, standing: None };
        self.desk.take(&ask).await.unwrap();
    }

    /// What no software could ask: recorded as it is, and seen by the service.
    pub(crate) async fn happens(&self, organisation: OrganisationId, change: Change) {
        let origin = self.origin(self.command(), organisation);
        let command = journal::Command { origin: &origin, digest: Digest([0; 16]), expected: None };
        let (ledger, change) = (change.ledger, &change);
        let decide = move |ledgers: &domain::ledger::Ledgers| {
            ledgers.get(&ledger).map(|_| vec![change.clone()]).ok_or(Halt::Need(ledger))
        };
        assert!(self.journal.execute(self.desk.ledgers(), &command, decide).await.unwrap().visible);
    }

    fn origin(&self, command: CommandId, organisation: OrganisationId) -> Origin {
        Origin { command, actor: Actor::clock(), organisation, at: self.clock.now(), trace: None }
    }

    fn command(&self) -> CommandId {
        CommandId(self.desk.edge().mint())
    }

    /// Asks a command under `key`.
    pub(crate) async fn posts(&self, by: &Party, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}/api/v1/{path}", self.base)).bearer_auth(&by.token);
        answer(request.header("idempotency-key", key).json(body)).await
    }

    /// Asks a query.
    pub(crate) async fn gets(&self, by: &Party, path: &str) -> Answer {
        answer(self.http.get(format!("{}/api/v1/{path}", self.base)).bearer_auth(&by.token)).await
    }

    /// Registers a household of these, which nobody has to look at twice.
    pub(crate) async fn registered(&self, by: &Party, members: &[Value]) -> HouseholdId {
        let key = self.command().0.to_string();
        let answer = self.posts(by, "households", &key, &household(members)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.id()
    }

    /// Registers a household of these although others look like it.
    pub(crate) async fn registered_all_the_same(&self, by: &Party, members: &[Value]) -> HouseholdId {
        let mut body = household(members);
        body["duplicate_reviewed"] = json!({ "reason": "other_person" });
        let answer = self.posts(by, "households", &self.command().0.to_string(), &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.id()
    }

    /// Every word of the files below a directory.
    pub(crate) fn bytes_below(directory: &std::path::Path) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.extend(Self::bytes_below(&path));
            } else {
                all.extend(std::fs::read(path).unwrap());
            }
        }
        all
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer { status: response.status().as_u16(), body: response.json().await.unwrap() }
}

impl Answer {
    pub(crate) fn id(&self) -> HouseholdId {
        self.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// The files that look alike, of a refusal for them.
    pub(crate) fn look_alikes(&self) -> &Vec<Value> {
        assert_eq!((self.status, &self.body["code"]), (409, &json!("possible-duplicate")), "{}", self.body);
        self.body["look_alikes"].as_array().unwrap()
    }
}

/// In what each person of a file that looks alike does, as codes.
pub(crate) fn codes(look_alike: &Value) -> Vec<&str> {
    let persons = look_alike["persons"].as_array().unwrap().iter();
    let likenesses = persons.flat_map(|person| person["likenesses"].as_array().unwrap());
    likenesses.map(|one| one["code"].as_str().unwrap()).collect()
}

/// A household of the Gironde, or of the département that its members are registered in.
pub(crate) fn household(members: &[Value]) -> Value {
    json!({ "territory": "33", "members": members })
}

/// Somebody.
pub(crate) fn person(last_name: &str, first_names: &str, birth_date: &str) -> Value {
    json!({ "sex": "female", "link": "main_applicant", "identity": {
        "last_name": last_name, "first_names": first_names, "birth_date": birth_date } })
}
