//! Requests and responses, in the clear and inside TLS.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const IP: &str = "23.49.60.10";
const PLAIN: &str = "23.49.60.10:80";

pub(super) fn cases() -> Vec<Case> {
    [
        captive_portal(),
        block_page(),
        error_status(),
        no_response(),
        no_response_near(),
        reset(),
        slow_response(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A request in the clear and its answer, on a connection of its own; not closed.
fn plain(net: &Net, server: &str, host: &str, path: &str, answer: &[u8]) -> Tcp {
    let mut c = net.tcp(server);
    c.connect();
    c.client_data(&http::request(host, path, 200));
    if !answer.is_empty() {
        net.wait(4);
        c.server_data(answer);
    }
    c
}

/// TCP and TLS 1.3 with HTTP/1.1.
fn https1(net: &Net) -> (Tcp, Session) {
    let mut c = net.tcp(IP);
    let mut s = Session::new(
        net,
        Client::new(HOST).alpn(&["http/1.1"]),
        Server::new(Cert::public(HOST)).alpn(&["http/1.1"]),
    );
    c.connect();
    c.tls(&mut s);
    (c, s)
}

fn captive_portal() -> Vec<Case> {
    let id = "http.captive-portal";
    let google = "connectivitycheck.gstatic.com";
    let ip = "142.250.185.99:80";
    vec![
        Case::new(id, "android-redirect")
            .about("Android asks whether the network is open and is sent to a login page.")
            .expect(google, Expect::broken("http", id).blame("local-network").extra("location", "http://10.1.0.1:8002/index.php?zone=guest"))
            .capture(move |net| {
                let page = http::redirect("http://10.1.0.1:8002/index.php?zone=guest");
                let mut c = plain(net, ip, google, "/generate_204", &page);
                c.close(Side::Server);
                net.ping_until(4000);
            }),
        Case::new(id, "apple-page")
            .about("Apple's test page is replaced by a hotel's login page; Linux cooked capture.")
            .expect("captive.apple.com", Expect::broken("http", id).blame("local-network"))
            .capture(|net| {
                net.link(Link::Sll2);
                let page = http::response_with(
                    200,
                    &[("Content-Type", "text/html")],
                    b"<html><head><title>Welcome to the hotel</title></head><body><form action=/login></form></body></html>",
                );
                let mut c = plain(net, "17.253.57.203:80", "captive.apple.com", "/hotspot-detect.html", &page);
                c.close(Side::Server);
            }),
        Case::new(id, "status-511")
            .about("Windows' probe is answered with status 511, as RFC 6585 has it.")
            .expect("www.msftconnecttest.com", Expect::broken("http", id).blame("local-network"))
            .capture(|net| {
                let page = http::response_with(511, &[], b"<a href=\"http://login.example/\">Log in</a>");
                let mut c = plain(net, "23.49.60.22:80", "www.msftconnecttest.com", "/connecttest.txt", &page);
                c.close(Side::Server);
            }),
        Case::new(id, "near-miss-open-network")
            .about("The probe is answered as it should be; TikTok works.")
            .expect(HOST, Expect::ok())
            .capture(move |net| {
                let mut c = plain(net, ip, google, "/generate_204", &http::response_with(204, &[], b""));
                c.close(Side::Client);
                net.visit(HOST, IP);
            }),
        Case::new(id, "near-miss-own-redirect")
            .about("The probe's own host sends the client to its HTTPS address; another mirror says 404.")
            .expect(HOST, Expect::ok())
            .capture(move |net| {
                let away = http::redirect("https://connectivitycheck.gstatic.com/generate_204");
                let mut c = plain(net, ip, google, "/generate_204", &away);
                c.close(Side::Client);
                let missing = http::response_with(404, &[], b"not here");
                let mut c = plain(net, "203.0.113.7:80", "mirror.example", "/generate_204", &missing);
                c.close(Side::Client);
                net.visit(HOST, IP);
            }),
    ]
}

fn block_page() -> Vec<Case> {
    let id = "http.block-page";
    vec![
        Case::new(id, "redirect-to-the-filter")
            .about("A request in the clear is answered with a redirect to a national filter's page.")
            .expect(HOST, Expect::broken("http", id).blame("interceptor"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let page = http::redirect("http://internet-positif.org/?ref=www.tiktok.com");
                let mut c = plain(net, PLAIN, HOST, "/", &page);
                c.close(Side::Server);
            }),
        Case::new(id, "page-of-a-product")
            .about("A firewall answers with status 403 and its own page; the capture has raw IP.")
            .expect(HOST, Expect::broken("http", id))
            .capture(|net| {
                net.link(Link::Raw);
                net.resolve(HOST, &[IP]);
                let page = http::response_with(
                    403,
                    &[("Content-Type", "text/html")],
                    b"<html><body><h1>Web Page Blocked</h1><p>Powered By FortiGuard</p></body></html>",
                );
                let mut c = plain(net, PLAIN, HOST, "/", &page);
                c.close(Side::Server);
            }),
        Case::new(id, "near-miss-to-https")
            .about("The server sends the client from HTTP to HTTPS, which works; the words of a block page stand in a page of 200 kB elsewhere.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/", &http::redirect("https://www.tiktok.com/"));
                c.close(Side::Client);
                net.visit_address(HOST, IP);
            }),
        Case::new(id, "near-miss-proxy-field")
            .about("A filter product stands in the Server field of an answer that is what was asked for.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let page = http::response_with(200, &[("Server", "Protected by WireFilter")], b"hello");
                let mut c = plain(net, PLAIN, HOST, "/robots.txt", &page);
                c.close(Side::Client);
            }),
    ]
}

