//! Tokens that nobody should take.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jiff::{Span, Timestamp};
use journal::accounts::{
    AccountKey, KeyKind, Name, Pair, Rights, Subjects, UserKey, jwt, partner_account, user,
};
use serde_json::{Value, json};

use crate::support::now;

/// Everything a partner's account could allow.
pub(super) fn everything() -> Rights {
    let all = || Subjects { allow: vec![">".to_owned()], deny: Vec::new() };
    Rights { publish: all(), subscribe: all(), answers: false }
}

pub(super) fn hours(n: i64) -> Timestamp {
    now() + Span::new().hours(n)
}

/// Writes a `.creds` file.
pub(super) fn creds(path: PathBuf, token: &str, seed: &str) -> PathBuf {
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A token for `account` that `signer` signs, valid between two hours from now.
pub(super) fn token(
    dir: &Path,
    name: &str,
    account: &AccountKey,
    signer: &Pair,
    from: i64,
    to: i64,
) -> PathBuf {
    let (someone, called) = (Pair::generate(KeyKind::User).unwrap(), Name::from_str("thief").unwrap());
    let key = UserKey::of(&someone).unwrap();
    let token = user(&key, &called, account, signer, &everything(), hours(from), hours(to)).unwrap();
    creds(dir.join(format!("{name}.creds")), &token, &someone.seed().unwrap())
}

/// A token that needs no seed, signed by the account's own key.
pub(super) fn bearer(dir: &Path, account: &AccountKey, signing_seed: &str) -> PathBuf {
    let someone = Pair::generate(KeyKind::User).unwrap();
    let (key, called) = (UserKey::of(&someone).unwrap(), Name::from_str("thief").unwrap());
    let signer = Pair::from_seed(KeyKind::Account, signing_seed).unwrap();
    let token = user(&key, &called, account, &signer, &everything(), hours(0), hours(1)).unwrap();
    let mut claims = jwt::claims(&token).unwrap();
    claims["nats"]["bearer_token"] = json!(true);
    creds(dir.join("bearer.creds"), &resigned(&token, &claims, signing_seed), &someone.seed().unwrap())
}

/// An account of one's own making.
pub(super) fn account(account: &AccountKey, core: &AccountKey) -> String {
    let operator = Pair::generate(KeyKind::Operator).unwrap();
    let name = Name::from_str("thief").unwrap();
    partner_account(account, &name, account.as_str(), core, None, &operator, hours(0)).unwrap()
}

/// The same header over other claims.
pub(super) fn resigned(token: &str, claims: &Value, seed: &str) -> String {
    let header = token.split('.').next().unwrap();
    let signed = format!("{header}.{}", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()));
    let signature = nkeys::KeyPair::from_seed(seed.trim()).unwrap().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}
