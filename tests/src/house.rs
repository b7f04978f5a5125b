//! The accounts of a broker that serves several processes, as an installation with a NATS of its own has them: an operator,
//! and for each service a user that may do what it does and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use journal::accounts::{CoreUser, Operator};
use journal::config::JOURNAL;
use journal::{Journal, JournalConfig, Provision};
use service::Edge;

/// How long what the services sign in with is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The operator of one world, and what its services sign in with.
#[derive(Debug)]
pub(crate) struct House {
    dir: PathBuf,
    operator: Operator,
    users: BTreeMap<CoreUser, PathBuf>,
}

impl House {
    /// The operator in `dir`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub(crate) fn make(dir: &Path) -> Self {
        let (now, dir) = (Edge::system().now(), dir.join("operator"));
        let (name, offline) = ("test".parse().unwrap(), dir.with_extension("offline"));
        let operator =
            Operator::open_or_create(&dir, &name, &offline, vec![JOURNAL.to_owned()], now).unwrap();
        let made = |user| (user, operator.credentials(user, now, now + GOOD_FOR).unwrap());
        Self { users: CoreUser::ALL.into_iter().map(made).collect(), dir, operator }
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the broker is told of whom to trust.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub(crate) fn configuration(&self) -> String {
        self.operator.configuration(&self.dir.with_extension("jwt"), Edge::system().now()).unwrap()
    }

    /// What a user signs in with.
    pub(crate) fn credentials(&self, user: CoreUser) -> PathBuf {
        self.users[&user].clone()
    }

    /// Makes the streams, which no service may.
    ///
    /// # Panics
    /// When the broker refuses.
    pub(crate) async fn provision(&self, url: &str) {
        let config = JournalConfig {
            credentials: Some(self.credentials(CoreUser::Admin)),
            inbox: Some(CoreUser::Admin.inbox()),
            provision: Provision::Create,
            ..JournalConfig::at(url)
        };
        Journal::provision(config).await.unwrap();
    }
}

/// The user of the process that serves this.
///
/// # Panics
/// When there is no such service.
pub(crate) fn user(service: &str) -> CoreUser {
    let named =
        |user: &CoreUser| user.name() == service || (service == "all" && *user == CoreUser::Continuum);
    CoreUser::ALL.into_iter().find(named).unwrap()
}
