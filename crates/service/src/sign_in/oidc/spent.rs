//! The sign-ins that came to an end lately, so that none ends twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::pending::Pending;

/// The most sign-ins that are remembered. When more than this end within the life of one, the oldest is forgotten: the
/// provider still takes its code once only.
const REMEMBERED_MAX: usize = 50_000;

/// The sign-ins of this process that came to an end, until they would have expired anyway.
#[derive(Default)]
pub(super) struct Spent(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    states: HashSet<[u8; 32]>,
    oldest_first: VecDeque<(Timestamp, [u8; 32])>,
}

impl Spent {
    /// Whether this is the first time that `pending` comes to an end.
    pub(super) fn spend(&self, pending: &Pending, now: Timestamp) -> bool {
        let state = Sha256::digest(pending.state().reveal().as_bytes()).into();
        // Nothing in here stops half-way: what a thread that panicked left is whole.
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((until, oldest)) = remembered.oldest_first.front().copied()
            && (until <= now || remembered.oldest_first.len() >= REMEMBERED_MAX)
        {
            remembered.oldest_first.pop_front();
            remembered.states.remove(&oldest);
        }
        let first = remembered.states.insert(state);
        if first {
            remembered.oldest_first.push_back((pending.expires_at(), state));
        }
        first
    }
}
