//! What an export for one person leaves out because it is of another one (GDPR art. 15(4)).
//!
//! **Invariant.** Where another adult is or was of the household, the document is the same whether or not there is
//! something about safety: who reads it cannot tell that they are feared. So what could tell is left out without a trace,
//! and the reasons that are codes with it, since one of them names violence.
//!
//! **Invariant.** No identity in it but the person's own and those of the minors in their charge.

use std::collections::{BTreeMap, BTreeSet};

use domain::household::Household;
use domain::id::{HouseholdId, PersonId};
use domain::reference::MemberLink;
use jiff::civil::Date;
use serde_json::{Value, json};

/// At what age a person asks for themselves.
const OF_AGE: u8 = 18;

/// Fields that are left out where another adult is or was of the household, wherever they stand.
const TELLING: [&str; 6] = ["reason", "ground", "motive", "safety", "violence", "violence_dedicated"];
/// Parts of the file that are: a criminal procedure, for one, can be a ground to keep it.
const TELLING_PARTS: [&str; 4] = ["safety", "protected", "openings", "keeping"];
/// Events that are.
const TELLING_EVENTS: [&str; 7] = [
    "household.legal_hold_placed",
    "household.legal_hold_lifted",
    "household.safety_noted",
    "household.protected",
    "household.protection_lifted",
    "household.opened_in_emergency",
    "household.emergency_opening_reviewed",
];
/// Fields that can name another household.
const NAMING: [&str; 4] = ["into", "from", "of", "household"];
/// What else a record says of a person beside who they are.
const PERSONAL: [&str; 2] = ["identity", "residence"];

/// The other persons of a household, as seen by the one who asks.
#[derive(Debug, Clone)]
pub(super) struct Others {
    household: HouseholdId,
    /// Who asks, and the minors in their charge.
    own: BTreeSet<PersonId>,
    asker: PersonId,
    /// Whether no other adult is or was of the household.
    alone: bool,
    /// Whose each consent and each request on data is, by its id.
    whose: BTreeMap<String, PersonId>,
}

impl Others {
    /// The others than `asker`.
    pub(super) fn of(household: HouseholdId, is: &Household, asker: PersonId, today: Date) -> Self {
        let members = &is.composition.members;
        let minors = members.iter().filter(|(_, one)| one.born.age_on(today) < OF_AGE).map(|(id, _)| *id);
        let minors: BTreeSet<PersonId> = minors.collect();
        let in_charge = members.get(&asker).is_some_and(|one| {
            [MemberLink::main_applicant(), MemberLink::spouse_or_partner()].contains(&one.link)
                && !minors.contains(&asker)
        });
        // Of who has left, only the time is kept here: they may have been of age.
        let gone = is.gone.iter().map(|gone| gone.person);
        let all: BTreeSet<PersonId> = members.keys().copied().chain(gone).collect();
        let alone = all.iter().all(|one| *one == asker || minors.contains(one));
        let own = if in_charge { minors.into_iter().chain([asker]).collect() } else { [asker].into() };
        let consents = is.consents.iter().map(|(id, one)| (id.to_string(), one.person));
        let requests = is.person_requests.iter().map(|(id, one)| (id.to_string(), one.person));
        Self { household, own, asker, alone, whose: consents.chain(requests).collect() }
    }

    /// Whether no other adult is or was of the household.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Who asks.
    pub(super) fn asker(&self) -> PersonId {
        self.asker
    }

    /// The file without what is of others.
    pub(super) fn file(&self, mut file: Value) -> Value {
        if let Some(parts) = file.as_object_mut() {
            if !self.alone {
                parts.retain(|name, _| !TELLING_PARTS.contains(&name.as_str()));
            }
            for part in ["consents", "person_requests"] {
                if let Some(items) = parts.get_mut(part).and_then(Value::as_object_mut) {
                    items.retain(|id, _| self.is_own_item(id));
                }
            }
            let members = parts.get_mut("composition").and_then(|is| is.get_mut("members"));
            for (person, member) in members.and_then(Value::as_object_mut).into_iter().flatten() {
                if !self.is_own(person) {
                    withhold(member);
                }
            }
        }
        self.cleared(file)
    }

