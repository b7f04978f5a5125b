//! Who reads what is told to others: when it is too much, and as an account that proves itself.

use std::collections::BTreeSet;
use std::path::Path;

use domain::organisation::OrganisationKind as Kind;
use domain::rights::Role;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tests::{Shape, World, bodies, until};

/// One more than may be read in an hour.
const FILES: usize = 61;

/// One more program of the SIAO, with a token of its own: its code as a reader, and the token.
async fn program(world: &World, base: &str) -> (String, String) {
    let organisation = world.caller().organisation().to_owned();
    let issue = json!({
        "label": "test", "role": Role::SiaoManager, "verbs": ["read"], "days": 30, "per_minute": 6_000,
    });
    let url = format!("{base}/api/v1/organisations/{organisation}/issue-token");
    let issued = world.http().post(url).bearer_auth(world.administrator()).json(&issue).send().await.unwrap();
    let issued: Value = issued.json().await.unwrap();
    (format!("token:{}", issued["id"].as_str().unwrap()), issued["token"].as_str().unwrap().to_owned())
}

/// Opens these files over the network with this token.
async fn opens(world: &World, base: &str, token: &str, files: &[String]) {
    let opening = stream::iter(files).map(|id| async move {
        let url = format!("{base}/api/v1/households/{id}");
        // A token that was issued a moment ago may not be known everywhere yet.
        until("the file opens", || async {
            let answer = world.http().get(&url).bearer_auth(token).send().await.unwrap();
            answer.status() == 200
        })
        .await;
    });
    opening.buffer_unordered(8).collect::<Vec<()>>().await;
}

