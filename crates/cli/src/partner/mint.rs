//! Where accounts are minted: the list of the supervised broker, or the operator of a shared one.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use journal::JournalConfig;
use journal::accounts::{self, AccountKey, Embedded, Name, Opens, Operator, probe};
use journal::config::JOURNAL;
use service::config::{self, NothingOfItsOwn, Sources};

use crate::services::Service;
use crate::up::Layout;

/// How long a partner's credentials may take to open what they should, or to open nothing: a restart of the broker.
const WITHIN: Duration = Duration::from_secs(60);
/// How often they are tried meanwhile.
const TRIED_EVERY: Duration = Duration::from_millis(100);
/// How long the credentials are good with which the broker is told of an account.
const TELLING: SignedDuration = SignedDuration::from_mins(10);

/// Who mints.
pub(super) enum Mint {
    /// The list of the broker that `up` supervises.
    Embedded { accounts: Embedded, layout: Layout, _lock: File },
    /// The operator of a NATS of its own.
    Shared { operator: Box<Operator>, broker: JournalConfig, _lock: File },
}

/// What was minted for a partner.
pub(super) struct Minted {
    pub(super) account: AccountKey,
    /// What it signs in with.
    pub(super) credentials: PathBuf,
}

impl Mint {
    /// The list of the instance in `data`.
    pub(super) fn embedded(data: &Path) -> anyhow::Result<Self> {
        let layout = Layout::new(data);
        anyhow::ensure!(
            layout.broker().is_dir(),
            "there is no instance in {}: --data names the directory of `continuum up`, --operator another installation",
            data.display()
        );
        let accounts = layout.open_accounts()?;
        let lock = lock(&layout.accounts())?;
        Ok(Self::Embedded { accounts, layout, _lock: lock })
    }

    /// The operator in `dir`, of the broker that the configuration of `feed` names.
    pub(super) fn shared(dir: &Path, file: &Path, now: Timestamp) -> anyhow::Result<Self> {
        anyhow::ensure!(
            dir.join("operator.jwt").is_file(),
            "there is no operator in {}: continuum partner operator makes one",
            dir.display()
        );
        let sources = Sources::of_process(Some(file.to_owned()));
        let settings = config::load::<NothingOfItsOwn>(Service::Feed.name(), &sources)?;
        // Never made anew here, so that neither its name nor where its identity goes matters.
        let operator =
            Operator::open_or_create(dir, &"continuum".parse()?, dir, vec![JOURNAL.to_owned()], now)?;
        let broker = JournalConfig {
            root_certificates: settings.nats.root_certificates_file.clone(),
            ..JournalConfig::at(settings.nats.url.clone())
        };
        Ok(Self::Shared { operator: Box::new(operator), broker, _lock: lock(dir)? })
    }

    /// All partners by name.
    pub(super) fn partners(&self) -> &BTreeMap<Name, accounts::Partner> {
        match self {
            Self::Embedded { accounts, .. } => accounts.partners(),
            Self::Shared { operator, .. } => operator.partners(),
        }
    }

    /// Makes a partner's account and what it signs in with, good for so many days.
    pub(super) fn admit(&mut self, name: &Name, now: Timestamp, days: u16) -> anyhow::Result<Minted> {
        let admitted = match self {
            // Whose list is fixed until it is changed: the token of the account ends it.
            Self::Embedded { accounts, .. } => accounts.admit(name, now)?,
            Self::Shared { operator, .. } => {
                operator.admit(name, now, now + SignedDuration::from_hours(24 * i64::from(days)))?
            }
        };
        Ok(Minted { account: admitted.partner.account, credentials: admitted.credentials })
    }

    /// Makes void what was minted for a partner, if anything is good; what that was.
    pub(super) fn forget(&mut self, name: &Name, now: Timestamp) -> anyhow::Result<Option<Minted>> {
        if self.partners().get(name).is_none_or(accounts::Partner::is_revoked) {
            return Ok(None);
        }
        let (partner, credentials) = match self {
            Self::Embedded { accounts, .. } => {
                (accounts.revoke(name, now)?, accounts.partner_credentials(name))
            }
            Self::Shared { operator, .. } => {
                (operator.revoke(name, now)?, operator.partner_credentials(name))
            }
        };
        Ok(Some(Minted { account: partner.account, credentials }))
    }

