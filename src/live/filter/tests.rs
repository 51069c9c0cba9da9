use super::{Choice, MAX_NETS, TCP_PORTS, UDP_PORTS, and, choose};
use crate::target::Target;
use crate::types::LinkType;
use pcap::{BpfProgram, Capture, Linktype};
use shakedown_craft::link::{Link, Wrap, frame};
use shakedown_craft::packet::{self, IpMeta, proto};
use std::net::{IpAddr, SocketAddr};

/// libpcap knows IPv6 on a BSD loopback by the number that the system it was built for gives the family: elsewhere than
/// on macOS that is not the 30 of the frames here, and such a packet, not known as IP, is kept.
fn is_foreign(link: Link, v6: bool) -> bool {
    v6 && matches!(link, Link::Null | Link::Loop) && !cfg!(target_os = "macos")
}

const LINKS: [Link; 6] = [
    Link::Ethernet,
    Link::Raw,
    Link::Sll,
    Link::Sll2,
    Link::Null,
    Link::Loop,
];

fn program(target: &Target, link: Link) -> BpfProgram {
    let number = LinkType(u32::from(link.number()));
    let Choice { expression, why } = choose(target, &[number]);
    let text = expression.unwrap_or_else(|| panic!("{why}"));
    // Raw IP is 12 to libpcap's functions, 101 in files.
    let dlt = if number.0 == 101 {
        12
    } else {
        i32::from(link.number())
    };
    let dead = Capture::dead(Linktype(dlt)).unwrap();
    dead.compile(&text, true)
        .unwrap_or_else(|e| panic!("{link:?}: {e}"))
}

fn ends(v6: bool, server: &str, port: u16) -> (SocketAddr, SocketAddr) {
    let client: IpAddr = if v6 { "2001:db8::5" } else { "192.0.2.5" }
        .parse()
        .unwrap();
    (
        SocketAddr::new(client, 50_000),
        SocketAddr::new(server.parse().unwrap(), port),
    )
}

fn other(v6: bool) -> &'static str {
    if v6 { "2001:db8:9::9" } else { "203.0.113.9" }
}

fn udp(v6: bool, port: u16, len: usize) -> Vec<u8> {
    let (a, b) = ends(v6, other(v6), port);
    let datagram = packet::udp(a, b, &vec![0; len]);
    packet::ip(a.ip(), b.ip(), proto::UDP, IpMeta::default(), &datagram)
}

