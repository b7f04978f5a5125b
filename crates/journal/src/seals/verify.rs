//! Verification: everything is read again and compared with the chain.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::chain::{Chain, Fault};
use super::entry::{Entry, PublicKey, Says, Seal};
use super::hash::Hash;
use super::key::{SealKey, SealKeyError};
use super::report::{KeySince, Report, StreamReport, What};
use super::stretch::{self, Lying, Stretch, patiently};
use super::tree::{Whose, mark, root};
use crate::config::{ACCESS, SEALS};
use crate::journal::Journal;
use crate::read::{Ends, ReadError, ends};

/// How many entries of the chain are read at once.
const ENTRIES: u64 = 200;

/// How many messages are read at once, at least: seals are gathered until they cover so many.
const GATHERED: u64 = 4000;

/// How many such reads are under way at once.
const UNDER_WAY: usize = 4;

/// By how much the clock of this machine and the broker's may differ.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Why the journal could not be verified. It says nothing about what lies there.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The broker does not answer, or refuses.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The reading ended with the process.
    #[error("the verification was cut short")]
    CutShort,
}

/// What is known about the chain from elsewhere. Without it, whoever can write to the broker can cut the end off the
/// chain and the streams together, or put another chain in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Heads of earlier days: the chain must hold each of these entries.
    pub heads: Vec<Hash>,
    /// The key that signs now, if its file is here.
    pub key: Option<PublicKey>,
    /// The key that signs next, if a rotation is under way.
    pub next: Option<PublicKey>,
}

impl Known {
    /// What the file of the signing key at `path` and the note beside it tell; nothing if they are not here.
    ///
    /// # Errors
    /// [`SealKeyError`]: one of them is here and cannot be used.
    pub fn beside(path: &Path) -> Result<Self, SealKeyError> {
        let heads = SealKey::noted_head(path)?.map(|(_, head)| head).into_iter().collect();
        match SealKey::open(path, None) {
            Ok(key) => Ok(Self { heads, key: Some(key.public()), next: key.next_public() }),
            Err(SealKeyError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { heads, key: None, next: None })
            }
            Err(error) => Err(error),
        }
    }
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Messages read so far.
    pub messages: u64,
    /// Of how many.
    pub of: u64,
}

/// One stream while it is verified.
struct Verified {
    ends: Ends,
    /// Seals that are not compared yet, one behind the other.
    seals: Vec<Seal>,
    report: StreamReport,
    /// Whether every message so far is what it was.
    whole: bool,
}

/// A read that is under way, with the seals it is for.
struct Reading {
    stream: String,
    seals: Vec<Seal>,
    read: JoinHandle<Result<Stretch, ReadError>>,
}

struct Verification<'a, P> {
    journal: &'a Journal,
    now: Timestamp,
    progress: P,
    checked: Checked,
    chain: Chain,
    streams: BTreeMap<String, Verified>,
    under_way: VecDeque<Reading>,
    report: Report,
}

/// Reads everything again, compares it with the chain, and the chain with itself and with what is `known` of it. `now` is
/// the time by which entries of `ACCESS` may be gone; `progress` is called now and then.
///
/// It may run while others write: what was recorded meanwhile counts as not sealed yet.
///
/// # Errors
/// [`VerifyError`]: it could not be done. A damage is no error: the report names it.
pub async fn verify(
    journal: &Journal,
    known: &Known,
    now: Timestamp,
    progress: impl FnMut(Checked),
) -> Result<Report, VerifyError> {
    let mut verification = Verification {
        journal,
        now,
        progress,
        checked: Checked { messages: 0, of: 0 },
        chain: Chain::default(),
        streams: BTreeMap::new(),
        under_way: VecDeque::new(),
        report: Report::default(),
    };
    let partitions = journal.config().partitions.streams().into_iter().map(|(name, _)| name);
    for stream in partitions.chain([ACCESS.to_owned()]) {
        verification.begin(stream).await?;
    }
    verification.read_chain(known).await?;
    verification.finish_streams().await?;
    let Verification { chain, streams, mut report, .. } = verification;
    (report.head, report.entries) = (chain.head(), chain.position());
    report.streams = streams.into_values().map(|verified| verified.report).collect();
    Ok(report)
}

