//! Which addresses are of the public internet, after the special-purpose registries of IANA.
//!
//! **Invariant.** What is not known to be public is not: of IPv6, all that lies outside what is given out to networks. An
//! address that stands for another one is judged by that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 that is nobody's on the internet: its first address, and how many leading bits count.
const V4_INTERNAL: [([u8; 4], u32); 16] = [
    // This network, unspecified.
    ([0, 0, 0, 0], 8),
    // Private (RFC 1918).
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    // Behind a carrier's translation (RFC 6598).
    ([100, 64, 0, 0], 10),
    // Loopback.
    ([127, 0, 0, 0], 8),
    // Link-local, where clouds answer with credentials of the machine.
    ([169, 254, 0, 0], 16),
    // What Azure answers its own machines on, though it lies in the public range.
    ([168, 63, 129, 16], 32),
    // Protocol assignments (RFC 6890), where another cloud does so.
    ([192, 0, 0, 0], 24),
    // Documentation (RFC 5737).
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Relays of 6to4, given up (RFC 7526).
    ([192, 88, 99, 0], 24),
    // Benchmarks (RFC 2544).
    ([198, 18, 0, 0], 15),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Kept for later, and broadcast.
    ([240, 0, 0, 0], 4),
];

/// The IPv6 that is given out to networks: everything else is loopback, link-local, of one site, multicast, or nobody's.
const V6_PUBLIC: ([u16; 8], u32) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What is kept back within it.
const V6_INTERNAL: [([u16; 8], u32); 3] = [
    // Protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation (RFC 3849, RFC 9637).
    ([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// IPv6 that leads to an IPv4 address by a translator: NAT64 (RFC 6052), in the last 32 bits.
const NAT64: ([u16; 8], u32) = ([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// IPv6 that leads to an IPv4 address by a tunnel: 6to4 (RFC 3056), in the 32 bits after the first 16.
const SIX_TO_FOUR: ([u16; 8], u32) = ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// Whether `address` is of the public internet: not of this machine, this network or this provider, not for documentation,
/// not for many, and not one that leads to such an address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !V4_INTERNAL.iter().any(|range| v4_in(v4, range)),
        IpAddr::V6(v6) => match led_to(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => v6_in(v6, &V6_PUBLIC) && !V6_INTERNAL.iter().any(|range| v6_in(v6, range)),
        },
    }
}

/// The IPv4 address that an IPv6 address leads to.
fn led_to(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let bytes = v6.octets();
    if v6_in(v6, &NAT64) {
        return Some(Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]));
    }
    v6_in(v6, &SIX_TO_FOUR).then(|| Ipv4Addr::new(bytes[2], bytes[3], bytes[4], bytes[5]))
}

fn v4_in(address: Ipv4Addr, (first, bits): &([u8; 4], u32)) -> bool {
    let differs = address.to_bits() ^ Ipv4Addr::from(*first).to_bits();
    differs.leading_zeros() >= *bits
}

fn v6_in(address: Ipv6Addr, (first, bits): &([u16; 8], u32)) -> bool {
    let differs = address.to_bits() ^ Ipv6Addr::from(*first).to_bits();
    differs.leading_zeros() >= *bits
}
