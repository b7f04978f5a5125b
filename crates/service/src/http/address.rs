//! Where a request comes from, and how often anybody may ask from there.
//!
//! **Invariant.** What a request says of where it comes from is believed of the proxies in the settings alone, and of those
//! only the part that they added themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use crate::config::Http;
use crate::edge::Clock;
use crate::problem::Problem;
use crate::rate::{Per, Quota, Rates};

/// The header to which each proxy adds who asked it.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How many addresses are looked at in it, from the end: more proxies in a row are nobody's.
const HOPS_MAX: usize = 16;
/// Those behind one connection of the internet are counted together: an IPv4 network of 256 addresses, an IPv6 network of
/// one subscriber.
const V4_BITS: u32 = 24;
const V6_BITS: u32 = 64;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

/// The text is not a range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address such as 192.0.2.7, or a range such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NotANetwork;

impl Network {
    /// The range of `bits` leading bits that an address lies in.
    fn of(address: IpAddr, bits: u32) -> Self {
        let first = match address.to_canonical() {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Self { first, bits }
    }

    /// Whether `address` lies in it. An IPv4 address in the form of IPv6 (`::ffff:10.1.2.3`) is that IPv4 address.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::of(address, self.bits).first == self.first
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        let network = Self::of(address, bits);
        // A range that begins elsewhere than it says is a slip of the pen.
        if bits <= most && network.first == address { Ok(network) } else { Err(NotANetwork) }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The buckets of all addresses.
#[derive(Clone)]
pub(super) struct Addresses {
    trusted: Arc<[Network]>,
    quota: Quota,
    rates: Arc<Rates<Network>>,
    clock: Clock,
}

impl Addresses {
    pub(super) fn new(http: &Http) -> Self {
        let quota = Quota { name: "http.per_address_max", most: http.per_address_max, per: Per::Minute };
        let trusted = http.trusted_proxies.clone().into();
        Self { trusted, quota, rates: Arc::default(), clock: Clock::System }
    }

    /// Where a request comes from: the other end of its connection, or, as long as that is a proxy of ours, whom it says that
    /// it asks for.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: IpAddr| self.trusted.iter().any(|network| network.holds(address));
        let lines = headers.get_all(&FORWARDED_FOR).iter().rev();
        let said = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut origin = peer;
        for text in said.take(HOPS_MAX) {
            if !trusted(origin) {
                break;
            }
            let Ok(address) = text.trim().parse::<IpAddr>() else { break };
            origin = address;
        }
        origin.to_canonical()
    }

    fn take(&self, peer: IpAddr, headers: &HeaderMap, now: Timestamp) -> Result<(), Problem> {
        let origin = self.origin(peer, headers);
        let bits = if origin.is_ipv4() { V4_BITS } else { V6_BITS };
        self.rates.take(Network::of(origin, bits), self.quota, now).map_err(Problem::from)
    }
}

/// Refuses what comes too often from one address, before anything else is done for it.
pub(super) async fn within_rate(
    State(addresses): State<Addresses>,
    request: Request,
    next: Next,
) -> Response {
    // Without a peer it was not a socket that brought the request.
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied()
        && let Err(problem) = addresses.take(peer.ip(), request.headers(), addresses.clock.now())
    {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn addresses(trusted: &[&str]) -> Addresses {
        Addresses {
            trusted: trusted.iter().map(|text| text.parse().unwrap()).collect(),
            quota: Quota { name: "http.per_address_max", most: 2, per: Per::Minute },
            rates: Arc::default(),
            clock: Clock::System,
        }
    }

    fn origin(trusted: &[&str], peer: &str, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        addresses(trusted).origin(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_range_is_read_as_it_is_written_or_refused() {
        let holds =
            |range: &str, address: &str| range.parse::<Network>().unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("2001:db8::/32", "2001:db8:1::9") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"), "an IPv4 address in the form of IPv6");
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "10.0.0.1/8", "::/129", "10.0.0.0/", "proxy", "10.0.0/8"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    #[test]
    fn what_a_request_says_of_its_origin_is_believed_of_our_proxies_alone() {
        assert_eq!(origin(&[], "192.0.2.1", &["203.0.113.9"]), "192.0.2.1", "off by default");
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.2", &["203.0.113.9"]), "192.0.2.2", "not from the proxy");
        // What the caller wrote itself stands in front of what our proxy added.
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.1", &["6.6.6.6, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.1", &["6.6.6.6", "203.0.113.9"]), "203.0.113.9");
        // Two proxies of ours, one behind the other.
        assert_eq!(
            origin(&["192.0.2.0/24"], "192.0.2.1", &["6.6.6.6, 203.0.113.9, 192.0.2.5"]),
            "203.0.113.9"
        );
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.1", &["nonsense"]), "192.0.2.1");
        assert_eq!(origin(&["192.0.2.1"], "192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn those_behind_one_connection_of_the_internet_share_a_bucket() {
        let (all, now) = (addresses(&[]), Timestamp::UNIX_EPOCH);
        let take = |address: &str| all.take(address.parse().unwrap(), &HeaderMap::new(), now).is_ok();
        assert!(take("198.51.100.1") && take("198.51.100.200") && !take("198.51.100.7"));
        assert!(take("198.51.101.1"), "the next network");
        assert!(take("2001:db8:0:1::1") && take("2001:db8:0:1:ffff::2") && !take("2001:db8:0:1::3"));
        assert!(take("2001:db8:0:2::1"));
        assert!(!take("::ffff:198.51.100.9"), "the same network in the form of IPv6");
    }
}
