//! How a service with a view starts: parse, build, spawn.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::rules::RuleBook;
use journal::accounts::inbox_of;
use journal::keys::{KeyFile, KeyPlaces};
use journal::{Journal, JournalConfig, Provision};
use projection::{Handle as View, Opened, Options, Projection, Source, Turns};
use service::config::Settings;
use service::{Check, Edge, Handle, Server, Site, Stop, Tasks, metrics};

use crate::forgetful::Forgetful;
use crate::gate::Doorkeeper;
use crate::reading::Reading;

/// How often the view's position and lag are measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// What a service starts with: its settings and the edges of the process.
#[derive(Clone)]
pub struct Context {
    /// The settings of the service.
    pub settings: Arc<Settings>,
    /// Time and new ids.
    pub edge: Edge,
    /// The rules in force.
    pub book: Arc<RuleBook>,
    /// The journal, with the key ring.
    pub journal: Journal,
    /// What stops it.
    pub stop: Stop,
    /// The turns that the views of this process take at being built.
    pub turns: Turns,
}

/// A service whose view runs and whose surface is not served yet: in a process of its own it is served alone, in
/// `serve all` together with the others.
pub struct Running {
    /// The surface.
    pub site: Site,
    /// The tasks of the service.
    pub tasks: Tasks,
    /// Its view.
    pub view: View,
    /// Its gate.
    pub door: Arc<Doorkeeper>,
}

impl Running {
    /// Starts the view of `name` and the tasks that watch it.
    ///
    /// # Errors
    /// When the rows cannot be opened or made.
    pub async fn start(
        name: &'static str,
        context: &Context,
        views: Vec<Box<dyn projection::View>>,
    ) -> anyhow::Result<Self> {
        let directory = PathBuf::from(&context.settings.data.dir);
        let what = views.first().map_or(name, |view| view.name());
        let source = Forgetful(context.journal.clone());
        let (projection, _) = project(name, context, directory, source, views).await?;
        let view = projection.handle();
        let grace = context.settings.http.shutdown_grace();
        let mut tasks = Tasks::new(name, &context.stop, grace);
        tasks.behind("view", |stop| hold(projection, stop));
        let (measured, edge) = (view.clone(), context.edge.clone());
        tasks.behind("measures", move |stop| measure(name, what, measured, edge, stop));
        let door = Arc::new(Doorkeeper::new(
            Reading::of(view.clone()),
            context.journal.clone(),
            context.edge.clone(),
            Arc::clone(&context.book),
            context.settings.limits.clone(),
        ));
        let site = Site::new(name)
            .behind(Arc::<Doorkeeper>::clone(&door))
            .check(broker(&context.journal))
            .check(rows("view", &view, context));
        Ok(Self { site, tasks, view, door })
    }

    /// Starts another view of the service beside the first one, which follows `source` in a directory of its own below that
    /// of the service: rows that are kept otherwise. Readiness tells of it under its `name`.
    ///
    /// # Errors
    /// When the rows cannot be opened or made.
    pub async fn beside<S: Source>(
        &mut self,
        name: &'static str,
        context: &Context,
        source: S,
        views: Vec<Box<dyn projection::View>>,
    ) -> anyhow::Result<(View, Opened)> {
        let directory = PathBuf::from(&context.settings.data.dir).join(name);
        let (projection, opened) = project(name, context, directory, source, views).await?;
        let view = projection.handle();
        self.tasks.behind(name, |stop| hold(projection, stop));
        let (measured, edge) = (view.clone(), context.edge.clone());
        self.tasks.behind(name, move |stop| measure(name, name, measured, edge, stop));
        let site = std::mem::take(&mut self.site);
        self.site = site.check(rows(name, &view, context));
        Ok((view, opened))
    }

    /// Serves the surface alone, in this process.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen(mut self, settings: &Settings) -> anyhow::Result<Handle> {
        let server = Server::bind(&settings.http, &settings.limits).await?;
        let address = server.address();
        let site = self.site;
        self.tasks.front("http", move |stop| server.serve(site, stop));
        Ok(self.tasks.into_handle(Some(address)))
    }
}

/// Serves the surfaces of several services as one.
///
/// # Errors
/// When the address cannot be listened on, or two services mean different things by one name.
pub async fn serve(
    name: &'static str,
    all: Vec<Running>,
    settings: &Settings,
    stop: &Stop,
) -> anyhow::Result<Vec<Handle>> {
    let server = Server::bind(&settings.http, &settings.limits).await?;
    let address = server.address();
    let (mut sites, mut handles) = (Vec::new(), Vec::new());
    for running in all {
        sites.push(running.site);
        handles.push(running.tasks.into_handle(None));
    }
    let site = Site::merge(name, sites)?;
    let mut tasks = Tasks::new(name, stop, settings.http.shutdown_grace());
    tasks.front("http", move |stop| server.serve(site, stop));
    handles.insert(0, tasks.into_handle(Some(address)));
    Ok(handles)
}

