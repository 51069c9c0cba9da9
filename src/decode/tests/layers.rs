//! One frame for each layer, and what must not be taken for one.

use super::craft::{self, Case, cases};
use super::*;

fn check(case: &Case, packet: &Packet<'_>) {
    let name = case.name;
    let (ports, v6) = if case.v6 {
        ((5000, 53), true)
    } else {
        ((1234, 443), false)
    };
    assert_eq!(packet.src.is_v4(), !v6, "{name}");
    if !v6 {
        assert_eq!(
            (packet.src, packet.dst),
            (Addr::v4([10, 0, 0, 1]), Addr::v4([10, 0, 0, 2])),
            "{name}"
        );
    } else {
        assert_eq!(packet.dst, Addr::v6(craft::v6_address(2)), "{name}");
    }
    let (src_port, dst_port, payload, payload_len) = content(packet);
    assert_eq!((src_port, dst_port), ports, "{name}");
    assert_eq!((payload, payload_len), (&b"hello"[..], 5), "{name}");
    assert_eq!(packet.direction, case.direction, "{name}");
    assert_eq!(packet.tunnelled, case.tunnelled, "{name}");
    let app = packet.app.map(|app| (app.name, app.uid, app.pid));
    assert_eq!(app, case.app, "{name}");
}

#[test]
fn every_layer_leads_to_its_packet() {
    let mut decoder = Decoder::new();
    for case in cases() {
        let frame = frame(case.link, &case.data);
        assert!(supports(frame.link), "{}", case.name);
        match decoder.decode(&frame) {
            Outcome::Packet(packet) => check(&case, &packet),
            other => panic!("{}: {other:?}", case.name),
        }
    }
}

#[test]
fn the_fast_path_takes_the_plain_frames_and_agrees() {
    let mut taken = Vec::new();
    for case in cases() {
        let frame = frame(case.link, &case.data);
        let Some(fast) = decode_fast(&frame) else {
            continue;
        };
        taken.push(case.name);
        let Ok(Walk::Packet(slow)) = walk_frame(&frame) else {
            panic!("{}", case.name);
        };
        assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{}", case.name);
    }
    for name in [
        "ethernet v4",
        "ethernet v6",
        "802.1q",
        "qinq",
        "raw v4",
        "sll in",
        "sll2 out",
        "pcapdroid",
    ] {
        assert!(taken.contains(&name), "{name}");
    }
    assert!(!taken.contains(&"vxlan"));
}

#[test]
fn fields_of_the_headers() {
    let data = craft::v4_tcp();
    let mut decoder = Decoder::new();
    let packet = packet(&mut decoder, &frame(101, &data));
    let Transport::Tcp(tcp) = packet.transport else {
        panic!("{packet:?}");
    };
    assert_eq!((tcp.seq, tcp.ack, tcp.window), (1000, 77, 65000));
    assert_eq!(tcp.flags, TcpFlags(TcpFlags::PSH | TcpFlags::ACK));
    assert_eq!(tcp.timestamps(), Some((1, 2)));
    assert_eq!((packet.ttl, packet.dont_fragment), (64, true));
}

#[test]
fn the_snap_length_cuts_the_payload_but_not_its_length() {
    let data = craft::ethernet(0x0800, &craft::v4_tcp());
    let mut decoder = Decoder::new();
    for cut in 1..=5 {
        let mut frame = frame(1, &data[..data.len() - cut]);
        frame.original_len += u32::try_from(cut).unwrap();
        let packet = packet(&mut decoder, &frame);
        assert_eq!(content(&packet), (1234, 443, &b"hello"[..5 - cut], 5));
    }
    // Within the options: what is there of them stays.
    let mut frame = frame(1, &data[..14 + 20 + 24]);
    frame.original_len = u32::try_from(data.len()).unwrap();
    let packet = packet(&mut decoder, &frame);
    assert!(
        matches!(packet.transport, Transport::Tcp(t) if t.options.len() == 4 && t.payload_len == 5)
    );
}

#[test]
fn segmentation_offload_leaves_the_length_to_the_frame() {
    let mut decoder = Decoder::new();
    let mut v4 = craft::ethernet(0x0800, &craft::v4_tcp());
    v4[16..18].fill(0);
    assert_eq!(content(&packet(&mut decoder, &frame(1, &v4))).2, b"hello");
    let mut v6 = craft::ethernet(0x86dd, &craft::v6_udp());
    v6[18..20].fill(0);
    assert_eq!(content(&packet(&mut decoder, &frame(1, &v6))).2, b"hello");
}

#[test]
fn ordinary_datagrams_on_tunnel_ports_stay_what_they_are() {
    let mut decoder = Decoder::new();
    let inner = craft::v4_tcp();
    let short = craft::join(&[&[0x30, 0xff, 0xff, 0xff, 0, 0, 0, 1], &inner]);
    let arp = craft::join(&[
        &[8, 0, 0, 0, 0, 0, 5, 0],
        &craft::ethernet(0x0806, &[0; 28]),
    ]);
    let payloads: [&[u8]; 6] = [&[], &[8], &[0; 60], b"GET / HTTP/1.1\r\n\r\n", &short, &arp];
    for port in [4789, 8472, 6081, 2152, 3544] {
        for payload in payloads {
            let data = craft::v4_udp(port, payload);
            let packet = packet(&mut decoder, &frame(101, &data));
            assert!(!packet.tunnelled);
            assert_eq!(content(&packet).1, port);
            assert_eq!(content(&packet).2, payload);
        }
    }
}

