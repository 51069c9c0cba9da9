//! Handshakes made by rustls in memory, and streams written by hand where rustls makes none.

mod peers;

use super::TlsObserver;
use super::connection::Expect;
use crate::fact::tls::{TlsFacts, alert_name};
use crate::types::{FrameNumber, Mark, Side, Timestamp};
use peers::{Flight, Peers, Trust};

fn mark(frame: usize) -> Mark {
    Mark {
        time: Timestamp(frame as i64 * 1_000),
        frame: FrameNumber(frame as u32),
        ..Mark::default()
    }
}

/// Every flight is one packet, numbered from 1; `cut` says how many bytes the next piece of it has.
fn observe_cut(flights: &[Flight], mut cut: impl FnMut() -> usize) -> TlsFacts {
    let mut observer = TlsObserver::new();
    for (i, (side, bytes)) in flights.iter().enumerate() {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut().clamp(1, rest.len()));
            observer.data(*side, piece, mark(i + 1));
            rest = after;
        }
    }
    observer.into_facts()
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The facts, which must be the same for every segmentation.
fn observe(flights: &[Flight]) -> TlsFacts {
    let whole = observe_cut(flights, || usize::MAX);
    assert_eq!(observe_cut(flights, || 1), whole, "one byte at a time");
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for round in 0..50 {
        let cut = || (xorshift(&mut state) % 700) as usize;
        assert_eq!(observe_cut(flights, cut), whole, "random cuts {round}");
    }
    whole
}

/// The last flight before which only `flights` were seen.
fn frame_of(flights: &[Flight], side: Side, nth: usize) -> Mark {
    let of_side = |(_, flight): &(usize, &Flight)| flight.0 == side;
    let found = flights.iter().enumerate().filter(of_side).nth(nth);
    mark(found.expect("flight").0 + 1)
}

#[test]
fn tls13_complete() {
    let flights = Peers::tls13().run().flights;
    let facts = observe(&flights);
    let hello = facts.hello.as_ref().expect("hello");
    assert_eq!(facts.sni(), Some("server.example"));
    assert_eq!(facts.alpn_offered(), ["h2", "http/1.1"]);
    assert_eq!(hello.versions, [0x0304]);
    assert!(
        !hello.offers_resumption,
        "a compatibility session id is none"
    );
    assert_eq!(usize::try_from(facts.hello_end), Ok(flights[0].1.len()));
    assert_eq!(facts.hello_end, u64::from(hello.length) + 5);
    assert_eq!(facts.version_name(), Some("TLS 1.3"));
    assert_eq!(facts.certificate, None);
    assert_eq!(
        facts.client_finished,
        Some(frame_of(&flights, Side::Client, 1))
    );
    assert!(facts.client_data.is_some() && facts.server_data.is_some());
    assert!(facts.handshake_complete());
    assert_eq!(facts.lost_track.0, [false; 2]);
    assert_eq!(facts.open_record.0, [0; 2]);
}

#[test]
fn tls13_with_the_longer_hash() {
    let facts = observe(&Peers::tls13().suite(0x1302).run().flights);
    assert_eq!(
        facts.server_hello.as_ref().map(|hello| hello.cipher),
        Some(0x1302)
    );
    let flight = facts.client_flight.expect("flight");
    assert_eq!(flight.length, 69);
    assert!(facts.handshake_complete());
}

#[test]
fn tls12_complete() {
    let flights = Peers::tls12().run().flights;
    let facts = observe(&flights);
    assert_eq!(facts.version_name(), Some("TLS 1.2"));
    assert_eq!(facts.alpn(), Some("h2"));
    let chain = facts.certificate.as_ref().expect("chain");
    let leaf = &chain.certificates[0];
    assert_eq!(chain.sent, 1);
    assert_eq!(
        leaf.subject,
        "CN=server.example, OU=Tests, O=Example\\, Inc., C=XX"
    );
    assert_eq!(
        leaf.names,
        [
            "server.example",
            "*.server.example",
            "192.0.2.7",
            "2001:db8::7"
        ]
    );
    assert_eq!(
        leaf.issuer_attributes[0],
        ("O".to_owned(), "Example, Inc.".to_owned())
    );
    assert_eq!(
        (leaf.not_before, leaf.not_after),
        (1_795_357_042, 4_948_957_042)
    );
    assert!(leaf.self_signed && !leaf.is_ca);
    assert!(facts.server_hello_done.is_some() && facts.client_key_exchange.is_some());
    assert_eq!(
        facts.client_finished,
        Some(frame_of(&flights, Side::Client, 1))
    );
    assert_eq!(
        facts.server_finished,
        Some(frame_of(&flights, Side::Server, 1))
    );
    assert!(facts.handshake_complete());
    assert!(facts.alerts.is_empty());
}

