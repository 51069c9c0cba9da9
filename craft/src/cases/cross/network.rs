//! The network as a whole, against the service.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        wifi_down(),
        behind_the_router(),
        earlier_only(),
        blip_bracketed(),
        nothing_of_it(),
        dead_in_the_end(),
        portal(),
        portal_opened(),
    ]
}

/// A phone asks whether the network is open and is sent to a login page.
fn probe(net: &Net) {
    let mut c = net.tcp("142.250.185.99:80");
    c.connect();
    c.client_data(&http::request(
        "connectivitycheck.gstatic.com",
        "/generate_204",
        120,
    ));
    net.wait(4);
    c.server_data(&http::redirect("http://10.1.0.1:8002/login"));
    c.close(Side::Server);
    net.wait(100);
}

const PROBED: &str = "connectivitycheck.gstatic.com";

fn portal() -> Case {
    Case::new("cross", "portal-before-everything-else")
        .about("The network wants a login; three names of the service get no answer after it: the portal explains them all.")
        .expect(PROBED, Expect::broken("http", "http.captive-portal").blame("local-network"))
        .expect(WWW, syn().blame("local-network"))
        .expect(V16, syn().blame("local-network"))
        .expect(API, syn().blame("local-network"))
        .verdict(&[("cause", "http.captive-portal"), ("blame", "local-network")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            probe(net);
            dead(net, WWW, EDGE1);
            dead(net, V16, EDGE2);
            dead(net, API, "71.18.1.11");
            net.ping_until(14_000);
        })
}

fn portal_opened() -> Case {
    Case::new("cross", "portal-opened-before")
        .about("The network wanted a login and got it: a name works since, and another one gets no answer. That is not the portal's doing.")
        .expect(PROBED, Expect::broken("http", "http.captive-portal").blame("local-network"))
        .expect(WWW, Expect::ok())
        .expect(V16, syn().blame("edge"))
        .expect(IMAGE, syn().blame("edge"))
        .verdict(&[("cause", "tcp.syn-unanswered"), ("blame", "edge")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            probe(net);
            net.wait(4000);
            quick(net, (WWW, EDGE1));
            dead(net, V16, EDGE2);
            dead(net, IMAGE, EDGE2);
            quick(net, (WWW, EDGE1));
            net.ping_until(18_000);
        })
}

fn syn() -> Expect {
    Expect::broken("tcp", "tcp.syn-unanswered")
}

fn wifi_down() -> Case {
    Case::new("cross", "wifi-down")
        .about("Everything works, then no packet comes to the device any more: TikTok and other services fail alike.")
        .expect(V16, Expect::ok())
        .expect(WWW, syn())
        .expect(API, syn())
        .verdict(&broken("everything", "local-network"))
        .capture(|net| {
            net.visit(V16, EDGE2);
            net.visit(OTHER.0, OTHER.1);
            net.resolve(WWW, &[EDGE1]);
            net.resolve(API, &["71.18.1.11"]);
            net.wait(300);
            for ip in [EDGE1, "71.18.1.11", OTHER.1, NEWS.1] {
                net.aside(|net| no_answer(net, ip));
                net.wait(200);
            }
            net.wait(9000);
            net.query(NEWS.0, rtype::A);
        })
}

fn behind_the_router() -> Case {
    Case::new("cross", "nothing-behind-the-router")
        .about("The router answers pings all the time; nothing behind it answers, whatever the service.")
        .expect(WWW, syn())
        .expect(V16, syn())
        .verdict(&broken("everything", "path"))
        .capture(|net| {
            net.resolve(WWW, &[EDGE1]);
            net.resolve(V16, &[EDGE2]);
            net.wait(300);
            for ip in [EDGE1, EDGE2, OTHER.1, NEWS.1] {
                net.aside(|net| no_answer(net, ip));
                net.wait(200);
            }
            net.ping_until(14_000);
        })
}

fn earlier_only() -> Case {
    Case::new("cross", "others-worked-only-before")
        .about("Other services worked until a moment before; then two TikTok names get no answer, and nothing else is tried.")
        .expect(WWW, syn())
        .expect(V16, syn())
        .verdict(&[("outcome", "broken"), ("scope", "unknown")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            net.resolve(WWW, &[EDGE1]);
            net.resolve(V16, &[EDGE2]);
            net.visit(OTHER.0, OTHER.1);
            net.wait(500);
            net.aside(|net| no_answer(net, EDGE1));
            net.aside(|net| no_answer(net, EDGE2));
            net.wait(9000);
            net.query(NEWS.0, rtype::A);
            net.ping_until(14_000);
        })
}

fn blip_bracketed() -> Case {
    Case::new("cross", "others-worked-before-and-after")
        .about("Other services worked shortly before and after two TikTok names got no answer.")
        .expect(WWW, syn())
        .expect(V16, syn())
        .verdict(&broken("service", "path"))
        .capture(|net| {
            net.resolve(WWW, &[EDGE1]);
            net.resolve(V16, &[EDGE2]);
            net.visit(OTHER.0, OTHER.1);
            net.wait(500);
            net.aside(|net| no_answer(net, EDGE1));
            net.aside(|net| no_answer(net, EDGE2));
            net.wait(8000);
            net.visit(NEWS.0, NEWS.1);
            net.ping_until(14_000);
        })
}

fn dead_in_the_end() -> Case {
    let silent = || Expect::broken("dns", "dns.unanswered");
    Case::new("cross", "everything-dead-in-the-end")
        .about("Everything works; two minutes later not even the router, which is the resolver, answers: it says so, and that it worked before.")
        .expect(WWW, Expect::ok())
        .expect(V16, Expect::ok())
        .expect(API, silent())
        .expect(WWW, silent())
        .verdict(&broken("everything", "local-network"))
        .capture(|net| {
            net.set_resolver("192.168.1.1");
            net.visit(WWW, EDGE1);
            net.visit(V16, EDGE2);
            net.visit(OTHER.0, OTHER.1);
            net.at(120_000);
            for host in [API, WWW, OTHER.0, NEWS.0] {
                net.aside(|net| {
                    let mut a = net.query(host, rtype::A);
                    for _ in 0..3 {
                        net.wait(2000);
                        a.retry();
                    }
                });
                net.wait(400);
            }
            net.wait(10_000);
            net.query(NEWS.0, rtype::A);
        })
}

fn nothing_of_it() -> Case {
    Case::new("cross", "nothing-of-the-service")
        .about("Other services work; no name of TikTok occurs: nothing can be said about it.")
        .expect_none()
        .verdict(&[("outcome", "unfinished"), ("scope", "unknown")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            net.visit(OTHER.0, OTHER.1);
            net.visit(NEWS.0, NEWS.1);
        })
}
