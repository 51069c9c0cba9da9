//! An evening with the target: what works, what breaks, in one capture.
#![allow(dead_code)] // each program uses a part of it

use shakedown_craft::net::Net;
use shakedown_craft::prelude::*;

/// What happens in it: one try every few seconds.
pub fn evening(net: &Net) {
    net.visit("www.tiktok.com", "23.49.60.10");
    net.wait(3_000);
    unknown_name(net);
    net.wait(2_000);
    silence(net);
    net.wait(2_000);
    net.visit_quic("v16-webapp-prime.tiktok.com", "23.49.60.20");
    net.wait(2_000);
    reset_after_hello(net);
    net.wait(2_000);
    fallback(net);
    net.wait(2_000);
    rejected(net);
    net.wait(2_000);
    download(net);
    net.ping_until(70_000);
}

fn unknown_name(net: &Net) {
    let mut query = net.query("mon.tiktokv.com", rtype::A);
    query.answer(12, |a| {
        a.rcode(rcode::NXDOMAIN);
    });
}

fn silence(net: &Net) {
    net.resolve("api16-normal-c-useast1a.tiktokv.com", &["2.16.20.33"]);
    let mut tcp = net.tcp("2.16.20.33");
    tcp.syn();
    tcp.syn_retransmits(&[1000, 3000, 7000]);
    net.wait(8_000);
}

fn reset_after_hello(net: &Net) {
    let host = "webcast.tiktok.com";
    net.resolve(host, &["23.49.60.30"]);
    let mut tcp = net.tcp("23.49.60.30");
    tcp.connect();
    tcp.send(Side::Client, &ClientHello::new(host).record(net));
    net.wait(7);
    for number in 0..3_u16 {
        let reset = Seg::forged_rst_ack().ttl(117).ip_id(0x3a00 + number);
        tcp.raw_segment(Side::Server, reset.seq_offset(1460 * i32::from(number)));
        net.wait(0.02);
    }
}

fn fallback(net: &Net) {
    let (host, ip) = ("www.tiktok.com", "23.49.60.10");
    net.resolve(host, &[ip]);
    net.aside(|net| {
        let client = quic::Client::new(host).first_probe(300);
        net.quic(ip, client, quic::Server::silent()).run_for(4000);
    });
    net.wait(300);
    net.visit_address(host, ip);
}

fn rejected(net: &Net) {
    let host = "log.tiktokv.com";
    net.resolve(host, &["23.49.60.40"]);
    let mut tcp = net.tcp("23.49.60.40");
    let cert = Cert::issued_by(host, "FortiGate CA", "Fortinet");
    let client = Client::new(host).reject(Reject::UnknownCa);
    let mut session = Session::new(net, client, Server::new(cert).tls12());
    tcp.connect();
    tcp.tls(&mut session);
    tcp.close(Side::Client);
}

fn download(net: &Net) {
    let host = "v19-webapp.tiktok.com";
    net.resolve(host, &["23.49.60.50"]);
    let (mut tcp, mut tls) = net.https(host, "23.49.60.50");
    tcp.app(&mut tls, 400, 60_000);
    tcp.tls_close(&mut tls, Side::Client);
}

/// The file as it was recorded: TLS chooses its random numbers anew each time it is crafted.
pub fn file() -> Vec<u8> {
    include_bytes!("evening.pcap").to_vec()
}

/// The file made anew.
pub fn craft() -> Vec<u8> {
    let net = Net::new("evening");
    evening(&net);
    net.file().1
}