#[test]
fn client_refuses_the_certificate_in_tls12() {
    let flights = Peers::tls12().trust(Trust::Nobody).run().flights;
    let facts = observe(&flights);
    let alert = facts.fatal_alert(Side::Client).expect("alert");
    assert_eq!(alert_name(alert.description), "unknown_ca");
    assert_eq!(alert.mark, frame_of(&flights, Side::Client, 1));
    assert_eq!(facts.fatal_alert(Side::Server), None);
    assert!(!facts.client_done());
}

#[test]
fn client_refuses_the_certificate_in_tls13() {
    for suite in [0x1301, 0x1302, 0x1303] {
        let flights = Peers::tls13()
            .suite(suite)
            .trust(Trust::Nobody)
            .run()
            .flights;
        let facts = observe(&flights);
        assert_eq!(facts.client_finished, None);
        assert_eq!(facts.client_flight, None);
        assert!(facts.alerts.is_empty(), "it is encrypted");
        let last = facts.last_record[Side::Client].expect("alert-sized");
        assert_eq!((last.kind, last.length), (23, 19));
    }
}

#[test]
fn server_refuses_in_plaintext() {
    let flights = Peers::tls13().against_tls12().run().flights;
    let facts = observe(&flights);
    let alert = facts.fatal_alert(Side::Server).expect("alert");
    assert_eq!(alert.name(), "protocol_version");
    assert_eq!(facts.server_hello, None);
}

#[test]
fn hello_retry_request() {
    let flights = Peers::tls13().retry().run().flights;
    let facts = observe(&flights);
    let retry = facts.retry_request.as_ref().expect("retry");
    assert!(retry.retry);
    assert_eq!(retry.group, Some(23));
    assert_eq!(
        facts.second_hello,
        Some(frame_of(&flights, Side::Client, 1))
    );
    assert_eq!(
        facts.server_hello.as_ref().and_then(|hello| hello.group),
        Some(23)
    );
    assert_eq!(facts.hello.as_ref().map(|hello| hello.mark), Some(mark(1)));
    assert!(facts.handshake_complete());
}

#[test]
fn resumption_and_early_data() {
    for peers in [Peers::tls12(), Peers::tls13()] {
        let peers = peers.run();
        assert_eq!(
            observe(&peers.flights)
                .server_hello
                .map(|hello| hello.resumed),
            Some(false)
        );
        let again = observe(&peers.again(false));
        assert!(
            again
                .hello
                .as_ref()
                .is_some_and(|hello| hello.offers_resumption)
        );
        assert_eq!(
            again.server_hello.as_ref().map(|hello| hello.resumed),
            Some(true)
        );
        assert_eq!(again.certificate, None);
        assert!(again.handshake_complete());
        assert_eq!(again.early_data, None);
    }
    let flights = Peers::tls13().run().again(true);
    let facts = observe(&flights);
    assert_eq!(facts.early_data, Some(mark(1)));
    assert_eq!(
        facts.client_finished,
        Some(frame_of(&flights, Side::Client, 1))
    );
    assert!(facts.handshake_complete());
}

#[test]
fn client_certificate_wanted() {
    let facts = observe(&Peers::tls12().client_auth().run().flights);
    assert!(facts.certificate_request.is_some() && facts.client_certificate.is_some());
    let facts = observe(&Peers::tls13().client_auth().run().flights);
    assert!(facts.client_flight.is_some());
    assert!(facts.client_done());
}

/// Puts the payload of handshake record after handshake record into records of `size` bytes.
fn refragment(bytes: &[u8], size: usize) -> Vec<u8> {
    let (mut rest, mut out) = (bytes, Vec::new());
    while rest.len() >= 5 {
        let end = 5 + usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        let size = if rest[0] == 22 { size } else { end };
        for piece in rest[5..end].chunks(size) {
            out.extend_from_slice(&rest[..3]);
            out.extend_from_slice(&(piece.len() as u16).to_be_bytes());
            out.extend_from_slice(piece);
        }
        rest = &rest[end..];
    }
    out
}

