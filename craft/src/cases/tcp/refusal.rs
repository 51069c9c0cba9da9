//! Connections that somebody ends: refusals, errors of routers, resets, clients that change their mind.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const V4: &str = "23.49.60.10";
const V6: &str = "2600:1408:c400::17c9:2d0a";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = refused();
    cases.extend(link_types());
    cases.extend(unreachable());
    cases.extend(reset());
    cases.extend(aborted());
    cases
}

/// The same refusal as captured on interfaces that are seldom met.
fn link_types() -> Vec<Case> {
    let links = [
        ("on-ppp", Link::Ppp),
        ("on-cisco-hdlc", Link::CHdlc),
        ("on-ipv4-only", Link::Ipv4),
        ("on-nflog", Link::Nflog),
        ("on-802-11-ppi", Link::Ppi),
        ("on-802-11-prism", Link::Prism),
        ("on-802-11-avs", Link::Avs),
    ];
    let case = |(name, link): (&'static str, Link)| {
        Case::new("tcp.refused", name)
            .about("The server answers the SYN with RST and ACK; the capture is of a link type that is seldom met.")
            .expect(HOST, Expect::broken("tcp", "tcp.refused").extra("injected", false).blame("edge"))
            .capture(move |net| {
                net.link(link);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.refuse();
                net.ping_until(3000);
            })
    };
    links.map(case).into()
}

fn refused() -> Vec<Case> {
    vec![
        Case::new("tcp.refused", "closed-port")
            .about("The server answers the SYN with RST and ACK.")
            .expect(HOST, Expect::broken("tcp", "tcp.refused").extra("injected", false).blame("edge"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.refuse();
                net.ping_until(3000);
            }),
        Case::new("tcp.refused", "injected")
            .about("A bare RST with another TTL answers the SYN after 2 ms; an earlier connection to the address took 24 ms.")
            .expect("m.tiktok.com", Expect::ok())
            .expect(HOST, Expect::broken("tcp", "tcp.refused").extra("injected", true).blame("interceptor"))
            .capture(|net| {
                net.visit("m.tiktok.com", V4);
                net.wait(3000);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                net.wait(2);
                c.raw_segment(Side::Server, Seg::forged_rst().seq(0).ttl(61).ip_id(0x1d2c));
                net.ping_until(net.now() + 4000.0);
            }),
        Case::new("tcp.refused", "near-miss-retry-accepted")
            .about("The first SYN is refused while the server restarts; the same SYN half a second later is accepted.")
            .expect(HOST, Expect::degraded("tcp", "tcp.slow-connect"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).stack(Side::Client, Stack::Windows);
                c.syn();
                c.refuse();
                net.wait(500);
                c.syn();
                c.syn_ack();
                c.ack(Side::Client);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.tls(&mut s);
                c.app(&mut s, 400, 6000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn unreachable() -> Vec<Case> {
    vec![
        Case::new("tcp.unreachable", "admin-prohibited")
            .about("The gateway answers the SYN with ICMP 3/13.")
            .expect(HOST, Expect::broken("tcp", "tcp.unreachable").blame("local-network"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                net.wait(1.2);
                c.icmp("192.168.1.1", Icmp::Unreachable(13));
                net.ping_until(3000);
            }),
        Case::new("tcp.unreachable", "filtered-far-away")
            .about("A router of the provider answers the SYN with ICMP 3/13.")
            .expect(HOST, Expect::broken("tcp", "tcp.unreachable").blame("interceptor"))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                net.wait(14);
                c.icmp("62.155.240.9", Icmp::Unreachable(13));
                net.ping_until(3000);
            }),
        Case::new("tcp.unreachable", "no-route-ipv6")
            .about("A router of the provider has no route to the IPv6 address; the client asks again and hears the same.")
            .expect(HOST, Expect::broken("tcp", "tcp.unreachable").blame("path"))
            .capture(|net| {
                net.resolve(HOST, &[V6]);
                let mut c = net.tcp("[2600:1408:c400::17c9:2d0a]:443");
                c.syn();
                net.wait(9);
                c.icmp("2003:0:8300::1", Icmp::Unreachable(0));
                c.syn_retransmits(&[1000]);
                net.wait(9);
                c.icmp("2003:0:8300::1", Icmp::Unreachable(0));
                net.ping_until(4000);
            }),
        Case::new("tcp.unreachable", "near-miss-resend-works")
            .about("A router reports host unreachable once; the SYN sent again a second later is answered.")
            .expect(HOST, Expect::degraded("tcp", "tcp.slow-connect"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                net.wait(14);
                c.icmp("62.155.240.9", Icmp::Unreachable(1));
                c.syn_retransmits(&[1000]);
                c.syn_ack();
                c.ack(Side::Client);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.tls(&mut s);
                c.app(&mut s, 400, 6000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn reset() -> Vec<Case> {
    vec![
        Case::new("tcp.reset-after-connect", "at-once")
            .about("A reset that fits the stream comes 26 ms after the client's ACK, before the ClientHello.")
            .expect(HOST, Expect::broken("tcp", "tcp.reset-after-connect").extra("injected", false))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_ack();
                c.ack(Side::Client);
                net.wait(26);
                c.rst(Side::Server);
                net.ping_until(4000);
            }),
        Case::new("tcp.reset-after-connect", "injected")
            .about("Two resets with another TTL come 1 ms after the client's ACK.")
            .expect(
                HOST,
                Expect::broken("tcp", "tcp.reset-after-connect").extra("injected", true).blame("interceptor"),
            )
            .capture(|net| {
                net.link(Link::Raw);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_ack();
                c.ack(Side::Client);
                net.wait(1);
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(119).ip_id(7001).window(1980));
                net.wait(0.02);
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(119).ip_id(7002).window(1981).seq_offset(1460));
                net.ping_until(4000);
            }),
        Case::new("tcp.reset-after-connect", "near-miss-idle-preconnect")
            .about("A connection opened in advance is not used; the server resets it after 15 s.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                net.ping_until(15_000);
                c.rst(Side::Server);
                net.ping_until(17_000);
            }),
        Case::new("tcp.reset-after-connect", "near-miss-after-fin")
            .about("The client closes at once; the server answers with a reset.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                c.fin(Side::Client);
                net.wait(24);
                c.rst(Side::Server);
                net.ping_until(4000);
            }),
    ]
}

fn aborted() -> Vec<Case> {
    vec![
        Case::new("tcp.aborted-by-client", "reset-after-ack")
            .about("The client acknowledges the SYN-ACK and resets the connection 3 ms later.")
            .expect(HOST, Expect::ok().finding("tcp.aborted-by-client"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                net.wait(3);
                c.rst(Side::Client);
                net.ping_until(4000);
            }),
        Case::new("tcp.aborted-by-client", "near-miss-lost-race")
            .about("IPv4 loses against IPv6 and is reset.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                let start = net.now();
                net.aside(|net| {
                    net.at(start + 250.0);
                    let mut v4 = net.tcp(V4).rtt(40);
                    v4.syn();
                    v4.syn_ack();
                    v4.rst(Side::Client);
                });
                let mut v6 = net.tcp("[2600:1408:c400::17c9:2d0a]:443").rtt(262);
                v6.connect();
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                v6.tls(&mut s);
                v6.app(&mut s, 400, 6000);
                v6.tls_close(&mut s, Side::Client);
            }),
    ]
}
