//! Work on the data of an instance that does not run: its broker is started for it, and stopped whatever comes.

use anyhow::Context as _;
use desk::Context;
use journal::accounts::CoreUser;
use journal::{Journal, JournalConfig, Provision};
use service::lifecycle::stop_on_signals;
use service::{Edge, Stop};

use crate::up::{Layout, as_core_user, broker, open};

/// Does `work` over the journal of the instance at `layout`. Asked to end, it drops the work and stops the broker.
///
/// # Errors
/// A directory that holds no instance or is in use, a journal that cannot be opened, the error of the work, a signal.
pub(crate) async fn over<T>(
    layout: &Layout,
    work: impl AsyncFnOnce(&Context) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_broker(layout, async |stop, url| {
        let settings = layout.settings(&url, ([127, 0, 0, 1], 0).into())?;
        let first = settings.first().context("no service has settings")?;
        let context = open(layout, first, Edge::system(), stop).await?;
        work(&context).await
    })
    .await
}

/// Does `work` over the journal of the instance at `layout` with the rights of whoever backs up and verifies: everything
/// in the streams, and no key.
///
/// # Errors
/// As [`over`].
pub(crate) async fn as_ops<T>(
    layout: &Layout,
    work: impl AsyncFnOnce(&Journal) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_broker(layout, async |_, url| {
        let config = as_core_user(layout, CoreUser::Ops, &JournalConfig::at(url))?;
        // Nothing is made: what is not there is told.
        let config = JournalConfig { provision: Provision::Verify, ..config };
        let journal = Journal::open(config).await.context("cannot open the journal")?;
        work(&journal).await
    })
    .await
}

/// Does `work` with the broker of the instance at `layout`, which listens where the work is told. Asked to end, it drops
/// the work and stops the broker.
///
/// # Errors
/// A directory that holds no instance or is in use, the error of the work, a signal.
async fn with_broker<T>(
    layout: &Layout,
    work: impl AsyncFnOnce(&Stop, String) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // Nothing is made where nothing is: a mistyped path would look like an empty instance.
    if !layout.broker().is_dir() {
        anyhow::bail!(
            "there is no instance: {} does not exist; --data names the directory that `continuum up` was given",
            layout.broker().display()
        );
    }
    let stop = Stop::new();
    stop_on_signals(stop.clone()).context("cannot listen to signals")?;
    let broker = broker(layout).await?;
    let ended = tokio::select! {
        ended = Box::pin(work(&stop, broker.url())) => ended,
        () = stop.stopping() => Err(anyhow::anyhow!("asked to end before it was done")),
    };
    broker.stop().await;
    ended
}