/// Whom the list of alerts tells of.
async fn told(world: &World, base: &str, token: &str) -> Vec<String> {
    let answer = world.http().get(format!("{base}/api/v1/alerts")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    let alerts = answer["alerts"].as_array().unwrap().iter();
    let bulk = alerts.filter(|alert| alert["kind"] == "files_read_in_bulk");
    bulk.map(|alert| alert["actor"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_opens_sixty_one_files_in_an_hour_is_told_of_once_and_still_after_a_restart() {
    let mut world = World::start(Shape::One).await;
    let (caller, stranger) = (world.caller(), world.stranger());
    let registering =
        stream::iter(0..FILES).map(|_| async { caller.register(&bodies::household("Petit")).await });
    let files: Vec<String> = registering.buffer_unordered(16).collect().await;
    let manager = caller.parties().the(Kind::SiaoOperator).token.clone();
    let auditor = caller.parties().the(Kind::Auditor).token.clone();
    let base = world.base("supervision");
    let (curious, one) = program(&world, &base).await;
    let (busy, other) = program(&world, &base).await;
    opens(&world, &base, &one, &files[..60]).await;
    opens(&world, &base, &other, &files).await;
    until("the one is told of", || async { told(&world, &base, &manager).await.contains(&busy) }).await;
    assert_eq!(told(&world, &base, &manager).await, std::slice::from_ref(&busy), "sixty are allowed");
    opens(&world, &base, &one, &files[60..]).await;
    until("the other is too", || async { told(&world, &base, &manager).await.contains(&curious) }).await;

    world.kill_program().await;
    world.start_program().await;
    let base = world.base("supervision");
    // What was read before is read again in order: whoever reads after the restart is noticed after that.
    let (third, token) = program(&world, &base).await;
    opens(&world, &base, &token, &files).await;
    until("a third is told of", || async { told(&world, &base, &manager).await.contains(&third) }).await;
    let all: BTreeSet<String> = [curious, busy, third].into();
    for token in [&manager, &auditor] {
        let seen = told(&world, &base, token).await;
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (3, all.clone()), "each once");
    }
    let elsewhere = &stranger.parties().the(Kind::SiaoOperator).token;
    assert_eq!(told(&world, &base, elsewhere).await, Vec::<String>::new(), "it is another SIAO's business");
}

/// The verb that checks `file`; what it says, and whether it is content.
async fn checked(world: &World, file: &Path, key: &str) -> (bool, String) {
    let output = world.run(&["export", "check", file.to_str().unwrap(), "--seal-key", key]).await;
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The account, changed.
fn changed(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut account: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    change(&mut account);
    std::fs::write(file, account.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_a_file_is_exported_with_a_proof_that_no_line_was_removed() {
    // It is asked again and again whether there is a seal yet.
    let patient = [("CONTINUUM_SUPERVISION__LIMITS__EXPORTS_MAX", "10000")];
    let mut world = World::with(Shape::One, &patient).await;
    let caller = world.caller();
    let (id, other) = (
        caller.register(&bodies::household("Lefort")).await,
        caller.register(&bodies::household("Dumas")).await,
    );
    for _ in 0..5 {
        caller.file(&id).await;
        caller.file(&other).await;
    }
    let token = caller.parties().the(Kind::SiaoOperator).token.clone();
    // What is there when the instance starts is sealed at once.
    world.stop_program().await;
    let data = world.data();
    let verified = world.run(&["doctor", "--verify", "--json", "--data", data.to_str().unwrap()]).await;
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let key = report["keys"][0]["key"].as_str().unwrap().to_owned();
    world.start_program().await;
    let (base, folder) = (world.base("supervision"), world.dir().to_owned());
    let (whole, table) = (folder.join("qui-a-lu.json"), folder.join("qui-a-lu.csv"));
    let export = async |out: &Path, form: &str| {
        let out = out.to_str().unwrap();
        let arguments = ["export", "accesses", &id, "--to", &base, "--format", form, "--out", out];
        let output = world.run_with(&token, &arguments).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let proof = format!("{base}/api/v1/households/{id}/accesses/proof");
    let auditor = caller.parties().the(Kind::Auditor).token.clone();
    until("the readings are sealed", || async {
        let answer = world.http().get(&proof).bearer_auth(&auditor).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["proof"]["seals"].as_array().is_some_and(|seals| !seals.is_empty())
    })
    .await;
    export(&whole, "json").await;
    export(&table, "csv").await;
    for file in [&whole, &table] {
        let (good, said) = checked(&world, file, &key).await;
        assert!(good && said.contains(&id) && said.contains("is there: 5"), "{said}");
        assert!(!checked(&world, file, &"0".repeat(64)).await.0, "another key vouches for nothing");
    }
    let account: Value = serde_json::from_slice(&std::fs::read(&whole).unwrap()).unwrap();
    assert_eq!(account["accesses"].as_array().unwrap().len(), 5);
    assert!(!account.to_string().contains(&other["33-".len()..]), "nothing is told of others");

    let copy = folder.join("copie.json");
    type Forgery = fn(&mut Value);
    let remove_row: Forgery = |account| drop(account["accesses"].as_array_mut().unwrap().remove(2));
    let remove_both: Forgery = |account| {
        account["accesses"].as_array_mut().unwrap().remove(2);
        account["proof"]["lines"].as_array_mut().unwrap().remove(2);
    };
    let change: Forgery = |account| account["accesses"][1]["outcome"] = json!("refused");
    let no_seals: Forgery = |account| account["proof"]["seals"] = json!([]);
    let forgeries = [
        ("5 entries were recorded", remove_row),
        ("was removed", remove_both),
        ("is not what was recorded", change),
        ("no seal", no_seals),
    ];
    for (told, forge) in forgeries {
        std::fs::copy(&whole, &copy).unwrap();
        changed(&copy, forge);
        let (good, said) = checked(&world, &copy, &key).await;
        assert!(!good && said.contains(told), "{told}: {said}");
    }
    let rows = std::fs::read_to_string(&table).unwrap();
    let shorter: Vec<&str> =
        rows.lines().enumerate().filter(|(nth, _)| *nth != 3).map(|(_, row)| row).collect();
    std::fs::write(&table, shorter.join("\n")).unwrap();
    assert!(!checked(&world, &table, &key).await.0, "a row is missing from the table");
    let answer = world.http().get(&proof).bearer_auth(&caller.parties().the(Kind::SocialLandlord).token);
    assert_eq!(answer.send().await.unwrap().status(), 403, "it is not for everybody");
}
