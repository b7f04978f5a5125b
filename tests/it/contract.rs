//! What others rely on is committed: a difference is a decision, not an accident. `CONTINUUM_WRITE_GENERATED=1` writes
//! the files anew.

use serde_json::{Value, json};
use tests::{Route, Shape, World, root};

/// Stands for any id: well formed, and nobody's.
const NOBODY: &str = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_the_api_is_the_committed_one_and_every_route_of_it_is_served() {
    let world = World::start(Shape::One).await;
    let document = world.document(&world.base("intake")).await;
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    check_committed("openapi.json", &text);
    let caller = world.caller();
    let routes = Route::of(&document);
    assert!(routes.len() > 80, "{} routes", routes.len());
    for Route { method, path, .. } in &routes {
        let concrete = path.replace("{id}", NOBODY);
        let concrete = concrete.replace("{type}", "referral.proposed").replace("{version}", "1");
        assert!(!concrete.contains('{'), "a parameter that this test does not know: {path}");
        if path.ends_with("/stream") {
            continue; // It answers until it is closed; the pathway reads it.
        }
        let answer = match method.as_str() {
            "GET" => caller.get(&concrete).await,
            _ => caller.post(&concrete, &json!({})).await,
        };
        let unserved = ["unknown-path", "method-not-allowed", "internal"];
        assert!(!unserved.contains(&answer.code()), "{method} {path}: {}", answer.body);
        let statuses = &document["paths"][path][method.to_lowercase()]["responses"];
        assert!(
            statuses[answer.status.to_string()].is_object(),
            "{method} {path} answers {} unsaid: {}",
            answer.status,
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_describe_together_what_the_one_program_describes() {
    let world = World::start(Shape::Five).await;
    let committed: Value = serde_json::from_slice(&std::fs::read(contract("openapi.json")).unwrap()).unwrap();
    let mut together = Vec::new();
    for service in ["intake", "insertion", "landlord", "supervision", "feed"] {
        let own = Route::of(&world.document(&world.base(service)).await);
        assert!(own.iter().all(|route| route.service == service), "{service} serves its own alone");
        together.extend(own);
    }
    let mut one = Route::of(&committed);
    let by_path = |route: &Route| (route.path.clone(), route.method.clone());
    one.sort_by_key(by_path);
    together.sort_by_key(by_path);
    assert_eq!(together, one);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_of_every_verb_is_the_committed_one() {
    let dir = contract("help");
    let mut known = vec!["continuum.txt".to_owned()];
    let top = help(&[]).await;
    check_committed("help/continuum.txt", &top);
    let mut verbs: Vec<Vec<String>> = verbs(&top).into_iter().map(|verb| vec![verb]).collect();
    while let Some(verb) = verbs.pop() {
        let said = help(&verb).await;
        let name = format!("{}.txt", verb.join("-"));
        check_committed(&format!("help/{name}"), &said);
        known.push(name);
        verbs.extend(self::verbs(&said).into_iter().map(|below| [verb.clone(), vec![below]].concat()));
        assert!(
            said.contains("Example") || verb.len() > 1 || said.contains("Commands:"),
            "{verb:?} has an example"
        );
    }
    for file in std::fs::read_dir(dir).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is the help of no verb");
    }
}

async fn help(verb: &[String]) -> String {
    let mut command = tokio::process::Command::new(tests::program());
    // Help is wrapped to the terminal, and a test has none.
    let output = command.args(verb).arg("--help").env_remove("COLUMNS").output().await.unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{verb:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a help lists, `help` itself left out.
fn verbs(help: &str) -> Vec<String> {
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    named.filter(|verb| !verb.is_empty() && *verb != "help").map(str::to_owned).collect()
}

fn contract(name: &str) -> std::path::PathBuf {
    root().join("tests/contract").join(name)
}

pub(super) fn check_committed(name: &str, text: &str) {
    let path = contract(name);
    if std::env::var_os("CONTINUUM_WRITE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // Two thousand lines say nothing: the first that differs does.
    let differs = committed.lines().zip(text.lines()).find(|(committed, now)| committed != now);
    assert!(
        committed == text,
        "{name} differs from what is committed, first at {differs:?}: write it anew with CONTINUUM_WRITE_GENERATED=1 and look at the difference"
    );
}
