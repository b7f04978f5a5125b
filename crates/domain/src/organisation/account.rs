//! The account of the broker by which an organisation's software is known without HTTP.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::TokenId;

/// The public key of an account of the broker: `A` and 55 capital letters and digits from 2 to 7. Whether it is a key at all
/// is known to whoever mints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerAccount(String);

/// The text is no [`BrokerAccount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account is the public key of one: A and 55 more capital letters and digits")]
pub struct NoAccount;

impl BrokerAccount {
    /// The key as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerAccount {
    type Err = NoAccount;

    fn from_str(text: &str) -> Result<Self, NoAccount> {
        let digits = text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
        if text.len() == 56 && text.starts_with('A') && digits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoAccount)
        }
    }
}

impl TryFrom<String> for BrokerAccount {
    type Error = NoAccount;

    fn try_from(text: String) -> Result<Self, NoAccount> {
        text.parse()
    }
}

impl From<BrokerAccount> for String {
    fn from(account: BrokerAccount) -> Self {
        account.0
    }
}

impl fmt::Display for BrokerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether an account was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountSituation {
    /// It was not.
    Bound,
    /// It was.
    Revoked,
}

/// An account that is or was the organisation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The token it acts under: what it may do, how often and until when is the token's.
    pub token: TokenId,
    /// Whether it was taken back.
    pub situation: AccountSituation,
}
