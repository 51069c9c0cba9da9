//! Real handshakes by `quinn_proto`, and Initials made by hand for what it does not speak.

mod pair;

use std::time::Duration;

use self::pair::{NAME, Packet, Pair, Server};
use super::keys::tests::{seal, seal_to};
use super::version::V2;
use super::*;
use crate::types::{CaptureId, FrameNumber, Timestamp};

const DRAFT_29: u32 = 0xff00_001d;
const SECOND: Duration = Duration::from_secs(1);

fn mark(frame: u32) -> Mark {
    let time = Timestamp(i64::from(frame));
    Mark {
        time,
        frame: FrameNumber(frame),
        capture: CaptureId(0),
    }
}

fn observe(wire: &[Packet]) -> QuicObserver {
    let mut observer = QuicObserver::new();
    for packet in wire {
        let length = packet.payload.len() as u32;
        observer.datagram(packet.side, &packet.payload, length, packet.mark);
    }
    observer
}

/// A handshake and then some data each way.
fn conversation(mut pair: Pair) -> Pair {
    pair.connect(1);
    pair.run(SECOND);
    for _ in 0..4 {
        pair.write(Side::Client, &[1; 600]);
        pair.run(SECOND / 10);
        pair.write(Side::Server, &[1; 600]);
        pair.run(SECOND / 10);
    }
    pair
}

/// A ClientHello as bytes.
fn hello() -> Vec<u8> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let (version, name) = (rustls::quic::Version::V1, NAME.try_into().unwrap());
    let config = std::sync::Arc::new(config);
    let mut client =
        rustls::quic::ClientConnection::new(config, version, name, vec![1, 2, 0x40, 0]).unwrap();
    let mut bytes = Vec::new();
    client.write_hs(&mut bytes);
    bytes
}

fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let field = |n: usize| (0x4000 | n as u16).to_be_bytes();
    [&[6][..], &field(offset), &field(data.len()), data].concat()
}

/// Feeds datagrams with ascending frame numbers from 1.
fn feed(datagrams: &[(Side, Vec<u8>)]) -> QuicFacts {
    let mut observer = QuicObserver::new();
    for (index, (side, payload)) in datagrams.iter().enumerate() {
        observer.datagram(*side, payload, payload.len() as u32, mark(index as u32 + 1));
    }
    *observer.into_facts()
}

#[test]
fn whole_handshake() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let observer = observe(&pair.wire);
    assert!(observer.is_settled());
    let facts = observer.facts();
    assert_eq!((facts.version, facts.negotiated_version), (1, None));
    assert_eq!(
        (facts.sni(), facts.alpn_offered()),
        (Some(NAME), &["h3".to_owned()][..])
    );
    assert!(facts.hello.as_ref().unwrap().quic_parameters);
    assert_eq!(facts.server_hello.as_ref().unwrap().version, 0x0304);
    assert_eq!(facts.client_initials[0].frame, FrameNumber(1));
    assert_eq!(
        (facts.unanswered_initials, facts.probes, facts.duplicates),
        (1, 0, 0)
    );
    assert_eq!(facts.server_first, facts.server_initial);
    assert!(facts.acked.0.iter().all(Option::is_some));
    assert!(facts.handshake.0.iter().all(Option::is_some));
    assert!(facts.handshake_complete() && facts.got_through());
    assert!(!facts.undecryptable && !facts.midstream && !facts.clipped && !facts.swapped);
    assert!(facts.closes.is_empty() && facts.retries.is_empty() && facts.reused.is_none());
    assert_eq!(
        facts.datagrams.0.iter().sum::<u32>() as usize,
        pair.wire.len()
    );
    let bytes: usize = pair.wire.iter().map(|packet| packet.payload.len()).sum();
    assert_eq!(facts.bytes.0.iter().sum::<u64>() as usize, bytes);
    assert_eq!(
        facts.recent[Side::Server].last().copied(),
        facts.last[Side::Server]
    );
    assert_eq!(facts.recent[Side::Client].len(), 8);
}

