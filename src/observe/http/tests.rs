use super::*;
use crate::types::{FrameNumber, Timestamp};

fn mark(frame: u32) -> Mark {
    Mark {
        time: Timestamp(i64::from(frame)),
        frame: FrameNumber(frame),
        ..Mark::default()
    }
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &[u8] = b"POST /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const OPEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n<html>";

fn watch(parts: &[(Side, &[u8])]) -> HttpFacts {
    let mut http = HttpObserver::begin(parts[0].1).unwrap();
    for (i, (side, bytes)) in parts.iter().enumerate() {
        http.data(*side, bytes, mark(i as u32));
    }
    http.facts().clone()
}

use Side::{Client, Server};

#[test]
fn requests_and_responses_are_paired() {
    let facts = watch(&[
        (Client, GET),
        (Server, OK),
        (Client, POST),
        (Server, OPEN),
        (Server, b"more"),
    ]);
    assert_eq!(
        (facts.requests, facts.responses, facts.lost_track),
        (2, 2, false)
    );
    let [first, second] = &facts.exchanges[..] else {
        panic!("{facts:?}")
    };
    let response = first.response.as_ref().unwrap();
    assert_eq!(
        (response.status, response.lacks(), &response.body[..]),
        (200, 0, &b"abc"[..])
    );
    assert!(first.whole && second.whole);
    assert_eq!(second.end, (GET.len() + POST.len()) as u64);
    let response = second.response.as_ref().unwrap();
    assert_eq!((response.status, response.length), (403, None));
    assert_eq!(response.body, b"<html>more");
    assert_eq!((response.mark, response.last), (mark(3), mark(4)));
}

#[test]
fn cuts_change_nothing_but_marks() {
    let plain = |f: &HttpFacts| {
        f.exchanges
            .iter()
            .map(|e| {
                (
                    e.method.clone(),
                    e.end,
                    e.response.as_ref().map(|r| (r.status, r.body.clone())),
                )
            })
            .collect::<Vec<_>>()
    };
    let whole = watch(&[(Client, GET), (Server, OK), (Client, POST), (Server, OPEN)]);
    for size in 1..40 {
        let mut http = HttpObserver::begin(GET).unwrap();
        for (side, bytes) in [(Client, GET), (Server, OK), (Client, POST), (Server, OPEN)] {
            for piece in bytes.chunks(size) {
                http.data(side, piece, mark(1));
            }
        }
        assert_eq!(plain(http.facts()), plain(&whole), "{size}");
    }
}

#[test]
fn an_open_content_ends_with_the_next_request() {
    let chunked: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let facts = watch(&[
        (Client, GET),
        (Server, chunked),
        (Client, GET),
        (Server, OK),
    ]);
    let statuses: Vec<_> = facts
        .exchanges
        .iter()
        .filter_map(|e| Some(e.response.as_ref()?.status))
        .collect();
    assert_eq!(statuses, [200, 200]);
    assert_eq!(facts.exchanges[1].response.as_ref().unwrap().body, b"abc");
}

#[test]
fn interim_responses_and_upgrades() {
    let facts = watch(&[
        (Client, POST),
        (Server, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (Server, OK),
    ]);
    assert_eq!(facts.exchanges[0].response.as_ref().unwrap().status, 200);
    let mut http = HttpObserver::begin(GET).unwrap();
    http.data(Client, GET, mark(1));
    http.data(
        Server,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello",
        mark(2),
    );
    assert!(!http.wants(Client) && !http.wants(Server));
    assert_eq!(http.facts().responses, 1);
}

#[test]
fn what_is_missing_is_told() {
    let mut http = HttpObserver::begin(GET).unwrap();
    http.data(Client, GET, mark(1));
    http.data(
        Server,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab",
        mark(2),
    );
    http.gap(Server, 500, mark(3));
    let response = http.facts().exchanges[0].response.as_ref().unwrap();
    assert_eq!((response.received, response.lacks()), (502, 498));
    http.gap(Server, 600, mark(4));
    assert!(http.facts().lost_track && !http.wants(Server));
}

#[test]
fn exchanges_are_bounded() {
    let mut http = HttpObserver::begin(GET).unwrap();
    for i in 0..1000 {
        http.data(Client, GET, mark(i));
        http.data(Server, OK, mark(i));
    }
    assert_eq!(
        (http.facts().requests, http.facts().exchanges.len()),
        (1000, 8)
    );
    assert_eq!(http.facts().exchanges[7].asked, mark(999));
}

#[test]
fn hostile_bytes_do_no_harm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 20) as usize % below
    };
    for _ in 0..20_000 {
        let mut http = HttpObserver::default();
        for _ in 0..6 {
            let mut bytes = [GET, POST, OK, OPEN][dice(4)].to_vec();
            for _ in 0..dice(4) {
                let at = dice(bytes.len());
                bytes[at] = dice(256) as u8;
            }
            bytes.truncate(dice(bytes.len()) + 1);
            let side = [Client, Server][dice(2)];
            if dice(8) == 0 {
                http.gap(side, dice(100) as u64, mark(1));
            }
            http.data(side, &bytes, mark(1));
        }
        assert!(http.facts().exchanges.len() <= 8);
    }
}
