//! A server, a family or a transport that is dead, against a name that is blocked.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    [
        edges(),
        ports(),
        names(),
        kinds(),
        quic_edges(),
        services(),
        proven(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn syn() -> Expect {
    Expect::broken("tcp", "tcp.syn-unanswered")
}

fn edges() -> Vec<Case> {
    vec![
        Case::new("cross", "edge-dead")
            .about("One edge answers no SYN, for two names; a third name at another edge works meanwhile.")
            .expect(WWW, syn())
            .expect(MOBILE, syn())
            .expect(V16, Expect::ok())
            .verdict(&broken("one-server", "edge"))
            .capture(|net| {
                dead(net, WWW, EDGE1);
                dead(net, MOBILE, EDGE1);
                beside(net, (V16, EDGE2));
                beside(net, OTHER);
                net.ping_until(14_000);
            }),
        Case::new("cross", "edge-dead-other-address-works")
            .about("The first address of a name never answers, the second does: another edge of the same name.")
            .expect(V16, Expect::degraded("tcp", "tcp.failover"))
            .expect(WWW, Expect::ok())
            .verdict(&degraded("one-server", "edge"))
            .capture(|net| {
                net.visit(WWW, EDGE1);
                net.wait(400);
                net.resolve(V16, &[EDGE2, "23.49.60.11"]);
                let start = net.now();
                net.aside(|net| no_answer(net, EDGE2));
                net.at(start + 7100.0);
                net.visit_address(V16, "23.49.60.11");
                net.ping_until(12_000);
            }),
        Case::new("cross", "name-or-edge-not-told")
            .about("One name at one edge gets no answer to its ClientHello; another name works, but only elsewhere.")
            .expect(WWW, Expect::broken("tls", "tls.hello-unanswered"))
            .expect(V16, Expect::ok())
            .verdict(&[("outcome", "broken"), ("scope", "unknown")].map(|(k, v)| (k, v.to_owned())))
            .capture(|net| {
                hello_dropped(net, WWW, EDGE1);
                beside(net, (V16, EDGE2));
                net.ping_until(12_000);
            }),
    ]
}

fn ports() -> Vec<Case> {
    let odd = format!("{EDGE1}:5228");
    vec![
        Case::new("cross", "one-port-shut")
            .about("A name gets no answer on port 5228; the same server answers on port 443 meanwhile: not the server, that port.")
            .expect(WWW, Expect::ok())
            .expect(MOBILE, syn().blame("path"))
            .verdict(&broken("unknown", "path"))
            .capture(move |net| {
                net.aside(|net| {
                    net.resolve(MOBILE, &[EDGE1]);
                    let mut c = net.tcp(&odd);
                    c.syn();
                    c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                });
                net.wait(600);
                quick(net, (WWW, EDGE1));
                net.ping_until(14_000);
            }),
        Case::new("cross", "odd-port-at-a-server-of-its-own")
            .about("A name gets no answer on port 5228; other servers answer on port 443. That shows nothing of who keeps the port shut.")
            .expect(V16, Expect::ok())
            .expect(MOBILE, syn().blame("path"))
            .verdict(&broken("unknown", "path"))
            .capture(|net| {
                net.aside(|net| {
                    net.resolve(MOBILE, &[EDGE1]);
                    let mut c = net.tcp(&format!("{EDGE1}:5228"));
                    c.syn();
                    c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                });
                net.wait(600);
                quick(net, (V16, EDGE2));
                net.ping_until(14_000);
            }),
    ]
}

fn names() -> Vec<Case> {
    let hello = || Expect::broken("tls", "tls.hello-unanswered").blame("interceptor");
    vec![
        Case::new("cross", "name-blocked-at-shared-edge")
            .about("One name's ClientHello is dropped; another name of the service at the same address works meanwhile.")
            .expect(WWW, hello())
            .expect(MOBILE, Expect::ok())
            .verdict(&broken("one-name", "interceptor"))
            .capture(|net| {
                hello_dropped(net, WWW, EDGE1);
                beside(net, (MOBILE, EDGE1));
                net.ping_until(12_000);
            }),
        Case::new("cross", "name-blocked-beside-a-foreign-name")
            .about("The ClientHello is dropped; a name of another service at the same CDN address works, and so does another name elsewhere.")
            .expect(V16, Expect::broken("tls", "tls.hello-unanswered").blame("interceptor"))
            .expect(WWW, Expect::ok())
            .verdict(&broken("one-name", "interceptor"))
            .capture(|net| {
                hello_dropped(net, V16, EDGE2);
                beside(net, ("shop.example.net", EDGE2));
                beside(net, (WWW, EDGE1));
                net.ping_until(12_000);
            }),
        Case::new("cross", "all-names-reset")
            .about("Every TikTok name is reset by a box near the client after its ClientHello; other services work.")
            .expect(WWW, Expect::broken("tls", "tls.reset-after-hello").blame("interceptor"))
            .expect(V16, Expect::broken("tls", "tls.reset-after-hello").blame("interceptor"))
            .expect(API, Expect::broken("tls", "tls.reset-after-hello").blame("interceptor"))
            .verdict(&broken("service", "interceptor"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2), (API, EDGE1)] {
                    net.resolve(host, &[ip]);
                    let mut c = net.tcp(ip);
                    c.connect();
                    c.client_data(&ClientHello::new(host).record(net));
                    c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(60).window(0));
                    c.raw_segment(Side::Server, Seg::forged_rst().ttl(60));
                    net.wait(200);
                    beside(net, OTHER);
                }
                net.ping_until(5000);
            }),
        Case::new("cross", "all-names-silent")
            .about("Every TikTok name's ClientHello is dropped at two edges, while other services work.")
            .expect(WWW, hello())
            .expect(V16, hello())
            .verdict(&broken("service", "interceptor"))
            .capture(|net| {
                hello_dropped(net, WWW, EDGE1);
                hello_dropped(net, V16, EDGE2);
                beside(net, OTHER);
                beside(net, NEWS);
                net.ping_until(12_000);
            }),
    ]
}

