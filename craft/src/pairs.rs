//! The registry of pairs: the same service, captured twice, with one thing changed.

use crate::dns::Answer;
use crate::pair::Pair;
use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const API: &str = "api16-normal.tiktokv.com";
const V4: &str = "23.49.60.10";
const OTHER: &str = "23.49.60.40";
/// An address in a prefix of the service itself.
const OWN: &str = "71.18.1.10";
const V6: &str = "2600:1408:c400::17c9:2d0a";
const V6_443: &str = "[2600:1408:c400::17c9:2d0a]:443";
const HOUR: u64 = 3_600_000;

/// All pairs.
pub fn pairs() -> Vec<Pair> {
    [
        lookups(),
        connections(),
        certificates(),
        edges(),
        answers(),
        encrypted(),
        strangers(),
        calm(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Mobile data, an hour later: another address and another resolver.
fn mobile(net: &Net) {
    net.at(HOUR);
    net.set_client("100.72.14.9");
    net.set_resolver("8.8.8.8");
}

/// The Wi-Fi's router is its resolver.
fn wifi(net: &Net) {
    net.set_resolver("192.168.1.1");
}

/// A and AAAA, answered alike.
fn both(net: &Net, host: &str, fill: impl Fn(&mut Answer)) {
    let mut a = net.query(host, rtype::A);
    let mut aaaa = net.query(host, rtype::AAAA);
    a.answer(14, &fill);
    aaaa.answer(15, &fill);
}

fn silence(net: &Net, server: &str) {
    let mut c = net.tcp(server);
    c.syn();
    c.syn_retransmits(&[1000, 3000, 7000]);
}

fn lookups() -> Vec<Pair> {
    vec![
        Pair::new("resolver-filters", "different")
            .about("The router of the Wi-Fi denies the name; another resolver, over mobile data, gives an address that works.")
            .row(HOST, "different", "broken", "ok", Some("dns"))
            .proof("resolver", Some("a"))
            .differs(&["resolver", "answer"])
            .a(|net| {
                wifi(net);
                both(net, HOST, |b| {
                    b.rcode(rcode::NXDOMAIN).soa("blocked.invalid");
                });
                net.ping_until(4000);
            })
            .b(|net| {
                mobile(net);
                net.visit(HOST, V4);
            }),
        Pair::new("same-resolver-answers-otherwise", "different")
            .about("1.1.1.1 is asked in both; in one network something answers REFUSED in its place.")
            .row(HOST, "different", "broken", "ok", Some("dns"))
            .proof("network", Some("a"))
            .differs(&["answer"])
            .a(|net| {
                both(net, HOST, |b| {
                    b.rcode(rcode::REFUSED);
                });
                net.ping_until(4000);
            })
            .b(|net| {
                net.at(HOUR);
                net.set_client("100.72.14.9");
                net.visit(HOST, V4);
            }),
        Pair::new("lookups-unanswered-in-b", "different")
            .about("Two names: A works, in B the router answers no lookup.")
            .row(HOST, "different", "ok", "broken", Some("dns"))
            .row(API, "different", "ok", "broken", Some("dns"))
            .proof("resolver", Some("b"))
            .a(|net| {
                net.visit(HOST, V4);
                net.visit(API, OTHER);
            })
            .b(|net| {
                mobile(net);
                wifi(net);
                for host in [HOST, API] {
                    let mut a = net.query(host, rtype::A);
                    net.wait(1500);
                    a.retry();
                    net.wait(3000);
                    a.retry();
                }
                net.ping_until(HOUR + 20_000);
            }),
    ]
}

fn connections() -> Vec<Pair> {
    vec![
        Pair::new("syn-dropped", "different")
            .about("The same address: SYNs get no answer in the first network and are answered in the second.")
            .row(HOST, "different", "broken", "ok", Some("tcp"))
            .proof("network", Some("a"))
            .a(|net| {
                net.resolve(HOST, &[V4]);
                silence(net, V4);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                net.visit(HOST, V4);
            }),
        Pair::new("name-filtered", "different")
            .about("The hello with this name is answered by a reset in A, where another name passes at the same address.")
            .row(HOST, "different", "broken", "ok", Some("tls"))
            .row(API, "same", "ok", "ok", None)
            .proof("interceptor", Some("a"))
            .a(|net| {
                net.visit(API, V4);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.connect();
                c.tls_flights(&mut s, 1);
                c.rst(Side::Server);
                net.ping_until(8000);
            })
            .b(|net| {
                mobile(net);
                net.visit(API, V4);
                net.visit(HOST, V4);
            }),
        Pair::new("ipv6-broken", "different")
            .about("IPv6 gets no answer in A, which falls back to IPv4; in B IPv6 works at the same address.")
            .row(HOST, "different", "degraded", "ok", Some("tcp"))
            .proof("family", Some("a"))
            .differs(&["family"])
            .a(|net| {
                net.resolve(HOST, &[V4, V6]);
                let mut v6 = net.tcp(V6_443);
                v6.syn();
                v6.syn_retransmits(&[1000, 3000]);
                net.visit_address(HOST, V4);
                net.ping_until(12_000);
            })
            .b(|net| {
                mobile(net);
                net.resolve(HOST, &[V4, V6]);
                net.visit_address(HOST, V6_443);
            }),
        Pair::new("quic-blocked", "different")
            .about("QUIC gets no answer in A, which falls back to TCP; in B it works at the same address.")
            .row(HOST, "different", "degraded", "ok", Some("quic"))
            .proof("transport", Some("a"))
            .differs(&["transport"])
            .a(|net| {
                net.resolve(HOST, &[V4]);
                net.aside(|net| {
                    let mut q = net.quic(V4, quic::Client::new(HOST), quic::Server::silent());
                    q.run_for(4000);
                });
                net.at(3000);
                net.visit_address(HOST, V4);
                net.ping_until(12_000);
            })
            .b(|net| {
                mobile(net);
                net.visit_quic(HOST, V4);
            }),
    ]
}

/// TLS 1.2, where the certificate is in the clear; the client refuses it or goes on.
fn shown(net: &Net, host: &str, cert: Cert, refuses: bool) {
    net.resolve(host, &[V4]);
    let mut c = net.tcp(V4);
    let client = Client::new(host);
    let client = if refuses {
        client.reject(Reject::UnknownCa)
    } else {
        client
    };
    let mut s = Session::new(net, client, Server::new(cert).tls12());
    c.connect();
    c.tls(&mut s);
    if refuses {
        c.close(Side::Client);
        net.wait(2000);
    } else {
        c.app(&mut s, 400, 6000);
        c.tls_close(&mut s, Side::Client);
    }
}

fn zscaler(host: &str) -> Cert {
    Cert::issued_by(host, "Zscaler Intermediate Root CA", "Zscaler Inc.")
}

fn certificates() -> Vec<Pair> {
    vec![
        Pair::new("intercepted", "different")
            .about("With the VPN on, the certificate is a proxy's and the app refuses it; with the VPN off it is the real one.")
            .row(HOST, "different", "broken", "ok", Some("tls"))
            .proof("interceptor", Some("a"))
            .differs(&["certificate"])
            .a(|net| shown(net, HOST, zscaler(HOST), true))
            .b(|net| {
                net.at(120_000);
                shown(net, HOST, Cert::public(HOST), false);
            }),
        Pair::new("intercepted-and-accepted", "same")
            .about("The proxy's certificate is accepted: the same outcome, and the interception shows all the same.")
            .row(HOST, "same", "ok", "ok", None)
            .proof("interceptor", Some("b"))
            .differs(&["certificate"])
            .a(|net| shown(net, HOST, Cert::public(HOST), false))
            .b(|net| {
                mobile(net);
                shown(net, HOST, zscaler(HOST), false);
            }),
        Pair::new("near-miss-two-public-authorities", "same")
            .about("Two public authorities: edges of one service have certificates of several. No proof of anything.")
            .row(HOST, "same", "ok", "ok", None)
            .differs(&["certificate"])
            .a(|net| shown(net, HOST, Cert::issued_by(HOST, "DigiCert TLS RSA SHA256 2020 CA1", "DigiCert Inc"), false))
            .b(|net| {
                mobile(net);
                shown(net, HOST, Cert::issued_by(HOST, "R11", "Let's Encrypt"), false);
            }),
    ]
}

fn edges() -> Vec<Pair> {
    vec![
        Pair::new("other-edge", "different")
            .about("A is sent to an address that does not answer, B to another one that does: nobody can tell.")
            .row(HOST, "different", "broken", "ok", Some("tcp"))
            .proof("open", Some("a"))
            .differs(&["addresses", "servers"])
            .a(|net| {
                net.resolve(HOST, &[V4]);
                silence(net, V4);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                net.visit(HOST, OTHER);
            }),
        Pair::new("dead-edge", "different")
            .about("The address that fails in A fails in B as well, which has another one.")
            .row(HOST, "different", "broken", "degraded", Some("tcp"))
            .proof("edge", Some("a"))
            .a(|net| {
                net.resolve(HOST, &[V4]);
                silence(net, V4);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                net.resolve(HOST, &[V4, OTHER]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000, 3000]);
                net.wait(1000);
                net.visit_address(HOST, OTHER);
                net.ping_until(HOUR + 12_000);
            }),
        Pair::new("broken-alike", "same")
            .about("The server refuses in both networks: what differs between them is not the reason.")
            .row(HOST, "same", "broken", "broken", None)
            .proof("common", None)
            .a(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.refuse();
                net.ping_until(4000);
            })
            .b(|net| {
                mobile(net);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.refuse();
                net.ping_until(HOUR + 4000);
            }),
    ]
}

/// A request in the clear, and an answer with that status.
fn asked_plain(net: &Net, status: u16) {
    net.resolve(HOST, &[V4]);
    let mut c = net.tcp(&format!("{V4}:80"));
    c.connect();
    c.client_data(&http::request(HOST, "/", 200));
    net.wait(4);
    c.server_data(&http::response(status, 900));
    c.close(Side::Server);
    net.ping_until(net.now() + 4000.0);
}

/// Two transfers of that size, of which so many bytes come.
fn two_transfers(net: &Net, size: usize, through: usize) {
    net.resolve(HOST, &[V4]);
    for delay in [0, 40] {
        net.aside(|net| {
            net.wait(delay);
            let (mut c, mut s) = net.https(HOST, V4);
            c.app_data(&mut s, Side::Client, &http::h2_request(HOST, "/video", 420));
            let answer = s.send(Side::Server, &http::h2_response(200, size));
            net.wait(5);
            c.data(Side::Server, &answer[..through.min(answer.len())]);
            net.wait(10_000);
            c.fin(Side::Client);
        });
    }
    net.ping_until(net.now() + 14_000.0);
}

fn answers() -> Vec<Pair> {
    vec![
        Pair::new("error-status", "different")
            .about("The service answers with 503 in A and with 200 in B, from the same server: its own answer, not the network's.")
            .row(HOST, "different", "broken", "ok", Some("http"))
            .proof("service", Some("a"))
            .differs(&["status"])
            .a(|net| {
                wifi(net);
                asked_plain(net, 503);
            })
            .b(|net| {
                mobile(net);
                asked_plain(net, 200);
            }),
        Pair::new("transfers-freeze", "different")
            .about("In A two transfers freeze after the same 15 kB, in B the same go through.")
            .row(HOST, "different", "broken", "ok", None)
            .proof("network", Some("a"))
            .differs(&["transfer"])
            .a(|net| {
                wifi(net);
                two_transfers(net, 26_000, 14_500);
            })
            .b(|net| {
                mobile(net);
                two_transfers(net, 26_000, 26_000_000);
            }),
    ]
}

const RESOLVER: &str = "1.1.1.1:853";

/// Two connections of a strict client to an encrypted resolver, which get no answer.
fn no_resolver(net: &Net) {
    for _ in 0..2 {
        let mut c = net.tcp(RESOLVER);
        c.syn();
        c.syn_retransmits(&[1000, 3000]);
        net.wait(1000);
    }
}

/// A connection to an encrypted resolver that carries a question and its answer.
fn resolver(net: &Net) {
    let mut c = net.tcp(RESOLVER);
    let (client, server) = (
        Client::new("one.one.one.one"),
        Server::new(Cert::public("one.one.one.one")),
    );
    let mut s = Session::new(net, client.alpn(&["dot"]), server.alpn(&["dot"]));
    c.connect();
    c.tls(&mut s);
    c.app_data(&mut s, Side::Client, &net.random(130));
    c.app_data(&mut s, Side::Server, &net.random(140));
    net.wait(2000);
    c.tls_close(&mut s, Side::Client);
}

/// A visit with as few bytes as will do.
fn shake(net: &Net) {
    let mut c = net.tcp(V4);
    let cert = Cert::public(HOST).intermediate(false);
    let mut s = Session::new(net, Client::new(HOST), Server::new(cert));
    c.connect();
    c.tls(&mut s);
    c.app(&mut s, 200, 300);
    c.tls_close(&mut s, Side::Client);
}

fn quick(net: &Net) {
    net.resolve(HOST, &[V4]);
    shake(net);
}

fn encrypted() -> Vec<Pair> {
    vec![
        Pair::new("encrypted-resolver-blocked", "different")
            .about("Private DNS: the resolver's port 853 is silent in A and works in B, at the same address.")
            .row("Cloudflare DNS", "different", "broken", "ok", Some("tcp"))
            .only(1, HOST)
            .proof("network", Some("a"))
            .a(|net| {
                no_resolver(net);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                resolver(net);
                shake(net);
            }),
        Pair::new("near-miss-encrypted-resolver-not-tried", "undecided")
            .about("Private DNS fails in A; B never tries that resolver: nothing to compare.")
            .only(0, "Cloudflare DNS")
            .only(1, HOST)
            .a(|net| {
                no_resolver(net);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                quick(net);
            }),
    ]
}

fn strangers() -> Vec<Pair> {
    vec![
        Pair::new("limited-in-a", "different")
            .about("The server answers A with 429 and serves B: a limit, not an outage, and not the network.")
            .row(HOST, "different", "broken", "ok", Some("http"))
            .proof("service", Some("a"))
            .differs(&["status"])
            .a(|net| {
                wifi(net);
                asked_plain(net, 429);
            })
            .b(|net| {
                mobile(net);
                asked_plain(net, 200);
            }),
        Pair::new("b-shows-no-name", "undecided")
            .about("A knows the name by its lookup and its hello; in B the lookups are not seen and the hello names nobody.")
            .only(0, HOST)
            .only(1, OWN)
            .a(|net| {
                net.resolve(HOST, &[OWN]);
                silence(net, OWN);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                silence(net, OWN);
                net.ping_until(HOUR + 22_000);
            }),
        Pair::new("two-devices-in-b", "different")
            .about("One device in A, where the address is silent; two in B, which both get through.")
            .row(HOST, "different", "broken", "ok", Some("tcp"))
            .proof("network", Some("a"))
            .a(|net| {
                net.resolve(HOST, &[V4]);
                silence(net, V4);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                quick(net);
                net.set_client("100.72.14.10");
                quick(net);
            }),
    ]
}

fn calm() -> Vec<Pair> {
    vec![
        Pair::new("same", "same")
            .about("Two healthy visits, an hour apart, in two networks.")
            .row(HOST, "same", "ok", "ok", None)
            .a(|net| net.visit(HOST, V4))
            .b(|net| {
                mobile(net);
                net.visit(HOST, V4);
            }),
        Pair::new("nothing-in-common", "undecided")
            .about("Each capture shows another name of the service.")
            .only(0, HOST)
            .only(1, API)
            .a(|net| net.visit(HOST, V4))
            .b(|net| {
                mobile(net);
                net.visit(API, OTHER);
            }),
        Pair::new("b-unfinished", "undecided")
            .about("It fails in A; B ends 400 ms after its first SYN: it may have worked, or not.")
            .row(HOST, "undecided", "broken", "unfinished", None)
            .a(|net| {
                net.resolve(HOST, &[V4]);
                silence(net, V4);
                net.ping_until(22_000);
            })
            .b(|net| {
                mobile(net);
                net.resolve(HOST, &[V4]);
                net.tcp(V4).syn();
                net.wait(400);
                net.query("www.example.com", rtype::A);
            }),
        Pair::new("a-empty", "undecided")
            .about("A holds nothing of the target.")
            .only(1, HOST)
            .a(|net| net.visit("www.example.com", "93.184.215.14"))
            .b(|net| {
                mobile(net);
                net.visit(HOST, V4);
            }),
        Pair::new("one-of-several-tries", "same")
            .about("Three tries each, all merged into one row; in A two of them fail and one works, in B all work.")
            .row(HOST, "same", "ok", "ok", None)
            .differs(&["failures"])
            .a(|net| {
                for n in 0..2 {
                    net.at(n * 30_000);
                    net.resolve(HOST, &[V4]);
                    silence(net, V4);
                }
                net.at(60_000);
                net.visit(HOST, V4);
                net.ping_until(90_000);
            })
            .b(|net| {
                mobile(net);
                for n in 0..3 {
                    net.at(HOUR + n * 30_000);
                    net.visit(HOST, V4);
                }
            }),
    ]
}
