//! A broker that outlived the process which started it.
//!
//! When `continuum` is killed with no chance to clean up, its nats-server goes on. Two servers on one directory would
//! destroy the streams, so the next start *stops* it (politely, then by force) before it starts its own: it cannot be
//! adopted, since nobody reads what it writes nor learns when it ends. A server is recognised by its command line, which
//! names our configuration, whether or not it came to write down its number: one killed process after another may have
//! left several.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::{Instant, sleep};

use super::BrokerError;
use super::child::signal;
use super::settings::{config_file, pid_file};

/// How long each way of stopping one may take.
const GRACE: Duration = Duration::from_secs(10);

/// Stops the nats-servers that still serve `data_dir`, if there are any. The caller holds the directory's lock.
pub(super) async fn stop_orphans(data_dir: &Path) -> Result<(), BrokerError> {
    let config = config_file(data_dir);
    for pid in serving(&config) {
        let number = pid.as_raw_pid();
        tracing::warn!(pid = number, "a nats-server was left behind by a killed process: stopping it");
        signal(pid, Signal::TERM);
        if !gone(pid, &config).await {
            signal(pid, Signal::KILL);
            if !gone(pid, &config).await {
                return Err(BrokerError::Orphan { pid: number, dir: data_dir.to_owned() });
            }
        }
    }
    let file = pid_file(data_dir);
    match std::fs::remove_file(&file) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(BrokerError::io("cannot remove", &file)(why))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits for it to go; it is not our child, so there is nothing to wait on but its traces.
async fn gone(pid: Pid, config: &Path) -> bool {
    let deadline = Instant::now() + GRACE;
    while serves(pid, config) {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    true
}

/// The processes that run with this configuration.
#[cfg(target_os = "linux")]
fn serving(config: &Path) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).filter(|pid| serves(*pid, config)).collect()
}

/// Whether the process runs with this configuration: `nats-server -c <configuration>`. A zombie has no command line: it
/// serves nothing.
#[cfg(target_os = "linux")]
fn serves(pid: Pid, config: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
    let arguments: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    arguments.windows(2).any(|pair| pair[0] == b"-c" && pair[1] == config.as_os_str().as_encoded_bytes())
}

/// The processes that run with this configuration.
#[cfg(not(target_os = "linux"))]
fn serving(config: &Path) -> Vec<Pid> {
    let listed = std::process::Command::new("ps").args(["-axww", "-o", "pid=,command="]).output();
    let listed = listed.map(|listed| listed.stdout).unwrap_or_default();
    let ours = format!(" -c {}", config.display());
    let lines = String::from_utf8_lossy(&listed);
    let numbers = lines.lines().filter(|line| line.trim_end().ends_with(&ours));
    numbers.filter_map(|line| Pid::from_raw(line.split_whitespace().next()?.parse().ok()?)).collect()
}

#[cfg(not(target_os = "linux"))]
fn serves(pid: Pid, config: &Path) -> bool {
    serving(config).contains(&pid)
}
