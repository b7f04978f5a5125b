//! Lists are read page by page: everything once, whatever the size of the page.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;
use tests::{Caller, Shape, World};

/// More than one page may hold.
const PLACES: usize = 230;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_page_by_page_without_a_gap_or_a_repetition() {
    let world = World::start(Shape::One).await;
    let caller = world.caller();
    let structure = caller.structure("chrs").await;
    let opening = stream::iter(0..PLACES).map(|_| caller.place(&structure, "chrs", 1));
    let opened: BTreeSet<String> = opening.buffer_unordered(32).collect().await;
    assert_eq!(opened.len(), PLACES);
    for limit in [1, 7, 50, 200] {
        let listed = pages(&caller, "/api/v1/places", "places", limit).await;
        let ids: Vec<_> = listed.iter().map(|place| place["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), PLACES, "places by {limit}");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), opened, "places by {limit}");
        let tasks = pages(&caller, "/api/v1/worklists/provider", "tasks", limit).await;
        let places = tasks.iter().map(|task| task["place"].as_str().unwrap().to_owned());
        assert_eq!(
            (tasks.len(), places.collect::<BTreeSet<_>>()),
            (PLACES, opened.clone()),
            "tasks by {limit}"
        );
    }
    let events = caller.events(0, "type:place.opened").await;
    assert_eq!(events.len(), PLACES);
}

/// Everything on a list, in pages of at most `limit` rows.
async fn pages(caller: &Caller, path: &str, name: &str, limit: usize) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut asking = caller.asking(path).with("limit", limit);
        if let Some(cursor) = &cursor {
            asking = asking.with("cursor", cursor);
        }
        let page = asking.send().await.ok();
        let found = page[name].as_array().unwrap();
        assert!(found.len() <= limit, "{} rows by {limit}", found.len());
        rows.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return rows,
        }
    }
}
