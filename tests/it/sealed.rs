//! What is personal cannot be found on disk by reading bytes: not in the journal, not in rows, not in logs.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tests::{Caller, Shape, World, bodies};

/// Said everywhere a personal word can be said: each place gets a word of its own.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    /// A word that nothing else says. Its accents make it differ in every encoding.
    fn word(&mut self, place: &str) -> String {
        let word = format!("Zéphyr{:02}ÿ{}", self.0.len(), place.replace(' ', "Ω"));
        self.0.push(word.clone());
        word
    }

    /// Something of another form that nothing else says: a date, a number.
    fn exactly(&mut self, text: &str) -> String {
        self.0.push(text.to_owned());
        text.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_word_is_found_in_journal_rows_or_logs() {
    let mut world = World::with(Shape::One, &[("CONTINUUM_LOG", "debug")]).await;
    let caller = world.caller();
    let mut canaries = Canaries::default();
    let household = register(&caller, &mut canaries).await;
    go_through_a_stay(&caller, &household, &mut canaries).await;
    be_refused(&caller, &household, &mut canaries).await;
    split_and_merge(&caller, &household, &mut canaries).await;
    be_malformed(&caller, &household, &mut canaries).await;
    be_known_by_codes_and_numbers(&caller, &mut canaries).await;
    // Nothing that the rules marked as personal is written as they marked it, nor any sealed need.
    canaries.exactly("{\"personal\":");
    canaries.exactly("\"is\":true");
    let control = "Résidence-Témoin-Ωmega";
    let mut structure = bodies::structure("chrs", caller.provider("chrs"));
    structure["profile"]["name"] = json!(control);
    let id = caller.post("/api/v1/structures", &structure).await.recorded().id;
    let _ = caller.get(&format!("/api/v1/structures/{id}")).await.ok();
    assert!(world.stop_program().await.success());

    let files = files(world.dir());
    // The search finds what is not sealed, in the journal and in the rows.
    for part in ["data/broker", "data/views"] {
        let found = search(&files, control);
        let below = world.dir().join(part);
        assert!(found.iter().any(|path| path.starts_with(&below)), "« {control} » below {part}: {found:?}");
    }
    assert!(world.logged().contains("register"), "something was logged");
    for word in &canaries.0 {
        let found = search(&files, word);
        assert!(found.is_empty(), "« {word} » is found in {found:?}");
    }
    assert!(canaries.0.len() >= 40, "{} places", canaries.0.len());
}

/// A household of three, with everything that can be said of each.
async fn register(caller: &Caller, canaries: &mut Canaries) -> String {
    let mut members = Vec::new();
    for (link, born) in [("main_applicant", "1953-02-27"), ("child", "1991-08-19"), ("child", "1993-07-23")] {
        members.push(person(link, born, canaries));
    }
    let mut body = bodies::household_of(&members);
    body["note"] = json!(canaries.word("registration note"));
    let household = caller.register(&body).await;
    let file = caller.file(&household).await.to_string();
    assert!(file.contains(&canaries.0[0]), "its own SIAO reads it: {file}");
    household
}

fn person(link: &str, born: &str, canaries: &mut Canaries) -> Value {
    let nth = canaries.0.len();
    json!({ "sex": "female", "link": link, "residence": "french", "identity": {
        "last_name": canaries.word("last name"),
        "first_names": canaries.word("first names"),
        "birth_name": canaries.word("birth name"),
        "birth_date": canaries.exactly(born),
        "phone": canaries.exactly(&format!("+33 6 98 {nth:02} 54 32")),
        "email": canaries.word("e-mail") + "@exemple.fr",
        "address": canaries.word("address"),
    } })
}

/// Request, assessment, safety, proposals that are declined on both sides, a stay with its reviews and extensions.
async fn go_through_a_stay(caller: &Caller, household: &str, canaries: &mut Canaries) {
    let ledger = format!("households/{household}");
    let mut request = bodies::request(&["chrs"]);
    request["note"] = json!(canaries.word("request note"));
    caller.act(&ledger, "create-request", &request).await;
    let request = caller.only(household, "requests").await;
    caller.act(&ledger, "submit-request", &json!({ "request": request })).await;
    let narrative = canaries.word("narrative");
    let assess =
        json!({ "request": request, "need": {}, "autonomy": 3, "support": 3, "narrative": narrative });
    caller.act(&ledger, "assess-request", &assess).await;
    let safety = json!({ "safety": {
        "exclusion_zones": [canaries.exactly("commune:33281")], "note": canaries.word("safety note") } });
    caller.act(&ledger, "note-safety", &safety).await;
    let qualify = json!({ "request": request, "qualification": bodies::qualification(&["chrs"], 1) });
    caller.act(&ledger, "qualify-request", &qualify).await;

    let place = caller.vacant("chrs", 4).await;
    let note = canaries.word("provider's motive of refusal");
    let declined = json!({ "reason": "other", "note": note });
    propose_and(caller, household, &request, &place, ("decline-referral", declined), canaries).await;
    let note = canaries.word("household's motive of refusal");
    let refused = json!({ "reason": "other", "note": note });
    propose_and(caller, household, &request, &place, ("refuse-referral", refused), canaries).await;
    propose_and(caller, household, &request, &place, ("accept-referral", json!({})), canaries).await;
    let referral = referral(caller, household, "accepted").await;
    let (soon, later) = (in_days(120), in_days(200));
    caller.act(&ledger, "start-stay", &json!({ "referral": referral, "planned_end": soon })).await;
    let stay = caller.only(household, "stays").await;
    let review = json!({ "stay": stay, "housing_ready": false, "note": canaries.word("review note") });
    caller.act(&ledger, "review-stay", &review).await;
    let extension = json!({ "stay": stay, "until": later, "motive": canaries.word("motive of extension") });
    caller.act(&ledger, "request-extension", &extension).await;
    let refusal = json!({ "stay": stay, "granted": false, "motive": canaries.word("motive of the préfet") });
    caller.act(&ledger, "decide-extension", &refusal).await;
}

async fn propose_and(
    caller: &Caller,
    household: &str,
    request: &str,
    place: &str,
    (command, mut body): (&str, Value),
    canaries: &mut Canaries,
) {
    let ledger = format!("households/{household}");
    let note = canaries.word("orientation note");
    caller
        .act(&ledger, "propose-referral", &json!({ "request": request, "place": place, "note": note }))
        .await;
    body["referral"] = json!(referral(caller, household, "proposed").await);
    caller.act(&ledger, command, &body).await;
}

async fn referral(caller: &Caller, household: &str, is: &str) -> String {
    let file = caller.file(household).await;
    let mut all = file["file"]["referrals"].as_object().unwrap().iter();
    all.find(|(_, one)| one["situation"]["is"] == is).unwrap().0.clone()
}

fn in_days(days: i64) -> String {
    bodies::today().checked_add(jiff::Span::new().days(days)).unwrap().to_string()
}

/// A request to the other desk that is rejected in words, and an identity that is corrected.
async fn be_refused(caller: &Caller, household: &str, canaries: &mut Canaries) {
    let ledger = format!("households/{household}");
    let mut request = bodies::request(&["emergency_shelter"]);
    request["file"]["stream"] = json!("115");
    caller.act(&ledger, "create-request", &request).await;
    let file = caller.file(household).await;
    let requests = file["file"]["requests"].as_object().unwrap();
    let request = requests.iter().find(|(_, one)| one["file"]["stream"] == "115").unwrap().0;
    caller.act(&ledger, "submit-request", &json!({ "request": request })).await;
    let note = canaries.word("rejection note");
    let reject = json!({ "request": request, "reason": "outside_scope", "note": note });
    caller.act(&ledger, "reject-request", &reject).await;
    let members = file["file"]["composition"]["members"].as_object().unwrap();
    let main = members.iter().find(|(_, member)| member["link"] == "main_applicant").unwrap().0;
    let corrected = json!({ "person": main, "member": person("main_applicant", "1953-12-28", canaries) });
    caller.act(&ledger, "correct-identity", &corrected).await;
    let added = json!({ "member": person("child", "2019-11-29", canaries), "reason": "reunification" });
    caller.act(&ledger, "add-member", &added).await;
}

/// Somebody leaves with a household of their own; somebody else's household joins. Names travel, sealed anew.
async fn split_and_merge(caller: &Caller, household: &str, canaries: &mut Canaries) {
    let file = caller.file(household).await;
    let members = file["file"]["composition"]["members"].as_object().unwrap();
    let (child, is) = members.iter().find(|(_, member)| member["link"] == "child").unwrap();
    let split = json!({ "persons": [child], "main_applicant": child });
    let receipt = caller.act(&format!("households/{household}"), "split", &split).await;
    let into = receipt
        .events
        .iter()
        .find_map(|event| event.2.strip_prefix("household/").filter(|id| *id != household));
    let theirs = caller.file(into.unwrap()).await["file"]["composition"]["members"].clone();
    assert_eq!(theirs[child]["identity"], is["identity"], "who leaves takes their name along");

    let mut other = bodies::household_of(&[person("main_applicant", "1955-10-21", canaries)]);
    other["note"] = json!(canaries.word("note of who joins"));
    let other = caller.register(&other).await;
    let joining = caller.file(&other).await["file"]["composition"]["members"].clone();
    let (person, joins) = joining.as_object().unwrap().iter().next().unwrap();
    caller
        .act(
            &format!("households/{household}"),
            "merge",
            &json!({ "from": other, "links": { person: "parent" } }),
        )
        .await;
    let members = caller.file(household).await["file"]["composition"]["members"].clone();
    assert_eq!(members[person]["identity"], joins["identity"], "who joins brings their name along");
}

/// What is told in codes, numbers and amounts: why a household asks, what it needs to be safe, what it earns and owes, the
/// numbers under which registers know it. Each is one that nothing else says.
async fn be_known_by_codes_and_numbers(caller: &Caller, canaries: &mut Canaries) {
    let household = caller.register(&bodies::household("Inconnue")).await;
    let ledger = format!("households/{household}");
    let need = json!({ "violence_dedicated": true, "justice_measure": true, "resources": canaries.exactly("from1800") });
    let mut asks = bodies::request(&["chrs"]);
    asks["file"]["reason"] = json!(canaries.exactly("end_of_supported_housing"));
    asks["file"]["need"] = need.clone();
    let request = caller.act(&ledger, "create-request", &asks).await.new_one("request");
    caller.act(&ledger, "submit-request", &json!({ "request": request })).await;
    let assess = json!({ "request": request, "need": need, "autonomy": 2, "support": 4 });
    caller.act(&ledger, "assess-request", &assess).await;
    let qualify = json!({ "request": request, "qualification": bodies::qualification(&["chrs"], 1) });
    caller.act(&ledger, "qualify-request", &qualify).await;
    let file = caller.file(&household).await["file"]["requests"][&request]["file"].clone();
    assert_eq!(file["reason"], asks["file"]["reason"], "its own SIAO reads it: {file}");
    assert_eq!(file["need"]["violence_dedicated"]["is"], true, "{file}");
    let ranking =
        caller.get(&format!("/api/v1/places/{}/ranking", caller.vacant("chrs", 2).await)).await.ok();
    let excluded = ranking["excluded"].as_array().unwrap().iter().find(|one| one["household"] == *household);
    assert_eq!(excluded.unwrap()["rule"], "violence", "what it needs is opened for the list: {ranking}");

    let number = canaries.exactly(&bodies::number(918_273));
    let application = caller.apply(&household, 918_273).await;
    assert_eq!(caller.housing(&household).await["applications"][&application]["number"], number);
    let document = canaries.exactly("DALO-2026/918273");
    let dalo = json!({ "ground": "dalo", "source": "mediation_board", "document": document });
    caller.act(&ledger, "grant-priority", &dalo).await;
    let dwelling = caller.vacant("social_dwelling", 4).await;
    let designate = json!({ "candidates": [{ "household": household, "dalo": true }] });
    caller.act(&format!("dwellings/{dwelling}"), "designate-candidates", &designate).await;

    let residence = caller.vacant("social_residence", 2).await;
    caller.act(&ledger, "admit-directly", &json!({ "place": residence })).await;
    let stay = caller.only(&household, "stays").await;
    let (debt, monthly) = (918_273_645_546_u64, 123_454_321_678_u64);
    for amount in [debt, monthly] {
        canaries.exactly(&amount.to_string());
    }
    let ground = json!({ "because": "unpaid", "months": 5, "debt": debt, "monthly": monthly });
    caller.act(&ledger, "notify-termination", &json!({ "stay": stay, "ground": ground })).await;
}

/// What is refused is not repeated in a log either.
async fn be_malformed(caller: &Caller, household: &str, canaries: &mut Canaries) {
    let mut of_another_type = bodies::household(&canaries.word("beside a fault"));
    of_another_type["members"][0]["identity"]["birth_date"] = json!(canaries.word("not a date"));
    let _ = caller.post("/api/v1/households", &of_another_type).await.refused(400, "malformed-body");
    let mut unknown = bodies::household("Inconnu");
    unknown["members"][0]["identity"][canaries.word("unknown field")] = json!(canaries.word("its value"));
    let _ = caller.post("/api/v1/households", &unknown).await.refused(400, "malformed-body");
    let long = bodies::household(&canaries.word("too long").repeat(20));
    let _ = caller.post("/api/v1/households", &long).await.refused(422, "identity-too-long");
    let unread = format!("{{\"{}", canaries.word("cut off"));
    let _ = caller.raw("/api/v1/households", unread.into_bytes()).send().await.refused(400, "malformed-body");
    let path = format!("/api/v1/households/{}", canaries.exactly("Dupont-Zephyr-Ganari"));
    let _ = caller.get(&path).await.refused(400, "malformed-id");
    let filter = canaries.exactly("Durand-Zephyr-Ganari");
    let asking = caller.asking("/api/v1/events").with("filter", filter);
    let _ = asking.send().await.refused(400, "malformed-query");
    let consent = json!({ "person": canaries.word("no person"), "purpose": "share_with_providers" });
    let path = format!("/api/v1/households/{household}/give-consent");
    let _ = caller.post(&path, &consent).await.refused(400, "malformed-body");
}

/// Every file of a world but the key file.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut files, mut directories) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("keys/kek") {
                let bytes = std::fs::read(&path).unwrap();
                files.push((path, bytes));
            }
        }
    }
    files
}

