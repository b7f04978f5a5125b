//! Signatures, against vectors that others computed.

use feed::webhook::sign::{Disbelief, Received};
use feed::webhook::{Keys, MessageId, Secret};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// The example of the specification. The signature was computed with Python's `hmac` and with `standardwebhooks` 1.1.0.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// The longest secret, the bytes 0 to 63, over a body that is not ASCII; computed in the same two ways.
const LONG_BODY: &str = r#"{"type":"référence.créée"}"#;
const LONG_SIGNATURE: &str = "v1,nvlZv9wuGD6nBbSbkU7KzOGBHMS5AfBkJ6PGNgeFa1E=";

fn at() -> Timestamp {
    Timestamp::from_second(1_614_265_330).unwrap()
}

fn later(seconds: i64) -> Timestamp {
    at() + SignedDuration::from_secs(seconds)
}

fn id() -> MessageId {
    ID.parse().unwrap()
}

fn received(signature: &str) -> Received<'_> {
    Received { id: ID, timestamp: "1614265330", signature }
}

fn other() -> Secret {
    Secret::of(&[7; 24]).unwrap()
}

#[test]
fn a_signature_is_the_one_that_others_compute() {
    let secret: Secret = SECRET.parse().unwrap();
    assert_eq!(Keys::One(secret.clone()).sign(&id(), at(), BODY), SIGNATURE);
    assert_eq!(received(SIGNATURE).verify(&secret, BODY, at()), Ok(()));
    let long: Vec<u8> = (0..64).collect();
    let long = Secret::of(&long).unwrap();
    assert_eq!(Keys::One(long).sign(&id(), at(), LONG_BODY.as_bytes()), LONG_SIGNATURE);
}

#[test]
fn a_message_is_believed_within_five_minutes_either_way() {
    let secret: Secret = SECRET.parse().unwrap();
    let verify = |now| received(SIGNATURE).verify(&secret, BODY, now);
    assert_eq!((verify(later(300)), verify(later(-300))), (Ok(()), Ok(())));
    assert_eq!(verify(later(301)), Err(Disbelief::Old));
    assert_eq!(verify(later(-301)), Err(Disbelief::Ahead));
    for timestamp in ["", "now", "1614265330.0", "99999999999999999999"] {
        let received = Received { timestamp, ..received(SIGNATURE) };
        assert_eq!(received.verify(&secret, BODY, at()), Err(Disbelief::Timeless), "{timestamp}");
    }
    let long_ago = Received { timestamp: "-9223372036854775808", ..received(SIGNATURE) };
    assert_eq!(long_ago.verify(&secret, BODY, at()), Err(Disbelief::Old));
}

#[test]
fn both_secrets_sign_while_the_receiver_turns_from_one_to_the_other() {
    let (old, new): (Secret, _) = (SECRET.parse().unwrap(), other());
    let header = Keys::Turning { new: new.clone(), old: old.clone() }.sign(&id(), at(), BODY);
    assert!(header.ends_with(&format!(" {SIGNATURE}")), "{header}");
    for secret in [&old, &new] {
        assert_eq!(received(&header).verify(secret, BODY, at()), Ok(()));
    }
    let third = Secret::of(&[8; 24]).unwrap();
    assert_eq!(received(&header).verify(&third, BODY, at()), Err(Disbelief::Unsigned));
}

#[test]
fn signatures_of_versions_that_are_not_known_are_passed_over() {
    let secret: Secret = SECRET.parse().unwrap();
    let mac = SIGNATURE.strip_prefix("v1,").unwrap();
    let among = format!("v1a,{mac} v2,AAAA nonsense v1,not-base64 v1,AAAA {SIGNATURE}");
    assert_eq!(received(&among).verify(&secret, BODY, at()), Ok(()));
    for alone in ["", mac, &format!("v1a,{mac}"), &format!("v2,{mac}"), &format!("V1,{mac}"), "v1,"] {
        assert_eq!(received(alone).verify(&secret, BODY, at()), Err(Disbelief::Unsigned), "{alone}");
    }
}

#[test]
fn a_secret_is_read_as_it_is_shown_and_is_not_shown_otherwise() {
    let secret: Secret = SECRET.parse().unwrap();
    assert_eq!(*secret.reveal(), SECRET);
    assert_eq!(format!("{secret:?} {:?}", Keys::One(secret.clone())), "Secret(…) One(Secret(…))");
    assert!(Secret::of(&[0; 23]).is_err() && Secret::of(&[0; 65]).is_err());
    for wrong in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_é", "whpk_AAAA"] {
        assert!(wrong.parse::<Secret>().is_err(), "{wrong}");
    }
}

#[test]
fn an_id_holds_nothing_that_could_be_taken_for_the_time_or_the_body() {
    for wrong in ["", "a.1614265330", "a b", "é", "a\n", &"a".repeat(129)] {
        assert!(wrong.parse::<MessageId>().is_err(), "{wrong:?}");
    }
    assert_eq!("0192f1c2-7d5e_A".parse::<MessageId>().unwrap().as_str(), "0192f1c2-7d5e_A");
}

proptest! {
    #[test]
    fn what_was_signed_is_believed_and_nothing_that_differs_by_a_bit(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        key in proptest::collection::vec(any::<u8>(), 24..=64),
        bit in any::<prop::sample::Index>(),
    ) {
        let secret = Secret::of(&key).unwrap();
        let header = Keys::One(secret.clone()).sign(&id(), at(), &body);
        prop_assert_eq!(received(&header).verify(&secret, &body, at()), Ok(()));
        let bit = bit.index(body.len() * 8);
        let mut changed = body.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(received(&header).verify(&secret, &changed, at()), Err(Disbelief::Unsigned));
        let moved = Received { timestamp: "1614265331", ..received(&header) };
        prop_assert_eq!(moved.verify(&secret, &body, at()), Err(Disbelief::Unsigned));
        let renamed = Received { id: "msg_other", ..received(&header) };
        prop_assert_eq!(renamed.verify(&secret, &body, at()), Err(Disbelief::Unsigned));
    }
}
