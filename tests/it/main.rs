//! Journeys through the real program, its contracts, its dependency map.
#![cfg(test)]

mod answers;
mod architecture;
mod behind;
mod contention;
mod contract;
mod delivery;
mod documents;
mod erasure;
mod import;

mod inquiries;
mod lists;
mod offline;
mod partners;
mod pathway;
mod persons;
mod placements;
mod readings;
mod references;
mod refusals;
mod repetition;
mod replay;
mod rights;
mod sealed;
mod security;
mod shutdown;
mod subscriptions;
mod sudden_death;
mod supply;
mod two_dates;
mod upkeep;
mod watched;
