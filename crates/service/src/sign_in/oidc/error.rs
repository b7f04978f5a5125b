//! Why somebody was not signed in: one variant a reason, and never a token, a claim or a word of a person.

use std::fmt;

use super::super::NoRandomness;
use crate::config::Wrong;

/// Why somebody was not signed in, or a provider not taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The configuration does not make sense.
    #[error("the provider's {} must be {}", .0.key, .0.expected)]
    Configuration(Wrong),
    /// The file of the client's secret cannot be read, or is empty.
    #[error("the file of the client's secret cannot be read or is empty")]
    Secret,
    /// The certificates of this machine cannot be read: no provider can be recognised.
    #[error("the certificates of this machine cannot be read")]
    Certificates,
    /// There are no unpredictable bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A document could not be had from the provider.
    #[error("the provider's {document} {fault}")]
    Fetch {
        /// Which.
        document: Document,
        /// Why not.
        fault: Fault,
    },
    /// The provider says of itself what cannot be worked with.
    #[error("the provider's discovery document {0}")]
    Discovery(DiscoveryFault),
    /// The sign-in was begun longer ago than it may last, or in the future.
    #[error("the sign-in was begun too long ago")]
    PendingExpired,
    /// The sign-in was already brought to an end, well or not.
    #[error("the sign-in was already brought to an end")]
    PendingSpent,
    /// The sign-in was begun with another provider.
    #[error("the sign-in was begun with another provider")]
    OtherProvider,
    /// The answer is not one: a parameter twice, or too long.
    #[error("the answer that the browser brought is malformed")]
    CallbackMalformed,
    /// The answer does not say which sign-in it belongs to.
    #[error("the answer that the browser brought has no state")]
    StateMissing,
    /// The answer belongs to another sign-in.
    #[error("the answer that the browser brought belongs to another sign-in")]
    StateWrong,
    /// The provider says that it names itself in every answer; this one does not (RFC 9207).
    #[error("the answer that the browser brought does not name its issuer")]
    IssuerMissing,
    /// The answer is another provider's (RFC 9207).
    #[error("the answer that the browser brought is another issuer's")]
    IssuerWrong,
    /// The provider, or the person there, said no.
    #[error("the provider refused: {0}")]
    Refused(Refusal),
    /// The answer has neither a code nor an error.
    #[error("the answer that the browser brought has no code")]
    CodeMissing,
    /// The provider does not take the code: used before, too old, or another client's.
    #[error("the provider does not take the code")]
    CodeRefused,
    /// The provider does not take this service for the client: its secret, its registration, its right to ask.
    #[error("the provider does not take this service for its client")]
    ClientRefused,
    /// A signed document is not to be believed.
    #[error("the {document} {fault}")]
    Token {
        /// Which.
        document: Document,
        /// Why not.
        fault: TokenFault,
    },
    /// The userinfo is not signed, and must be.
    #[error("the userinfo is not signed")]
    UserinfoUnsigned,
    /// The userinfo is about somebody else than the ID token.
    #[error("the userinfo is about somebody else than the ID token")]
    SubjectsDiffer,
    /// The provider does not say with which assurance it knows the person, and must.
    #[error("the ID token names no level of assurance")]
    AcrMissing,
    /// The provider does not know the person with enough assurance.
    #[error("the level of assurance is too low")]
    AcrTooLow,
}

/// What is fetched from a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// What it says of itself.
    Discovery,
    /// Its keys.
    Keys,
    /// The answer to a code.
    Token,
    /// Who signed in.
    IdToken,
    /// More about who signed in.
    Userinfo,
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discovery => "discovery document",
            Self::Keys => "key set",
            Self::Token => "token answer",
            Self::IdToken => "ID token",
            Self::Userinfo => "userinfo",
        })
    }
}

/// Why a document could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection, or it broke.
    #[error("cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("did not come in time")]
    TimedOut,
    /// It is larger than what is read.
    #[error("is too large")]
    TooLarge,
    /// It is said to be elsewhere; redirects are not followed.
    #[error("is said to be elsewhere")]
    Redirected,
    /// This status instead of 200.
    #[error("came with status {0}")]
    Status(u16),
    /// It is of another media type than asked for.
    #[error("is of another media type than asked for")]
    MediaType,
    /// It is not what it should be.
    #[error("is malformed")]
    Malformed,
}

/// What is wrong with what a provider says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryFault {
    /// It names another issuer than the configured one.
    #[error("names another issuer")]
    IssuerDiffers,
    /// An address in it is not HTTPS.
    #[error("has an address for {0} that is not encrypted")]
    Insecure(&'static str),
    /// It lacks what is needed.
    #[error("has no {0}")]
    Lacks(&'static str),
}

/// Why a signed document is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is not a signed document, or a claim is not of its type.
    #[error("is malformed")]
    Malformed,
    /// It is signed by an algorithm that is not accepted, or by none.
    #[error("is signed by an algorithm that is not accepted")]
    Algorithm,
    /// It is signed with a key that the provider does not publish.
    #[error("is signed with an unknown key")]
    UnknownKey,
    /// The signature is not of this document.
    #[error("has a bad signature")]
    Signature,
    /// It is another issuer's.
    #[error("is of another issuer")]
    Issuer,
    /// It is for another client.
    #[error("is for another audience")]
    Audience,
    /// It was given to another client, or to one of several without saying which.
    #[error("was given to another party")]
    AuthorizedParty,
    /// It has expired.
    #[error("has expired")]
    Expired,
    /// It was issued in the future.
    #[error("was issued in the future")]
    IssuedInFuture,
    /// It was issued before the sign-in was begun.
    #[error("was issued before it was asked for")]
    IssuedBefore,
    /// It has no nonce.
    #[error("has no nonce")]
    NonceMissing,
    /// It was made for another sign-in.
    #[error("has another sign-in's nonce")]
    NonceWrong,
    /// It names nobody, or by a name longer than the norm has.
    #[error("has no usable subject")]
    Subject,
    /// The access token beside it is not the one it was made with.
    #[error("was made with another access token")]
    AccessToken,
}

/// How a provider says no, of those that the norms name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The person or the provider did not want to.
    AccessDenied,
    /// The provider could not sign the person in without asking them.
    InteractionRequired,
    /// The provider is out of order, or has too much to do.
    Unavailable,
    /// The provider does not accept what it was asked.
    RequestRefused,
    /// Something else.
    Other,
}

impl Refusal {
    pub(super) fn of(code: &str) -> Self {
        match code {
            "access_denied" => Self::AccessDenied,
            "interaction_required"
            | "login_required"
            | "account_selection_required"
            | "consent_required"
            | "unmet_authentication_requirements" => Self::InteractionRequired,
            "server_error" | "temporarily_unavailable" => Self::Unavailable,
            "invalid_request"
            | "invalid_scope"
            | "unauthorized_client"
            | "unsupported_response_type"
            | "invalid_request_uri"
            | "invalid_request_object"
            | "request_not_supported"
            | "request_uri_not_supported"
            | "registration_not_supported" => Self::RequestRefused,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "access was denied",
            Self::InteractionRequired => "the person must be asked",
            Self::Unavailable => "it is out of order",
            Self::RequestRefused => "it does not accept the request",
            Self::Other => "for another reason",
        })
    }
}
