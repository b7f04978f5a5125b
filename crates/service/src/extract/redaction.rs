//! What serde says of a value, without the value.
//!
//! Values of a request may be a person's; an answer may be kept in the log of whoever asked. So an answer says where the
//! value was and what was expected.

/// What serde_json or serde says, without values, without "at line … column …".
pub(super) fn without_values(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    // What serde itself says has a fixed form: the value stands between these two words. The value may hold the second
    // one; what is expected comes from our types and does not.
    for (begins, instead) in [
        ("invalid type: ", "a value of another type"),
        ("invalid value: ", "another value"),
        ("invalid length ", "another length"),
        ("unknown variant ", "an unknown value"),
    ] {
        if message.starts_with(begins) {
            return match message.rsplit_once(", expected ") {
                Some((_, expected)) => format!("{instead}, where {expected} is expected"),
                None => format!("{instead}, which is not expected here"),
            };
        }
    }
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return message.to_owned();
    }
    if message.starts_with("unknown field `") {
        return message.chars().take(NAME_MAX).collect();
    }
    without_quoted(message)
}

/// The longest repetition of a message that holds a name chosen by the caller, in characters.
const NAME_MAX: usize = 400;

/// What a type of ours says of a value is free text, the value being quoted: from the first quotation mark of each kind
/// to the last of that kind, it is left out.
fn without_quoted(message: &str) -> String {
    let mut text = message.to_owned();
    for (opens, closes) in [('«', '»'), ('"', '"'), ('`', '`'), ('“', '”')] {
        if let (Some(first), Some(last)) = (text.find(opens), text.rfind(closes))
            && first < last
        {
            text.replace_range(first..last + closes.len_utf8(), "the value");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Household {
        size: u32,
        kind: Option<Kind>,
        address: Option<std::net::IpAddr>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Family,
        Single,
    }

    fn said(json: &str) -> String {
        without_values(&serde_json::from_str::<Household>(json).unwrap_err().to_string())
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (json, expected) in [
            (r#"{"size":"Dupont, expected 3"}"#, "a value of another type, where u32 is expected"),
            (r#"{"size":-1}"#, "another value, where u32 is expected"),
            (r#"{"size":1,"kind":"Dupont"}"#, "an unknown value, where `family` or `single` is expected"),
            (r#"{"size":1,"kind":3.5}"#, "expected value"),
            (r#"{"size":1,"address":"Dupont"}"#, "invalid IP address syntax"),
            (r#"{"kind":null}"#, "missing field `size`"),
            (r#"{"size":1,"size":2}"#, "duplicate field `size`"),
            (r#"{"size":1"#, "EOF while parsing an object"),
            (
                r#"{"size":1,"name":"Dupont"}"#,
                "unknown field `name`, expected one of `size`, `kind`, `address`",
            ),
        ] {
            assert_eq!(said(json), expected, "{json}");
            assert!(!said(json).contains("Dupont"));
        }
    }

    #[test]
    fn what_our_types_quote_is_left_out() {
        assert_eq!(
            without_values("« Du » pont » is not a HouseholdId such as 33-0192f1c2 at line 1 column 9"),
            "the value is not a HouseholdId such as 33-0192f1c2"
        );
        assert_eq!(
            without_values("failed to parse \"Du\\\"pont\" as a date"),
            "failed to parse the value as a date"
        );
    }
}
