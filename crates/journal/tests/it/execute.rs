//! Executing commands.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::id::HouseholdId;
use domain::ledger::{AggregateId, Change, Fact, Halt, Ledgers, State};
use domain::refusal::{Refusal, RefusalClass};
use journal::keys::KeyFile;
use journal::{Command, Decision, ExecuteError, Journal, Local, Receipt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::support::view::View;
use crate::support::{Ground, decision, digest, household, opening, origin, structure, territory};

/// Opens what is not open yet.
fn open(ledgers: &Ledgers, all: &[AggregateId]) -> Result<Vec<Change>, Halt> {
    for id in all {
        let state = ledgers.get(id).ok_or(Halt::Need(*id))?;
        if *state != State::empty(id) {
            return Err(Halt::Refused(refusal()));
        }
    }
    Ok(all.iter().map(|id| opening(*id)).collect())
}

/// Adds one more opening, whatever there is: a command that would be recorded as often as it is decided.
fn again(ledgers: &Ledgers, id: AggregateId) -> Result<Vec<Change>, Halt> {
    ledgers.get(&id).ok_or(Halt::Need(id))?;
    Ok(vec![opening(id)])
}

fn refusal() -> Refusal {
    Refusal {
        code: "structure-open",
        rule: "INV-0",
        class: RefusalClass::Conflict,
        sentence: "Cette structure est déjà ouverte.".to_owned(),
        since: None,
    }
}

async fn execute(
    journal: &Journal,
    view: &View,
    command: u128,
    decide: impl Fn(&Ledgers) -> Result<Vec<Change>, Halt> + Send + Sync,
) -> Result<Receipt, ExecuteError> {
    let origin = origin(command);
    journal.execute(view, &Command { origin: &origin, digest: digest(1), expected: None }, decide).await
}

#[tokio::test]
async fn a_command_over_two_ledgers_is_recorded_and_seen() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::live(&journal);
    let both = [structure(1), structure(2)];
    let receipt = execute(&journal, &view, 1, |ledgers| open(ledgers, &both)).await.unwrap();
    assert!(receipt.visible && !receipt.repeated);
    assert_eq!(receipt.position, 2);
    assert_eq!((receipt.version(&structure(1)), receipt.version(&structure(2))), (Some(1), Some(2)));
    let kinds: Vec<_> = receipt.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["structure.opened", "structure.opened"]);
}

#[tokio::test]
async fn what_may_have_been_recorded_is_sent_again_and_not_refused_meanwhile() {
    let ground = Ground::new().await;
    let mut config = ground.config();
    config.ack_wait = Duration::from_millis(300);
    let journal = Journal::open(config).await.unwrap();
    let view = View::live(&journal);
    let broker = Pid::from_raw(ground.broker.pid().unwrap()).unwrap();
    let decided = AtomicUsize::new(0);
    let decide = |ledgers: &Ledgers| {
        ledgers.get(&structure(1)).ok_or_else(|| Halt::Need(structure(1)))?;
        if decided.fetch_add(1, Ordering::AcqRel) == 0 {
            // What is sent now is not answered, and lost with this server.
            kill_process(broker, Signal::STOP).unwrap();
            return Ok(vec![opening(structure(1))]);
        }
        Err(Halt::Refused(refusal()))
    };
    let killed = async {
        until(|| decided.load(Ordering::Acquire) > 0).await;
        tokio::time::timeout(Duration::from_millis(600), std::future::pending::<()>()).await.unwrap_err();
        ground.broker.kill_hard();
    };
    let (receipt, ()) = tokio::join!(execute(&journal, &view, 1, decide), killed);
    assert_eq!(receipt.expect("it is not refused").position, 1);
    assert_eq!(decided.load(Ordering::Acquire), 1, "it is not decided again");
}

/// Waits until something holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_command_asked_twice_is_recorded_once_and_answered_alike() {
    let ground = Ground::new().await;
    let (here, there) = (ground.journal().await, ground.journal().await);
    let (seeing, lagging) = (View::live(&here), View::lagging(&there));
    let first = execute(&here, &seeing, 1, |ledgers| again(ledgers, structure(1))).await.unwrap();

    for (journal, view) in [(&here, &seeing), (&there, &lagging)] {
        let second = execute(journal, view, 1, |ledgers| again(ledgers, structure(1))).await.unwrap();
        assert!(second.repeated);
        assert_eq!((second.position, second.events), (first.position, first.events.clone()));
    }
    assert_eq!(here.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn a_command_asked_of_many_processes_at_once_is_recorded_once() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::lagging(&journal);
    let both = [structure(1), structure(2)];
    let asked = (0..20).map(|_| execute(&journal, &view, 1, |ledgers| open(ledgers, &both)));
    for receipt in futures_util::future::join_all(asked).await {
        assert_eq!(receipt.unwrap().position, 2);
    }
    assert_eq!(journal.last_position().await.unwrap(), 2);
}