    /// Tells the broker. The one that `up` supervises is started again by it, which watches the list.
    pub(super) async fn tell_broker(&self, name: &Name, now: Timestamp) -> anyhow::Result<()> {
        match self {
            Self::Embedded { .. } => Ok(()),
            Self::Shared { operator, broker, .. } => {
                let credentials = operator.system_credentials(now, now + TELLING)?;
                let config = JournalConfig { credentials: Some(credentials), ..broker.clone() };
                accounts::push(&config, &operator.partner_token(name, now)?)
                    .await
                    .context("the broker is not told")
            }
        }
    }

    /// Where partners connect, if that is known.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::Embedded { layout, .. } => journal::broker::running_at(&layout.broker()),
            Self::Shared { broker, .. } => Some(broker.url.clone()),
        }
    }

    /// Waits until a partner's credentials open what they should: its feed, or a connection at least.
    pub(super) async fn until_opened(&self, minted: &Minted, follows: bool) -> anyhow::Result<()> {
        let wanted = |opens| match opens {
            Opens::Feed => true,
            Opens::Connection => !follows,
            Opens::Nothing => false,
        };
        self.until(minted, wanted).await.context("the broker does not open to the partner in time")
    }

    /// Waits until a partner's credentials open nothing.
    pub(super) async fn until_shut(&self, minted: &Minted) -> anyhow::Result<()> {
        let shut = |opens| match opens {
            Opens::Nothing => true,
            Opens::Connection | Opens::Feed => false,
        };
        self.until(minted, shut).await.context("the partner can still connect: is it the right broker?")
    }

    async fn until(&self, minted: &Minted, reached: impl Fn(Opens) -> bool) -> anyhow::Result<()> {
        let trying = async {
            loop {
                if let Some(url) = self.url() {
                    let common = match self {
                        Self::Embedded { .. } => JournalConfig::at(url),
                        Self::Shared { broker, .. } => broker.clone(),
                    };
                    let config = JournalConfig {
                        credentials: Some(minted.credentials.clone()),
                        connect_within: Duration::from_secs(2),
                        ack_wait: Duration::from_secs(2),
                        ..common
                    };
                    if reached(probe(&config, &minted.account).await) {
                        return;
                    }
                }
                tokio::time::sleep(TRIED_EVERY).await;
            }
        };
        Ok(tokio::time::timeout(WITHIN, trying).await?)
    }
}

/// The operator in `dir`, which must be there: neither its name nor where its identity goes matters then.
pub(super) fn opened(dir: &Path, now: Timestamp) -> anyhow::Result<Operator> {
    anyhow::ensure!(
        dir.join("operator.jwt").is_file(),
        "there is no operator in {}: continuum partner operator makes one",
        dir.display()
    );
    Ok(Operator::open_or_create(dir, &"continuum".parse()?, dir, vec![JOURNAL.to_owned()], now)?)
}

/// How to reach the broker that a configuration of `feed` names; nobody signs in yet.
pub(super) fn broker_of(file: &Path) -> anyhow::Result<JournalConfig> {
    let sources = Sources::of_process(Some(file.to_owned()));
    let settings = config::load::<NothingOfItsOwn>(Service::Feed.name(), &sources)?;
    Ok(JournalConfig {
        root_certificates: settings.nats.root_certificates_file.clone(),
        ..JournalConfig::at(settings.nats.url.clone())
    })
}

/// Holds a directory of accounts for one process at a time.
pub(super) fn lock(dir: &Path) -> anyhow::Result<File> {
    let file =
        File::create(dir.join("lock")).with_context(|| format!("cannot write in {}", dir.display()))?;
    file.try_lock().with_context(|| format!("another process changes the accounts in {}", dir.display()))?;
    Ok(file)
}
