//! Damaged and random frames: no panic, and never another answer than etherparse's.

use super::craft::{self, cases};
use super::*;
use etherparse::{LaxSlicedPacket, TransportSlice};

/// xorshift64: the same frames in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

/// Reads all that a packet gives; the fast way must say the same as the slow one, or nothing.
fn exercise(decoder: &mut Decoder, frame: &Frame<'_>) {
    let fast = decode_fast(frame);
    if let Some(packet) = fast {
        let slow = match walk_frame(frame) {
            Ok(Walk::Packet(slow)) => format!("{slow:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(format!("{packet:?}"), slow, "{:02x?}", frame.data);
    }
    if let Outcome::Packet(packet) = decoder.decode(frame) {
        match packet.transport {
            Transport::Tcp(tcp) => {
                assert!(tcp.payload.len() <= tcp.payload_len as usize);
                let read = (
                    tcp.mss(),
                    tcp.window_scale(),
                    tcp.timestamps(),
                    tcp.sack_blocks().count(),
                );
                std::hint::black_box(read);
            }
            Transport::Udp(udp) => assert!(udp.payload.len() <= udp.payload_len as usize),
            Transport::Icmp(_) | Transport::Other(_) => {}
        }
    }
}

#[test]
fn every_prefix_of_every_frame() {
    let mut decoder = Decoder::new();
    for case in cases() {
        for len in 0..case.data.len() {
            let mut frame = frame(case.link, &case.data[..len]);
            exercise(&mut decoder, &frame);
            frame.original_len = u32::try_from(case.data.len()).unwrap();
            exercise(&mut decoder, &frame);
        }
    }
}

/// 200 000 frames with up to four bytes changed, some cut, some with their layers crossed.
#[test]
fn mutated_frames() {
    let mut decoder = Decoder::new();
    let mut random = Random(0x5eed);
    let all = cases();
    for _ in 0..200_000 {
        let case = &all[random.below(all.len())];
        let mut data = case.data.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(data.len());
            data[at] = random.byte();
        }
        if random.below(8) == 0 {
            data.truncate(random.below(data.len()));
        }
        let link = match random.below(8) {
            0 => all[random.below(all.len())].link,
            _ => case.link,
        };
        let mut frame = frame(link, &data);
        frame.original_len = u32::from(u16::from_be_bytes([random.byte(), random.byte()]));
        exercise(&mut decoder, &frame);
    }
}

#[test]
fn random_bytes() {
    let mut decoder = Decoder::new();
    let mut random = Random(0xbad);
    for round in 0..50_000 {
        let data: Vec<u8> = (0..random.below(120)).map(|_| random.byte()).collect();
        let link = u32::try_from(round % 300).unwrap();
        exercise(&mut decoder, &frame(link, &data));
    }
}

/// Addresses, ports and payload.
type Answer = (Addr, Addr, u16, u16, Vec<u8>);

fn ours(frame: &Frame<'_>) -> Option<Answer> {
    match walk_frame(frame).ok()? {
        Walk::Packet(packet) if !packet.tunnelled => {
            if !matches!(packet.transport, Transport::Tcp(_) | Transport::Udp(_)) {
                return None;
            }
            let (src_port, dst_port, payload, _) = content(&packet);
            Some((packet.src, packet.dst, src_port, dst_port, payload.to_vec()))
        }
        _ => None,
    }
}

fn theirs(data: &[u8]) -> Option<Answer> {
    let sliced = LaxSlicedPacket::from_ethernet(data).ok()?;
    let (src, dst) = match sliced.net.as_ref()? {
        etherparse::LaxNetSlice::Ipv4(ip) => (
            Addr::v4(ip.header().source()),
            Addr::v4(ip.header().destination()),
        ),
        etherparse::LaxNetSlice::Ipv6(ip) => (
            Addr::v6(ip.header().source()),
            Addr::v6(ip.header().destination()),
        ),
        etherparse::LaxNetSlice::Arp(_) => return None,
    };
    match sliced.transport? {
        TransportSlice::Tcp(t) => Some((
            src,
            dst,
            t.source_port(),
            t.destination_port(),
            t.payload().to_vec(),
        )),
        TransportSlice::Udp(u) => Some((
            src,
            dst,
            u.source_port(),
            u.destination_port(),
            u.payload().to_vec(),
        )),
        _ => None,
    }
}

#[test]
fn etherparse_says_the_same() {
    let mut random = Random(0xe7);
    // Of MACsec and PCAPdroid frames etherparse leaves the trailer in the payload.
    let comparable =
        |case: &craft::Case| case.link == 1 && case.name != "macsec clear" && case.app.is_none();
    let all: Vec<_> = cases().into_iter().filter(comparable).collect();
    let mut compared = 0;
    for _ in 0..100_000 {
        let mut data = all[random.below(all.len())].data.clone();
        for _ in 0..=random.below(3) {
            let at = 12 + random.below(data.len() - 12);
            data[at] = random.byte();
        }
        if let (Some(ours), Some(theirs)) = (ours(&frame(1, &data)), theirs(&data)) {
            assert_eq!(ours, theirs, "{data:02x?}");
            compared += 1;
        }
    }
    assert!(compared > 20_000, "{compared}");
}
