//! The first Initial and what comes back, or does not.

use super::{HOST, IP, server};
use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    [silent(), not_silent(), unreachable(), versions()]
        .into_iter()
        .flatten()
        .collect()
}

fn silent() -> Vec<Case> {
    let id = "quic.initial-unanswered";
    vec![
        Case::new(id, "udp-blocked")
            .about("The client's Initials are repeated for 10 s and nothing comes back.")
            .expect(HOST, Expect::broken("quic", id).blame("interceptor").extra("tries", 4))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), quic::Server::silent());
                q.run_for(10_000);
                net.ping_until(15_000);
            }),
        Case::new(id, "two-datagram-hello")
            .about("A post-quantum ClientHello in two datagrams, which make one try; nothing comes back.")
            .expect(HOST, Expect::broken("quic", id).extra("tries", 4))
            .capture(|net| {
                net.link(Link::Sll2);
                net.resolve(HOST, &[IP]);
                let client = quic::Client::new(HOST).pq().first_probe(300);
                net.quic(IP, client, quic::Server::silent()).run_for(2500);
                net.ping_until(8000);
            }),
        Case::new(id, "v2-over-ipv6")
            .about("QUIC version 2 over IPv6; lookups go over IPv4. Four tries, no answer.")
            .expect(HOST, Expect::broken("quic", id).extra("tries", 4))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[IP, "2a02:26f0:3500::1721:3c0a"]);
                let hello = ClientHello::quic(HOST, b"client-1").message(net);
                let mut udp = net.udp("[2a02:26f0:3500::1721:3c0a]:443");
                let start = net.now();
                for (number, at) in [0.0, 300.0, 900.0, 2100.0].into_iter().enumerate() {
                    net.at(start + at);
                    let initial = Initial::client(Version::V2, b"\x83\x94\xc8\xf0\x3e\x51\x57\x08", b"client-1")
                        .number(number as u32)
                        .crypto(0, &hello);
                    udp.send(Side::Client, &initial.seal());
                }
                net.ping_until(7000);
            }),
        Case::new(id, "this-name-only")
            .about("QUIC for one name is dropped; for another name it works, at the same address.")
            .expect("www.tiktok.com", Expect::ok())
            .expect(HOST, Expect::broken("quic", id).blame("interceptor"))
            .capture(|net| {
                net.link(Link::Raw);
                net.visit_quic("www.tiktok.com", IP);
                net.wait(200);
                net.resolve(HOST, &[IP]);
                net.quic(IP, quic::Client::new(HOST), quic::Server::silent()).run_for(8000);
                net.ping_until(12_000);
            }),
        Case::new(id, "address-is-dead")
            .about("Neither QUIC nor TCP gets an answer from the address.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered").finding(id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.aside(|net| {
                    net.quic(IP, quic::Client::new(HOST), quic::Server::silent()).run_for(6000);
                });
                net.wait(300);
                let mut c = net.tcp(IP);
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..3]);
                net.ping_until(14_000);
            }),
        Case::new(id, "heads-only")
            .about("128 bytes of each frame: the Initials cannot be opened, their headers can be read.")
            .expect(HOST, Expect::broken("quic", id))
            .capture(|net| {
                net.snaplen(128);
                net.resolve(HOST, &[IP]);
                net.quic(IP, quic::Client::new(HOST), quic::Server::silent()).run_for(8000);
                net.ping_until(10_000);
            }),
    ]
}

