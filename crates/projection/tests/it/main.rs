//! Projections over real sled directories, fed from memory or by a real broker.
#![cfg(test)]

mod ledgers;
mod life;
mod poison;
mod support;
