//! Every subject of the product, made from what its own users may touch and from the interface of the broker.

use std::collections::BTreeSet;

use journal::accounts::subjects;

/// What the broker itself answers, for whoever may ask.
const OF_THE_BROKER: [&str; 24] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.OWN",
    "$JS.API.STREAM.UPDATE.JOURNAL",
    "$JS.API.STREAM.DELETE.JOURNAL",
    "$JS.API.STREAM.PURGE.FEED",
    "$JS.API.STREAM.SNAPSHOT.JOURNAL",
    "$JS.API.STREAM.RESTORE.JOURNAL",
    "$JS.API.STREAM.MSG.DELETE.JOURNAL",
    "$JS.API.CONSUMER.NAMES.FEED",
    "$JS.API.CONSUMER.LIST.FEED",
    "$JS.API.CONSUMER.DURABLE.CREATE.FEED.{B}",
    "$JS.API.CONSUMER.DELETE.FEED.{B}",
    "$JS.API.CONSUMER.PAUSE.FEED.{B}",
    "$JS.API.CONSUMER.UNPIN.FEED.{B}",
    "$JS.API.STREAM.LEADER.STEPDOWN.JOURNAL",
    "$JS.API.ACCOUNT.PURGE.{B}",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.ACCOUNT.{B}.INFO",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.USER.INFO",
];

/// What a pattern's `*` is replaced by, and what its `>` is.
const ONES: [&str; 2] = ["{B}", "x"];
const RESTS: [&str; 4] = ["x", "33.household.{H}", "33-{H}", "{B}.household"];

/// Patterns and subjects to listen to: all the house touches, and everything.
pub(super) fn to_hear(other: &str) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = subjects(&["JOURNAL".to_owned()]);
    all.extend(
        ["feed.>", "seal.>", "access.>", "cmd.*.>", "$JS.EVENT.>", "$SYS.>", "_R_.>", ">"].map(str::to_owned),
    );
    all.insert(format!("feed.{other}.>"));
    all.insert(format!("BR.CONSUMER.MSG.NEXT.FEED.{other}"));
    all
}

/// Subjects to write to and to ask at, without the partner's own.
pub(super) fn to_ask(other: &str, household: &str) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = OF_THE_BROKER.map(str::to_owned).into();
    for pattern in subjects(&["JOURNAL".to_owned()]) {
        for one in ONES {
            for rest in RESTS {
                let tokens = pattern.split('.').map(|token| match token {
                    "*" => one,
                    ">" => rest,
                    literal => literal,
                });
                all.insert(tokens.collect::<Vec<_>>().join("."));
            }
        }
    }
    let foreign =
        ["CONSUMER.MSG.NEXT.FEED.{B}", "CONSUMER.INFO.FEED.{B}", "STREAM.INFO.FEED", "STREAM.MSG.GET.FEED"];
    all.extend(foreign.map(|asked| format!("BR.{asked}")));
    let number = household.split_once('-').map_or(household, |(_, number)| number);
    all.iter().map(|subject| subject.replace("{B}", other).replace("{H}", number)).collect()
}