#[test]
fn hello_over_two_datagrams_is_no_probe() {
    let alpn: Vec<_> = (0..120)
        .map(|n| format!("protocol-{n:08}"))
        .chain(["h3".into()])
        .collect();
    let pair = conversation(Pair::new(Server::Accepts, &alpn, "h3", &[1]));
    let facts = observe(&pair.wire).into_facts();
    let hello = facts.hello.as_ref().unwrap();
    assert_eq!(
        (facts.sni(), hello.alpn[1].as_str()),
        (Some(NAME), "protocol-00000001")
    );
    assert!(hello.packets >= 2 && hello.first.frame < hello.mark.frame);
    assert!(facts.client_initial_count >= 2);
    assert_eq!(facts.probes, 0);
    assert!(facts.handshake_complete());
}

#[test]
fn retry_changes_the_keys() {
    let facts = observe(&conversation(Pair::simple(Server::Retries)).wire).into_facts();
    assert_eq!(facts.retries.len(), 1);
    assert!(facts.initial_with_token.unwrap().frame > facts.retries[0].frame);
    assert_eq!(
        (facts.probes, facts.unanswered_initials, facts.reused),
        (0, 1, None)
    );
    assert!(facts.server_hello.is_some() && facts.handshake_complete());
}

#[test]
fn version_negotiation_and_restart() {
    let mut pair = Pair::new(Server::Accepts, &["h3".into()], "h3", &[DRAFT_29]);
    pair.connect(1);
    pair.run(SECOND);
    let facts = observe(&pair.wire).into_facts();
    let (mark, versions) = facts.version_negotiation.clone().unwrap();
    assert_eq!(
        (mark, versions),
        (facts.server_first.unwrap(), vec![DRAFT_29])
    );
    assert_eq!((facts.restarted, facts.negotiated_version), (None, None));
    assert_eq!(facts.sni(), Some(NAME));
    pair.connect(DRAFT_29);
    pair.run(SECOND);
    let facts = observe(&pair.wire).into_facts();
    assert_eq!(
        (facts.version, facts.negotiated_version),
        (1, Some(DRAFT_29))
    );
    assert!(facts.restarted.is_some() && facts.server_hello.is_some() && facts.reused.is_none());
    assert_eq!(facts.version_name(), "draft-29");
}

#[test]
fn server_refuses() {
    let mut pair = Pair::new(Server::Accepts, &["h3".into()], "other", &[1]);
    pair.connect(1);
    pair.run(SECOND);
    let facts = observe(&pair.wire).into_facts();
    let close = &facts.closes[0];
    assert_eq!(
        (close.from, close.alert(), close.application),
        (Side::Server, Some(120), false)
    );
    assert_eq!(close.name(), "CRYPTO_ERROR (alert 120)");
    assert!(facts.server_initial.is_some() && !facts.got_through() && !facts.handshake_complete());

    let mut pair = Pair::simple(Server::Refuses);
    pair.connect(1);
    pair.run(SECOND);
    let facts = observe(&pair.wire).into_facts();
    assert_eq!(facts.closes[0].name(), "CONNECTION_REFUSED");
    assert_eq!(facts.closes.len(), 1);
}

#[test]
fn client_alone_probes() {
    let mut pair = Pair::simple(Server::Absent);
    pair.connect(1);
    pair.run(SECOND * 8);
    let facts = observe(&pair.wire).into_facts();
    let tries = pair.wire.len() as u32;
    assert!(tries >= 4);
    assert_eq!(
        (facts.client_initial_count, facts.unanswered_initials),
        (tries, tries)
    );
    assert_eq!(facts.probes, tries - 1);
    assert_eq!((facts.sni(), facts.server_first), (Some(NAME), None));
    assert_eq!(facts.since_last_of_other.0, [tries, 0]);
}

