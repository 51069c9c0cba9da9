//! The request of a path, and what came back, as far as it can be seen.
//!
//! In the clear both are read. Inside TLS only records are seen, with their sizes, and the first request of a connection
//! is all that is told from them: later on, messages that want no answer (WebSockets, window updates, pings) look alike.
//! What a server sends unasked must not be taken for a response: session tickets (what came before the question, or two
//! or more records of one size in one go) and the control frames of HTTP/2 (few sizes: 9 bytes and 6 for each setting, 13
//! for a window update; believed only where the acknowledgement of settings, 9 bytes, is among them).

use crate::diagnose::PathContext;
use crate::fact::http::Exchange;
use crate::fact::tcp::TcpFacts;
use crate::fact::tls::{Record, TlsFacts};
use crate::types::{Mark, Side, Timestamp};
use std::time::Duration;

/// The size that a record gains over its content in TLS 1.3 (type and tag).
const ADDED: u16 = 17;
/// A record shorter than this is no session ticket.
const TICKET: u16 = 100;
/// Tickets and control frames of a server are no more than that together: what lies behind it is a response.
const MOST_UNASKED: u64 = 2048;
/// The record that acknowledges the client's settings in HTTP/2: a frame without content.
const SETTINGS_ACK: u16 = 9 + ADDED;
/// A PING of HTTP/2 and the answer to it (RFC 9113 section 6.7): Firefox sends one while it waits.
const PING: u16 = 17 + ADDED;
/// What a server sends unasked, it sends at once.
const AT_ONCE: Duration = Duration::from_millis(300);
/// A client's first record from this size on is more than the preface of HTTP/2 with its settings.
const MORE_THAN_PREFACE: u16 = 200;
/// A later record from this size on is more than acknowledgements, pings and window updates, two of them together: a
/// request of curl, say, has 65 bytes.
const MORE_THAN_CONTROL: u16 = 57;
/// A record from this size on holds something that wants an answer, where the server has said nothing at all.
const ANYTHING: u16 = 30;
/// Records that the TLS observer keeps of each side: behind a full list more may have come.
const KEPT: usize = 12;

/// What a client asked, and when something came back.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The packet with the request's first byte.
    pub(super) first: Mark,
    /// The packet with its last byte.
    pub(super) sent: Mark,
    /// Bytes of the client's stream up to its end.
    pub(super) end: u64,
    /// What it is, in words.
    pub(super) words: String,
    /// The packet with the response's first byte.
    pub(super) answered: Option<Mark>,
    /// It is read, not inferred from sizes.
    pub(super) plain: bool,
    /// The server sent nothing but what may be the control frames of HTTP/2.
    pub(super) control_only: bool,
    /// It is HTTP: read, or the client's hello offers nothing but HTTP to speak.
    pub(super) http: bool,
    /// When the connection was ready for it.
    pub(super) ready: Timestamp,
}

/// The first request of the connection.
pub(super) fn first_request(context: &PathContext<'_>) -> Option<Asked> {
    let tcp = context.tcp()?;
    if let Some(http) = context.path.flow.http {
        return plain(context, http.exchanges.first()?);
    }
    encrypted(context, tcp, context.tls()?)
}

/// The last request of a connection in the clear; else the first.
pub(super) fn last_request(context: &PathContext<'_>) -> Option<Asked> {
    match context.path.flow.http {
        Some(http) if !http.lost_track => plain(context, http.exchanges.last()?),
        Some(_) => None,
        None => first_request(context),
    }
}

fn plain(context: &PathContext<'_>, exchange: &Exchange) -> Option<Asked> {
    let ready = context.path.progress.connected?.time;
    let host = exchange.host.as_deref().unwrap_or("?");
    Some(Asked {
        first: exchange.asked,
        sent: exchange.sent,
        end: exchange.end,
        words: format!(
            "{} http://{}{}",
            short(&exchange.method),
            short(host),
            short(&exchange.path)
        ),
        answered: exchange.response.as_ref().map(|r| r.mark),
        plain: true,
        control_only: false,
        http: true,
        ready,
    })
    .filter(|_| exchange.whole)
}

