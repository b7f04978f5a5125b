//! From a message to a command: whose, on what, under which id.

use async_nats::{Message, header};
use domain::id::{CommandId, Territory};
use serde_json::Value;
use uuid::Uuid;

use super::answer::Problem;
use crate::accounts::AccountKey;

/// The most bytes of one command, subject and headers included.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;

/// How deep lists and objects of a command may lie in each other.
pub const MAX_DEPTH: usize = 32;

/// The header that names what the command is about; without it, the command creates something.
pub const TARGET: &str = "Continuum-Id";

/// The header that names the version of what the command is about, on which alone it is to be recorded: `42`.
pub const VERSION: &str = "Continuum-Version";

/// The header that carries the partner's trace (W3C), to be written beside what the command causes.
const TRACE: &str = "traceparent";

/// The most characters of a partner's own message id, and of a command's name.
const LONGEST_KEY: usize = 255;

/// A command as a partner asked it.
#[derive(Debug, Clone, PartialEq)]
pub struct PartnerCommand {
    /// Who asks. The broker wrote it into the subject.
    pub account: AccountKey,
    /// Where: `33`.
    pub territory: Territory,
    /// On which kind of thing: `households`.
    pub aggregate: String,
    /// On which one, in this territory: `33-0192f…`; `None` when the command creates one.
    pub target: Option<String>,
    /// What is asked: `propose-referral`.
    pub command: String,
    /// The partner's own message id.
    pub key: String,
    /// The id under which the command is recorded: of the account and the key, so that two partners that use the same key
    /// mean two commands.
    pub id: CommandId,
    /// The version of the target that the partner insists on.
    pub version: Option<u64>,
    /// The partner's trace, as it wrote it.
    pub trace: Option<String>,
    /// What is asked in detail.
    pub body: Value,
}

impl PartnerCommand {
    /// Reads a message. Nothing in it says who asks but its subject.
    pub(super) fn read(message: &Message) -> Result<Self, Problem> {
        if message.length > MAX_COMMAND_BYTES {
            return Err(Problem::new(413, "body-too-large", "a command weighs 64 KiB at most"));
        }
        let (account, territory, aggregate, command) = parts(&message.subject).ok_or_else(|| {
            Problem::new(404, "unknown-path", "publish on cmd.<territory>.<aggregate>.<command>")
        })?;
        let headers = message.headers.as_ref();
        let text =
            |name: &str| headers.and_then(|headers| headers.get(name)).map(header::HeaderValue::as_str);
        let key = text(header::NATS_MESSAGE_ID.as_ref()).filter(|key| {
            !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(|b| b.is_ascii_graphic())
        });
        let key = key.ok_or_else(|| {
            let detail = "the header Nats-Msg-Id holds a key of 1 to 255 visible ASCII characters: the same for the same command";
            Problem::new(400, "malformed-header", detail)
        })?;
        let target = text(TARGET);
        if !target.is_none_or(|target| lives_in(target, territory)) {
            let detail = "the header Continuum-Id holds an id of the subject's territory, such as 33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
            return Err(Problem::new(400, "malformed-id", detail));
        }
        let version = text(VERSION).map(|version| {
            let detail = "the header Continuum-Version holds a version, such as 42";
            version.parse().map_err(|_| Problem::new(400, "malformed-header", detail))
        });
        let version = version.transpose()?;
        if deeper_than(&message.payload, MAX_DEPTH) {
            return Err(Problem::new(400, "too-deep", "the body is nested too deeply"));
        }
        let body: Value = serde_json::from_slice(&message.payload)
            .map_err(|_| Problem::new(400, "malformed-body", "the body is JSON in UTF-8"))?;
        if !body.is_object() {
            return Err(Problem::new(400, "malformed-body", "the body is a JSON object"));
        }
        Ok(Self {
            id: CommandId::of_key(account.as_str(), key),
            territory,
            aggregate: aggregate.to_owned(),
            target: target.map(str::to_owned),
            command: command.to_owned(),
            key: key.to_owned(),
            version,
            trace: text(TRACE).map(str::to_owned),
            body,
            account,
        })
    }
}

/// Who asks, from the subject alone.
pub(super) fn account(subject: &str) -> Option<AccountKey> {
    subject.split('.').nth(1)?.parse().ok()
}

/// `cmd.<account>.<territory>.<aggregate>.<command>`.
fn parts(subject: &str) -> Option<(AccountKey, Territory, &str, &str)> {
    let account = account(subject)?;
    let mut tokens = subject.split('.').skip(2);
    let (territory, aggregate, command) = (tokens.next()?, tokens.next()?, tokens.next()?);
    let plain = |token: &str| {
        let letters = token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        letters && (1..=64).contains(&token.len())
    };
    let whole = tokens.next().is_none() && plain(aggregate) && plain(command);
    whole.then_some((account, territory.parse().ok()?, aggregate, command))
}

