//! Reassembly.

use super::*;
use etherparse::PacketBuilder;

const SIZE: usize = 3000;

fn body() -> Vec<u8> {
    (0..SIZE).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// A UDP datagram, header and all, as IP carries it.
fn datagram() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(53, 5353)
        .write(&mut out, &body())
        .unwrap();
    out.split_off(20)
}

/// An IPv4 fragment of `payload`.
fn v4(id: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = super::craft::v4_with(17, payload);
    out[4..6].copy_from_slice(&id.to_be_bytes());
    let field = u16::try_from(offset / 8).unwrap() | if more { 0x2000 } else { 0 };
    out[6..8].copy_from_slice(&field.to_be_bytes());
    out
}

fn v6(id: u32, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let field = u16::try_from(offset).unwrap() | u16::from(more);
    let header = super::craft::join(&[&[17, 0], &field.to_be_bytes(), &id.to_be_bytes(), payload]);
    super::craft::v6_with(44, &header)
}

/// `whole` in pieces of `size`.
fn split(whole: &[u8], size: usize, make: impl Fn(usize, bool, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let last = whole.len().div_ceil(size) - 1;
    let pieces = whole.chunks(size).enumerate();
    pieces
        .map(|(i, part)| make(i * size, i != last, part))
        .collect()
}

/// Feeds the frames in order; the last must complete the datagram and none before it.
fn assert_whole_at_last<'f>(frames: impl IntoIterator<Item = &'f Vec<u8>>) {
    let frames: Vec<_> = frames.into_iter().collect();
    let mut decoder = Decoder::new();
    for data in &frames[..frames.len() - 1] {
        assert!(matches!(
            decoder.decode(&frame(101, data)),
            Outcome::Fragment
        ));
    }
    let last = frame(101, frames[frames.len() - 1]);
    let packet = packet(&mut decoder, &last);
    let whole = body();
    assert_eq!(
        content(&packet),
        (53, 5353, &whole[..], u32::try_from(SIZE).unwrap())
    );
}

#[test]
fn in_order_backwards_and_twice() {
    let v4s = split(&datagram(), 1480, |offset, more, part| {
        v4(7, offset, more, part)
    });
    let v6s = split(&datagram(), 1232, |offset, more, part| {
        v6(9, offset, more, part)
    });
    for frames in [v4s, v6s] {
        assert_whole_at_last(&frames);
        assert_whole_at_last(frames.iter().rev());
        assert_whole_at_last([&frames[1], &frames[1], &frames[0], &frames[0], &frames[2]]);
        assert_whole_at_last([&frames[2], &frames[0], &frames[1]]);
    }
}

#[test]
fn the_packet_is_the_last_fragments() {
    let frames = split(&datagram(), 1480, |offset, more, part| {
        v4(7, offset, more, part)
    });
    let mut decoder = Decoder::new();
    for (number, data) in frames.iter().enumerate() {
        let mut frame = frame(101, data);
        frame.mark.frame = FrameNumber(u32::try_from(number).unwrap());
        if let Outcome::Packet(packet) = decoder.decode(&frame) {
            assert_eq!(packet.mark.frame, FrameNumber(2));
        }
    }
    let counts = decoder.fragment_counts();
    assert_eq!(
        (counts.fragments, counts.reassembled, counts.refused),
        (3, 1, 0)
    );
}

#[test]
fn where_fragments_overlap_the_first_wins() {
    let whole = datagram();
    let forged = vec![0xee; 800];
    // The forged piece lies over the border of the two true ones, then over both and the hole between.
    let frames = [
        v4(1, 0, true, &whole[..1000]),
        v4(1, 1600, false, &whole[1600..]),
        v4(1, 400, true, &forged),
        v4(1, 1200, true, &whole[1200..1600]),
    ];
    let mut decoder = Decoder::new();
    for data in &frames[..3] {
        assert!(matches!(
            decoder.decode(&frame(101, data)),
            Outcome::Fragment
        ));
    }
    let last = frame(101, &frames[3]);
    let packet = packet(&mut decoder, &last);
    let payload = content(&packet).2;
    let mut expected = body();
    expected[992..1192].fill(0xee);
    assert_eq!(payload, expected);
}

