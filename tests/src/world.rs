//! A world: a directory, a broker, the services of one instance, and the way to each of them.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use journal::broker::{Broker, BrokerError, BrokerOptions, default_cache_dir, locate};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::process::Command;

use crate::house::{House, user};
use crate::process::{Process, alive, broker_of, kill_broker_of};
use crate::{Caller, PATIENCE, Parties, Routes, program};

/// The five services.
pub(crate) const SERVICES: [&str; 5] = ["intake", "insertion", "landlord", "supervision", "feed"];
/// What the one process of [`Shape::One`] is called here.
const ALL: &str = "continuum";
/// Open files that a thousand callers at once need, on both sides.
const OPEN_FILES: u64 = 8_192;
/// How long a caller waits for an answer: longer than a command is tried again.
const ANSWER: Duration = Duration::from_secs(60);

/// How an instance is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `continuum up`: everything in one process, which supervises its broker.
    One,
    /// `continuum serve all`, over a broker of its own.
    All,
    /// `continuum serve <service>`, five times, over a broker of their own.
    Five,
}

/// An instance that runs.
#[derive(Debug)]
pub struct World {
    shape: Shape,
    environment: Vec<(String, String)>,
    routes: Arc<Routes>,
    http: reqwest::Client,
    processes: BTreeMap<String, Process>,
    broker: Option<Broker>,
    /// The accounts of the broker that serves several processes.
    house: Option<House>,
    port: Option<u16>,
    /// Those who take part, and others who have nothing to do with them.
    parties: Vec<Parties>,
    /// Last, so that it is removed when nobody writes there any more.
    dir: TempDir,
}

