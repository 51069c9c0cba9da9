//! Handshakes that began well.

use super::{HOST, IP, connected, usual, usual12};
use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    let mut all = server_rejected();
    all.extend(stalled());
    all.extend(cut());
    all.extend(silent());
    all.extend(ech());
    all.extend(slow());
    all
}

fn server_rejected() -> Vec<Case> {
    vec![
        Case::new("tls.server-rejected", "client-certificate-wanted")
            .about("TLS 1.3: the server insists on a client certificate, gets none, and closes.")
            .expect(
                HOST,
                Expect::broken("tls", "tls.server-rejected").blame("service"),
            )
            .capture(|net| {
                let mut c = connected(net);
                let server = Server::new(Cert::public(HOST)).require_client_cert();
                let mut s = Session::new(net, Client::new(HOST), server);
                c.tls(&mut s);
                c.close(Side::Server);
                net.ping_until(2000);
            }),
        Case::new("tls.server-rejected", "encrypted-alert-for-a-flight")
            .about("TLS 1.3: behind its ServerHello the server sends only an encrypted alert (no_application_protocol).")
            .expect(HOST, Expect::broken("tls", "tls.server-rejected"))
            .capture(|net| {
                let mut c = connected(net);
                let server = Server::new(Cert::public(HOST)).alpn(&["acme-tls/1"]);
                let mut s = Session::new(net, Client::new(HOST), server);
                c.tls(&mut s);
                c.close(Side::Server);
                net.ping_until(2000);
            }),
        Case::new("tls.server-rejected", "near-miss-idle-close")
            .about("TLS 1.3: the server closes a connection that nobody used for 20 s.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls(&mut s);
                net.wait(20_000);
                c.tls_close(&mut s, Side::Server);
            }),
    ]
}

fn stalled() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.stalled");
    vec![
        Case::new("tls.stalled", "rest-of-certificate-missing-tls12")
            .about("TLS 1.2: of the server's flight only the first 900 bytes arrive.")
            .expect(HOST, broken().blame("path"))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = Session::new(
                    net,
                    Client::new(HOST),
                    Server::new(Cert::public(HOST).pad(2000)).tls12(),
                );
                c.tls_flights(&mut s, 1);
                let (_, flight) = s.flight().expect("the server's flight");
                c.server_data(&flight[..900]);
                net.ping_until(9000);
            }),
        Case::new("tls.stalled", "finished-unanswered-tls12")
            .about("TLS 1.2: the client's Finished is resent and not acknowledged.")
            .expect(HOST, broken())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual12(net);
                c.tls_flights(&mut s, 2);
                let (_, last) = s.flight().expect("the client's Finished");
                c.send_lost(Side::Client, &last);
                c.retransmit_backoff(Side::Client, 300, 4);
                net.ping_until(12_000);
                net.format(Format::PcapNg);
            }),
        Case::new("tls.stalled", "near-miss-late-segment")
            .about(
                "The second half of the server's flight comes 900 ms later, and everything works.",
            )
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 1);
                let (_, flight) = s.flight().expect("the server's flight");
                let (a, b) = flight.split_at(flight.len() / 2);
                c.server_data(a);
                net.wait(900);
                c.server_data(b);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn cut() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.reset-mid-handshake");
    vec![
        Case::new("tls.reset-mid-handshake", "reset-after-server-hello")
            .about("A reset follows the first 200 bytes of the server's flight.")
            .expect(HOST, broken().blame("interceptor").extra("injected", false))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 1);
                let (_, flight) = s.flight().expect("the server's flight");
                c.server_data(&flight[..200]);
                net.wait(5);
                c.rst(Side::Server);
                net.ping_until(3000);
            }),
        Case::new("tls.reset-mid-handshake", "forged-at-certificate")
            .about("TLS 1.2: two forged resets with other TTLs and guessed sequence numbers follow the certificate.")
            .expect(HOST, broken().blame("interceptor").extra("injected", true))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual12(net);
                c.tls_flights(&mut s, 2);
                for offset in [0, 1460] {
                    c.raw_segment(Side::Server, Seg::forged_rst().ttl(120).seq_offset(offset));
                }
                net.ping_until(3000);
            }),
        Case::new("tls.reset-mid-handshake", "near-miss-reset-after-response")
            .about("The server resets after the response, instead of closing.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                net.wait(200);
                c.rst(Side::Server);
            }),
    ]
}

fn silent() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.client-silent").blame("device");
    vec![
        Case::new("tls.client-silent", "tls12")
            .about("TLS 1.2: the client acknowledges the server's flight and sends nothing more.")
            .expect(HOST, broken())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual12(net);
                c.tls_flights(&mut s, 2);
                net.ping_until(12_000);
            }),
        Case::new("tls.client-silent", "tls13-server-closes")
            .about(
                "TLS 1.3: the client says nothing after the flight; the server closes after 15 s.",
            )
            .expect(HOST, broken())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 2);
                net.wait(15_000);
                c.close(Side::Server);
                net.link(Link::Raw);
            }),
        Case::new("tls.client-silent", "near-miss-slow-client")
            .about("TLS 1.2: the client goes on 2.5 s after the server's flight.")
            .expect(HOST, Expect::degraded("tls", "tls.slow").blame("device"))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual12(net);
                c.tls_flights(&mut s, 2);
                net.wait(2500);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn ech() -> Vec<Case> {
    vec![
        Case::new("tls.ech-rejected", "again-without-ech")
            .about("A hello with ECH ends on the outer name, the client closes with an alert and tries again without.")
            .expect(HOST, Expect::degraded("tls", "tls.ech-rejected"))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                let hello = ClientHello::new("cloudflare-ech.com").ech(208);
                let _ = s.flight();
                c.client_data(&hello.record(net));
                c.tls_flights(&mut s, 2); // the server's flight and the client's Finished
                c.send(Side::Client, &record::encrypted_alert(net));
                c.close(Side::Client);
                net.wait(60);
                net.visit_address(HOST, IP);
            }),
        Case::new("tls.ech-rejected", "near-miss-grease")
            .about("A hello with ECH for show; the connection is used and closed, and another follows.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                for _ in 0..2 {
                    let mut c = connected(net);
                    let mut s = usual(net);
                    let hello = ClientHello::new(HOST).ech(208);
                    let _ = s.flight();
                    c.client_data(&hello.record(net));
                    c.tls(&mut s);
                    c.app(&mut s, 400, 6000);
                    c.tls_close(&mut s, Side::Client);
                    net.wait(60);
                }
            }),
    ]
}

fn slow() -> Vec<Case> {
    vec![
        Case::new("tls.slow", "server-thinks")
            .about("The server's flight comes 1.6 s after the ClientHello.")
            .expect(HOST, Expect::degraded("tls", "tls.slow").blame("edge"))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 1);
                net.wait(1600);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("tls.slow", "near-miss-below-the-limit")
            .about("The server's flight comes 900 ms after the ClientHello.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 1);
                net.wait(900);
                c.tls(&mut s);
                c.app(&mut s, 400, 9000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}