#[test]
fn arp_replies_are_told_from_requests_on_every_link() {
    let mut decoder = Decoder::new();
    let arp = |operation: u8| {
        let sender = [2, 0, 0, 0, 0, 1, 192, 0, 2, 1];
        let target = [2, 0, 0, 0, 0, 9, 192, 0, 2, 9];
        craft::join(&[&[0, 1, 8, 0, 6, 4, 0, operation], &sender, &target])
    };
    let on = |arp: &[u8]| {
        let tagged = craft::join(&[&[0, 7, 8, 6], arp]);
        let cooked = craft::join(&[&[0, 0, 0, 1, 0, 6], &[0; 8], &[8, 6], arp]);
        let cooked2 = craft::join(&[&[8, 6], &[0; 18], arp]);
        [
            (1, craft::ethernet(0x0806, arp)),
            (1, craft::ethernet(0x8100, &tagged)),
            (113, cooked),
            (276, cooked2),
        ]
    };
    for (link, data) in on(&arp(2)) {
        let outcome = decoder.decode(&frame(link, &data));
        let asker = Addr::v4([192, 0, 2, 9]);
        assert!(
            matches!(outcome, Outcome::Arp(arp) if arp.to == asker && arp.reply),
            "{link}"
        );
        for cut in 0..data.len() {
            let outcome = decoder.decode(&frame(link, &data[..cut]));
            assert!(!matches!(outcome, Outcome::Arp(_)), "{link} cut at {cut}");
        }
    }
    for (link, data) in on(&arp(1)) {
        assert!(
            matches!(decoder.decode(&frame(link, &data)), Outcome::Arp(arp) if !arp.reply),
            "{link}"
        );
    }
}

#[test]
fn what_is_not_ip_and_what_cannot_be_read() {
    let mut decoder = Decoder::new();
    let protected = craft::join(&[&[0x08, 0x41], &[0; 60]]);
    let beacon = craft::join(&[&[0x80, 0], &[0; 60]]);
    let not_ip: [(u32, Vec<u8>); 7] = [
        (1, craft::ethernet(0x0806, &[0; 46])),
        (1, craft::ethernet(38, &[0x42, 0x42, 3, 0, 0])),
        (1, craft::ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0])),
        (105, protected),
        (105, beacon),
        (
            113,
            craft::join(&[&[0, 0, 0, 1, 0, 6], &[0; 8], &[8, 6], &[0; 28]]),
        ),
        (9, vec![0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]),
    ];
    for (link, data) in &not_ip {
        assert!(
            matches!(decoder.decode(&frame(*link, data)), Outcome::NotIp),
            "{link} {data:?}"
        );
    }
    let user2 = [0u8; 64];
    let ppi = [0, 0, 8, 0, 250, 0, 0, 0];
    for (link, data, named) in [(187, &user2[..], 187), (149, &user2, 149), (192, &ppi, 250)] {
        let outcome = decoder.decode(&frame(link, data));
        assert!(matches!(outcome, Outcome::UnknownLink(LinkType(n)) if n == named));
    }
}

#[test]
fn other_protocols_keep_their_number() {
    let mut decoder = Decoder::new();
    // SCTP, ESP, an unknown GRE payload, a keepalive of GRE, PPTP's acknowledgement.
    for (protocol, payload) in [
        (132, &[0u8; 12][..]),
        (50, &[1; 20]),
        (47, &[0, 0, 0xff, 0xff]),
        (47, &[0; 4]),
        (47, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 5]),
    ] {
        let data = craft::v4_with(protocol, payload);
        let packet = packet(&mut decoder, &frame(101, &data));
        assert!(matches!(packet.transport, Transport::Other(n) if n == protocol));
        assert!(!packet.tunnelled);
    }
}

#[test]
fn errors_say_where_and_how_much() {
    let mut decoder = Decoder::new();
    let data = craft::ethernet(0x0800, &craft::v4_tcp());
    let mut cut = frame(1, &data[..14 + 20 + 9]);
    cut.original_len = u32::try_from(data.len()).unwrap();
    let Outcome::Malformed(error) = decoder.decode(&cut) else {
        panic!("decoded");
    };
    let expected = DecodeError {
        layer: "tcp",
        offset: 34,
        needed: 20,
        had: 9,
        clipped: true,
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "tcp at byte 34: needed 20, had 9 (cut by the snap length)"
    );
    let mut bad = data.clone();
    bad[14] = 0x43;
    let outcome = decoder.decode(&frame(1, &bad));
    assert!(matches!(
        outcome,
        Outcome::Malformed(DecodeError {
            layer: "ipv4",
            needed: 20,
            had: 12,
            ..
        })
    ));
}

#[test]
fn nesting_has_an_end() {
    let mut data = craft::v4_tcp();
    for _ in 0..40 {
        data = craft::v4_with(4, &data);
    }
    let mut decoder = Decoder::new();
    let outcome = decoder.decode(&frame(101, &data));
    assert!(matches!(
        outcome,
        Outcome::Malformed(DecodeError {
            layer: "nesting",
            ..
        })
    ));
}
