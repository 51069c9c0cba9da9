//! Lookups that succeed late or only with another resolver.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("dns.slow", "answered-late")
            .about("A and AAAA are answered after 1.4 s; the visit then works.")
            .expect(HOST, Expect::degraded("dns", "dns.slow").blame("resolver").extra("tries", 1))
            .capture(|net| {
                net.resolve_via(HOST, &[], &["23.49.60.10"], 1400);
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.slow", "answered-to-retry")
            .about("The first query is lost; the retry after a second is answered at once.")
            .expect(HOST, Expect::degraded("dns", "dns.slow").extra("tries", 2))
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                net.wait(1000);
                q.retry();
                q.answer(12, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.slow", "after-servfail")
            .about("SERVFAIL at first; asked again a second later, the same resolver answers.")
            .expect(HOST, Expect::degraded("dns", "dns.slow").extra("tries", 2))
            .capture(|net| {
                let mut q = net.query(HOST, rtype::A);
                q.answer(40, |b| {
                    b.rcode(rcode::SERVFAIL);
                });
                net.wait(1000);
                let mut q = net.query(HOST, rtype::A);
                q.answer(12, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.slow", "near-miss-nobody-waited")
            .about("AAAA is answered after 900 ms, but the client connects over IPv4 without waiting for it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut aaaa = net.query(HOST, rtype::AAAA);
                let mut a = net.query(HOST, rtype::A);
                net.aside(|_| {
                    aaaa.answer(900, |b| {
                        b.soa("tiktok.com");
                    });
                });
                a.answer(12, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
                net.ping_until(3000);
            }),
        Case::new("dns.slow", "near-miss-two-programs")
            .about("Two programs ask for the same name 3 ms apart from two ports; the answers come after 25 ms.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut one = net.query(HOST, rtype::A);
                net.wait(3);
                let mut two = net.query(HOST, rtype::A);
                one.answer(25, |b| {
                    b.a("23.49.60.10");
                });
                two.answer(25, |b| {
                    b.a("23.49.60.10");
                });
                net.visit_address(HOST, "23.49.60.10");
            }),
        Case::new("dns.failover", "first-silent")
            .about("The first resolver stays silent; the second is asked 5 s later (glibc) and answers.")
            .expect(HOST, Expect::degraded("dns", "dns.failover").blame("resolver").extra("resolver", "192.168.1.7:53"))
            .capture(|net| {
                net.query_to("192.168.1.7", HOST, rtype::A);
                net.query_to("192.168.1.7", HOST, rtype::AAAA);
                net.wait(5005);
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.failover", "first-fails")
            .about("The first resolver answers SERVFAIL after 2 s; the second is asked then and answers.")
            .expect(HOST, Expect::degraded("dns", "dns.failover").extra("resolver", "192.168.1.7:53"))
            .capture(|net| {
                for qtype in [rtype::A, rtype::AAAA] {
                    let mut q = net.query_to("192.168.1.7", HOST, qtype);
                    net.aside(|_| {
                        q.answer(2000, |b| {
                            b.rcode(rcode::SERVFAIL);
                        });
                    });
                }
                net.wait(2002);
                net.visit(HOST, "23.49.60.10");
            }),
        Case::new("dns.failover", "near-miss-all-at-once")
            .about("Three resolvers are asked at the same time; one answers, one fails later, one stays silent.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.query_to("192.168.1.7", HOST, rtype::A);
                let mut b = net.query_to("9.9.9.9", HOST, rtype::A);
                net.aside(|_| {
                    b.answer(300, |b| {
                        b.rcode(rcode::SERVFAIL);
                    });
                });
                net.visit(HOST, "23.49.60.10");
                net.ping_until(4000);
            }),
        Case::new("dns.failover", "near-miss-forwarder-seen-too")
            .about("Captured at a router: the client's query and the router's own to a silent and to a good upstream.")
            .expect(HOST, Expect::ok())
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.set_resolver("192.168.1.1");
                let mut mine = net.query(HOST, rtype::A);
                net.set_client("100.72.3.9");
                net.wait(0.4);
                net.query_to("9.9.9.9", HOST, rtype::A);
                let mut up = net.query_to("1.1.1.1", HOST, rtype::A);
                up.answer(14, |b| {
                    b.a("23.49.60.10");
                });
                mine.answer(15, |b| {
                    b.a("23.49.60.10");
                });
                net.set_client("192.168.1.23");
                net.visit_address(HOST, "23.49.60.10");
                net.ping_until(4000);
            }),
    ]
}
