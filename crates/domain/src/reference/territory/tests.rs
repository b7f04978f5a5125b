use super::*;

fn territory(code: &str) -> Territory {
    code.parse().unwrap()
}

#[test]
fn the_tables_are_sorted_and_whole() {
    let tables = Tables::read().unwrap();
    assert_eq!((tables.communes.len(), tables.epcis.len(), tables.departements.len()), (34_990, 1_255, 101));
    assert!(tables.communes.is_sorted_by(|a, b| a.code < b.code));
    assert!(tables.epcis.is_sorted_by(|a, b| a.0 < b.0));
    assert!(tables.departements.is_sorted_by(|a, b| a.territory < b.territory));
    assert!(tables.communes.iter().all(|c| c.code.len() == 5 && !c.name.is_empty()));
    assert!(tables.epcis.iter().all(|(_, name)| !name.is_empty()));
    for commune in &tables.communes {
        assert!(commune.epci.is_none_or(|epci| tables.epci_place(epci).is_some()), "{}", commune.code);
    }
}

#[test]
fn every_commune_is_in_exactly_one_département() {
    let counted: usize = departements().iter().map(|d| communes_of(d.territory).len()).sum();
    assert_eq!(counted, 34_990);
    for departement in departements() {
        let communes = communes_of(departement.territory);
        assert!(!communes.is_empty(), "{}", departement.name);
        assert!(communes.iter().all(|c| c.territory == departement.territory), "{}", departement.name);
    }
    assert_eq!(communes_of(territory("33")).len(), 535);
    assert_eq!(communes_of(territory("976")).len(), 17);
    assert_eq!(communes_of(territory("2A")).len(), 124);
}

#[test]
fn a_region_has_two_digits_and_one_name() {
    let mut regions: Vec<_> = departements().iter().map(|d| (d.region_code, d.region_name)).collect();
    regions.sort_unstable();
    regions.dedup();
    assert_eq!(regions.len(), 18);
    assert!(regions.iter().all(|(code, _)| code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit())));
    assert_eq!(departement(territory("974")).unwrap().region_code, "04");
    assert_eq!(departement_name(territory("33")), Some("Gironde"));
}

#[test]
fn a_commune_is_found_by_its_code() {
    let bordeaux = commune("33063").unwrap();
    assert_eq!(bordeaux.name, "Bordeaux");
    assert_eq!(bordeaux.territory, territory("33"));
    assert_eq!(epci_name(bordeaux.epci.unwrap()), "Bordeaux Métropole");
    assert_eq!(commune("29155").unwrap().epci, None, "Ouessant is an island of its own");
    for unknown in ["", "33", "33999", "330633", "3306é"] {
        assert!(commune(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn a_code_reads_as_it_is_written_and_must_exist() {
    let code: CommuneCode = serde_json::from_str("\"2A004\"").unwrap();
    assert_eq!((code.commune().name, serde_json::to_string(&code).unwrap()), ("Ajaccio", "\"2A004\"".into()));
    let epci: EpciCode = "243300316".parse().unwrap();
    assert_eq!(epci.to_string(), "243300316");
    for unknown in ["000000000", "999999999", "24330031", "+43300316"] {
        assert!(unknown.parse::<EpciCode>().is_err(), "{unknown}");
    }
    let error = "33999".parse::<CommuneCode>().unwrap_err();
    assert_eq!(error.to_string(), "« 33999 » is not the INSEE code of a commune such as 33063");
}

#[test]
fn an_arrondissement_is_part_of_its_city() {
    for (part, whole) in
        [("75113", "Paris"), ("69381", "Lyon"), ("13201", "Marseille"), ("33063", "Bordeaux")]
    {
        assert_eq!(part.parse::<CommuneCode>().unwrap().city().commune().name, whole);
    }
    let cities = departements()
        .iter()
        .flat_map(|d| communes_of(d.territory))
        .filter(|c| CommuneCode::from(*c).city().as_str() != c.code)
        .count();
    assert_eq!(cities, 20 + 9 + 16);
}

#[test]
fn the_bodies_of_a_département_include_those_that_reach_into_it() {
    let gironde = epcis_of(territory("33"));
    assert!(gironde.contains(&"243300316".parse().unwrap()));
    assert!(gironde.is_sorted());
    assert_eq!(epcis_of(territory("75")).len(), 1);
}
