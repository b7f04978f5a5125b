//! What this program and the broker it started have used of the processors. Only Linux tells; elsewhere it is nothing.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

/// Time on a processor.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// By this program.
    pub(crate) here: Duration,
    /// By the processes it started.
    pub(crate) broker: Duration,
}

impl Used {
    /// Up to now.
    pub(crate) fn now() -> Self {
        let this = std::process::id().to_string();
        let mut used =
            Self { here: stat("self").map(|(_, used)| used).unwrap_or_default(), ..Self::default() };
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            if let Some((parent, of)) = entry.file_name().to_str().and_then(stat)
                && parent == this
            {
                used.broker += of;
            }
        }
        used
    }
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let since = |now: Duration, before| now.saturating_sub(before);
        Self { here: since(self.here, before.here), broker: since(self.broker, before.broker) }
    }
}

impl AddAssign for Used {
    fn add_assign(&mut self, more: Self) {
        self.here += more.here;
        self.broker += more.broker;
    }
}

/// The parent of a process, and what it used.
fn stat(process: &str) -> Option<(String, Duration)> {
    /// Linux counts in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: state, parent, nine more, time in the program, time in the kernel.
    let fields: Vec<_> = stat.rsplit(") ").next()?.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(((*fields.get(1)?).to_owned(), TICK * (ticks(11)? + ticks(12)?)))
}
