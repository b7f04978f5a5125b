//! The broker that Continuum runs for itself: a private nats-server, found or installed, supervised and ended.
//!
//! **Invariant.** What the broker acknowledged survives a power cut (`sync_interval: always`), a `kill -9` of the broker
//! and one of this process.
//!
//! **Invariant.** One directory has one broker: a lock keeps a second process out, and a server left behind by a killed
//! process is stopped before a new one starts.
//!
//! **Invariant.** It listens on loopback only. It ends with whoever started it, or, if that process was killed before it
//! could end anything, when the next one starts.
//!
//! An installation with a NATS of its own does not need any of this.

mod child;
mod error;
mod install;
mod locate;
mod orphan;
mod settings;
mod supervisor;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use error::BrokerError;
pub use locate::{Located, MINIMUM, NoVersion, Version, default_cache_dir, locate, locate_for_user};
pub use settings::most_of_the_disk;
pub(crate) use settings::{BOUNDS, quoted};
pub use supervisor::Restarts;
use supervisor::{Launch, Order, Shared, Situation, supervise};

/// How many ports are tried when the system chooses them and others are quicker to take them.
const PORT_TRIES: usize = 5;

/// How a broker is run.
#[derive(Debug)]
pub struct BrokerOptions {
    /// The nats-server program, see [`locate`].
    pub binary: PathBuf,
    /// The directory of its streams, its configuration and its process number; made if it does not exist.
    pub data_dir: PathBuf,
    /// The port on loopback; without one the system chooses a free one at each start.
    pub port: Option<u16>,
    /// The bytes that all streams together may take; without it, four fifths of the disk.
    pub max_store_bytes: Option<u64>,
    /// How long a start may take. It grows with the journal after a power cut, when the server re-reads its files.
    pub ready_within: Duration,
    /// How often it may fail before it is given up.
    pub restarts: Restarts,
    /// Who may connect: [`crate::accounts::Embedded::configuration`]. Without it the broker asks nobody for
    /// credentials: for trials and tests.
    pub accounts: Option<String>,
    /// A directory around [`Self::data_dir`] that is removed when the broker is gone.
    pub temporary: Option<TempDir>,
}

impl BrokerOptions {
    /// The usual: a port chosen by the system, most of the disk, two minutes to start.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            data_dir: data_dir.into(),
            port: None,
            max_store_bytes: None,
            ready_within: Duration::from_secs(120),
            restarts: Restarts::default(),
            accounts: None,
            temporary: None,
        }
    }

    /// A broker in a directory of its own that vanishes with it: for trials, and for tests, which each start one.
    /// The program is found, or installed, as [`locate`] does with this user's cache.
    ///
    /// # Errors
    /// As [`locate`]; or the directory cannot be made.
    pub async fn temporary() -> Result<Self, BrokerError> {
        let found = tokio::task::spawn_blocking(|| {
            locate_for_user(&|step| tracing::info!(target: "nats-server", "{step}"))
        });
        let located = match found.await {
            Ok(located) => located?,
            Err(_) => return Err(BrokerError::Stopped), // The runtime is being shut down.
        };
        let dir = tempfile::Builder::new().prefix("continuum-").tempdir();
        let dir = dir.map_err(BrokerError::io("cannot make a directory in", &std::env::temp_dir()))?;
        let mut options = Self::new(located.path, dir.path());
        options.temporary = Some(dir);
        // Streams reserve what they may grow to; here they never do, and the disk of temporary files may be small.
        options.max_store_bytes = Some(1 << 40);
        Ok(options)
    }
}

/// A running broker. It is started again when it ends by itself; dropping it kills it.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    data_dir: PathBuf,
    shared: Arc<Shared>,
    restarts: Restarts,
    orders: mpsc::Sender<Order>,
    supervisor: Option<JoinHandle<()>>,
    /// Held, by the operating system's own means, for as long as this broker lives.
    _lock: File,
    /// Last, so that it is removed when the broker is gone.
    _temporary: Option<TempDir>,
}

impl Broker {
    /// Starts a broker and waits until it accepts connections.
    ///
    /// # Errors
    /// [`BrokerError::InUse`] when another process has the directory; [`BrokerError::PortTaken`],
    /// [`BrokerError::Ended`] or [`BrokerError::Mute`] when the server does not come up; [`BrokerError::Orphan`] when
    /// one that was left behind cannot be stopped.
    pub async fn start(options: BrokerOptions) -> Result<Self, BrokerError> {
        let data_dir = settings::prepare(&options.data_dir)?;
        let lock = lock(&data_dir)?;
        orphan::stop_orphans(&data_dir).await?;
        settings::write_accounts(&data_dir, options.accounts.as_deref())?;
        let max_store_bytes = match options.max_store_bytes {
            Some(bytes) => bytes,
            None => settings::most_of_the_disk(&data_dir)?,
        };
        let shared = Arc::new(Shared::new());
        let mut tries = 1;
        let (launch, child) = loop {
            let launch = prepare_launch(&options, &data_dir, max_store_bytes)?;
            match launch.start(&shared).await {
                Ok(child) => break (launch, child),
                Err(BrokerError::PortTaken { .. }) if options.port.is_none() && tries < PORT_TRIES => {
                    tries += 1
                }
                Err(why) => return Err(why),
            }
        };
        let port = launch.port;
        let (orders, given) = mpsc::channel(1);
        let watch = supervise(child, launch, options.restarts, Arc::clone(&shared), given);
        tracing::info!(port, data_dir = %data_dir.display(), "the broker runs");
        Ok(Self {
            port,
            data_dir,
            shared,
            restarts: options.restarts,
            orders,
            supervisor: Some(tokio::spawn(watch)),
            _lock: lock,
            _temporary: options.temporary,
        })
    }

