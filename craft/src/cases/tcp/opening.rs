//! Connection requests without an answer, or with a late one, and the race between addresses.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const V4: &str = "23.49.60.10";
const OTHER: &str = "23.49.60.40";
const V6: &str = "2600:1408:c400::17c9:2d0a";

/// TLS and one request on a connection that stands.
fn use_it(net: &Net, c: &mut Tcp) {
    let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
    c.tls(&mut s);
    c.app(&mut s, 400, 6000);
    c.tls_close(&mut s, Side::Client);
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = unanswered();
    cases.extend(slow());
    cases.extend(failover());
    cases
}

/// Nothing from port 443; plain HTTP 3 s later, which is answered.
fn https_first(net: &Net, answer: &[u8]) {
    net.resolve(HOST, &[V4]);
    net.aside(|net| {
        let mut c = net.tcp(V4);
        c.syn();
        c.syn_retransmits(&schedule::LINUX[..4]);
    });
    net.wait(3_000);
    let mut c = net.tcp(&format!("{V4}:80"));
    c.connect();
    c.client_data(&http::request(HOST, "/", 200));
    net.wait(4);
    c.server_data(answer);
    c.close(Side::Client);
    net.ping_until(12_000);
}

fn unanswered() -> Vec<Case> {
    vec![
        Case::new("tcp.syn-unanswered", "linux-schedule")
            .about("The lookup works; SYNs are resent on the schedule of Linux before 6.5 and nothing comes back.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered").extra("tries", 5).blame("path"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..4]);
                net.ping_until(22_000);
            }),
        Case::new("tcp.syn-unanswered", "new-linux-schedule-any-interface")
            .about("Linux 6.5 resends every second; captured with -i any, every packet twice.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered").extra("tries", 4))
            .capture(|net| {
                net.link(Link::Sll);
                net.duplicate_all(0.02);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&schedule::LINUX[..3]);
                net.ping_until(7000);
            }),
        Case::new("tcp.syn-unanswered", "ipv6-only-windows")
            .about("IPv6 alone, over PPPoE, resent as Windows does.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered").extra("tries", 3))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.wrap(Wrap::Pppoe);
                net.resolve(HOST, &[V6]);
                let mut c = net.tcp("[2600:1408:c400::17c9:2d0a]:443").stack(Side::Client, Stack::Windows);
                c.syn();
                c.syn_retransmits(&schedule::WINDOWS[..2]);
                net.ping_until(8000);
            }),
        Case::new("tcp.syn-unanswered", "plain-http-redirects")
            .about("Port 443 is silent; after 3 s the browser tries plain HTTP, which sends it back to HTTPS.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered"))
            .capture(|net| https_first(net, &http::redirect("https://www.tiktok.com/"))),
        Case::new("tcp.syn-unanswered", "plain-http-works")
            .about("Port 443 is silent; after 3 s the browser tries plain HTTP, which works.")
            .expect(HOST, Expect::degraded("tcp", "tcp.syn-unanswered"))
            .capture(|net| https_first(net, &http::response(200, 700))),
        Case::new("tcp.syn-unanswered", "near-miss-answered-late")
            .about("The third SYN is answered after 3.1 s.")
            .expect(HOST, Expect::degraded("tcp", "tcp.slow-connect").extra("tries", 3))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000, 3000]);
                c.syn_ack();
                c.ack(Side::Client);
                use_it(net, &mut c);
            }),
        Case::new("tcp.syn-unanswered", "near-miss-capture-ends")
            .about("One resend, and the capture ends 400 ms after it.")
            .expect(HOST, Expect::unfinished().finding("capture.ended"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000]);
                net.wait(400);
                net.query("www.example.com", rtype::A);
            }),
        Case::new("tcp.syn-unanswered", "near-miss-lost-race")
            .about("IPv4 is tried 250 ms after IPv6 and answers; the IPv6 SYN stays unanswered.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                net.aside(|net| net.tcp("[2600:1408:c400::17c9:2d0a]:443").syn());
                net.wait(250);
                let mut v4 = net.tcp(V4);
                v4.connect();
                use_it(net, &mut v4);
                net.ping_until(8000);
            }),
        Case::new("tcp.syn-unanswered", "near-miss-one-direction")
            .about("Only the client's packets are in the file.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.only(Side::Client);
                net.visit(HOST, V4);
                let mut c = net.tcp(OTHER);
                c.syn();
                net.ping_until(9000);
            }),
    ]
}

fn slow() -> Vec<Case> {
    vec![
        Case::new("tcp.slow-connect", "second-syn")
            .about("The first SYN is lost, the second one is answered at once.")
            .expect(
                HOST,
                Expect::degraded("tcp", "tcp.slow-connect").extra("tries", 2),
            )
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000]);
                c.syn_ack();
                c.ack(Side::Client);
                use_it(net, &mut c);
            }),
        Case::new("tcp.slow-connect", "near-miss-satellite")
            .about("A round trip of 640 ms: slow, but below the limit and without a resend.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).rtt(640);
                c.connect();
                use_it(net, &mut c);
            }),
        Case::new("tcp.slow-connect", "near-miss-loser-answered-late")
            .about("IPv6 answers after 1.6 s, when IPv4 has long won.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                let start = net.now();
                net.aside(|net| {
                    let mut v6 = net.tcp("[2600:1408:c400::17c9:2d0a]:443").rtt(1600);
                    v6.syn();
                    v6.syn_ack();
                    v6.rst(Side::Client);
                });
                net.at(start + 250.0);
                let mut v4 = net.tcp(V4);
                v4.connect();
                use_it(net, &mut v4);
            }),
    ]
}

fn failover() -> Vec<Case> {
    vec![
        Case::new("tcp.failover", "second-address")
            .about("The first address never answers; after 7 s the second one is tried and works.")
            .expect(
                HOST,
                Expect::degraded("tcp", "tcp.failover")
                    .finding("tcp.syn-unanswered")
                    .extra("address", V4),
            )
            .capture(|net| {
                net.resolve(HOST, &[V4, OTHER]);
                let start = net.now();
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000, 3000]);
                net.at(start + 7000.0);
                let mut c = net.tcp(OTHER);
                c.connect();
                use_it(net, &mut c);
                net.ping_until(12_000);
            }),
        Case::new("tcp.failover", "ipv6-refused")
            .about("IPv6 is refused, IPv4 is tried at once and works.")
            .expect(
                HOST,
                Expect::degraded("tcp", "tcp.failover")
                    .finding("tcp.refused")
                    .extra("address", V6),
            )
            .capture(|net| {
                net.link(Link::Sll2);
                net.resolve(HOST, &[V4, V6]);
                let mut c = net.tcp("[2600:1408:c400::17c9:2d0a]:443");
                c.syn();
                c.refuse();
                net.wait(1);
                let mut c = net.tcp(V4);
                c.connect();
                use_it(net, &mut c);
            }),
        Case::new("tcp.failover", "near-miss-race")
            .about("IPv6 answers 400 ms later than IPv4, which was tried 250 ms after it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4, V6]);
                let start = net.now();
                net.aside(|net| {
                    let mut v6 = net.tcp("[2600:1408:c400::17c9:2d0a]:443").rtt(700);
                    v6.syn();
                    v6.syn_ack();
                    v6.rst(Side::Client);
                });
                net.at(start + 250.0);
                let mut v4 = net.tcp(V4);
                v4.connect();
                use_it(net, &mut v4);
            }),
    ]
}
