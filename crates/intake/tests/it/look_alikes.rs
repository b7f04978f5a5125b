//! Who registers somebody is told of files that look like theirs, and of nothing else.

use std::collections::BTreeSet;

use domain::household::protection::Protected;
use domain::id::UserId;
use domain::ledger::{AggregateId, Change, Fact};
use domain::organisation::OrganisationKind as Kind;
use domain::rights::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, codes, household, person};

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_somebody_who_is_known_is_told_why_and_goes_on_with_a_reason() {
    let world = World::start().await;
    let siao = world.party("SIAO de la Gironde", Kind::SiaoOperator, Role::SiaoManager, "33").await;
    let shelter = world.party("Foyer des Chartrons", Kind::Provider, Role::ProviderManager, "33").await;
    let other = world.party("Foyer de Bacalan", Kind::Provider, Role::ProviderManager, "33").await;
    let mut known = person("Dupont-Zéphyr", "Jean-Pierre", "1980-03-04");
    known["identity"]["address"] = json!("12 quai Zéphyrine");
    let id = world.registered(&shelter, &[known]).await;

    // The SIAO may see the file: it gets its id.
    for (last, first, born, code, words) in [
        ("DUPONT", "Jean Pierre", "1980-03-04", "name", "même nom, même prénom et même date de naissance"),
        (
            "Jean-Pierre",
            "Dupont-Zephyr",
            "1980-03-04",
            "names_swapped",
            "nom et prénom inversés, même date de naissance",
        ),
        (
            "Dupont",
            "J.",
            "1980-04-03",
            "day_and_month_swapped",
            "même nom, jour et mois de naissance inversés",
        ),
        ("Dupond", "inconnu", "1980-03-04", "sound", "nom qui se prononce pareil, même date de naissance"),
    ] {
        let body = household(&[person(last, first, born)]);
        let answer = world.posts(&siao, "households", &format!("{code}-siao"), &body).await;
        let [one] = &answer.look_alikes()[..] else { panic!("{}", answer.body) };
        assert_eq!((&one["household"], codes(one)), (&json!(id), vec![code]), "{last} {first}");
        assert_eq!(one["persons"][0]["person"], "0");
        assert_eq!(one["persons"][0]["likenesses"][0]["words"], words);
    }

    // Another shelter may not: it learns in what, since when and whom to ask, and nothing else of it.
    let body = household(&[person("Martin", "Zoé", "1999-12-12"), child("Dupond", "Jean", "1980-03-04")]);
    let refused = world.posts(&other, "households", "dossier-7", &body).await;
    let [one] = &refused.look_alikes()[..] else { panic!("{}", refused.body) };
    assert_eq!(one["registered_on"], "2026-03-15");
    assert_eq!(one["contacts"], json!([{ "organisation": siao.organisation, "name": "SIAO de la Gironde" }]));
    assert_eq!((&one["persons"][0]["person"], codes(one)), (&json!("1"), vec!["sound"]));
    let fields: BTreeSet<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["contacts", "persons", "registered_on"].into());
    let text = refused.body.to_string();
    for leaked in ["phyr", "Jean", "Dupon", "1980", "quai", "Chartrons", &id.uuid().to_string()] {
        assert!(!text.contains(leaked), "{leaked} is in {text}");
    }
    assert_eq!(world.gets(&other, &format!("households/{id}")).await.status, 404);

    // With a reason it goes on, under the same key; whoever lost the answer gets it again, with the reason or without.
    let mut reviewed = body.clone();
    reviewed["duplicate_reviewed"] = json!({ "reason": "other_person", "note": "Vu avec le SIAO." });
    let first = world.posts(&other, "households", "dossier-7", &reviewed).await;
    assert_eq!((first.status, &first.body["repeated"]), (201, &json!(false)), "{}", first.body);
    for again in [&reviewed, &body] {
        let again = world.posts(&other, "households", "dossier-7", again).await;
        assert_eq!((again.id(), &again.body["repeated"]), (first.id(), &json!(true)), "{}", again.body);
    }
    let mut otherwise = body;
    otherwise["members"][0]["identity"]["first_names"] = json!("Zoée");
    let otherwise = world.posts(&other, "households", "dossier-7", &otherwise).await;
    assert_eq!(otherwise.body["code"], "idempotency-key-reused");
    // Who was told of the file is written down, as of one who read it.
    let read = world.journal.accesses_of(id, 0, 100).await.unwrap();
    let told = read.entries.iter().filter(|one| one.entry.action.as_str() == "household.register").count();
    assert_eq!(told, 5);
    world.stop().await;
}

