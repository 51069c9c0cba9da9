//! SYN, SYN-ACK, ACK, FIN and RST by their numbers.

use super::*;

#[test]
fn three_segments_make_a_handshake() {
    let line = open();
    let facts = line.facts();
    assert_eq!((facts.syn.count, facts.syn_ack.count), (1, 1));
    assert_eq!(facts.ack.map(|m| m.frame.0), Some(3));
    assert!(facts.established() && !facts.midstream);
    assert_eq!(facts.rtt(), Some(Duration::from_millis(40)));
}

#[test]
fn numbers_count_and_not_flags() {
    let mut line = Line::new();
    let (client, server) = (line.client, line.server);
    // A SYN-ACK for another SYN, then an ACK of it.
    line.syn()
        .raw(Side::Server, 0x12, server - 1, client + 4711, &[])
        .raw(Side::Client, 0x10, client, server, &[]);
    assert_eq!(line.facts().foreign_syn_acks, 1);
    assert_eq!(line.facts().syn_ack.count, 0);
    assert!(line.facts().ack.is_none() && !line.facts().established());
    assert_eq!(line.half(Side::Client).acked, 0);
}

#[test]
fn a_second_syn_ack_with_another_number_is_foreign() {
    let mut line = Line::new();
    let client = line.client;
    line.syn().syn_ack();
    line.raw(Side::Server, 0x12, 5, client, &[]);
    assert_eq!(line.facts().syn_ack.count, 1);
    assert_eq!(line.facts().foreign_syn_acks, 1);
}

#[test]
fn the_ack_of_an_old_connection_does_not_shift_the_stream() {
    let mut line = Line::new();
    let client = line.client;
    line.syn();
    line.raw(Side::Server, 0x10, 777_777, client.wrapping_sub(5000), &[]);
    line.raw(Side::Client, 0x04, client.wrapping_sub(5000), 0, &[]);
    line.wait(1000.0)
        .syn()
        .wait(20.0)
        .syn_ack()
        .ack(Side::Client, 0);
    line.data(Side::Server, 0, b"hello");
    assert!(line.facts().established());
    assert_eq!(line.out.bytes[Side::Server], b"hello");
    assert!(line.out.gaps[Side::Server].is_empty());
}

#[test]
fn resent_syns_are_tries_and_copies_are_not() {
    let mut line = Line::new();
    let isn = line.client - 1;
    line.syn();
    let id = line.id;
    line.wait(0.2)
        .send(Side::Client, TcpFlags::SYN, isn, 0, &[], 0, id);
    line.wait(1000.0).syn();
    assert_eq!(line.facts().syn.count, 2);
    assert_eq!(line.half(Side::Client).copies, 1);
}

#[test]
fn a_copy_of_the_flows_first_syn_is_known() {
    let mut line = Line::new();
    line.frame = 1;
    let syn = FirstSyn {
        isn: ISN,
        mss: 1460,
        window: 1,
        ttl: 64,
        ip_id: 0,
    };
    line.tracker = TcpTracker::from_syn(syn, line.mark());
    line.wait(0.01)
        .send(Side::Client, TcpFlags::SYN, ISN, 0, &[], 0, 0);
    assert_eq!(line.facts().syn.count, 1);
    line.wait(1000.0)
        .send(Side::Client, TcpFlags::SYN, ISN, 0, &[], 0, 0);
    assert_eq!(line.facts().syn.count, 2);
}

#[test]
fn syn_acks_after_the_ack_are_counted() {
    let mut line = open();
    for _ in 0..3 {
        line.wait(1000.0).syn_ack();
    }
    assert_eq!(line.facts().syn_ack.count, 4);
    assert_eq!(line.facts().syn_acks_after_ack, 3);
}

#[test]
fn a_syn_with_another_number_is_no_resend() {
    let mut line = Line::new();
    line.syn().raw(Side::Client, TcpFlags::SYN, 5, 0, &[]);
    assert_eq!(line.facts().syn.count, 1);
    assert_eq!(line.half(Side::Client).out_of_window, 1);
}

#[test]
fn data_in_the_syn_is_the_streams_first() {
    let mut line = Line::new();
    let (client, server) = (line.client, line.server);
    line.raw(Side::Client, TcpFlags::SYN, client - 1, 0, b"early");
    line.raw(Side::Server, 0x12, server - 1, client + 5, &[]);
    line.ack(Side::Client, 0).data(Side::Client, 5, b" bird");
    assert!(line.facts().fast_open && line.facts().established());
    assert_eq!(line.out.bytes[Side::Client], b"early bird");
    assert_eq!(line.half(Side::Client).retransmitted, 0);
}

#[test]
fn begun_before_the_capture() {
    let mut line = Line::new();
    line.data(Side::Server, 5000, b"abc")
        .ack(Side::Client, 5003);
    assert!(line.facts().midstream && line.facts().established());
    assert_eq!(line.out.bytes[Side::Server], b"abc");
    assert_eq!(line.facts().unseen(), 0);
}

#[test]
fn a_syn_ack_alone_tells_where_both_streams_begin() {
    let mut line = Line::new();
    line.syn_ack().ack(Side::Client, 0);
    line.data(Side::Client, 0, b"hi");
    assert!(!line.facts().midstream && line.facts().established());
    assert_eq!(line.out.bytes[Side::Client], b"hi");
}

