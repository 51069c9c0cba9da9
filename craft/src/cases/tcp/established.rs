//! Connections that stand and do not carry what they should.

use crate::prelude::*;

const HOST: &str = "v16-webapp.tiktok.com";
const V4: &str = "2.16.20.33";

fn session(net: &Net) -> Session {
    Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ack_lost();
    cases.extend(lossy());
    cases.extend(blackhole());
    cases
}

fn ack_lost() -> Vec<Case> {
    vec![
        Case::new("tcp.ack-lost", "three-syn-acks")
            .about("The client's ACK and ClientHello never arrive; the server resends its SYN-ACK after 1, 3 and 7 s.")
            .expect(HOST, Expect::broken("tcp", "tcp.ack-lost"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                c.send_lost(Side::Client, &ClientHello::new(HOST).record(net));
                let start = net.now();
                net.aside(|_| c.retransmit_backoff(Side::Client, 300, 5));
                for ms in [1000.0, 3000.0, 7000.0] {
                    net.at(start + ms);
                    c.syn_ack_again();
                    c.ack(Side::Client);
                }
                net.ping_until(11_000);
            }),
        Case::new("tcp.ack-lost", "near-miss-deferred-accept")
            .about("A server that waits for data resends its SYN-ACK to an idle client, and takes the data that comes after 4 s.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                let start = net.now();
                for ms in [1000.0, 3000.0] {
                    net.at(start + ms);
                    c.syn_ack_again();
                    c.ack(Side::Client);
                }
                net.at(start + 4000.0);
                let mut s = session(net);
                c.tls(&mut s);
                c.app(&mut s, 400, 3000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn lossy() -> Vec<Case> {
    vec![
        Case::new("tcp.lossy", "downstream")
            .about("Every twelfth segment of a download is lost and resent; the client reports it with SACK.")
            .expect(HOST, Expect::degraded("tcp", "tcp.lossy"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).lose_every(Side::Server, 12);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 400, 120_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("tcp.lossy", "upstream")
            .about("Every tenth segment of an upload is lost and resent.")
            .expect(HOST, Expect::degraded("tcp", "tcp.lossy"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).lose_every(Side::Client, 10);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 80_000, 3000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new("tcp.lossy", "near-miss-copies-and-order")
            .about("A clean download, captured twice on a bridge and with neighbours swapped.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.duplicate_all(0.3);
                net.swap_pairs();
                net.visit(HOST, V4);
            }),
        Case::new("tcp.lossy", "near-miss-capture-drops")
            .about("The capture misses every tenth packet of a clean download; all of it was acknowledged.")
            .expect(HOST, Expect::ok().finding("capture.dropped"))
            .capture(|net| {
                net.hide(|n, f| n > 40 && n % 10 == 0 && f.from == Side::Server);
                let host = HOST;
                net.resolve(host, &[V4]);
                let (mut c, mut s) = net.https(host, V4);
                c.app(&mut s, 400, 100_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn blackhole() -> Vec<Case> {
    vec![
        Case::new("tcp.path-mtu-blackhole", "upload-stalls")
            .about("TLS works; the full-size segments of an upload never arrive, the small one behind them does.")
            .expect(HOST, Expect::broken("tcp", "tcp.path-mtu-blackhole"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 300, 900);
                c.lose_next(Side::Client, &[0, 1]);
                let body = s.send(Side::Client, &[0x61; 3200]);
                c.client_data(&body);
                c.retransmit_backoff(Side::Client, 250, 5);
                net.ping_until(12_000);
            }),
        Case::new("tcp.path-mtu-blackhole", "too-big-ignored")
            .about("A router says that 1400 bytes are the most; the client keeps sending 1500.")
            .expect(HOST, Expect::broken("tcp", "tcp.path-mtu-blackhole").extra("mtu", 1400))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.lose_next(Side::Client, &[0, 1, 2]);
                let body = s.send(Side::Client, &[0x61; 3200]);
                c.client_data(&body);
                net.wait(8);
                c.icmp("62.155.240.9", Icmp::TooBig(1400));
                c.retransmit_backoff(Side::Client, 250, 5);
                net.ping_until(12_000);
            }),
        Case::new("tcp.path-mtu-blackhole", "server-flight")
            .about("Of the server's flight the full-size segments never arrive; the client reports the gap with SACK.")
            .expect(HOST, Expect::broken("tcp", "tcp.path-mtu-blackhole"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = session(net);
                c.connect();
                c.tls_flights(&mut s, 1);
                c.lose_next(Side::Server, &[0, 1]);
                let flight = s.flight().map(|(_, bytes)| bytes).unwrap_or_default();
                let mut bytes = flight;
                bytes.resize(3300, 0x5a);
                c.server_data(&bytes);
                net.ping_until(9000);
            }),
        Case::new("tcp.path-mtu-blackhole", "near-miss-one-loss")
            .about("One full-size segment of an upload is lost twice and arrives with the third send.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = session(net);
                c.connect();
                c.tls(&mut s);
                c.lose_next(Side::Client, &[0]);
                let body = s.send(Side::Client, &[0x61; 3200]);
                c.client_data(&body);
                c.retransmit_backoff(Side::Client, 250, 1);
                net.wait(900);
                c.retransmit(Side::Client);
                net.wait(24);
                c.ack(Side::Server);
                let answer = s.send(Side::Server, &[0x62; 700]);
                c.server_data(&answer);
                c.tls_close(&mut s, Side::Client);
                net.ping_until(9000);
            }),
    ]
}
