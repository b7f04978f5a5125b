//! Telling the supervisor of the process (systemd, `Type=notify`) that it is ready, and that it stops.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket of the supervisor.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// The supervisor could not be told. The service itself is none the worse: log it and go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell the supervisor {message} through {socket:?}")]
pub struct NotifyError {
    message: &'static str,
    socket: OsString,
    source: io::Error,
}

/// Says that the process is ready. Whether there was a supervisor to tell.
///
/// # Errors
///
/// [`NotifyError`] when there is one and it cannot be told.
pub fn notify_ready() -> Result<bool, NotifyError> {
    notify("READY=1")
}

/// Says that the process is stopping. Whether there was a supervisor to tell.
///
/// # Errors
///
/// [`NotifyError`] when there is one and it cannot be told.
pub fn notify_stopping() -> Result<bool, NotifyError> {
    notify("STOPPING=1")
}

fn notify(message: &'static str) -> Result<bool, NotifyError> {
    let Some(socket) = std::env::var_os(SOCKET_VARIABLE).filter(|socket| !socket.is_empty()) else {
        return Ok(false);
    };
    send(&socket, message).map(|()| true).map_err(|source| NotifyError { message, socket, source })
}

fn send(socket: &OsStr, message: &str) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address(socket)?).map(|_| ())
}

/// The address of the socket; one that begins with `@` is a name known to the kernel alone, without a file.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => abstract_address(name),
        None => SocketAddr::from_pathname(socket),
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "names known to the kernel alone exist on Linux only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supervisor_hears_the_message() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        let mut heard = [0; 16];
        let length = supervisor.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_supervisor_may_listen_without_a_file() {
        let name = format!("continuum-test-{}", std::process::id());
        let supervisor = UnixDatagram::bind_addr(&abstract_address(name.as_bytes()).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        let mut heard = [0; 16];
        assert_eq!(supervisor.recv(&mut heard).unwrap(), 10);
    }
}