fn kinds() -> Vec<Case> {
    vec![
        Case::new("cross", "ipv6-dead")
            .about("IPv6 gets no answer from any service; after 3 s both names are reached over IPv4.")
            .expect(WWW, Expect::degraded("tcp", "tcp.failover"))
            .expect(V16, Expect::degraded("tcp", "tcp.failover"))
            .verdict(&degraded("one-family", "path"))
            .capture(|net| {
                for (host, v4, v6) in [(WWW, EDGE1, EDGE1_V6), (V16, EDGE2, EDGE2_V6)] {
                    net.resolve(host, &[v4, v6]);
                    net.aside(|net| no_answer(net, v6));
                    net.wait(7200);
                    net.visit_address(host, v4);
                }
                net.aside(|net| no_answer(net, OTHER_V6));
                beside(net, OTHER);
                net.ping_until(26_000);
            }),
        Case::new("cross", "ipv6-of-one-server-dead")
            .about("One name's IPv6 address gets no answer; another name works over IPv6 meanwhile.")
            .expect(WWW, Expect::degraded("tcp", "tcp.failover"))
            .expect(V16, Expect::ok())
            .verdict(&degraded("one-server", "edge"))
            .capture(|net| {
                net.resolve(WWW, &[EDGE1, EDGE1_V6]);
                net.aside(|net| no_answer(net, EDGE1_V6));
                net.wait(300);
                net.aside(|net| net.visit(V16, EDGE2_V6));
                net.wait(6900);
                net.visit_address(WWW, EDGE1);
                net.ping_until(14_000);
            }),
        Case::new("cross", "ipv4-dead")
            .about("IPv4 gets no answer from any service; after 7 s both names are reached over IPv6.")
            .expect(WWW, Expect::degraded("tcp", "tcp.failover"))
            .expect(V16, Expect::degraded("tcp", "tcp.failover"))
            .verdict(&degraded("one-family", "path"))
            .capture(|net| {
                net.set_resolver("2a02:8109::53");
                for (host, v4, v6) in [(WWW, EDGE1, EDGE1_V6), (V16, EDGE2, EDGE2_V6)] {
                    net.resolve(host, &[v4, v6]);
                    net.aside(|net| no_answer(net, v4));
                    net.wait(7200);
                    net.visit_address(host, &socket(v6));
                }
                net.ping_until(22_000);
            }),
        Case::new("cross", "udp-dead")
            .about("QUIC gets no answer from two services; both TikTok names fall back to TCP and work.")
            .expect(WWW, Expect::degraded("quic", "quic.fell-back-to-tcp"))
            .expect(V16, Expect::degraded("quic", "quic.fell-back-to-tcp"))
            .verdict(&degraded("one-transport", "interceptor"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2)] {
                    net.resolve(host, &[ip]);
                    net.aside(|net| {
                        net.quic(ip, quic::Client::new(host), quic::Server::silent()).run_for(5000);
                    });
                    net.wait(4200);
                    net.visit_address(host, ip);
                    net.wait(1500);
                }
                net.aside(|net| {
                    net.quic(OTHER.1, quic::Client::new(OTHER.0), quic::Server::silent()).run_for(4000);
                });
                net.ping_until(22_000);
            }),
        Case::new("cross", "quic-of-one-name-blocked")
            .about("QUIC of one name gets no answer and falls back to TCP; QUIC of another name at that address works meanwhile.")
            .expect(WWW, Expect::degraded("quic", "quic.fell-back-to-tcp"))
            .expect(MOBILE, Expect::ok())
            .verdict(&degraded("one-name", "interceptor"))
            .capture(|net| {
                net.resolve(WWW, &[EDGE1]);
                net.aside(|net| {
                    net.quic(EDGE1, quic::Client::new(WWW), quic::Server::silent()).run_for(5000);
                });
                net.wait(1000);
                net.aside(|net| net.visit_quic(MOBILE, EDGE1));
                net.wait(3200);
                net.visit_address(WWW, EDGE1);
                net.ping_until(12_000);
            }),
    ]
}