#[test]
fn a_missing_syn_ack_is_made_up_for_by_data() {
    let mut line = Line::new();
    line.syn().wait(40.0).ack(Side::Client, 0);
    assert!(!line.facts().established());
    line.data(Side::Client, 0, b"hi")
        .data(Side::Server, 0, b"ho");
    assert!(line.facts().established());
}

#[test]
fn fin_takes_a_number_and_no_byte() {
    let mut line = open();
    line.data(Side::Client, 0, b"bye").fin(Side::Client);
    line.ack(Side::Server, 4);
    let half = line.half(Side::Client);
    assert!(half.fin.is_some());
    assert_eq!((half.sent, half.acked, half.outstanding()), (3, 3, 0));
    assert_eq!(line.facts().unseen(), 0);
}

#[test]
fn a_fin_that_was_not_captured_is_no_missing_data() {
    let mut line = open();
    line.data(Side::Client, 0, b"bye").ack(Side::Server, 4);
    assert_eq!(line.facts().unseen(), 0);
    line.ack(Side::Server, 40);
    assert_eq!(line.facts().unseen(), 37);
}

#[test]
fn a_fin_out_of_nowhere_is_none() {
    let mut line = open();
    let far = line.server.wrapping_sub(900_000);
    line.raw(Side::Server, 0x11, far, 0, &[]);
    assert!(line.half(Side::Server).fin.is_none());
    assert_eq!(line.half(Side::Server).out_of_window, 1);
}

#[test]
fn resets_say_whether_they_fit() {
    let mut line = open();
    line.data(Side::Server, 0, &[7; 100]).ack(Side::Client, 100);
    line.rst(Side::Server, 100, TcpFlags::ACK);
    line.rst(Side::Server, 1560, TcpFlags::ACK);
    line.rst(Side::Server, 0, 0);
    let resets = &line.facts().resets;
    let fits: Vec<bool> = resets.iter().map(|r| r.in_sequence).collect();
    assert_eq!(fits, [true, false, false]);
    assert_eq!(resets[1].seq, Some(1560));
    assert!(resets.iter().all(|r| !r.answers_syn && r.sent == 100));
}

#[test]
fn a_reset_tells_of_bytes_that_were_not_seen() {
    let mut line = open();
    let (seq, client) = (line.server, line.client);
    for (unseen, told) in [(0, false), (1, true), (517, true), (60_000, false)] {
        line.raw(Side::Server, 0x14, seq, client + unseen, &[]);
        let reset = line.facts().resets.last().expect("a reset");
        assert_eq!(reset.acks_unseen, told, "{unseen}");
    }
}

#[test]
fn an_acknowledgement_counts_without_a_syn_ack() {
    let mut line = Line::new();
    let (client, server) = (line.client, line.server);
    line.syn().wait(20.0);
    assert!(line.facts().went_on.is_none());
    line.raw(Side::Client, TcpFlags::ACK, client, server, &[]);
    let went_on = line.mark();
    line.wait(1000.0).syn_ack();
    assert!(line.facts().ack.is_none());
    assert_eq!(line.facts().went_on, Some(went_on));
}

#[test]
fn a_reset_answers_the_syn_by_its_number() {
    let mut line = Line::new();
    let client = line.client;
    line.syn();
    line.raw(Side::Server, 0x14, 0, client + 1, &[]);
    line.raw(Side::Server, 0x14, 0, client, &[]);
    let fits: Vec<bool> = line.facts().resets.iter().map(|r| r.answers_syn).collect();
    assert_eq!(fits, [false, true]);
}

#[test]
fn a_reset_seen_twice_counts_once() {
    let mut line = open();
    let (seq, ack) = (line.server, line.client);
    line.send(Side::Server, 0x14, seq, ack, &[], 0, 9);
    line.wait(0.3).send(Side::Server, 0x14, seq, ack, &[], 0, 9);
    assert_eq!(line.facts().reset_count, 1);
    line.send(Side::Server, 0x14, seq, ack, &[], 0, 10);
    assert_eq!(line.facts().reset_count, 2);
}

#[test]
fn data_after_a_reset_shows_that_it_was_not_the_servers() {
    let mut line = open();
    line.data(Side::Client, 0, b"hello").wait(5.0);
    line.rst(Side::Server, 0, TcpFlags::ACK).wait(30.0);
    assert!(line.facts().data_after_reset.is_none());
    line.data(Side::Server, 0, b"welcome");
    assert!(line.facts().data_after_reset.is_some());
}

#[test]
fn data_that_goes_on_after_a_reset_is_seen_by_its_later_packets() {
    let mut line = open();
    let after = |line: &Line| {
        let facts = line.facts();
        let reset = facts.reset_from(Side::Server).unwrap();
        let data = facts.data_after_reset.unwrap();
        data.time.since(reset.mark.time).as_micros()
    };
    line.rst(Side::Server, 0, TcpFlags::ACK).wait(0.01);
    line.data(Side::Server, 0, b"one").wait(40.0);
    assert_eq!(after(&line), 10);
    line.data(Side::Server, 3, b"two").wait(40.0);
    assert_eq!(after(&line), 40_010);
    line.data(Side::Server, 6, b"three");
    assert_eq!(after(&line), 40_010);
}

#[test]
fn data_that_a_reset_overtook_is_no_contradiction() {
    let mut line = open();
    line.rst(Side::Server, 7, TcpFlags::ACK).wait(0.1);
    line.data(Side::Server, 0, b"welcome");
    assert!(line.facts().data_after_reset.is_none());
}
