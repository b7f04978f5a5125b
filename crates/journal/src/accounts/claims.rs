//! What is written into the tokens of operators, accounts and users.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::AccountsError;
use super::grants::{Answers, BOUNDS, GRANTS};
use super::jwt::{Claims, sign};
use super::key::{AccountKey, Pair, UserKey};
use super::name::Name;
use super::rights::Rights;

/// The longest validity of a user that is a program: one year.
pub const LONGEST_VALIDITY: Duration = Duration::from_secs(366 * 86_400);

/// The token of an operator, signed by itself: who signs accounts, and which account is the broker's own.
///
/// # Errors
/// [`AccountsError::Key`].
pub fn operator(
    name: &Name,
    identity: &Pair,
    signing: &Pair,
    system: &AccountKey,
    now: Timestamp,
) -> Result<String, AccountsError> {
    let nats = json!({
        "type": "operator",
        "version": 2,
        "signing_keys": [signing.public()],
        "system_account": system,
        // A token signed by the identity itself would mean that it is not kept offline.
        "strict_signing_key_usage": true,
    });
    sign(&Claims { subject: &identity.public(), name, issued: now, expires: None, nats }, identity)
}

/// The token of the account that holds the streams and exports what partners may ask.
///
/// # Errors
/// [`AccountsError::Key`].
pub fn core_account(
    account: &AccountKey,
    signing: &str,
    revoked: Option<Timestamp>,
    operator: &Pair,
    now: Timestamp,
) -> Result<String, AccountsError> {
    let exports: Vec<Value> = GRANTS
        .iter()
        .map(|grant| {
            json!({
                "name": grant.name,
                "type": "service",
                "subject": grant.subject,
                "account_token_position": grant.position,
                "response_type": match grant.answers { Answers::One => "Singleton", Answers::Many => "Stream" },
            })
        })
        .collect();
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": 0, "exports": GRANTS.len(), "wildcards": true,
        "conn": -1, "leaf": 0, "disallow_bearer": true,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1, "mem_max_stream_bytes": -1,
        "disk_max_stream_bytes": -1, "max_bytes_required": true,
    });
    account_token(account, &Name::trusted("core"), signing, &[], &exports, &limits, revoked, operator, now)
}

/// The token of the broker's own account, for its administration: no streams, no partners.
///
/// # Errors
/// [`AccountsError::Key`].
pub fn system_account(
    account: &AccountKey,
    signing: &str,
    operator: &Pair,
    now: Timestamp,
) -> Result<String, AccountsError> {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": 0, "disallow_bearer": true,
    });
    account_token(account, &Name::trusted("sys"), signing, &[], &[], &limits, None, operator, now)
}

/// The token of a partner's account: it imports its own share of [`core_account`] and nothing else, exports nothing, has
/// no streams. What was minted for its users up to `revoked` is void.
///
/// # Errors
/// [`AccountsError::Key`].
pub fn partner_account(
    account: &AccountKey,
    name: &Name,
    signing: &str,
    core: &AccountKey,
    revoked: Option<Timestamp>,
    operator: &Pair,
    now: Timestamp,
) -> Result<String, AccountsError> {
    let imports: Vec<Value> = GRANTS
        .iter()
        .map(|grant| {
            json!({
                "name": grant.name,
                "type": "service",
                "account": core,
                "subject": grant.subject_of(account),
                "local_subject": grant.local_to(account),
            })
        })
        .collect();
    let limits = json!({
        "subs": BOUNDS.subscriptions, "data": -1, "payload": BOUNDS.payload, "imports": GRANTS.len(),
        "exports": 0, "wildcards": false, "conn": BOUNDS.connections, "leaf": 0, "disallow_bearer": true,
        "mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0,
    });
    account_token(account, name, signing, &imports, &[], &limits, revoked, operator, now)
}

#[expect(clippy::too_many_arguments, reason = "what all accounts have in common, said once")]
fn account_token(
    account: &AccountKey,
    name: &Name,
    signing: &str,
    imports: &[Value],
    exports: &[Value],
    limits: &Value,
    revoked: Option<Timestamp>,
    operator: &Pair,
    now: Timestamp,
) -> Result<String, AccountsError> {
    // Of all users, whatever their key: of copies and of what somebody else minted with the account's signing key too.
    let revoked = revoked.map(|until| json!({ "*": until.as_second() }));
    let nats = json!({
        "type": "account",
        "version": 2,
        "imports": imports,
        "exports": exports,
        "limits": limits,
        "signing_keys": [signing],
        "revocations": revoked.unwrap_or_else(|| json!({})),
        "default_permissions": { "pub": {}, "sub": {} },
    });
    sign(&Claims { subject: account.as_str(), name, issued: now, expires: None, nats }, operator)
}

/// The token of a user of `account`, signed by the account's signing key and valid until `expires`.
///
/// # Errors
/// [`AccountsError::Expiry`] unless it expires later than `now` and within [`LONGEST_VALIDITY`]; [`AccountsError::Key`].
pub fn user(
    user: &UserKey,
    name: &Name,
    account: &AccountKey,
    signing: &Pair,
    rights: &Rights,
    now: Timestamp,
    expires: Timestamp,
) -> Result<String, AccountsError> {
    let longest = SignedDuration::try_from(LONGEST_VALIDITY).unwrap_or(SignedDuration::MAX);
    let validity = expires.duration_since(now);
    if validity <= SignedDuration::ZERO || validity > longest {
        return Err(AccountsError::Expiry { longest: LONGEST_VALIDITY });
    }
    let mut nats = json!({
        "type": "user",
        "version": 2,
        "issuer_account": account,
        "bearer_token": false,
        "allowed_connection_types": ["STANDARD"],
        "subs": -1, "data": -1, "payload": -1,
        "pub": rights.publish.to_json(),
        "sub": rights.subscribe.to_json(),
    });
    if rights.answers {
        let span = i64::try_from(super::rights::ANSWER_WITHIN.as_nanos()).unwrap_or(i64::MAX);
        nats["resp"] = json!({ "max": 1, "ttl": span });
    }
    sign(&Claims { subject: user.as_str(), name, issued: now, expires: Some(expires), nats }, signing)
}