#[test]
fn handshake_that_stalls_is_not_complete() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let done = observe(&pair.wire).into_facts().confirmed.unwrap();
    let until = pair
        .wire
        .iter()
        .position(|packet| packet.mark == done)
        .unwrap();
    let facts = observe(&pair.wire[..until]).into_facts();
    assert!(facts.handshake[Side::Client].is_some() && !facts.handshake_complete());
    // The server repeats its flight after a 1-RTT packet of its own: it has not got the Finished.
    let flight = pair
        .wire
        .iter()
        .find(|packet| packet.side == Side::Server)
        .unwrap();
    let mut observer = observe(&pair.wire[..=until]);
    assert!(observer.facts().handshake_complete());
    // It acknowledges the Finished, as quic-go does: a Handshake packet too small for any part of a flight.
    let cid = |cids: &[ConnectionId]| [&[cids[0].len() as u8], &cids[0][..]].concat();
    let facts = observer.facts();
    let (to, from) = (cid(&facts.client_cids), cid(&facts.server_cids));
    let ack = [&[0xe0, 0, 0, 0, 1][..], &to, &from, &[24], &[0x55; 24]].concat();
    observer.datagram(Side::Server, &ack, ack.len() as u32, mark(98));
    assert!(observer.facts().handshake_complete());
    observer.datagram(Side::Server, &flight.payload, 1200, mark(99));
    assert!(!observer.facts().handshake_complete());
}

#[test]
fn sides_the_wrong_way_round() {
    let mut pair = conversation(Pair::simple(Server::Accepts));
    let right = observe(&pair.wire).into_facts();
    pair.wire
        .iter_mut()
        .for_each(|packet| packet.side = packet.side.other());
    let turned = observe(&pair.wire).into_facts();
    assert!(turned.swapped && turned.midstream);
    let expected = QuicFacts {
        swapped: true,
        midstream: true,
        ..*right
    };
    assert_eq!(
        *turned,
        QuicFacts {
            unanswered_initials: turned.unanswered_initials,
            ..expected
        }
    );
}

#[test]
fn starts_in_the_middle() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let from = pair
        .wire
        .iter()
        .position(|packet| packet.side == Side::Server)
        .unwrap();
    let facts = observe(&pair.wire[from..]).into_facts();
    assert!(facts.midstream && facts.sni().is_none());
    let facts = observe(&pair.wire[pair.wire.len() - 3..]).into_facts();
    assert!(facts.midstream && facts.client_initials.is_empty());
}

#[test]
fn clipped_headers_still_count() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let mut observer = QuicObserver::new();
    for packet in &pair.wire {
        let length = packet.payload.len();
        let payload = &packet.payload[..length.min(54)];
        observer.datagram(packet.side, payload, length as u32, packet.mark);
    }
    let facts = observer.into_facts();
    assert!(facts.clipped && facts.undecryptable && facts.sni().is_none());
    assert!(facts.server_initial.is_some() && facts.got_through());
    assert_eq!(facts.version, 1);
}

#[test]
fn next_five_tuple_is_linked_by_server_cid() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let facts = observe(&pair.wire).into_facts();
    let last = pair
        .wire
        .iter()
        .rfind(|packet| packet.side == Side::Client)
        .unwrap();
    assert!(facts.owns(&last.payload));
    let server = pair
        .wire
        .iter()
        .rfind(|packet| packet.side == Side::Server)
        .unwrap();
    assert!(!facts.owns(&server.payload) && !facts.owns(&[]));
}

