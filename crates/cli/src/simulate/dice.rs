//! Chance, from a seed: the same seed throws the same numbers on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of throws.
pub(super) struct Dice {
    stream: ChaCha8Rng,
}

impl Dice {
    /// The throws of `seed`.
    pub(super) fn of(seed: u64) -> Self {
        Self { stream: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Sixty-four bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// A number in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Yes, with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number below `n`; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(usize::try_from(high - low + 1).unwrap_or(0)) as i64
    }

    /// A number in `[low, high)`.
    pub(super) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of `all`; none if there is none.
    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).copied()
    }

    /// A waiting time whose mean is `mean`, as between calls that have nothing to do with each other.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// A positive time of this median; two in three lie between `median / e^spread` and `median · e^spread`.
    pub(super) fn around(&mut self, median: f64, spread: f64) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        median * (spread * normal).exp()
    }

    /// The place of one of the weights, as often as its share; 0 if all are zero.
    pub(super) fn weigh(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut left = ((u128::from(self.bits()) * u128::from(total)) >> 64) as u64;
        for (place, weight) in weights.enumerate() {
            match left.checked_sub(u64::from(weight)) {
                Some(rest) => left = rest,
                None => return place,
            }
        }
        0
    }
}

/// A number that looks like chance but is a function of `n`: what ids are made of.
pub(super) fn scatter(n: u64) -> u64 {
    // The finaliser of SplitMix64: a bijection, so no two counters meet.
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_numbers() {
        let throws = |seed| {
            let mut dice = Dice::of(seed);
            (0..100).map(|_| dice.between(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert!(throws(7).iter().all(|throw| (1..=6).contains(throw)));
    }

    #[test]
    fn throws_have_the_shares_and_medians_that_were_asked_for() {
        let mut dice = Dice::of(1);
        let mut counts = [0_u32; 3];
        for _ in 0..9_000 {
            counts[dice.weigh([1, 0, 2].into_iter())] += 1;
        }
        assert!(counts[1] == 0 && (2_700..3_300).contains(&counts[0]), "{counts:?}");
        let mut times: Vec<f64> = (0..9_001).map(|_| dice.around(100.0, 0.8)).collect();
        times.sort_by(f64::total_cmp);
        assert!((90.0..110.0).contains(&times[4_500]), "{}", times[4_500]);
        let mean = (0..9_000).map(|_| dice.exponential(10.0)).sum::<f64>() / 9_000.0;
        assert!((9.5..10.5).contains(&mean), "{mean}");
    }
}