fn quic_edges() -> Vec<Case> {
    let silent = || Expect::broken("quic", "quic.initial-unanswered");
    vec![
        Case::new("cross", "quic-dead-at-one-edge")
            .about("QUIC of one name gets no answer and falls back to TCP; QUIC of another name works at another edge: the name or the edge, it can't be told.")
            .expect(WWW, Expect::degraded("quic", "quic.fell-back-to-tcp"))
            .expect(V16, Expect::ok())
            .verdict(&[("outcome", "degraded"), ("scope", "unknown"), ("blame", "unknown")].map(|(k, v)| (k, v.to_owned())))
            .capture(|net| {
                net.resolve(WWW, &[EDGE1]);
                net.aside(|net| {
                    net.quic(EDGE1, quic::Client::new(WWW), quic::Server::silent()).run_for(5000);
                });
                net.wait(1000);
                net.aside(|net| net.visit_quic(V16, EDGE2));
                net.wait(3200);
                net.visit_address(WWW, EDGE1);
                net.ping_until(12_000);
            }),
        Case::new("cross", "quic-silent-servers-among-others")
            .about("A scanner tries QUIC with many services at once: three are silent, two turn its version down. The network is not dead.")
            .args(&["--all"])
            .expect("a.example.com", silent())
            .expect("b.example.net", silent())
            .expect("c.example.org", silent())
            .expect("d.example.edu", Expect::broken("quic", "quic.version-unsupported"))
            .expect("e.example.info", Expect::broken("quic", "quic.version-unsupported"))
            .verdict(&broken("unknown", "path"))
            .capture(|net| {
                for (host, ip) in [
                    ("a.example.com", "93.184.215.14"),
                    ("b.example.net", "203.14.5.9"),
                    ("c.example.org", "151.101.1.6"),
                ] {
                    net.aside(|net| {
                        net.quic(ip, quic::Client::new(host), quic::Server::silent()).run_for(8000);
                    });
                    net.wait(5);
                }
                for (host, ip) in [("d.example.edu", "104.16.9.9"), ("e.example.info", "34.117.3.3")] {
                    net.wait(300);
                    let server = quic::Server::new(Cert::public(host)).versions(&[0xff00_001d]);
                    net.aside(|net| {
                        net.quic(ip, quic::Client::new(host), server).run_for(1000);
                    });
                }
                net.wait(9000);
                net.ping_until(14_000);
            }),
    ]
}

