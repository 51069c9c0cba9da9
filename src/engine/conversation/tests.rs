//! Flows by their first packets, and ports that are used again.

use crate::diagnose::Thresholds;
use crate::engine::{Engine, Limits};
use crate::fact::tcp::TcpFacts;
use crate::target::Target;
use crate::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Side, Timestamp};
use etherparse::PacketBuilder;

const CLIENT: [u8; 4] = [192, 168, 1, 23];
const SERVER: [u8; 4] = [23, 49, 60, 10];
const RAW_IP: LinkType = LinkType(101);

/// An engine that takes every service, with a clock.
struct Bench {
    engine: Engine,
    frame: u32,
    ms: i64,
}

#[derive(Clone, Copy)]
enum Kind {
    Syn,
    SynAck,
    Ack,
    Rst,
    Fin,
}

impl Bench {
    fn new() -> Self {
        Self::limited(Limits::default())
    }

    fn limited(limits: Limits) -> Self {
        Self {
            engine: Engine::new(Target::everything(), limits),
            frame: 0,
            ms: 0,
        }
    }

    fn feed(&mut self, data: &[u8]) -> &mut Self {
        self.frame += 1;
        let mark = Mark {
            time: Timestamp(self.ms * 1_000_000),
            frame: FrameNumber(self.frame),
            capture: CaptureId(0),
        };
        self.engine.handle_frame(&Frame {
            mark,
            link: RAW_IP,
            original_len: data.len() as u32,
            direction: Direction::Unknown,
            uid: None,
            data,
        });
        self
    }

    fn send(
        &mut self,
        from: Side,
        port: u16,
        kind: Kind,
        seq: u32,
        ack: u32,
        data: &[u8],
    ) -> &mut Self {
        let packet = packet(from, port, kind, seq, ack, data);
        self.feed(&packet)
    }

    /// A whole handshake with this client number.
    fn open(&mut self, port: u16, isn: u32) -> &mut Self {
        self.send(Side::Client, port, Kind::Syn, isn, 0, &[]);
        self.send(Side::Server, port, Kind::SynAck, 900, isn + 1, &[]);
        self.send(Side::Client, port, Kind::Ack, isn + 1, 901, &[])
    }

    fn wait(&mut self, ms: i64) -> &mut Self {
        self.ms += ms;
        self
    }

    fn facts(&mut self) -> Vec<TcpFacts> {
        self.engine.finish();
        let flows = self.engine.flows();
        assert!(
            flows.iter().all(|f| f.server.port == 443),
            "the server is found"
        );
        flows
            .iter()
            .filter_map(|f| f.tcp.as_deref().cloned())
            .collect()
    }
}

fn packet(from: Side, port: u16, kind: Kind, seq: u32, ack: u32, data: &[u8]) -> Vec<u8> {
    let (src, dst, ports) = match from {
        Side::Client => (CLIENT, SERVER, (port, 443)),
        Side::Server => (SERVER, CLIENT, (443, port)),
    };
    let builder = PacketBuilder::ipv4(src, dst, 60).tcp(ports.0, ports.1, seq, 500);
    let builder = match kind {
        Kind::Syn => builder.syn(),
        Kind::SynAck => builder.syn().ack(ack),
        Kind::Ack => builder.ack(ack),
        Kind::Rst => builder.rst().ack(ack),
        Kind::Fin => builder.fin().ack(ack),
    };
    let mut bytes = Vec::new();
    builder.write(&mut bytes, data).unwrap();
    bytes
}

/// ICMP host unreachable about a packet of the client.
fn unreachable(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let error = etherparse::Icmpv4Type::DestinationUnreachable(
        etherparse::icmpv4::DestUnreachableHeader::Host,
    );
    PacketBuilder::ipv4([192, 168, 1, 1], CLIENT, 64)
        .icmpv4(error)
        .write(&mut bytes, quoted)
        .unwrap();
    bytes
}

#[test]
fn another_number_on_the_same_ports_is_another_connection() {
    let mut bench = Bench::new();
    bench.open(5000, 100).wait(60_000).open(5000, 7000);
    let facts = bench.facts();
    assert_eq!(facts.len(), 2);
    assert!(facts.iter().all(|f| f.established() && f.syn.count == 1));
}

#[test]
fn the_same_number_is_a_resend() {
    let mut bench = Bench::new();
    bench.send(Side::Client, 5000, Kind::Syn, 100, 0, &[]);
    bench.wait(1000).open(5000, 100);
    let facts = bench.facts();
    assert_eq!((facts.len(), facts[0].syn.count), (1, 2));
}

#[test]
fn a_syn_after_the_middle_of_another_connection_is_new() {
    let mut bench = Bench::new();
    bench.send(Side::Client, 5000, Kind::Ack, 10_000, 20_000, b"x");
    bench.wait(5000).open(5000, 100);
    let facts = bench.facts();
    assert_eq!(facts.len(), 2);
    assert!(facts[0].midstream && !facts[1].midstream);
}

#[test]
fn a_syn_that_comes_after_its_syn_ack_is_the_same_connection() {
    let mut bench = Bench::new();
    bench.send(Side::Server, 5000, Kind::SynAck, 900, 101, &[]);
    bench
        .wait(20)
        .send(Side::Client, 5000, Kind::Syn, 100, 0, &[]);
    bench.send(Side::Client, 5000, Kind::Ack, 101, 901, &[]);
    let facts = bench.facts();
    assert_eq!(facts.len(), 1);
    assert!(facts[0].established() && facts[0].syn.count == 1);
}

#[test]
fn data_in_the_syn_is_read_from_its_start() {
    let mut bench = Bench::new();
    bench.send(Side::Client, 5000, Kind::Syn, 100, 0, b"\x16\x03\x01");
    bench.send(Side::Server, 5000, Kind::SynAck, 900, 104, &[]);
    bench.send(Side::Client, 5000, Kind::Ack, 104, 901, &[]);
    let facts = bench.facts();
    assert!(facts[0].fast_open && facts[0].established());
    assert_eq!(facts[0].half[Side::Client].sent, 3);
}

#[test]
fn ports_without_a_start_tell_the_sides() {
    let mut bench = Bench::new();
    bench.send(Side::Server, 5000, Kind::Ack, 900, 101, b"data");
    bench.send(Side::Client, 5000, Kind::Fin, 101, 904, &[]);
    bench.send(Side::Server, 5000, Kind::Rst, 904, 102, &[]);
    let facts = bench.facts();
    assert!(facts[0].midstream);
    assert!(facts[0].half[Side::Client].fin.is_some());
    assert_eq!(
        facts[0].reset_from(Side::Server).map(|r| r.in_sequence),
        Some(true)
    );
}

/// The detail made for an ICMP error is counted like any other: giving the flow up does not count below zero.
#[test]
fn an_error_about_a_lone_syn_is_counted() {
    let mut bench = Bench::limited(Limits {
        flows: 16,
        tracked: 16,
    });
    for port in 5000..5100 {
        let syn = packet(Side::Client, port, Kind::Syn, 100, 0, &[]);
        bench.feed(&syn).wait(1).feed(&unreachable(&syn)).wait(5);
        bench.send(Side::Client, port, Kind::Syn, 9999, 0, &[]);
    }
    assert!(!bench.facts().is_empty());
}

#[test]
fn a_report_can_be_made_of_nothing() {
    let report = Engine::new(Target::everything(), Limits::default());
    assert!(
        report
            .snapshot(&[], Thresholds::default())
            .attempts
            .is_empty()
    );
}
