//! Being asked to stop, and being told to.

use tokio_util::sync::CancellationToken;

/// The wish to stop, shared by all that must know of it.
///
/// First softly: finish what is under way, take on nothing new. Then hard: drop it. A hard stop includes the soft one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Stop {
    /// Not asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that is asked for when this one is, and can be asked for alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { soft: self.soft.child_token(), hard: self.hard.child_token() }
    }

    /// A stop that is told hard when this one is, and asked for softly only by itself.
    pub(super) fn later(&self) -> Self {
        Self { soft: self.hard.child_token(), hard: self.hard.child_token() }
    }

    /// Asks to finish what is under way.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Tells to drop what is under way.
    pub fn kill(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Returns once it is asked for.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Returns once it is told hard.
    pub async fn killed(&self) {
        self.hard.cancelled().await;
    }

    /// As [`Stop::stopping`], for what must own its wish.
    pub fn stopping_owned(&self) -> impl Future<Output = ()> + Send + use<> {
        self.soft.clone().cancelled_owned()
    }
}
