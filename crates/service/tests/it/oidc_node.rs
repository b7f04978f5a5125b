//! A real provider of OpenID Connect in a process of its own: `oidc-provider`, on Node.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The script, and what it needs, to the letter.
const SCRIPT: &str = include_str!("../oidc/provider.mjs");
const PACKAGE: &str = include_str!("../oidc/package.json");
const LOCK: &str = include_str!("../oidc/package-lock.json");

/// A provider that runs for the length of a test.
pub(crate) struct NodeProvider {
    pub(crate) issuer: String,
    process: Child,
}

impl NodeProvider {
    /// Starts one; none, with the reason on standard error, where it cannot be had and the machine does not call itself `CI`.
    pub(crate) fn start(settings: &Value) -> Option<Self> {
        let directory = match installed() {
            Ok(directory) => directory,
            Err(why) => {
                assert!(std::env::var_os("CI").is_none(), "no provider of OpenID Connect: {why}");
                eprintln!("skipped: no provider of OpenID Connect: {why}");
                return None;
            }
        };
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .arg(settings.to_string())
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        // The line comes, or the end of the stream when the process ends.
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut issuer).unwrap();
        let issuer = issuer.trim().to_owned();
        let running = Self { issuer, process };
        assert!(running.issuer.starts_with("http://127.0.0.1:"), "the provider did not start");
        Some(running)
    }
}

impl Drop for NodeProvider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The directory where the provider is installed, beside what cargo builds. Installed once for each state of the lock file.
fn installed() -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("oidc");
    let io = |error: std::io::Error| error.to_string();
    fs::create_dir_all(&directory).map_err(io)?;
    // Tests run side by side, each in its own process with some runners.
    let lock = File::create(directory.join("lock")).map_err(io)?;
    lock.lock().map_err(io)?;
    let done = directory.join("installed");
    let wanted = format!("{SCRIPT}{PACKAGE}{LOCK}");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(directory);
    }
    for (name, text) in [("provider.mjs", SCRIPT), ("package.json", PACKAGE), ("package-lock.json", LOCK)] {
        fs::write(directory.join(name), text).map_err(io)?;
    }
    let version = Command::new("node").arg("--version").output().map_err(|_| "node is not there")?;
    if !version.status.success() {
        return Err("node does not run".to_owned());
    }
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&directory)
        .output()
        .map_err(|_| "npm is not there")?;
    if !npm.status.success() {
        return Err(format!("npm cannot install it: {}", String::from_utf8_lossy(&npm.stderr)));
    }
    fs::write(&done, wanted).map_err(io)?;
    Ok(directory)
}
