//! Files imported by the program into the program.

use std::path::{Path, PathBuf};

use domain::organisation::OrganisationKind as Kind;
use serde_json::Value;
use tests::{Caller, Shape, World};

const STRUCTURES: &str = "Référence de la structure;Nom de la structure;Type;Commune;Ouverte depuis\n\
    S-1;CHRS Exemple;CHRS;Bordeaux;01/01/2020\n";
const PLACES: &str = "Référence de la place;Référence de la structure;Type;Catégorie;Capacité;Commune;Ouverte depuis\n\
    P-1;S-1;CHRS;T2;3;Bordeaux;01/01/2020\nP-2;S-1;CHRS;T2;3;Bordeaux;01/01/2020\n";
const HOUSEHOLDS: &str = "ménage;lien;nom;prénom;date de naissance;sexe\n\
    M-1;;A;Un;01/01/1980;F\nM-1;Enfant;A;Deux;01/01/2010;F\nM-1;Enfant;A;Trois;01/01/2012;M\n\
    M-2;;B;Quatre;01/01/1980;M\n";
const STAYS: &str = "ménage;place;entrée;sortie;personnes\n\
    M-1;P-1;12/01/2025;03/06/2025;2\nM-2;P-2;20/05/2025;;\n";

/// Where files are imported, and on whose behalf.
struct Desk<'w> {
    world: &'w World,
    caller: Caller,
    organisation: String,
}

impl<'w> Desk<'w> {
    fn of(world: &'w World) -> Self {
        let caller = world.caller();
        let organisation = caller.organisation().to_owned();
        Self { world, caller, organisation }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.world.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Imports a file: the exit code, and what is said of it last.
    async fn import(&self, kind: &str, file: &Path, more: &[&str]) -> (Option<i32>, String) {
        let (to, file) = (self.world.base("intake"), file.to_str().unwrap());
        let own = ["import", kind, file, "--to", &to, "--organisation", &self.organisation];
        let token = &self.caller.parties().the(Kind::SiaoOperator).token;
        let output = self.world.run_with(token, &[&own, more].concat()).await;
        let said = String::from_utf8(output.stdout).unwrap();
        let summary = said
            .lines()
            .find(|line| line.contains(" lue"))
            .unwrap_or_else(|| panic!("no summary: {said}{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(said.matches(summary).count(), 1, "the summary is told once: {said}");
        (output.status.code(), summary.to_owned())
    }

    /// Places that somebody slept in, and how many persons, on a night.
    async fn slept(&self, night: &str) -> (u64, u64) {
        let night = self.caller.asking(&format!("/api/v1/occupancy?territory=33&night={night}"));
        let answer = night.as_the(Kind::SiaoOperator).send().await;
        let chrs = &answer.body["kinds"]["chrs"];
        let count = |name: &str| chrs[name].as_u64().unwrap_or_else(|| panic!("{}", answer.body));
        (count("occupied"), count("persons"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn past_nights_are_right_after_an_import_and_a_second_one_changes_nothing() {
    let world = World::start(Shape::One).await;
    let desk = Desk::of(&world);
    let files = [
        ("structures", STRUCTURES, 1),
        ("places", PLACES, 2),
        ("households", HOUSEHOLDS, 4),
        ("stays", STAYS, 2),
    ];
    for (kind, text, lines) in files {
        let told = desk.import(kind, &desk.file(&format!("{kind}.csv"), text), &[]).await;
        let (s, read) = if lines > 1 { ("s", "lues") } else { ("", "lue") };
        let summary =
            format!("{lines} ligne{s} {read} : {lines} enregistrée{s}, 0 déjà enregistrée, 0 refusée.");
        assert_eq!(told, (Some(0), summary));
    }
    assert_eq!(desk.slept("2025-01-11").await, (0, 0));
    assert_eq!(desk.slept("2025-01-12").await, (1, 2), "two of the three stayed");
    assert_eq!(desk.slept("2025-06-02").await, (2, 3));
    assert_eq!(desk.slept("2025-06-03").await, (1, 1), "the night of the exit is not counted");

    let events = desk.caller.events(0, "").await;
    for (kind, _, lines) in files {
        let (code, summary) = desk.import(kind, &world.dir().join(format!("{kind}.csv")), &[]).await;
        assert_eq!(code, Some(0));
        assert!(summary.contains(&format!(" : 0 enregistrée, {lines} déjà enregistrée")), "{summary}");
    }
    assert_eq!(desk.caller.events(0, "").await, events);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_lines_come_back_and_once_corrected_they_are_taken() {
    let world = World::start(Shape::One).await;
    let desk = Desk::of(&world);
    let file = desk.file("m.csv", &HOUSEHOLDS.replace("B;Quatre;01/01/1980", "B;Quatre;1980"));
    let (code, summary) = desk.import("households", &file, &[]).await;
    assert_eq!(
        (code, summary.as_str()),
        (Some(2), "4 lignes lues : 3 enregistrées, 0 déjà enregistrée, 1 refusée.")
    );
    let refused = world.dir().join("m.csv.refused.csv");
    let text = std::fs::read_to_string(&refused).unwrap();
    assert!(text.contains(";5;date de naissance;une année ne suffit pas"), "{text}");
    std::fs::write(&refused, text.replace(";1980;", ";02/01/1980;")).unwrap();
    assert_eq!(desk.import("households", &refused, &[]).await.0, Some(0));
    let registered = desk.caller.events(0, "type:household.registered").await;
    assert_eq!(registered.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_the_register_becomes_a_household_with_its_application() {
    let world = World::start(Shape::One).await;
    let desk = Desk::of(&world);
    let requests = tests::root().join("crates/cli/tests/import/sne_requests.xml");
    let file = desk.file("demande.xml", &std::fs::read_to_string(requests).unwrap());
    let renewed = ["--renewed-on", "2026-10-01"];
    let (code, summary) = desk.import("sne", &file, &renewed).await;
    assert_eq!(
        (code, summary.as_str()),
        (Some(2), "3 lignes lues : 2 enregistrées, 0 déjà enregistrée, 1 refusée.")
    );
    let kinds = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    let events = desk.caller.events(0, "").await;
    let mut recorded = kinds(&events);
    recorded.sort_unstable();
    let application = "housing_application.registered";
    let household = "household.registered";
    assert_eq!(recorded, [household, household, application, application]);
    let refused = world.dir().join("demande.xml.refused.xml");
    assert!(std::fs::read_to_string(&refused).unwrap().contains("<!-- motif : demande 2, numUnique"));
    let (code, summary) = desk.import("sne", &refused, &renewed).await;
    assert_eq!(
        (code, summary.as_str()),
        (Some(2), "1 ligne lue : 0 enregistrée, 0 déjà enregistrée, 1 refusée.")
    );
    assert_eq!(desk.caller.events(0, "").await, events);
}
