//! Addresses that can't be right.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";

pub(super) fn cases() -> Vec<Case> {
    [sinkholes(), injections()].into_iter().flatten().collect()
}

fn sinkholes() -> Vec<Case> {
    let broken = |address: &str| {
        Expect::broken("dns", "dns.sinkhole")
            .blame("resolver")
            .extra("address", address)
    };
    vec![
        Case::new("dns.sinkhole", "zero-address")
            .about("A blocklist answers 0.0.0.0 and ::, and nothing follows.")
            .expect(HOST, broken("0.0.0.0"))
            .capture(|net| {
                net.set_resolver("192.168.1.2");
                net.resolve(HOST, &["0.0.0.0", "::"]);
                net.ping_until(3000);
            }),
        Case::new("dns.sinkhole", "block-page")
            .about("The name resolves to a listed block page, whose server does not answer the connection.")
            .expect(HOST, broken("146.112.61.106").finding("tcp.syn-unanswered"))
            .capture(|net| {
                net.set_resolver("208.67.222.123");
                net.resolve(HOST, &["146.112.61.106"]);
                let mut c = net.tcp("146.112.61.106");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(12_000);
            }),
        Case::new("dns.sinkhole", "fake-ip-broken")
            .about("A proxy app answers from 198.18.0.0/15, and the connection through it is not answered.")
            .expect(HOST, Expect::broken("dns", "dns.sinkhole").blame("interceptor"))
            .capture(|net| {
                net.set_resolver("198.18.0.2");
                net.link(Link::Raw);
                net.resolve(HOST, &["198.18.0.44"]);
                let mut c = net.tcp("198.18.0.44");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(12_000);
            }),
        Case::new("dns.sinkhole", "near-miss-fake-ip-works")
            .about("A proxy app answers from 198.18.0.0/15 and carries the visit: no fault.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.set_resolver("198.18.0.2");
                net.link(Link::Raw);
                net.visit(HOST, "198.18.0.44");
            }),
        Case::new("dns.sinkhole", "near-miss-private-service")
            .about("With --all: a name resolves to a private address of the company network that does not answer.")
            .args(&["--all"])
            .expect("wiki.example.com", Expect::broken("tcp", "tcp.syn-unanswered"))
            .capture(|net| {
                net.resolve("wiki.example.com", &["10.20.30.40"]);
                let mut c = net.tcp("10.20.30.40");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(12_000);
            }),
        Case::new("dns.sinkhole", "near-miss-nat64")
            .about("An IPv6-only network answers an address of the NAT64 prefix, and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| net.visit(HOST, "64:ff9b::1731:3c0a")),
    ]
}

fn injections() -> Vec<Case> {
    vec![
        Case::new("dns.injected", "two-answers")
            .about("One query gets a forged answer after 3 ms and the resolver's own after 21 ms.")
            .expect(HOST, Expect::broken("dns", "dns.injected").blame("interceptor"))
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                q.answer(3, |b| {
                    b.ip_ttl(118).ip_id(0).ttl(120).no_edns().a("31.13.94.37");
                });
                q.answer(21, |b| {
                    b.ttl(20).cname("www.tiktok.com.edgesuite.net").a("23.49.60.10");
                });
                let mut c = net.tcp("31.13.94.37");
                c.syn();
                c.syn_retransmits(schedule::WINDOWS);
            }),
        Case::new("dns.injected", "poisoned-teredo")
            .about("AAAA is answered with a Teredo address, A with an address known from forgeries; neither is followed by a true one.")
            .expect(HOST, Expect::broken("dns", "dns.injected").blame("interceptor"))
            .capture(|net| {
                net.resolve(HOST, &["8.7.198.45", "2001::1f0d:5e25"]);
                let mut c = net.tcp("8.7.198.45");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(12_000);
            }),
        Case::new("dns.injected", "true-answer-used")
            .about("A forged NXDOMAIN comes first, but the client takes the true answer: worth a note.")
            .expect(HOST, Expect::ok().finding("dns.injected"))
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                q.answer(3, |b| {
                    b.ip_ttl(120).no_edns().rcode(rcode::NXDOMAIN);
                });
                q.answer(21, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.injected", "near-miss-same-answer-twice")
            .about("Every packet is in the capture twice, and the resolver sends its answer twice, rotated the second time.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                q.answer(9, |b| {
                    b.a("23.49.60.10").a("23.49.60.11");
                });
                q.answer(10, |b| {
                    b.a("23.49.60.11").a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
                net.duplicate_all(0.05);
            }),
        Case::new("dns.injected", "near-miss-retry-answered-differently")
            .about("A query is repeated; both are answered, with addresses of different networks.")
            .expect(HOST, Expect::degraded("dns", "dns.slow"))
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                net.wait(1000);
                q.retry();
                q.answer(15, |b| {
                    b.a("23.49.60.10");
                });
                q.answer(30, |b| {
                    b.a("2.16.20.33");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}
