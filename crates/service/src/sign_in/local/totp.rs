//! One-time codes of an authenticator application (TOTP, RFC 6238): SHA-1, six digits, thirty seconds, which is what every
//! such application knows.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::random::drawn;
use super::super::{NoRandomness, Random, Secret};

/// How long a code is shown, in seconds.
const PERIOD_S: i64 = 30;
/// Codes have this many digits.
const DIGITS: usize = 6;
const MODULUS: u32 = 10_u32.pow(6);
/// How many periods a telephone's clock may be behind or ahead.
const WINDOW: u64 = 1;
/// The size of a key, in bytes: that of the hash, as RFC 4226 advises.
const KEY_SIZE: usize = 20;

/// The key that an account shares with an authenticator application. It is kept as it is, so it must be sealed where it is.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpKey(Zeroizing<[u8; KEY_SIZE]>);

/// The period of a code that was accepted. Kept with the account: no code of it or of an earlier one is accepted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(u64);

/// A text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a key of one-time codes")]
pub struct BadTotpKey;

impl fmt::Debug for TotpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpKey(…)")
    }
}

impl TotpKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn draw(random: &dyn Random) -> Result<Self, NoRandomness> {
        Ok(Self(Zeroizing::new(drawn(random)?)))
    }

    /// The key as a text (Base32), to be sealed and kept, or typed into an application by hand.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(BASE32_NOPAD.encode(&*self.0))
    }

    /// The key that [`to_text`](Self::to_text) gave.
    ///
    /// # Errors
    ///
    /// [`BadTotpKey`].
    pub fn from_text(text: &Secret) -> Result<Self, BadTotpKey> {
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(text.reveal().as_bytes()).map_err(|_| BadTotpKey)?);
        let bytes = <[u8; KEY_SIZE]>::try_from(bytes.as_slice()).map_err(|_| BadTotpKey)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// What the square code to be photographed says: the key, for `account` at `issuer` (shown by the application).
    #[must_use]
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> Secret {
        let key = self.to_text();
        let (issuer, account) = (percent(issuer), percent(account));
        Secret::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD_S}",
            key.reveal()
        ))
    }

    /// The period of `code`, if it is the code of now or of the period before or after, and later than `last`, the one that was
    /// last accepted. Spaces in it, as applications show them, do not count. All three are compared, in the same time.
    #[must_use]
    pub fn check(&self, code: &str, now: Timestamp, last: Option<Step>) -> Option<Step> {
        let code: String = code.chars().filter(|letter| !letter.is_whitespace()).take(DIGITS + 1).collect();
        let current = u64::try_from(now.as_second().div_euclid(PERIOD_S)).ok()?;
        let mut accepted = None;
        for step in current.saturating_sub(WINDOW)..=current + WINDOW {
            let right = Secret::new(self.code(step)).is(&code);
            if right && last.is_none_or(|last| last.0 < step) {
                accepted = Some(Step(step));
            }
        }
        accepted
    }

    /// The code of a period: RFC 4226, 5.3.
    fn code(&self, step: u64) -> String {
        let truncated = truncated(&*self.0, step) % MODULUS;
        format!("{truncated:0DIGITS$}")
    }
}

fn truncated(key: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0x0f);
    let four = [tag[offset], tag[offset + 1], tag[offset + 2], tag[offset + 3]];
    u32::from_be_bytes(four) & 0x7fff_ffff
}

/// Percent-encoding as a path and a query both understand it: a space is `%20`.
fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn key() -> TotpKey {
        TotpKey(Zeroizing::new(*b"12345678901234567890"))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_norm() {
        // RFC 6238, appendix B, with SHA-1: eight digits there, of which ours are the last six.
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let step = u64::try_from(second / PERIOD_S).unwrap();
            assert_eq!(format!("{:08}", truncated(&*key().0, step) % 100_000_000), code);
            assert_eq!(key().check(&code[2..], at(second), None), Some(Step(step)));
        }
    }

    #[test]
    fn counters_are_those_of_the_norm() {
        // RFC 4226, appendix D.
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(key().code(step), code);
        }
    }

    #[test]
    fn a_code_is_good_for_one_period_before_and_after_its_own_and_no_longer() {
        let now = at(1_234_567_890);
        let code = key().code(1_234_567_890 / 30);
        for (seconds, good) in [(-60, false), (-30, true), (0, true), (29, true), (59, true), (60, false)] {
            let then = now + SignedDuration::from_secs(seconds);
            assert_eq!(key().check(&code, then, None).is_some(), good, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_used_once_and_none_before_it_is_used_after() {
        let now = at(1_234_567_890);
        let step = 1_234_567_890 / 30;
        let used = key().check(&key().code(step), now, None);
        assert_eq!(used, Some(Step(step)));
        assert_eq!(key().check(&key().code(step), now, used), None);
        assert_eq!(key().check(&key().code(step - 1), now, used), None);
        assert_eq!(key().check(&key().code(step + 1), now, used), Some(Step(step + 1)));
    }

    #[test]
    fn what_is_not_a_code_is_not_accepted() {
        let now = at(59);
        for wrong in ["", "287082 1", "28708", "2870820", "28708a", "-287082", "٢٨٧٠٨٢", &"2".repeat(10_000)]
        {
            assert_eq!(key().check(wrong, now, None), None, "{wrong}");
        }
        assert_eq!(key().check("287 082", now, None), Some(Step(1)));
        assert_eq!(key().check("287082", at(-59), None), None);
    }

    #[test]
    fn the_key_is_said_to_the_application_and_to_nobody_else() {
        let url = key().otpauth_url("Continuum d'ici", "jeanne martin@example.org");
        let text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(
            url.reveal(),
            format!(
                "otpauth://totp/Continuum%20d%27ici:jeanne%20martin%40example.org?secret={text}\
                 &issuer=Continuum%20d%27ici&algorithm=SHA1&digits=6&period=30"
            )
        );
        assert_eq!(format!("{:?} {url:?}", key()), "TotpKey(…) Secret(…)");
        assert_eq!(TotpKey::from_text(&key().to_text()), Ok(key()));
        for bad in
            ["", "GEZDGNBVGY3TQOJQ", "gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "0EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
        {
            assert_eq!(TotpKey::from_text(&Secret::new(bad.to_owned())), Err(BadTotpKey));
        }
    }

    proptest! {
        #[test]
        fn an_application_with_the_key_is_always_understood(bytes: [u8; KEY_SIZE], second in 0..4_000_000_000_i64, off in -1..=1_i64) {
            let key = TotpKey(Zeroizing::new(bytes));
            let shown = second / PERIOD_S + off;
            prop_assume!(shown >= 0);
            let code = key.code(u64::try_from(shown).unwrap());
            prop_assert_eq!(code.len(), DIGITS);
            let accepted = key.check(&code, at(second), None);
            prop_assert!(accepted.is_some());
            // Nothing that was accepted is accepted again, at any time.
            prop_assert_eq!(key.check(&code, at(second), accepted.max(Some(Step(u64::try_from(second / PERIOD_S + 1).unwrap())))), None);
        }
    }
}
