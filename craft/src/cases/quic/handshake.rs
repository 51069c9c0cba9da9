//! Between the server's first answer and the end of the handshake.

use super::{HOST, IP, server};
use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    [closed(), retry(), stalled(), slow()]
        .into_iter()
        .flatten()
        .collect()
}

/// A client's Initial with a hello, the server's answer, and what else the case needs.
const DCID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";
const SCID: &[u8] = b"client-1";

fn closed() -> Vec<Case> {
    let server_id = "quic.closed-by-server";
    let client_id = "quic.closed-by-client";
    vec![
        Case::new(server_id, "no-application-protocol")
            .about("The server speaks no HTTP/3 and closes with CRYPTO_ERROR 0x178.")
            .expect(HOST, Expect::broken("quic", server_id).extra("alert", "no_application_protocol"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let server = server().alpn(&["hq-interop"]);
                net.quic(IP, quic::Client::new(HOST), server).handshake();
                net.ping_until(4000);
            }),
        Case::new(server_id, "refused")
            .about("The server is overloaded and closes with CONNECTION_REFUSED.")
            .expect(HOST, Expect::broken("quic", server_id).blame("edge").extra("error", "CONNECTION_REFUSED"))
            .capture(|net| {
                net.format(Format::PcapNanos);
                net.resolve(HOST, &[IP]);
                net.quic(IP, quic::Client::new(HOST), server().refuse()).handshake();
                net.ping_until(4000);
            }),
        Case::new(server_id, "odd-ports")
            .about("The client uses port 443 and the server 8445; two stray datagrams go before. The server refuses.")
            .expect(HOST, Expect::broken("quic", server_id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let server_addr = format!("{IP}:8445");
                let mut q = net
                    .quic(&server_addr, quic::Client::new(HOST), server().refuse())
                    .port(443);
                q.udp().send(Side::Client, b"?");
                net.wait(30);
                q.udp().send(Side::Client, b"?");
                net.wait(30);
                q.handshake();
                net.ping_until(4000);
            }),
        Case::new(server_id, "near-miss-closed-later")
            .about("The server closes a connection that has done its work.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server());
                q.handshake();
                q.request(400, 6000);
                q.close(Side::Server, 0x100, "");
                net.ping_until(4000);
            }),
        Case::new(client_id, "illegal-parameter")
            .about("The client finds fault with the server's hello and closes with CRYPTO_ERROR 0x12f.")
            .expect(HOST, Expect::broken("quic", client_id).blame("device").extra("alert", "illegal_parameter"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                answered_then_closed(net, 0x12f, "bad key share");
                net.ping_until(4000);
            }),
        Case::new(client_id, "certificate-refused")
            .about("The client refuses the certificate and says so in an Initial as well as under encryption.")
            .expect(HOST, Expect::broken("quic", client_id).extra("alert", "unknown_ca"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let client = quic::Client::new(HOST).reject(Reject::UnknownCa);
                net.quic(IP, client, server()).handshake();
                net.ping_until(12_000);
            }),
        Case::new(client_id, "near-miss-lost-race")
            .about("TCP wins the race and the client closes QUIC without error.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.aside(|net| answered_then_closed(net, 0, ""));
                net.wait(5);
                net.visit_address(HOST, IP);
                net.ping_until(4000);
            }),
    ]
}

/// An Initial, an answer that only acknowledges it, and the client's close.
fn answered_then_closed(net: &Net, error: u64, reason: &str) {
    let hello = ClientHello::quic(HOST, b"client-1").message(net);
    let mut udp = net.udp(IP);
    udp.send(
        Side::Client,
        &Initial::client(Version::V1, DCID, SCID)
            .crypto(0, &hello)
            .seal(),
    );
    net.wait(24);
    let answer = Initial::server(Version::V1, SCID, b"server-1", DCID)
        .ack(0)
        .pad_to(1200);
    udp.send(Side::Server, &answer.seal());
    net.wait(12);
    let mut close = Initial::client(Version::V1, DCID, SCID).number(1);
    close = close.ack(0).close(error, reason);
    udp.send(Side::Client, &close.seal());
}

fn retry() -> Vec<Case> {
    let id = "quic.retry-unanswered";
    vec![
        Case::new(id, "token-ignored")
            .about("The server sends Retry; the Initials with its token get no answer.")
            .expect(HOST, Expect::broken("quic", id).blame("edge"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net
                    .quic(IP, quic::Client::new(HOST), server().retry())
                    .fate(|d| {
                        if d.from == Side::Client && d.number > 0 {
                            Fate::Lost
                        } else {
                            Fate::Deliver
                        }
                    });
                q.run_for(8000);
                net.ping_until(12_000);
            }),
        Case::new(id, "near-miss-token-accepted")
            .about("The server sends Retry and goes on when the client comes again.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server().retry());
                q.handshake();
                q.request(400, 6000);
                q.close(Side::Client, 0x100, "");
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The capture ends soon after the Initial with the token.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net
                    .quic(IP, quic::Client::new(HOST), server().retry())
                    .fate(|d| {
                        if d.from == Side::Client && d.number > 0 {
                            Fate::Lost
                        } else {
                            Fate::Deliver
                        }
                    });
                q.run_for(600);
                net.capture_until(650);
            }),
    ]
}

fn stalled() -> Vec<Case> {
    let id = "quic.handshake-stalled";
    vec![
        Case::new(id, "server-flight-lost")
            .about("The server's first datagram arrives, everything after it is lost.")
            .expect(HOST, Expect::broken("quic", id).blame("path"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).fate(|d| {
                    if d.from_server() && d.number > 0 {
                        Fate::Lost
                    } else {
                        Fate::Deliver
                    }
                });
                q.run_for(12_000);
                net.ping_until(15_000);
            }),
        Case::new(id, "finished-lost")
            .about(
                "The server's flight arrives; nothing of the client does after its first Initial.",
            )
            .expect(HOST, Expect::broken("quic", id))
            .capture(|net| {
                net.link(Link::Null);
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).fate(|d| {
                    if d.from == Side::Client && d.number > 0 {
                        Fate::Lost
                    } else {
                        Fate::Deliver
                    }
                });
                q.run_for(9000);
                net.ping_until(15_000);
            }),
        Case::new(id, "near-miss-client-leaves")
            .about("The client stops after its first Handshake packet, as when it closes under encryption.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net
                    .quic(IP, quic::Client::new(HOST), server())
                    .fate(|d| if d.number > 1 { Fate::Unseen } else { Fate::Deliver });
                q.handshake();
                net.ping_until(12_000);
            }),
    ]
}

fn slow() -> Vec<Case> {
    let id = "quic.slow";
    vec![
        Case::new(id, "first-initial-lost")
            .about("The first Initial is lost; the probe after a second is answered.")
            .expect(HOST, Expect::degraded("quic", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).fate(|d| {
                    if d.from == Side::Client && d.number == 0 {
                        Fate::Lost
                    } else {
                        Fate::Deliver
                    }
                });
                q.handshake();
                q.request(400, 6000);
                q.close(Side::Client, 0x100, "");
            }),
        Case::new(id, "long-way")
            .about("Round trip of 90 ms, limit set to 80 ms.")
            .args(&["--limit", "quic.slow=80ms"])
            .expect(HOST, Expect::degraded("quic", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).rtt(90);
                q.handshake();
                q.request(400, 6000);
            }),
        Case::new(id, "near-miss-in-time")
            .about("Round trip of 280 ms: long, but below the limit.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).rtt(280);
                q.handshake();
                q.request(400, 6000);
            }),
    ]
}