    /// A broker in a directory of its own, both gone when it is dropped. See [`BrokerOptions::temporary`].
    ///
    /// # Errors
    /// As [`BrokerOptions::temporary`] and [`Self::start`].
    pub async fn temporary() -> Result<Self, BrokerError> {
        Self::start(BrokerOptions::temporary().await?).await
    }

    /// Where to connect to. It stays the same when the server is started again.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its streams.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The number of the server's process, while one accepts connections.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        match *self.shared.situation.borrow() {
            Situation::Running { pid } => Some(pid),
            Situation::Starting | Situation::Stopped | Situation::GivenUp { .. } => None,
        }
    }

    /// Waits until the server accepts connections and tells its process number: at once while it runs, later while it is
    /// being started again.
    ///
    /// # Errors
    /// [`BrokerError::GaveUp`] or [`BrokerError::Stopped`] when it never will.
    pub async fn ready(&self) -> Result<i32, BrokerError> {
        let seen = self.until(|s| !matches!(s, Situation::Starting)).await;
        match seen {
            Situation::Running { pid } => Ok(pid),
            other @ (Situation::Starting | Situation::Stopped | Situation::GivenUp { .. }) => {
                Err(self.end(other))
            }
        }
    }

    /// Waits until the broker is given up or stopped, and says why: nothing that needs it can go on.
    pub async fn failed(&self) -> BrokerError {
        let seen = self.until(|s| matches!(s, Situation::Stopped | Situation::GivenUp { .. })).await;
        self.end(seen)
    }

    async fn until(&self, reached: impl FnMut(&Situation) -> bool) -> Situation {
        let mut situation = self.shared.situation.subscribe();
        match situation.wait_for(reached).await {
            Ok(seen) => seen.clone(),
            Err(_) => Situation::Stopped, // The sender is ours and lives as long as we do.
        }
    }

    fn end(&self, seen: Situation) -> BrokerError {
        let Restarts { at_most: restarts, window } = self.restarts;
        match seen {
            Situation::GivenUp { last } => BrokerError::GaveUp { restarts, window, last },
            Situation::Starting | Situation::Running { .. } | Situation::Stopped => BrokerError::Stopped,
        }
    }

    /// Kills the server as a power cut would (SIGKILL): it is started again, see [`Self::ready`]. For tests that prove
    /// what a crash leaves intact.
    pub fn kill_hard(&self) {
        // Said before it is done, so that `ready` cannot answer for the server that is about to die.
        self.starting();
        self.shared.kill();
    }

    /// Gives the broker another list of who may connect, and starts it again: it then cuts off whoever is not on the list.
    /// Those who are connect again by themselves. Returns when it accepts connections.
    ///
    /// It is asked to end and not to go lame first: there is no other server that clients could move to meanwhile, and
    /// who was revoked would stay connected. Loading the list into a running server instead leaves what a new account
    /// imports without answers.
    ///
    /// # Errors
    /// [`BrokerError::Io`] when the list cannot be written: nothing changed; as [`Self::ready`].
    pub async fn renew_accounts(&self, accounts: &str) -> Result<(), BrokerError> {
        settings::write_accounts(&self.data_dir, Some(accounts))?;
        // Said before it is done, so that `ready` cannot answer for the server that is about to end.
        self.starting();
        if self.orders.send(Order::Restart).await.is_err() {
            return Err(self.failed().await);
        }
        self.ready().await.map(drop)
    }

    fn starting(&self) {
        self.shared.situation.send_if_modified(|situation| {
            let running = matches!(situation, Situation::Running { .. });
            if running {
                *situation = Situation::Starting;
            }
            running
        });
    }

    /// Ends the server in good order: it is asked to, waited for, and killed after ten seconds.
    pub async fn stop(mut self) {
        // An error means that there is no supervisor to tell any more.
        let _ = self.orders.send(Order::Stop).await;
        if let Some(supervisor) = self.supervisor.take() {
            // An error means that the supervisor was aborted with the runtime; dropping `self` kills what is left.
            let _ = supervisor.await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.abort();
        }
        self.shared.kill_and_wait();
    }
}

/// Where the broker whose directory this is listens, if one runs there.
#[must_use]
pub fn running_at(data_dir: &Path) -> Option<String> {
    let lock = File::open(data_dir.join("lock")).ok()?;
    // Whoever runs it holds the lock.
    if lock.try_lock().is_ok() {
        return None;
    }
    settings::port(data_dir).map(|port| format!("nats://127.0.0.1:{port}"))
}

/// Takes the lock of the directory, which the operating system gives back however this process ends.
fn lock(data_dir: &Path) -> Result<File, BrokerError> {
    let path = data_dir.join("lock");
    let file = File::create(&path).map_err(BrokerError::io("cannot create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BrokerError::InUse { dir: data_dir.to_owned() }),
        Err(TryLockError::Error(why)) => Err(BrokerError::io("cannot lock", &path)(why)),
    }
}

/// Chooses port and name, and writes the configuration.
fn prepare_launch(
    options: &BrokerOptions,
    data_dir: &Path,
    max_store_bytes: u64,
) -> Result<Launch, BrokerError> {
    let port = match options.port {
        Some(port) => port,
        None => child::free_port()?,
    };
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn)
        .map_err(|why| BrokerError::io("cannot draw a name for", data_dir)(why.into()))?;
    let name = format!("continuum-{:016x}", u64::from_be_bytes(drawn));
    let config = settings::Settings { data_dir, name: &name, port, max_store_bytes }.write()?;
    Ok(Launch { binary: options.binary.clone(), config, name, port, ready_within: options.ready_within })
}