fn error_status() -> Vec<Case> {
    let id = "http.error-status";
    let answered = |status: u16, server: &'static str| {
        move |net: &Net| {
            net.resolve(HOST, &[IP]);
            let page = http::response_with(status, &[("Server", server)], b"<h1>no</h1>");
            let mut c = plain(net, PLAIN, HOST, "/api/feed", &page);
            c.close(Side::Server);
        }
    };
    vec![
        Case::new(id, "status-503")
            .about("The CDN's edge answers 503: nothing behind it.")
            .expect(
                HOST,
                Expect::broken("http", id)
                    .blame("service")
                    .extra("status", 503),
            )
            .capture(answered(503, "AkamaiGHost")),
        Case::new(id, "status-451")
            .about("The server refuses for legal reasons.")
            .expect(HOST, Expect::broken("http", id).extra("status", 451))
            .capture(answered(451, "nginx")),
        Case::new(id, "one-of-two")
            .about("One request works, the next one on the same connection gets a 502.")
            .expect(HOST, Expect::degraded("http", id).extra("status", 502))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/a", &http::response(200, 900));
                net.wait(300);
                c.client_data(&http::request(HOST, "/b", 180));
                net.wait(30);
                c.server_data(&http::response_with(502, &[], b"bad gateway"));
                c.close(Side::Server);
            }),
        Case::new(id, "near-miss-404")
            .about("A page is there, its icon is not.")
            .expect(HOST, Expect::ok().finding(id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/", &http::response(200, 3000));
                c.client_data(&http::request(HOST, "/favicon.ico", 180));
                c.server_data(&http::response(404, 300));
                c.close(Side::Client);
            }),
        Case::new(id, "near-miss-inside-tls")
            .about("The 503 is inside TLS: nobody can see it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/", 300));
                c.app_data(&mut s, Side::Server, &http::response(503, 300));
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn no_response() -> Vec<Case> {
    let id = "http.no-response";
    vec![
        Case::new(id, "tls-client-gives-up")
            .about("The request inside TLS 1.3 is acknowledged; after 15 s without a response the app closes.")
            .expect(HOST, Expect::broken("http", id).blame("service"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/api/feed", 420));
                net.wait(15_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "tls12-still-waiting")
            .about("TLS 1.2: the request is acknowledged, and nothing comes back until the capture ends 40 s later.")
            .expect(HOST, Expect::broken("http", id))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[IP]);
                let mut c = net.tcp(IP);
                let mut s = Session::new(net, Client::new(HOST).tls12(), Server::new(Cert::public(HOST)).tls12());
                c.connect();
                c.tls(&mut s);
                let ask = http::h2_request(HOST, "/api/feed", 420);
                c.app_data(&mut s, Side::Client, &ask);
                net.ping_until(40_000);
            }),
        Case::new(id, "plain")
            .about("A request in the clear is acknowledged and never answered; the client gives up after 10 s.")
            .expect(HOST, Expect::broken("http", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/api/feed", b"");
                net.wait(10_000);
                c.close(Side::Client);
            }),
        Case::new(id, "second-request-in-the-clear")
            .about("The second request of a connection in the clear gets no answer in 25 s.")
            .expect(HOST, Expect::broken("http", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/a", &http::response(200, 900));
                net.wait(200);
                c.client_data(&http::request(HOST, "/b", 200));
                net.ping_until(26_000);
            }),
    ]
}

