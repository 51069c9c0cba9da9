use crate::source::sample::{BIG, LITTLE, Seen, Writer, open_bytes, read, seen};
use crate::source::{App, Reading, Secrets, Source};
use crate::types::{Addr, Direction, FrameNumber, LinkType, Timestamp};

const T: u64 = 1_700_000_000_123_456;

fn numbers(seen: &[Seen]) -> Vec<u32> {
    seen.iter().map(|s| s.number).collect()
}

/// A file with one of everything.
fn rich(w: Writer) -> Vec<u8> {
    let w2 = Writer { big: !w.big };
    let section = w.section(
        &[
            w.option(1, b"whole file"),
            w.option(4, b"Dumpcap"),
            w.option(0, b""),
        ]
        .concat(),
    );
    let nano = w.interface(
        1,
        96,
        &[
            w.option(9, &[9]),
            w.option(14, &w.u64(3600)),
            w.option(0, b""),
        ]
        .concat(),
    );
    let binary = w.interface(113, 0, &w.option(9, &[0x80 | 20]));
    let flags = [
        w.option(2, &w.u32(2)),
        w.option(4, &w.u64(5)),
        w.option(1, b"look"),
        w.option(0, b""),
    ]
    .concat();
    let statistics = [
        w.u32(0),
        w.ticks(0),
        w.option(3, &w.ticks(T * 1000 + 9)),
        w.option(5, &w.u64(1)),
        w.option(7, &w.u64(6)),
    ];
    let names = [
        w.option(1, b"\x01\x02\x03\x04one\0uno\0"),
        w.option(2, &[[0xfe; 16].as_slice(), b"six\0"].concat()),
        w.option(0, b""),
    ];
    let secrets = [w.u32(Secrets::TLS_KEY_LOG), w.u32(5), b"CLIEN".to_vec()];
    let app = [
        w.u32(62_652),
        w.u16(1),
        vec![1, 0],
        w.u32(10_123),
        vec![5, 3],
        b"a.b.cApp".to_vec(),
    ];
    [
        section,
        nano,
        binary,
        w.enhanced(0, T * 1000, b"first", 60, &flags),
        w.enhanced(1, 3 << 19, b"binary", 6, &w.option(1, b"u-10123")),
        w.block(10, &secrets.concat()),
        w.block(4, &names.concat()),
        w.block(3, &[w.u32(5), b"older".to_vec()].concat()),
        w.block(0xbad, &app.concat()),
        w.block(0x77, b"unknown"),
        w.packet(
            2,
            &[w.u16(1), w.u16(2)].concat(),
            1 << 20,
            b"old",
            3,
            &w.option(2, &w.u32(1)),
        ),
        w.block(5, &statistics.concat()),
        w2.section(b""),
        w2.interface(101, 0, b""),
        w2.enhanced(0, T, b"second section", 14, b""),
    ]
    .concat()
}

#[test]
fn test_everything_in_a_file_is_found_in_both_orders() {
    for w in [LITTLE, BIG] {
        let (seen, info) = read(&rich(w));
        let hour = 3_600_000_000_000;
        let first = i64::try_from(T).unwrap() * 1000 + hour;
        // Wireshark counts the custom block as frame 4.
        assert_eq!(numbers(&seen), [1, 2, 3, 5, 6]);
        let times: Vec<i64> = seen.iter().map(|s| s.nanos).collect();
        assert_eq!(
            times,
            [
                first,
                1_500_000_000,
                1_500_000_000,
                1_000_000_000,
                first - hour
            ]
        );
        let links: Vec<u32> = seen.iter().map(|s| s.link).collect();
        assert_eq!(links, [1, 113, 1, 113, 101]);
        let data: Vec<&[u8]> = seen.iter().map(|s| &s.data[..]).collect();
        assert_eq!(
            data,
            [
                &b"first"[..],
                b"binary",
                b"older",
                b"old",
                b"second section"
            ]
        );
        assert_eq!(
            (seen[0].direction, seen[0].original, seen[3].direction),
            (Direction::Out, 60, Direction::In)
        );
        assert_eq!(
            seen.iter().map(|s| s.uid).collect::<Vec<_>>(),
            [None, Some(10_123), None, None, None]
        );

        assert_eq!(info.link_types, [LinkType(1), LinkType(113), LinkType(101)]);
        assert_eq!(
            (info.packets, info.bytes, info.cut, info.snap_len),
            (5, 88, 1, 0)
        );
        assert_eq!(
            info.dropped,
            Some(7 + 2),
            "statistics say 7 of interface 0 (packets say 5), packets say 2 of interface 1"
        );
        assert_eq!(info.application.as_deref(), Some("Dumpcap"));
        let comments: Vec<_> = info
            .comments
            .iter()
            .map(|c| (c.frame, c.text.as_str()))
            .collect();
        assert_eq!(
            comments,
            [(None, "whole file"), (Some(FrameNumber(1)), "look")]
        );
        assert_eq!(
            info.names,
            [
                (Addr::v4([1, 2, 3, 4]), "one".to_owned()),
                (Addr::v4([1, 2, 3, 4]), "uno".to_owned()),
                (Addr::v6([0xfe; 16]), "six".to_owned())
            ]
        );
        assert_eq!(
            info.secrets,
            [Secrets {
                kind: Secrets::TLS_KEY_LOG,
                data: b"CLIEN".to_vec()
            }]
        );
        assert_eq!(
            info.apps[&10_123],
            App {
                package: "a.b.c".to_owned(),
                name: "App".to_owned()
            }
        );
        assert_eq!(info.stated_end, Some(Timestamp(first + 9)));
        assert_eq!(
            (info.first, info.last),
            (Some(Timestamp(1_000_000_000)), Some(Timestamp(first)))
        );
        assert_eq!(info.end(), Some(Timestamp(first + 9)));
        assert!(info.complete);
        assert_eq!(info.problems.len(), 1, "{:?}", info.problems);
        assert!(info.problems[0].contains("the first is packet 3"));
    }
}

