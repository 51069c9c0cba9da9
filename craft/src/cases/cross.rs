//! Several attempts and other traffic together: what the verdict over all of them has to say. For each claim there is a
//! case in which the tempting wrong answer is one observation away.

use crate::prelude::*;

mod answers;
mod certificates;
mod devices;
mod lookups;
mod network;
mod roles;
mod servers;

const WWW: &str = "www.tiktok.com";
const MOBILE: &str = "m.tiktok.com";
const API: &str = "api16-normal-useast5.tiktokv.us";
const V16: &str = "v16-webapp.tiktok.com";
const IMAGE: &str = "p16-sign-va.tiktokcdn.com";
const LOG: &str = "mon.tiktokv.com";

const EDGE1: &str = "71.18.1.10";
const EDGE1_V6: &str = "2605:340:cdb0:1::10";
const EDGE2: &str = "23.49.60.10";
const EDGE2_V6: &str = "2600:1408:c400:5::10";
const OTHER: (&str, &str) = ("www.example.com", "93.184.215.14");
const OTHER_V6: &str = "2606:2800:21f:cb07::14";
const NEWS: (&str, &str) = ("news.example.org", "93.184.215.34");

pub(super) fn cases() -> Vec<Case> {
    [
        servers::cases(),
        certificates::cases(),
        answers::cases(),
        lookups::cases(),
        devices::cases(),
        network::cases(),
        roles::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn broken(scope: &str, blame: &str) -> [(&'static str, String); 3] {
    [
        ("outcome", "broken".to_owned()),
        ("scope", scope.to_owned()),
        ("blame", blame.to_owned()),
    ]
}

fn degraded(scope: &str, blame: &str) -> [(&'static str, String); 3] {
    [
        ("outcome", "degraded".to_owned()),
        ("scope", scope.to_owned()),
        ("blame", blame.to_owned()),
    ]
}

/// IPv6 addresses need brackets before a port.
fn socket(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]:443")
    } else {
        format!("{ip}:443")
    }
}

/// SYN and three resends within 7 s, unanswered.
fn no_answer(net: &Net, ip: &str) {
    let mut c = net.tcp(&socket(ip));
    c.syn();
    c.syn_retransmits(&schedule::LINUX_OLD[..3]);
}

/// Looked up, and the server never answers.
fn dead(net: &Net, host: &str, ip: &str) {
    net.aside(|net| {
        net.resolve(host, &[ip]);
        no_answer(net, ip);
    });
    net.wait(600);
}

/// TCP works, the ClientHello is dropped four times.
fn hello_dropped(net: &Net, host: &str, ip: &str) {
    net.aside(|net| {
        net.resolve(host, &[ip]);
        let mut c = net.tcp(&socket(ip));
        c.connect();
        c.send_lost(Side::Client, &ClientHello::new(host).record(net));
        c.retransmit_backoff(Side::Client, 300, 3);
    });
    net.wait(500);
}

/// The same with as few bytes as will do.
fn quick(net: &Net, (host, ip): (&str, &str)) {
    net.aside(|net| {
        net.resolve(host, &[ip]);
        shake(net, host, ip);
    });
    net.wait(300);
}

/// A connection to an address known before, with as few bytes as will do.
fn shake(net: &Net, host: &str, ip: &str) {
    let mut c = net.tcp(ip);
    let cert = Cert::public(host).intermediate(false);
    let mut s = Session::new(net, Client::new(host), Server::new(cert));
    c.connect();
    c.tls(&mut s);
    c.app(&mut s, 200, 300);
    c.tls_close(&mut s, Side::Client);
}

/// A healthy visit that does not take the clock along.
fn beside(net: &Net, (host, ip): (&str, &str)) {
    net.aside(|net| net.visit(host, ip));
    net.wait(300);
}