impl<P: FnMut(Checked)> Verification<'_, P> {
    async fn begin(&mut self, stream: String) -> Result<(), VerifyError> {
        let link = self.journal.link();
        let ends = match patiently(|| ends(link, &stream)).await {
            Ok(ends) => ends,
            Err(ReadError::Refused { .. }) => {
                self.report.damage(&stream, 1, What::StreamGone, 1);
                Ends { first: 1, last: 0 }
            }
            Err(error) => return Err(error.into()),
        };
        self.checked.of += (ends.last + 1).saturating_sub(ends.first.max(1));
        let report = StreamReport { stream: stream.clone(), last: ends.last, ..StreamReport::default() };
        self.streams.insert(stream, Verified { ends, seals: Vec::new(), report, whole: true });
        Ok(())
    }

    /// Walks the chain from its first entry; what its seals cover is read along the way.
    async fn read_chain(&mut self, known: &Known) -> Result<(), VerifyError> {
        let link = self.journal.link();
        let last = patiently(|| ends(link, SEALS)).await?.last;
        let mut heads = known.heads.clone();
        let mut from = 1;
        while from <= last {
            let to = last.min(from + ENTRIES - 1);
            for lying in stretch::lying(link, SEALS, from, to).await? {
                if let Some(entry) = self.accept(&lying) {
                    let hash = entry.hash();
                    heads.retain(|head| *head != hash);
                    self.follow(lying.position, entry).await?;
                }
            }
            from = to + 1;
        }
        let read = self.chain.position();
        if read < last {
            self.report.damage(SEALS, read + 1, What::SealMissing, last - read);
        }
        if !heads.is_empty() {
            self.report.damage(SEALS, read.max(1), What::CutOff, heads.len() as u64);
        }
        if let (Some(chain), Some(key)) = (self.chain.key(), known.key)
            && chain != key
            && Some(chain) != known.next
        {
            self.report.damage(SEALS, 1, What::Replaced, 1);
        }
        Ok(())
    }

    /// The entry that lies here, if it belongs here.
    fn accept(&mut self, lying: &Lying) -> Option<Entry> {
        let before = self.chain.position();
        match self.chain.accept(lying.position, &lying.subject, lying.plain, &lying.body, ACCESS) {
            Ok(entry) => Some(entry),
            Err(Fault::Missing) => {
                let missing = lying.position.saturating_sub(before + 1).max(1);
                self.report.damage(SEALS, before + 1, What::SealMissing, missing);
                None
            }
            Err(fault) => {
                self.report.damage(SEALS, lying.position, fault.into(), 1);
                None
            }
        }
    }

    /// Does what an entry asks for.
    async fn follow(&mut self, position: u64, entry: Entry) -> Result<(), VerifyError> {
        let (key, seal) = match entry.says {
            Says::Begun => (entry.key, None),
            Says::Rotated { next } => (next, None),
            Says::Sealed(seal) => (entry.key, Some(seal)),
        };
        let Some(seal) = seal else {
            self.report.keys.push(KeySince { key: key.to_string(), entry: position, at: entry.at });
            return Ok(());
        };
        if !self.streams.contains_key(&seal.stream) {
            // A partition that is not configured any more.
            self.begin(seal.stream.clone()).await?;
        }
        let Some(verified) = self.streams.get_mut(&seal.stream) else { return Ok(()) };
        let stream = seal.stream.clone();
        // Stretches are read together when they lie together.
        let apart = verified.seals.last().is_some_and(|last| last.to + 1 != seal.from);
        if apart {
            self.start(&stream).await?;
        }
        let Some(verified) = self.streams.get_mut(&stream) else { return Ok(()) };
        verified.seals.push(seal);
        let gathered: u64 = verified.seals.iter().map(|seal| seal.to - seal.from + 1).sum();
        if gathered >= GATHERED { self.start(&stream).await } else { Ok(()) }
    }

    /// Begins to read what the gathered seals of a stream cover.
    async fn start(&mut self, stream: &str) -> Result<(), VerifyError> {
        let Some(verified) = self.streams.get_mut(stream) else { return Ok(()) };
        let seals = std::mem::take(&mut verified.seals);
        let (Some(first), Some(last)) = (seals.first(), seals.last()) else { return Ok(()) };
        let (link, name, from, to) = (self.journal.link().clone(), stream.to_owned(), first.from, last.to);
        let read = tokio::spawn(async move { stretch::read(&link, &name, from, to).await });
        self.under_way.push_back(Reading { stream: stream.to_owned(), seals, read });
        while self.under_way.len() >= UNDER_WAY {
            self.compare_next().await?;
        }
        Ok(())
    }

    /// Compares what was read first with its seals.
    async fn compare_next(&mut self) -> Result<(), VerifyError> {
        let Some(Reading { stream, seals, read }) = self.under_way.pop_front() else { return Ok(()) };
        let read = read.await.map_err(|_| VerifyError::CutShort)??;
        let Some(verified) = self.streams.get_mut(&stream) else { return Ok(()) };
        let wanted: u64 = seals.iter().map(|seal| seal.to - seal.from + 1).sum();
        let last = seals.last().map_or(0, |seal| seal.to);
        if (read.leaves.len() as u64) < wanted || last > verified.ends.last {
            // It may have grown, or lost what was too old, since it was looked at.
            let link = self.journal.link();
            match patiently(|| ends(link, &stream)).await {
                Ok(ends) => verified.ends = ends,
                Err(ReadError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let kept = self.journal.config().access_kept_for;
        let kept = (stream == ACCESS).then(|| SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX));
        let (mut leaves, mut whose) = (read.leaves.as_slice(), read.whose.as_slice());
        for seal in &seals {
            let own = leaves.partition_point(|(position, _)| *position <= seal.to);
            let (these, other_leaves) = leaves.split_at(own);
            let (of_whom, others) = whose.split_at(own);
            (leaves, whose) = (other_leaves, others);
            verified.compare(seal, (these, of_whom), kept, self.now, &mut self.report);
        }
        self.checked.messages += read.leaves.len() as u64;
        (self.progress)(self.checked);
        Ok(())
    }

    /// Compares what is left, and looks at the ends of the streams.
    async fn finish_streams(&mut self) -> Result<(), VerifyError> {
        let streams: Vec<String> = self.streams.keys().cloned().collect();
        for stream in &streams {
            self.start(stream).await?;
        }
        while !self.under_way.is_empty() {
            self.compare_next().await?;
        }
        for stream in &streams {
            let sealed = self.chain.reach(stream).to;
            let Some(verified) = self.streams.get_mut(stream) else { continue };
            let last = verified.ends.last;
            (verified.report.sealed_up_to, verified.report.last) = (sealed, last);
            if last < sealed {
                verified.report.damages += sealed - last;
                verified.report.complete_up_to = verified.report.complete_up_to.min(last);
                self.report.damage(stream, last + 1, What::Truncated, sealed - last);
                continue;
            }
            self.count_unsealed(stream, sealed).await?;
        }
        Ok(())
    }

    /// Nothing is known of what is not sealed yet, but that nothing may be missing among it.
    async fn count_unsealed(&mut self, stream: &str, sealed: u64) -> Result<(), VerifyError> {
        let Some(verified) = self.streams.get_mut(stream) else { return Ok(()) };
        let last = verified.ends.last;
        // Where nothing was ever sealed, what age has removed cannot be told from what was removed otherwise.
        let begin = if stream == ACCESS { verified.ends.first.max(sealed + 1) } else { sealed + 1 };
        verified.report.unsealed = (last + 1).saturating_sub(begin);
        let mut from = begin;
        while from <= last {
            let to = last.min(from + GATHERED - 1);
            let found = stretch::read(self.journal.link(), stream, from, to).await?.leaves;
            self.checked.messages += found.len() as u64;
            let mut found = found.iter().map(|(position, _)| *position).peekable();
            for position in from..=to {
                if found.next_if_eq(&position).is_none() {
                    verified.report.damages += 1;
                    self.report.damage(stream, position, What::Missing, 1);
                }
            }
            (self.progress)(self.checked);
            from = to + 1;
        }
        Ok(())
    }
}

impl Verified {
    /// Compares the messages of one stretch that are there with their seal. `kept` is for how long the messages of this
    /// stream are kept, if age removes them.
    fn compare(
        &mut self,
        seal: &Seal,
        (leaves, whose): (&[(u64, Hash)], &[Whose]),
        kept: Option<SignedDuration>,
        now: Timestamp,
        report: &mut Report,
    ) {
        let old_enough = kept.is_some_and(|kept| {
            now.checked_add(CLOCKS).is_ok_and(|now| now.duration_since(seal.since) >= kept)
        });
        let mut found = leaves.iter().zip(whose).peekable();
        let of_whom = seal.whose.iter().map(Some).chain(std::iter::repeat(None));
        let before = self.report.damages;
        let (mut there, mut cut) = (Vec::with_capacity(leaves.len()), false);
        for ((position, sealed), of) in (seal.from..=seal.to).zip(&seal.marks).zip(of_whom) {
            let what = match found.next_if(|((at, _), _)| *at == position) {
                Some(((_, leaf), whose)) => {
                    self.report.compared += 1;
                    there.push(*leaf);
                    let same = mark(leaf) == *sealed && of.is_none_or(|of| of == whose);
                    (!same).then_some(What::Changed)
                }
                None if old_enough && position < self.ends.first => {
                    self.report.expired += 1;
                    None
                }
                // Counted with the end of the stream.
                None if position > self.ends.last => {
                    cut = true;
                    None
                }
                None => Some(What::Missing),
            };
            if let Some(what) = what {
                self.report.damages += 1;
                report.damage(&seal.stream, position, what, 1);
            }
        }
        let all = there.len() as u64 == seal.to - seal.from + 1;
        if all && self.report.damages == before && root(&there) != Some(seal.root) {
            self.report.damages += 1;
            report.damage(&seal.stream, seal.from, What::Changed, 1);
        }
        self.whole &= self.report.damages == before && !cut;
        let goes_on = seal.from == self.report.complete_up_to + 1 || kept.is_some();
        if self.whole && goes_on {
            self.report.complete_up_to = seal.to;
        }
    }
}
