//! The watch of a follower: when the broker is silent it is asked before anything is begun anew, since beginning anew
//! asks once more for everything that is under way.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::address::{Address, Known};
use crate::link::{Link, Mark};
use crate::read::ReadError;

/// How long a follower waits for a sign of life before it asks for one: the client library's own watch would notice a
/// restarted broker after 30 s only.
const WATCHDOG: Duration = Duration::from_millis(500);

/// How long it waits at most before it asks again, in twice the time each time. When even that has passed without a
/// sign, it begins anew.
const LONGEST: Duration = Duration::from_secs(8);

type Probe = Pin<Box<dyn Future<Output = Result<Option<Known>, ReadError>> + Send>>;

/// What a watch has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The consumer is of no more use, or silent beyond all patience.
    Lost(String),
    /// The consumer is there, but none of its requests are open.
    Idle,
    /// The broker does not answer so far.
    Mute(String),
    /// The broker is there.
    Alive,
}

/// Watches one consumer. Whatever is dropped while it waits, it knows how long the silence has lasted.
pub(super) struct Watch {
    link: Link,
    address: Address,
    mark: Mark,
    silence: Option<Silence>,
}

/// A silence that lasts.
struct Silence {
    /// When the broker is asked next.
    until: Instant,
    /// How long was waited for that.
    waited: Duration,
    probe: Option<Probe>,
}

impl Watch {
    /// Watches a consumer that was made after `mark`.
    pub(super) fn over(link: Link, address: Address, mark: Mark) -> Self {
        Self { link, address, mark, silence: None }
    }

    /// Something came from the broker.
    pub(super) fn heard(&mut self) {
        self.silence = None;
    }

    /// Waits until there is something to say. The call can be dropped and made again: the silence goes on meanwhile.
    /// `read` is the position of the last event that came.
    pub(super) async fn alarm(&mut self, read: u64) -> Alarm {
        let Self { link, address, mark, silence } = self;
        let current = silence.get_or_insert_with(|| Silence {
            until: Instant::now() + WATCHDOG,
            waited: WATCHDOG,
            probe: None,
        });
        let answer = async {
            if current.probe.is_none() {
                sleep_until(current.until).await;
            }
            let probe = current.probe.get_or_insert_with(|| {
                let (link, address) = (link.clone(), address.clone());
                Box::pin(async move { address.look(&link).await })
            });
            let answer = probe.await;
            current.probe = None;
            answer
        };
        let answer = tokio::select! {
            biased;
            () = link.lost_since(*mark) => return Alarm::Lost("the connection was lost".to_owned()),
            answer = answer => answer,
        };
        let said = judged(answer, read);
        if matches!(said, Alarm::Lost(_) | Alarm::Idle) {
            return said;
        }
        if current.waited >= LONGEST {
            return Alarm::Lost(format!("nothing came within {} s", (LONGEST * 2).as_secs()));
        }
        current.waited *= 2;
        current.until = Instant::now() + current.waited;
        said
    }
}

/// What the broker's answer about a consumer means for a reader that has read up to a position.
fn judged(answer: Result<Option<Known>, ReadError>, read: u64) -> Alarm {
    match answer {
        Ok(None) => Alarm::Lost("the consumer is gone".to_owned()),
        Ok(Some(known)) if known.requests == 0 && known.sent <= read => Alarm::Idle,
        // What was sent is under way, or the broker is about to send.
        Ok(Some(_)) => Alarm::Alive,
        Err(ReadError::Refused { why, .. }) => Alarm::Lost(why),
        Err(error @ (ReadError::Unreachable(_) | ReadError::Malformed(_) | ReadError::Nothing { .. })) => {
            Alarm::Mute(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Unreachable;

    #[test]
    fn what_is_under_way_is_waited_for_and_what_is_gone_is_not() {
        let known = |sent, requests| Ok(Some(Known { sent, requests }));
        assert_eq!(judged(known(9, 2), 7), Alarm::Alive);
        assert_eq!(judged(known(9, 0), 7), Alarm::Alive);
        assert_eq!(judged(known(7, 2), 7), Alarm::Alive);
        assert_eq!(judged(known(7, 0), 7), Alarm::Idle);
        assert!(matches!(judged(Ok(None), 7), Alarm::Lost(_)));
        let silent = ReadError::from(Unreachable::new("look", "no answer"));
        assert!(matches!(judged(Err(silent), 7), Alarm::Mute(_)));
    }
}