fn encrypted(context: &PathContext<'_>, tcp: &TcpFacts, tls: &TlsFacts) -> Option<Asked> {
    let finished = tls.client_finished?;
    let unclear = tcp.midstream || tls.lost_track.0 != [false, false] || tls.early_data.is_some();
    let server = &tcp.half[Side::Server];
    if unclear || tls.unframed.0 != [false, false] {
        return None;
    }
    // Nothing is an answer that came before there was a question.
    let own = || tls.records[Side::Client].iter().filter(|r| is_app(tls, r));
    let from = own().next().map_or(finished, |r| r.mark);
    let said = said_after(tls, from);
    let answered = said.answer;
    if answered.is_none() {
        let more = tls.records[Side::Server].len() >= KEPT || tls.open_record[Side::Server] > 0;
        if more || server.hole_at.is_some() || server.clipped {
            return None;
        }
    }
    let asked: Vec<&Record> = own()
        .filter(|r| answered.is_none_or(|a| not_after(r.mark, a)))
        .collect();
    let nothing = !said.control && answered.is_none();
    let clear = asked.iter().enumerate().any(|(i, r)| match i {
        _ if nothing => r.length >= ANYTHING,
        0 if !may_speak_h2(tls) => r.length >= ANYTHING,
        0 => r.length >= MORE_THAN_PREFACE,
        _ => r.length >= MORE_THAN_CONTROL,
    });
    let first = asked.first()?;
    // What a client sends while it waits (acknowledgements, PING) is no part of the question.
    let question = |r: &&&Record| r.length >= MORE_THAN_CONTROL;
    let last = asked.iter().rev().find(question).or(asked.last())?;
    let bytes: u32 = asked.iter().map(|r| u32::from(r.length)).sum();
    let all = tls.records[Side::Client].len() < KEPT;
    let more = sent_at(context, answered).filter(|_| !all);
    let sent = more.unwrap_or(last.mark);
    clear.then(|| Asked {
        first: first.mark,
        sent,
        end: last.end,
        words: format!("a request inside TLS ({bytes} bytes)"),
        answered: answered.map(|a| begun(context, sent, a)),
        plain: false,
        control_only: said.control,
        http: offers_http(tls),
        ready: finished.time,
    })
}

/// The client offers HTTP (ALPN, RFC 7301). Tunnels, push services and mail offer something else, or nothing, and may
/// leave a message unanswered.
fn offers_http(tls: &TlsFacts) -> bool {
    let is_http = |id: &String| id == "h2" || id.starts_with("http/");
    tls.alpn_offered().iter().any(is_http)
}

/// The client may begin with the preface of HTTP/2: it offers it and, as far as that can be read, the server took it.
fn may_speak_h2(tls: &TlsFacts) -> bool {
    let chosen = tls.is_tls13() || tls.alpn() == Some("h2");
    chosen && tls.alpn_offered().iter().any(|id| id == "h2")
}

/// The client's last new data before the answer; without answer, at all.
fn sent_at(context: &PathContext<'_>, answered: Option<Mark>) -> Option<Mark> {
    let bursts = context.path.flow.transfer?.bursts();
    let mut own = bursts.filter(|b| b.side == Side::Client);
    own.rfind(|b| answered.is_none_or(|a| not_after(b.last, a)))
        .map(|b| b.last)
}

/// The packet with the first bytes of what the record ends that was complete with `answered`.
fn begun(context: &PathContext<'_>, sent: Mark, answered: Mark) -> Mark {
    let bursts = context
        .path
        .flow
        .transfer
        .into_iter()
        .flat_map(|t| t.bursts());
    let mut own = bursts.filter(|b| b.side == Side::Server && !not_after(b.first, sent));
    let holds = own.find(|b| not_after(b.first, answered) && not_after(answered, b.last));
    holds.map_or(answered, |b| b.first)
}

/// What the server said after the client's first data.
struct Said {
    /// The first record that can only be a response.
    answer: Option<Mark>,
    /// Records that may be control frames of HTTP/2.
    control: bool,
}

