//! After the handshake, and beside TCP.

use super::{HOST, IP, server};
use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    [silent(), reset(), fallback()]
        .into_iter()
        .flatten()
        .collect()
}

fn silent() -> Vec<Case> {
    let id = "quic.silent-after-handshake";
    vec![
        Case::new(id, "goes-dark")
            .about("The handshake is done; then nothing arrives any more, either way.")
            .expect("www.tiktok.com", Expect::broken("quic", id).blame("path"))
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                let server = quic::Server::new(Cert::public(host));
                let mut q = net.quic("23.49.60.10", quic::Client::new(host), server);
                q.handshake();
                q.go_dark();
                q.send_request(400, 4000);
                q.run_for(12_000);
            }),
        Case::new(id, "near-miss-closed")
            .about("The client closes after its request; the close is lost on the way and nothing comes back.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.request(400, 6000);
                q.go_dark();
                q.close(Side::Client, 0x100, "");
                net.ping_until(12_000);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The path goes dark 700 ms before the end of the capture.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.request(400, 6000);
                q.go_dark();
                q.send_request(400, 4000);
                q.run_for(700);
            }),
        Case::new(id, "near-miss-idle")
            .about("After 15 s without traffic the NAT has forgotten the connection: noted, but nobody was waiting.")
            .expect(HOST, Expect::ok().finding(id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.request(400, 6000);
                q.run_for(15_000);
                q.go_dark();
                q.send_request(30, 30);
                q.run_for(6000);
            }),
    ]
}

fn reset() -> Vec<Case> {
    let id = "quic.stateless-reset";
    vec![
        Case::new(id, "server-restarted")
            .about("The server forgets the connection and answers the next request with a stateless reset.")
            .expect(HOST, Expect::broken("quic", id).blame("edge"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.go_dark();
                q.send_request(400, 4000);
                q.run_for(24);
                let reset = quic::initial::stateless_reset(net, 41);
                q.udp().send(Side::Server, &reset);
                net.ping_until(6000);
            }),
        Case::new(id, "near-miss-last-packet")
            .about("The last datagram of the server is short and addressed to the client like all others.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.request(400, 30);
                net.ping_until(6000);
            }),
    ]
}

fn fallback() -> Vec<Case> {
    let id = "quic.fell-back-to-tcp";
    let host = "www.tiktok.com";
    let ip = "23.49.60.10";
    vec![
        Case::new(id, "udp-blocked")
            .about("QUIC gets no answer; TCP begins 300 ms after it and works.")
            .expect(
                host,
                Expect::degraded("quic", id)
                    .finding("quic.initial-unanswered")
                    .extra("inner", "quic.initial-unanswered"),
            )
            .capture(move |net| {
                net.resolve(host, &[ip]);
                net.aside(|net| {
                    let client = quic::Client::new(host).first_probe(300);
                    net.quic(ip, client, quic::Server::silent()).run_for(4000);
                });
                net.wait(300);
                net.visit_address(host, ip);
                net.ping_until(6000);
            }),
        Case::new(id, "after-four-seconds")
            .about("QUIC is tried alone for 4 s before TCP begins.")
            .expect(
                host,
                Expect::degraded("quic", id).extra("inner", "quic.initial-unanswered"),
            )
            .capture(move |net| {
                net.format(Format::PcapNgGz);
                net.resolve(host, &[ip]);
                let client = quic::Client::new(host).first_probe(300);
                net.quic(ip, client, quic::Server::silent()).run_for(4000);
                net.visit_address(host, ip);
                net.ping_until(8000);
            }),
        Case::new(id, "turned-down")
            .about("The server closes QUIC; TCP begins half a second later and works.")
            .expect(
                host,
                Expect::degraded("quic", id).extra("inner", "quic.closed-by-server"),
            )
            .capture(move |net| {
                net.resolve(host, &[ip]);
                let server = quic::Server::new(Cert::public(host)).alpn(&["hq-interop"]);
                net.quic(ip, quic::Client::new(host), server).run_for(500);
                net.visit_address(host, ip);
                net.ping_until(5000);
            }),
        Case::new(id, "near-miss-raced")
            .about("TCP and QUIC begin 20 ms apart; the server closes QUIC, which costs nothing.")
            .expect(host, Expect::ok().finding("quic.closed-by-server"))
            .capture(move |net| {
                net.resolve(host, &[ip]);
                net.aside(|net| {
                    let server = quic::Server::new(Cert::public(host)).alpn(&["hq-interop"]);
                    net.quic(ip, quic::Client::new(host), server).run_for(500);
                });
                net.wait(20);
                net.visit_address(host, ip);
                net.ping_until(5000);
            }),
    ]
}
