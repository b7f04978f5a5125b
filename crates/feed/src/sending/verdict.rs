//! What came of an attempt, whatever carried it.

use std::time::Duration;

use crate::webhook::target::Refused;

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint took the message: a server answered 2xx, a mail relay will pass it on.
    Delivered,
    /// The endpoint wants no messages any more: it answered 410.
    Gone,
    /// The message is not taken, now or later.
    Never {
        /// Why.
        why: Failure,
    },
    /// The message was not taken, or nobody knows whether it was.
    Failed {
        /// Why.
        why: Failure,
        /// How long the endpoint asks to be left alone, if it does.
        asked: Option<Duration>,
    },
}

/// Why an attempt failed. Names no URL, no address and nothing that the endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// The endpoint must not be sent to.
    #[error("the endpoint must not be sent to: {0}")]
    Refused(#[from] Refused),
    /// Its name leads nowhere, or nobody can say where.
    #[error("the name of the endpoint leads nowhere")]
    Dns,
    /// Nobody listens at its addresses, or they do not answer.
    #[error("no connection to the endpoint")]
    Connect,
    /// It does not speak TLS, or its certificate is not to be trusted.
    #[error("the endpoint does not speak TLS, or its certificate is not trusted")]
    Tls,
    /// It took too long.
    #[error("the endpoint did not answer in time")]
    Timeout,
    /// What it answered is not HTTP, too long, or cut off.
    #[error("what the endpoint answered is not HTTP, too long, or cut off")]
    Broken,
    /// It sent us elsewhere; nobody follows.
    #[error("the endpoint answered {0}, a redirect, which is not followed")]
    Redirect(u16),
    /// No way leads to it: it has no address, or this machine has nothing that carries mail.
    #[error("nothing leads to the endpoint")]
    NoWay,
    /// It answered with another status than 2xx.
    #[error("the endpoint answered {0}")]
    Status(u16),
}

impl Failure {
    /// A stable name, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused-target",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken-response",
            Self::Redirect(_) => "redirect",
            Self::NoWay => "no-way",
            Self::Status(_) => "status",
        }
    }

    /// The status that the receiver answered, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) | Self::Redirect(status) => Some(*status),
            Self::Refused(_)
            | Self::Dns
            | Self::Connect
            | Self::Tls
            | Self::Timeout
            | Self::Broken
            | Self::NoWay => None,
        }
    }
}

impl From<Failure> for Verdict {
    fn from(why: Failure) -> Self {
        Self::Failed { why, asked: None }
    }
}
