//! Handshakes that break.

use crate::prelude::*;

mod certificate;
mod hello;
mod middle;

const HOST: &str = "www.tiktok.com";
const IP: &str = "23.49.60.10";

/// Lookup and TCP handshake.
fn connected(net: &Net) -> crate::tcp::Tcp {
    net.resolve(HOST, &[IP]);
    let mut c = net.tcp(IP);
    c.connect();
    c
}

/// A TLS session of a client and a server with a usual certificate.
fn usual(net: &Net) -> Session {
    Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)))
}

/// The same in TLS 1.2.
fn usual12(net: &Net) -> Session {
    let server = Server::new(Cert::public(HOST)).tls12();
    Session::new(net, Client::new(HOST), server)
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = first();
    all.extend(hello::cases());
    all.extend(certificate::cases());
    all.extend(middle::cases());
    all
}

fn first() -> Vec<Case> {
    vec![
        Case::new("tls.reset-after-hello", "injected-three-resets")
            .about("Three forged resets with another TTL answer the ClientHello.")
            .expect(
                "www.tiktok.com",
                Expect::broken("tls", "tls.reset-after-hello").blame("interceptor").extra("injected", true),
            )
            .capture(|net| {
                net.resolve("www.tiktok.com", &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                c.connect();
                c.send(Side::Client, &ClientHello::new("www.tiktok.com").record(net));
                net.wait(7);
                for (n, offset) in [0, 1460, 4380].into_iter().enumerate() {
                    let rst = Seg::forged_rst_ack().ttl(117).ip_id(0x3a00 + n as u16).window(2000 + n as u16);
                    c.raw_segment(Side::Server, rst.seq_offset(offset));
                    net.wait(0.02);
                }
                net.ping_until(4000);
            }),
        Case::new("tls.alert-from-client", "unknown-ca-tls12")
            .about("A FortiGate presents its own certificate over TLS 1.2 and the client answers unknown_ca.")
            .expect(
                "www.tiktok.com",
                Expect::broken("tls", "tls.intercepted").blame("interceptor").extra("product", "Fortinet FortiGate"),
            )
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                let cert = Cert::issued_by(host, "FortiGate CA", "Fortinet");
                let client = Client::new(host).reject(Reject::UnknownCa);
                let mut s = Session::new(net, client, Server::new(cert).tls12());
                c.connect();
                c.tls(&mut s);
                c.close(Side::Client);
            }),
        Case::new("tls.client-rejected", "tls13-encrypted-alert")
            .about("TLS 1.3: after the server's flight the client sends an alert-sized record and closes.")
            .expect("www.tiktok.com", Expect::broken("tls", "tls.client-rejected").blame("device"))
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                let mut s = Session::new(net, Client::new(host), Server::new(Cert::public(host)));
                c.connect();
                c.tls_flights(&mut s, 2); // ClientHello and the server's flight
                c.send(Side::Client, &record::encrypted_alert(net));
                c.close(Side::Client);
                net.ping_until(3000);
            }),
    ]
}
