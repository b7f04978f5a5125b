//! Asking for the commands of a plan: side by side where they concern different things, one after the other where they
//! concern the same, and again where the answer says to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::plan::{Job, Outgoing, Plan, Step};
use super::review::POSSIBLE_DUPLICATE;
use super::target::{Answer, Problem, Target};
use super::verdict::{Fault, Report, Verdict};

/// How many chains are asked for side by side.
pub const AT_ONCE: usize = 32;
/// How often a command is asked for before the import gives up: with the waits between, about half a minute.
const ATTEMPTS: u32 = 8;
/// The wait before the second time; it doubles from one to the next.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// The longest wait between two times, whatever the answer says.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Why an import stopped before its end. What was recorded stays; running the file again goes on where it stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// No answer, or only answers to ask again later.
    #[error(
        "l'application ne prend pas de commandes pour l'instant ({0}) : relancez le même import plus tard, rien n'est enregistré deux fois"
    )]
    Unavailable(String),
    /// What answers does not take commands as they are sent: the address, the actor or the organisation is wrong.
    #[error("{0} ; vérifiez l'adresse, l'organisme et l'acteur")]
    Misaddressed(String),
}

/// How a job ended.
enum Ended {
    Verdict(Verdict),
    /// The instance could not be asked on, with these steps done.
    Stopped(Stopped, Vec<&'static str>),
}

/// Asks for everything in `plan`; `progress` hears how many lines have their verdict. The report has a verdict for every
/// line, even when the import stopped, which the second value says.
pub async fn send(
    plan: Plan,
    target: &impl Target,
    mut progress: impl FnMut(usize),
) -> (Report, Option<Stopped>) {
    let mut report = Report::default();
    for refused in plan.refused {
        report.lines.insert(refused.line, Verdict::Refused(refused.faults));
    }
    progress(report.lines.len());
    let halt = AtomicBool::new(false);
    let chains = plan.chains.into_iter().map(|chain| walk(chain, target, &halt));
    let mut walking = futures_util::stream::iter(chains).buffer_unordered(AT_ONCE);
    let mut stopped = None;
    while let Some(ended) = walking.next().await {
        for (lines, ended) in ended {
            let verdict = match ended {
                Ended::Verdict(verdict) => verdict,
                Ended::Stopped(why, done) => {
                    stopped.get_or_insert(why);
                    if done.is_empty() { Verdict::NotAsked } else { Verdict::CutShort(done) }
                }
            };
            report.lines.extend(lines.into_iter().map(|line| (line, verdict.clone())));
        }
        progress(report.lines.len());
    }
    (report, stopped)
}

/// The jobs of one chain in order. Once somebody stopped, nothing more is asked.
async fn walk(chain: Vec<Job>, target: &impl Target, halt: &AtomicBool) -> Vec<(Vec<u64>, Ended)> {
    let mut ended = Vec::with_capacity(chain.len());
    for job in chain {
        let end = if halt.load(Ordering::Relaxed) {
            Ended::Verdict(Verdict::NotAsked)
        } else {
            carry_out(&job.steps, target).await
        };
        if matches!(end, Ended::Stopped(..)) {
            halt.store(true, Ordering::Relaxed);
        }
        ended.push((job.lines, end));
    }
    ended
}

/// The steps of one job. A step that is refused ends it; what was done before is told.
async fn carry_out(steps: &[Step], target: &impl Target) -> Ended {
    let (mut new, mut done) = (false, Vec::new());
    for step in steps {
        match ask(&step.outgoing, target).await {
            Ok(Answer::Taken { repeated }) => {
                new |= !repeated;
                done.push(step.done);
            }
            Ok(Answer::Problem(problem)) => {
                return Ended::Verdict(Verdict::Refused(vec![fault(step, &problem, &done)]));
            }
            Err(stopped) => return Ended::Stopped(stopped, done),
        }
    }
    Ended::Verdict(if new { Verdict::Created } else { Verdict::Already })
}

/// Asks for one command until there is an answer about the command itself.
///
/// # Errors
/// [`Stopped`], when there is none.
pub(crate) async fn ask(outgoing: &Outgoing, target: &impl Target) -> Result<Answer, Stopped> {
    let mut wait = WAIT_MIN;
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        let pause = match target.send(outgoing).await {
            Ok(Answer::Problem(problem)) => match judge(&problem) {
                Judgement::Line => return Ok(Answer::Problem(problem)),
                Judgement::Setup => {
                    return Err(Stopped::Misaddressed(format!("{} : {}", outgoing.path, said(&problem))));
                }
                // A fault of theirs that stays is about this line: the others go on.
                Judgement::Later if problem.status == 500 && attempt == ATTEMPTS => {
                    return Ok(Answer::Problem(problem));
                }
                Judgement::Later => {
                    last = said(&problem);
                    problem.retry_after.map_or(wait, |asked| asked.max(wait))
                }
            },
            Ok(taken) => return Ok(taken),
            Err(unreachable) => {
                last = unreachable.to_string();
                wait
            }
        };
        if attempt < ATTEMPTS {
            tokio::time::sleep(pause.min(WAIT_MAX)).await;
        }
        wait *= 2;
    }
    Err(Stopped::Unavailable(last))
}

/// What a problem is about.
enum Judgement {
    /// The line: it is refused, the others go on.
    Line,
    /// The moment: ask again.
    Later,
    /// The way of asking: no line would be taken.
    Setup,
}

fn judge(problem: &Problem) -> Judgement {
    match (problem.status, problem.code.as_str()) {
        // One file that cannot be read does not concern the others.
        (_, "aggregate-stopped") => Judgement::Line,
        (_, "contended") | (429 | 500 | 502..=504, _) => Judgement::Later,
        (300..=399 | 401 | 403 | 405 | 415 | 507, _) => Judgement::Setup,
        (_, "malformed-header" | "unknown-path" | "") => Judgement::Setup,
        (_, _) => Judgement::Line,
    }
}

fn said(problem: &Problem) -> String {
    let code = if problem.code.is_empty() { "ce n'est pas une réponse de Continuum" } else { &problem.code };
    format!("{} {code}", problem.status)
}

/// Why a line is refused, from the answer to one of its steps.
fn fault(step: &Step, problem: &Problem, done: &[&str]) -> Fault {
    // « Place : introuvable » and « Ménage : introuvable » have one code: the sentence begins with what is meant.
    let precise = format!("{}/{}", problem.code, problem.detail.split(' ').next().unwrap_or_default());
    let about =
        |wanted: &str| step.blame.iter().find(|(code, _)| *code == wanted).map(|(_, column)| column.clone());
    let blamed = about(&precise).or_else(|| about(&problem.code));
    let mut why = match problem.code.as_str() {
        "idempotency-key-reused" => "déjà importée avec un autre contenu : corrigez la fiche dans l'application, ou remettez la ligne comme elle était".to_owned(),
        POSSIBLE_DUPLICATE => format!("doublon possible : {}", problem.look_alikes.join(" ; ")),
        "malformed-body" | "malformed-id" | "too-deep" | "body-too-large" | "aggregate-stopped" => {
            let place = problem.pointer.as_deref().map_or(String::new(), |pointer| format!(" ({pointer})"));
            format!("non comprise par l'application{place} : {}", problem.detail)
        }
        _ if problem.detail.is_empty() => format!("refusée par l'application ({})", problem.code),
        _ => problem.detail.clone(),
    };
    if !done.is_empty() {
        why.push_str(&format!(" [{}]", done.join(", ")));
    }
    Fault { column: blamed.unwrap_or_default(), why }
}