/// A TCP header without options, to or from `port`.
fn tcp_with(server: &str, port: u16, back: bool) -> Vec<u8> {
    let (mut a, mut b) = ends(server.contains(':'), server, port);
    if back {
        std::mem::swap(&mut a, &mut b);
    }
    let mut segment = [a.port().to_be_bytes(), b.port().to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    packet::ip(a.ip(), b.ip(), proto::TCP, IpMeta::default(), &segment)
}

fn tcp(v6: bool, port: u16) -> Vec<u8> {
    tcp_with(other(v6), port, false)
}

/// IPv6 with a destination options header before what `ip` carries.
fn with_options(ip: &[u8]) -> Vec<u8> {
    let mut out = ip.to_vec();
    let next = std::mem::replace(&mut out[6], 60);
    out.splice(40..40, [next, 0, 1, 4, 0, 0, 0, 0]);
    let len = u16::from_be_bytes([out[4], out[5]]) + 8;
    out[4..6].copy_from_slice(&len.to_be_bytes());
    out
}

#[test]
fn test_ports_are_kept_on_either_side_and_others_dropped() {
    for link in LINKS {
        let program = program(&Target::tiktok(), link);
        let kept = |ip: &[u8]| program.filter(&frame(link, &[], ip, true));
        for v6 in [false, true] {
            for &port in UDP_PORTS {
                assert!(kept(&udp(v6, port, 10)), "{link:?} udp {port} {v6}");
            }
            for &port in TCP_PORTS {
                assert!(kept(&tcp(v6, port)), "{link:?} tcp {port} {v6}");
                let answer = tcp_with(other(v6), port, true);
                assert!(kept(&answer), "{link:?} from tcp {port} {v6}");
            }
            if is_foreign(link, v6) {
                continue;
            }
            for port in [22, 445, 5353, 6881, 27_015] {
                assert!(!kept(&tcp(v6, port)), "{link:?} tcp {port} {v6}");
            }
            for port in [51_820, 6881, 3478] {
                assert!(!kept(&udp(v6, port, 10)), "{link:?} udp {port} {v6}");
            }
        }
    }
}

#[test]
fn test_fragments_are_kept_whatever_they_belong_to() {
    for link in LINKS {
        let program = program(&Target::tiktok(), link);
        for v6 in [false, true] {
            let whole = udp(v6, 6881, 3000);
            let dropped = !program.filter(&frame(link, &[], &whole, true));
            assert!(dropped || is_foreign(link, v6));
            let mut whole = whole;
            if !v6 {
                whole[6] = 0; // may be fragmented
            }
            let pieces = packet::fragment(&whole, 1280, 7);
            assert!(pieces.len() > 2);
            for piece in pieces {
                assert!(
                    program.filter(&frame(link, &[], &piece, true)),
                    "{link:?} {v6}"
                );
            }
        }
    }
}

#[test]
fn test_extension_headers_and_other_protocols_are_kept() {
    for link in LINKS {
        let program = program(&Target::tiktok(), link);
        let kept = |ip: &[u8]| program.filter(&frame(link, &[], ip, true));
        assert!(kept(&with_options(&tcp(true, 22))), "{link:?}");
        for v6 in [false, true] {
            let (a, b) = ends(v6, other(v6), 0);
            for protocol in [proto::ICMP, proto::ICMPV6, 4, 41, 47, 50, 97, 137] {
                let ip = packet::ip(a.ip(), b.ip(), protocol, IpMeta::default(), &[0; 40]);
                assert!(kept(&ip), "{link:?} protocol {protocol} {v6}");
            }
        }
    }
}

#[test]
fn test_tags_sessions_and_labels_do_not_hide_anything() {
    let program = program(&Target::tiktok(), Link::Ethernet);
    let quic = udp(false, 443, 1200);
    for wraps in [
        &[Wrap::Vlan(7)][..],
        &[Wrap::Vlan(7), Wrap::Vlan(9)],
        &[Wrap::Pppoe],
        &[Wrap::Pppoe, Wrap::Vlan(7)],
        &[Wrap::Mpls(3)],
        &[Wrap::Gre],
        &[Wrap::IpIp],
        &[Wrap::Vxlan(5)],
    ] {
        assert!(
            program.filter(&frame(Link::Ethernet, wraps, &quic, true)),
            "{wraps:?}"
        );
    }
    let arp = [&[0xff; 12][..], &[8, 6], &[0; 28]].concat();
    assert!(program.filter(&arp));
}

#[test]
fn test_the_targets_own_networks_are_kept_on_every_port() {
    let mut target = Target::tiktok();
    assert!(
        target.nets().count() <= MAX_NETS,
        "the built-in target is filtered"
    );
    target.add_net("198.51.100.0/24").unwrap();
    target.add_net("2001:db8:77::/48").unwrap();
    for link in LINKS {
        let program = program(&target, link);
        let kept = |ip: &[u8]| program.filter(&frame(link, &[], ip, true));
        for server in ["198.51.100.200", "2001:db8:77::1"] {
            assert!(kept(&tcp_with(server, 12_345, false)), "{link:?} {server}");
            assert!(kept(&tcp_with(server, 12_345, true)), "{link:?} {server}");
        }
        assert!(!kept(&tcp_with("198.51.101.200", 12_345, false)));
        let dropped = !kept(&tcp_with("2001:db8:78::1", 12_345, false));
        assert!(dropped || is_foreign(link, true));
    }
}

#[test]
fn test_a_target_with_the_most_networks_fits_the_kernel() {
    let mut target = Target::default();
    for n in 0..MAX_NETS {
        target.add_net(&format!("2001:db8:{n:x}::1/128")).unwrap();
    }
    let program = program(&target, Link::Sll2);
    let count = program.get_instructions().len();
    assert!(count < 4096, "{count} instructions");
    target.add_net("192.0.2.0/24").unwrap();
    let choice = choose(&target, &[LinkType(1)]);
    assert_eq!(choice.expression, None);
    assert!(choice.why.contains("201 networks"), "{}", choice.why);
}

#[test]
fn test_no_filter_where_it_could_hide_what_is_asked_for() {
    let mut all = Target::tiktok();
    all.set_all(true);
    assert_eq!(choose(&all, &[LinkType(1)]).expression, None);
    let choice = choose(&Target::tiktok(), &[LinkType(1), LinkType(127)]);
    assert_eq!(choice.expression, None);
    assert!(choice.why.contains("radiotap"), "{}", choice.why);
    let tiktok = choose(&Target::tiktok(), &[LinkType(1), LinkType(113)]);
    assert!(tiktok.expression.is_some());
}

#[test]
fn test_no_word_of_it_is_looked_up() {
    let choice = choose(&Target::tiktok(), &[]);
    let text = choice.expression.unwrap();
    assert!(crate::source::filter::Filter::new(&text).is_ok(), "{text}");
}

#[test]
fn test_the_users_filter_is_added() {
    assert_eq!(and(None, None), None);
    assert_eq!(and(Some("tcp"), Some(" ")), Some("tcp".to_owned()));
    assert_eq!(and(None, Some("udp")), Some("udp".to_owned()));
    let both = and(Some("tcp or udp"), Some("net 10 or icmp"));
    assert_eq!(both.as_deref(), Some("(tcp or udp) and (net 10 or icmp)"));
}
