//! Retransmission, reordering, copies, keep-alives, holes: told apart by offset, time and identification.

use super::*;

const KB: [u8; 1000] = [0x5a; 1000];

/// Five segments of 1000 bytes, `order` by number, `gap` milliseconds apart.
fn segments(line: &mut Line, side: Side, order: &[u32], gap: f64) {
    for n in order {
        line.wait(gap).data(side, n * 1000, &KB);
    }
}

#[test]
fn resent_before_it_was_acknowledged_is_lost() {
    let mut line = open();
    segments(&mut line, Side::Client, &[0, 1], 0.1);
    line.wait(300.0);
    segments(&mut line, Side::Client, &[0], 0.0);
    line.wait(600.0);
    segments(&mut line, Side::Client, &[0], 0.0);
    let half = line.half(Side::Client);
    assert_eq!((half.retransmitted, half.lost, half.copies), (2, 2, 0));
    let tries: Vec<bool> = half.oldest_unacked().map(|s| s.again).collect();
    assert_eq!(tries, [false, true, true]);
}

#[test]
fn resent_after_it_was_acknowledged_is_needless() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0], 0.1);
    line.ack(Side::Client, 1000).wait(300.0);
    segments(&mut line, Side::Server, &[0], 0.0);
    let half = line.half(Side::Server);
    assert_eq!((half.retransmitted, half.lost), (1, 0));
}

#[test]
fn a_duplicate_report_takes_a_loss_back() {
    let mut line = open();
    segments(&mut line, Side::Client, &[0], 0.1);
    line.wait(300.0);
    segments(&mut line, Side::Client, &[0], 0.0);
    line.sack(Side::Server, 1000, &[(0, 1000)]);
    assert_eq!(line.half(Side::Client).lost, 0);
    assert!(line.half(Side::Client).sacked_at.is_none());
}

#[test]
fn the_captures_copy_is_no_resend() {
    let mut line = open();
    let (seq, ack) = (line.client, line.server);
    for n in 0..4 {
        line.wait(0.1).send(
            Side::Client,
            0x10,
            seq + n * 1000,
            ack,
            &KB,
            1000,
            50 + n as u16,
        );
    }
    for n in 0..4 {
        line.wait(0.1).send(
            Side::Client,
            0x10,
            seq + n * 1000,
            ack,
            &KB,
            1000,
            50 + n as u16,
        );
    }
    let half = line.half(Side::Client);
    assert_eq!((half.copies, half.retransmitted, half.lost), (4, 0, 0));
    assert_eq!(line.out.bytes[Side::Client].len(), 4000);
}

#[test]
fn without_identification_every_field_counts() {
    let mut line = open();
    let (seq, ack) = (line.client, line.server);
    line.options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
    line.send(Side::Client, 0x10, seq, ack, &KB, 1000, 0);
    line.wait(5.0)
        .send(Side::Client, 0x10, seq, ack, &KB, 1000, 0);
    assert_eq!(line.half(Side::Client).copies, 1);
    line.options[7] = 9; // a later timestamp: sent again
    line.wait(5.0)
        .send(Side::Client, 0x10, seq, ack, &KB, 1000, 0);
    assert_eq!(line.half(Side::Client).copies, 1);
    assert_eq!(line.half(Side::Client).retransmitted, 1);
}

#[test]
fn neighbours_out_of_order_are_not_lost() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0, 2, 1, 4, 3], 1.0);
    let half = line.half(Side::Server);
    assert_eq!((half.reordered, half.retransmitted, half.lost), (2, 0, 0));
    assert_eq!(line.out.bytes[Side::Server].len(), 5000);
    assert_eq!(half.hole_at, None);
}

#[test]
fn the_round_trip_widens_the_window_for_reordering() {
    let mut line = open(); // 40 ms
    segments(&mut line, Side::Server, &[0, 2], 0.1);
    line.wait(18.0);
    segments(&mut line, Side::Server, &[1], 0.0);
    assert_eq!(line.half(Side::Server).reordered, 1);
    segments(&mut line, Side::Server, &[4], 0.1);
    line.wait(41.0);
    segments(&mut line, Side::Server, &[3], 0.0);
    let half = line.half(Side::Server);
    assert_eq!((half.reordered, half.holes_filled, half.lost), (1, 1, 1));
}

