//! Which addresses a provider may have.

use std::net::IpAddr;

use hyper::Uri;

/// The address, when a secret may be sent there: HTTPS, or plain HTTP to this machine where `local` allows it. No user in
/// it, since that would be one more place for a secret to be written to.
pub(super) fn admissible(text: &str, local: bool) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let encrypted = scheme == "https";
    let on_this_machine = scheme == "http" && local && is_loopback(authority.host());
    let plain_host = !authority.host().is_empty() && !authority.as_str().contains('@');
    ((encrypted || on_this_machine) && plain_host).then_some(uri)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_loopback_alone() {
        for (text, everywhere, local) in [
            ("https://id.example/a", true, true),
            ("http://127.0.0.1:80/a", false, true),
            ("http://[::1]:80/a", false, true),
            ("http://localhost/a", false, true),
            ("http://id.example/a", false, false),
            ("http://127.0.0.1.example/a", false, false),
            ("http://localhost.example/a", false, false),
            ("https://user@id.example/a", false, false),
            ("ftp://id.example/a", false, false),
            ("/a", false, false),
            ("", false, false),
        ] {
            assert_eq!(admissible(text, false).is_some(), everywhere, "{text}");
            assert_eq!(admissible(text, true).is_some(), local, "{text}");
        }
    }
}