/// The files that hold `word` in any of the forms it could be written in.
fn search(files: &[(PathBuf, Vec<u8>)], word: &str) -> Vec<PathBuf> {
    let forms = forms(word);
    let holds = |bytes: &[u8]| forms.iter().any(|form| contains(bytes, form));
    files.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone()).collect()
}

/// UTF-8, JSON with escapes of both cases, UTF-16 as some logs write it, base64 of both alphabets at every alignment.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let escaped = |lower: bool| -> String {
        let escape = |unit: u16| if lower { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
        let units = word.encode_utf16();
        units
            .map(|unit| {
                char::from_u32(unit.into()).filter(char::is_ascii).map_or_else(|| escape(unit), String::from)
            })
            .collect()
    };
    let mut forms = vec![word.as_bytes().to_vec(), escaped(true).into_bytes(), escaped(false).into_bytes()];
    forms.push(word.to_lowercase().into_bytes());
    forms.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
    for alphabet in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for alignment in 0..3 {
            let padded = [vec![0; alignment], word.as_bytes().to_vec()].concat();
            let text = alphabet.encode(&padded);
            // Characters at the ends also hold bits of whatever stands beside the word.
            let (from, to) =
                ((alignment * 8).div_ceil(6), text.len() - usize::from(!padded.len().is_multiple_of(3)));
            forms.push(text.as_bytes()[from..to].to_vec());
        }
    }
    forms
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some((first, rest)) = form.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn a_word_is_found_in_every_form_it_could_be_written_in() {
    let word = "Zéphyr";
    for before in ["", "a", "ab", "abc"] {
        let text = format!("{before}{word}xyz");
        let json = serde_json::to_string(&text).unwrap();
        let encoded = STANDARD_NO_PAD.encode(&text);
        let escaped = text.replace('é', "\\u00e9");
        for held in [text, json, encoded, escaped] {
            let files = [(PathBuf::from("a"), format!("…{held}…").into_bytes())];
            assert_eq!(search(&files, word).len(), 1, "{held}");
        }
    }
    assert!(search(&[(PathBuf::from("a"), b"Zephyr".to_vec())], word).is_empty());
}
