//! Where the unpredictable bytes of secrets come from.

/// The machine gives no unpredictable bytes: nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the machine gives no unpredictable bytes")]
pub struct NoRandomness;

/// A source of unpredictable bytes. A deployed process has [`SystemRandom`]; only a test has another.
pub trait Random: Send + Sync {
    /// Fills the whole of `bytes`.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`]: what is in `bytes` must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(bytes).map_err(|_| NoRandomness)
    }
}

/// `N` unpredictable bytes.
pub(in crate::sign_in) fn drawn<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
