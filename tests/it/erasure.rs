//! Somebody asks to be erased: two people decide, and nothing opens any more, anywhere, not even out of a backup.

use std::path::{Path, PathBuf};

use domain::organisation::OrganisationKind as Kind;
use jiff::ToSpan as _;
use jiff::civil::Date;
use journal::backup::{self, Backup};
use journal::broker::Broker;
use journal::keys::{Erasures, Escrow, KeyFile, KeyPlaces};
use journal::{Journal, JournalConfig};
use serde_json::{Value, json};
use tests::{Caller, Live, Person, Route, Shape, World, bodies, until};

/// What names the household that is erased, wherever it was written.
const MARKERS: [&str; 5] =
    ["Zephyrin-Canari", "Quetzalina", "note-canari-enregistrement", "note-canari-orientation", "0698765432"];
/// The name of a household that stays.
const OTHER: &str = "Restante-Temoin";

/// A household that was referred, housed, and has left; nothing of it goes on.
async fn lived_and_left(caller: &Caller) -> String {
    let mut person = bodies::person("main_applicant", MARKERS[1], MARKERS[0]);
    person["identity"]["phone"] = json!(MARKERS[4]);
    let mut body = bodies::household_of(&[person]);
    body["note"] = json!(MARKERS[2]);
    let waiting = caller.waiting(&body, &["chrs"]).await;
    let (id, place) = (waiting.household.clone(), caller.vacant("chrs", 2).await);
    let ledger = format!("households/{id}");
    let propose = json!({ "request": waiting.request, "place": place, "note": MARKERS[3] });
    caller.act(&ledger, "propose-referral", &propose).await;
    let referral = caller.only(&id, "referrals").await;
    caller.act(&ledger, "accept-referral", &json!({ "referral": referral })).await;
    caller.act(&ledger, "start-stay", &json!({ "referral": referral, "planned_end": days_ago(-120) })).await;
    let stay = caller.only(&id, "stays").await;
    let end = json!({ "stay": stay, "destination": "not_stated", "reason": "other" });
    caller.act(&ledger, "end-stay", &end).await;
    // A stay of last week, of which the nights are counted.
    let structure = caller.structure("social_residence").await;
    let mut place = bodies::place(&structure, "social_residence", caller.provider("social_residence"), 2);
    place["from"] = json!(days_ago(60));
    let place = caller.post("/api/v1/places", &place).await.recorded().id;
    let at = |days| format!("{}T10:00:00Z", days_ago(days));
    let ended = json!({ "at": at(5), "destination": "not_stated", "reason": "other" });
    let take_over = json!({ "place": place, "from": at(10), "ended": ended });
    caller.act(&ledger, "take-over-stay", &take_over).await;
    id
}

fn days_ago(days: i64) -> Date {
    bodies::today().checked_sub(days.days()).unwrap()
}

