use std::sync::{Arc, Mutex};

use super::*;

const GRACE: Duration = Duration::from_secs(20);

fn tasks() -> Tasks {
    Tasks::new("intake", &Stop::new(), GRACE)
}

async fn until_asked(stop: Stop) -> anyhow::Result<()> {
    stop.stopping().await;
    Ok(())
}

#[tokio::test]
async fn all_end_well_when_asked_to_stop() {
    let mut tasks = tasks();
    tasks.front("http", until_asked);
    tasks.behind("follow", until_asked);
    let handle = tasks.into_handle(None);
    handle.stop();
    handle.join().await.unwrap();
}

#[tokio::test]
async fn a_task_that_ends_early_stops_the_others_and_is_named() {
    let mut tasks = tasks();
    tasks.front("http", until_asked);
    tasks.behind("follow", |_| async { Ok(()) });
    let error = tasks.run().await.unwrap_err();
    assert_eq!(error.to_string(), "intake ended because follow ended early");
}

#[tokio::test]
async fn a_task_that_fails_or_panics_is_named() {
    let mut failing = tasks();
    failing.front("http", |_| async { Err(anyhow::anyhow!("no socket")) });
    let error = failing.run().await.unwrap_err();
    assert!(matches!(&error, TaskError::Failed { task: "http", .. }), "{error}");
    assert!(chain(&error).ends_with("no socket"));
    let mut panicking = tasks();
    panicking.behind("follow", |_| async { panic!("poisoned") });
    assert!(matches!(panicking.run().await, Err(TaskError::Panicked { task: "follow", .. })));
}

#[tokio::test]
async fn those_behind_outlive_those_in_front() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tasks();
    let note = |name, ended: &Arc<Mutex<Vec<&'static str>>>| {
        let ended = Arc::clone(ended);
        move |stop: Stop| async move {
            stop.stopping().await;
            tokio::task::yield_now().await;
            ended.lock().unwrap().push(name);
            Ok(())
        }
    };
    tasks.behind("append", note("append", &ended));
    tasks.front("http", note("http", &ended));
    let handle = tasks.into_handle(None);
    handle.stop();
    handle.join().await.unwrap();
    assert_eq!(*ended.lock().unwrap(), ["http", "append"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_within_its_grace_is_dropped_and_named() {
    let mut tasks = tasks();
    tasks.front("http", |_| std::future::pending());
    tasks.behind("follow", until_asked);
    let begun = Instant::now();
    let handle = tasks.into_handle(None);
    handle.stop();
    let error = handle.join().await.unwrap_err();
    assert!(matches!(&error, TaskError::Overran { tasks, .. } if tasks == "http"), "{error}");
    assert_eq!(begun.elapsed(), GRACE + MARGIN);
}

#[tokio::test]
async fn a_hard_stop_does_not_wait() {
    let stop = Stop::new();
    let mut tasks = Tasks::new("intake", &stop, GRACE);
    tasks.front("http", |_| std::future::pending());
    tasks.behind("follow", |_| std::future::pending());
    let handle = tasks.into_handle(None);
    stop.kill();
    let error = handle.join().await.unwrap_err();
    assert!(matches!(&error, TaskError::Overran { tasks, .. } if tasks == "http"), "{error}");
}
