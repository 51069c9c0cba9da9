//! Lookups that fail, and near misses.

use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("dns.nxdomain", "both-families")
            .about("A and AAAA of a TikTok host are answered NXDOMAIN; another name resolves and works.")
            .expect("www.tiktok.com", Expect::broken("dns", "dns.nxdomain"))
            .capture(|net| {
                let mut a = net.query("www.tiktok.com", rtype::A);
                let mut aaaa = net.query("www.tiktok.com", rtype::AAAA);
                a.answer(14, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("tiktok.com");
                });
                aaaa.answer(15, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("tiktok.com");
                });
                net.wait(300);
                net.visit("www.example.com", "93.184.215.14");
            }),
        Case::new("dns.injected", "two-answers")
            .about("One query gets a forged answer after 3 ms and the resolver's own after 21 ms.")
            .expect("www.tiktok.com", Expect::broken("dns", "dns.injected").blame("interceptor"))
            .capture(|net| {
                let mut q = net.query("www.tiktok.com", rtype::A);
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
        Case::new("dns.unanswered", "glibc-schedule")
            .about("A and AAAA are asked twice, 5 s apart, and nothing answers; the gateway answers pings throughout.")
            .expect("www.tiktok.com", Expect::broken("dns", "dns.unanswered").extra("tries", 4))
            .capture(|net| {
                net.aside(|net| net.ping_until(15_000));
                let mut a = net.query("www.tiktok.com", rtype::A);
                let mut aaaa = net.query("www.tiktok.com", rtype::AAAA);
                net.wait(5000);
                a.retry();
                aaaa.retry();
            }),
    ]
}
