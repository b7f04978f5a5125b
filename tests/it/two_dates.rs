//! What was true then, and what was known then: two questions, two answers, after a date was corrected late.

use domain::organisation::OrganisationKind as Kind;
use serde_json::{Value, json};
use tests::{Caller, Shape, World, bodies};

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_recorded_for_the_12th_and_corrected_to_the_9th_is_both() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let year = bodies::today().year() - 1;
    let march = |day: u8| format!("{year}-03-{day:02}T10:00:00Z");
    let (household, stay) = arrive(&caller, year, &march(12)).await;
    let path = format!("/api/v1/households/{household}/timeline");
    let before = caller.get(&path).await.ok();
    let recorded = started(&before)["recorded"].as_str().unwrap().to_owned();
    assert_eq!(
        (started(&before)["effective"].as_str(), started(&before)["recorded_effective"].as_str()),
        (Some(&*march(12)), None)
    );
    assert_eq!(occupied(&caller, &format!("{year}-03-10")).await, 0);

    let correction =
        json!({ "fact": { "of": "stay_start", "stay": stay }, "is": march(9), "reason": "wrong_date" });
    let corrected = caller.act(&format!("households/{household}"), "correct-date", &correction).await;
    assert_eq!(corrected.types(), ["place.occupancy_corrected", "fact.corrected"]);

    // Both dates stand on the fact.
    let after = caller.get(&path).await.ok();
    assert_eq!(started(&after)["effective"], march(9));
    assert_eq!(started(&after)["recorded_effective"], march(12));
    assert_eq!(started(&after)["recorded"], recorded);

    // Who lived there on the 10th? As is known today: the household. As was known before the correction: nobody.
    let asked = [
        (march(10), None, Some(march(9))),
        (march(10), Some(recorded.clone()), None),
        (march(13), Some(recorded.clone()), Some(march(12))),
        (march(13), None, Some(march(9))),
        (march(8), None, None),
    ];
    for (as_of, known_at, from) in asked {
        let mut asking = caller.asking(&path).with("as_of", &as_of);
        if let Some(known_at) = &known_at {
            asking = asking.with("known_at", known_at);
        }
        let answer = asking.send().await.ok();
        let stays = answer["situation"]["stays"].as_object().unwrap();
        let found = stays.get(&stay).map(|stay| stay["from"].as_str().unwrap());
        assert_eq!(found, from.as_deref(), "as of {as_of}, known at {known_at:?}: {answer}");
        assert_eq!(answer["as_of"], as_of);
    }
    assert_eq!(
        occupied(&caller, &format!("{year}-03-10")).await,
        1,
        "the night of the 10th is counted since"
    );
    assert_eq!(occupied(&caller, &format!("{year}-03-08")).await, 0);
    check_command_line(&world, &caller, &household, &march(10), &recorded).await;
}

/// A household that moved in on a day of last year, taken over from an earlier file.
async fn arrive(caller: &Caller, year: i16, from: &str) -> (String, String) {
    let structure = caller.structure("social_residence").await;
    let mut place = bodies::place(&structure, "social_residence", caller.provider("social_residence"), 2);
    place["from"] = json!(format!("{year}-01-01"));
    let place = caller.post("/api/v1/places", &place).await.recorded().id;
    let household = caller.register(&bodies::household("Lambert")).await;
    let take_over = json!({ "place": place, "from": from });
    caller.act(&format!("households/{household}"), "take-over-stay", &take_over).await;
    let stay = caller.only(&household, "stays").await;
    (household, stay)
}

fn started(timeline: &Value) -> &Value {
    let events = timeline["events"].as_array().unwrap();
    events.iter().find(|event| event["type"] == "stay.started").unwrap()
}

/// How many places somebody slept in that night.
async fn occupied(caller: &Caller, night: &str) -> u64 {
    let asking = caller.asking("/api/v1/occupancy").with("territory", "33").with("night", night);
    let answer = asking.send().await.ok();
    answer["kinds"]["social_residence"]["occupied"].as_u64().unwrap()
}

/// `continuum timeline` asks the same two questions.
async fn check_command_line(world: &World, caller: &Caller, household: &str, as_of: &str, known_at: &str) {
    let base = world.base("supervision");
    let token = &caller.parties().the(Kind::SiaoOperator).token;
    let today = world.run_with(token, &["timeline", household, "--as-of", as_of, "--url", &base]).await;
    let then = world
        .run_with(token, &["timeline", household, "--as-of", as_of, "--known-at", known_at, "--url", &base])
        .await;
    let text = |output: &std::process::Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout.clone()).unwrap()
    };
    assert!(
        text(&today).contains("stay.started") && text(&today).contains("first dated"),
        "{}",
        text(&today)
    );
    assert!(!text(&then).contains("stay.started"), "{}", text(&then));
}