/// What is counted: steps of the pathway, nights, places.
async fn counted(auditor: &Caller, id: &str) -> (usize, Value, usize) {
    let path = format!("/api/v1/households/{id}/timeline?limit=200");
    let steps = auditor.asking(&path).as_the(Kind::Auditor).send().await.ok();
    let told = steps["events"].as_array().unwrap().iter();
    let told = told.filter(|event| !event["type"].as_str().unwrap().contains("eras")).count();
    let night = days_ago(7);
    let mut nights = auditor.get(&format!("/api/v1/occupancy?territory=33&night={night}")).await.ok();
    nights.as_object_mut().unwrap().remove("view");
    let places = auditor.get("/api/v1/places").await.ok()["places"].as_array().unwrap().len();
    (told, nights, places)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_by_two_people_is_unreadable_everywhere_and_still_counted() {
    let mut world = World::start(Shape::All).await;
    let caller = world.caller();
    let siao = caller.organisation().to_owned();
    let control = caller.parties().the(Kind::Auditor).organisation.clone();
    let officer = Person::signed_in(&world, "dpo@exemple.fr", &control, "auditor").await;
    let manager = Person::signed_in(&world, "responsable@exemple.fr", &siao, "siao_manager").await;
    let id = lived_and_left(&caller).await;
    let other = caller.register(&bodies::household(OTHER)).await;
    let file = caller.file(&id).await.to_string();
    assert!(MARKERS[..2].iter().all(|word| file.contains(word)), "its SIAO reads it: {file}");
    let events = |caller: Caller| async move { caller.events(0, "").await };
    let exported = serde_json::to_string(&events(caller.clone()).await).unwrap();
    assert!(exported.contains(&id) && exported.contains("\"sealed\""), "an export, sealed as it leaves");
    let before = counted(&caller, &id).await;
    assert_eq!(before.1["kinds"]["social_residence"]["occupied"], 1, "a night of last week: {}", before.1);

    // A backup of the day before.
    let (config, backup) = (text(&world.dir().join("all.toml")), world.dir().join("backup"));
    let ops = world.credentials("ops");
    let mut copying = world.verb(&["backup", "--to", &text(&backup), "--config", &config]);
    let copied = copying.env("CONTINUUM_INTAKE__NATS__CREDENTIALS_FILE", ops).output().await.unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));

    // One person, the same person twice, a program: refused.
    let on = |command: &str| format!("/api/v1/households/{id}/{command}");
    let ground = json!({ "ground": "request" });
    let token = caller.command(&on("propose-erasure"), &ground).as_the(Kind::Auditor);
    let _ = token.send().await.refused(422, "person-only");
    let _ = officer.post(&on("propose-erasure"), &ground).await.recorded();
    let _ = officer.post(&on("confirm-erasure"), &json!({})).await.refused(422, "same-person");
    let listed = officer.get("/api/v1/worklists/data-protection").await.ok();
    assert_eq!(listed["tasks"][0]["task"], "confirm-erasure", "{listed}");
    // A hold stops it; lifted, it goes on.
    let hold =
        json!({ "ground": "litigation", "motive": "recours devant le tribunal", "until": bodies::today() });
    let _ = officer.post(&on("place-legal-hold"), &hold).await.recorded();
    let _ = manager.post(&on("confirm-erasure"), &json!({})).await.refused(409, "legal-hold");
    let _ = officer.post(&on("lift-legal-hold"), &json!({ "ground": "litigation" })).await.recorded();
    let receipt = manager.post(&on("confirm-erasure"), &json!({})).await.recorded();
    assert_eq!(receipt.types(), ["household.erased"]);
    caller.told(receipt.position);

    nobody_reads(&world, &caller, &id).await;
    let _ = manager.post(&on("give-consent"), &json!({})).await.refused(400, "malformed-body");
    assert!(caller.file(&other).await.to_string().contains(OTHER), "the others are read as before");
    let (steps, nights, places) = counted(&caller, &id).await;
    // The proposal is told by its word, the hold by its own.
    assert_eq!((steps - 2, nights, places), before, "nothing that is counted moves");

    // The night: the keys are rotated, and the erasure is certified.
    ran(&world, &["key", "rotate", "--config", &config]).await;
    let erasure = format!("/api/v1/households/{id}/erasure");
    let certified = || async {
        let told = caller.asking(&erasure).as_the(Kind::Auditor).send().await;
        told.status == 200 && !told.body["erased"]["certificate"].is_null()
    };
    until("the erasure is certified", certified).await;
    let told = caller.asking(&erasure).as_the(Kind::Auditor).send().await.ok();
    let certificate = &told["erased"]["certificate"];
    assert_eq!(certificate["values"], certificate["refused"], "{told}");
    assert!(certificate["values"].as_u64().unwrap() >= 3 && certificate["epoch"] == 1, "{told}");
    let officers = caller.parties().the(Kind::Auditor).token.clone();
    let url = world.base("intake");
    for (lang, words) in [("fr", "Certificat d'effacement"), ("en", "Certificate of erasure")] {
        let arguments = ["erase", "--certificate", &id, "--lang", lang, "--to", &url];
        let printed = world.run_with(&officers, &arguments).await;
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert!(printed.contains(words) && printed.contains(&id), "{printed}");
    }
    nobody_reads(&world, &caller, &id).await;

    // Nothing on any disk.
    assert!(world.stop_program().await.success());
    let files = files(world.dir());
    assert!(files.len() > 20 && files.iter().any(|(path, _)| path.starts_with(&backup)), "{}", files.len());
    for word in MARKERS.iter().chain([&OTHER]) {
        let found = files.iter().filter(|(_, bytes)| contains(bytes, word.as_bytes()));
        let found: Vec<_> = found.map(|(path, _)| path).collect();
        assert!(found.is_empty(), "« {word} » is found in {found:?}");
        assert!(!exported.contains(word));
    }

    // The backup, put back on another disk with the escrow and the erasure ledger: the ledger is replayed first.
    let (name, kept) = restored(&world, &backup, [&id, &other]).await;
    assert!(name.contains("\"erased\":true") && MARKERS.iter().all(|word| !name.contains(word)), "{name}");
    assert!(kept.contains(OTHER), "the others open: {kept}");
}

