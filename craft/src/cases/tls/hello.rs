//! What becomes of a ClientHello: dropped, ignored, reset, closed, refused, answered with something else.

use super::{HOST, IP, connected, usual};
use crate::prelude::*;
use crate::tls::record::alert_code;

pub(super) fn cases() -> Vec<Case> {
    let mut all = unanswered();
    all.extend(large());
    all.extend(reset());
    all.extend(closed());
    all.extend(alert());
    all.extend(other_protocol());
    all
}

fn unanswered() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.hello-unanswered").blame("interceptor");
    vec![
        Case::new("tls.hello-unanswered", "not-acknowledged")
            .about("The ClientHello is resent five times and never acknowledged.")
            .expect(HOST, broken().extra("acked", false))
            .capture(|net| {
                let mut c = connected(net);
                c.send_lost(Side::Client, &ClientHello::new(HOST).record(net));
                c.retransmit_backoff(Side::Client, 300, 5);
                net.ping_until(12_000);
            }),
        Case::new("tls.hello-unanswered", "acknowledged-pcapng-sll2")
            .about("The server acknowledges the ClientHello and sends nothing more.")
            .expect(HOST, broken().blame("unknown").extra("acked", true))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.ping_until(9000);
                net.format(Format::PcapNg);
                net.link(Link::Sll2);
            }),
        Case::new("tls.hello-unanswered", "another-name-passes-ipv6")
            .about("Of two names at the same IPv6 address, one gets no answer to its ClientHello.")
            .expect(HOST, broken().extra("acked", false))
            .expect("v16-webapp.tiktok.com", Expect::ok())
            .capture(|net| {
                let ip = "2600:1408:c400::17c9:2d0a";
                net.visit("v16-webapp.tiktok.com", ip);
                net.wait(6000);
                net.resolve(HOST, &[ip]);
                let mut c = net.tcp(ip);
                c.connect();
                c.send_lost(Side::Client, &ClientHello::new(HOST).record(net));
                c.retransmit_backoff(Side::Client, 300, 3);
                net.ping_until(20_000);
            }),
        Case::new("tls.hello-unanswered", "client-gives-up-after-ten-seconds")
            .about("The ClientHello is acknowledged, nothing follows, and the client closes after 10 s.")
            .expect(HOST, broken().blame("unknown").extra("acked", true))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(10_000);
                c.close(Side::Client);
                net.link(Link::Raw);
            }),
        Case::new("tls.hello-unanswered", "near-miss-cancelled")
            .about("The client closes 250 ms after its ClientHello.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(250);
                c.close(Side::Client);
                net.ping_until(9000);
            }),
        Case::new("tls.hello-unanswered", "near-miss-capture-ends")
            .about("The capture ends 700 ms after the ClientHello.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(676);
                net.query("www.example.com", rtype::A);
            }),
    ]
}

fn large() -> Vec<Case> {
    vec![
        Case::new("tls.large-hello-dropped", "second-segment-lost")
            .about("Of a post-quantum ClientHello the first segment is acknowledged, the second never.")
            .expect(HOST, Expect::broken("tls", "tls.large-hello-dropped").blame("interceptor"))
            .capture(|net| {
                let mut c = connected(net);
                c.lose_next(Side::Client, &[1]);
                c.client_data(&ClientHello::new(HOST).pq().record(net));
                c.retransmit_backoff(Side::Client, 300, 4);
                net.ping_until(12_000);
            }),
        Case::new("tls.large-hello-dropped", "small-one-passes")
            .about("A post-quantum ClientHello is answered by a reset, a small one to the same server works.")
            .expect(HOST, Expect::degraded("tls", "tls.large-hello-dropped"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).pq().record(net));
                net.wait(2);
                c.rst(Side::Server);
                net.wait(150);
                net.visit_address(HOST, IP);
                net.format(Format::PcapNanos);
            }),
        Case::new("tls.large-hello-dropped", "near-miss-large-passes")
            .about("A post-quantum ClientHello of two segments works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let server = Server::new(Cert::public(HOST)).pq();
                let mut s = Session::new(net, Client::new(HOST).pq(), server);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("tls.large-hello-dropped", "near-miss-all-acknowledged")
            .about("All of a post-quantum ClientHello is acknowledged, nothing follows, and no small one was tried.")
            .expect(HOST, Expect::broken("tls", "tls.hello-unanswered").extra("acked", true))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).pq().record(net));
                net.ping_until(9000);
            }),
    ]
}

fn reset() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.reset-after-hello");
    vec![
        Case::new("tls.reset-after-hello", "by-the-server")
            .about("The server acknowledges the ClientHello and resets the connection.")
            .expect(HOST, broken().extra("injected", false))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(3);
                c.rst(Side::Server);
                net.ping_until(3000);
                net.link(Link::Sll);
            }),
        Case::new("tls.reset-after-hello", "server-hello-follows")
            .about("A forged reset comes after 4 ms, the server's flight at its time.")
            .expect(HOST, broken().blame("interceptor").extra("injected", true))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                let (_, hello) = s.flight().expect("a ClientHello");
                c.send(Side::Client, &hello);
                net.wait(4);
                c.raw_segment(Side::Server, Seg::forged_rst_ack().ttl(60).window(0));
                net.wait(21);
                let (_, flight) = s.flight().expect("the server's flight");
                c.send(Side::Server, &flight);
                net.ping_until(3000);
            }),
        Case::new("tls.reset-after-hello", "another-name-passes")
            .about("One name is reset after its ClientHello, another at the same address works.")
            .expect(HOST, broken().blame("interceptor").extra("injected", false))
            .expect("v16-webapp.tiktok.com", Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.rst(Side::Server);
                net.wait(100);
                net.visit("v16-webapp.tiktok.com", IP);
                net.format(Format::PcapGz);
            }),
        Case::new("tls.reset-after-hello", "near-miss-after-the-clients-close")
            .about(
                "The client closes after its ClientHello; what the server sends then is a reset.",
            )
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(100);
                c.fin(Side::Client);
                net.wait(24);
                c.rst(Side::Server);
                net.ping_until(3000);
            }),
    ]
}

