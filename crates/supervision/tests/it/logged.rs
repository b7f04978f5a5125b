//! What this process has logged, of all its tests.

use std::io::Write;
use std::sync::{Mutex, Once};

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static INSTALLED: Once = Once::new();

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps from now on what is logged.
pub(crate) fn keep() {
    INSTALLED.call_once(|| {
        let lines = tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false).finish();
        tracing::subscriber::set_global_default(lines).unwrap();
    });
}

/// The lines with this word in them.
pub(crate) fn lines_with(word: &str) -> Vec<String> {
    let logged = String::from_utf8(LOGGED.lock().unwrap().clone()).unwrap();
    logged.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}
