//! Configuration: the commented default file of a service, over it an optional file, over that the environment.
//!
//! The default file *is* the documentation: a key that is not in it does not exist. A table that it leaves empty is free
//! in its keys. An unknown key, a value of the wrong type and a value out of its range are refused with the file (or the
//! variable) and the key, and the program ends with [`EXIT_CODE`]: a service never starts on half of what was meant.

mod mail;
mod sections;
mod sign_in;
mod watch;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ::config::{Config, Environment, File, FileFormat, Source, Value, ValueKind};

pub use mail::{Mail, Security};
pub use sections::{Data, Http, Keys, Limits, Log, LogFormat, Nats, NothingOfItsOwn, Own, Settings, Wrong};
pub use sign_in::{Provider, ProviderProfile, SignIn};
pub use watch::Watch;
pub use webhooks::Webhooks;

/// What the program ends with when its configuration is bad (`EX_USAGE`): restarting it will not help.
pub const EXIT_CODE: u8 = 64;

/// The services and their default files, as shipped in `config/`.
pub const SHIPPED: [(&str, &str); 5] = [
    ("intake", include_str!("../../../../config/intake.toml")),
    ("insertion", include_str!("../../../../config/insertion.toml")),
    ("landlord", include_str!("../../../../config/landlord.toml")),
    ("supervision", include_str!("../../../../config/supervision.toml")),
    ("feed", include_str!("../../../../config/feed.toml")),
];

/// Why the configuration was refused: what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No service of this name is shipped.
    #[error(
        "no service is named {service}: the services are intake, insertion, landlord, supervision and feed"
    )]
    UnknownService {
        /// The name that was asked for.
        service: String,
    },
    /// The file is not there or cannot be read.
    #[error("cannot read {file}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML, or a value is not of the type its key has.
    #[error("{origin} is not a configuration of {service}: {reason}")]
    Malformed {
        /// The file, or the environment.
        origin: String,
        /// The service.
        service: String,
        /// What is wrong, with the key or the line.
        reason: String,
    },
    /// The key does not exist.
    #[error("{origin} sets {key}, which does not exist: {known}")]
    UnknownKey {
        /// The file or the variable.
        origin: String,
        /// The key, with its table.
        key: String,
        /// The keys there are at that place.
        known: String,
    },
    /// The value is not one that makes sense.
    #[error("{key} in {origin} must be {expected}")]
    WrongValue {
        /// The file, the environment or the default file.
        origin: String,
        /// The key, with its table.
        key: String,
        /// What it must be.
        expected: String,
    },
}

/// What is laid over the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML file with some of the keys of the default file.
    pub file: Option<PathBuf>,
    /// Variables; only those named `CONTINUUM_<SERVICE>__<TABLE>__<KEY>` are looked at.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    /// The given file and the environment of this process. Variables that are not text are not ours.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, environment }
    }
}

/// The settings of a shipped service. Touches no socket and no directory.
///
/// # Errors
///
/// [`ConfigError`]: the program must end with [`EXIT_CODE`].
pub fn load<O: Own>(service: &str, sources: &Sources) -> Result<Settings<O>, ConfigError> {
    let (_, defaults) = SHIPPED
        .iter()
        .find(|(name, _)| *name == service)
        .ok_or_else(|| ConfigError::UnknownService { service: service.to_owned() })?;
    load_over(service, defaults, sources)
}

