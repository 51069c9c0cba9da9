//! A resolver that filters, one that is dead, and a name that does not exist.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        filter(),
        filter_shown(),
        one_name(),
        one_name_only(),
        dead_resolver(),
        dropped_names(),
    ]
}

fn denied(net: &Net, host: &str) {
    for qtype in [rtype::A, rtype::AAAA] {
        net.query(host, qtype).answer(9, |b| {
            b.rcode(rcode::NXDOMAIN).soa("blocked.invalid");
        });
    }
    net.wait(40);
}

fn nxdomain() -> Expect {
    Expect::broken("dns", "dns.nxdomain").blame("resolver")
}

fn filter() -> Case {
    Case::new("cross", "dns-filter-on-all-names")
        .about("The resolver denies every TikTok name and answers others.")
        .expect(WWW, nxdomain())
        .expect(V16, nxdomain())
        .expect(API, nxdomain())
        .verdict(&broken("service", "resolver"))
        .capture(|net| {
            net.set_resolver("192.168.1.1");
            for host in [WWW, V16, API] {
                denied(net, host);
                beside(net, OTHER);
            }
            net.ping_until(4000);
        })
}

fn filter_shown() -> Case {
    Case::new("cross", "dns-filter-another-resolver-knows")
        .about("The resolver denies two TikTok names, another one knows them; other names resolve at both.")
        .expect(WWW, nxdomain())
        .expect(V16, nxdomain())
        .expect(WWW, Expect::ok())
        .expect(V16, Expect::ok())
        .verdict(&[("outcome", "broken"), ("scope", "service"), ("blame", "resolver")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            net.set_resolver("192.168.1.1");
            denied(net, WWW);
            denied(net, V16);
            beside(net, OTHER);
            net.wait(15_000);
            net.set_resolver("8.8.8.8");
            net.visit(WWW, EDGE1);
            net.visit(V16, EDGE2);
            net.ping_until(20_000);
        })
}

fn one_name() -> Case {
    Case::new("cross", "one-name-denied")
        .about("The resolver denies one TikTok name; another resolves and works.")
        .expect(API, nxdomain())
        .expect(V16, Expect::ok())
        .verdict(&broken("one-name", "resolver"))
        .capture(|net| {
            denied(net, API);
            net.visit(V16, EDGE2);
            beside(net, OTHER);
            net.ping_until(4000);
        })
}

fn one_name_only() -> Case {
    Case::new("cross", "one-name-denied-nothing-else-of-it-tried")
        .about("The one TikTok name of the capture is denied, other services resolve: whether the whole service is denied cannot be told.")
        .expect(WWW, nxdomain())
        .verdict(&broken("unknown", "resolver"))
        .capture(|net| {
            denied(net, WWW);
            beside(net, OTHER);
            net.ping_until(4000);
        })
}

fn dead_resolver() -> Case {
    let silent = || Expect::broken("dns", "dns.unanswered");
    Case::new("cross", "resolver-dead")
        .about("The resolver answers nothing for any service; connections to addresses known before work all the time.")
        .expect(WWW, silent())
        .expect(V16, silent())
        .verdict(&broken("everything", "resolver"))
        .capture(|net| {
            net.aside(|net| {
                for host in [WWW, OTHER.0, V16, NEWS.0] {
                    let mut a = net.query(host, rtype::A);
                    net.aside(|net| {
                        net.wait(2000);
                        a.retry();
                        net.wait(3000);
                        a.retry();
                    });
                    net.wait(400);
                }
            });
            for second in 0..6 {
                net.aside(|net| shake(net, "static.example.com", "93.184.215.80"));
                net.wait(1000 + second);
            }
            net.ping_until(10_000);
        })
}

fn dropped_names() -> Case {
    let silent = || Expect::broken("dns", "dns.unanswered").blame("interceptor");
    Case::new("cross", "queries-for-all-names-dropped")
        .about("Queries for TikTok names get no answer; the same resolver answers other names all the time.")
        .expect(WWW, silent())
        .expect(V16, silent())
        .verdict(&broken("service", "interceptor"))
        .capture(|net| {
            net.aside(|net| {
                for host in [WWW, V16] {
                    let mut a = net.query(host, rtype::A);
                    net.aside(|net| {
                        net.wait(2000);
                        a.retry();
                        net.wait(3000);
                        a.retry();
                    });
                    net.wait(300);
                }
            });
            for _ in 0..6 {
                net.wait(900);
                quick(net, OTHER);
            }
            net.ping_until(9000);
        })
}