/// Whether an id is one of this territory.
fn lives_in(id: &str, territory: Territory) -> bool {
    id.split_once('-').is_some_and(|(home, number)| {
        home == territory.as_str() && number.len() == 36 && Uuid::try_parse(number).is_ok()
    })
}

/// Whether lists and objects lie deeper in each other than `most`, before any of it is read.
fn deeper_than(json: &[u8], most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;

    use super::*;

    const ACCOUNT: &str = "ACSU3Q6LTLBVLGAQUONAGXJHVNWGSKKAUA7IY5TB4Z7PLEKSR5O6JTGR";

    fn message(subject: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Message {
            subject: subject.into(),
            reply: None,
            payload: body.to_owned().into(),
            headers: Some(map),
            status: None,
            description: None,
            length: subject.len() + body.len(),
        }
    }

    fn read(subject: &str, headers: &[(&str, &str)], body: &str) -> Result<PartnerCommand, &'static str> {
        let subject = subject.replace("{A}", ACCOUNT);
        PartnerCommand::read(&message(&subject, headers, body)).map_err(|problem| problem.code)
    }

    #[test]
    fn a_command_is_its_askers_whatever_it_says_of_itself() {
        let id = "33-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90";
        let subject = "cmd.{A}.33.households.propose-referral";
        let asked = read(subject, &[("Nats-Msg-Id", "k"), (TARGET, id)], r#"{"account":"B"}"#).unwrap();
        assert_eq!((asked.account.as_str(), asked.target.as_deref()), (ACCOUNT, Some(id)));
        assert_eq!((asked.id, asked.version), (CommandId::of_key(ACCOUNT, "k"), None));
        let asked = read(subject, &[("Nats-Msg-Id", "k"), (VERSION, "42"), (TRACE, "00-…")], "{}").unwrap();
        assert_eq!((asked.version, asked.trace.as_deref()), (Some(42), Some("00-…")));
        let wrong = [("Nats-Msg-Id", "k"), (VERSION, "W/42")];
        assert_eq!(read(subject, &wrong, "{}").unwrap_err(), "malformed-header");
        assert_eq!((asked.aggregate.as_str(), asked.command.as_str()), ("households", "propose-referral"));
    }

    #[test]
    fn what_is_no_command_is_refused_with_a_reason() {
        const SUBJECT: &str = "cmd.{A}.33.households.register";
        let key = [("Nats-Msg-Id", "k")];
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        let long = "k".repeat(256);
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_COMMAND_BYTES));
        for (subject, headers, body, code) in [
            ("cmd.B.33.households.register", key, "{}", "unknown-path"),
            ("cmd.{A}.99.households.register", key, "{}", "unknown-path"),
            ("cmd.{A}.33.households", key, "{}", "unknown-path"),
            ("cmd.{A}.33.households.register.more", key, "{}", "unknown-path"),
            ("cmd.{A}.33.*.register", key, "{}", "unknown-path"),
            ("cmd.{A}.33.households.>", key, "{}", "unknown-path"),
            (SUBJECT, [("Nats-Msg-Id", "")], "{}", "malformed-header"),
            (SUBJECT, [("Nats-Msg-Id", long.as_str())], "{}", "malformed-header"),
            (SUBJECT, [("Nats-Msg-Id", "é")], "{}", "malformed-header"),
            (SUBJECT, [("Other", "k")], "{}", "malformed-header"),
            (SUBJECT, key, "[]", "malformed-body"),
            (SUBJECT, key, "{", "malformed-body"),
            (SUBJECT, key, &deep, "too-deep"),
            (SUBJECT, key, &large, "body-too-large"),
        ] {
            assert_eq!(read(subject, &headers, body).unwrap_err(), code, "{subject} {headers:?}");
        }
        for foreign in
            ["34-0192f1c2-7d5e-7c3a-9b1f-2f6d0c1e8a90", "33-x", "*", "33-0192f1c27d5e7c3a9b1f2f6d0c1e8a90"]
        {
            let headers = [("Nats-Msg-Id", "k"), (TARGET, foreign)];
            assert_eq!(read(SUBJECT, &headers, "{}").unwrap_err(), "malformed-id", "{foreign}");
        }
    }

    #[test]
    fn brackets_in_texts_are_no_depth() {
        assert!(!deeper_than(format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(99)).as_bytes(), 2));
        assert!(deeper_than(b"[[[]]]", 2));
        assert!(!deeper_than(b"[[],[],[]]", 2));
    }
}
