//! What is asked next, and how long after: the random part of a sequence.

use jiff::civil::Date;
use proptest::prelude::*;

use super::operations::OPERATIONS;

/// One step: how many hours pass, whether the clock runs first, what is asked, and the dice for the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    pub(super) hours: u16,
    /// In a third of the steps the clock is late: what is due has not been written down when the command comes.
    pub(super) late: bool,
    pub(super) what: usize,
    pub(super) seed: u64,
}

/// Random steps; time mostly passes by hours, sometimes by weeks or months.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let hours = prop_oneof![40 => 0_u16..5, 10 => 5_u16..40, 3 => 100_u16..400, 1 => 600_u16..2_000];
    let late = prop::bool::weighted(0.33);
    let all: usize = OPERATIONS.iter().map(|(weight, _, _)| weight).sum();
    (hours, late, 0..all, any::<u64>()).prop_map(|(hours, late, mut drawn, seed)| {
        let what = OPERATIONS.iter().position(|(weight, _, _)| {
            let here = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            here
        });
        Op { hours, late, what: what.unwrap_or(0), seed }
    })
}

/// Numbers drawn from one seed, so that a sequence that failed is asked again as it was.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(super) fn of(op: &Op) -> Self {
        Self(op.seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of them, if there is any.
    pub(super) fn pick<T>(&mut self, from: impl IntoIterator<Item = T>) -> Option<T> {
        let mut all: Vec<T> = from.into_iter().collect();
        if all.is_empty() { None } else { Some(all.swap_remove(self.below(all.len()))) }
    }

    /// Some of them: each with one chance in two.
    pub(super) fn some<T, C: FromIterator<T>>(&mut self, from: impl IntoIterator<Item = T>) -> C {
        from.into_iter().filter(|_| self.one_in(2)).collect()
    }

    /// A day from `before` days before `today` to `after` days after it.
    pub(super) fn day(&mut self, today: Date, before: i64, after: i64) -> domain::calendar::Day {
        let span = usize::try_from(before + after + 1).unwrap();
        let shift = i64::try_from(self.below(span)).unwrap() - before;
        domain::calendar::Day(domain::calendar::days_after(today, shift))
    }
}