/// What opens of two households in `backup`, put back on a broker of its own.
async fn restored(world: &World, backup: &Path, households: [&str; 2]) -> (String, String) {
    let key = world.dir().join("keys").join("kek");
    let (file, places) = (KeyFile::open(&key, None).unwrap(), KeyPlaces::beside(&key));
    let erasures = Erasures::at(places.erasures).read().unwrap();
    let broker = Broker::temporary().await.unwrap();
    let config = JournalConfig::at(broker.url());
    let whole = Backup::open(backup, &mut |_, _, _| {}).unwrap();
    let put_back = backup::restore(&config, &whole, &erasures, &mut |_, _, _| {}).await.unwrap();
    assert_eq!(put_back.destroyed, 1);
    let at = world.dir().join("restored").join("kek");
    whole.make_key_file(&file, Some(&Escrow::at(places.escrow)), &at).unwrap();
    let journal = Journal::open(config).await.unwrap();
    let journal = journal.with_keys(KeyFile::open(&at, None).unwrap()).await.unwrap();
    let mut found = Vec::new();
    for household in households {
        let mut text = String::new();
        for event in journal.load(&format!("household/{household}").parse().unwrap()).await.unwrap() {
            let (body, version) = (event.value().unwrap(), event.stamp.version);
            let keys = journal.keys().unwrap();
            let opened =
                keys.open(&event.ledger, event.stamp.event, &event.kind, version, body).await.unwrap();
            text.push_str(&opened.to_string());
        }
        found.push(text);
    }
    (found[0].clone(), found[1].clone())
}

/// No answer of any service, to anybody who takes part, holds a word of the household; and but for who controls, there is
/// none.
async fn nobody_reads(world: &World, caller: &Caller, id: &str) {
    for kind in [
        Kind::SiaoOperator,
        Kind::Provider,
        Kind::SocialLandlord,
        Kind::Prefecture,
        Kind::Referrer,
        Kind::Auditor,
    ] {
        for route in Route::of(&world.document(&world.base("intake")).await) {
            if route.method != "GET" || route.path.ends_with("/stream") {
                continue;
            }
            let answer = caller.asking(&route.path.replace("{id}", id)).as_the(kind).send().await;
            let text = answer.body.to_string();
            assert!(MARKERS.iter().all(|word| !text.contains(word)), "{kind:?} {}: {text}", route.path);
            let about = route.path.starts_with("/api/v1/households/{id}");
            assert!(
                !about || kind == Kind::Auditor || answer.status >= 400,
                "{kind:?} {}: {text}",
                route.path
            );
        }
    }
    let mut live = Live::open(caller.asking("/api/v1/events/stream").with("after", 0)).await;
    let last = caller.events(0, "").await.last().unwrap()["sequence"].as_str().unwrap().parse().unwrap();
    for told in live.up_to(last).await {
        let text = told.data.to_string();
        let of_it = told.data["subject"] == format!("household/{id}");
        let notice = told.name == "household.erased" && told.data["data"] == json!({});
        assert!((!of_it || notice) && MARKERS.iter().all(|word| !text.contains(word)), "{text}");
    }
    // Whoever was told something of it is told that it is erased, and nothing else; the others are not.
    for (caller, kind, expected) in [
        (caller, Kind::SiaoOperator, 1),
        (caller, Kind::Provider, 1),
        (caller, Kind::Prefecture, 1),
        (caller, Kind::Referrer, 0),
        (&world.stranger(), Kind::Provider, 0),
    ] {
        let asking = caller.asking("/api/v1/events").with("filter", format!("ledger:household/{id}"));
        let told = asking.with("limit", 200).as_the(kind).send().await.ok();
        let told = told["events"].as_array().unwrap().clone();
        assert_eq!(told.len(), expected, "{kind:?}: {told:?}");
        assert!(told.iter().all(|event| event["type"] == "household.erased" && event["data"] == json!({})));
    }
}