fn not_silent() -> Vec<Case> {
    let id = "quic.initial-unanswered";
    vec![
        Case::new(id, "near-miss-one-sided")
            .about("A working connection, captured in one direction only.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.only(Side::Client);
                net.hidden(|net| net.resolve(HOST, &[IP]));
                let mut q = net.quic(IP, quic::Client::new(HOST), quic::Server::silent());
                q.run_for(8000);
                net.wait(4000);
                net.udp("1.1.1.1:4500").send(Side::Client, b"something else goes on");
            }),
        Case::new(id, "near-miss-lost-race")
            .about("TCP begins 300 ms after QUIC, connects at once, and the client stops asking over QUIC.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.aside(|net| {
                    let client = quic::Client::new(HOST).first_probe(250);
                    net.quic(IP, client, quic::Server::silent()).run_for(300);
                });
                net.wait(300);
                net.visit_address(HOST, IP);
                net.ping_until(8000);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The capture ends 500 ms after the first Initial.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let client = quic::Client::new(HOST).first_probe(200);
                net.quic(IP, client, quic::Server::silent()).run_for(500);
                net.visit_address("www.example.org", "203.0.113.9");
                net.capture_until(560);
            }),
        Case::new(id, "near-miss-asked-once")
            .about("One Initial and never a probe: whoever sent it did not wait for an answer.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.quic(IP, quic::Client::new(HOST), quic::Server::silent()).run_for(900);
                net.ping_until(9000);
            }),
        Case::new(id, "near-miss-answered-late")
            .about("Two Initials are lost, the third is answered: slow, but not silent.")
            .expect(HOST, Expect::degraded("quic", "quic.slow"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).fate(|d| {
                    if d.from == Side::Client && d.ms() < 2000.0 { Fate::Lost } else { Fate::Deliver }
                });
                q.handshake();
                q.request(400, 6000);
                q.close(Side::Client, 0x100, "");
            }),
        Case::new(id, "near-miss-raced")
            .about("TCP and QUIC begin at once; TCP works, QUIC is probed in vain in the background.")
            .expect(HOST, Expect::ok().finding(id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.aside(|net| {
                    net.quic(IP, quic::Client::new(HOST), quic::Server::silent()).run_for(6000);
                });
                net.wait(10);
                net.visit_address(HOST, IP);
                net.ping_until(9000);
            }),
    ]
}

fn unreachable() -> Vec<Case> {
    let id = "quic.unreachable";
    vec![
        Case::new(id, "port-closed")
            .about("The server itself answers the Initial with ICMP 3/3.")
            .expect(HOST, Expect::broken("quic", id).blame("edge"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), quic::Server::silent());
                q.run_for(24);
                q.icmp(IP, Icmp::Unreachable(3));
                net.ping_until(3000);
            }),
        Case::new(id, "forbidden-v6")
            .about("A router answers the Initial over IPv6 with 1/1, administratively prohibited.")
            .expect(HOST, Expect::broken("quic", id).blame("interceptor"))
            .capture(|net| {
                net.link(Link::Sll);
                net.resolve(HOST, &["2a02:26f0:3500::1721:3c0a"]);
                let server = "[2a02:26f0:3500::1721:3c0a]:443";
                let mut q = net.quic(server, quic::Client::new(HOST), quic::Server::silent());
                q.run_for(3);
                q.icmp("2a02:8109:9a40:1b2c::1", Icmp::Unreachable(1));
                q.run_for(1100);
                q.icmp("2a02:8109:9a40:1b2c::1", Icmp::Unreachable(1));
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-answered-after-it")
            .about("One path of a redundant network reports an error, the probe gets through.")
            .expect(HOST, Expect::degraded("quic", "quic.slow"))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).fate(|d| {
                    if d.from == Side::Client && d.number == 0 {
                        Fate::Lost
                    } else {
                        Fate::Deliver
                    }
                });
                q.run_for(12);
                q.icmp("198.51.100.1", Icmp::Unreachable(1));
                q.handshake();
                q.request(400, 6000);
            }),
    ]
}

fn versions() -> Vec<Case> {
    let id = "quic.version-unsupported";
    vec![
        Case::new(id, "only-drafts")
            .about("The server offers draft-29 only, the client wants version 1 and leaves.")
            .expect(HOST, Expect::broken("quic", id).blame("service").extra("versions", &["draft-29"][..]))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                net.quic(IP, quic::Client::new(HOST), server().versions(&[0xff00_001d])).run_for(1000);
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-restarted")
            .about("Version Negotiation turns draft-29 down; the client goes on with version 1, which works.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let hello = ClientHello::quic(HOST, b"client-1").message(net);
                let mut udp = net.udp(IP);
                let (dcid, scid) = (b"\x83\x94\xc8\xf0\x3e\x51\x57\x08", b"client-1");
                udp.send(Side::Client, &Initial::client(Version::Draft29, dcid, scid).crypto(0, &hello).seal());
                net.wait(24);
                udp.send(Side::Server, &quic::initial::version_negotiation(dcid, scid, &[1]));
                net.wait(1);
                let port = udp.client.port();
                let mut q = net.quic(IP, quic::Client::new(HOST), server()).port(port);
                q.handshake();
                q.request(400, 6000);
                q.close(Side::Client, 0x100, "");
                net.ping_until(3000);
            }),
    ]
}
