//! Who signed in.

use std::fmt;

use jiff::Timestamp;

use super::super::Secret;

/// Who signed in, by what their provider says. Its `Debug` names nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider. With `subject`, the key of an account.
    pub issuer: String,
    /// The person at the provider: opaque, never given to another. With `issuer`, the key of an account.
    pub subject: String,
    /// With which assurance the provider knows them.
    pub acr: Option<String>,
    /// Which factors they used (RFC 8176), where the provider says so.
    pub amr: Vec<String>,
    /// When they last proved who they are, where the provider says so.
    pub auth_time: Option<Timestamp>,
    /// Their e-mail address at this time. It may pass to somebody else: never a key.
    pub email: Option<String>,
    /// Whether the provider vouches for the address.
    pub email_is_verified: bool,
    /// The organisation (a SIRET) that the provider has for them. It does not prove that they belong to it.
    pub organisation: Option<String>,
    /// What to show the provider to end the session there too.
    pub id_token: Secret,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .field("auth_time", &self.auth_time)
            .finish_non_exhaustive()
    }
}
