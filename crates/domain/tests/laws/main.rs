//! The laws: invariants of the domain over random command sequences, checked after each accepted command on what was
//! recorded, never by asking the code that decided.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on says so by failing"
)]

mod check;
mod world;

use proptest::prelude::*;
use world::{World, op};

/// How many commands one sequence asks.
const LENGTH: usize = 80;

macro_rules! laws {
    ($($(#[$doc:meta])* $name:ident => $check:path;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]
            $(
                $(#[$doc])*
                #[test]
                fn $name(ops in prop::collection::vec(op(), 1..LENGTH)) {
                    let mut world = World::settled();
                    for op in ops {
                        let before = world.clone();
                        let done = world.carry_out(&op);
                        if let Err(why) = $check(&before, &world, &done) {
                            return Err(TestCaseError::fail(format!("{op:?}: {why}")));
                        }
                    }
                }
            )+
        }
    };
}

laws! {
    /// A person has at most one active stay at any instant; a move overlaps by a day at most.
    inv_1_a_person_has_at_most_one_active_stay => check::one_stay;
    /// A place is held by at most one open referral or occupied by one stay; a vacancy has one accepted candidacy.
    inv_2_a_place_is_promised_once => check::one_holder;
    /// A referral expires exactly once, and nobody accepts after its last instant.
    inv_3_a_referral_expires_once_and_late_acceptances_are_refused => check::expires_once;
    /// No more persons live in a unit than it can house.
    inv_4_a_unit_is_never_over_its_capacity => check::capacity;
    /// No candidacy is decided without a numéro unique that is valid on the day of the committee.
    inv_5_no_candidacy_is_decided_without_a_valid_number => check::numbered;
    /// At least three candidacies, or one of the three exceptions, which is true.
    inv_6_three_candidacies_or_a_true_exception => check::three;
    /// Exactly one decision each, one award at most, ranks without a gap.
    inv_7_one_decision_each_and_ranks_without_a_gap => check::decisions;
    /// A radiation for attribution comes with a signed lease, which closes application and labels.
    inv_8_a_lease_closes_application_and_labels => check::lease;
    /// A provider's refusal says why, on the household's ledger, and frees the place in the same append.
    inv_9_a_provider_s_refusal_is_reasoned_and_frees_the_place => check::reasoned;
    /// Seniority never moves later except by the explicit reset.
    inv_10_seniority_never_moves_later_by_itself => check::seniority;
    /// Every person belongs to exactly one active household.
    inv_11_persons_are_conserved => check::persons;
    /// Tacit acceptances are produced by the clock, once.
    inv_12_tacit_acceptances_are_the_clock_s_and_happen_once => check::tacit;
    /// The same event delivered twice changes nothing, and the order inside one ledger is total.
    inv_16_an_event_delivered_twice_changes_nothing => check::twice;
    /// The situation with nothing left out is the state of the ledger, however late its facts were recorded.
    the_situation_now_is_the_state_of_the_ledger => check::situation;
    /// A referral is live on the household's ledger if and only if the place's hold names it; so for stays and candidates.
    the_two_ledgers_always_tell_the_same => check::joint;
}

/// The sequences really reach what the laws are about: over a fixed number of them, enough of each happened.
#[test]
fn random_sequences_reach_every_situation_the_laws_are_about() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{Config, RngSeed, TestRunner};

    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(33), ..Config::default() });
    let mut seen = std::collections::BTreeMap::<&'static str, u32>::new();
    for _ in 0..60 {
        let ops = prop::collection::vec(op(), LENGTH..LENGTH + 1).new_tree(&mut runner).unwrap().current();
        let mut world = World::settled();
        for op in ops {
            for (_, fact, _) in &world.carry_out(&op).facts {
                *seen.entry(fact.kind()).or_default() += 1;
            }
        }
    }
    for kind in [
        "referral.accepted",
        "referral.expired",
        "referral.withdrawn",
        "referral.declined_by_provider",
        "stay.started",
        "stay.ended",
        "stay.deemed_extended",
        "admission.deemed_accepted",
        "household.split",
        "household.merged",
        "household.member_added",
        "fact.corrected",
        "request.seniority_reset",
        "vacancy.expired",
        "committee.decided",
        "offer.accepted",
        "candidate.closed",
        "lease.signed",
    ] {
        assert!(
            seen.get(kind).copied().unwrap_or(0) >= 2,
            "{kind} happened {:?} times: {seen:?}",
            seen.get(kind)
        );
    }
}
