//! How long work tells how far it is: a bar on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of work, on standard error.
pub struct Progress {
    what: String,
    total: u64,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// Begins: `what` is a noun phrase, `total` how many steps there are, 0 if nobody knows.
    #[must_use]
    pub fn begin(what: impl Into<String>, total: u64) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
            let form = if total == 0 {
                "{msg}: {human_pos}, {elapsed}"
            } else {
                "{msg}: {bar:30} {human_pos}/{human_len}, {eta} left"
            };
            if let Ok(style) = ProgressStyle::with_template(form) {
                bar.set_style(style);
            }
            bar.with_message(what.clone())
        });
        if bar.is_none() {
            eprintln!("{what}…");
        }
        Self { what, total, bar, said: Instant::now() }
    }

    /// So many steps are done.
    pub fn at(&mut self, done: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                if self.total == 0 {
                    eprintln!("{}: {done}", self.what);
                } else {
                    eprintln!("{}: {done}/{}", self.what, self.total);
                }
            }
            None => {}
        }
    }

    /// Done: `said` stands in the place of the bar.
    pub fn end(self, said: &str) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{}: {said}", self.what);
    }
}