/// Somebody's child.
fn child(last_name: &str, first_names: &str, birth_date: &str) -> Value {
    let mut child = person(last_name, first_names, birth_date);
    child["link"] = json!("child");
    child
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_file_another_departement_and_a_landlord_give_and_get_no_hint() {
    let world = World::start().await;
    let siao = world.party("SIAO de la Gironde", Kind::SiaoOperator, Role::SiaoManager, "33").await;
    let landlord = world.party("Bailleur", Kind::SocialLandlord, Role::LandlordOfficer, "33").await;
    let paris = world.party("SIAO de Paris", Kind::SiaoOperator, Role::SiaoManager, "75").await;
    let she = person("Nguyen", "Awa", "1990-07-20");
    let id = world.registered(&siao, std::slice::from_ref(&she)).await;
    let again = household(&[person("N'Guyen", "Awa", "1990-07-20")]);
    assert_eq!(world.posts(&siao, "households", "a", &again).await.look_alikes().len(), 1);

    // A landlord does not share the professional secret: that somebody is known here is nothing for it.
    let by_landlord = world.posts(&landlord, "households", "b", &again).await;
    assert_eq!(by_landlord.status, 201, "{}", by_landlord.body);
    let mut in_paris = again.clone();
    in_paris["territory"] = json!("75");
    let in_paris = world.posts(&paris, "households", "c", &in_paris).await;
    assert_eq!(in_paris.status, 201, "{}", in_paris.body);

    // From now on she is in hiding, and so is the file that the landlord opened.
    let named = UserId::new("33".parse().unwrap(), Uuid::from_u128(7));
    let references = desk::references(&world.journal, landlord.organisation).unwrap();
    for hidden in [id, references.meant(by_landlord.id())] {
        let fact = Fact::Household(Protected { named: [named].into() }.into());
        let change = Change { ledger: AggregateId::Household(hidden), fact, effective: world.clock.now() };
        world.happens(siao.organisation, change).await;
    }
    let unsuspecting = world.posts(&siao, "households", "d", &again).await;
    assert_eq!(unsuspecting.status, 201, "{}", unsuspecting.body);
    let found = world.gets(&siao, &format!("households/{}/look-alikes", unsuspecting.id())).await;
    assert_eq!((found.status, &found.body["look_alikes"]), (200, &json!([])), "{}", found.body);
    let hidden = world.gets(&siao, &format!("households/{id}/look-alikes")).await;
    let nothing = world.gets(&siao, "households/33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90/look-alikes").await;
    assert_eq!((hidden.status, &hidden.body["code"]), (nothing.status, &nothing.body["code"]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_or_corrected_is_looked_for_and_a_structures_telephone_is_nobodys() {
    let world = World::start().await;
    let siao = world.party("SIAO de la Gironde", Kind::SiaoOperator, Role::SiaoManager, "33").await;
    let phoned = |name: &str, n: i8| {
        let mut somebody = person(name, "Awa", &format!("1990-{n:02}-20"));
        somebody["identity"]["phone"] = json!("05 56 12 34 56");
        somebody
    };
    let first = world.registered(&siao, &[phoned("Faure", 1)]).await;
    let second = household(&[phoned("Morel", 2)]);
    let told = world.posts(&siao, "households", "phone", &second).await;
    assert_eq!(
        (&told.look_alikes()[0]["household"], codes(&told.look_alikes()[0])),
        (&json!(first), vec!["phone"])
    );
    // Six files have it by now: it is that of the day centre.
    for (n, name) in [(2, "Morel"), (3, "Blanc"), (4, "Noir"), (5, "Roux"), (6, "Brun")] {
        world.registered_all_the_same(&siao, &[phoned(name, n)]).await;
    }
    let eighth = world.registered(&siao, &[phoned("Petit", 8)]).await;

    let add = json!({ "member": child("Faurre", "Ana", "1990-01-20"), "reason": "reunification" });
    let refused = world.posts(&siao, &format!("households/{eighth}/add-member"), "add", &add).await;
    assert_eq!((refused.look_alikes().len(), codes(&refused.look_alikes()[0])), (1, vec!["sound"]));

    let file = world.gets(&siao, &format!("households/{eighth}")).await;
    let who = file.body["file"]["composition"]["members"].as_object().unwrap().keys().next().unwrap();
    let correct = |member: Value| json!({ "person": who, "member": member });
    let path = format!("households/{eighth}/correct-identity");
    let refused = world.posts(&siao, &path, "correct", &correct(person("Faure", "Awa", "1990-01-20"))).await;
    assert_eq!(codes(&refused.look_alikes()[0]), ["name"]);
    let mut body = correct(person("Faure", "Awa", "1990-01-20"));
    body["duplicate_reviewed"] = json!({ "reason": "same_family" });
    assert_eq!(world.posts(&siao, &path, "correct", &body).await.status, 200);
    // In what she looked alike already was looked at then.
    let mut moved = person("Faure", "Awa", "1990-01-20");
    moved["identity"]["address"] = json!("3 rue Neuve");
    let moved = world.posts(&siao, &path, "moved", &correct(moved)).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    world.stop().await;
}
