//! A broker that outlived the process which started it.
//!
//! When `continuum` is killed with no chance to clean up, its nats-server goes on. Two servers on one directory would
//! destroy the streams, so the next start *stops* it (politely, then by force) before it starts its own: it cannot be
//! adopted, since nobody reads what it writes nor learns when it ends. The process is recognised by its number, which
//! the server wrote itself, *and* by its command line, which names our configuration: a number that was given to another
//! process since harms nobody.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::{Instant, sleep};

use super::BrokerError;
use super::child::signal;
use super::settings::{config_file, pid_file};

/// How long each way of stopping it may take.
const GRACE: Duration = Duration::from_secs(10);

/// Stops the nats-server that still serves `data_dir`, if there is one. The caller holds the directory's lock.
pub(super) async fn stop_orphan(data_dir: &Path) -> Result<(), BrokerError> {
    let file = pid_file(data_dir);
    let recorded =
        fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(pid) = recorded
        && serves(pid, data_dir)
    {
        tracing::warn!(
            pid = pid.as_raw_pid(),
            "a nats-server was left behind by a killed process: stopping it"
        );
        signal(pid, Signal::TERM);
        if !gone(pid, data_dir).await {
            signal(pid, Signal::KILL);
            if !gone(pid, data_dir).await {
                return Err(BrokerError::Orphan { pid: pid.as_raw_pid(), dir: data_dir.to_owned() });
            }
        }
    }
    match fs::remove_file(&file) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(BrokerError::io("cannot remove", &file)(why))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits for it to go; it is not our child, so there is nothing to wait on but its traces.
async fn gone(pid: Pid, data_dir: &Path) -> bool {
    let deadline = Instant::now() + GRACE;
    while serves(pid, data_dir) {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

/// Whether the process runs with the configuration of `data_dir`. A zombie has no command line: it serves nothing.
fn serves(pid: Pid, data_dir: &Path) -> bool {
    let config = config_file(data_dir);
    let config = config.as_os_str().as_encoded_bytes();
    command_line(pid).is_some_and(|line| line.windows(config.len()).any(|part| part == config))
}

#[cfg(target_os = "linux")]
fn command_line(pid: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).ok()
}

#[cfg(not(target_os = "linux"))]
fn command_line(pid: Pid) -> Option<Vec<u8>> {
    let pid = pid.as_raw_pid().to_string();
    let output =
        std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid]).output().ok()?;
    output.status.success().then_some(output.stdout)
}
