//! Files that look alike, found later and brought together; and what is left of them on the disk.

use std::time::Instant;

use domain::organisation::OrganisationKind as Kind;
use domain::rights::Role;
use serde_json::{Value, json};

use crate::world::{PATIENCE, Party, World, codes, person};

async fn siao(world: &World) -> Party {
    world.party("SIAO de la Gironde", Kind::SiaoOperator, Role::SiaoManager, "33").await
}

async fn look_alikes(world: &World, by: &Party, id: impl std::fmt::Display) -> Vec<Value> {
    let found = world.gets(by, &format!("households/{id}/look-alikes")).await;
    assert_eq!(found.status, 200, "{}", found.body);
    found.body["look_alikes"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_one_person_are_found_and_merged_and_are_one() {
    let world = World::start().await;
    let siao = siao(&world).await;
    let one = world.registered(&siao, &[person("Muhammad", "Said", "1990-07-20")]).await;
    let two = world.registered_all_the_same(&siao, &[person("Mohamed", "Saïd", "1990-07-20")]).await;
    let found = look_alikes(&world, &siao, one).await;
    assert_eq!((found.len(), &found[0]["household"], codes(&found[0])), (1, &json!(two), vec!["sound"]));
    let theirs = world.gets(&siao, &format!("households/{two}")).await;
    let who =
        theirs.body["file"]["composition"]["members"].as_object().unwrap().keys().next().unwrap().clone();
    let merge = json!({ "from": two, "links": { who: "other" } });
    let merged = world.posts(&siao, &format!("households/{one}/merge"), "merge", &merge).await;
    assert_eq!(merged.status, 200, "{}", merged.body);
    assert_eq!(look_alikes(&world, &siao, one).await, [] as [Value; 0]);
    // Whom it brought along is of the file that goes on.
    let third = world.registered_all_the_same(&siao, &[person("Mohammed", "S.", "1990-07-20")]).await;
    let found = look_alikes(&world, &siao, third).await;
    assert_eq!((found.len(), &found[0]["household"]), (1, &json!(one)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_hold_no_name_and_the_next_night_nothing_of_who_was_erased() {
    let world = World::start().await;
    let siao = siao(&world).await;
    let erased = world.registered(&siao, &[person("Zéphyrin-Ganari", "Ondine", "1953-02-27")]).await;
    let kept = world.registered_all_the_same(&siao, &[person("Zephyrain", "Ondine", "1953-02-27")]).await;
    assert_eq!(look_alikes(&world, &siao, kept).await.len(), 1);
    let current = world.tokens_dir().join("current");
    let before = std::fs::read_to_string(&current).unwrap();

    world.journal.keys().unwrap().forget(erased).await.unwrap();
    world.clock.set(world.clock.now() + jiff::SignedDuration::from_hours(24));
    let deadline = Instant::now() + PATIENCE;
    while std::fs::read_to_string(&current).unwrap() == before
        || world.tokens_dir().join(format!("rows-{}", before.trim())).exists()
    {
        assert!(Instant::now() < deadline, "the rows are not built anew at night");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(look_alikes(&world, &siao, kept).await, [] as [Value; 0]);
    // What is there is still found.
    let again = world.registered_all_the_same(&siao, &[person("Zephyrain", "O.", "1953-02-27")]).await;
    assert_eq!(look_alikes(&world, &siao, again).await.len(), 1);

    let directory = world.tokens_dir();
    let dir = world.stop().await;
    let bytes = World::bytes_below(&directory);
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for word in ["phyr", "ganari", "ondine", "1953-02-27", "27/02/1953"] {
        assert!(!text.contains(word), "« {word} » is found");
    }
    // The search finds what is there: ids, and whom to ask.
    assert!(text.contains("siao de la gironde"));
    drop(dir);
}

#[tokio::test]
async fn without_keys_nothing_is_compared_and_that_is_said() {
    let broker = journal::broker::Broker::temporary().await.unwrap();
    let journal = journal::Journal::open(journal::JournalConfig::at(broker.url())).await.unwrap();
    let why = intake::likeness(&journal).err().unwrap().to_string();
    assert!(why.contains("no key file"), "{why}");
    broker.stop().await;
}
