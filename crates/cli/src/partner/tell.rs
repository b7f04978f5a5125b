//! What a partner's developers are told.

use std::path::Path;

use journal::accounts::{AccountKey, PARTNER_PREFIX};

/// What they must configure, and how they try it.
pub(super) fn developers(account: &AccountKey, file: &Path, url: Option<&str>, follows: bool) -> String {
    let url = url.unwrap_or("of the broker: where `up` listens, once it runs");
    let is_seed = file.extension().is_some_and(|ending| ending == "nk");
    let form = if is_seed { "a seed (nkey)" } else { "a .creds file" };
    let (python, javascript) = if is_seed {
        ("nkeys_seed=FILE", "nkeyAuthenticator(seed)")
    } else {
        ("user_credentials=FILE", "credsAuthenticator(bytes)")
    };
    let feed = if follows {
        format!(
            "\nfeed      pull consumer {account} of the stream FEED, under the prefix {PARTNER_PREFIX}; it exists, make none\n\
             \x20         nats.py   js = nc.jetstream(prefix=\"{PARTNER_PREFIX}\"); s = await js.pull_subscribe_bind(\"{account}\", \"FEED\")\n\
             \x20         nats.js   jetstream(nc, {{ apiPrefix: \"{PARTNER_PREFIX}\", checkAPI: false }}).consumers.get(\"FEED\", \"{account}\")\n\
             \x20         Rust      jetstream::with_prefix(client, \"{PARTNER_PREFIX}\").get_consumer_from_stream(\"{account}\", \"FEED\")\n\
             \x20         acknowledge in order, each message once it is kept: what is not acknowledged comes again"
        )
    } else {
        String::new()
    };
    format!(
        "url       {url}\n\
         sign in   {} ({form}): keep it secret, hand it over on a safe way, then remove it here\n\
         \x20         nats.py   nats.connect(URL, {python})\n\
         \x20         nats.js   connect({{ servers: URL, authenticator: {javascript} }})\n\
         account   {account}{feed}\n\
         commands  request on cmd.<territory>.<aggregate>.<command>, with the header Nats-Msg-Id (your own id of the command:\n\
         \x20         the same when it is sent again) and, unless it creates something, Continuum-Id",
        file.display()
    )
}
