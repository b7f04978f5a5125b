//! The broker's own files are damaged while it is stopped: what it then shows is what was sealed, or it is noticed
//! (security.md, finding 6 and P5). The broker itself says nothing.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};
use journal::broker::{Broker, BrokerOptions};
use journal::seals::{Known, verify};
use journal::{Journal, Provision};

use crate::seals_content::{Content, Dice, STREAMS, content, damages, fill, noon, small};

/// What happens to the files of one stream.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Bit,
    Truncated,
    Gone,
    Zeroed,
    /// One file in the place of another.
    Swapped,
    /// Bytes behind the end.
    Longer,
    AllGone,
}

const KINDS: [Damage; 7] = [
    Damage::Bit,
    Damage::Truncated,
    Damage::Bit,
    Damage::Gone,
    Damage::Zeroed,
    Damage::Swapped,
    Damage::Longer,
];

/// A stopped instance.
struct Original {
    binary: PathBuf,
    files: tempfile::TempDir,
    content: Content,
    known: Known,
}

fn options(binary: &Path, files: &Path) -> BrokerOptions {
    BrokerOptions { max_store_bytes: Some(1 << 40), ..BrokerOptions::new(binary, files) }
}

impl Original {
    async fn new() -> Self {
        let binary = BrokerOptions::temporary().await.unwrap().binary.clone();
        let (files, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let broker = Broker::start(options(&binary, files.path())).await.unwrap();
        let known = fill(&broker.url(), &secrets.path().join("seal-key")).await;
        let content = content(&broker.url()).await;
        broker.stop().await;
        Self { binary, files, content, known }
    }

    /// Damages a copy, starts a broker on it, verifies. Whether something was changed at all.
    async fn try_damage(&self, n: u64) -> bool {
        let mut dice = Dice(n);
        let copy = tempfile::tempdir().unwrap();
        copy_tree(self.files.path(), copy.path());
        let stream = STREAMS[dice.below(STREAMS.len())];
        let kind = match n {
            0..3 => Damage::AllGone,
            _ => KINDS[usize::try_from(n).unwrap() % KINDS.len()],
        };
        let without_index = dice.below(2) == 0;
        let what = format!("number {n}: {kind:?} in {stream}, without index: {without_index}");
        damage(copy.path(), stream, kind, without_index, &mut dice);

        let broker = Broker::start(options(&self.binary, copy.path())).await.unwrap();
        let url = broker.url();
        let shown = content(&url).await;
        let same = shown == self.content;
        match Journal::open(small(&url, Provision::Verify)).await {
            // A stream that the broker does not find any more.
            Err(_) => assert!(!same, "{what}"),
            Ok(journal) => {
                let report = verify(&journal, &self.known, noon(), |_| {}).await.unwrap();
                assert_eq!(report.is_whole(), same, "{what}: {report:?}");
            }
        }
        broker.stop().await;
        !same
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn damage(copy: &Path, stream: &str, kind: Damage, without_index: bool, dice: &mut Dice) {
    let of_stream: Vec<PathBuf> = files(copy)
        .into_iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == stream))
        .collect();
    let named = |end: &str| -> Vec<PathBuf> {
        of_stream.iter().filter(|path| path.to_string_lossy().ends_with(end)).cloned().collect()
    };
    let (blocks, index) = (named(".blk"), named("index.db"));
    assert!(!blocks.is_empty() && !index.is_empty(), "{of_stream:?}");
    if without_index {
        index.iter().for_each(|path| fs::remove_file(path).unwrap());
    }
    let path = &blocks[dice.below(blocks.len())];
    let mut bytes = fs::read(path).unwrap();
    match kind {
        Damage::Bit => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        Damage::Truncated => bytes.truncate(dice.below(bytes.len())),
        Damage::Gone => return fs::remove_file(path).unwrap(),
        Damage::Zeroed => {
            let at = dice.below(bytes.len());
            let end = bytes.len().min(at + 64);
            bytes[at..end].fill(0);
        }
        Damage::Swapped => bytes = fs::read(&blocks[dice.below(blocks.len())]).unwrap(),
        Damage::Longer => bytes.extend((0..64).map(|n| n * 3)),
        Damage::AllGone => return blocks.iter().for_each(|path| fs::remove_file(path).unwrap()),
    }
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_the_brokers_files_is_noticed_unless_nothing_is_lost() {
    let original = Original::new().await;
    let count = damages() * 2 / 5;
    let tried: Vec<bool> =
        stream::iter(0..count).map(|n| original.try_damage(n)).buffer_unordered(4).collect().await;
    let changed = tried.iter().filter(|changed| **changed).count() as u64;
    assert!(changed >= count / 3, "only {changed} of {count} damages changed something");
}
