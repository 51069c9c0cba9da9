//! The crafted conversations hold together: looked at with a parser that is not ours.

use std::collections::HashMap;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use shakedown_craft::net::Frame;
use shakedown_craft::packet::{Icmp, fold, sum16};
use shakedown_craft::prelude::*;

const HOST: &str = "www.tiktok.com";
const IP: &str = "23.49.60.10";

/// Every frame's IP and transport checksum is right and no bytes are left over.
fn check(frames: &[Frame]) {
    for f in frames {
        let p = SlicedPacket::from_ip(&f.ip).expect("an IP packet");
        let Some(NetSlice::Ipv4(v4)) = &p.net else {
            check6(&p);
            continue;
        };
        let header = v4.header();
        assert_eq!(
            header.to_header().calc_header_checksum(),
            header.header_checksum()
        );
        let (src, dst) = (header.source(), header.destination());
        match &p.transport {
            Some(TransportSlice::Tcp(t)) => {
                assert_eq!(t.calc_checksum_ipv4(src, dst).unwrap(), t.checksum());
            }
            Some(TransportSlice::Udp(u)) => {
                let sum = u
                    .to_header()
                    .calc_checksum_ipv4_raw(src, dst, u.payload())
                    .unwrap();
                assert_eq!(sum, u.checksum());
            }
            Some(TransportSlice::Icmpv4(_)) => assert_eq!(fold(sum16(&f.ip[20..])), 0),
            other => panic!("{other:?}"),
        }
    }
}

fn check6(p: &SlicedPacket) {
    let Some(NetSlice::Ipv6(v6)) = &p.net else {
        panic!("neither IPv4 nor IPv6")
    };
    let (src, dst) = (v6.header().source(), v6.header().destination());
    match &p.transport {
        Some(TransportSlice::Tcp(t)) => {
            assert_eq!(t.calc_checksum_ipv6(src, dst).unwrap(), t.checksum());
        }
        Some(TransportSlice::Udp(u)) => {
            let sum = u
                .to_header()
                .calc_checksum_ipv6_raw(src, dst, u.payload())
                .unwrap();
            assert_eq!(sum, u.checksum());
        }
        Some(TransportSlice::Icmpv6(i)) => assert!(i.is_checksum_valid(src, dst)),
        other => panic!("{other:?}"),
    }
}

struct TcpPacket {
    from: Side,
    seq: u32,
    ack: u32,
    syn: bool,
    fin: bool,
    len: u32,
}

fn tcp_packets(net: &Net) -> Vec<TcpPacket> {
    let mut all = Vec::new();
    for f in net.frames().iter().filter(|f| f.captured) {
        let p = SlicedPacket::from_ip(&f.ip).unwrap();
        if let Some(TransportSlice::Tcp(t)) = p.transport {
            all.push(TcpPacket {
                from: f.from,
                seq: t.sequence_number(),
                ack: t.acknowledgment_number(),
                syn: t.syn(),
                fin: t.fin(),
                len: t.payload().len() as u32,
            });
        }
    }
    all
}

#[test]
fn sequence_numbers_fit_together() {
    let net = Net::new("sequence");
    // an ISN just below the wrap, on purpose
    let mut c = net
        .tcp(IP)
        .isn(Side::Client, u32::MAX - 20)
        .isn(Side::Server, u32::MAX - 3000);
    c.connect();
    c.client_data(&[1; 4000]);
    c.server_data(&[2; 60_000]);
    c.close(Side::Server);
    check(&net.frames());

    let mut next: HashMap<bool, u32> = HashMap::new();
    let packets = tcp_packets(&net);
    assert!(packets.len() > 50);
    for p in &packets {
        let client = p.from == Side::Client;
        if let Some(expected) = next.get(&client) {
            assert_eq!(p.seq, *expected, "no gap and no overlap");
        }
        if let Some(sent) = next.get(&!client) {
            assert!(
                sent.wrapping_sub(p.ack) < 1 << 17,
                "acknowledges what was sent"
            );
        }
        next.insert(
            client,
            p.seq
                .wrapping_add(p.len + u32::from(p.syn) + u32::from(p.fin)),
        );
    }
    let last = packets.last().unwrap();
    assert_eq!((last.from, last.ack), (Side::Server, next[&true]));
}

