//! Finding a user in the view, and opening what is sealed of them.

use domain::id::UserId;
use domain::ledger::AggregateId;
use domain::user::User;
use journal::keys::KeyRing;
use projection::{Page, key};
use service::Problem;
use unicode_normalization::UnicodeNormalization as _;

use desk::{Failure, folded};

use super::{LOGINS, Office};

impl Office {
    /// The keys, without which nobody has an account.
    ///
    /// # Errors
    /// [`Problem`] `internal` when the journal has none.
    pub(super) fn keys(&self) -> Result<&KeyRing, Problem> {
        desk::keys(self.desk.journal())
    }

    /// The keyed digest of an address to sign in with, however it was typed.
    pub(super) fn login(&self, email: &str) -> Result<String, Problem> {
        let address = email.trim().nfc().collect::<String>().to_lowercase();
        Ok(desk::hex(&self.keys()?.digest(&[b"login", address.as_bytes()])))
    }

    /// The user who signs in with what has this keyed digest. If two were invited at the same instant in two départements, it
    /// is always the same one of them.
    pub(super) fn who(&self, digest: &str) -> Result<Option<(UserId, User)>, Problem> {
        let page = self.reading.now()?;
        let prefix = key::of(digest);
        for row in page.prefix(LOGINS, &prefix).map_err(Failure)? {
            let (at, _) = row.map_err(Failure)?;
            if let Some(AggregateId::User(id)) = at.get(prefix.len()..).and_then(key::read::<AggregateId>) {
                return Ok(user(&page, id)?.map(|user| (id, user)));
            }
        }
        Ok(None)
    }

    /// The user of this id.
    pub(super) fn user(&self, id: UserId) -> Result<Option<User>, Problem> {
        user(&self.reading.now()?, id)
    }

    /// Makes what is sealed of a user readable; what does not open stays sealed.
    pub(super) async fn open(&self, id: UserId, user: &mut User) -> Result<(), Problem> {
        desk::open_user(self.keys()?, id, user).await
    }
}

/// The user of this id, as `page` has them.
pub(super) fn user(page: &Page, id: UserId) -> Result<Option<User>, Problem> {
    let folded = folded(page, &AggregateId::User(id))?;
    Ok(folded.as_deref().and_then(desk::user).cloned())
}
