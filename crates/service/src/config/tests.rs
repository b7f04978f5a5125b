use serde::Deserialize;

use super::*;

fn with_file(toml: &str) -> Result<Settings, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, toml).unwrap();
    load("intake", &Sources { file: Some(file), ..Sources::default() })
}

fn with_variable(name: &str, value: &str) -> Result<Settings, ConfigError> {
    let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    load("intake", &Sources { environment, ..Sources::default() })
}

#[test]
fn every_shipped_file_is_complete_and_equals_the_defaults() {
    let mut addresses = BTreeSet::new();
    for (service, text) in SHIPPED {
        let defaults: Settings = load(service, &Sources::default()).unwrap();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../config/{service}.toml"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        let read: Settings = load(service, &Sources { file: Some(file), ..Sources::default() }).unwrap();
        assert_eq!(read, defaults);
        assert!(addresses.insert(defaults.http.address), "{service} listens where another does");
        assert_eq!(defaults.data.dir, Path::new("data").join(service));
    }
}

#[test]
fn every_key_of_every_shipped_file_is_explained() {
    for (service, text) in SHIPPED {
        let mut above = "";
        for line in text.lines().filter(|line| !line.starts_with('[')) {
            let explained = above.starts_with('#');
            assert!(!line.contains(" = ") || line.starts_with('#') || explained, "{service}: {line}");
            above = line;
        }
    }
}

#[test]
fn a_file_and_then_the_environment_are_laid_over_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, "[http]\naddress = \"127.0.0.1:1\"\nbody_bytes_max = 2048\n").unwrap();
    let environment = [
        ("CONTINUUM_INTAKE__HTTP__ADDRESS", "127.0.0.1:2"),
        ("CONTINUUM_INTAKE__LAG_EVENTS_MAX", "7"),
        ("CONTINUUM_INTAKE__NATS__CREDENTIALS_FILE", "/run/intake.creds"),
        ("CONTINUUM_INTAKE__LOG__FORMAT", "text"),
        ("CONTINUUM_FEED__HTTP__ADDRESS", "nonsense"),
        ("CONTINUUM_HOME", "/srv"),
    ];
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let settings: Settings = load("intake", &Sources { file: Some(file), environment }).unwrap();
    assert_eq!(settings.http.address, "127.0.0.1:2".parse().unwrap());
    assert_eq!(settings.http.body_bytes_max, 2048);
    assert_eq!(settings.http.json_depth_max, 32);
    assert_eq!(settings.lag_events_max, 7);
    assert_eq!(settings.nats.credentials_file.as_deref(), Some(Path::new("/run/intake.creds")));
    assert_eq!(settings.log.format, LogFormat::Text);
}

