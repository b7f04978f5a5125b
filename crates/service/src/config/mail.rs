//! `[mail]`: the relay that takes the mail of subscriptions. Only the service that sends has it.

use std::path::PathBuf;

use serde::Deserialize;

use super::Wrong;
use super::sections::path_or_none;

/// How the relay is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// In the clear, then TLS or nothing.
    Starttls,
    /// In the clear: on a closed network only.
    None,
}

/// `[mail]`. By its default nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The relay's name. Empty: no mail is sent.
    pub relay: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// Who signs in there. Empty: nobody.
    pub user: String,
    /// The file of their password.
    #[serde(deserialize_with = "path_or_none")]
    pub password_file: Option<PathBuf>,
    /// Whom mail is from.
    pub from: String,
    /// Where it leads to; `{subscription}` stands for the subscription's id. Empty: nowhere.
    pub link: String,
}

impl Mail {
    /// Refuses what does not make sense together.
    ///
    /// # Errors
    ///
    /// [`Wrong`], with the key and what it must be.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        if self.relay.is_empty() {
            return Ok(());
        }
        if !self.from.contains('@') {
            return Err(Wrong::new("mail.from", "an address such as continuum@siao33.example"));
        }
        match (self.user.is_empty(), self.security, &self.password_file) {
            (true, _, None) | (false, Security::Tls | Security::Starttls, Some(_)) => {}
            (false, Security::None, _) => {
                return Err(Wrong::new("mail.security", "tls or starttls where somebody signs in"));
            }
            (true, _, Some(_)) => {
                return Err(Wrong::new("mail.user", "who signs in with mail.password_file"));
            }
            (false, Security::Tls | Security::Starttls, None) => {
                return Err(Wrong::new("mail.password_file", "the file of the password of mail.user"));
            }
        }
        if self.link.is_empty() || self.link.starts_with("https://") || self.link.starts_with("http://") {
            Ok(())
        } else {
            Err(Wrong::new(
                "mail.link",
                "an address such as https://continuum.example/abonnements/{subscription}",
            ))
        }
    }
}