fn closed() -> Vec<Case> {
    vec![
        Case::new("tls.closed-after-hello", "fin-instead-of-hello")
            .about("The server acknowledges the ClientHello and closes.")
            .expect(
                HOST,
                Expect::broken("tls", "tls.closed-after-hello").blame("edge"),
            )
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                net.wait(2);
                c.close(Side::Server);
                net.ping_until(3000);
                net.link(Link::Null);
            }),
        Case::new("tls.closed-after-hello", "near-miss-closed-after-response")
            .about("The server closes after it has answered a request.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls(&mut s);
                c.app(&mut s, 400, 4000);
                c.tls_close(&mut s, Side::Server);
            }),
    ]
}

fn alert() -> Vec<Case> {
    let broken = |alert: &str| {
        let e = Expect::broken("tls", "tls.alert-from-server");
        e.blame("edge").extra("alert", alert)
    };
    let hand_made = |code: u8| {
        move |net: &Net| {
            let mut c = connected(net);
            c.client_data(&ClientHello::new(HOST).record(net));
            net.wait(2);
            c.server_data(&record::fatal(code));
            c.close(Side::Server);
            net.ping_until(3000);
        }
    };
    vec![
        Case::new("tls.alert-from-server", "unrecognized-name")
            .about("The server does not serve the name and says so.")
            .expect(HOST, broken("unrecognized_name"))
            .capture(hand_made(alert_code::UNRECOGNIZED_NAME)),
        Case::new("tls.alert-from-server", "handshake-failure-and-reset")
            .about("handshake_failure, then a reset instead of a close; raw IP.")
            .expect(HOST, broken("handshake_failure"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.send(Side::Server, &record::fatal(alert_code::HANDSHAKE_FAILURE));
                c.rst(Side::Server);
                net.link(Link::Raw);
            }),
        Case::new("tls.alert-from-server", "protocol-version")
            .about("The client speaks only TLS 1.3, the server only TLS 1.2.")
            .expect(HOST, broken("protocol_version"))
            .capture(|net| {
                let mut c = connected(net);
                let server = Server::new(Cert::public(HOST)).tls12();
                let mut s = Session::new(net, Client::new(HOST).tls13(), server);
                c.tls(&mut s);
                c.close(Side::Server);
            }),
        Case::new("tls.alert-from-server", "no-application-protocol")
            .about("The server knows none of the client's ALPN protocols and says so before its ServerHello.")
            .expect(HOST, broken("no_application_protocol"))
            .capture(move |net| {
                hand_made(alert_code::NO_APPLICATION_PROTOCOL)(net);
                net.format(Format::PcapNg);
            }),
        Case::new("tls.alert-from-server", "close-notify-without-hello")
            .about("The server answers the ClientHello with a close_notify of level warning and closes.")
            .expect(HOST, broken("close_notify"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.server_data(&record::warning(alert_code::CLOSE_NOTIFY));
                c.close(Side::Server);
            }),
        Case::new("tls.alert-from-server", "near-miss-warning-then-handshake")
            .about("The server warns of an unrecognized name and goes on; everything works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = super::usual12(net);
                c.tls_flights(&mut s, 1);
                c.send(Side::Server, &record::warning(alert_code::UNRECOGNIZED_NAME));
                c.tls(&mut s);
                c.app(&mut s, 400, 4000);
                c.close(Side::Client);
            }),
    ]
}

fn other_protocol() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.not-tls");
    vec![
        Case::new("tls.not-tls", "portal-redirect")
            .about("A login page's redirect answers the ClientHello.")
            .expect(HOST, broken().blame("interceptor"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.server_data(&crate::http::redirect(
                    "http://login.hotel.example/?from=tiktok",
                ));
                c.close(Side::Server);
                net.ping_until(3000);
            }),
        Case::new("tls.not-tls", "plain-web-server")
            .about("A web server without TLS calls the ClientHello a bad request.")
            .expect(HOST, broken().blame("edge"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.server_data(&crate::http::response(400, 300));
                c.close(Side::Server);
                net.link(Link::Sll2);
            }),
        Case::new("tls.not-tls", "ssh-and-an-alert")
            .about("An SSH server answers; the client sends the alert protocol_version.")
            .expect(
                HOST,
                broken()
                    .blame("edge")
                    .extra("first_bytes", "SSH-2.0-OpenSSH_9.6\\r\\n"),
            )
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.server_data(b"SSH-2.0-OpenSSH_9.6\r\n");
                c.send(Side::Client, &record::fatal(alert_code::PROTOCOL_VERSION));
                c.close(Side::Client);
            }),
        Case::new("tls.not-tls", "near-miss-through-a-proxy")
            .about("The tunnel of an HTTP proxy is opened with plain text, then TLS works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = net.tcp("192.168.1.2:8080");
                c.connect();
                c.client_data(
                    format!("CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n").as_bytes(),
                );
                c.server_data(b"HTTP/1.1 200 Connection established\r\n\r\n");
                let mut s = usual(net);
                c.tls(&mut s);
                c.app(&mut s, 400, 4000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}