/// Runs a verb to its end; what it printed.
async fn ran(world: &World, arguments: &[&str]) -> String {
    let done = world.run(arguments).await;
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Every file of the world.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut files, mut directories) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                files.push((path, bytes));
            }
        }
    }
    files
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_erase_from_a_terminal() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let siao = caller.organisation().to_owned();
    let control = caller.parties().the(Kind::Auditor).organisation.clone();
    let officer = Person::signed_in(&world, "dpo@exemple.fr", &control, "auditor").await;
    let manager = Person::signed_in(&world, "responsable@exemple.fr", &siao, "siao_manager").await;
    let id = caller.register(&bodies::household(MARKERS[0])).await;
    let (url, token) = (world.base("intake"), caller.parties().the(Kind::Auditor).token.clone());
    let (password, motive) = (world.dir().join("password"), world.dir().join("motive"));
    std::fs::write(&password, officer.password()).unwrap();
    std::fs::write(&motive, "recours devant le tribunal").unwrap();
    let password = text(&password);
    let run = async |arguments: &[&str]| {
        let all = [&["erase", "--to", &url], arguments].concat();
        let done = world.run_with(&token, &all).await;
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    };
    let person = |who: &Person, nth: usize| {
        let with =
            ["--login", &who.login, "--recovery-code", &who.recovery[nth], "--password-file", &password];
        with.map(str::to_owned).to_vec()
    };
    let by = async |what: &[&str], person: Vec<String>| {
        let person: Vec<_> = person.iter().map(String::as_str).collect();
        run(&[what, &person].concat()).await
    };
    let today = bodies::today().to_string();
    let (held, said) =
        run(&[&id, "--hold", "litigation", "--until", &today, "--motive-file", &text(&motive)]).await;
    assert!(held, "{said}");
    let (done, said) = by(&[&id, "--ground", "request"], person(&officer, 0)).await;
    assert!(!done && said.contains("contentieux"), "{said}");
    let (lifted, said) = run(&[&id, "--lift-hold", "litigation"]).await;
    assert!(lifted, "{said}");
    let (done, said) = run(&[&id, "--ground", "request"]).await;
    assert!(!done && said.contains("person-only"), "a token decides nothing: {said}");
    let (done, said) = by(&[&id, "--ground", "request"], person(&officer, 1)).await;
    assert!(done, "{said}");
    let (listed, said) = run(&["--list"]).await;
    assert!(listed && said.contains("confirm-erasure") && said.contains(&id), "{said}");
    let (done, said) = by(&[&id, "--confirm"], person(&manager, 0)).await;
    assert!(done && said.contains("household.erased"), "{said}");
    let (printed, said) = run(&["--certificate", &id]).await;
    assert!(!printed && said.contains("rotation"), "not certified before the night: {said}");
}