#[test]
fn stateless_reset_and_what_disproves_it() {
    let pair = conversation(Pair::simple(Server::Accepts));
    let last = |side| {
        pair.wire
            .iter()
            .rfind(|packet| packet.side == side)
            .unwrap()
    };
    let request = [&last(Side::Client).payload[..], &[0; 100]].concat();
    let answer = &last(Side::Server).payload;
    let mut observer = observe(&pair.wire);
    let mut frame = 100;
    let mut step = |side, payload: &[u8]| {
        frame += 1;
        observer.datagram(side, payload, payload.len() as u32, mark(frame));
        observer.facts().stateless_reset.map(|mark| mark.frame.0)
    };
    assert_eq!(step(Side::Client, &request), None);
    assert_eq!(step(Side::Server, &[0x55; 40]), Some(102));
    // Two datagrams of the client may have been under way, a third was not.
    assert_eq!(step(Side::Client, &request), Some(102));
    assert_eq!(step(Side::Client, &request), Some(102));
    assert_eq!(step(Side::Client, &request), None);
    // The server goes on.
    assert_eq!(step(Side::Server, &[0x66; 40]), Some(106));
    assert_eq!(step(Side::Server, answer), None);
    // It was but a connection id that was not known yet.
    assert_eq!(step(Side::Server, &[0x77; 40]), Some(108));
    assert_eq!(step(Side::Server, &[0x77; 50]), None);
    assert_eq!(step(Side::Server, &[0x77; 40]), None);
    // Longer than what it would answer.
    let longer = vec![0x58; request.len() + 1];
    assert_eq!(step(Side::Server, &longer), None);
}

#[test]
fn every_version_with_pieces_out_of_order() {
    let hello = hello();
    for version in [
        1,
        V2,
        DRAFT_29,
        0xff00_0022,
        0xff00_001b,
        0xff00_0016,
        0xface_b002,
    ] {
        let (a, b) = hello.split_at(100);
        let frames = [crypto(100, b), vec![1], crypto(50, &a[50..]), vec![0; 9]].concat();
        let first = seal(version, b"8 bytes.", Side::Client, 0, &frames);
        let second = seal(version, b"8 bytes.", Side::Client, 1, &crypto(0, &a[..60]));
        assert!(looks_like_quic(&first, 4433, 50000), "{version:x}");
        let facts = feed(&[(Side::Client, first), (Side::Client, second)]);
        assert_eq!((facts.version, facts.sni()), (version, Some(NAME)));
        let hello = facts.hello.as_ref().unwrap();
        assert_eq!(
            (hello.first, hello.mark, hello.packets),
            (mark(2), mark(2), 2)
        );
        assert_eq!(facts.probes, 0);
    }
}

#[test]
fn probes_and_duplicates() {
    let hello = crypto(0, &hello());
    let initial = |number, frames: &[u8]| {
        (
            Side::Client,
            seal(1, b"8 bytes.", Side::Client, number, frames),
        )
    };
    let ack = [2, 0, 0, 0, 0];
    let facts = feed(&[
        initial(0, &hello),
        initial(1, &[1; 4]),
        initial(1, &[1; 4]),
        initial(2, &hello),
        initial(3, &ack),
    ]);
    assert_eq!(
        (facts.probes, facts.duplicates, facts.client_initial_count),
        (2, 1, 4)
    );
    assert_eq!(facts.acked[Side::Client], Some(mark(5)));
}

#[test]
fn server_takes_another_version_with_the_same_dcid() {
    let frames = [&[2, 0, 0, 0, 0][..], &[0; 20]].concat();
    let facts = feed(&[
        (
            Side::Client,
            seal(1, b"8 bytes.", Side::Client, 0, &crypto(0, &hello())),
        ),
        (
            Side::Server,
            seal_to(V2, b"", b"8 bytes.", Side::Server, 0, &frames),
        ),
    ]);
    assert_eq!((facts.version, facts.negotiated_version), (1, Some(V2)));
    assert_eq!(facts.acked[Side::Server], Some(mark(2)));
    assert_eq!(facts.reused, None);
}

#[test]
fn later_initials_to_another_dcid() {
    let hello = hello();
    let (a, b) = hello.split_at(77);
    let facts = feed(&[
        (
            Side::Client,
            seal(1, b"8 bytes.", Side::Client, 0, &crypto(0, a)),
        ),
        (
            Side::Client,
            seal_to(1, b"other", b"8 bytes.", Side::Client, 1, &crypto(77, b)),
        ),
    ]);
    assert_eq!(
        (facts.sni(), facts.reused, facts.undecryptable),
        (Some(NAME), None, false)
    );
}