#[test]
fn syn_ack_agrees_only_to_what_was_offered() {
    let net = Net::new("options");
    let mut c = net.tcp(IP).stack(Side::Client, Stack::Windows).no_sack();
    c.connect();
    c.client_data(&[0; 2000]);
    for f in net.frames() {
        let p = SlicedPacket::from_ip(&f.ip).unwrap();
        let Some(TransportSlice::Tcp(t)) = p.transport else {
            panic!("not TCP")
        };
        for option in t.options_iterator() {
            let option = option.expect("options parse");
            let name = format!("{option:?}");
            assert!(
                !name.contains("Timestamp") && !name.contains("Selective"),
                "{name}"
            );
        }
    }
    check(&net.frames());
}

#[test]
fn loss_is_repaired_and_reported() {
    let net = Net::new("loss");
    let mut c = net.tcp(IP).lose_every(Side::Server, 7);
    c.connect();
    let start = c.received(Side::Client);
    c.server_data(&[2; 100_000]);
    assert_eq!(c.received(Side::Client).wrapping_sub(start), 100_000);
    assert_eq!(c.seq(Side::Server), c.received(Side::Client));
    let unseen = net.frames().iter().filter(|f| !f.captured).count();
    assert_eq!(unseen, 100_000usize.div_ceil(1448) / 7);
    check(&net.frames());
}

#[test]
fn lost_segments_stay_unacknowledged() {
    let net = Net::new("unacked");
    let mut c = net.tcp(IP).lose(Side::Client, &[1]);
    c.connect();
    let start = c.seq(Side::Client);
    c.client_data(&[0; 3000]);
    assert_eq!(c.received(Side::Server).wrapping_sub(start), 1448);
    c.retransmit_backoff(Side::Client, 300, 3);
    assert_eq!(c.received(Side::Server).wrapping_sub(start), 1448);
    c.retransmit(Side::Client);
    assert_eq!(c.received(Side::Server).wrapping_sub(start), 3000);
}

fn handshake(client: Client, server: Server) -> (Session, Outcome, Vec<(Side, Vec<u8>)>) {
    let net = Net::new("handshake");
    let mut s = Session::new(&net, client, server);
    let flights: Vec<_> = s.flights().into();
    let outcome = s.outcome();
    (s, outcome, flights)
}

#[test]
fn tls_handshakes_complete() {
    let cert = || Cert::public(HOST);
    let good = [
        (Client::new(HOST), Server::new(cert())),
        (Client::new(HOST), Server::new(cert()).tls12()),
        (Client::new(HOST).pq(), Server::new(cert()).pq()),
        (Client::new(HOST).pq(), Server::new(cert())),
        (Client::new(HOST), Server::new(cert()).hello_retry()),
        (
            Client::new(HOST).no_sni().alpn(&[]),
            Server::new(Cert::self_signed(HOST).pad(3000)),
        ),
    ];
    for (client, server) in good {
        let (mut s, outcome, _) = handshake(client.clone(), server);
        assert_eq!(outcome, Outcome::Done, "{client:?}");
        assert!(s.send(Side::Client, b"GET / HTTP/1.1\r\n\r\n").len() > 18);
        assert!(s.send(Side::Server, &[0; 100_000]).len() > 100_000);
    }
}

#[test]
fn tls_resumes() {
    let (s, outcome, full) = handshake(Client::new(HOST), Server::new(Cert::public(HOST)));
    assert_eq!(outcome, Outcome::Done);
    let mut again = s.again();
    let short = again.flights();
    assert_eq!(again.outcome(), Outcome::Done);
    assert!(
        short[1].1.len() < 400 && full[1].1.len() > 1000,
        "no certificate the second time"
    );
}

#[test]
fn post_quantum_hello_takes_two_segments() {
    let (_, _, flights) = handshake(Client::new(HOST).pq(), Server::new(Cert::public(HOST)).pq());
    assert!(flights[0].1.len() > 1460);
    assert!(ClientHello::new(HOST).pq().record(&Net::new("pq")).len() > 1460);
    assert_eq!(ClientHello::new(HOST).record(&Net::new("plain")).len(), 517);
}