/// A connection that carries everything there and back, and a service that does not answer.
fn proven() -> Vec<Case> {
    let asked = |net: &Net| {
        net.resolve(API, &[EDGE1]);
        let mut c = net.tcp(EDGE1);
        let mut s = Session::new(
            net,
            Client::new(API).alpn(&["http/1.1"]),
            Server::new(Cert::public(API)).alpn(&["http/1.1"]),
        );
        c.connect();
        c.tls(&mut s);
        c.app_data(
            &mut s,
            Side::Client,
            &http::request(API, "/aweme/v1/feed/", 420),
        );
        c
    };
    vec![
        Case::new("cross", "path-proven-good")
            .about("The handshake is finished and the request acknowledged; the service sends no response for 100 s.")
            .expect(API, Expect::broken("http", "http.no-response").blame("service"))
            .verdict(&[("outcome", "broken"), ("blame", "service")].map(|(k, v)| (k, v.to_owned())))
            .capture(move |net| {
                asked(net);
                net.ping_until(100_000);
            }),
        Case::new("cross", "path-not-proven-good")
            .about("The same, but a box ends it with two forged resets after the request: the way is not proven good.")
            .expect(API, Expect::broken("http", "http.reset").blame("interceptor"))
            .verdict(&[("outcome", "broken"), ("blame", "interceptor")].map(|(k, v)| (k, v.to_owned())))
            .capture(move |net| {
                let mut c = asked(net);
                net.wait(4);
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(101));
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(101).seq_offset(1460));
                net.ping_until(5000);
            }),
    ]
}

fn services() -> Vec<Case> {
    let refused = || Expect::broken("tcp", "tcp.refused");
    let alert = || Expect::broken("tls", "tls.alert-from-server");
    vec![
        Case::new("cross", "service-down-refused")
            .about("All servers of the service refuse connections on their own; other services work.")
            .expect(WWW, refused())
            .expect(V16, refused())
            .expect(API, refused())
            .verdict(&broken("service", "service"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2), (API, EDGE1)] {
                    net.resolve(host, &[ip]);
                    let mut c = net.tcp(ip);
                    c.syn();
                    c.refuse();
                    net.wait(200);
                    beside(net, OTHER);
                }
                net.ping_until(5000);
            }),
        Case::new("cross", "service-down-alerts")
            .about("All servers of the service answer the ClientHello with the alert internal_error; other services work.")
            .expect(WWW, alert())
            .expect(V16, alert())
            .verdict(&broken("service", "service"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2)] {
                    net.resolve(host, &[ip]);
                    let mut c = net.tcp(ip);
                    c.connect();
                    c.client_data(&ClientHello::new(host).record(net));
                    c.server_data(&record::fatal(80));
                    c.close(Side::Server);
                    net.wait(200);
                    beside(net, OTHER);
                }
                net.ping_until(5000);
            }),
        Case::new("cross", "service-silent")
            .about("No server of the service answers a SYN, other services work: blocked or down cannot be told.")
            .expect(WWW, syn())
            .expect(V16, syn())
            .verdict(&broken("service", "path"))
            .capture(|net| {
                dead(net, WWW, EDGE1);
                dead(net, V16, EDGE2);
                beside(net, OTHER);
                net.ping_until(14_000);
            }),
    ]
}
