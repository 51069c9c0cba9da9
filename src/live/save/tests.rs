use super::output::Output;
use super::{Counted, Plan, RETRY, Save, SaveError, ring_name};
use crate::report::pcapng::Interface;
use crate::source::{self, CaptureInfo, Source};
use crate::types::{Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::path::{Path, PathBuf};
use std::time::Duration;

const START: Timestamp = Timestamp(1_795_000_000_000_000_000);

fn at(millis: u64) -> Timestamp {
    START.plus(Duration::from_millis(millis))
}

fn plan(path: PathBuf) -> Plan {
    Plan {
        path,
        rotate_size: None,
        rotate_time: None,
        keep: 3,
    }
}

fn interfaces() -> [Interface; 2] {
    let make = |name: &str, link, snap_len| Interface {
        name: name.to_owned(),
        link: LinkType(link),
        snap_len,
    };
    [make("eth0", 1, 0), make("tun0", 101, 65_535)]
}

fn send(save: &mut Save, interface: usize, millis: u64, data: &[u8]) {
    let frame = Frame {
        mark: Mark {
            time: at(millis),
            frame: FrameNumber(1),
            ..Mark::default()
        },
        link: interfaces()[interface].link,
        original_len: 1500,
        direction: Direction::Out,
        uid: None,
        data,
    };
    save.frame(interface, &frame);
}

/// Reads a file back: its packets as (link, time, bytes), and what is known of it.
fn read(path: &Path) -> (Vec<(u32, Timestamp, Vec<u8>)>, CaptureInfo) {
    let mut source = source::open(&[path.to_owned()]).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = source.next_frame() {
        assert_eq!(frame.original_len, 1500);
        assert_eq!(frame.direction, Direction::Out);
        packets.push((frame.link.0, frame.mark.time, frame.data.to_vec()));
    }
    (packets, source.captures().remove(0))
}

#[test]
fn test_one_file_with_interfaces_and_drops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.pcapng");
    let mut save = Save::open(plan(path.clone()), &interfaces(), START).unwrap();
    send(&mut save, 0, 1, b"first");
    send(&mut save, 1, 2, b"second");
    let counted = Counted {
        received: 9,
        dropped: 4,
        if_dropped: 3,
    };
    save.counted(0, counted);
    save.tick(at(3));
    assert_eq!(read(&path).0.len(), 2, "a tick writes what is held");
    assert_eq!(save.totals(), (2, 0));
    assert_eq!(save.finish(at(5_000)), None);
    let (packets, info) = read(&path);
    assert_eq!(packets[0], (1, at(1), b"first".to_vec()));
    assert_eq!(packets[1], (101, at(2), b"second".to_vec()));
    assert!(info.complete, "{:?}", info.problems);
    assert_eq!(info.dropped, Some(7));
    assert_eq!(info.stated_end, Some(at(5_000)));
}

#[test]
fn test_times_without_capturing_are_stated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.pcapng");
    let mut save = Save::open(plan(path.clone()), &interfaces(), START).unwrap();
    send(&mut save, 0, 1_000, b"first");
    save.hole(0, at(2_000), at(5_500));
    save.hole(7, at(2_000), at(9_000)); // there is no such interface
    send(&mut save, 0, 6_000, b"second");
    save.tick(at(6_000));
    let holes = [(at(2_000), at(5_500))];
    assert_eq!(read(&path).1.holes, holes, "before the file is closed, too");
    save.counted(
        0,
        Counted {
            dropped: 4,
            ..Counted::default()
        },
    );
    assert_eq!(save.finish(at(7_000)), None);
    let (_, info) = read(&path);
    assert_eq!(info.holes, holes);
    let text = "nothing was captured for 3.5 s, from 1.0 s after the first packet on";
    assert_eq!(info.problems, [text]);
    assert!(info.complete && info.dropped == Some(4));
    assert_eq!(info.stated_end, Some(at(7_000)));
}

