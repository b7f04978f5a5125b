//! The laws: invariants of the domain over random command sequences, checked after each accepted command on what was
//! recorded, never by asking the code that decided.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by failing")]

mod check;
mod reach;
mod world;

use proptest::prelude::*;
use world::{World, op};

/// How many commands one sequence asks.
const LENGTH: usize = 120;

/// How many sequences each law is tried on, unless `PROPTEST_CASES` asks for more.
const CASES: u32 = 128;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() }
}

macro_rules! laws {
    ($($(#[$meta:meta])* $name:ident => $check:path;)+) => {
        proptest! {
            #![proptest_config(config())]
            $(
                $(#[$meta])*
                #[test]
                fn $name(ops in prop::collection::vec(op(), 1..=LENGTH)) {
                    let mut world = World::settled($check);
                    for op in ops {
                        if let Err(why) = world.carry_out(&op) {
                            return Err(TestCaseError::fail(format!("{}: {why}", World::called(&op))));
                        }
                    }
                }
            )+
        }
    };
}

laws! {
    /// A person has at most one active stay at any instant; a move overlaps by a day at most.
    inv_1_a_person_has_at_most_one_active_stay => check::stays::one_stay;
    /// A place is held by at most one open referral or occupied by one stay; a dwelling is offered rank by rank.
    inv_2_a_place_is_promised_once => check::places::one_holder;
    /// A referral expires exactly once, and nobody answers after its last instant.
    inv_3_a_referral_expires_once_and_late_answers_are_refused => check::referrals::expires_once;
    /// No more persons live in a unit than it can house, and only those it admits.
    inv_4_a_unit_houses_whom_it_can_and_admits => check::stays::capacity;
    /// No candidacy is decided without a numéro unique that is valid on the day of the committee.
    inv_5_no_candidacy_is_decided_without_a_valid_number => check::allocation::numbered;
    /// At least three candidacies, or one of the three exceptions, which is true.
    inv_6_three_candidacies_or_a_true_exception => check::allocation::three;
    /// Exactly one decision each, one award at most, ranks without a gap.
    inv_7_one_decision_each_and_ranks_without_a_gap => check::allocation::decisions;
    /// A radiation for attribution comes with a signed lease, which closes everything else.
    inv_8_a_lease_closes_application_and_labels => check::allocation::lease;
    /// A provider's refusal says why, where household and SIAO read it, and frees the place in the same append.
    inv_9_a_provider_s_refusal_is_reasoned_and_frees_the_place => check::referrals::reasoned;
    /// Seniority never moves later except by the explicit reset, and is not won back.
    inv_10_seniority_never_moves_later_by_itself => check::seniority::seniority;
    /// Every person belongs to exactly one active household.
    inv_11_persons_are_conserved => check::families::persons;
    /// Tacit acceptances are produced by the clock, once, and later answers are refused.
    inv_12_tacit_acceptances_are_the_clock_s_and_happen_once => check::silence::tacit;
    /// A person never waits for two answers of one kind, and each has the calendar month that the law gives.
    a_right_is_answered_within_its_calendar_month_and_asked_once_at_a_time => check::person_requests::clocked;
    /// The same event delivered twice changes nothing.
    inv_16_an_event_delivered_twice_changes_nothing => check::ledgers::twice;
    /// The order inside one ledger is total.
    inv_16_the_order_inside_one_ledger_is_total => check::ledgers::ordered;
    /// A command asked again after the journal forgot it creates nothing a second time.
    inv_16_a_command_asked_again_creates_nothing_again => check::ledgers::again;
    /// Two people erase, nobody who is housed, waits or is held; and after that, only the certificate.
    inv_18_two_people_erase_and_nothing_comes_after => check::erasure::erased;
    /// A referral is live on the household's ledger if and only if the place's hold names it; so for stays and candidates.
    the_two_ledgers_always_tell_the_same => check::places::joint;
    /// What was known and true at the last moment is what the ledger says now.
    history_at_its_last_moment_is_the_ledger => check::ledgers::history;
}
