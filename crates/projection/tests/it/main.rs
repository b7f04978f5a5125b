//! Projections over real sled directories, fed from memory or by a real broker.
#![cfg(test)]

mod damage;
mod follow;
mod ledgers;
mod life;
mod poison;
mod reach;
mod sudden_death;
mod support;