#[test]
fn an_older_timestamp_was_overtaken_however_late() {
    // Two packets, the second first; TSvals of both, the milliseconds between them, whether one counts as lost.
    for (behind, late, wait, lost) in [
        (1000_u32, 999, 90.0, 0),
        (2, u32::MAX, 90.0, 0), // the clock went round
        (1000, 1000, 15.0, 0),
        (1000, 1000, 90.0, 1), // a clock that stands still says nothing
        (1000, 1090, 90.0, 1),
    ] {
        let mut line = open();
        let (seq, ack) = (line.server, line.client);
        for (from, stamp) in [(1000, behind), (0, late)] {
            line.options = [&[1, 1, 8, 10][..], &stamp.to_be_bytes(), &[0; 4]].concat();
            line.send(Side::Server, 0x10, seq + from, ack, &KB, 1000, 0);
            line.wait(wait);
        }
        let half = line.half(Side::Server);
        let counted = (half.reordered, half.lost);
        assert_eq!(counted, (1 - lost, lost), "{behind} {late} {wait}");
    }
}

#[test]
fn an_older_identification_was_overtaken_however_late() {
    let mut line = open();
    let (seq, ack) = (line.server, line.client);
    line.send(Side::Server, 0x10, seq + 2000, ack, &KB, 1000, 0x389c);
    line.wait(90.0);
    line.send(Side::Server, 0x10, seq, ack, &KB, 1000, 0x388b);
    line.send(Side::Server, 0x10, seq + 1000, ack, &KB, 1000, 0x38a0);
    let half = line.half(Side::Server);
    assert_eq!((half.reordered, half.holes_filled, half.lost), (1, 1, 1));
}

#[test]
fn sent_twice_at_once_is_no_loss() {
    let mut line = open();
    segments(&mut line, Side::Client, &[0, 0], 0.06);
    let half = line.half(Side::Client);
    assert_eq!((half.retransmitted, half.lost, half.copies), (1, 0, 0));
}

#[test]
fn padding_of_short_frames_is_no_data() {
    let mut line = open();
    line.data(Side::Client, 0, &[0, 0]);
    line.data(Side::Client, 0, b"hello")
        .data(Side::Client, 5, &[0; 6]);
    assert_eq!(line.out.bytes[Side::Client], b"hello");
    assert_eq!(line.half(Side::Client).data_segments, 1);
    assert_eq!(line.half(Side::Client).lost, 0);
}

#[test]
fn keep_alives_are_no_data() {
    let mut line = open();
    line.data(Side::Client, 0, b"GET").ack(Side::Server, 3);
    line.wait(45_000.0).data(Side::Client, 2, b"T");
    line.wait(45_000.0).data(Side::Client, 2, b"");
    let half = line.half(Side::Client);
    assert_eq!((half.keep_alives, half.retransmitted), (2, 0));
    assert_eq!((half.data_segments, half.sent), (1, 3));
}

#[test]
fn a_keep_alive_before_any_data() {
    let mut line = open();
    let (seq, ack) = (line.client - 1, line.server);
    line.wait(60_000.0).raw(Side::Client, 0x10, seq, ack, &[0]);
    assert_eq!(line.half(Side::Client).keep_alives, 1);
    assert_eq!(line.half(Side::Client).out_of_window, 0);
}

#[test]
fn a_single_byte_that_is_resent_is_a_resend() {
    let mut line = open();
    line.data(Side::Client, 0, b"x")
        .wait(300.0)
        .data(Side::Client, 0, b"x");
    let half = line.half(Side::Client);
    assert_eq!((half.keep_alives, half.retransmitted, half.lost), (0, 1, 1));
}

#[test]
fn numbers_outside_any_window_change_nothing() {
    let mut line = open();
    line.data(Side::Server, 0, b"good");
    let seq = line.server;
    line.raw(
        Side::Server,
        0x10,
        seq.wrapping_add(0x4fff_ffff),
        0,
        b"evil",
    );
    line.raw(Side::Server, 0x10, seq.wrapping_sub(70_000), 0, b"evil");
    line.raw(
        Side::Server,
        0x10,
        seq.wrapping_add(0x0fff_ffff),
        0,
        b"evil",
    );
    line.data(Side::Server, 4, b" end");
    assert_eq!(line.half(Side::Server).out_of_window, 3);
    assert_eq!(line.half(Side::Server).sent, 8);
    assert_eq!(line.out.bytes[Side::Server], b"good end");
}

#[test]
fn a_far_jump_is_believed_once_confirmed() {
    let mut line = open();
    line.data(Side::Server, 0, b"good");
    line.data(Side::Server, 40_000_000, b"later")
        .data(Side::Server, 40_000_005, b"on");
    assert_eq!(line.half(Side::Server).sent, 40_000_007);
    assert_eq!(line.half(Side::Server).out_of_window, 1);
}

