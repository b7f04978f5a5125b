//! A process that a test started: known by its number, gone when it is dropped.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::PATIENCE;

/// A running `continuum`. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: i32,
    base: String,
    /// Kept open: a program that writes to a closed pipe would end.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts `command`, whose standard error is added to the file at `log`, and waits until it says where it listens.
    ///
    /// # Panics
    /// When it ends, or does not become ready within [`PATIENCE`]; with what it said.
    pub async fn start(mut command: Command, log: &Path) -> Self {
        let stderr = std::fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let pid = i32::try_from(child.id().unwrap()).unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        let ready = timeout(PATIENCE, output.next_line()).await;
        let line = ready.unwrap_or_else(|_| panic!("not ready within {PATIENCE:?}: {}", said())).unwrap();
        let line = line.unwrap_or_else(|| panic!("ended before it was ready: {}", said()));
        let base =
            line.strip_prefix("ready ").unwrap_or_else(|| panic!("« {line} » is not ready")).to_owned();
        Self { child, pid, base, _output: output }
    }

    /// Where it listens: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Kills it as a power cut would (SIGKILL), and waits until it is gone.
    ///
    /// # Panics
    /// When it was already waited for.
    pub async fn kill_hard(mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    /// Asks it to end (SIGTERM) and waits for it.
    ///
    /// # Panics
    /// When it does not end within [`PATIENCE`].
    pub async fn terminate(mut self) -> ExitStatus {
        kill_process(Pid::from_raw(self.pid).unwrap(), Signal::TERM).unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it ends when asked to").unwrap()
    }
}

/// Whether a process of this number is there.
#[must_use]
pub fn alive(pid: i32) -> bool {
    let there = Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    // Whoever was killed and not yet waited for by its parent has no command line any more.
    let runs = std::fs::read(format!("/proc/{pid}/cmdline")).map_or(true, |line| !line.is_empty());
    there && runs
}

/// The number of the nats-server whose directory is `dir`, if one runs there.
#[must_use]
pub fn broker_of(dir: &Path) -> Option<i32> {
    let pid: i32 = std::fs::read_to_string(dir.join("nats-server.pid")).ok()?.trim().parse().ok()?;
    // The number may have gone to another process since: only ours names this directory.
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let dir = dir.as_os_str().as_encoded_bytes();
    line.windows(dir.len()).any(|part| part == dir).then_some(pid)
}

/// Kills the nats-server whose directory is `dir` as a power cut would; its number, if there was one.
pub fn kill_broker_of(dir: &Path) -> Option<i32> {
    let pid = broker_of(dir)?;
    // It may be gone by itself in between, which is what was wanted.
    let _ = kill_process(Pid::from_raw(pid)?, Signal::KILL);
    Some(pid)
}
