//! What the sizes and the order of encrypted records prove about the end of the handshake.
//!
//! TLS 1.2 and below: what follows a side's ChangeCipherSpec as a record of type handshake is its Finished.
//!
//! TLS 1.3 shows only type 23 for all (RFC 8446 section 5.2). A client that refuses the certificate sends an alert and
//! nothing else; a client that accepts it sends a flight that ends in its Finished. So:
//! - the first record of the client after the ServerHello that is longer than an alert is part of that flight
//!   (`client_flight`); 0-RTT data and EndOfEarlyData are stepped over;
//! - the Finished is the first record that has just its size for the suite's hash, or that size and an empty
//!   Certificate in front (8 bytes), or, where the client offered ALPS, its message in front;
//! - a client certificate packed into one record with the Finished has no size of its own: then the flight counts as
//!   finished when the server sends more after it.
//!
//! An alert-sized record before any of these ends the search: the Finished is not claimed.

use crate::fact::tls::{Record, RecordLengths, TlsFacts, is_tls13, record_lengths};
use crate::types::{Mark, Side};

use super::record::{APPLICATION_DATA, HANDSHAKE};

/// An empty Certificate message (RFC 8446 section 4.4.2) as some clients pack it in front of the Finished.
const EMPTY_CERTIFICATE: u16 = 8;
/// Room for the client's ALPS message in front of the Finished.
const MAX_ALPS: u16 = 512;

/// Works out again what follows from the records kept; cheap, they are at most 12 a side.
pub(super) fn judge(facts: &mut TlsFacts) {
    let Some(hello) = &facts.server_hello else {
        return;
    };
    if !is_tls13(hello.version) {
        judge_12(facts);
    } else if let Some(lengths) = record_lengths(hello.cipher) {
        judge_13(facts, lengths);
    }
}

fn judge_12(facts: &mut TlsFacts) {
    let finished = first_of(facts, Side::Client, HANDSHAKE);
    set_finished(facts, finished);
    let mark = |side, kind| first_of(facts, side, kind).map(|record| record.mark);
    let server_finished = mark(Side::Server, HANDSHAKE);
    let client_data = mark(Side::Client, APPLICATION_DATA);
    let server_data = mark(Side::Server, APPLICATION_DATA);
    facts.server_finished = server_finished;
    facts.client_data = facts.client_data.or(client_data);
    facts.server_data = facts.server_data.or(server_data);
}

fn first_of(facts: &TlsFacts, side: Side, kind: u8) -> Option<Record> {
    let mut records = facts.records[side].iter();
    records.find(|record| record.kind == kind).copied()
}

fn set_finished(facts: &mut TlsFacts, finished: Option<Record>) {
    facts.client_finished = finished.map(|record| record.mark);
    facts.client_finished_end = finished.map_or(0, |record| record.end);
}

fn judge_13(facts: &mut TlsFacts, lengths: RecordLengths) {
    if !facts.lost_track[Side::Client] {
        let flight = client_flight(facts, lengths);
        facts.client_flight = flight.first;
        set_finished(facts, flight.finished);
        facts.client_data = flight.data.map(|record| record.mark);
    }
    let Some(finished) = facts.client_finished else {
        return;
    };
    let mut after = facts.records[Side::Server].iter();
    let data = after.find(|record| is_data(record, lengths) && is_later(record.mark, finished));
    facts.server_data = data.map(|record| record.mark).or(facts.server_data);
}

/// A record of the connection after the handshake: longer than an alert.
pub(super) const fn is_data(record: &Record, lengths: RecordLengths) -> bool {
    record.kind == APPLICATION_DATA && record.length > lengths.alert
}

/// Captured later. The two directions have different packets, so equal marks are the same packet.
pub(super) fn is_later(mark: Mark, than: Mark) -> bool {
    (mark.time, mark.frame) > (than.time, than.frame)
}

#[derive(Default)]
struct Flight {
    first: Option<Record>,
    finished: Option<Record>,
    data: Option<Record>,
}

fn client_flight(facts: &TlsFacts, lengths: RecordLengths) -> Flight {
    let mut flight = Flight::default();
    // While 0-RTT data may still be on its way, a record that is no Finished by its size may be of it.
    let mut zero_rtt = facts.early_data.is_some();
    let alps = facts.hello.as_ref().is_some_and(|hello| hello.alps);
    let mut records = facts.records[Side::Client]
        .iter()
        .filter(|record| record.kind == APPLICATION_DATA);
    for record in records.by_ref() {
        if record.length == lengths.alert {
            break;
        }
        if zero_rtt && record.length != lengths.finished {
            zero_rtt = record.length != lengths.end_of_early_data;
            continue;
        }
        let first = *flight.first.get_or_insert(*record);
        if has_finished(record, lengths, record == &first && alps) {
            flight.finished = Some(*record);
            break;
        }
    }
    if flight.finished.is_some() {
        flight.data = records.find(|record| is_data(record, lengths)).copied();
    } else {
        finish_by_answer(facts, lengths, &mut flight);
    }
    flight
}

fn has_finished(record: &Record, lengths: RecordLengths, alps: bool) -> bool {
    let most = if alps { MAX_ALPS } else { 0 };
    match record.length.checked_sub(lengths.finished) {
        Some(0 | EMPTY_CERTIFICATE) => true,
        Some(more) => more <= most,
        None => false,
    }
}

/// No record has the size of a Finished, but the first is long enough to hold a certificate and a Finished, and the
/// server goes on after it: the last record before the server's is taken.
fn finish_by_answer(facts: &TlsFacts, lengths: RecordLengths, flight: &mut Flight) {
    let Some(first) = flight.first else { return };
    if first.length <= lengths.finished {
        return;
    }
    let mut server = facts.records[Side::Server].iter();
    let Some(answer) = server.find(|r| is_data(r, lengths) && is_later(r.mark, first.mark)) else {
        return;
    };
    let client = facts.records[Side::Client].iter();
    let sent = |record: &&Record| is_data(record, lengths);
    let mut before = client.clone().rev().filter(sent);
    flight.finished = before.find(|r| is_later(answer.mark, r.mark)).copied();
    let mut after = client.filter(sent);
    flight.data = after.find(|r| is_later(r.mark, answer.mark)).copied();
}
