//! The signals of the one who runs the process.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::Stop;

/// The first SIGTERM or SIGINT asks to stop, the second tells to. Once per process.
///
/// # Errors
///
/// What the system says when signals cannot be listened to.
pub fn stop_on_signals(stop: Stop) -> io::Result<JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::spawn(async move {
        for again in [false, true] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if again {
                tracing::warn!(signal = name, "{name} again: dropping what is under way");
                stop.kill();
            } else {
                tracing::info!(signal = name, "{name}: finishing what is under way");
                stop.stop();
            }
        }
    }))
}
