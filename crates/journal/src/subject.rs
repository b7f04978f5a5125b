//! Subjects: `evt.<territory>.<aggregate>.<uuid>`, a pure function of the ledger's id, and back.
//!
//! There is no token for the kind of event: one subject per ledger lets the broker guard and read it as a whole.

use domain::id::Territory;
use domain::ledger::AggregateId;
use uuid::Uuid;

/// The first token of every event's subject.
const ROOT: &str = "evt";

/// Every event of every territory.
pub(crate) const ALL: &str = "evt.>";

/// The subject that holds the whole of one ledger.
#[must_use]
pub fn of_ledger(ledger: &AggregateId) -> String {
    format!("{ROOT}.{}.{}.{}", ledger.territory(), ledger.name(), ledger.uuid())
}

/// The filter of everything that lives in one territory.
#[must_use]
pub fn of_territory(territory: Territory) -> String {
    format!("{ROOT}.{territory}.>")
}

/// The ledger a subject holds; `None` if the subject is not one of ours.
#[must_use]
pub fn ledger(subject: &str) -> Option<AggregateId> {
    let mut tokens = subject.split('.');
    let (root, territory, name, number) = (tokens.next()?, tokens.next()?, tokens.next()?, tokens.next()?);
    if root != ROOT || tokens.next().is_some() {
        return None;
    }
    AggregateId::from_parts(name, territory.parse().ok()?, Uuid::try_parse(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_and_its_subject_say_the_same() {
        let id: AggregateId = "household/2A-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap();
        let subject = of_ledger(&id);
        assert_eq!(subject, "evt.2A.household.0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90");
        assert_eq!(ledger(&subject), Some(id));
        for foreign in
            ["evt.2A.household", "evt.99.household.0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90", "key.x", ""]
        {
            assert_eq!(ledger(foreign), None, "{foreign}");
        }
    }
}