#[test]
fn tls_refusals_send_alerts() {
    let cert = || Cert::public(HOST);
    let alert =
        |flights: &[(Side, Vec<u8>)]| flights.iter().find(|f| f.1[0] == 21).map(|f| (f.0, f.1[6]));
    for (why, code) in [
        (Reject::UnknownCa, 48),
        (Reject::Expired, 45),
        (Reject::Name, 42),
        (Reject::Pin, 46),
    ] {
        let (_, outcome, f) = handshake(Client::new(HOST).reject(why), Server::new(cert()).tls12());
        assert!(matches!(outcome, Outcome::ClientFailed(_)));
        assert_eq!(alert(&f), Some((Side::Client, code)));
        let (_, outcome, f) = handshake(Client::new(HOST).reject(why), Server::new(cert()));
        assert!(matches!(outcome, Outcome::ClientFailed(_)));
        let (side, bytes) = f.last().unwrap();
        // change cipher spec, then the alert encrypted
        assert_eq!(
            (*side, &bytes[..11]),
            (Side::Client, &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 19][..])
        );
    }
    let (_, _, f) = handshake(Client::new(HOST).tls13(), Server::new(cert()).tls12());
    assert_eq!(
        alert(&f),
        Some((Side::Server, record::alert_code::PROTOCOL_VERSION))
    );
    let (_, _, f) = handshake(
        Client::new(HOST).alpn(&["h2"]),
        Server::new(cert()).alpn(&["http/1.0"]).tls12(),
    );
    assert_eq!(
        alert(&f),
        Some((Side::Server, record::alert_code::NO_APPLICATION_PROTOCOL))
    );
    let (_, outcome, _) = handshake(Client::new(HOST), Server::new(cert()).require_client_cert());
    assert!(matches!(outcome, Outcome::ServerFailed(_)), "{outcome:?}");
    let (_, outcome, f) = handshake(Client::new(HOST), Server::without_cert());
    assert!(
        matches!(outcome, Outcome::ServerFailed(_)) && alert(&f).is_some(),
        "{f:02x?}"
    );
}

fn quic_pair(net: &Net, client: quic::Client, server: quic::Server) -> quic::Quic {
    net.quic("2.16.20.33", client, server)
}

#[test]
fn quic_handshakes_complete() {
    let server = || quic::Server::new(Cert::public(HOST));
    let client = || quic::Client::new(HOST);
    let good = [
        (client(), server()),
        (client(), server().retry()),
        (client().pq(), server().tls(|t| t.pq())),
        (client().version(0xff00_001d), server()),
        (client().id_lengths(8, 0), server()),
        (client(), quic::Server::new(Cert::public(HOST).pad(4000))),
        (client(), server().tls(|t| t.hello_retry())),
    ];
    for (n, (c, s)) in good.into_iter().enumerate() {
        let net = Net::new("quic");
        let mut q = quic_pair(&net, c, s);
        assert!(
            q.handshake(),
            "{n}: {:?} {:?}",
            q.lost(Side::Client),
            q.lost(Side::Server)
        );
        assert!(net.now() < 200.0, "{n}: took {} ms", net.now());
        assert!(q.request(500, 200_000), "{n}");
        q.close(Side::Client, 0x100, "done");
        assert!(q.lost(Side::Server).is_some(), "{n}");
        check(&net.frames());
    }
}

#[test]
fn quic_refusals_end_the_connection() {
    let server = || quic::Server::new(Cert::public(HOST));
    let client = || quic::Client::new(HOST);
    let bad = [
        (client().alpn(&["h3"]), server().alpn(&["hq-interop"])),
        (client(), server().refuse()),
        (client(), server().versions(&[0xff00_001d])),
        (client().reject(Reject::UnknownCa), server()),
        (client(), server().without_cert()),
    ];
    for (n, (c, s)) in bad.into_iter().enumerate() {
        let net = Net::new("refused");
        let mut q = quic_pair(&net, c, s);
        assert!(!q.handshake(), "{n}");
        assert!(q.lost(Side::Client).is_some(), "{n}");
        check(&net.frames());
    }
}

#[test]
fn silent_server_is_probed_with_growing_gaps() {
    let net = Net::new("silent");
    let mut q = quic_pair(&net, quic::Client::new(HOST), quic::Server::silent());
    q.run_for(8000);
    let times: Vec<u64> = net.frames().iter().map(|f| f.at / 1_000_000).collect();
    assert!(times.len() >= 4, "{times:?}");
    assert!(times.iter().all(|t| *t < 8000));
    let seconds: Vec<u64> = times.iter().map(|t| t / 900).collect();
    assert!(
        seconds.contains(&1) && seconds.contains(&3),
        "probes after 1 and 3 s: {times:?}"
    );
}