    /// An event of this kind without what is of others; none if all of it is.
    pub(super) fn event(&self, kind: &str, body: Value) -> Option<Value> {
        if !self.alone && TELLING_EVENTS.contains(&kind) {
            return None;
        }
        if kind.starts_with("consent.") || kind.starts_with("person_request.") {
            let names = |name| body.get(name).and_then(Value::as_str);
            let own = match names("person") {
                Some(person) => self.is_own(person),
                None => names("consent")
                    .or_else(|| names("person_request"))
                    .is_some_and(|id| self.is_own_item(id)),
            };
            if !own {
                return None;
            }
        }
        Some(self.cleared(body))
    }

    fn is_own(&self, person: &str) -> bool {
        person.parse().is_ok_and(|person| self.own.contains(&person))
    }

    fn is_own_item(&self, id: &str) -> bool {
        self.whose.get(id).is_some_and(|person| self.own.contains(person))
    }

    /// The value without identities of others, other households and, where somebody could be in danger, what tells it.
    fn cleared(&self, value: Value) -> Value {
        match value {
            Value::Object(mut fields) => {
                if fields.get("person").and_then(Value::as_str).is_some_and(|person| !self.is_own(person)) {
                    PERSONAL.iter().for_each(|name| drop(fields.remove(*name)));
                }
                if !self.alone {
                    fields.retain(|name, _| !TELLING.contains(&name.as_str()));
                }
                let cleared = fields.into_iter().map(|(name, field)| {
                    let field = if self.names_another(&name, &field) {
                        json!({ "withheld": "third_person" })
                    } else {
                        self.cleared(field)
                    };
                    (name, field)
                });
                Value::Object(cleared.collect())
            }
            // Consents that came along from another household are whose they are.
            Value::Array(items) => {
                let own = |item: &Value| who_said(item).is_none_or(|person| self.is_own(person));
                Value::Array(items.into_iter().filter(own).map(|item| self.cleared(item)).collect())
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => leaf,
        }
    }

    fn names_another(&self, name: &str, value: &Value) -> bool {
        let id = value.as_str().and_then(|text| text.parse::<HouseholdId>().ok());
        NAMING.contains(&name) && id.is_some_and(|id| id != self.household)
    }
}

/// Whose a consent in a list is.
fn who_said(item: &Value) -> Option<&str> {
    item.get("consent")?;
    item.get("person")?.as_str()
}

/// Leaves of a member what the rest of the household knows: sex, month of birth, link.
fn withhold(member: &mut Value) {
    if let Some(fields) = member.as_object_mut() {
        PERSONAL.iter().for_each(|name| drop(fields.remove(*name)));
        fields.insert("withheld".to_owned(), json!("third_person"));
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Stamp;
    use domain::household::HouseholdEvent;
    use domain::household::composition::{CompositionEvent, Registered};
    use domain::id::EventId;
    use uuid::Uuid;

    use super::*;

    fn id(text: &str) -> PersonId {
        text.parse().unwrap()
    }

    const WIFE: &str = "0192f1c2-7d5e-7c3a-9b1f-000000000001";
    const HUSBAND: &str = "0192f1c2-7d5e-7c3a-9b1f-000000000002";
    const CHILD: &str = "0192f1c2-7d5e-7c3a-9b1f-000000000003";

    fn household(members: &[(&str, &str, &str)]) -> (HouseholdId, Household) {
        let members: Vec<_> = members
            .iter()
            .map(|(person, link, born)| {
                json!({ "person": person, "sex": "female", "born": born, "link": link, "identity": { "erased": true } })
            })
            .collect();
        let body = json!({ "members": members, "reachable": true });
        let event: Registered = serde_json::from_value(body).unwrap();
        let at = "2026-03-02T09:00:00Z".parse().unwrap();
        let stamp = Stamp { event: EventId(Uuid::nil()), version: 1, recorded: at, effective: at };
        let mut is = Household::default();
        is.evolve(&HouseholdEvent::Composition(CompositionEvent::Registered(event)), &stamp);
        ("33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90".parse().unwrap(), is)
    }

    const COUPLE: [(&str, &str, &str); 3] = [
        (WIFE, "main_applicant", "1994-01"),
        (HUSBAND, "spouse_or_partner", "1990-01"),
        (CHILD, "child", "2018-05"),
    ];

    fn others(members: &[(&str, &str, &str)], asker: &str) -> Others {
        let (household, is) = household(members);
        Others::of(household, &is, id(asker), jiff::civil::date(2026, 3, 2))
    }

    #[test]
    fn a_person_sees_the_identity_of_their_minors_and_of_no_other_adult() {
        let member = || json!({ "identity": { "last_name": "X" }, "residence": "french", "sex": "female" });
        let file =
            json!({ "composition": { "members": { WIFE: member(), HUSBAND: member(), CHILD: member() } } });
        let shown = others(&COUPLE, HUSBAND).file(file);
        let members = &shown["composition"]["members"];
        assert!(members[HUSBAND]["identity"].is_object() && members[CHILD]["identity"].is_object());
        assert_eq!(members[WIFE], json!({ "sex": "female", "withheld": "third_person" }));
        let body =
            json!({ "members": [{ "person": WIFE, "identity": 1 }, { "person": HUSBAND, "identity": 2 }] });
        let shown = others(&COUPLE, HUSBAND).event("household.registered", body).unwrap();
        assert_eq!(shown, json!({ "members": [{ "person": WIFE }, { "person": HUSBAND, "identity": 2 }] }));
    }

    #[test]
    fn whether_something_was_noted_about_safety_cannot_be_told_by_another_adult() {
        let with = json!({
            "safety": { "zones": [1] }, "protected": ["33-1"], "openings": [1],
            "keeping": { "holds": { "criminal_procedure": { "until": "2026-06-01" } } },
            "composition": { "members": {}, "dates": { "safety": "2026-03-02T09:00:00Z", "size": "2026-03-02T09:00:00Z" } },
            "requests": { "r": { "file": { "reason": "domestic_violence", "need": { "violence_dedicated": true } } } },
            "labels": { "l": { "ground": "l441_1_g" } },
        });
        let without = json!({
            "composition": { "members": {}, "dates": { "size": "2026-03-02T09:00:00Z" } },
            "requests": { "r": { "file": { "reason": "other", "need": { "violence_dedicated": false } } } },
            "labels": { "l": { "ground": "dalo" } },
        });
        let others = others(&COUPLE, HUSBAND);
        assert_eq!(others.file(with.clone()), others.file(without));
        for kind in TELLING_EVENTS {
            assert_eq!(others.event(kind, json!({})), None, "{kind}");
        }
        let alone = super::tests::others(&[COUPLE[0], COUPLE[2]], WIFE);
        assert!(
            alone.is_alone() && alone.file(with)["safety"].is_object(),
            "who lives alone reads all of it"
        );
    }

    #[test]
    fn another_household_is_not_named() {
        let body =
            json!({ "into": "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a99", "from": "2026-03-02T09:00:00Z" });
        let shown = others(&COUPLE, WIFE).event("household.split", body).unwrap();
        assert_eq!(shown, json!({ "into": { "withheld": "third_person" }, "from": "2026-03-02T09:00:00Z" }));
    }

    #[test]
    fn what_another_adult_said_or_asked_is_theirs() {
        let others = others(&COUPLE, HUSBAND);
        assert_eq!(others.event("consent.given", json!({ "consent": "c", "person": WIFE })), None);
        assert_eq!(others.event("consent.withdrawn", json!({ "consent": "c" })), None);
        assert!(others.event("person_request.recorded", json!({ "person": HUSBAND })).is_some());
    }
}