#[test]
fn another_connection_on_the_same_ports() {
    let hello = crypto(0, &hello());
    let facts = feed(&[
        (Side::Client, seal(1, b"8 bytes.", Side::Client, 0, &hello)),
        (Side::Client, seal(1, b"8 more b", Side::Client, 0, &hello)),
    ]);
    assert_eq!(
        (facts.reused, facts.duplicates, facts.probes),
        (Some(mark(2)), 0, 0)
    );
}

#[test]
fn an_initial_of_another_connection_from_the_same_socket() {
    let initial = |dcid: &[u8; 8], scid: &[u8]| {
        let head = [&[0xc3, 0, 0, 0, 1, 8][..], dcid, &[scid.len() as u8], scid];
        [&head.concat()[..], &[0, 0x44, 0x96], &[0; 1174]].concat()
    };
    let mut observer = QuicObserver::new();
    let first = initial(b"8 bytes.", b"mine");
    observer.datagram(Side::Client, &first, 1200, mark(1));
    assert!(!observer.opens_another(&first));
    // The same id of the sender: the same connection, whatever it calls the server (after Retry, for instance).
    assert!(!observer.opens_another(&initial(b"8 more b", b"mine")));
    // Without an id of its own, a socket has one connection.
    assert!(!observer.opens_another(&initial(b"8 more b", b"")));
    let mut other = initial(b"8 more b", b"new");
    assert!(observer.opens_another(&other));
    assert!((0..22).all(|end| !observer.opens_another(&other[..end.min(15)])));
    other[0] = 0xe3; // Handshake
    assert!(!observer.opens_another(&other));
}

#[test]
fn the_fixed_bit_may_be_cleared() {
    let mut initial = seal(1, b"8 bytes.", Side::Client, 0, &[0; 1162]);
    initial[0] &= !0x40;
    assert!(looks_like_quic(&initial, 443, 50000));
    // RTP begins with such a byte.
    assert!(!looks_like_quic(&initial, 4433, 50000));
    assert!(!looks_like_quic(&initial[..172], 443, 50000));
}

#[test]
fn unknown_versions_are_named_and_counted() {
    let mut unknown = seal(1, b"8 bytes.", Side::Client, 0, &[0; 1162]);
    unknown[1..5].copy_from_slice(&[0x12, 0x34, 0x56, 0x78]);
    assert!(looks_like_quic(&unknown, 443, 50000) && !looks_like_quic(&unknown, 4433, 50000));
    let facts = feed(&[(Side::Client, unknown)]);
    assert!(facts.undecryptable && facts.client_initial_count == 1);
    assert_eq!(facts.version_name(), "0x12345678");
    let gquic = b"\x0dconn-id8Q043\x01 and so on".to_vec();
    assert!(looks_like_quic(&gquic, 443, 50000));
    let facts = feed(&[(Side::Client, gquic)]);
    assert!(facts.undecryptable && !facts.midstream);
    assert_eq!(facts.version_name(), "Q043");
}

#[test]
fn grease_is_read_with_the_keys_of_the_version_behind_it() {
    const GREASE: u32 = 0xbaba_baba;
    let initial = seal(GREASE, b"8 bytes.", Side::Client, 0, &crypto(0, &hello()));
    let negotiation = [
        &[0xff, 0, 0, 0, 0, 0, 8][..],
        b"8 bytes.",
        &[0, 0, 0, 1, 0xba, 0xba, 0xba, 0xba],
    ];
    let restart = seal(1, b"8 bytes.", Side::Client, 0, &crypto(0, &hello()));
    let facts = feed(&[
        (Side::Client, initial),
        (Side::Server, negotiation.concat()),
        (Side::Client, restart),
    ]);
    assert_eq!((facts.version, facts.sni()), (GREASE, Some(NAME)));
    assert_eq!(facts.version_negotiation, Some((mark(2), vec![1])));
    assert_eq!(
        (facts.restarted, facts.negotiated_version),
        (Some(mark(3)), Some(1))
    );
    assert_eq!((facts.duplicates, facts.probes, facts.reused), (0, 0, None));
}

