//! The configuration file of the broker.
//!
//! **Invariant.** `sync_interval: always`: what was acknowledged is on disk. Nothing here makes it optional.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::BrokerError;

/// What differs from one start to the next; the rest of the file is fixed.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    /// The directory of the configuration, the streams and the process number. Absolute.
    pub(super) data_dir: &'a Path,
    /// The name the server answers with, drawn at each start: a stranger on the same port is recognised by it.
    pub(super) name: &'a str,
    /// The port on loopback.
    pub(super) port: u16,
    /// The bytes that all streams together may take.
    pub(super) max_store_bytes: u64,
}

/// Where the configuration is kept in `data_dir`.
pub(super) fn config_file(data_dir: &Path) -> PathBuf {
    data_dir.join("nats-server.conf")
}

/// The port that the configuration in `data_dir` names.
pub(super) fn port(data_dir: &Path) -> Option<u16> {
    let text = fs::read_to_string(config_file(data_dir)).ok()?;
    let listens = text.lines().find_map(|line| line.strip_prefix("listen: \"127.0.0.1:"))?;
    listens.strip_suffix('"')?.parse().ok()
}

/// Where the server writes its process number in `data_dir`.
pub(super) fn pid_file(data_dir: &Path) -> PathBuf {
    data_dir.join("nats-server.pid")
}

/// The file that says who may connect, beside the configuration that includes it.
const ACCOUNTS: &str = "accounts.conf";

/// Writes who may connect; without a list, nobody is asked. It appears whole or not at all.
pub(super) fn write_accounts(data_dir: &Path, accounts: Option<&str>) -> Result<(), BrokerError> {
    let path = data_dir.join(ACCOUNTS);
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        file.write_all(accounts.unwrap_or("# Nobody is asked for credentials.\n").as_bytes())?;
        file.persist(&path).map(drop).map_err(|e| e.error)
    };
    write().map_err(BrokerError::io("cannot write", &path))
}

impl Settings<'_> {
    /// Writes the configuration and returns its path. It appears whole or not at all.
    pub(super) fn write(&self) -> Result<PathBuf, BrokerError> {
        let path = config_file(self.data_dir);
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(self.data_dir)?;
            file.write_all(self.text().as_bytes())?;
            file.persist(&path).map(drop).map_err(|e| e.error)
        };
        write().map_err(BrokerError::io("cannot write", &path))?;
        Ok(path)
    }

    fn text(&self) -> String {
        let Self { data_dir, name, port, max_store_bytes } = self;
        let store = quoted(&data_dir.join("jetstream"));
        let pid = quoted(&pid_file(data_dir));
        format!(
            r#"# Written by continuum at each start: edits are lost.
server_name: "{name}"
listen: "127.0.0.1:{port}"
pid_file: {pid}
logtime: false

{BOUNDS}
jetstream {{
  store_dir: {store}
  # An acknowledgement means that the message is on disk.
  sync_interval: always
  max_file_store: {max_store_bytes}
  max_memory_store: 256MB
  limits {{ duplicate_window: "24h" }}
}}

include "{ACCOUNTS}"
"#
        )
    }
}

/// The bounds of connections, the same for a server of our own and for one of a shared installation.
pub(crate) const BOUNDS: &str = r#"max_payload: 262144
max_connections: 2000
# Each read in flight is one, and the services of one process share a connection.
max_subscriptions: 100000
max_control_line: 4096
# More than all followers of one connection may have asked for: 4 MiB each.
max_pending: 64MB
write_deadline: "10s"
ping_interval: "20s"
ping_max: 2
lame_duck_duration: "30s"
lame_duck_grace_period: "2s"
"#;

/// A path as a string of the configuration language.
pub(crate) fn quoted(path: &Path) -> String {
    let escaped = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Four fifths of the disk that holds `dir`, so that a full journal is refused with an explanation before the disk
/// is full for everybody. Counted on the whole disk, not on what is free: the limit must not shrink as the journal grows.
///
/// # Errors
/// [`BrokerError::Io`] when the disk cannot be measured.
pub fn most_of_the_disk(dir: &Path) -> Result<u64, BrokerError> {
    let disk =
        rustix::fs::statvfs(dir).map_err(|e| BrokerError::io("cannot measure the disk of", dir)(e.into()))?;
    Ok(disk.f_blocks.saturating_mul(disk.f_frsize) / 5 * 4)
}

/// Makes `dir` (readable by its owner only) and returns its one true name.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf, BrokerError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .and_then(|()| fs::canonicalize(dir))
        .map_err(BrokerError::io("cannot create", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_always_syncs_and_listens_on_loopback_only() {
        let text = Settings { data_dir: Path::new("/d/o\"e"), name: "n", port: 4, max_store_bytes: 7 }.text();
        for line in ["sync_interval: always", "listen: \"127.0.0.1:4\"", "store_dir: \"/d/o\\\"e/jetstream\""]
        {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("http"), "no monitoring port: {text}");
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(port(dir.path()), None);
        Settings { data_dir: dir.path(), name: "n", port: 4, max_store_bytes: 7 }.write().unwrap();
        assert_eq!(port(dir.path()), Some(4));
    }
}
