//! Queries that nothing or an ICMP error answers, and TCP retries that fail.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";

pub(super) fn cases() -> Vec<Case> {
    [unanswered(), unreachable(), truncated(), encrypted()]
        .into_iter()
        .flatten()
        .collect()
}

fn unanswered() -> Vec<Case> {
    let broken = || Expect::broken("dns", "dns.unanswered");
    vec![
        Case::new("dns.unanswered", "glibc-schedule")
            .about("A and AAAA are asked twice, 5 s apart, and nothing answers; the gateway answers pings throughout.")
            .expect(HOST, broken().blame("resolver").extra("tries", 4))
            .capture(|net| {
                net.aside(|net| net.ping_until(15_000));
                let mut a = net.query(HOST, rtype::A);
                let mut aaaa = net.query(HOST, rtype::AAAA);
                net.wait(5000);
                a.retry();
                aaaa.retry();
            }),
        Case::new("dns.unanswered", "only-this-name")
            .about("Queries for the TikTok name get no answer from a resolver that answers other names in between.")
            .expect(HOST, broken().blame("interceptor").extra("tries", 3))
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                net.wait(400);
                net.resolve("www.example.com", &["93.184.215.14"]);
                net.wait(1000);
                a.retry();
                net.wait(400);
                net.resolve("www.example.net", &["93.184.215.15"]);
                net.wait(2000);
                a.retry();
                net.wait(100);
                net.resolve("www.example.org", &["93.184.215.16"]);
                net.ping_until(9000);
            }),
        Case::new("dns.unanswered", "dead-network")
            .about("Two resolvers are asked again and again, and no packet at all comes to the device.")
            .expect(HOST, broken().blame("local-network").extra("tries", 6))
            .capture(|net| {
                for resolver in ["1.1.1.1", "8.8.8.8"] {
                    let mut a = net.query_to(resolver, HOST, rtype::A);
                    net.wait(1000);
                    a.retry();
                    net.wait(2000);
                    a.retry();
                    net.wait(2000);
                }
                net.query_to("1.1.1.1", "www.example.com", rtype::A);
            }),
        Case::new("dns.unanswered", "near-miss-one-direction")
            .about("Only the client's packets are captured: its lookups look unanswered and are not.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve(HOST, &["23.49.60.10"]);
                net.wait(4000);
                net.resolve("www.example.com", &["93.184.215.14"]);
                net.only(Side::Client);
            }),
        Case::new("dns.unanswered", "near-miss-capture-ends")
            .about("The capture ends 600 ms after the queries.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve("www.example.com", &["93.184.215.14"]);
                net.query(HOST, rtype::A);
                net.query(HOST, rtype::AAAA);
                net.wait(600);
                net.query("www.example.net", rtype::A);
            }),
        Case::new("dns.unanswered", "near-miss-encrypted-elsewhere")
            .about("Plain lookups get no answer, but the client resolves otherwise and connects.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.query(HOST, rtype::A);
                net.query(HOST, rtype::AAAA);
                net.wait(300);
                net.visit_address(HOST, "23.49.60.10");
                net.ping_until(6000);
            }),
    ]
}

fn unreachable() -> Vec<Case> {
    let broken = || Expect::broken("dns", "dns.unreachable");
    vec![
        Case::new("dns.unreachable", "no-route")
            .about("The router answers the queries with ICMP net unreachable.")
            .expect(HOST, broken().blame("local-network").extra("icmp", "3/0"))
            .capture(|net| {
                for qtype in [rtype::A, rtype::AAAA] {
                    net.query(HOST, qtype).icmp(1, "192.168.1.1", Icmp::Unreachable(0));
                }
                net.ping_until(3000);
            }),
        Case::new("dns.unreachable", "nothing-listens")
            .about("The resolver's own host answers ICMPv6 port unreachable.")
            .expect(HOST, broken().blame("resolver").extra("icmp", "1/4"))
            .capture(|net| {
                net.set_resolver("2a02:8109::53");
                for qtype in [rtype::A, rtype::AAAA] {
                    net.query(HOST, qtype).icmp(11, "2a02:8109::53", Icmp::Unreachable(4));
                }
                net.ping_until(3000);
            }),
        Case::new("dns.unreachable", "near-miss-second-resolver")
            .about("The first resolver is unreachable, the second answers at once: the detour is what is told.")
            .expect(HOST, Expect::degraded("dns", "dns.failover"))
            .capture(|net| {
                net.query_to("192.168.1.7", HOST, rtype::A).icmp(900, "192.168.1.1", Icmp::Unreachable(1));
                net.visit(HOST, "23.49.60.10");
            }),
    ]
}

fn truncated() -> Vec<Case> {
    vec![
        Case::new("dns.truncated-stuck", "tcp-dropped")
            .about("The UDP answer is cut; SYNs to TCP port 53 get no answer.")
            .expect(HOST, Expect::broken("dns", "dns.truncated-stuck").blame("path"))
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                a.answer(12, |b| {
                    b.truncated();
                });
                let mut c = net.tcp("1.1.1.1:53");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(12_000);
            }),
        Case::new("dns.truncated-stuck", "tcp-refused")
            .about("The UDP answer is cut; the connection to TCP port 53 is refused.")
            .expect(HOST, Expect::broken("dns", "dns.truncated-stuck"))
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                a.answer(12, |b| {
                    b.truncated();
                });
                let mut c = net.tcp("1.1.1.1:53");
                c.syn();
                c.refuse();
                net.ping_until(4000);
            }),
        Case::new("dns.truncated-stuck", "near-miss-tcp-answers")
            .about("The UDP answer is cut; the same question over TCP is answered, and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                a.answer(12, |b| {
                    b.truncated();
                });
                let (query, answer) = a.over_tcp(|b| {
                    b.a("23.49.60.10");
                });
                let mut c = net.tcp("1.1.1.1:53");
                c.connect();
                c.send(Side::Client, &query);
                c.send(Side::Server, &answer);
                c.close(Side::Client);
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}

fn encrypted() -> Vec<Case> {
    vec![
        Case::new("dns.encrypted-failed", "strict-private-dns")
            .about("Private DNS is set to 1.1.1.1: SYNs to port 853 get no answer, again and again, and nothing else happens.")
            .expect_address(
                Expect::broken("dns", "dns.encrypted-failed")
                    .blame("interceptor")
                    .finding("tcp.syn-unanswered")
                    .extra("inner", "tcp.syn-unanswered"),
            )
            .capture(|net| {
                net.aside(|net| net.ping_until(20_000));
                for _ in 0..2 {
                    let mut c = net.tcp("1.1.1.1:853");
                    c.syn();
                    c.syn_retransmits(&schedule::LINUX_OLD[..2]);
                    net.wait(2000);
                }
            }),
        Case::new("dns.encrypted-failed", "near-miss-opportunistic")
            .about("Port 853 of the resolver is tried and silent; lookups go out in plain meanwhile and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.aside(|net| {
                    let mut c = net.tcp("1.1.1.1:853");
                    c.syn();
                    c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                });
                net.visit(HOST, "23.49.60.10");
                net.ping_until(15_000);
            }),
        Case::new("dns.encrypted-failed", "near-miss-works")
            .about("DNS over TLS works: there is nothing to tell.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let (mut c, mut s) = net.https("cloudflare-dns.com", "1.1.1.1:853");
                c.app(&mut s, 128, 468);
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}