/// The journal's settings, from a service's.
#[must_use]
pub fn journal_config(name: &str, settings: &Settings, provision: Provision) -> JournalConfig {
    JournalConfig {
        name: name.to_owned(),
        credentials: settings.nats.credentials_file.clone(),
        // Answers come where nobody else may listen: credentials allow one prefix and no other. Those that cannot be read
        // are told of when somebody signs in with them.
        inbox: settings.nats.credentials_file.as_deref().and_then(inbox_of),
        root_certificates: settings.nats.root_certificates_file.clone(),
        connect_within: settings.nats.connect_timeout(),
        provision,
        ..JournalConfig::at(settings.nats.url.clone())
    }
}

/// Whether a process with these settings makes the streams: where it has to sign in, it may not, and they are made for it.
#[must_use]
pub fn provision(settings: &Settings) -> Provision {
    if settings.nats.credentials_file.is_some() { Provision::Verify } else { Provision::Create }
}

impl Context {
    /// Connects to the broker, opens the journal with the key ring of the settings.
    ///
    /// # Errors
    /// When the broker cannot be reached, a stream is missing or differs, or the key file cannot be used.
    pub async fn open(
        name: &'static str,
        settings: Settings,
        edge: Edge,
        stop: Stop,
        provision: Provision,
        broker_dir: Option<&std::path::Path>,
    ) -> anyhow::Result<Self> {
        Self::open_with(journal_config(name, &settings, provision), settings, edge, stop, broker_dir).await
    }

    /// As [`Context::open`], with the journal's own settings.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub async fn open_with(
        config: JournalConfig,
        settings: Settings,
        edge: Edge,
        stop: Stop,
        broker_dir: Option<&std::path::Path>,
    ) -> anyhow::Result<Self> {
        let name = config.name.clone();
        let journal =
            Journal::open(config).await.with_context(|| format!("{name} cannot open the journal"))?;
        let path = PathBuf::from(&settings.keys.file);
        // Where keys are already, a file that is missing is a mount that is missing: another one would open nothing.
        let opened = if journal.has_keys().await.with_context(|| format!("{name} cannot look at the keys"))? {
            KeyFile::open(&path, broker_dir)
        } else {
            KeyFile::open_or_create(&path, broker_dir)
        };
        let opened = opened.and_then(|file| file.with_places(key_places(&settings)));
        let file = opened.with_context(|| format!("{name} cannot use the key file {}", path.display()))?;
        let journal = journal.with_keys(file).await.with_context(|| format!("{name} cannot use the keys"))?;
        let book = Arc::new(RuleBook::shipped().clone());
        Ok(Self { settings: Arc::new(settings), edge, book, journal, stop, turns: Turns::default() })
    }
}

/// Where escrow and erasure ledger are, from a service's settings.
#[must_use]
pub fn key_places(settings: &Settings) -> KeyPlaces {
    let keys = &settings.keys;
    let beside = KeyPlaces::beside(&keys.file);
    KeyPlaces {
        escrow: keys.escrow_file.clone().unwrap_or(beside.escrow),
        escrow_days: keys.escrow_days,
        erasures: keys.erasures_file.clone().unwrap_or(beside.erasures),
    }
}

async fn project<S: Source>(
    name: &'static str,
    context: &Context,
    directory: PathBuf,
    source: S,
    views: Vec<Box<dyn projection::View>>,
) -> anyhow::Result<(Projection, Opened)> {
    let options = Options { turns: context.turns.clone(), ..Options::new(name, directory) };
    let started = Projection::start(source, views, options).await;
    started.with_context(|| format!("cannot open the views of {name}"))
}

/// Keeps the projection until asked to stop, then closes it in good order.
async fn hold(projection: Projection, stop: Stop) -> anyhow::Result<()> {
    stop.stopping().await;
    projection.stop().await;
    Ok(())
}

async fn measure(
    name: &'static str,
    what: &'static str,
    view: View,
    edge: Edge,
    stop: Stop,
) -> anyhow::Result<()> {
    loop {
        metrics::view(name, what, view.position(), view.pending(), view.lag(edge.now()));
        metrics::stopped_aggregates(name, what, u64::try_from(view.halted()).unwrap_or(u64::MAX));
        tokio::select! {
            () = stop.stopping() => return Ok(()),
            () = tokio::time::sleep(MEASURED_EVERY) => {}
        }
    }
}

fn broker(journal: &Journal) -> Check {
    let journal = journal.clone();
    Check::new("broker", move || {
        let journal = journal.clone();
        async move { if journal.connected() { Ok(()) } else { Err("the broker does not answer".to_owned()) } }
    })
}

fn rows(name: &'static str, view: &View, context: &Context) -> Check {
    let (view, max) = (view.clone(), context.settings.lag_events_max);
    Check::new(name, move || {
        let view = view.clone();
        async move {
            let readiness = view.ready();
            let pending = view.pending();
            match readiness {
                projection::Readiness::Ready => Ok(()),
                projection::Readiness::Behind { .. } if pending <= max => Ok(()),
                projection::Readiness::Behind { pending } => {
                    Err(format!("{pending} events behind, {max} allowed"))
                }
                projection::Readiness::Building(progress) => Err(format!("being built: {progress:?}")),
                projection::Readiness::Unreachable { why } => Err(why),
                projection::Readiness::Stopped(why) => Err(why.to_string()),
            }
        }
    })
}
