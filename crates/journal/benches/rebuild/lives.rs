//! The lives that the journal tells: households that ask, wait, are proposed places and move in, and the places.

use domain::event::{Actor, Origin};
use domain::id::{CommandId, HouseholdId, OrganisationId, PlaceId, Territory};
use domain::ledger::{AggregateId, Fact};
use jiff::{SignedDuration, Timestamp};
use journal::{Decision, Digest, Draft};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Outcome;

/// How many lives go on at the same time.
const AT_ONCE: usize = 4_000;

/// How much time the whole journal tells, in milliseconds: two years.
const MILLIS: usize = 2 * 365 * 24 * 3600 * 1000;

/// Whose ledger an event is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Household,
    Place,
}

/// One event in each life: the same for all, but for its ledger and its dates.
type Event = (On, &'static str, Value);

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f1c2_7d5e_7c3a_9b1f_0000_0000_0000 + n)
}

/// A text of this length; the journal seals it.
fn personal(length: usize) -> Value {
    json!({ "personal": "x".repeat(length) })
}

fn person(n: u128, link: &str) -> Value {
    let identity = json!({ "personal": {
        "last_name": "Durand-Ibrahim", "first_names": "Awa Marie", "birth_date": "1990-04-12",
        "phone": "0612345678", "email": "awa.durand@example.org", "address": "12 rue des Chartrons, 33000 Bordeaux",
    } });
    json!({ "person": uuid(n), "sex": "female", "born": "1990-04", "link": link, "identity": identity })
}

fn proposed(referral: Uuid) -> Value {
    json!({
        "referral": referral, "request": uuid(10), "place": format!("33-{}", uuid(30)),
        "expires_at": "2026-06-18T21:59:59Z",
        "rationale": { "rules": "2026.1", "key": {
            "urgency": 2, "class": 3, "spare": 0, "seniority": "2026-03-15T10:00:00Z", "request": uuid(10),
        } },
        "note": personal(200),
    })
}

fn updated() -> Value {
    json!({
        "request": uuid(10), "update_due": "2026-09-15T21:59:59Z", "contact_due": "2026-07-15T21:59:59Z",
    })
}

/// One life, in order.
fn life() -> Vec<Event> {
    use On::{Household, Place};
    let (request, first, second, stay) = (uuid(10), uuid(11), uuid(12), uuid(13));
    let provider = format!("33-{}", uuid(90));
    let described = json!({ "from": "2023-01-01", "description": {
        "structure": format!("33-{}", uuid(20)), "kind": "chrs", "provider": provider, "label": "T2 n° 14",
        "category": "single_room", "capacity": 2, "commune": "33063",
    } });
    let file = json!({
        "stream": "insertion", "situation": "on_the_street", "reason": "sleeping_rough", "recommended": ["chrs"],
    });
    let consent = json!({
        "consent": uuid(50), "person": uuid(0), "purpose": "share_with_providers", "channel": "written",
        "recipient": provider, "until": "2027-12-31",
    });
    let need = json!({ "step_free": true, "resources": "under600" });
    let started = json!({
        "stay": stay, "place": format!("33-{}", uuid(30)), "kind": "chrs", "persons": [uuid(0), uuid(1)],
        "admission": { "by": "referral", "referral": second }, "review_due": "2026-12-15",
        "social_aid_tacit_at": "2026-07-15T21:59:59Z",
    });
    vec![
        (Place, "place.opened", described),
        (
            Household,
            "household.registered",
            json!({ "members": [person(0, "main_applicant")], "reachable": true, "note": personal(350) }),
        ),
        (Household, "household.member_added", json!({ "member": person(1, "child"), "reason": "birth" })),
        (Household, "consent.given", consent),
        (
            Household,
            "request.created",
            json!({ "request": request, "siao": "33", "file": file, "note": personal(350) }),
        ),
        (Household, "request.submitted", json!({ "request": request, "update_due": "2026-06-15T21:59:59Z" })),
        (
            Household,
            "request.assessed",
            json!({ "request": request, "need": need, "autonomy": 2, "support": 3, "narrative": personal(600) }),
        ),
        (
            Household,
            "request.qualified",
            json!({ "request": request, "qualification": { "kinds": ["chrs"], "priority_class": 3 },
                "contact_due": "2026-06-15T21:59:59Z" }),
        ),
        (
            Household,
            "household.safety_noted",
            json!({ "safety": { "personal": { "exclusion_zones": [], "note": "x".repeat(350) } } }),
        ),
        (Household, "request.updated", updated()),
        (Household, "referral.proposed", proposed(first)),
        (Household, "referral.viewed", json!({ "referral": first })),
        (
            Household,
            "referral.declined_by_provider",
            json!({ "referral": first, "reason": "no_place", "note": personal(260) }),
        ),
        (Household, "request.updated", updated()),
        (Household, "referral.proposed", proposed(second)),
        (Household, "referral.accepted", json!({ "referral": second, "arrival": "2026-06-15" })),
        (Household, "stay.started", started),
        (Household, "request.fulfilled", json!({ "request": request, "stay": stay })),
        (
            Household,
            "stay.reviewed",
            json!({ "stay": stay, "housing_ready": false, "next_due": "2027-06-15", "note": personal(600) }),
        ),
        (
            Place,
            "place.changed",
            json!({
                "description": {
                    "structure": format!("33-{}", uuid(20)), "kind": "chrs", "provider": provider, "label": "T2 n° 14 bis",
                    "category": "single_room", "capacity": 3, "commune": "33063",
                },
            }),
        ),
    ]
}

/// The events of `count / 20` lives, the lives of one wave an event each in turn, as the decisions that record
/// them.
pub(crate) fn decisions(count: usize) -> Outcome<Vec<Decision>> {
    let territory: Territory = "33".parse()?;
    let ledger = |on: On, number: Uuid| match on {
        On::Household => AggregateId::Household(HouseholdId::new(territory, number)),
        On::Place => AggregateId::Place(PlaceId::new(territory, number)),
    };
    // Told as the first version told it; recorded as it is today, with what is sealed today.
    let today = |(on, kind, body): Event| -> Outcome<(On, Fact)> {
        Ok((on, Fact::read(&ledger(on, uuid(0)), kind, 1, body)?))
    };
    let life = life().into_iter().map(today).collect::<Outcome<Vec<_>>>()?;
    let began: Timestamp = "2024-01-01T00:00:00Z".parse()?;
    let mut decisions = Vec::with_capacity(count);
    for nth in 0..count {
        let (wave, within) = (nth / (AT_ONCE * life.len()), nth % (AT_ONCE * life.len()));
        let (age, which) = (within / AT_ONCE, within % AT_ONCE);
        // Spread over the keys as ids of different moments are.
        let number =
            ((wave * AT_ONCE + which) as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let (on, fact) = &life[age];
        let ledger = ledger(*on, Uuid::from_u128(number));
        let (kind, version, body) = (fact.kind(), fact.version(), fact.body());
        let at = began + SignedDuration::from_millis(i64::try_from(MILLIS / count * nth)?);
        decisions.push(Decision {
            origin: Origin {
                command: CommandId(Uuid::from_u128(number ^ nth as u128)),
                actor: "agent-12".parse::<Actor>()?,
                organisation: OrganisationId::new(territory, Uuid::from_u128(7)),
                at,
                trace: None,
            },
            digest: Digest([1; Digest::BYTES]),
            drafts: vec![Draft { ledger, kind, version, effective: at, body }],
            expected: Vec::new(),
        });
    }
    Ok(decisions)
}
