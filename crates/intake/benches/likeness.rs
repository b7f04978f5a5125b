//! How long the tokens of a territory take to be built, first and at night beside those in use, and how much disk they take.
//!
//! `cargo bench -p intake`, or `cargo bench -p intake -- 50000` for so many households.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::calendar::{BirthMonth, Day};
use domain::event::{Actor, Origin};
use domain::household::composition::{Identity, PersonRecord, Registered, Sex};
use domain::id::{CommandId, HouseholdId, OrganisationId, PersonId, Territory};
use domain::ledger::{AggregateId, Change, Fact};
use domain::personal::Personal;
use domain::reference::{MemberLink, RightOfResidence};
use journal::broker::Broker;
use journal::keys::KeyFile;
use journal::{Decision, Digest, Draft, Journal, JournalConfig};
use projection::{Options, Projection};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many households, unless the command line says otherwise.
const HOUSEHOLDS: u128 = 10_000;
/// How many persons each has.
const PERSONS: u128 = 2;
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A name of three syllables that the number decides.
fn name(n: u128) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ben", "cou", "dia", "du", "el", "fa", "gar", "ham", "kei", "la", "ma", "mou", "na", "ou",
        "pe", "ra", "sa", "tou", "tra", "va", "ya", "zi", "mar",
    ];
    [n, n / 24, n / 576].map(|n| SYLLABLES[usize::try_from(n % 24).unwrap_or(0)]).concat()
}

fn registration(territory: Territory, n: u128) -> Outcome<Decision> {
    let at = "2026-03-15T12:00:00Z".parse()?;
    let command = CommandId(Uuid::from_u128(n + 1));
    let member = |nth: u128| {
        let of = n * PERSONS + nth;
        let born = jiff::civil::date(
            1940 + i16::try_from(of * 7 % 80).unwrap_or(0),
            1 + i8::try_from(of % 12).unwrap_or(0),
            1 + i8::try_from(of * 5 % 28).unwrap_or(0),
        );
        let identity = Identity {
            last_name: name(of * 31),
            first_names: name(of * 17),
            birth_name: None,
            birth_date: Day(born),
            phone: Some(format!("06{:08}", of % 100_000_000)),
            email: None,
            address: None,
        };
        PersonRecord {
            person: PersonId::nth_created_by(command, usize::try_from(nth).unwrap_or(0)),
            sex: Sex::Female,
            born: BirthMonth::of(born),
            link: if nth == 0 { MemberLink::main_applicant() } else { MemberLink::child() },
            residence: Some(RightOfResidence::not_stated()),
            identity: Personal::Known(identity),
        }
    };
    let members = (0..PERSONS).map(member).collect();
    let registered =
        Registered { members, expected: None, reachable: true, note: None, follower: None, reviewed: None };
    let ledger = AggregateId::Household(HouseholdId::created_by(territory, command));
    let change = Change { ledger, fact: Fact::Household(registered.into()), effective: at };
    let organisation = OrganisationId::new(territory, Uuid::nil());
    let origin = Origin { command, actor: Actor::clock(), organisation, at, trace: None };
    Ok(Decision { origin, digest: Digest([0; 16]), drafts: vec![Draft::from(&change)], expected: Vec::new() })
}

fn bytes(directory: &Path) -> Outcome<u64> {
    let mut all = 0;
    for entry in std::fs::read_dir(directory)? {
        let (path, entry) = entry.map(|entry| (entry.path(), entry.metadata()))?;
        all += if path.is_dir() { bytes(&path)? } else { entry?.len() };
    }
    Ok(all)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let asked = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let households: u128 = asked.unwrap_or(HOUSEHOLDS);
    let (broker, secrets, rows) = (Broker::temporary().await?, tempfile::tempdir()?, tempfile::tempdir()?);
    let file = KeyFile::open_or_create(&secrets.path().join("kek"), None)?;
    let journal = Journal::open(JournalConfig::at(broker.url())).await?.with_keys(file).await?;
    let territory: Territory = "33".parse()?;
    let decisions = (0..households).map(|n| registration(territory, n)).collect::<Outcome<Vec<_>>>()?;
    journal.append_bulk(decisions.into_iter(), &mut HashMap::new(), |_| {}).await?;
    let last = journal.last_position().await?;

    let (source, views) = intake::likeness(&journal)?;
    let begun = Instant::now();
    let (projection, _) = Projection::start(source, views, Options::new("bench", rows.path())).await?;
    let handle = projection.handle();
    if !handle.reached(last, PATIENCE).await || handle.halted() > 0 {
        return Err(format!("the rows were not built: {}", handle.ready()).into());
    }
    let built = begun.elapsed();
    let begun = Instant::now();
    handle.rebuild().await?;
    let again = begun.elapsed();
    projection.stop().await;
    println!("{households} households of {PERSONS}: built in {built:.2?}, keys read from the broker");
    println!("built anew beside those in use in {again:.2?}, keys in memory");
    println!("{} KiB on the disk", bytes(rows.path())? / 1024);
    broker.stop().await;
    Ok(())
}