/// The refusal must contain each of `parts`.
fn check_refusal(result: Result<Settings, ConfigError>, parts: &[&str]) {
    let refusal = result.unwrap_err().to_string();
    for part in parts {
        assert!(refusal.contains(part), "« {refusal} » does not say « {part} »");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_file_and_the_keys_there_are() {
    check_refusal(with_file("[http]\nadress = \"x\""), &["mine.toml", "http.adress", "http.address"]);
    check_refusal(with_file("[htp]\naddress = \"x\""), &["mine.toml", "htp.address", "http", "nats"]);
    check_refusal(with_file("[htp]"), &["mine.toml", "sets htp,", "http", "nats"]);
    check_refusal(with_file("[service]\nx = 1"), &["mine.toml", "service.x"]);
    check_refusal(with_file("lag = 1"), &["mine.toml", "lag,", "lag_events_max"]);
    let variable = "CONTINUUM_INTAKE__HTTP__ADRESS";
    check_refusal(with_variable(variable, "x"), &[variable, "http.adress", "http.address"]);
}

#[test]
fn a_value_of_another_type_is_refused_with_its_key() {
    check_refusal(with_file("[http]\nbody_bytes_max = \"much\""), &["mine.toml", "http.body_bytes_max"]);
    check_refusal(with_file("[http]\nbody_bytes_max = -1"), &["mine.toml", "http.body_bytes_max"]);
    check_refusal(with_file("[http]\naddress = \"here\""), &["mine.toml", "http.address"]);
    check_refusal(with_file("[log]\nformat = \"xml\""), &["mine.toml", "log.format"]);
    check_refusal(with_file("http = 3"), &["mine.toml", "http"]);
    check_refusal(
        with_variable("CONTINUUM_INTAKE__LAG_EVENTS_MAX", "few"),
        &["environment", "lag_events_max"],
    );
}

#[test]
fn a_value_out_of_its_range_is_refused_with_its_file_key_and_range() {
    check_refusal(
        with_file("[http]\nbody_bytes_max = 0"),
        &["mine.toml", "http.body_bytes_max", "from 1024 to"],
    );
    check_refusal(with_file("[http]\njson_depth_max = 500"), &["mine.toml", "http.json_depth_max", "127"]);
    check_refusal(with_file("[log]\nfilter = \"info,journal=loud\""), &["mine.toml", "log.filter"]);
    check_refusal(with_file("[keys]\nfile = \"\""), &["mine.toml", "keys.file", "a path"]);
    check_refusal(with_file("[keys]\nescrow_days = 0"), &["mine.toml", "keys.escrow_days", "from 1 to"]);
    check_refusal(with_file("[keys]\nrotate_at = \"noon\""), &["mine.toml", "keys.rotate_at", "a time"]);
    check_refusal(
        with_file("[keys]\nrotate_zone = \"Mars\""),
        &["mine.toml", "keys.rotate_zone", "a time zone"],
    );
    let variable = "CONTINUUM_INTAKE__LIMITS__LIST_MAX";
    check_refusal(with_variable(variable, "0"), &[variable, "limits.list_max"]);
}

#[test]
fn a_password_has_no_place_in_the_url_of_the_broker() {
    for bad in ["nats://u:p@host:4222", "host:4222", "nats://", "nats://a,http://b", ""] {
        check_refusal(with_file(&format!("[nats]\nurl = \"{bad}\"")), &["mine.toml", "nats.url"]);
    }
    let several = with_file("[nats]\nurl = \"nats://a:1, tls://b:2\"").unwrap();
    assert_eq!(several.nats.url, "nats://a:1, tls://b:2");
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_refused_by_name() {
    let missing = Sources { file: Some("/nowhere/mine.toml".into()), ..Sources::default() };
    check_refusal(load("intake", &missing), &["cannot read /nowhere/mine.toml"]);
    check_refusal(with_file("[http\n"), &["mine.toml", "line 1"]);
    check_refusal(load("matching", &Sources::default()), &["matching", "intake"]);
}

#[derive(Debug, Deserialize)]
struct Ticking {
    tick_s: u64,
    #[serde(default)]
    partitions: BTreeMap<String, String>,
}

impl Own for Ticking {
    fn check(&self) -> Result<(), Wrong> {
        Wrong::unless_within("service.tick_s", self.tick_s, 1, 60)
    }
}

#[test]
fn a_service_has_keys_of_its_own_and_a_table_left_empty_is_free() {
    let defaults = format!("{}\n# Every so often.\ntick_s = 5\n[service.partitions]\n", SHIPPED[0].1);
    let load = |variable: &str, value: &str| {
        let environment = BTreeMap::from([(variable.to_owned(), value.to_owned())]);
        load_over::<Ticking>("intake", &defaults, &Sources { environment, ..Sources::default() })
    };
    let settings = load("CONTINUUM_INTAKE__SERVICE__PARTITIONS__33", "JOURNAL_33").unwrap();
    assert_eq!(settings.service.tick_s, 5);
    assert_eq!(settings.service.partitions["33"], "JOURNAL_33");
    let refusal = load("CONTINUUM_INTAKE__SERVICE__TICK_S", "61").unwrap_err().to_string();
    assert!(refusal.contains("CONTINUUM_INTAKE__SERVICE__TICK_S") && refusal.contains("60"), "{refusal}");
}

#[test]
fn a_provider_of_identities_is_configured_whole_or_not_at_all() {
    let with = |pairs: &[(&str, &str)]| {
        let name = |key: &str| format!("CONTINUUM_SUPERVISION__SIGN_IN__PROVIDER__{key}");
        let environment = pairs.iter().map(|(key, value)| (name(key), (*value).to_owned())).collect();
        load::<NothingOfItsOwn>("supervision", &Sources { environment, ..Sources::default() })
    };
    assert_eq!(with(&[]).unwrap().sign_in.unwrap().oidc(), None);
    let all = [
        ("ISSUER", "https://fca.example/api/v2"),
        ("PROFILE", "proconnect"),
        ("CLIENT_ID", "continuum"),
        ("CLIENT_SECRET_FILE", "/run/secrets/proconnect"),
        ("REDIRECT_URI", "https://continuum.example/api/v1/sign-in/callback"),
        ("ACR_MINIMUM", "eidas2"),
    ];
    let config = with(&all).unwrap().sign_in.unwrap().oidc().unwrap();
    assert_eq!((config.acr_minimum.as_str(), config.pkce), ("eidas2", true));
    assert_eq!(config.userinfo, crate::sign_in::oidc::Userinfo::Signed);
    let refusal = with(&all[..3]).unwrap_err().to_string();
    assert!(refusal.contains("sign_in.provider.redirect_uri"), "{refusal}");
    let intake: Settings = load("intake", &Sources::default()).unwrap();
    assert_eq!(intake.sign_in, None, "nobody signs in there");
}
