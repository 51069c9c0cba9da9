//! Everything works: shakedown must say nothing.

use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("healthy", "tls13-h2")
            .about("Lookup, TCP, TLS 1.3 and one HTTP/2 request to one TikTok host, closed in order.")
            .expect("www.tiktok.com", Expect::ok())
            .capture(|net| net.visit("www.tiktok.com", "23.49.60.10")),
        Case::new("healthy", "quic-h3")
            .about("Lookup, QUIC and one request to one TikTok host.")
            .expect("v16-webapp.tiktok.com", Expect::ok())
            .capture(|net| net.visit_quic("v16-webapp.tiktok.com", "2.16.20.33")),
        Case::new("healthy", "happy-eyeballs-v6-wins")
            .about("IPv6 and IPv4 are tried 250 ms apart; IPv6 answers and the IPv4 attempt is dropped.")
            .expect("www.tiktok.com", Expect::ok())
            .capture(|net| {
                let host = "www.tiktok.com";
                net.resolve(host, &["23.49.60.10", "2600:1408:c400::17c9:2d0a"]);
                let mut v6 = net.tcp("[2600:1408:c400::17c9:2d0a]:443").rtt(262);
                let mut v4 = net.tcp("23.49.60.10").rtt(40);
                let start = net.now();
                v6.syn();
                net.at(start + 250.0);
                v4.syn();
                net.at(start);
                v6.syn_ack(); // at 262 ms, while the IPv4 SYN is under way
                v6.ack(Side::Client);
                net.aside(|net| {
                    net.at(start + 250.0);
                    v4.syn_ack();
                    v4.rst(Side::Client);
                });
                let mut s = Session::new(net, Client::new(host), Server::new(Cert::public(host)));
                v6.tls(&mut s);
                v6.app(&mut s, 400, 9000);
                v6.tls_close(&mut s, Side::Client);
            }),
    ]
}