#[test]
fn fate_decides() {
    let net = Net::new("fate");
    let server = quic::Server::new(Cert::public(HOST));
    let mut q = quic_pair(&net, quic::Client::new(HOST), server).fate(|d| {
        if d.from_server() && d.number == 0 {
            Fate::Lost
        } else {
            Fate::Deliver
        }
    });
    assert!(q.handshake(), "a lost datagram is repaired");
    assert_eq!(net.frames().iter().filter(|f| !f.captured).count(), 1);
}

#[test]
fn icmp_quotes_the_packet_of_its_family() {
    let net = Net::new("icmp");
    let mut c = net.tcp("[2600:1408:c400::17c9:2d0a]:443");
    c.syn();
    c.icmp("fe80::1", Icmp::Unreachable(1));
    c.icmp("2a02:8109::1", Icmp::TooBig(1280));
    let mut c = net.tcp(IP);
    c.syn();
    c.icmp("192.168.1.1", Icmp::TimeExceeded);
    let mut q = net.query(HOST, rtype::A);
    q.icmp(3, "192.168.1.1", Icmp::Unreachable(3));
    check(&net.frames());
    let quoted = &net.frames()[4].ip;
    assert_eq!(&quoted[28..48], &net.frames()[3].ip[..20]);
}

/// Reads a little-endian pcap back: times in microseconds and frames.
fn read_back(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4);
    let (mut at, mut all) = (24, Vec::new());
    while at < bytes.len() {
        let len = word(at + 8) as usize;
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        all.push((time, bytes[at + 16..at + 16 + len].to_vec()));
        at += 16 + len;
    }
    assert_eq!(at, bytes.len());
    all
}

#[test]
fn file_parses_back_with_rising_times() {
    let net = Net::new("file");
    net.visit(HOST, IP);
    net.visit_quic("v16-webapp.tiktok.com", "2.16.20.33");
    let (name, bytes) = net.file();
    assert_eq!(name, "capture.pcap");
    let frames = read_back(&bytes);
    assert_eq!(frames.len(), net.frames().len());
    assert!(frames.windows(2).all(|w| w[0].0 < w[1].0));
    for ((_, frame), f) in frames.iter().zip(net.frames()) {
        assert_eq!(frame[14..], f.ip);
    }
    check(&net.frames());
}

#[test]
fn big_files_have_right_checksums_and_distinct_flows() {
    let mut bytes = Vec::new();
    let plan = shakedown_craft::big::Plan {
        mb: 12,
        syns: 40_000,
    };
    let (packets, written) = shakedown_craft::big::write(&mut bytes, plan).unwrap();
    assert_eq!(written, bytes.len() as u64);
    let frames = read_back(&bytes);
    assert_eq!(frames.len() as u64, packets);
    assert!(frames.windows(2).all(|w| w[0].0 <= w[1].0));
    let plain: Vec<Frame> = frames
        .iter()
        .map(|(_, f)| Frame {
            at: 0,
            from: Side::Client,
            ip: f[14..].to_vec(),
            comment: None,
            captured: true,
        })
        .collect();
    check(&plain);
    let flows: std::collections::HashSet<_> = plain[plain.len() - 40_000..]
        .iter()
        .map(|f| f.ip[12..24].to_vec())
        .collect();
    assert_eq!(flows.len(), 40_000);
}

#[test]
fn same_name_gives_same_bytes() {
    let craft = || {
        let net = Net::new("repeat");
        net.resolve(HOST, &[IP]);
        let mut c = net.tcp(IP);
        c.connect();
        c.client_data(&ClientHello::new(HOST).pq().ech(144).record(&net));
        net.file().1
    };
    assert_eq!(craft(), craft());
}

#[test]
fn all_cases_have_a_sentence_and_a_name_of_their_own() {
    let mut seen = std::collections::HashSet::new();
    for case in shakedown_craft::cases::cases() {
        assert!(seen.insert(case.id()), "{} twice", case.id());
        assert!(
            case.about_text().ends_with('.'),
            "{}: about is a sentence",
            case.id()
        );
        let frames = case.run().frames();
        assert!(!frames.is_empty(), "{} captures nothing", case.id());
    }
}
