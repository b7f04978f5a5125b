//! Mail: one attempt to hand a message to the relay.
//!
//! **Invariant.** No log, error or `Debug` names an address, a password or a body.
//!
//! **Invariant.** A relay that is to be spoken to under TLS is never spoken to in the clear.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox as Named, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{self};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use service::config::{Mail, Security};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::sending::{Failure, Message, Verdict};

/// How long one command of the relay may take.
const COMMAND: Duration = Duration::from_secs(10);
/// How long an attempt may take.
const WHOLE: Duration = Duration::from_secs(30);
/// What every mail is about; what it says beyond that stands in its body.
const SUBJECT: &str = "Continuum : du nouveau pour votre abonnement";

/// Who is written to. Its `Debug` does not show the address.
#[derive(Clone)]
pub struct Mailbox(Address);

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

/// The text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of mail")]
pub struct NoMailbox;

impl FromStr for Mailbox {
    type Err = NoMailbox;

    fn from_str(text: &str) -> Result<Self, NoMailbox> {
        text.parse().map(Self).map_err(|_| NoMailbox)
    }
}

/// What hands mail to the relay. A clone hands it to the same.
#[derive(Clone)]
pub struct Mailer {
    relay: AsyncSmtpTransport<Tokio1Executor>,
    from: Named,
}

impl Mailer {
    /// The relay of these settings; none where no mail is sent.
    ///
    /// # Errors
    /// The password or the machine's certificates cannot be read, or whom mail is from is no address.
    pub fn of(settings: &Mail) -> anyhow::Result<Option<Self>> {
        let Mail { relay, port, security, user, password_file, from, link: _ } = settings;
        if relay.is_empty() {
            return Ok(None);
        }
        let tls =
            || TlsParameters::new_rustls(relay.clone()).context("TLS to the mail relay cannot be set up");
        let tls = match security {
            Security::Tls => Tls::Wrapper(tls()?),
            Security::Starttls => Tls::Required(tls()?),
            Security::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(relay.as_str())
            .port(*port)
            .timeout(Some(COMMAND))
            .tls(tls);
        if let Some(file) = password_file {
            let password = std::fs::read_to_string(file).map(Zeroizing::new);
            let password =
                password.with_context(|| format!("cannot read mail.password_file {}", file.display()))?;
            builder = builder.credentials(Credentials::new(user.clone(), password.trim().to_owned()));
        }
        let from = from.parse().ok().context("mail.from is no address of mail")?;
        Ok(Some(Self { relay: builder.build(), from }))
    }

    /// Hands `message`, whose body is text, to the relay once.
    pub(crate) async fn attempt(&self, to: &Mailbox, message: &Message, now: Timestamp) -> Verdict {
        let Ok(mail) = self.written(to, message, now) else { return Verdict::Never { why: Failure::NoWay } };
        match timeout(WHOLE, self.relay.send(mail)).await {
            Ok(Ok(_taken)) => Verdict::Delivered,
            Ok(Err(error)) => judged(&error),
            Err(_late) => Verdict::from(Failure::Timeout),
        }
    }

    fn written(&self, to: &Mailbox, message: &Message, now: Timestamp) -> anyhow::Result<lettre::Message> {
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let id = format!("<{}@{}>", message.id(), self.from.email.domain());
        let mail = MessageBuilder::new()
            .from(self.from.clone())
            .to(Named::new(None, to.0.clone()))
            .date(
                UNIX_EPOCH
                    + Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default(),
            )
            .message_id(Some(id))
            .subject(SUBJECT)
            // No absence notice answers it (RFC 3834).
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(String::from_utf8(message.body().to_vec())?)?;
        Ok(mail)
    }
}

/// What the relay's answer means: what it refuses for good is not asked again.
fn judged(error: &smtp::Error) -> Verdict {
    let status = error.status().map(u16::from);
    match status {
        Some(status) if error.is_permanent() => Verdict::Never { why: Failure::Status(status) },
        Some(status) => Verdict::from(Failure::Status(status)),
        None if error.is_timeout() => Verdict::from(Failure::Timeout),
        None if error.is_tls() => Verdict::from(Failure::Tls),
        None if error.is_response() => Verdict::from(Failure::Broken),
        None => Verdict::from(Failure::Connect),
    }
}