#[test]
fn an_end_that_is_covered_already_still_counts() {
    let whole = datagram();
    let whole = &whole[..1600];
    let frames = [v4(1, 0, true, whole), v4(1, 800, false, &whole[800..])];
    let mut decoder = Decoder::new();
    assert!(matches!(
        decoder.decode(&frame(101, &frames[0])),
        Outcome::Fragment
    ));
    let last = frame(101, &frames[1]);
    assert_eq!(content(&packet(&mut decoder, &last)).2.len(), 1592);
}

#[test]
fn impossible_fragments_are_refused() {
    let mut decoder = Decoder::new();
    let part = [1u8; 64];
    for data in [
        v4(1, 65528, true, &part),   // past 65535
        v4(2, 0, true, &part[..63]), // no multiple of eight
        v4(3, 0, false, &part),      // (whole: decoded)
    ] {
        decoder.decode(&frame(101, &data));
    }
    let ends = [
        v4(4, 64, false, &part),
        v4(4, 128, true, &part),
        v4(4, 8, false, &part[..8]),
    ];
    for data in &ends {
        assert!(matches!(
            decoder.decode(&frame(101, data)),
            Outcome::Fragment
        ));
    }
    assert_eq!(decoder.fragment_counts().refused, 4);
}

#[test]
fn a_first_fragment_cut_by_the_snap_length_is_shown_at_once() {
    let frames = split(&datagram(), 1480, |offset, more, part| {
        v4(7, offset, more, part)
    });
    let mut decoder = Decoder::new();
    let mut first = frame(101, &frames[0][..100]);
    first.original_len = 1500;
    let packet = packet(&mut decoder, &first);
    assert_eq!(
        content(&packet),
        (53, 5353, &body()[..72], u32::try_from(SIZE).unwrap())
    );
    let mut second = frame(101, &frames[1][..100]);
    second.original_len = 1500;
    assert!(matches!(decoder.decode(&second), Outcome::Fragment));
    assert_eq!(decoder.fragment_counts().refused, 1);
}

#[test]
fn age_and_other_captures_keep_fragments_apart() {
    let frames = split(&datagram(), 1480, |offset, more, part| {
        v4(7, offset, more, part)
    });
    let mut decoder = Decoder::new();
    for (capture, seconds, data) in [
        (0, 0, &frames[0]),
        (1, 0, &frames[1]),
        (0, 31, &frames[1]),
        (0, 31, &frames[2]),
    ] {
        let mut frame = frame(101, data);
        frame.mark.capture = CaptureId(capture);
        frame.mark.time = Timestamp(seconds * 1_000_000_000);
        assert!(matches!(decoder.decode(&frame), Outcome::Fragment));
    }
    assert_eq!(decoder.fragment_counts().dropped, 2);
}

#[test]
fn floods_stay_within_the_bounds() {
    let mut decoder = Decoder::new();
    for id in 0..20_000u32 {
        let data = v6(id, 65_000, true, &[0; 64]);
        decoder.decode(&frame(101, &data));
    }
    let counts = decoder.fragment_counts();
    // 65 kB are set aside for each of them: the bound on bytes holds first.
    let kept = usize::try_from(counts.fragments - counts.dropped).unwrap();
    assert!(kept <= fragment::MAX_BYTES / 65_064, "{kept}");
    let tiny = split(&datagram(), 8, |offset, more, part| {
        v4(1, offset, more, part)
    });
    for data in &tiny {
        assert!(matches!(
            decoder.decode(&frame(101, data)),
            Outcome::Fragment
        ));
    }
}

#[test]
fn fragments_within_fragments() {
    let inner = split(&datagram(), 1480, |offset, more, part| {
        v4(7, offset, more, part)
    });
    let mut frames = Vec::new();
    for (id, packet) in inner.iter().enumerate() {
        let gre = super::craft::join(&[&[0, 0, 8, 0], packet]);
        let outer = split(&gre, 800, |offset, more, part| {
            let mut out = v4(u16::try_from(id).unwrap(), offset, more, part);
            out[9] = 47;
            out
        });
        frames.extend(outer);
    }
    assert_whole_at_last(&frames);
}