/// The settings of `service`, whose default file is `defaults`.
///
/// # Errors
///
/// As [`load`].
pub fn load_over<O: Own>(
    service: &str,
    defaults: &str,
    sources: &Sources,
) -> Result<Settings<O>, ConfigError> {
    let refused = |origin: &str, error: &::config::ConfigError| ConfigError::Malformed {
        origin: origin.to_owned(),
        service: service.to_owned(),
        reason: error.to_string(),
    };
    let shipped = format!("config/{service}.toml");
    let defaults = File::from_str(defaults, FileFormat::Toml);
    let known = Known::of(&defaults.collect().map_err(|error| refused(&shipped, &error))?);
    let mut origins = BTreeMap::new();
    let mut builder = Config::builder().add_source(defaults);
    let mut laid_over = "the environment".to_owned();
    if let Some(path) = &sources.file {
        let named = path.display().to_string();
        let file = read(path)?;
        let table = file.collect().map_err(|error| refused(&named, &error))?;
        origins.extend(flattened(&table).into_iter().map(|key| (key, named.clone())));
        builder = builder.add_source(file);
        laid_over = format!("{named} or the environment");
    }
    let (environment, variables) = environment(service, &sources.environment);
    origins.extend(variables);
    for (key, origin) in &origins {
        known.check(origin, key)?;
    }
    let merged = builder.add_source(environment).build().map_err(|error| refused(&laid_over, &error))?;
    let settings: Settings<O> = merged.try_deserialize().map_err(|error| refused(&laid_over, &error))?;
    settings.check().map_err(|wrong| ConfigError::WrongValue {
        origin: origins.remove(&wrong.key).unwrap_or(shipped),
        key: wrong.key,
        expected: wrong.expected,
    })?;
    Ok(settings)
}

/// The file as a source. It is read here so that "not there" and "not TOML" are told apart.
fn read(path: &Path) -> Result<File<::config::FileSourceFile, FileFormat>, ConfigError> {
    std::fs::File::open(path)
        .map_err(|source| ConfigError::Unreadable { file: path.display().to_string(), source })?;
    Ok(File::new(&path.to_string_lossy(), FileFormat::Toml))
}

/// The variables of this service as a source, and by key which of them sets it.
fn environment(service: &str, all: &BTreeMap<String, String>) -> (Environment, BTreeMap<String, String>) {
    let prefix = format!("CONTINUUM_{}", service.to_uppercase());
    let begins = format!("{prefix}__");
    let ours = all.iter().filter(|(name, _)| name.starts_with(&begins));
    let origins = ours
        .clone()
        .map(|(name, _)| {
            (name[begins.len()..].to_lowercase().replace("__", "."), format!("the variable {name}"))
        })
        .collect();
    let variables = ours.map(|(name, value)| (name.clone(), value.clone())).collect();
    (Environment::with_prefix(&prefix).separator("__").source(Some(variables)), origins)
}

/// The keys that exist.
struct Known {
    keys: BTreeSet<String>,
    /// Tables that the default file leaves empty.
    free: BTreeSet<String>,
}

impl Known {
    fn of(defaults: &::config::Map<String, Value>) -> Self {
        // An empty `[service]` is there but not free: the service has no keys of its own.
        let (free, keys) =
            flattened(defaults).into_iter().partition(|key| key.ends_with('.') && key != "service.");
        Self { keys, free }
    }

    fn check(&self, origin: &str, key: &str) -> Result<(), ConfigError> {
        let is_table = key.ends_with('.') && self.tables().contains(&key.trim_end_matches('.'));
        let free = self.free.iter().any(|free| key.starts_with(free.as_str()));
        if is_table || free || self.keys.contains(key) {
            return Ok(());
        }
        let table = |key: &str| key.rsplit_once('.').map_or(String::new(), |(table, _)| table.to_owned());
        let beside = |known: &&str| !known.ends_with('.') && table(known) == table(key);
        let mut known: Vec<_> = self.keys.iter().map(String::as_str).filter(beside).collect();
        if known.is_empty() {
            known = self.tables();
        }
        let known = format!("there is {}", known.join(", "));
        Err(ConfigError::UnknownKey {
            origin: origin.to_owned(),
            key: key.trim_end_matches('.').to_owned(),
            known,
        })
    }

    fn tables(&self) -> Vec<&str> {
        let tables: BTreeSet<_> =
            self.keys.iter().chain(&self.free).filter_map(|key| Some(key.split_once('.')?.0)).collect();
        tables.into_iter().collect()
    }
}

/// The dotted keys of a table; an empty table is its name and a dot.
fn flattened(table: &::config::Map<String, Value>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (name, value) in table {
        if let ValueKind::Table(inner) = &value.kind {
            if inner.is_empty() {
                keys.insert(format!("{name}."));
            }
            keys.extend(flattened(inner).into_iter().map(|key| format!("{name}.{key}")));
        } else {
            keys.insert(name.clone());
        }
    }
    keys
}

#[cfg(test)]
mod tests;