#[test]
fn messages_over_many_records() {
    let mut flights = Peers::tls12().run().flights;
    let before = observe(&flights);
    for size in [1, 2, 3, 100] {
        // What comes before the ChangeCipherSpec of each side.
        for flight in &mut flights[..2] {
            flight.1 = refragment(&flight.1, size);
        }
        let after = observe(&flights);
        assert_eq!(
            after.hello.as_ref().map(|h| &h.ja4),
            before.hello.as_ref().map(|h| &h.ja4)
        );
        assert_eq!(after.certificate, before.certificate);
        assert!(after.handshake_complete());
        assert_eq!(usize::try_from(after.hello_end), Ok(flights[0].1.len()));
    }
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 3, 3];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A ClientHello record with a post-quantum key share in front of the server name.
fn large_hello() -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut add = |kind: u16, data: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((data.len() as u16).to_be_bytes());
        extensions.extend_from_slice(data);
    };
    let mut shares = vec![0x04, 0xe5, 0x5a, 0x5a, 0, 1, 0, 0x11, 0xec, 0x04, 0xc0];
    shares.resize(7 + 4 + 1216, 7);
    shares.extend([0, 29, 0, 32]);
    shares.resize(shares.len() + 32, 9);
    let length = (shares.len() - 2) as u16;
    shares[..2].copy_from_slice(&length.to_be_bytes());
    add(51, &shares);
    add(0x1a1a, &[]);
    add(10, &[0, 6, 0x5a, 0x5a, 0x11, 0xec, 0, 29]);
    add(0, b"\x00\x13\x00\x00\x10Cloudflare-ECH.c");
    add(16, b"\x00\x06\x02\x0a\x0a\x02h2");
    add(0xfe0d, b"\x00\x00\x01\x00\x01\x2a\x00\x02ab\x00\x03abc");
    let mut hello = vec![1, 0, 0, 0, 3, 3];
    hello.extend([5; 32]);
    hello.extend([0, 0, 4, 0x6a, 0x6a, 0x13, 0x01, 1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = (hello.len() - 4) as u32;
    hello[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
    record(22, &hello)
}

#[test]
fn post_quantum_hello_over_packets() {
    let bytes = large_hello();
    let mut observer = TlsObserver::new();
    let (one, two) = bytes.split_at(900);
    observer.data(Side::Client, one, mark(4));
    assert_eq!(observer.facts().hello_begun, Some(mark(4)));
    assert_eq!(observer.facts().hello, None);
    assert_eq!(
        observer.facts().open_record[Side::Client] as usize,
        two.len()
    );
    observer.data(Side::Client, two, mark(6));
    let hello = observer.facts().hello.clone().expect("hello");
    assert_eq!(
        (hello.first, hello.mark, hello.packets),
        (mark(4), mark(6), 2)
    );
    assert_eq!(hello.key_shares, [0x11ec, 29]);
    assert_eq!(hello.groups, [0x11ec, 29]);
    assert_eq!(hello.alpn, ["h2"]);
    assert_eq!(hello.sni.as_deref(), Some("cloudflare-ech.c"));
    let ech = hello.ech_outer.expect("ECH");
    assert_eq!(
        (ech.config_id, ech.key_length, ech.payload_length),
        (42, 2, 3)
    );
    assert_eq!(hello.ech_grease, None, "no such public name");
    assert!(
        hello.ja4.to_string().starts_with("t12d0105h2_"),
        "{}",
        hello.ja4
    );
}

#[test]
fn plaintext_alerts_and_their_lookalikes() {
    let hello = (Side::Client, large_hello());
    let alert = (Side::Server, record(21, &[2, 112]));
    let facts = observe(&[hello.clone(), alert]);
    assert_eq!(
        facts.fatal_alert(Side::Server).map(|a| a.name()),
        Some("unrecognized_name")
    );
    let encrypted = (Side::Server, record(21, &[2; 26]));
    let nonsense = (Side::Server, record(21, &[7, 7]));
    let facts = observe(&[hello.clone(), encrypted, nonsense]);
    assert!(facts.alerts.is_empty());
    let many = (Side::Client, record(21, &[1, 0]).repeat(9));
    assert_eq!(observe(&[hello, many]).alerts.len(), 4);
}

#[test]
fn no_tls() {
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec();
    let reply = [b"HTTP/1.1 302 Found\r\n".to_vec(), vec![b'x'; 300]].concat();
    let facts = observe(&[
        (Side::Client, request.clone()),
        (Side::Server, reply.clone()),
    ]);
    let client = facts.not_tls[Side::Client].as_ref().expect("client");
    let server = facts.not_tls[Side::Server].as_ref().expect("server");
    assert_eq!((client.mark, &client.bytes), (mark(1), &request));
    assert_eq!(server.bytes, reply[..256]);
    assert!(!facts.is_tls());
    let facts = observe(&[(Side::Client, large_hello()), (Side::Server, reply)]);
    assert!(facts.hello.is_some() && facts.not_tls[Side::Server].is_some());
}

#[test]
fn connect_through_a_proxy() {
    let connect = b"CONNECT server.example:443 HTTP/1.1\r\nHost: server.example\r\n\r\n".to_vec();
    let opened = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
    let mut flights = vec![(Side::Client, connect.clone()), (Side::Server, opened)];
    flights.extend(Peers::tls13().run().flights);
    let facts = observe(&flights);
    assert_eq!(facts.proxy_connect.as_deref(), Some("server.example:443"));
    assert_eq!(facts.proxy_reply, Some((200, mark(2))));
    assert_eq!(facts.not_tls.0, [None, None]);
    assert_eq!(
        usize::try_from(facts.hello_end),
        Ok(connect.len() + flights[2].1.len())
    );
    assert!(facts.handshake_complete());

    let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\nbody".to_vec();
    let facts = observe(&[(Side::Client, connect), (Side::Server, refused.clone())]);
    assert_eq!(facts.proxy_reply, Some((407, mark(2))));
    let text = facts.not_tls[Side::Server]
        .as_ref()
        .map(|other| &other.bytes);
    assert_eq!(text, Some(&refused));
}

#[test]
fn sslv2_hello_is_known() {
    let mut hello = vec![0x80, 0x0c, 1, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    hello.extend(record(21, &[2, 40]));
    let facts = observe(&[(Side::Client, hello)]);
    assert_eq!(facts.sslv2_hello, Some(mark(1)));
    assert_eq!(facts.not_tls.0, [None, None]);
    assert_eq!(facts.alerts.len(), 1, "records go on behind it");
}

#[test]
fn gap_in_the_certificate_flight() {
    let flights = Peers::tls12().run().flights;
    let server = &flights[1].1;
    for (from, to) in [(200, 300), (200, 201), (300, server.len() - 3)] {
        let mut observer = TlsObserver::new();
        observer.data(Side::Client, &flights[0].1, mark(1));
        observer.data(Side::Server, &server[..from], mark(2));
        observer.gap(Side::Server, (to - from) as u64, mark(3));
        observer.data(Side::Server, &server[to..], mark(3));
        assert!(observer.facts().lost_track[Side::Server]);
        assert_eq!(observer.facts().certificate, None);
        for (i, (side, bytes)) in flights.iter().enumerate().skip(2) {
            observer.data(*side, bytes, mark(i + 2));
        }
        let facts = observer.into_facts();
        assert!(
            facts.client_done() && facts.handshake_complete(),
            "{from} {to}"
        );
        assert_eq!(facts.not_tls.0, [None, None]);
    }
}

#[test]
fn gap_in_application_data_loses_nothing() {
    let mut observer = TlsObserver::new();
    let flights = Peers::tls13().run().flights;
    for (i, (side, bytes)) in flights.iter().take(3).enumerate() {
        observer.data(*side, bytes, mark(i + 1));
    }
    let data = record(23, &[1; 500]);
    observer.data(Side::Server, &data[..100], mark(7));
    observer.gap(Side::Server, 300, mark(8));
    observer.data(Side::Server, &data[400..], mark(8));
    let facts = observer.facts();
    assert_eq!(facts.lost_track.0, [false; 2]);
    assert_eq!(facts.server_data, Some(mark(8)));
    let last = facts.records[Side::Server].last().expect("record");
    assert_eq!(
        (last.length, last.end),
        (500, flights[1].1.len() as u64 + 505)
    );
}

/// A message that begins behind a hole may be the middle of another.
#[test]
fn bytes_behind_a_hole_are_no_message() {
    let done = record(
        22,
        &[vec![11, 0, 0, 96], vec![0; 96], vec![14, 0, 0, 0]].concat(),
    );
    let mut observer = TlsObserver::new();
    observer.data(Side::Server, &done[..20], mark(1));
    observer.gap(Side::Server, (done.len() - 24) as u64, mark(2));
    observer.data(Side::Server, &done[done.len() - 4..], mark(2));
    assert_eq!(observer.facts().server_hello_done, None);
    assert!(observer.facts().lost_track[Side::Server]);
}

#[test]
fn records_are_taken_up_only_at_a_header() {
    let mut observer = TlsObserver::new_midstream();
    let chance = [&record(23, &[0; 9])[..], b"no header"].concat();
    observer.data(Side::Client, &chance, mark(1));
    observer.data(Side::Client, &record(23, &[]), mark(2));
    assert_eq!(observer.facts().record_count[Side::Client], 0);
    let two = record(23, &[0; 9]).repeat(2);
    observer.data(Side::Client, &two, mark(3));
    assert_eq!(observer.facts().record_count[Side::Client], 2);
}

#[test]
fn session_id_echoed_with_a_certificate_is_no_resumption() {
    let mut flights = Peers::tls12().run().flights;
    // Offers a session id; TLS 1.2 clients of rustls send none unless they resume.
    let hello = flights[0].1.clone();
    assert_eq!(hello[43], 0);
    let lengthen = |bytes: &mut Vec<u8>| {
        bytes[43] = 1;
        bytes.insert(44, 9);
        bytes[4] += 1;
        bytes[8] += 1;
    };
    lengthen(&mut flights[0].1);
    let server = &mut flights[1].1;
    let echoed = usize::from(server[43]);
    assert_eq!(echoed, 32);
    server.splice(43..44 + echoed, [1, 9]);
    server[8] -= 31;
    let length = u16::from_be_bytes([server[3], server[4]]) - 31;
    server[3..5].copy_from_slice(&length.to_be_bytes());
    let until_hello = server[..5 + 4 + usize::from(server[8])].to_vec();
    let partial = observe(&[flights[0].clone(), (Side::Server, until_hello)]);
    assert_eq!(partial.server_hello.map(|hello| hello.resumed), Some(true));
    let facts = observe(&flights);
    assert!(facts.certificate.is_some());
    assert_eq!(facts.server_hello.map(|hello| hello.resumed), Some(false));
}

#[test]
fn encrypted_alert_at_the_end() {
    let mut flights = Peers::tls12().run().flights;
    flights.truncate(4);
    let before = observe(&flights);
    assert_eq!(before.last_record.0, [None, None]);
    flights.push((Side::Client, record(21, &[2; 26])));
    let facts = observe(&flights);
    let last = facts.last_record[Side::Client].expect("alert");
    assert_eq!((last.kind, last.length, last.mark), (21, 26, mark(5)));
    assert!(facts.alerts.is_empty());
}

#[test]
fn beginning_lost() {
    let flights = Peers::tls13().run().flights;
    let mut observer = TlsObserver::new();
    observer.gap(Side::Client, 9, mark(1));
    observer.data(Side::Client, &flights[0].1[9..], mark(1));
    for (i, (side, bytes)) in flights.iter().enumerate().skip(1) {
        observer.data(*side, bytes, mark(i + 1));
    }
    let facts = observer.into_facts();
    assert!(facts.lost_track[Side::Client] && !facts.lost_track[Side::Server]);
    assert_eq!(
        facts.client_finished, None,
        "53 bytes prove nothing behind a hole"
    );
    assert_eq!(facts.not_tls.0, [None, None]);
    assert!(facts.server_hello.is_some());
}

#[test]
fn midstream() {
    let mut observer = TlsObserver::new_midstream();
    observer.data(Side::Client, b"no record at all", mark(1));
    observer.data(Side::Server, &record(23, &[0; 40]), mark(2));
    assert_eq!(observer.facts().not_tls.0, [None, None]);
    assert_eq!(observer.facts().lost_track.0, [true; 2]);
    assert_eq!(observer.facts().record_count.0, [0, 1]);

    let flights = Peers::tls13().run().flights;
    let mut observer = TlsObserver::new_midstream();
    for (i, (side, bytes)) in flights.iter().enumerate() {
        observer.data(*side, bytes, mark(i + 1));
    }
    let facts = observer.into_facts();
    assert_eq!(facts.lost_track.0, [false; 2], "a hello is a beginning");
    assert!(facts.handshake_complete());
}

#[test]
fn settles_after_data_both_ways_and_on_other_protocols() {
    let mut observer = TlsObserver::new();
    let flights = Peers::tls13().run().flights;
    let mut settled = Vec::new();
    for (i, (side, bytes)) in flights.iter().enumerate() {
        observer.data(*side, bytes, mark(i + 1));
        settled.push(observer.is_settled());
    }
    assert!(
        !settled.contains(&true),
        "small answers may be more tickets"
    );
    let before = observer.facts().records[Side::Server].len();
    let answer = record(23, &[0; 3000]);
    observer.data(Side::Server, &answer[..2900], mark(90));
    assert!(!observer.is_settled(), "the record is still to be noted");
    observer.data(Side::Server, &answer[2900..], mark(91));
    assert!(observer.is_settled() && observer.wants(Side::Server));
    assert_eq!(observer.facts().records[Side::Server].len(), before + 1);

    let mut observer = TlsObserver::new();
    observer.data(Side::Client, b"GET / HTTP/1.1\r\n\r\n", mark(1));
    observer.data(Side::Server, b"HTTP/1.1 200 OK\r\n\r\n", mark(2));
    assert!(!observer.is_settled());
    observer.data(Side::Server, &[b'x'; 5000], mark(3));
    assert!(observer.is_settled());
}

#[test]
fn ends_of_records_are_followed_after_the_handshake() {
    let mut observer = TlsObserver::new();
    for (i, (side, bytes)) in Peers::tls13().run().flights.iter().enumerate() {
        observer.data(*side, bytes, mark(i + 1));
    }
    observer.data(Side::Server, &record(23, &[0; 3000]), mark(90));
    assert!(observer.is_settled());
    let more = record(23, &[0; 9000]);
    observer.data(Side::Server, &more[..4000], mark(91));
    assert_eq!(observer.facts().open_record[Side::Server], 5005);
    observer.gap(Side::Server, 1000, mark(92));
    observer.data(Side::Server, &more[5000..], mark(93));
    assert_eq!(observer.facts().open_record[Side::Server], 0);
    observer.data(Side::Server, &record(23, &[0; 19]), mark(94));
    assert_eq!(observer.facts().farewell[Side::Server], Some(mark(94)));
    assert_eq!(observer.facts().unframed.0, [false; 2]);
    observer.gap(Side::Server, 1, mark(95));
    assert!(observer.facts().unframed[Side::Server] && !observer.wants(Side::Server));
    assert!(observer.wants(Side::Client));
}

#[test]
fn small_while_idle() {
    assert!(size_of::<TlsObserver>() <= 16);
    assert!(size_of::<Expect>() <= 16);
}

/// Nothing that a network can send makes it panic, and nothing is claimed that an alert alone would have to prove.
#[test]
fn mutated_streams() {
    let mut seeds = vec![
        Peers::tls13().run().flights,
        Peers::tls12().run().flights,
        Peers::tls13().retry().run().flights,
        vec![(Side::Client, large_hello())],
    ];
    let connect = b"CONNECT a:443 HTTP/1.1\r\n\r\n".to_vec();
    seeds.push(vec![
        (Side::Client, connect),
        (Side::Server, b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    ]);
    let mut state = 0x1234_5678_9abc_def1_u64;
    for round in 0..4000 {
        let mut observer = TlsObserver::new();
        for (i, (side, bytes)) in seeds[round % seeds.len()].iter().enumerate() {
            let mut bytes = bytes.clone();
            for _ in 0..xorshift(&mut state) % 8 {
                let at = (xorshift(&mut state) as usize) % bytes.len();
                bytes[at] = xorshift(&mut state) as u8;
            }
            if xorshift(&mut state).is_multiple_of(4) {
                bytes.truncate((xorshift(&mut state) as usize) % bytes.len());
            }
            if xorshift(&mut state).is_multiple_of(8) {
                observer.gap(
                    *side,
                    xorshift(&mut state) >> (xorshift(&mut state) % 64),
                    mark(i),
                );
            }
            let size = 1 + (xorshift(&mut state) as usize) % 400;
            for piece in bytes.chunks(size) {
                observer.data(*side, piece, mark(i));
            }
        }
        let facts = observer.into_facts();
        assert!(facts.records.0.iter().all(|records| records.len() <= 24));
        assert!(facts.alerts.len() <= 8);
    }
}
