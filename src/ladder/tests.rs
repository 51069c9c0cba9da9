//! Packets of crafted captures, found again and labelled.

use super::*;
use crate::diagnose::Thresholds;
use crate::engine::{Engine, Limits};
use crate::snapshot::Report;
use crate::target::Target;
use crate::types::{CaptureId, Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use shakedown_craft::prelude::*;

const START: i64 = 1_773_480_413_000_000_000;

/// Frames of a scene, as raw IP.
fn frames(happen: impl Fn(&Net)) -> Vec<(i64, Vec<u8>)> {
    let net = Net::new("ladder");
    happen(&net);
    let all = net.frames();
    all.iter()
        .map(|f| (START + i64::try_from(f.at).unwrap(), f.ip.clone()))
        .collect()
}

fn each(frames: &[(i64, Vec<u8>)], mut take: impl FnMut(&Frame<'_>) -> bool) {
    for (number, (time, data)) in (1..).zip(frames) {
        let go_on = take(&Frame {
            mark: Mark {
                time: Timestamp(*time),
                frame: FrameNumber(number),
                capture: CaptureId(0),
            },
            link: LinkType(101),
            original_len: u32::try_from(data.len()).unwrap(),
            direction: Direction::Unknown,
            uid: None,
            data,
        });
        if !go_on {
            break;
        }
    }
}

fn report(frames: &[(i64, Vec<u8>)]) -> Report {
    let mut engine = Engine::new(Target::tiktok(), Limits::default());
    each(frames, |frame| {
        engine.handle_frame(frame);
        true
    });
    engine.finish();
    engine.snapshot(&[], Thresholds::default())
}

fn collected(frames: &[(i64, Vec<u8>)], attempt: usize) -> Collected {
    let report = report(frames);
    let mut collector = Collector::new(&report.attempts[attempt]);
    each(frames, |frame| collector.take(frame));
    collector.finish()
}

fn lines(found: &Collected) -> Vec<&str> {
    found.packets.iter().map(|p| p.what.as_str()).collect()
}

fn silence(net: &Net) {
    net.resolve("api16-normal.tiktokv.com", &["2.16.20.33"]);
    let mut tcp = net.tcp("2.16.20.33");
    tcp.syn();
    tcp.syn_retransmits(&[1000, 3000]);
    net.ping_until(22_000);
}

#[test]
fn all_packets_of_an_attempt_are_found_and_no_others() {
    let frames = frames(silence);
    let found = collected(&frames, 0);
    let expected = [
        "A? api16-normal.tiktokv.com",
        "AAAA? api16-normal.tiktokv.com",
        "A: NOERROR 2.16.20.33",
        "AAAA: NOERROR without an address",
        "SYN",
        "SYN try 2",
        "SYN try 3",
    ];
    assert_eq!(lines(&found), expected);
    let again = |p: &Seen| p.trouble == Trouble::Again;
    assert_eq!(found.packets.iter().filter(|p| again(p)).count(), 2);
    assert_eq!(found.packets.iter().filter(|p| p.proof).count(), 3);
}

#[test]
fn a_ladder_is_drawn_with_its_pauses_and_its_break() {
    let frames = frames(silence);
    let report = report(&frames);
    let found = collected(&frames, 0);
    let ladder = Ladder::new(&report.attempts[0], &found, 3, true);
    let roles: Vec<&str> = ladder.lanes.iter().map(|l| l.role).collect();
    assert_eq!(roles, ["client", "resolver", "server"]);
    let painter = Painter {
        glyphs: Glyphs::ASCII,
        width: 80,
    };
    let text = text(&ladder, painter);
    let expected = "
              client                     resolver                     server
           192.168.1.23                   1.1.1.1                   2.16.20.33
    0.0000       |-- A? api16-normal.tik> ->|                           |
    0.0001       |-- AAAA? api16-normal.> ->|                           |
    0.0120       |<- A: NOERROR 2.16.20.33 --|                           |
";
    let head: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(head, expected.lines().skip(1).take(2).collect::<Vec<_>>());
    assert!(text.contains("1.0 s without a packet"), "{text}");
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("x BROKE HERE tcp.syn-unanswered")
    );
    assert!(
        text.lines().all(|line| line.len() <= 80 && line.is_ascii()),
        "{text}"
    );
    assert!(ladder.broke_at.is_some());
}

#[test]
fn retransmissions_gaps_and_late_segments_are_told_apart() {
    let scene = |hide: Option<usize>| {
        let frames = frames(|net| {
            net.resolve("www.tiktok.com", &["23.49.60.10"]);
            let (mut tcp, mut tls) = net.https("www.tiktok.com", "23.49.60.10");
            tcp.app(&mut tls, 400, 20_000);
            tcp.tls_close(&mut tls, Side::Client);
        });
        let data: Vec<usize> = (0..frames.len())
            .filter(|i| frames[*i].1.len() > 1400)
            .collect();
        let mut out = frames.clone();
        if let Some(hide) = hide {
            out.remove(data[hide]);
        } else {
            out.swap(data[3], data[4]);
            out.insert(data[6] + 1, frames[data[6]].clone());
        }
        let found = collected(&out, 0);
        found
            .packets
            .into_iter()
            .map(|p| p.trouble)
            .filter(|t| *t != Trouble::None)
            .collect::<Vec<_>>()
    };
    let missing = scene(Some(5));
    assert!(
        matches!(missing[..], [Trouble::Missing(1000..1500)]),
        "{missing:?}"
    );
    let mixed = scene(None);
    assert!(
        matches!(
            mixed[..],
            [Trouble::Missing(_), Trouble::Late, Trouble::Again]
        ),
        "{mixed:?}"
    );
}

#[test]
fn another_connection_on_the_same_ports_is_another_path() {
    let frames = frames(|net| {
        net.resolve("www.tiktok.com", &["23.49.60.10"]);
        for isn in [1_000, 900_000] {
            let mut tcp = net.tcp("23.49.60.10").port(50_000).isn(Side::Client, isn);
            tcp.connect();
            tcp.refuse();
            net.wait(2_000);
        }
    });
    let report = report(&frames);
    let paths: usize = report.attempts.iter().map(|a| a.paths.len()).sum();
    assert_eq!(paths, 2);
    let mut per_path = std::collections::BTreeMap::new();
    for (index, _) in report.attempts.iter().enumerate() {
        for packet in collected(&frames, index).packets {
            if let Route::Path(path) = packet.route {
                *per_path.entry((index, path)).or_insert(0) += 1;
            }
        }
    }
    let counts: Vec<i32> = per_path.into_values().collect();
    assert_eq!(counts.len(), 2);
    assert_eq!(counts[0], counts[1], "each has its own packets: {counts:?}");
}

#[test]
fn plain_http_is_shown_without_its_query() {
    let frames = frames(|net| {
        net.resolve("www.tiktok.com", &["23.49.60.10"]);
        let mut tcp = net.tcp("23.49.60.10:80");
        tcp.connect();
        tcp.send(
            Side::Client,
            b"GET /login?token=secret HTTP/1.1\r\nHost: www.tiktok.com\r\n\r\n",
        );
    });
    let found = collected(&frames, 0);
    assert!(
        lines(&found).contains(&"GET /login?"),
        "{:?}",
        lines(&found)
    );
}

#[test]
fn damaged_packets_never_panic() {
    let frames = frames(|net| {
        net.visit("www.tiktok.com", "23.49.60.10");
        net.visit_quic("v16-webapp-prime.tiktok.com", "23.49.60.20");
        silence(net);
    });
    let report = report(&frames);
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    for round in 0..300 {
        let mut damaged = frames.clone();
        for _ in 0..20 {
            let at = random() % damaged.len();
            let data = &mut damaged[at].1;
            match random() % 3 {
                0 => data.truncate(random() % (data.len() + 1)),
                _ if data.is_empty() => {}
                _ => {
                    let place = random() % data.len();
                    data[place] = (random() % 256) as u8;
                }
            }
        }
        let attempt = &report.attempts[round % report.attempts.len()];
        let mut collector = Collector::new(attempt);
        each(&damaged, |frame| collector.take(frame));
        let found = collector.finish();
        for columns in [2, 3, 9] {
            let ladder = Ladder::new(attempt, &found, columns, round % 2 == 0);
            for width in [1, 20, 40, 80, 200] {
                let glyphs = Glyphs::UNICODE;
                drop(text(&ladder, Painter { glyphs, width }));
            }
        }
    }
}
