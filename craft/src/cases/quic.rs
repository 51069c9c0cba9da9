//! QUIC connections that break.

use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("quic.initial-unanswered", "udp-blocked")
            .about("The client's Initials are repeated for 10 s and nothing comes back.")
            .expect("v16-webapp.tiktok.com", Expect::broken("quic", "quic.initial-unanswered"))
            .capture(|net| {
                let host = "v16-webapp.tiktok.com";
                net.resolve(host, &["2.16.20.33"]);
                let mut q = net.quic("2.16.20.33", quic::Client::new(host), quic::Server::silent());
                q.run_for(10_000);
                net.ping_until(15_000);
            }),
        Case::new("quic.closed-by-server", "no-application-protocol")
            .about("The server speaks no HTTP/3 and closes with CRYPTO_ERROR 0x178.")
            .expect(
                "v16-webapp.tiktok.com",
                Expect::broken("quic", "quic.closed-by-server").extra("alert", "no_application_protocol"),
            )
            .capture(|net| {
                let host = "v16-webapp.tiktok.com";
                net.resolve(host, &["2.16.20.33"]);
                let server = quic::Server::new(Cert::public(host)).alpn(&["hq-interop"]);
                net.quic("2.16.20.33", quic::Client::new(host), server).handshake();
                net.ping_until(4000);
            }),
        Case::new("quic.fell-back-to-tcp", "udp-blocked")
            .about("QUIC gets no answer; TCP begins 300 ms after it and works.")
            .expect(
                "www.tiktok.com",
                Expect::degraded("quic", "quic.fell-back-to-tcp").finding("quic.initial-unanswered"),
            )
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                net.aside(|net| {
                    let client = quic::Client::new(host).first_probe(300);
                    net.quic("23.49.60.10", client, quic::Server::silent()).run_for(4000);
                });
                net.wait(300);
                net.visit_address(host, "23.49.60.10");
                net.ping_until(6000);
            }),
        Case::new("quic.silent-after-handshake", "goes-dark")
            .about("The handshake is done and one request answered; then nothing arrives any more, either way.")
            .expect("www.tiktok.com", Expect::broken("quic", "quic.silent-after-handshake"))
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                let server = quic::Server::new(Cert::public(host));
                let mut q = net.quic("23.49.60.10", quic::Client::new(host), server);
                q.handshake();
                q.request(400, 2000);
                q.go_dark();
                q.send_request(400, 4000);
                q.run_for(12_000);
            }),
    ]
}
