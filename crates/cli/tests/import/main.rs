//! Files into an instance: the whole way from bytes to recorded facts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files;
mod hostile;
mod memory;
mod over_http;
mod runs;
mod sne;
mod stays;
mod templates;

use std::collections::BTreeMap;

use cli::import::{Kind, Origin, Planned, Report, Verdict, send};
use domain::id::OrganisationId;

use memory::Memory;

/// The day of every test.
const TODAY: &str = "2026-11-23T12:00:00Z";

fn organisation() -> OrganisationId {
    "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap()
}

fn memory() -> Memory {
    Memory::of(organisation(), TODAY)
}

fn plan(kind: Kind, text: &str) -> Planned {
    kind.plan(text.as_bytes(), None, &Origin::of(organisation())).unwrap()
}

/// Imports a text; every line has its verdict.
async fn import(kind: Kind, text: &str, target: &Memory) -> Report {
    let planned = plan(kind, text);
    let (report, stopped) = send(planned.plan, target, |_| {}).await;
    assert_eq!(stopped, None);
    assert_eq!(report.lines.len(), planned.table.lines.len());
    report
}

/// Created, already there, refused.
fn counts(report: &Report) -> (usize, usize, usize) {
    let counts = report.counts();
    assert_eq!((counts.not_asked, counts.cut_short), (0, 0));
    (counts.created, counts.already, counts.refused)
}

/// What is wrong, by line: column and reason.
fn faults(report: &Report) -> BTreeMap<u64, Vec<(String, String)>> {
    let wrong = report.lines.iter().filter_map(|(line, verdict)| match verdict {
        Verdict::Refused(faults) => {
            Some((*line, faults.iter().map(|fault| (fault.column.clone(), fault.why.clone())).collect()))
        }
        Verdict::Created | Verdict::Already | Verdict::CutShort(_) | Verdict::NotAsked => None,
    });
    wrong.collect()
}