#[tokio::test]
async fn a_command_is_found_behind_the_event_of_another_writer() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::lagging(&journal);
    journal.append(decision(9, &[(structure(1), 0)])).await.unwrap();
    view.catch_up().await;
    // The command was recorded, its answer was lost, and somebody else wrote behind it.
    let recorded = execute(&journal, &view, 1, |ledgers| again(ledgers, structure(1))).await.unwrap();
    journal.append(decision(10, &[(structure(1), recorded.position)])).await.unwrap();

    let receipt = execute(&journal, &view, 1, |ledgers| again(ledgers, structure(1))).await.unwrap();
    assert!(receipt.repeated);
    assert_eq!(receipt.position, recorded.position);
    assert_eq!(journal.load(&structure(1)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_is_not_used_for_two_commands() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    for view in [View::live(&journal), View::lagging(&journal)] {
        let first = execute(&journal, &view, 1, |ledgers| again(ledgers, structure(1))).await;
        first.unwrap();
        let origin = origin(1);
        let other = Command { origin: &origin, digest: digest(2), expected: None };
        let refused = journal.execute(&view, &other, |ledgers| again(ledgers, structure(1))).await;
        assert!(matches!(refused, Err(ExecuteError::KeyReused { .. })), "{refused:?}");
    }
    assert_eq!(journal.last_position().await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_refused_on_stale_data() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::lagging(&journal);
    journal.append(decision(9, &[(structure(1), 0)])).await.unwrap();
    view.catch_up().await;
    journal.append(decision(10, &[(structure(1), 1)])).await.unwrap();

    // Refused as long as only one event is known.
    let calls = AtomicUsize::new(0);
    let mut one = State::empty(&structure(1));
    let events = journal.load(&structure(1)).await.unwrap();
    journal::fold(&mut one, &events[..1]).unwrap();
    let receipt = execute(&journal, &view, 1, |ledgers| {
        let state = ledgers.get(&structure(1)).ok_or_else(|| Halt::Need(structure(1)))?;
        let told = calls.fetch_add(1, Ordering::Relaxed);
        if *state == one && told == 0 { Err(refusal().into()) } else { Ok(vec![opening(structure(1))]) }
    });
    assert_eq!(receipt.await.unwrap().position, 3);
    assert_eq!(calls.load(Ordering::Relaxed), 2);

    let refused = execute(&journal, &view, 2, |ledgers| open(ledgers, &[structure(1)])).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(r)) if r.code == "structure-open"));
}

