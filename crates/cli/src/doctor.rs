//! `continuum doctor`: what is there, what is missing, what to do.

use std::path::PathBuf;

use clap::Args;
use journal::broker::{default_cache_dir, locate};
use journal::keys::KeyFile;
use journal::seals::Hash;

use crate::client::{DEFAULT_URL, patient};
use crate::up::Layout;
use crate::verify::Verification;

/// Check this machine and a running instance, and say what to do.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  continuum doctor\n  continuum doctor --data /var/lib/continuum --url http://127.0.0.1:8080\n  continuum doctor --verify --data /var/lib/continuum\n  continuum doctor --verify --config /etc/continuum/supervision.toml --json --anchor 8c1f…\n\n`ok` is well, `--` is not there yet, `!!` needs something to be done: it then ends with 1. A nats-server that is\nmissing is installed, as `up` would. --verify reads every event and every access again, compares them with the\nintegrity chain, and prints the head of the chain: kept apart, and given again as --anchor, it proves that nothing\nwas cut off since."
)]
pub struct Doctor {
    /// The data directory of `up`.
    #[arg(long, value_name = "DIR", default_value = "continuum-data")]
    data: PathBuf,
    /// Where the instance listens, if one runs.
    #[arg(long, visible_alias = "to", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,
    /// Read everything again and compare it with the integrity chain, instead of the other checks.
    #[arg(long)]
    verify: bool,
    /// With --verify: the configuration of supervision in an installation that may run; without it the instance in the
    /// data directory is verified, which must be stopped.
    #[arg(long, value_name = "FILE", requires = "verify", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// With --verify: a head that was kept apart; may be given several times.
    #[arg(long, value_name = "HASH", requires = "verify")]
    anchor: Vec<Hash>,
    /// With --verify: tell what was found as JSON.
    #[arg(long, requires = "verify")]
    json: bool,
}

/// What a check found.
enum Found {
    /// All is well.
    Well(String),
    /// Not there yet, and that is no fault.
    Absent(String),
    /// Something is to be done.
    Wrong(String),
}

impl Doctor {
    /// Checks and prints a line per check.
    ///
    /// # Errors
    /// When something needs to be done.
    pub async fn run(self) -> anyhow::Result<()> {
        if self.verify {
            let Self { data, config, anchor: anchors, json, .. } = self;
            return Box::pin(Verification { config, data, anchors, json }.run()).await;
        }
        let checks = [
            ("nats-server", broker().await),
            ("key file", key_file(&Layout::new(&self.data))),
            ("instance", instance(&self.url).await),
        ];
        let mut wrong = 0;
        for (name, found) in checks {
            let (mark, said) = match found {
                Found::Well(said) => ("ok ", said),
                Found::Absent(said) => ("-- ", said),
                Found::Wrong(said) => {
                    wrong += 1;
                    ("!! ", said)
                }
            };
            println!("{mark} {name}: {said}");
        }
        anyhow::ensure!(wrong == 0, "{wrong} of the checks above need something to be done");
        Ok(())
    }
}

async fn broker() -> Found {
    let located = tokio::task::spawn_blocking(|| {
        let cache = default_cache_dir()?;
        locate(&cache, &|step| eprintln!("{step}"))
    });
    match located.await {
        Ok(Ok(located)) => Found::Well(format!("version {} at {}", located.version, located.path.display())),
        Ok(Err(error)) => Found::Wrong(error.to_string()),
        Err(_) => Found::Wrong("the check was cut short".to_owned()),
    }
}

fn key_file(layout: &Layout) -> Found {
    let path = layout.keys();
    if !path.exists() {
        return Found::Absent(format!("{} does not exist yet; the first `up` makes it", path.display()));
    }
    match KeyFile::open(&path, Some(&layout.broker())) {
        Ok(_) => Found::Well(format!("{} is readable by its owner alone; keep a copy apart", path.display())),
        Err(error) => Found::Wrong(error.to_string()),
    }
}

async fn instance(url: &str) -> Found {
    let ready = format!("{}/readyz", url.trim_end_matches('/'));
    let asked = match patient() {
        Ok(client) => client.get(&ready).send().await,
        Err(error) => Err(error),
    };
    match asked {
        Err(error) if error.is_timeout() && !error.is_connect() => {
            Found::Wrong(format!("{url} takes a connection and does not answer"))
        }
        Err(_) => Found::Absent(format!("nothing answers at {url}")),
        Ok(answer) if answer.status().is_success() => Found::Well(format!("ready at {url}")),
        Ok(answer) => {
            let status = answer.status();
            let said = answer.text().await.unwrap_or_default();
            Found::Wrong(format!("{url} answers {status}: {said}"))
        }
    }
}
