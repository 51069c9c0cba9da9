//! Ordered bytes: what comes out is what went in, whatever the network and the capture did to the segments.

use super::*;
use proptest::prelude::*;

#[test]
fn overlapping_segments_keep_what_came_first() {
    let mut line = open();
    line.data(Side::Client, 0, b"abcdef")
        .data(Side::Client, 3, b"XXXghi");
    assert_eq!(line.out.bytes[Side::Client], b"abcdefghi");
}

#[test]
fn overlap_behind_a_hole() {
    let mut line = open();
    line.data(Side::Client, 2, b"cd")
        .data(Side::Client, 3, b"de")
        .data(Side::Client, 0, b"abc");
    assert_eq!(line.out.bytes[Side::Client], b"abcde");
    assert!(line.out.gaps[Side::Client].is_empty());
}

#[test]
fn numbers_wrap() {
    let mut line = Line::at(u32::MAX - 3, u32::MAX);
    line.open();
    line.data(Side::Client, 0, b"abc")
        .data(Side::Client, 6, b"ghi")
        .data(Side::Client, 3, b"def");
    line.ack(Side::Server, 9);
    assert_eq!(line.out.bytes[Side::Client], b"abcdefghi");
    assert_eq!(
        (line.half(Side::Client).sent, line.half(Side::Client).acked),
        (9, 9)
    );
}

#[test]
fn one_byte_segments() {
    let mut line = open();
    for (n, byte) in b"a long goodbye".iter().enumerate() {
        line.wait(20.0).data(Side::Client, n as u32, &[*byte]);
        line.ack(Side::Server, n as u32 + 1);
    }
    let half = line.half(Side::Client);
    assert_eq!(line.out.bytes[Side::Client], b"a long goodbye");
    assert_eq!(
        (half.keep_alives, half.retransmitted, half.data_segments),
        (0, 0, 14)
    );
}

#[test]
fn bytes_cut_by_the_snap_length_are_a_gap() {
    let mut line = open();
    let (seq, ack) = (line.client, line.server);
    line.send(Side::Client, 0x10, seq, ack, b"abc", 10, 40);
    line.send(Side::Client, 0x10, seq + 10, ack, b"klm", 3, 41);
    assert_eq!(line.out.bytes[Side::Client], b"abcklm");
    assert_eq!(line.out.gaps[Side::Client], [7]);
    assert!(line.half(Side::Client).clipped);
    assert_eq!(
        (line.half(Side::Client).sent, line.facts().unseen()),
        (13, 0)
    );
}

#[test]
fn what_is_held_is_bounded() {
    let mut line = open();
    for n in 1..1000 {
        line.data(Side::Server, n * 2000, &[1; 1000]);
    }
    let half = line.half(Side::Server);
    assert!(half.beyond_hole <= 129);
    assert!(!line.out.gaps[Side::Server].is_empty());
    line.finish();
    assert_eq!(line.out.bytes[Side::Server].len(), 999 * 1000);
}

#[test]
fn the_stream_goes_on_past_four_gigabytes() {
    let mut line = open();
    line.out.deaf = true;
    let step = 10_000_000u32;
    for n in 0..500u32 {
        line.wait(1.0)
            .data(Side::Server, n.wrapping_mul(step), &[0; 1000]);
        let missing = n.wrapping_mul(step).wrapping_add(step);
        line.ack(Side::Client, missing);
    }
    assert_eq!(line.half(Side::Server).sent, 499 * u64::from(step) + 1000);
}

/// Cuts `data` at random, shuffles within a distance, repeats, and sends: all bytes come out in order.
fn scramble(data: &[u8], cuts: &[u8], swaps: &[u8], repeats: &[u8], isn: u32) -> Line {
    let mut pieces = Vec::new();
    let (mut at, mut cuts) = (0, cuts.iter().cycle());
    while at < data.len() {
        let size = usize::from(*cuts.next().unwrap_or(&1)) + 1;
        let end = data.len().min(at + size);
        pieces.push((at, end));
        at = end;
    }
    for (n, swap) in swaps.iter().enumerate() {
        let other = n + usize::from(*swap % 8);
        if other < pieces.len() {
            pieces.swap(n, other);
        }
    }
    for repeat in repeats {
        let n = usize::from(*repeat) % pieces.len();
        let (from, to) = pieces[n];
        // A resend need not be cut as the first time.
        pieces.push((from.saturating_sub(3), (to + 3).min(data.len())));
    }
    let mut line = Line::at(isn, SERVER_ISN);
    line.open();
    for (from, to) in pieces {
        line.wait(0.1)
            .data(Side::Client, from as u32, &data[from..to]);
    }
    line
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        data in prop::collection::vec(any::<u8>(), 1..3000),
        cuts in prop::collection::vec(any::<u8>(), 1..20),
        swaps in prop::collection::vec(any::<u8>(), 0..60),
        repeats in prop::collection::vec(any::<u8>(), 0..20),
        isn in any::<u32>(),
    ) {
        let line = scramble(&data, &cuts, &swaps, &repeats, isn);
        prop_assert_eq!(&line.out.bytes[Side::Client], &data);
        prop_assert!(line.out.gaps[Side::Client].is_empty());
        prop_assert_eq!(line.half(Side::Client).sent, data.len() as u64);
        prop_assert_eq!(line.half(Side::Client).hole_at, None);
        prop_assert_eq!(line.facts().unseen(), 0);
    }

    /// Anything at all: no panic, bounded, and bytes and gaps add up to no more than the stream.
    #[test]
    fn nonsense_is_survived(
        segments in prop::collection::vec(
            (any::<bool>(), any::<u8>(), any::<u32>(), any::<u32>(), 0usize..40, 0u32..100, any::<u16>(), any::<bool>()),
            0..200,
        ),
        deaf in any::<bool>(),
    ) {
        let mut line = Line::new();
        line.out.deaf = deaf;
        for (client, flags, seq, ack, have, more, id, near) in segments {
            let side = if client { Side::Client } else { Side::Server };
            let seq = if near { line.base(side).wrapping_add(seq % 5000) } else { seq };
            let ack = if near { line.base(side.other()).wrapping_add(ack % 5000) } else { ack };
            line.wait(3.0).send(side, flags, seq, ack, &vec![1; have], have as u32 + more, id % 4);
        }
        line.finish();
        for half in &line.facts().half.0 {
            prop_assert!(half.in_flight.len() <= MAX_IN_FLIGHT);
        }
        prop_assert!(line.facts().resets.len() <= MAX_ERRORS);
    }
}
