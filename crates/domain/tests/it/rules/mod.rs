//! The rules as sentences: what each part of the pathway allows, what it refuses, and what the clock does.

mod accounts;
mod allocation;
mod application;
mod correction;
mod custody;
mod erasure;
mod expression;
mod family;
mod lease;
mod matching;
mod matching_laws;
mod occupants;
mod person_request;
mod placement;
mod protection;
mod recheck;
mod referral;
mod registration;
mod request;
mod residence;
mod retention;
mod stay;
mod subscription;
mod supply;
mod tacit;
mod worklist;
