//! One running nats-server: started, listened to, asked who it is, ended.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::BrokerError;

/// How many of its last complaints are kept for error messages.
const LAST_WORDS: usize = 12;

/// How long an asked-for end may take before it is enforced.
const GRACE: Duration = Duration::from_secs(10);

/// A nats-server that this process started. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    pid: Option<Pid>,
    words: LastWords,
    listener: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts `binary` with the configuration at `config`.
    pub(super) fn start(binary: &Path, config: &Path) -> Result<Self, BrokerError> {
        let mut process = Command::new(binary)
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in a terminal reaches us, and we end the broker after we are done with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(BrokerError::io("cannot run", binary))?;
        let pid = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let words = LastWords::default();
        let listener = process.stderr.take().map(|stderr| tokio::spawn(listen(stderr, words.clone())));
        Ok(Self { process, pid, words, listener })
    }

    /// Its process number, until it has ended and was waited for.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// What it complained of last.
    pub(super) fn last_words(&self) -> String {
        self.words.text()
    }

    /// Waits for it to end by itself.
    pub(super) async fn ended(&mut self) -> String {
        let status = self.process.wait().await;
        self.pid = None;
        if let Some(listener) = self.listener.take() {
            // Its pipe is closed now: the last lines are on their way, unless a child of its own holds the pipe open.
            let _ = timeout(Duration::from_secs(1), listener).await;
        }
        described(status)
    }

    /// Waits until it accepts connections under `name` on `port`.
    pub(super) async fn ready(&mut self, name: &str, port: u16, within: Duration) -> Result<(), BrokerError> {
        let greeted = async {
            let mut pause = Duration::from_millis(2);
            loop {
                if let Some(info) = greeting(port).await {
                    return info;
                }
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(50));
            }
        };
        tokio::select! {
            info = greeted => if info.server_name == name { Ok(()) } else { Err(BrokerError::PortTaken { port }) },
            status = self.ended() => Err(self.early_end(status, port)),
            () = sleep(within) => Err(BrokerError::Mute { within, log: self.last_words() }),
        }
    }

    fn early_end(&self, status: String, port: u16) -> BrokerError {
        let log = self.last_words();
        if log.contains("address already in use") {
            BrokerError::PortTaken { port }
        } else {
            BrokerError::Ended { status, log }
        }
    }

    /// Asks it to end, waits, and ends it by force if it takes too long. The streams are safe either way.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.pid {
            signal(pid, Signal::TERM);
        }
        if timeout(GRACE, self.ended()).await.is_err() {
            tracing::warn!(target: "nats-server", "did not stop within {} s and is killed", GRACE.as_secs());
            if let Some(pid) = self.pid {
                signal(pid, Signal::KILL);
            }
            self.ended().await;
        }
    }
}

/// Sends a signal. A process that has just ended needs none.
pub(super) fn signal(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

fn described(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(why) => format!("its status is unknown: {why}"),
    }
}

/// A port on loopback that the operating system holds for free right now.
pub(super) fn free_port() -> Result<u16, BrokerError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(BrokerError::io("cannot find a free port on", Path::new("127.0.0.1")))
}

/// What a nats-server says first on each connection.
#[derive(serde::Deserialize)]
struct Info {
    server_name: String,
}

/// The greeting of whoever listens on `port`, if somebody does and speaks NATS.
async fn greeting(port: u16) -> Option<Info> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let line = timeout(Duration::from_secs(2), async {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream.take(64 * 1024)).read_line(&mut line).await.ok()?;
        Some(line)
    });
    let line = line.await.ok()??;
    serde_json::from_str(line.trim().strip_prefix("INFO ")?).ok()
}

/// The last complaints of a nats-server.
#[derive(Debug, Clone, Default)]
struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_WORDS {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "none".to_owned();
        }
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// Passes what the server writes on to our log, until it closes its end.
async fn listen(stderr: impl AsyncRead + Unpin, words: LastWords) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let (level, text) = graded(&line);
        match level {
            Level::Chat => tracing::debug!(target: "nats-server", "{text}"),
            Level::Warning => tracing::warn!(target: "nats-server", "{text}"),
            Level::Error => tracing::error!(target: "nats-server", "{text}"),
        }
        if level != Level::Chat {
            words.add(text);
        }
    }
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Chat,
    Warning,
    Error,
}

/// Splits `[1234] [WRN] text`. A line of another form is written outside its log: something went badly wrong.
fn graded(line: &str) -> (Level, &str) {
    let graded = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] ["))
        .and_then(|(_, rest)| rest.split_once("] "));
    match graded {
        // The server calls it information that it cuts a client off.
        Some(("INF", text)) if text.contains("Slow Consumer Detected") => (Level::Warning, text),
        Some(("INF" | "DBG" | "TRC", text)) => (Level::Chat, text),
        Some(("WRN", text)) => (Level::Warning, text),
        Some((_, text)) => (Level::Error, text),
        None => (Level::Error, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_server_keep_their_gravity() {
        assert_eq!(graded("[12] [INF] Server is ready"), (Level::Chat, "Server is ready"));
        assert_eq!(graded("[12] [WRN] slow"), (Level::Warning, "slow"));
        let slow = "127.0.0.1:1 - cid:6 - Slow Consumer Detected: MaxPending of 16777216 Exceeded";
        assert_eq!(graded(&format!("[12] [INF] {slow}")), (Level::Warning, slow));
        assert_eq!(graded("[12] [FTL] no [more] disk"), (Level::Error, "no [more] disk"));
        assert_eq!(graded("nats-server: a.conf:1:2: bad"), (Level::Error, "nats-server: a.conf:1:2: bad"));
    }
}