#[test]
fn test_resolutions() {
    let cases = [
        (0, 7, 7_000_000_000),
        (3, 1500, 1_500_000_000),
        (9, 5, 5),
        (12, 5999, 5),
        (0x80, 2, 2_000_000_000),
        (0x8a, 512, 500_000_000),
        (127, 1, 0),
        (255, u64::MAX, 0),
    ];
    for (resolution, ticks, nanos) in cases {
        let file = [
            LITTLE.section(b""),
            LITTLE.interface(1, 0, &LITTLE.option(9, &[resolution])),
            LITTLE.enhanced(0, ticks, b"", 0, b""),
        ];
        assert_eq!(read(&file.concat()).0[0].nanos, nanos, "{resolution:#x}");
    }
}

#[test]
fn test_times_out_of_range_saturate() {
    for (offset, limit) in [(i64::MAX, i64::MAX), (i64::MIN, i64::MIN)] {
        let options = [
            LITTLE.option(9, &[0]),
            LITTLE.option(14, &LITTLE.u64(offset.cast_unsigned())),
        ]
        .concat();
        let ticks = if offset > 0 { u64::MAX } else { 0 };
        let file = [
            LITTLE.section(b""),
            LITTLE.interface(1, 0, &options),
            LITTLE.enhanced(0, ticks, b"", 0, b""),
        ];
        assert_eq!(read(&file.concat()).0[0].nanos, limit);
    }
}

#[test]
fn test_simple_packets_end_at_the_snap_length() {
    let simple = LITTLE.block(3, &[LITTLE.u32(100), b"12345678".to_vec()].concat());
    let file = [LITTLE.section(b""), LITTLE.interface(1, 6, b""), simple].concat();
    let (seen, info) = read(&file);
    assert_eq!(
        (&seen[0].data[..], seen[0].original, info.cut),
        (&b"123456"[..], 100, 1)
    );
    assert_eq!(info.first, None, "no time is stated");
}

#[test]
fn test_damaged_blocks_are_left_out_and_named() {
    let w = LITTLE;
    let start = [w.section(b""), w.interface(1, 0, b"")].concat();
    let at = start.len();
    let good = w.enhanced(0, T, b"good", 4, b"");
    let mut long = w.enhanced(0, T, b"data", 4, b"");
    long[20] = 9;
    let cases = [
        (
            w.enhanced(3, T, b"data", 4, b""),
            format!("packet 1 (block at byte {at}) names interface 3"),
        ),
        (
            long,
            format!("packet 1 (block at byte {at}) states a captured length of 9 bytes"),
        ),
        (
            w.block(6, b"short"),
            format!("packet 1 (block at byte {at}) is too short"),
        ),
        (
            w.block(1, b"x"),
            format!("block of type 0x1 at byte {at} is damaged"),
        ),
        (
            w.block(5, b"\x09\0\0\0aaaabbbb"),
            format!("block of type 0x5 at byte {at} is damaged"),
        ),
        (
            w.block(10, b"TLSK\xff\0\0\0"),
            format!("block of type 0xa at byte {at} is damaged"),
        ),
        (
            w.block(4, b"\x01\0\x03\0abc"),
            format!("block of type 0x4 at byte {at} is damaged"),
        ),
        (
            w.enhanced(0, T, b"data", 4, b"\x01\0\xff\0"),
            format!("packet 1 (block at byte {at}) has damaged options"),
        ),
    ];
    for (bad, problem) in cases {
        let (seen, info) = read(&[&start[..], &bad, &good].concat());
        assert!(seen.iter().any(|s| s.data == b"good"), "{problem}");
        assert!(
            info.problems[0].starts_with(&problem),
            "{:?} for {problem}",
            info.problems
        );
        assert!(!info.complete);
    }
}