#[test]
fn other_protocols_do_not_look_like_quic() {
    for id in 0..=u16::MAX {
        for flags in [0, 0x0100, 0x8180, 0x8183, 0x0120, 0x8580] {
            for count in [0u16, 1, 2] {
                let fields = [id, flags, count, 1, 0, 1];
                let mut dns: Vec<u8> = fields.iter().flat_map(|f| f.to_be_bytes()).collect();
                dns.extend(b"\x03www\x07example\x03org\0\0\x01\0\x01");
                assert!(
                    !looks_like_quic(&dns, 53, 50000),
                    "{id:x} {flags:x} {count}"
                );
            }
        }
    }
    for first in (0..64).chain(128..192) {
        for second in 0..=255 {
            let other = [
                &[first, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                &[7; 1300],
            ]
            .concat();
            assert!(
                !looks_like_quic(&other, 443, 443) || (first, second) == (128, 0) || second == 0
            );
            assert!(
                !looks_like_quic(&other, 3478, 50000),
                "{first:x} {second:x}"
            );
        }
    }
}

/// Changes a datagram: bytes, length, order of halves.
fn mutate(payload: &mut Vec<u8>, mut random: impl FnMut() -> usize) {
    for _ in 0..random() % 4 {
        let at = random() % payload.len().max(1);
        // Mostly in the header, where all depends on each byte.
        let at = if random().is_multiple_of(4) {
            at
        } else {
            at % 48
        };
        if let Some(byte) = payload.get_mut(at) {
            *byte = random() as u8;
        }
    }
    if random().is_multiple_of(4) {
        payload.truncate(random() % (payload.len() + 1));
    }
}

#[test]
fn mutated_datagrams_do_no_harm() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize
    };
    let servers = [Server::Accepts, Server::Retries, Server::Refuses];
    let mut wires: Vec<Packet> = servers
        .into_iter()
        .flat_map(|s| conversation_or_refusal(s).wire)
        .collect();
    let frames = [
        &[2, 9, 0, 1, 0, 0, 0][..],
        &crypto(0, &hello()),
        &[0x1c, 1, 0, 2, 65, 66],
    ];
    let frames = frames.concat();
    let mut observer = QuicObserver::new();
    for round in 0..200_000_u32 {
        if round % 40 == 0 {
            observer = QuicObserver::new();
        }
        let mut payload = if round % 8 == 0 {
            let mut frames = frames.clone();
            mutate(&mut frames, &mut random);
            frames.resize(frames.len().max(4), 0);
            seal(
                [1, V2][random() % 2],
                b"8 bytes.",
                Side::Client,
                round % 40,
                &frames,
            )
        } else {
            let index = random() % wires.len();
            let mut payload = wires[index].payload.clone();
            mutate(&mut payload, &mut random);
            payload
        };
        if random() % 64 == 0 {
            payload.extend_from_slice(&wires[random() % 3].payload);
        }
        _ = looks_like_quic(&payload, 443, 50000);
        let side = if random() % 3 == 0 {
            Side::Server
        } else {
            Side::Client
        };
        let length = payload.len() as u32 + if random() % 8 == 0 { 100 } else { 0 };
        observer.datagram(side, &payload, length, mark(round));
        let facts = observer.facts();
        assert!(facts.client_initials.len() <= 16 && facts.closes.len() <= 4);
        assert!(facts.client_cids.len() <= 8 && facts.server_cids.len() <= 8);
    }
    wires.clear();
}

fn conversation_or_refusal(server: Server) -> Pair {
    if server == Server::Refuses {
        let mut pair = Pair::simple(server);
        pair.connect(1);
        pair.run(SECOND);
        return pair;
    }
    conversation(Pair::simple(server))
}
