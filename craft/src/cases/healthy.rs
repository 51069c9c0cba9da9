//! Everything works: shakedown must say nothing.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const V4: &str = "23.49.60.10";
const V6: &str = "2600:1408:c400::17c9:2d0a";
const V6_443: &str = "[2600:1408:c400::17c9:2d0a]:443";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = visits();
    cases.extend(races());
    cases.extend(endings());
    cases.extend(captures());
    cases.extend(names());
    cases
}

fn session(net: &Net) -> Session {
    Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)))
}

/// A, AAAA and HTTPS asked at once, as browsers do.
fn lookups(net: &Net) {
    let mut a = net.query(HOST, rtype::A);
    let mut aaaa = net.query(HOST, rtype::AAAA);
    let mut https = net.query(HOST, rtype::HTTPS);
    a.answer(14, |b| {
        b.cname("www.tiktok.com.edgesuite.net").a(V4);
    });
    aaaa.answer(17, |b| {
        b.cname("www.tiktok.com.edgesuite.net").aaaa(V6);
    });
    https.answer(19, |b| {
        b.https(&[svc::alpn(&["h3", "h2"])]);
    });
}

fn visits() -> Vec<Case> {
    vec![
        Case::new("healthy", "tls13-h2")
            .about("Lookup, TCP, TLS 1.3 and one HTTP/2 request to one TikTok host, closed in order.")
            .expect(HOST, Expect::ok())
            .capture(|net| net.visit(HOST, V4)),
        Case::new("healthy", "quic-h3")
            .about("Lookup, QUIC and one request to one TikTok host.")
            .expect("v16-webapp.tiktok.com", Expect::ok())
            .capture(|net| net.visit_quic("v16-webapp.tiktok.com", "2.16.20.33")),
        Case::new("healthy", "page-load")
            .about("A, AAAA and HTTPS are asked; IPv6 is used, with two more connections beside the first.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                lookups(net);
                for delay in [0.0, 60.0, 62.0] {
                    net.aside(|net| {
                        net.wait(delay);
                        let mut c = net.tcp(V6_443);
                        let mut s = session(net);
                        c.connect();
                        c.tls(&mut s);
                        c.app(&mut s, 500, 9000);
                        net.wait(300);
                        c.tls_close(&mut s, Side::Client);
                    });
                }
            }),
        Case::new("healthy", "keep-alive-and-long-idle")
            .about("A connection is kept alive for two minutes with probes and used again.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 5000);
                for _ in 0..2 {
                    net.wait(45_000);
                    c.keep_alive(Side::Client);
                    net.wait(24);
                    c.ack(Side::Server);
                }
                net.wait(30_000);
                c.app(&mut s, 400, 5000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("healthy", "heavy-traffic-both-ways")
            .about("An upload and a download on one connection, over 802.11 with radiotap.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.link(Link::Radiotap);
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 40_000, 60_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn races() -> Vec<Case> {
    vec![
        Case::new("healthy", "happy-eyeballs-v6-wins")
            .about("IPv6 and IPv4 are tried 250 ms apart; IPv6 answers and the IPv4 attempt is dropped.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                let mut v6 = net.tcp(V6_443).rtt(262);
                let mut v4 = net.tcp(V4).rtt(40);
                let start = net.now();
                v6.syn();
                net.at(start + 250.0);
                v4.syn();
                net.at(start);
                v6.syn_ack(); // at 262 ms, while the IPv4 SYN is under way
                v6.ack(Side::Client);
                net.aside(|net| {
                    net.at(start + 250.0);
                    v4.syn_ack();
                    v4.rst(Side::Client);
                });
                let mut s = session(net);
                v6.tls(&mut s);
                v6.app(&mut s, 400, 9000);
                v6.tls_close(&mut s, Side::Client);
            }),
        Case::new("healthy", "happy-eyeballs-v6-silent")
            .about("The IPv6 SYN gets no answer and is sent twice more; IPv4, 250 ms later, works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                let start = net.now();
                net.aside(|net| {
                    let mut v6 = net.tcp(V6_443);
                    v6.syn();
                    v6.syn_retransmits(&[1000, 2000]);
                    let _ = net;
                });
                net.at(start + 250.0);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 9000);
                net.ping_until(8000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("healthy", "preconnect-unused")
            .about("A second connection is opened in advance, never used, and closed by the client after 10 s.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut spare = net.tcp(V4);
                spare.connect();
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 9000);
                net.wait(10_000);
                spare.close(Side::Client);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("healthy", "preconnect-alone")
            .about("A connection is opened in advance, never used, and closed by the client after 10 s.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut spare = net.tcp(V4);
                spare.connect();
                net.wait(10_000);
                spare.close(Side::Client);
                net.ping_until(13_000);
            }),
    ]
}

fn endings() -> Vec<Case> {
    vec![
        Case::new("healthy", "server-closes-idle")
            .about("The server closes a connection that was idle for a minute; the client's last packet gets a reset.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 9000);
                net.wait(60_000);
                let bye = s.close_notify(Side::Server);
                c.send(Side::Server, &bye);
                c.fin(Side::Server);
                net.wait(0.1);
                c.ack(Side::Client);
                net.wait(2);
                let bye = s.close_notify(Side::Client);
                c.send(Side::Client, &bye);
                c.fin(Side::Client);
                net.wait(24);
                c.rst(Side::Server);
                net.wait(0.1);
                c.rst(Side::Server);
            }),
        Case::new("healthy", "client-resets-when-done")
            .about("After the response the client resets the connection instead of closing it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 9000);
                net.wait(3000);
                c.rst(Side::Client);
                net.ping_until(6000);
            }),
        Case::new("healthy", "load-cancelled")
            .about("The client closes and resets in the middle of a download that has a segment out of place.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 30_000);
                c.lose_next(Side::Server, &[5]);
                let more = s.send(Side::Server, &[0x33; 14_000]);
                c.server_data(&more);
                c.fin(Side::Client);
                net.wait(12);
                let late = s.send(Side::Server, &[0x34; 1200]);
                c.send(Side::Server, &late);
                c.rst(Side::Client);
                net.ping_until(8000);
            }),
        Case::new("healthy", "port-reused")
            .about("Two visits from the same port, one after the other, each with its own sequence numbers.")
            .expect(HOST, Expect::ok())
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                for _ in 0..2 {
                    let mut c = net.tcp(V4).port(50_123);
                    let mut s = session(net);
                    c.connect();
                    c.tls(&mut s);
                    c.app(&mut s, 400, 3000);
                    c.tls_close(&mut s, Side::Client);
                    net.wait(20_000);
                }
            }),
        Case::new("healthy", "sequence-numbers-wrap")
            .about("Both sides' sequence numbers pass through zero during the handshake.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).isn(Side::Client, u32::MAX - 100).isn(Side::Server, u32::MAX - 1000);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn captures() -> Vec<Case> {
    vec![
        Case::new("healthy", "any-interface-twice")
            .about("Every packet is in the file twice, 0.05 ms apart, as with -i any.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.link(Link::Sll);
                net.duplicate_all(0.05);
                net.visit(HOST, V4);
            }),
        Case::new("healthy", "ipv6-twice")
            .about("The same over IPv6, which has no identification to compare.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.link(Link::Sll2);
                net.duplicate_all(0.4);
                net.visit(HOST, V6);
            }),
        Case::new("healthy", "neighbours-swapped")
            .about("Neighbouring packets lie in the file in the wrong order.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.swap_pairs();
                net.visit(HOST, V4);
            }),
        Case::new("healthy", "reordered-on-the-way")
            .about("The response arrives in reverse order.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let (mut c, mut s) = net.https(HOST, V4);
                let request = s.send(Side::Client, &[0x20; 400]);
                c.client_data(&request);
                let response = s.send(Side::Server, &[0x21; 15_000]);
                c.send_reversed(Side::Server, &response);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("healthy", "snaplen-96")
            .about("96 bytes a frame.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.snaplen(96);
                net.visit(HOST, V4);
            }),
        Case::new("healthy", "begins-in-the-middle")
            .about("The capture begins during the handshake of TLS.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.capture_from(62);
                net.visit(HOST, V4);
                net.wait(3000);
                net.visit(HOST, V4);
            }),
        Case::new("healthy", "ends-in-the-middle")
            .about("The capture ends while the response is under way.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.capture_until(110);
                net.visit(HOST, V4);
            }),
    ]
}

fn names() -> Vec<Case> {
    vec![
        Case::new("healthy", "search-domain")
            .about("The resolver's search list is tried first and does not exist; the name itself does.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut wrong = net.query("www.tiktok.com.fritz.box", rtype::A);
                wrong.answer(5, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("fritz.box");
                });
                net.wait(6);
                net.visit(HOST, V4);
            }),
        Case::new("healthy", "no-ipv6-address")
            .about("AAAA is answered without an address; IPv4 works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut aaaa = net.query(HOST, rtype::AAAA);
                aaaa.answer(15, |b| {
                    b.soa("tiktok.com");
                });
                net.visit(HOST, V4);
            }),
    ]
}