#[test]
fn test_a_broken_frame_of_a_block_ends_the_file() {
    let w = BIG;
    let start = [
        w.section(b""),
        w.interface(1, 0, b""),
        w.enhanced(0, T, b"good", 4, b""),
    ]
    .concat();
    let at = start.len();
    let mut mismatch = w.block(6, &[0; 24]);
    let last = mismatch.len() - 1;
    mismatch[last] ^= 4;
    let order = [w.u32(0x0a0d_0d0a), w.u32(28), vec![0; 20]].concat();
    let version = w
        .section(b"")
        .iter()
        .enumerate()
        .map(|(i, b)| if i == 13 { 7 } else { *b })
        .collect();
    let huge = [w.u32(6), w.u32((256 << 20) + 4), vec![0; 50]].concat();
    for (bad, words) in [
        (mismatch, "that says 32 at its end"),
        (vec![0; 12], "a block length of 0 bytes"),
        (order, "no byte-order magic"),
        (version, "pcapng version 7.0"),
        (huge, "a block length of 268435460 bytes"),
    ] {
        let (seen, info) = read(&[&start[..], &bad].concat());
        assert_eq!((seen.len(), info.complete), (1, false));
        let problem = &info.problems[0];
        assert!(
            problem.starts_with(&format!("the record at byte {at}, after packet 1, ")),
            "{problem}"
        );
        assert!(
            problem.contains(words) || words.starts_with("that says"),
            "{problem}"
        );
    }
}

#[test]
fn test_unpadded_block_lengths_are_rounded_up() {
    let w = LITTLE;
    let mut block = w.enhanced(0, T, b"abcde", 5, b"");
    for at in [4, block.len() - 4] {
        block[at] -= 3;
    }
    let (seen, info) = read(&[w.section(b""), w.interface(1, 0, b""), block].concat());
    assert_eq!(seen[0].data, b"abcde");
    assert!(info.complete);
}

#[test]
fn test_a_large_block_is_passed() {
    let w = LITTLE;
    let file = [
        w.section(b""),
        w.interface(1, 0, b""),
        w.block(0x77, &vec![1; 18 << 20]),
        w.enhanced(0, T, b"good", 4, b""),
        w.enhanced(0, T, &vec![1; 18 << 20], 4, b""),
        w.enhanced(0, T, b"good", 4, b""),
    ];
    let (seen, info) = read(&file.concat());
    assert_eq!(numbers(&seen), [1, 3]);
    assert_eq!(info.problems.len(), 2, "{:?}", info.problems);
}

#[test]
fn test_lists_are_capped() {
    let w = LITTLE;
    let mut file = [w.section(b""), w.interface(1, 0, b"")].concat();
    for _ in 0..1200 {
        file.extend(w.enhanced(0, T, b"", 0, &w.option(1, &[b'x'; 3000])));
        file.extend(w.enhanced(9, T, b"", 0, b""));
    }
    let (seen, info) = read(&file);
    assert_eq!(seen.len(), 1200);
    assert_eq!(
        (info.comments.len(), info.comments[0].text.len()),
        (1000, 2000)
    );
    assert_eq!(info.problems.len(), 100);
    assert!(info.problems[99].contains("more problems"));
}

#[test]
fn test_a_file_cut_anywhere_keeps_what_came_before() {
    for w in [LITTLE, BIG] {
        let file = rich(w);
        let (all, _) = read(&file);
        let mut longest = 0;
        for cut in 1..file.len() {
            let Ok(mut source) = open_bytes(&[&file[..cut]], Reading::Direct) else {
                assert!(cut < 28, "cut at {cut}");
                continue;
            };
            let got = seen(&mut source);
            assert_eq!(got, all[..got.len()]);
            assert!(got.len() >= longest);
            longest = got.len();
            let info = &source.captures()[0];
            assert_eq!(
                info.complete,
                !info
                    .problems
                    .iter()
                    .any(|p| p.starts_with("file ends inside "))
            );
        }
        assert_eq!(longest, all.len() - 1);
    }
}

#[test]
fn test_changed_bytes_never_panic() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..20_000 {
        let mut file = rich(if round % 2 == 0 { LITTLE } else { BIG });
        for _ in 0..1 + next() % 4 {
            let at = next() as usize % file.len();
            file[at] = match next() % 3 {
                0 => 0xff,
                1 => 0,
                _ => next() as u8,
            };
        }
        if let Ok(mut source) = open_bytes(&[&file], Reading::Direct) {
            let seen = seen(&mut source);
            assert!(seen.len() < 100);
            let info = &source.captures()[0];
            assert_eq!(info.packets, seen.len() as u64);
        }
    }
}
