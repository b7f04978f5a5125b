//! Where messages may be sent to, and where not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use feed::webhook::is_public;
use feed::webhook::target::{Policy, Refused};
use proptest::prelude::*;

fn refused(url: &str) -> Option<Refused> {
    Policy::default().read(url).err()
}

fn allowing(networks: &[&str]) -> Policy {
    Policy { plain_http: true, allowed: networks.iter().map(|text| text.parse().unwrap()).collect() }
}

#[test]
fn only_https_without_name_password_or_fragment_is_sent_to() {
    for right in [
        "https://example.org",
        "https://example.org/",
        "https://example.org:8443/hooks?for=us",
        "HTTPS://Example.ORG/a",
        "https://xn--bcher-kva.example/",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07::1]:443/x",
    ] {
        assert_eq!(refused(right), None, "{right}");
    }
    for (wrong, why) in [
        ("http://example.org/", Refused::Scheme),
        ("ftp://example.org/", Refused::Scheme),
        ("/hooks", Refused::Malformed),
        ("example.org", Refused::Malformed),
        ("https:///x", Refused::Malformed),
        ("https://exämple.org/", Refused::Malformed),
        ("https://exa mple.org/", Refused::Malformed),
        ("https://example.org/\r\nx-injected: 1", Refused::Malformed),
        ("https://user:password@example.org/", Refused::UserInfo),
        ("https://example.org@127.0.0.1/", Refused::UserInfo),
        ("https://example.org/#there", Refused::Fragment),
        ("https://example.org:0/", Refused::Port),
        ("https://example.org./", Refused::Host),
        ("https://-.0x7f/", Refused::Host),
        ("https://127.1/", Refused::Host),
        ("https://2130706433/", Refused::Host),
        ("https://0x7f000001/", Refused::Host),
        ("https://0177.0.0.1/", Refused::Host),
        ("https://127.0.0.1/", Refused::Internal),
        ("https://169.254.169.254/latest/meta-data", Refused::Internal),
        ("https://[::1]/", Refused::Internal),
        ("https://[::ffff:10.0.0.1]/", Refused::Internal),
        (&format!("https://example.org/{}", "a".repeat(2048)), Refused::TooLong),
    ] {
        assert_eq!(refused(wrong), Some(why), "{wrong}");
    }
    assert!(refused("https://[fe80::1%25eth0]/").is_some());
    assert!(allowing(&[]).read("http://example.org/").is_ok(), "a setting allows it");
}

#[test]
fn a_target_does_not_show_its_url() {
    let target = Policy::default().read("https://example.org/hooks?token=secret").unwrap();
    assert_eq!(format!("{target:?}"), "Target(…)");
}

#[test]
fn addresses_that_are_not_of_the_public_internet_are_known() {
    let internal = [
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.2.3",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:192.168.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for address in internal {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.215.14",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.254",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "3fff:1000::1",
    ];
    for address in public {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}

/// Any address of an IPv4 network that is not public.
fn internal_v4() -> impl Strategy<Value = Ipv4Addr> {
    let networks = [
        (Ipv4Addr::new(0, 0, 0, 0), 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
    ];
    (prop::sample::select(networks.to_vec()), any::<u32>()).prop_map(|((first, bits), random)| {
        Ipv4Addr::from_bits(first.to_bits() | (random & (u32::MAX >> bits)))
    })
}

/// The forms in which an IPv6 address leads to an IPv4 address.
fn forms(v4: Ipv4Addr, rest: u64) -> [Ipv6Addr; 3] {
    let bits = u128::from(v4.to_bits());
    [
        v4.to_ipv6_mapped(),
        Ipv6Addr::from_bits((0x0064_ff9b << 96) | bits),
        Ipv6Addr::from_bits((0x2002 << 112) | (bits << 80) | u128::from(rest)),
    ]
}

proptest! {
    #[test]
    fn an_internal_address_is_refused_in_whatever_form(v4 in internal_v4(), rest: u64) {
        prop_assert!(!is_public(IpAddr::V4(v4)));
        for v6 in forms(v4, rest) {
            prop_assert!(!is_public(IpAddr::V6(v6)), "{}", v6);
            let url = format!("https://[{v6}]/");
            prop_assert_eq!(refused(&url), Some(Refused::Internal));
        }
    }

    #[test]
    fn an_address_that_leads_to_another_is_judged_by_it(bits: u32, rest: u64) {
        let v4 = Ipv4Addr::from_bits(bits);
        for v6 in forms(v4, rest) {
            prop_assert_eq!(is_public(IpAddr::V6(v6)), is_public(IpAddr::V4(v4)), "{}", v6);
        }
    }

    #[test]
    fn of_ipv6_only_what_is_given_out_to_networks_is_public(bits: u128) {
        let v6 = Ipv6Addr::from_bits(bits);
        let given_out = (0x2000..0x4000).contains(&v6.segments()[0]);
        let leads = v6.to_ipv4_mapped().is_some() || v6.segments()[..2] == [0x64, 0xff9b];
        prop_assert!(given_out || leads || !is_public(IpAddr::V6(v6)));
    }

    #[test]
    fn what_a_setting_allows_is_sent_to_and_nothing_beside_it(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let policy = allowing(&["127.0.0.0/8", "10.1.0.0/16"]);
        let inside = v4.octets()[0] == 127 || v4.octets()[..2] == [10, 1];
        let may = policy.judge(IpAddr::V4(v4)).is_ok();
        prop_assert_eq!(may, inside || is_public(IpAddr::V4(v4)));
        prop_assert_eq!(policy.judge(IpAddr::V6(v4.to_ipv6_mapped())).is_ok(), may);
    }

    #[test]
    fn no_text_makes_the_reader_fail(text in ".{0,80}", host in "[a-z0-9.\\[\\]:%@-]{0,40}") {
        let _ = Policy::default().read(&text);
        let _ = Policy::default().read(&format!("https://{host}/"));
    }
}