fn said_after(tls: &TlsFacts, asked: Mark) -> Said {
    let after: Vec<&Record> = tls.records[Side::Server]
        .iter()
        .filter(|r| r.kind == 23 && !not_after(r.mark, asked))
        .collect();
    let h2 = tls.is_tls13() || tls.alpn() == Some("h2");
    let first = after.first().map(|r| r.mark.time);
    let at_once = |r: &Record| first.is_some_and(|f| r.mark.time.since(f) < AT_ONCE);
    let repeated = |r: &Record| after.iter().filter(|o| o.length == r.length).count() > 1;
    let begin = after
        .first()
        .map_or(0, |r| r.end.saturating_sub(u64::from(r.length)));
    let unasked = |r: &Record| r.end.saturating_sub(begin) <= MOST_UNASKED && at_once(r);
    let ticket = |r: &Record| tls.is_tls13() && r.length >= TICKET && repeated(r) && unasked(r);
    let mut sizes: Vec<u16> = after
        .iter()
        .filter(|r| ticket(r))
        .map(|r| r.length)
        .collect();
    sizes.dedup();
    let one_size = sizes.len() <= 1;
    // Only HTTP/2 has so short a message: without it, a small response of HTTP/1 may have the size of settings.
    let acks = |r: &Record| r.kind == 23 && r.length == SETTINGS_ACK;
    let own = tls.records[Side::Client].iter();
    let client_acks = own.filter(|r| not_after(asked, r.mark)).any(acks);
    let own = tls.records[Side::Client].iter();
    let pinged = own.filter(|r| r.kind == 23 && r.length == PING);
    let pinged = pinged.map(|r| r.mark).min_by_key(|m| (m.time, m.frame));
    let speaks_h2 = h2 && (client_acks || after.iter().any(|r| acks(r)));
    let mut said = Said {
        answer: None,
        control: false,
    };
    for record in &after {
        if (one_size && ticket(record)) || !is_data(tls, record) {
            continue;
        }
        let with_ack = client_acks && is_settings_with_ack(record.length);
        if speaks_h2 && at_once(record) && (is_control(record.length) || with_ack) {
            said.control = true;
            continue;
        }
        let answers_ping =
            record.length == PING && pinged.is_some_and(|p| not_after(p, record.mark));
        if speaks_h2 && answers_ping {
            continue;
        }
        said.answer = Some(record.mark);
        break;
    }
    said
}

/// SETTINGS, a window update, or both, or an acknowledgement of SETTINGS, in TLS 1.3 (RFC 9113 sections 6.5 and 6.9).
fn is_control(length: u16) -> bool {
    let frames = length.saturating_sub(ADDED);
    let settings = |n: u16| (9..=45).contains(&n) && (n - 9).is_multiple_of(6);
    settings(frames) || frames == 13 || frames.checked_sub(13).is_some_and(settings)
}

/// The server's SETTINGS, with or without a window update, and its acknowledgement of the client's in one record, as nginx
/// and haproxy send them.
fn is_settings_with_ack(length: u16) -> bool {
    length
        .checked_sub(SETTINGS_ACK - ADDED)
        .is_some_and(|rest| rest > SETTINGS_ACK && is_control(rest))
}

/// A record of the client behind its Finished, longer than an alert.
fn is_app(tls: &TlsFacts, record: &Record) -> bool {
    record.kind == 23 && record.end > tls.client_finished_end && is_data(tls, record)
}

fn is_data(tls: &TlsFacts, record: &Record) -> bool {
    !tls.is_tls13() || record.length > 19
}

/// Captured earlier, or in the same packet.
pub(super) fn not_after(mark: Mark, than: Mark) -> bool {
    (mark.time, mark.frame) <= (than.time, than.frame)
}

/// The server acknowledged the request.
pub(super) fn is_acked(tcp: &TcpFacts, asked: &Asked) -> Option<Mark> {
    let half = &tcp.half[Side::Client];
    half.acked_at.filter(|_| half.acked >= asked.end)
}

