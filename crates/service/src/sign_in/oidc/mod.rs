//! Signing in with a provider of identities: a relying party of OpenID Connect, by the authorization code flow.
//!
//! [`Provider::begin`] says where to send the browser and what to keep; [`Provider::finish`] takes what was kept and what the
//! browser brought back, and says who it is, or why nobody. [`Config`] has two profiles: any provider, and ProConnect.
//!
//! **Invariant.** Who somebody is, is (issuer, subject), from an ID token that is signed by a key of the provider with an
//! algorithm of the configuration, made for this client and for this very sign-in. An e-mail address or an organisation is
//! what the provider says of them, and never a key nor a right.
//!
//! **Invariant.** Every fetch is from an address of the provider's own discovery document over TLS (plain only when the
//! provider itself is on the loopback), is bounded in time and size, and follows no redirect.
//!
//! **Invariant.** A sign-in is finished once, within [`PENDING_MAX`], with the provider it was begun with.

mod address;
mod claims;
mod config;
mod error;
mod exchange;
mod fetch;
mod identity;
mod keys;
mod metadata;
mod pending;
mod provider;
mod signature;
mod spent;

pub use config::{Algorithm, ClientAuthentication, Config, Userinfo};
pub use error::{DiscoveryFault, Document, Fault, OidcError, Refusal, TokenFault};
pub use fetch::Http;
pub use identity::Identity;
pub use pending::{Begun, Callback, PENDING_MAX, Pending};
pub use provider::Provider;