#[cfg(unix)]
#[test]
fn test_a_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.pcapng");
    let save = Save::open(plan(path.clone()), &interfaces(), START).unwrap();
    assert_eq!(save.files().next(), Some(path.as_path()));
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn test_a_ring_by_size_keeps_whole_files_and_states_drops_of_each() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        rotate_size: Some(4_000),
        ..plan(dir.path().join("ring.pcapng"))
    };
    let mut save = Save::open(plan, &interfaces(), START).unwrap();
    let counted = |dropped| Counted {
        received: 0,
        dropped,
        if_dropped: 0,
    };
    for n in 0..20 {
        save.counted(0, counted(n));
        send(&mut save, 0, n * 1_000, &[0; 1_000]);
    }
    assert_eq!(save.finish(at(20_000)), None);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap()).collect();
    assert_eq!(names[2], "ring_00007_20261118110658.pcapng", "{names:?}");
    let mut last = None;
    for file in &files {
        assert!(file.metadata().unwrap().len() <= 4_000);
        let (packets, info) = read(file);
        assert!(info.complete && !packets.is_empty());
        assert!(last < Some(packets[0].1), "in order, nothing twice");
        last = packets.last().map(|p| p.1);
        let new = packets.len() as u64;
        assert!(info.dropped <= Some(new), "{:?} of {new}", info.dropped);
    }
    assert_eq!(last, Some(at(19_000)), "the newest are kept");
}

#[test]
fn test_a_ring_by_time_makes_no_empty_files() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        rotate_time: Some(Duration::from_secs(60)),
        ..plan(dir.path().join("ring"))
    };
    let mut save = Save::open(plan, &interfaces(), START).unwrap();
    save.tick(at(61_000));
    send(&mut save, 0, 62_000, b"a");
    send(&mut save, 0, 63_000, b"b");
    save.tick(at(130_000));
    let first = save.files().next().unwrap().to_owned();
    assert!(first.extension().is_some_and(|e| e == "pcapng"));
    let (packets, info) = read(&first);
    assert_eq!(packets.len(), 2);
    assert!(info.stated_end.is_some(), "closed though the line is quiet");
    save.tick(at(900_000));
    assert_eq!(save.files().count(), 1);
    send(&mut save, 0, 901_000, b"c");
    assert_eq!(save.files().count(), 2);
    assert_eq!(save.finish(at(902_000)), None);
}

#[test]
fn test_names_are_those_of_dumpcap() {
    let name = |path: &str, n| ring_name(Path::new(path), n, START);
    assert_eq!(
        name("out/tik.tok.pcapng", 1),
        Path::new("out/tik.tok_00001_20261118110640.pcapng")
    );
    assert_eq!(
        name("x", 123_456),
        Path::new("x_123456_20261118110640.pcapng")
    );
}

#[test]
fn test_what_cannot_be_opened_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let bad = plan(dir.path().join("no/such/folder.pcapng"));
    let error = Save::open(bad, &interfaces(), START).err().unwrap();
    assert!(
        error
            .to_string()
            .contains("folder.pcapng: can't be written")
    );
    let stdout = Plan {
        rotate_size: Some(1),
        ..plan("-".into())
    };
    let error = Save::open(stdout, &interfaces(), START).err().unwrap();
    assert!(matches!(error, SaveError::RotatesOutput));
}

/// `/dev/full` answers every write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn test_a_full_disk_pauses_saving_and_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.pcapng");
    let mut save = Save::open(plan(path.clone()), &interfaces(), START).unwrap();
    send(&mut save, 0, 1, b"kept");
    save.tick(at(2));
    let full = Output::create(Path::new("/dev/full")).unwrap();
    let file = std::mem::replace(&mut save.current.as_mut().unwrap().output, full);
    send(&mut save, 0, 3, b"lost");
    assert_eq!(save.problem(), None, "still in memory");
    save.tick(at(4));
    let problem = save.problem().unwrap().to_owned();
    assert!(problem.contains("all.pcapng: saving pauses"), "{problem}");
    assert!(problem.contains("No space left"), "{problem}");
    send(&mut save, 0, 5, b"lost too");
    assert_eq!(save.totals(), (1, 2));
    save.current.as_mut().unwrap().output = file;
    let later = 4 + u64::try_from(RETRY.as_millis()).unwrap();
    send(&mut save, 0, later - 1, b"too early");
    send(&mut save, 0, later, b"after");
    assert_eq!(save.problem(), None);
    assert_eq!(save.finish(at(later + 1)), None);
    let (packets, info) = read(&path);
    let bytes: Vec<_> = packets.iter().map(|p| p.2.as_slice()).collect();
    assert_eq!(bytes, [&b"kept"[..], b"after"]);
    assert!(info.complete, "{:?}", info.problems);
    let comments: Vec<_> = info.comments.iter().map(|c| c.text.as_str()).collect();
    let gap = "3 packets before this one were not saved: writing failed";
    assert_eq!(comments[0], gap, "{comments:?}");
    assert_eq!(info.comments[0].frame, Some(FrameNumber(2)));
}
