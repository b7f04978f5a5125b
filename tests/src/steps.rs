//! Steps of the pathway that many tests begin with.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};

use crate::{Caller, Receipt, bodies};

/// A household on the waiting list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub household: String,
    /// Its request.
    pub request: String,
}

/// A household with a numéro unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub household: String,
    /// Its social-housing application.
    pub application: String,
}

impl Caller {
    /// Sends a command to a ledger; it must be recorded.
    ///
    /// # Panics
    /// When it is not.
    pub async fn act(&self, ledger: &str, command: &str, body: &Value) -> Receipt {
        self.post(&format!("/api/v1/{ledger}/{command}"), body).await.recorded()
    }

    /// Sends a command in the name of one of those who take part, under a key of its own; it must be recorded.
    ///
    /// # Panics
    /// When it is not.
    pub async fn act_as(&self, kind: Kind, path: &str, body: &Value) -> Receipt {
        let key = uuid::Uuid::new_v4().to_string();
        self.command(path, body).as_the(kind).key(&key).send().await.recorded()
    }

    /// Registers a household.
    ///
    /// # Panics
    /// When it is not recorded.
    pub async fn register(&self, household: &Value) -> String {
        self.post("/api/v1/households", household).await.recorded().id
    }

    /// The file of a household as intake shows it.
    ///
    /// # Panics
    /// When it is not known.
    pub async fn file(&self, household: &str) -> Value {
        self.get(&format!("/api/v1/households/{household}")).await.ok()
    }

    /// The id of the only thing of this sort in a household's file: `requests`, `referrals`, `stays`.
    ///
    /// # Panics
    /// When there is none, or several.
    pub async fn only(&self, household: &str, sort: &str) -> String {
        only(&self.file(household).await["file"][sort])
    }

    /// Registers a household with a request for `kinds` and puts it on the waiting list in class 3.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn waiting(&self, household: &Value, kinds: &[&str]) -> Waiting {
        let household = self.register(household).await;
        let ledger = format!("households/{household}");
        let request = self.act(&ledger, "create-request", &bodies::request(kinds)).await.new_one("request");
        self.act(&ledger, "submit-request", &json!({ "request": request })).await;
        let qualification = bodies::qualification(kinds, 3);
        let qualify = json!({ "request": request, "qualification": qualification });
        self.act(&ledger, "qualify-request", &qualify).await;
        Waiting { household, request }
    }

    /// Opens a structure of this kind.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn structure(&self, kind: &str) -> String {
        let collection = if kind == "social_dwelling" { "buildings" } else { "structures" };
        let body = bodies::structure(kind, self.provider(kind));
        self.post(&format!("/api/v1/{collection}"), &body).await.recorded().id
    }

    /// Opens a place in a structure.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn place(&self, structure: &str, kind: &str, capacity: u8) -> String {
        let collection = if kind == "social_dwelling" { "dwellings" } else { "places" };
        let body = bodies::place(structure, kind, self.provider(kind), capacity);
        self.post(&format!("/api/v1/{collection}"), &body).await.recorded().id
    }

    /// Opens a structure with one place, on offer.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn vacant(&self, kind: &str, capacity: u8) -> String {
        let structure = self.structure(kind).await;
        let place = self.place(&structure, kind, capacity).await;
        let collection = if kind == "social_dwelling" { "dwellings" } else { "places" };
        self.act(&format!("{collection}/{place}"), "declare-vacancy", &json!({})).await;
        place
    }

    /// Registers a household with an application that has its numéro unique, the `nth`.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn candidate(&self, nth: u32) -> Candidate {
        let household = self.register(&bodies::household(&format!("Candidate {nth}"))).await;
        let application = self.apply(&household, nth).await;
        Candidate { household, application }
    }

    /// Registers the household's application with its numéro unique, the `nth`.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn apply(&self, household: &str, nth: u32) -> String {
        let ledger = format!("households/{household}");
        self.act(&ledger, "register-application", &json!({ "communes": [bodies::COMMUNE] })).await;
        let application = only(&self.housing(household).await["applications"]);
        let number = json!({ "application": application, "number": bodies::number(nth) });
        self.act(&ledger, "number-application", &number).await;
        application
    }

    /// The housing part of a household's file as landlords see it.
    ///
    /// # Panics
    /// When it is not known.
    pub async fn housing(&self, household: &str) -> Value {
        self.get(&format!("/api/v1/households/{household}/housing")).await.ok()
    }

    /// Proposes a place to a household that waits; it must be recorded.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn propose(&self, waiting: &Waiting, place: &str) -> Receipt {
        let body = json!({ "request": waiting.request, "place": place, "deviation": "better_fit" });
        self.act(&format!("households/{}", waiting.household), "propose-referral", &body).await
    }

    /// Every event after `after` that passes `filter`, in order.
    ///
    /// # Panics
    /// When they cannot be read.
    pub async fn events(&self, after: u64, filter: &str) -> Vec<Value> {
        let (mut events, mut cursor) = (Vec::new(), after);
        loop {
            let asking = self.asking("/api/v1/events").with("after", cursor).with("limit", 200);
            let page = asking.with("filter", filter).send().await.ok();
            let next = page["cursor"].as_u64().unwrap();
            events.extend(page["events"].as_array().unwrap().iter().cloned());
            if next == cursor {
                return events;
            }
            cursor = next;
        }
    }
}

/// The only key of an object.
///
/// # Panics
/// When there is none, or several.
fn only(object: &Value) -> String {
    let keys: Vec<_> = object.as_object().into_iter().flatten().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 1, "one key: {object}");
    keys[0].clone()
}
