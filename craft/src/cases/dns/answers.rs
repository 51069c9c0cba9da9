//! Answers without an address: errors, empty and unreadable ones.

use crate::dns::Answer;
use crate::prelude::*;

const HOST: &str = "www.tiktok.com";

pub(super) fn cases() -> Vec<Case> {
    [denied(), failures(), empty(), unreadable()]
        .into_iter()
        .flatten()
        .collect()
}

/// A and AAAA of `host`, answered alike.
fn both(net: &Net, host: &str, after: u64, fill: impl Fn(&mut Answer)) {
    let mut a = net.query(host, rtype::A);
    let mut aaaa = net.query(host, rtype::AAAA);
    a.answer(after, &fill);
    aaaa.answer(after + 1, &fill);
}

fn denied() -> Vec<Case> {
    let broken = || Expect::broken("dns", "dns.nxdomain").blame("resolver");
    vec![
        Case::new("dns.nxdomain", "both-families")
            .about("A and AAAA of a TikTok host are answered NXDOMAIN; another name resolves and works.")
            .expect(HOST, broken().extra("resolver", "1.1.1.1:53"))
            .capture(|net| {
                both(net, HOST, 14, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("tiktok.com");
                });
                net.wait(300);
                net.visit("www.example.com", "93.184.215.14");
            }),
        Case::new("dns.nxdomain", "router-blocklist")
            .about("The router denies the name with an SOA of its own, as blocklists do; the capture ends right there.")
            .expect(HOST, broken())
            .capture(|net| {
                net.set_resolver("192.168.1.1");
                net.link(Link::Raw);
                both(net, HOST, 2, |b| {
                    b.rcode(rcode::NXDOMAIN).authoritative().soa("fake-for-negative-caching.adguard.com");
                });
            }),
        Case::new("dns.nxdomain", "other-resolver-knows")
            .about("The provider's resolver denies the name; a second program asks 8.8.8.8 over IPv4 and is told an address.")
            .expect("api16-normal-c-useast1a.tiktokv.com", broken())
            .expect("api16-normal-c-useast1a.tiktokv.com", Expect::ok())
            .capture(|net| {
                let host = "api16-normal-c-useast1a.tiktokv.com";
                net.format(Format::PcapNg);
                net.link(Link::Sll2);
                net.set_resolver("2a02:8109::53");
                both(net, host, 20, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("tiktokv.com");
                });
                net.wait(9000);
                net.set_resolver("8.8.8.8");
                net.visit(host, "23.49.60.10");
            }),
        Case::new("dns.nxdomain", "search-list")
            .about("The name and then its two search-list variants are denied: one attempt, and the variants do not count.")
            .args(&["--all"])
            .expect("www.example.org", broken().blame("unknown"))
            .capture(|net| {
                for host in ["www.example.org", "www.example.org.corp.example.net", "www.example.org.example.net"] {
                    both(net, host, 9, |b| {
                        b.rcode(rcode::NXDOMAIN).soa("example.org");
                    });
                    net.wait(2);
                }
                net.ping_until(3000);
            }),
        Case::new("dns.nxdomain", "near-miss-https-type")
            .about("The HTTPS record is denied by an old router, A and AAAA are answered, and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut https = net.query(HOST, rtype::HTTPS);
                https.answer(3, |b| {
                    b.rcode(rcode::NXDOMAIN).no_edns();
                });
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.nxdomain", "near-miss-search-list")
            .about("The variant with the search domain is asked first and denied; the name itself resolves and works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                both(net, "www.tiktok.com.lan", 1, |b| {
                    b.rcode(rcode::NXDOMAIN).authoritative().soa("lan");
                });
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.nxdomain", "near-miss-known-address")
            .about("The plain lookup is denied, but the client connects to an address it knows from elsewhere.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                both(net, HOST, 12, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("tiktok.com");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}

fn failures() -> Vec<Case> {
    let broken = |cause: &str| Expect::broken("dns", cause).blame("resolver");
    vec![
        Case::new("dns.servfail", "network-error")
            .about("The resolver can't reach the name's servers and says so (EDE 22); asked again, the same.")
            .expect(HOST, broken("dns.servfail").extra("ede", 22))
            .capture(|net| {
                for _ in 0..2 {
                    both(net, HOST, 1900, |b| {
                        b.rcode(rcode::SERVFAIL).ede(22, "delegation tiktok.com");
                    });
                    net.wait(50);
                }
                net.ping_until(8000);
            }),
        Case::new("dns.servfail", "near-miss-retry-works")
            .about("SERVFAIL at first; the client asks again 100 ms later and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                both(net, HOST, 30, |b| {
                    b.rcode(rcode::SERVFAIL);
                });
                net.wait(100);
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.refused", "foreign-resolver")
            .about("A resolver of another network refuses both lookups.")
            .expect(HOST, broken("dns.refused").extra("resolver", "203.0.113.53:53"))
            .capture(|net| {
                net.set_resolver("203.0.113.53");
                net.wrap(Wrap::Vlan(20));
                both(net, HOST, 24, |b| {
                    b.rcode(rcode::REFUSED).no_recursion();
                });
                net.ping_until(3000);
            }),
        Case::new("dns.refused", "near-miss-https-type")
            .about("Only the HTTPS record is refused; A and AAAA are answered and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut https = net.query(HOST, rtype::HTTPS);
                https.answer(5, |b| {
                    b.rcode(rcode::REFUSED);
                });
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.error", "formerr")
            .about("An old router answers FORMERR to every query with EDNS.")
            .expect(HOST, broken("dns.error").extra("rcode", "FORMERR"))
            .capture(|net| {
                net.set_resolver("192.168.1.1");
                both(net, HOST, 2, |b| {
                    b.rcode(rcode::FORMERR).no_edns();
                });
                net.ping_until(3000);
            }),
        Case::new("dns.error", "near-miss-without-edns")
            .about("FORMERR at first; the same question is answered 10 ms later and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.set_resolver("192.168.1.1");
                both(net, HOST, 2, |b| {
                    b.rcode(rcode::FORMERR).no_edns();
                });
                net.wait(10);
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.dnssec-bogus", "signature-expired")
            .about("SERVFAIL with EDE 7: the zone's signature has expired.")
            .expect(HOST, broken("dns.dnssec-bogus").extra("ede", 7))
            .capture(|net| {
                net.format(Format::PcapNanos);
                both(net, HOST, 80, |b| {
                    b.rcode(rcode::SERVFAIL).ede(7, "");
                });
                net.ping_until(3000);
            }),
        Case::new("dns.dnssec-bogus", "near-miss-no-reachable-authority")
            .about("SERVFAIL with EDE 22 is a plain failure.")
            .expect(HOST, broken("dns.servfail"))
            .capture(|net| {
                both(net, HOST, 80, |b| {
                    b.rcode(rcode::SERVFAIL).ede(22, "");
                });
                net.ping_until(3000);
            }),
        Case::new("dns.filtered", "blocked-as-zero")
            .about("The resolver answers 0.0.0.0 and :: and says that it blocks the name (EDE 15).")
            .expect(HOST, broken("dns.filtered").extra("ede", 15).extra("ede_text", "blocked by policy"))
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                let mut aaaa = net.query(HOST, rtype::AAAA);
                a.answer(9, |b| {
                    b.a("0.0.0.0").ede(15, "blocked by policy");
                });
                aaaa.answer(10, |b| {
                    b.aaaa("::").ede(15, "blocked by policy");
                });
                net.ping_until(3000);
            }),
        Case::new("dns.filtered", "censored-nxdomain")
            .about("NXDOMAIN with EDE 16: hidden by an order from outside.")
            .expect("v16-webapp.tiktok.com", broken("dns.filtered").extra("ede", 16))
            .capture(|net| {
                net.link(Link::Sll);
                both(net, "v16-webapp.tiktok.com", 15, |b| {
                    b.rcode(rcode::NXDOMAIN).ede(16, "court order 7/26").soa("tiktok.com");
                });
                net.ping_until(3000);
            }),
        Case::new("dns.filtered", "near-miss-stale-answer")
            .about("EDE 3 (stale answer) comes with good addresses, and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut a = net.query(HOST, rtype::A);
                a.answer(20, |b| {
                    b.a("23.49.60.10").ede(3, "");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}

fn empty() -> Vec<Case> {
    vec![
        Case::new("dns.no-address", "both-families")
            .about("A and AAAA are both answered without error and without any record.")
            .expect(HOST, Expect::broken("dns", "dns.no-address").blame("resolver"))
            .capture(|net| {
                net.resolve(HOST, &[]);
                net.ping_until(3000);
            }),
        Case::new("dns.no-address", "near-miss-one-family")
            .about("AAAA is empty, A is filled, and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| net.visit(HOST, "23.49.60.10")),
        Case::new("dns.no-address", "near-miss-address-in-hints")
            .about("A and AAAA are empty, but the HTTPS record has an address hint, and the client uses it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut https = net.query(HOST, rtype::HTTPS);
                https.answer(11, |b| {
                    b.https(&[svc::alpn(&["h2"]), svc::ipv4hint(&["23.49.60.10"])]);
                });
                net.resolve(HOST, &[]);
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.no-address", "near-miss-only-aaaa")
            .about("Only AAAA is asked in this capture, and it is empty: A may be known.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut q = net.query(HOST, rtype::AAAA);
                q.answer(11, |b| {
                    b.soa("tiktok.com");
                });
                net.ping_until(3000);
            }),
    ]
}

fn unreadable() -> Vec<Case> {
    vec![
        Case::new("dns.malformed", "cut-records")
            .about("The router's replies end in the middle of a record.")
            .expect(HOST, Expect::broken("dns", "dns.malformed").blame("resolver"))
            .capture(|net| {
                net.set_resolver("192.168.1.1");
                for qtype in [rtype::A, rtype::AAAA] {
                    let mut q = net.query(HOST, qtype);
                    let mut whole = Answer::to(q.id, HOST, qtype);
                    whole.no_edns().a("23.49.60.10");
                    let message = whole.message();
                    q.answer(2, |b| {
                        b.raw(&message[..message.len() - 3]);
                    });
                }
                net.ping_until(4000);
            }),
        Case::new("dns.malformed", "near-miss-good-one-follows")
            .about("A reply to another question comes first; the right one follows and the visit works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                q.answer(4, |b| {
                    b.question("example.net", rtype::A).a("198.51.100.7");
                });
                q.answer(9, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
    ]
}