/// The first FIN or RST of either side, and of whom.
pub(super) fn ended(tcp: &TcpFacts) -> Option<(Side, Mark)> {
    let fins = [Side::Client, Side::Server].map(|side| Some((side, tcp.half[side].fin?)));
    let resets = tcp.resets.iter().map(|r| (r.from, r.mark));
    let all = fins.into_iter().flatten().chain(resets);
    all.min_by_key(|(_, m)| (m.time, m.frame))
}

/// Untrusted text cut to what fits a sentence.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

/// Seconds with one decimal, below one second milliseconds.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::tls::ServerHello;
    use crate::types::FrameNumber;

    fn mark(ms: i64) -> Mark {
        Mark {
            time: Timestamp(ms * 1_000_000),
            frame: FrameNumber(ms as u32),
            ..Mark::default()
        }
    }

    fn said(records: &[(i64, u16)]) -> (Option<i64>, bool) {
        said_to(&[], records)
    }

    fn said_to(client: &[(i64, u16)], records: &[(i64, u16)]) -> (Option<i64>, bool) {
        let mut tls = TlsFacts {
            server_hello: Some(Box::new(ServerHello {
                version: 0x0304,
                cipher: 0x1301,
                ..ServerHello::default()
            })),
            ..TlsFacts::default()
        };
        let record = |(at, length): &(i64, u16)| Record {
            mark: mark(*at),
            kind: 23,
            length: *length,
            end: 0,
        };
        tls.records[Side::Server] = records.iter().map(record).collect();
        tls.records[Side::Client] = client.iter().map(record).collect();
        let said = said_after(&tls, mark(10));
        (said.answer.map(|m| m.time.0 / 1_000_000), said.control)
    }

    #[test]
    fn tickets_and_settings_are_no_response() {
        assert_eq!(said(&[(5, 2000), (30, 250), (30, 250)]), (None, false));
        assert_eq!(
            said(&[(30, 250), (30, 250), (30, 44), (60, 26)]),
            (None, true)
        );
        assert_eq!(
            said(&[(30, 250), (30, 250), (30, 26), (4000, 300)]),
            (Some(4000), true)
        );
    }

    #[test]
    fn settings_and_their_acknowledgement_in_one_record() {
        let nginx = [(30, 282), (30, 282), (31, 66)];
        let curl = [(10, 81), (11, 65), (32, 26)];
        assert_eq!(said_to(&curl, &nginx), (None, true));
        assert_eq!(
            said_to(&curl[..2], &nginx),
            (Some(31), false),
            "the client acknowledges no settings: it may be HTTP/1"
        );
        let pinging = [&curl[..], &[(900, 34)]].concat();
        let caddy = [(30, 50), (31, 30), (31, 26), (930, 34)];
        assert_eq!(
            said_to(&pinging, &caddy),
            (None, true),
            "PING and its answer"
        );
        let answered = [(30, 282), (30, 282), (31, 66), (4000, 144)];
        assert_eq!(said_to(&curl, &answered), (Some(4000), true));
    }

    #[test]
    fn what_may_be_a_response_is_one() {
        assert_eq!(
            said(&[(30, 250)]),
            (Some(30), false),
            "one ticket, or a small response"
        );
        assert_eq!(said(&[(30, 250), (30, 250), (31, 90)]), (Some(31), false));
        assert_eq!(
            said(&[(30, 250), (30, 250), (30, 180), (30, 180)]),
            (Some(30), false)
        );
        assert_eq!(said(&[(30, 62)]), (Some(30), false), "HTTP/1.1 204");
        assert_eq!(
            said(&[(30, 250), (900, 250)]),
            (Some(900), false),
            "not in one go"
        );
    }

    #[test]
    fn sizes_of_control_frames() {
        for length in [26, 30, 32, 44, 62, 45, 57] {
            assert!(is_control(length), "{length}");
        }
        for length in [19, 17, 60, 90, 250] {
            assert!(!is_control(length), "{length}");
        }
    }
}