impl World {
    /// An instance of this shape, empty and ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(shape: Shape) -> Self {
        Self::with(shape, &[]).await
    }

    /// An instance with these variables in its environment.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn with(shape: Shape, environment: &[(&str, &str)]) -> Self {
        allow_many_files();
        let dir = tempfile::Builder::new().prefix("continuum-world-").tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut world = Self {
            shape,
            environment: environment.iter().map(owned).collect(),
            routes: Arc::default(),
            http: reqwest::Client::builder().timeout(ANSWER).build().unwrap(),
            processes: BTreeMap::new(),
            broker: None,
            house: None,
            port: None,
            parties: Vec::new(),
            dir,
        };
        match shape {
            Shape::One => world.start_program().await,
            Shape::All => {
                world.start_broker().await;
                world.first_access().await;
                let process = world.serve("all", ALL).await;
                for service in SERVICES {
                    world.routes.moved(service, process.base());
                }
                world.processes.insert(ALL.to_owned(), process);
            }
            Shape::Five => {
                world.start_broker().await;
                world.first_access().await;
                let starting = join_all(SERVICES.map(|service| world.serve(service, service)));
                let started = starting.await;
                for (service, process) in SERVICES.into_iter().zip(started) {
                    world.routes.moved(service, process.base());
                    world.processes.insert(service.to_owned(), process);
                }
            }
        }
        for base in world.processes.values().map(Process::base) {
            world.routes.learn(&world.document(base).await);
        }
        world.sign_in().await;
        world
    }

    /// The OpenAPI document that the process at `base` serves.
    ///
    /// # Panics
    /// When it serves none.
    pub async fn document(&self, base: &str) -> serde_json::Value {
        self.http.get(format!("{base}/api/openapi.json")).send().await.unwrap().json().await.unwrap()
    }

    /// How it is run.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its directory: data, key file, logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The data directory: of `up`, or that holds those of the services.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory of the broker.
    #[must_use]
    pub fn broker_dir(&self) -> PathBuf {
        self.data().join("broker")
    }

    /// Where the process of `service` listens.
    #[must_use]
    pub fn base(&self, service: &str) -> String {
        self.routes.base(service)
    }

    /// A client of HTTP without manners, for what a [`Caller`] does not do.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The routes.
    #[must_use]
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }

    /// The software of those who take part.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(self.http.clone(), Arc::clone(&self.routes), self.parties[0].clone())
    }

    /// The software of others, who have nothing to do with them.
    #[must_use]
    pub fn stranger(&self) -> Caller {
        Caller::new(self.http.clone(), Arc::clone(&self.routes), self.parties[1].clone())
    }

    /// The token of the administrator.
    ///
    /// # Panics
    /// When the first access was not made.
    #[must_use]
    pub fn administrator(&self) -> String {
        let file =
            if self.shape == Shape::One { self.data().join("first-token") } else { self.first_token() };
        std::fs::read_to_string(file).unwrap()
    }

    fn first_token(&self) -> PathBuf {
        self.dir().join("first-token")
    }

    /// Makes the first access to an installation of several processes, before any of them runs.
    async fn first_access(&self) {
        let file = self.dir().join("first.toml");
        let broker = self.broker.as_ref().expect("the broker runs").url();
        std::fs::write(&file, self.one_for_all(&broker, "intake")).unwrap();
        let mut command = self.continuum();
        command.args(["token", "first", "--home", "33", "--config"]).arg(file);
        let made = command.arg("--out").arg(self.first_token()).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Registers those who take part, and others, and waits until every service knows them.
    async fn sign_in(&mut self) {
        let (base, administrator) = (self.base("supervision"), self.administrator());
        for _ in 0..2 {
            self.parties.push(Parties::registered(&self.http, &base, &administrator).await);
        }
        let last = &self.parties[1];
        for (service, path) in [
            ("intake", "/api/v1/worklists/siao"),
            ("insertion", "/api/v1/places"),
            ("landlord", "/api/v1/dwellings"),
            ("supervision", "/api/v1/organisations"),
            ("feed", "/api/v1/events"),
        ] {
            last.known(&self.http, &self.base(service), path).await;
        }
    }

    /// The number of the program, in a world of one process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.processes[ALL].pid()
    }

    /// Starts the program of a world of one process, again if it was stopped or killed.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start_program(&mut self) {
        let data = self.data();
        let mut command = self.continuum();
        command.args(["up", "--http", "127.0.0.1:0", "--data"]).arg(data);
        let process = Process::start(command, &self.log(ALL)).await;
        for service in SERVICES {
            self.routes.moved(service, process.base());
        }
        self.processes.insert(ALL.to_owned(), process);
    }

    /// Kills the program of a world of one process (SIGKILL). Its broker is left behind.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill_program(&mut self) {
        self.processes.remove(ALL).expect("the program runs").kill_hard().await;
    }

    /// Asks the program of a world of one process to end (SIGTERM), and waits.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub async fn stop_program(&mut self) -> ExitStatus {
        self.processes.remove(ALL).expect("the program runs").terminate().await
    }

    /// Asks the process of one service of a world of five to end (SIGTERM), and waits.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub async fn stop_service(&mut self, service: &str) -> ExitStatus {
        self.processes.remove(service).expect("the service runs").terminate().await
    }

    /// Where the broker of a world of five processes listens.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn broker_url(&self) -> String {
        self.broker.as_ref().expect("the broker runs").url()
    }

    /// Runs a verb of the program on this world's data to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.continuum().args(arguments).output().await.unwrap()
    }

    /// A verb of the program on this world's data, to be run.
    #[must_use]
    pub fn verb(&self, arguments: &[&str]) -> Command {
        let mut command = self.continuum();
        command.args(arguments);
        command
    }

    /// Runs a verb of the program that signs in with `token`, to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn run_with(&self, token: &str, arguments: &[&str]) -> std::process::Output {
        self.continuum().env("CONTINUUM_TOKEN", token).args(arguments).output().await.unwrap()
    }

    /// One more process of `service`, with views of its own under `name`. Requests are not routed to it.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn serve(&self, service: &str, name: &str) -> Process {
        let broker = self.broker.as_ref().expect("services are served over a broker of this world");
        let mut command = self.continuum();
        if service == "all" {
            let file = self.dir().join("all.toml");
            std::fs::write(&file, self.one_for_all(&broker.url(), "all")).unwrap();
            command.args(["serve", "all", "--config"]).arg(file);
            return Process::start(command, &self.log(name)).await;
        }
        let variable = |key: &str| format!("CONTINUUM_{}__{key}", service.to_uppercase());
        command
            .args(["serve", service])
            .env(variable("HTTP__ADDRESS"), "127.0.0.1:0")
            .env(variable("NATS__URL"), broker.url())
            .env(variable("NATS__CREDENTIALS_FILE"), self.credentials(service))
            .env(variable("NATS__GATEWAY_CREDENTIALS_FILE"), self.credentials("gateway"))
            .env(variable("DATA__DIR"), self.data().join("views").join(name))
            .env(variable("KEYS__FILE"), self.dir().join("keys").join("kek"));
        Process::start(command, &self.log(name)).await
    }

    /// What the process that serves this signs in to the broker with: `intake`, `all`, `gateway`.
    ///
    /// # Panics
    /// When the broker has no accounts of several processes.
    #[must_use]
    pub fn credentials(&self, service: &str) -> PathBuf {
        self.house.as_ref().expect("the broker knows its services").credentials(user(service))
    }

    /// The directory of the operator of the broker.
    ///
    /// # Panics
    /// When the broker has no accounts of several processes.
    #[must_use]
    pub fn operator(&self) -> &Path {
        self.house.as_ref().expect("the broker knows its services").dir()
    }

    /// A configuration file of the service `feed` that names the broker.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn feed_config(&self) -> PathBuf {
        let file = self.dir().join("feed.toml");
        std::fs::write(&file, self.one_for_all(&self.broker_url(), "feed")).unwrap();
        file
    }

    /// One configuration file for all services, in the hands of the user of `service`.
    fn one_for_all(&self, broker: &str, service: &str) -> String {
        let (views, keys) = (self.data().join("views"), self.dir().join("keys").join("kek"));
        let (views, keys) = (views.display(), keys.display());
        let (own, gateway) = (self.credentials(service), self.credentials("gateway"));
        let (own, gateway) = (own.display(), gateway.display());
        format!(
            "[http]\naddress = \"127.0.0.1:0\"\n[nats]\nurl = \"{broker}\"\n\
             credentials_file = \"{own}\"\ngateway_credentials_file = \"{gateway}\"\n\
             [data]\ndir = \"{views}\"\n[keys]\nfile = \"{keys}\"\n"
        )
    }

    /// Starts the broker of a world of five processes, again if it was stopped: on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_broker(&mut self) {
        let located = tokio::task::spawn_blocking(|| locate(&default_cache_dir()?, &|_| {}));
        let located = located.await.unwrap().unwrap();
        let house = self.house.take().unwrap_or_else(|| House::make(self.dir()));
        let broker = loop {
            let mut options = BrokerOptions::new(&located.path, self.broker_dir());
            options.port = self.port;
            // Streams reserve what they may grow to, and a disk of temporary files may be small.
            options.max_store_bytes = Some(1 << 40);
            options.accounts = Some(house.configuration());
            match Broker::start(options).await {
                Ok(broker) => break broker,
                // The port of the one before is given back in a moment.
                Err(BrokerError::PortTaken { .. }) if self.port.is_some() => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        house.provision(&broker.url()).await;
        self.port = Some(broker.port());
        (self.broker, self.house) = (Some(broker), Some(house));
    }

    /// Stops the broker of a world of five processes for good.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn stop_broker(&mut self) {
        self.broker.take().expect("the broker runs").stop().await;
    }

    /// Everything that was logged.
    ///
    /// # Panics
    /// When a log cannot be read.
    #[must_use]
    pub fn logged(&self) -> String {
        let logs = std::fs::read_dir(self.dir().join("logs")).unwrap();
        logs.map(|log| std::fs::read_to_string(log.unwrap().path()).unwrap()).collect()
    }

    fn continuum(&self) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.dir()).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir().join("logs").join(format!("{name}.log"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logged = self.logged();
            let from = logged.char_indices().rev().nth(8_000).map_or(0, |(at, _)| at);
            eprintln!("the last that was logged:\n{}", &logged[from..]);
        }
        let pids: Vec<_> = self.processes.values().map(Process::pid).collect();
        self.processes.clear();
        let broker = if self.broker.is_none() { kill_broker_of(&self.broker_dir()) } else { None };
        drop(self.broker.take());
        let deadline = Instant::now() + PATIENCE;
        while pids.iter().chain(&broker).any(|pid| alive(*pid)) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        debug_assert!(broker_of(&self.broker_dir()).is_none(), "no broker is left behind");
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    /// How often it is looked at.
    const LOOKED_EVERY: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(LOOKED_EVERY).await;
    }
}

/// Raises the limit of open files of this process and of those it starts, as far as it may.
fn allow_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES));
    if current.is_some_and(|now| now < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).unwrap();
    }
}