fn no_response_near() -> Vec<Case> {
    let id = "http.no-response";
    vec![
        Case::new(id, "near-miss-unused-preconnect")
            .about("A browser opens HTTP/2 in advance (preface and settings), never asks, and closes a minute later.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = net.https(HOST, IP);
                let preface = &http::h2_request(HOST, "/", 0)[..58];
                c.app_data(&mut s, Side::Client, preface);
                c.app_data(&mut s, Side::Server, &[0; 27]);
                c.app_data(&mut s, Side::Server, &[0; 9]);
                net.wait(60_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-cancelled")
            .about("The tab is closed 3 s after the request.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/api/feed", 420));
                net.wait(3000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The capture ends 12 s after the request, with the client waiting.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/poll", 420));
                net.ping_until(12_000);
            }),
        Case::new(id, "near-miss-websocket")
            .about("After the upgrade the client sends messages that want no answer for two minutes.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/ws", 420));
                c.app_data(&mut s, Side::Server, &http::response(204, 200));
                for _ in 0..6 {
                    net.wait(20_000);
                    c.app_data(&mut s, Side::Client, &[7; 600]);
                }
                net.wait(20_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-small-response")
            .about("The response is as small as a session ticket, and comes with nothing else; the connection idles for a minute.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/log", 420));
                c.app_data(&mut s, Side::Server, &http::response_with(204, &[], b""));
                net.wait(60_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-no-http")
            .about("A tunnel that offers no HTTP sends one message, hears nothing for a minute, and closes.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = net.tcp(IP);
                let client = Client::new(HOST).alpn(&[]).tls12();
                let mut s = Session::new(net, client, Server::new(Cert::public(HOST)).alpn(&[]).tls12());
                c.connect();
                c.tls(&mut s);
                c.app_data(&mut s, Side::Client, &[3; 540]);
                net.wait(60_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-one-direction")
            .about("Only the client's packets were captured.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.only(Side::Client);
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app(&mut s, 420, 9000);
                net.wait(15_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn reset() -> Vec<Case> {
    let id = "http.reset";
    vec![
        Case::new(id, "tls-reset")
            .about("The server resets the connection 30 ms after the request inside TLS.")
            .expect(HOST, Expect::broken("http", id).blame("service").extra("injected", false))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/api/feed", 420));
                net.wait(6);
                c.rst(Side::Server);
                net.ping_until(4000);
            }),
        Case::new(id, "plain-forged")
            .about("A filter reads the Host field and forges two resets; the server's own answer comes after them.")
            .expect(HOST, Expect::broken("http", id).blame("interceptor").extra("injected", true))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = net.tcp(PLAIN);
                c.connect();
                c.send(Side::Client, &http::request(HOST, "/", 200));
                net.wait(4);
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(101));
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(101).seq_offset(1460));
                net.wait(20);
                c.raw_segment(Side::Server, Seg::data(&http::response(200, 500)));
                net.wait(1);
                c.rst(Side::Client);
                net.ping_until(4000);
            }),
        Case::new(id, "plain-closed")
            .about("The server closes without a word when it has read the request.")
            .expect(HOST, Expect::broken("http", id).blame("service"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/", b"");
                c.close(Side::Server);
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-after-idle")
            .about("A connection opened in advance is used after a minute, just when the server's patience ends; the client asks again on a new one.")
            .expect(HOST, Expect::ok())
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                net.wait(60_000);
                c.app_data(&mut s, Side::Client, &http::request(HOST, "/api/feed", 420));
                c.rst(Side::Server);
                net.visit_address(HOST, IP);
            }),
        Case::new(id, "near-miss-after-response")
            .about("The response came; the server ends the connection with a reset.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/", &http::response(200, 900));
                net.wait(50);
                c.rst(Side::Server);
            }),
    ]
}

fn slow_response() -> Vec<Case> {
    let id = "http.slow-response";
    let after = |wait: u64| {
        move |net: &Net| {
            net.resolve(HOST, &[IP]);
            let (mut c, mut s) = https1(net);
            c.app_data(&mut s, Side::Client, &http::request(HOST, "/api/feed", 420));
            net.wait(wait);
            c.app_data(&mut s, Side::Server, &http::response(200, 9000));
            c.tls_close(&mut s, Side::Client);
        }
    };
    vec![
        Case::new(id, "tls-four-seconds")
            .about("The response inside TLS begins 4 s after the request.")
            .expect(HOST, Expect::degraded("http", id).blame("service"))
            .capture(after(4000)),
        Case::new(id, "plain-three-seconds")
            .about("The response in the clear begins 3 s after the request; VLAN.")
            .expect(HOST, Expect::degraded("http", id))
            .capture(|net| {
                net.wrap(Wrap::Vlan(12));
                net.resolve(HOST, &[IP]);
                let mut c = plain(net, PLAIN, HOST, "/", b"");
                net.wait(3000);
                c.server_data(&http::response(200, 900));
                c.close(Side::Client);
            }),
        Case::new(id, "near-miss-long-poll")
            .about("The server holds the request for 45 s until there is news: noted, no fault.")
            .expect(HOST, Expect::ok().finding(id))
            .capture(after(45_000)),
        Case::new(id, "near-miss-one-and-a-half")
            .about("The response begins 1.5 s after the request.")
            .expect(HOST, Expect::ok())
            .capture(after(1500)),
        Case::new(id, "near-miss-request-lost")
            .about("The request is lost twice and sent again; the server answers at once when it has it.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = https1(net);
                let ask = s.send(Side::Client, &http::request(HOST, "/api/feed", 420));
                c.send_lost(Side::Client, &ask);
                net.wait(1000);
                c.retransmit_lost(Side::Client);
                net.wait(2000);
                c.retransmit(Side::Client);
                net.wait(24);
                c.ack(Side::Server);
                c.app_data(&mut s, Side::Server, &http::response(200, 9000));
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}
