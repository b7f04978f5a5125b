//! What landlords call households: each by a reference of its own, none by the id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::id::HouseholdId;
use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Ask, Caller, Live, Shape, World, bodies};

/// A landlord whose software writes and reads what it is told, nothing else.
struct Landlord<'a> {
    caller: &'a Caller,
    dwelling: String,
    reference: String,
}

impl Landlord<'_> {
    fn asking(&self, path: &str) -> Ask {
        self.caller.asking(path).as_the(Kind::SocialLandlord).as_it_is()
    }

    fn command(&self, path: &str, body: &Value) -> Ask {
        self.caller.command(path, body).as_the(Kind::SocialLandlord).as_it_is()
    }

    /// Everything that it reads of the household and of its own dwelling, live too.
    async fn reads(&self) -> Vec<(String, String)> {
        let Self { reference, dwelling, .. } = self;
        let mut read = Vec::new();
        for path in [
            format!("/api/v1/households/{reference}"),
            format!("/api/v1/households/{reference}/housing"),
            format!("/api/v1/households/{reference}/timeline"),
            format!("/api/v1/dwellings/{dwelling}"),
            format!("/api/v1/places/{dwelling}/timeline"),
            format!("/api/v1/events?filter=ledger:household/{reference}"),
            format!("/api/v1/events?filter=ledger:place/{dwelling}"),
        ] {
            read.push((path.clone(), self.asking(&path).send().await.ok().to_string()));
        }
        let path = "/api/v1/events/stream";
        let mut live =
            Live::open(self.asking(path).with("after", 0).with("filter", "type:candidacy.*")).await;
        read.push((path.to_owned(), live.next().await.data.to_string()));
        read
    }
}

/// The answer without what belongs to its moment and without the id that was asked for.
async fn unknown(ask: Ask, id: &str) -> Value {
    let mut answer = ask.send().await.refused(404, "unknown-id");
    assert_eq!(answer["id"], id, "the asker's own word is repeated");
    for member in ["id", "instance"] {
        answer[member] = Value::Null;
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_landlords_call_one_household_by_two_references_and_neither_by_its_id() {
    let world = World::start(Shape::Five).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let household = caller.candidate(1).await.household;
    let reference_for = async |of: &Caller| {
        let asking = caller.asking(&format!("/api/v1/households/{household}/reference"));
        let landlord = of.provider("social_dwelling");
        asking.as_the(Kind::SiaoOperator).with("landlord", landlord).send().await.ok()["reference"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut landlords = Vec::new();
    for of in [&caller, &stranger] {
        let dwelling = of.vacant("social_dwelling", 4).await;
        let landlord = Landlord { caller: of, dwelling, reference: reference_for(of).await };
        of.told(caller.seen());
        let designate = json!({ "candidates": [{ "household": landlord.reference }] });
        let path = format!("/api/v1/dwellings/{}/designate-candidates", landlord.dwelling);
        let receipt = landlord.command(&path, &designate).send().await.recorded();
        caller.told(receipt.position);
        of.told(receipt.position);
        landlords.push(landlord);
    }
    let [one, other] = landlords.as_slice() else { panic!("two landlords") };
    let names = [&household, &one.reference, &other.reference];
    for landlord in [one, other] {
        assert!(landlord.reference.parse::<HouseholdId>().is_ok(), "{}", landlord.reference);
        for (path, text) in landlord.reads().await {
            assert!(text.contains(&landlord.reference), "{path}: {text}");
            for foreign in names.into_iter().filter(|name| **name != landlord.reference) {
                assert!(!text.contains(foreign.as_str()), "{path}: {text}");
            }
        }
    }
    // Whatever is no reference of one's own is nobody's: the id, another landlord's reference, and what was never given.
    let never = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
    for path in ["", "/housing", "/timeline"] {
        let asking = |id: &str| one.asking(&format!("/api/v1/households/{id}{path}"));
        let nothing = unknown(asking(never), never).await;
        for id in [&household, &other.reference] {
            assert_eq!(unknown(asking(id), id).await, nothing, "{path}");
        }
    }
    let sign = json!({});
    let ask = one.command(&format!("/api/v1/households/{household}/sign-lease"), &sign);
    let answer = ask.send().await;
    assert!(answer.status >= 400, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_landlord_registers_it_knows_by_its_reference_from_the_first_answer_on() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let landlord = Landlord { caller: &caller, dwelling: String::new(), reference: String::new() };
    let body = bodies::household("Zephyrin-Canari");
    let register = landlord.command("/api/v1/households", &body).key("one");
    let receipt = register.clone().send().await.recorded();
    let again = register.send().await.body;
    assert_eq!((&again["id"], &again["repeated"]), (&json!(receipt.id), &json!(true)));
    let file = landlord.asking(&format!("/api/v1/households/{}", receipt.id)).send().await.ok();
    assert_eq!(file["id"], receipt.id.as_str());
    // The SIAO calls it by its id, which is another one.
    let events = caller.events(0, "type:household.registered").await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let id = event["subject"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_ne!(id, receipt.id);
    assert_eq!(caller.reference(id).await.unwrap(), receipt.id);
    assert!(!file.to_string().contains(id), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_where_a_list_goes_on_says_nothing_of_what_lies_there() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    for name in ["Zephyrin", "Quetzal"] {
        caller.waiting(&bodies::household(name), &["chrs"]).await;
    }
    let page = caller.asking("/api/v1/worklists/siao").with("limit", 1).send().await.ok();
    let id: HouseholdId = page["tasks"][0]["household"].as_str().unwrap().parse().unwrap();
    let cursor = page["next"].as_str().unwrap();
    let place: Vec<u8> = serde_json::from_slice(&BASE64.decode(cursor).unwrap()).unwrap();
    let uuid = id.uuid();
    assert!(!place.windows(8).any(|some| some == &uuid.as_bytes()[8..]), "{page}");
    let asking =
        |cursor: &str| caller.asking("/api/v1/worklists/siao").with("limit", 1).with("cursor", cursor);
    let next = asking(cursor).send().await.ok();
    assert_ne!(next["tasks"][0], page["tasks"][0]);
    // One that nobody was given is refused.
    let other = BASE64.encode(serde_json::to_vec(&[0_u8; 64].to_vec()).unwrap());
    let _ = asking(&other).send().await.refused(400, "malformed-cursor");
}