#[tokio::test]
async fn who_insists_on_a_version_is_told_when_it_has_passed() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::lagging(&journal);
    journal.append(decision(9, &[(structure(1), 0)])).await.unwrap();
    view.catch_up().await;
    let insist = |command, version| {
        let (journal, view, origin) = (&journal, &view, origin(command));
        async move {
            let expected = Some((structure(1), version));
            let command = Command { origin: &origin, digest: digest(1), expected };
            journal.execute(view, &command, |ledgers| again(ledgers, structure(1))).await
        }
    };
    assert_eq!(insist(1, 1).await.unwrap().position, 2);
    let refused = insist(2, 1).await;
    assert!(matches!(refused, Err(ExecuteError::Stale { expected: 1, found: 2, .. })), "{refused:?}");
    // The view lags, the version insisted on is the true one.
    assert_eq!(insist(3, 2).await.unwrap().position, 3);
    // Asked again, it is answered as before, though its version has passed.
    assert_eq!(insist(3, 2).await.unwrap().position, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_others_always_outrun_is_given_up() {
    let ground = Ground::new().await;
    let (journal, rival) = (ground.journal().await, ground.journal().await);
    let view = View::live(&journal);
    let rounds = AtomicUsize::new(0);
    let outcome = execute(&journal, &view, 1, |ledgers| {
        let changes = again(ledgers, structure(1))?;
        let round = rounds.fetch_add(1, Ordering::Relaxed) as u64;
        let outrun: Decision = decision(100 + u128::from(round), &[(structure(1), round)]);
        block_in_place(|| Handle::current().block_on(rival.append(outrun))).unwrap();
        Ok(changes)
    });
    let outcome = outcome.await;
    assert!(matches!(outcome, Err(ExecuteError::Contended)), "{outcome:?}");
    assert_eq!(rounds.load(Ordering::Relaxed), journal::execute::ATTEMPTS);
    assert!(journal.load(&structure(1)).await.unwrap().iter().all(|event| event.command.0.as_u128() >= 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_recorded_exactly_once_whatever_happens_to_the_broker() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::lagging(&journal);
    let execute_all = futures_util::future::join_all((0..200_u128).map(|n| {
        let (journal, view) = (&journal, &view);
        async move { execute(journal, view, 1_000 + n, |ledgers| again(ledgers, structure(n % 20))).await }
    }));
    let trouble = async {
        for _ in 0..3 {
            ground.broker.ready().await.unwrap();
            ground.broker.kill_hard();
        }
    };
    let (answers, ()) = tokio::join!(execute_all, trouble);
    let events = journal.range(0, 10_000).await.unwrap();
    for (n, answer) in (0..).zip(answers) {
        let times = events.iter().filter(|event| event.command.0.as_u128() == 1_000 + n).count();
        match answer {
            Ok(_) => assert_eq!(times, 1, "command {n} was acknowledged"),
            Err(ExecuteError::Contended | ExecuteError::Unreachable(_)) => {
                assert!(times <= 1, "command {n} was given up");
            }
            Err(error) => panic!("command {n}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_broker_that_stays_away_is_reported_within_the_patience() {
    let ground = Ground::new().await;
    let config = journal::JournalConfig { patience: Duration::from_millis(300), ..ground.config() };
    let journal = Journal::open(config).await.unwrap();
    let view = View::lagging(&journal);
    ground.broker.stop().await;
    let outcome = execute(&journal, &view, 1, |ledgers| again(ledgers, structure(1))).await;
    assert!(matches!(outcome, Err(ExecuteError::Unreachable(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_command_that_changes_nothing_writes_nothing() {
    let ground = Ground::new().await;
    let journal = ground.journal().await;
    let view = View::live(&journal);
    journal.append(decision(9, &[(structure(1), 0)])).await.unwrap();
    let receipt =
        execute(&journal, &view, 1, |ledgers| again(ledgers, structure(1)).map(|_| Vec::new())).await;
    let receipt = receipt.unwrap();
    assert!(receipt.events.is_empty() && receipt.visible);
    assert_eq!(receipt.position, 1);
}

#[tokio::test]
async fn a_decision_reads_the_personal_values_that_everything_else_holds_sealed() {
    let ground = Ground::new().await;
    let secrets = tempfile::tempdir().unwrap();
    let file = KeyFile::open_or_create(&secrets.path().join("key"), None).unwrap();
    let journal = ground.journal().await.with_keys(file).await.unwrap();
    let view = View::live(&journal);
    let noted = json!({ "safety": { "personal": { "exclusion_zones": [], "note": "rue des Lilas" } } });
    let fact = Fact::read(&household(1), "household.safety_noted", 1, noted).unwrap();
    let change = Change { ledger: household(1), fact, effective: origin(1).at };
    execute(&journal, &view, 1, |ledgers| {
        ledgers.get(&household(1)).ok_or_else(|| Halt::Need(household(1)))?;
        Ok(vec![change.clone()])
    })
    .await
    .unwrap();

    let held = |state: Option<&State>| serde_json::to_string(&state).unwrap();
    let (sealed, _) = view.ledger(&household(1)).unwrap().unwrap();
    assert!(!held(Some(&sealed)).contains("Lilas"));

    for view in [view, View::lagging(&journal)] {
        let receipt = execute(&journal, &view, 2, |ledgers| {
            let state = ledgers.get(&household(1)).ok_or_else(|| Halt::Need(household(1)))?;
            assert!(held(Some(state)).contains("rue des Lilas"));
            Ok(Vec::new())
        });
        assert_eq!(receipt.await.unwrap().position, 1);
    }

    journal.keys().unwrap().forget(HouseholdId::new(territory("33"), household(1).uuid())).await.unwrap();
    execute(&journal, &View::lagging(&journal), 3, |ledgers| {
        let state = ledgers.get(&household(1)).ok_or_else(|| Halt::Need(household(1)))?;
        assert!(!held(Some(state)).contains("Lilas"));
        Ok(Vec::new())
    })
    .await
    .unwrap();
}