#[test]
fn a_hole_that_was_acknowledged_is_the_captures() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0, 2, 3], 0.1);
    line.ack(Side::Client, 4000);
    assert_eq!(
        line.out.bytes[Side::Server].len(),
        1000,
        "it may still come"
    );
    segments(&mut line, Side::Server, &[4, 5], 0.1);
    assert_eq!(line.out.gaps[Side::Server], [1000]);
    assert_eq!(line.out.bytes[Side::Server].len(), 5000);
    let half = line.half(Side::Server);
    assert_eq!((half.unseen, half.lost, half.hole_at), (1000, 0, None));
    assert_eq!(line.facts().unseen(), 1000);
}

#[test]
fn a_hole_that_was_acknowledged_does_not_wait_forever() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0, 2], 0.1);
    line.ack(Side::Client, 3000)
        .wait(400.0)
        .ack(Side::Client, 3000);
    assert_eq!(line.out.gaps[Side::Server], [1000]);
}

#[test]
fn a_hole_that_lasts_stays_in_the_facts() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0], 0.1);
    line.ack(Side::Client, 1000);
    segments(&mut line, Side::Server, &[3], 0.1);
    line.sack(Side::Client, 1000, &[(3000, 4000)]).wait(5000.0);
    line.finish();
    let half = line.half(Side::Server);
    assert_eq!(
        (half.hole_at, half.beyond_hole, half.unseen),
        (Some(1000), 1, 0)
    );
    assert!(half.sacked_at.is_some());
    assert_eq!(line.out.gaps[Side::Server], [2000]);
}

#[test]
fn what_was_sacked_is_forgotten_once_acknowledged() {
    let mut line = open();
    segments(&mut line, Side::Client, &[0, 1, 2], 0.1);
    line.sack(Side::Server, 0, &[(1000, 3000)]);
    assert!(line.half(Side::Client).sacked_at.is_some());
    line.wait(50.0);
    segments(&mut line, Side::Client, &[0], 0.1);
    line.ack(Side::Server, 3000);
    let half = line.half(Side::Client);
    assert!(half.sacked_at.is_none());
    assert_eq!((half.lost, half.outstanding()), (1, 0));
}

#[test]
fn holes_are_followed_when_nobody_reads_any_more() {
    let mut line = open();
    line.out.deaf = true;
    for round in 0..50 {
        let first = round * 5;
        segments(
            &mut line,
            Side::Server,
            &[first, first + 2, first + 3, first + 4],
            0.1,
        );
        line.ack(Side::Client, first * 1000 + 1000).wait(45.0);
        segments(&mut line, Side::Server, &[first + 1], 0.1);
        line.ack(Side::Client, first * 1000 + 5000);
    }
    let half = line.half(Side::Server);
    assert_eq!(
        (half.holes_filled, half.lost, half.retransmitted),
        (50, 50, 50)
    );
    assert_eq!((half.hole_at, line.facts().unseen()), (None, 0));
    assert_eq!(half.data_segments, 250);
}

#[test]
fn two_holes_filled_the_later_first() {
    let mut line = open();
    segments(&mut line, Side::Server, &[0, 2, 4], 0.1);
    line.wait(60.0);
    segments(&mut line, Side::Server, &[3, 1], 0.1);
    let half = line.half(Side::Server);
    assert_eq!((half.holes_filled, half.lost), (2, 2));
    assert_eq!(line.out.bytes[Side::Server].len(), 5000);
}

#[test]
fn many_segments_under_way_and_the_oldest_resent() {
    let mut line = open();
    segments(&mut line, Side::Client, &(0..40).collect::<Vec<_>>(), 0.01);
    for _ in 0..3 {
        line.wait(400.0);
        segments(&mut line, Side::Client, &[0], 0.0);
    }
    assert_eq!(line.half(Side::Client).oldest_unacked().count(), 4);
    assert!(line.half(Side::Client).in_flight.len() <= MAX_IN_FLIGHT);
}

#[test]
fn a_window_of_zero_is_timed() {
    let mut line = open();
    line.data(Side::Client, 0, b"x");
    let ack = line.client + 1;
    let seq = line.server;
    let zero = |line: &mut Line, window: u16| {
        line.frame += 1;
        let segment = Segment {
            src_port: 1,
            dst_port: 2,
            seq,
            ack,
            flags: TcpFlags(TcpFlags::ACK),
            window,
            options: &[],
            payload: &[],
            payload_len: 0,
        };
        let ip = IpFields { ttl: 60, ip_id: 7 };
        let mark = line.mark();
        line.tracker
            .segment(Side::Server, &segment, ip, mark, &mut line.out);
    };
    zero(&mut line, 0);
    assert!(line.half(Side::Server).zero_window_since.is_some());
    line.wait(2500.0);
    zero(&mut line, 100);
    assert!(line.half(Side::Server).zero_window_since.is_none());
    assert_eq!(
        line.half(Side::Server).zero_window_longest,
        Duration::from_millis(2500)
    );
}
