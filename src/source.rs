//! Captures as a stream of frames: what was recorded, with a number, a time and a link type.
//!
//! [`open`] takes paths (or `-`) and yields a [`Source`]. It reads pcap (microseconds, nanoseconds, both byte orders,
//! Kuznetzov's "modified" records) and pcapng (any number of sections and interfaces), each plain or packed with gzip
//! or zstd, from files, pipes and standard input, also while they are still being written. Several inputs are merged
//! in time order; each keeps its own order even where its clock steps back, and ties go to the input named first.
//!
//! # Why not libpcap or a pcapng crate
//! libpcap refuses pcapng files whose interfaces differ in link type, loses comments, secrets, names and drop counts,
//! and knows no gzip. The crates at hand either copy each packet or leave the interface table, time arithmetic and
//! recovery from damage to the caller. A record walk is small, so it is here; unpacking is flate2's and ruzstd's, BPF
//! is libpcap's ([`filter`], with the feature `live`).
//!
//! # Who reads
//! A second thread per input reads (and unpacks) ahead into recycled blocks, so that the asking thread only walks
//! records. Measured with 1.8 million packets of 565 bytes in the page cache (`cargo bench --bench read`): the asking
//! thread spends 28 ns a packet, against 79 ns where it reads itself (a gzip file: 0.15 µs less a packet). With no
//! work per packet the hand-over makes the whole slower (90 ns direct, 125 ns ahead), but an analysis costs several
//! times that and then gains the difference wherever a core is free; with both cores busy the two were equal. Reading
//! ahead also overlaps waiting for a disk, and keeps a live pipe drained while the analysis is busy. It is the default
//! but for files of less than 1 MiB, which one `read()` brings, and for more than 8 inputs at once.
//!
//! # Limits
//! A packet over 16 MiB ([`MAX_PACKET`]) is stepped over and reported; a record that claims more than 256 MiB
//! ([`MAX_RECORD`]) ends the file. The read buffer grows to the largest packet and one block, and shrinks again. Lists
//! in [`CaptureInfo`] are capped one by one.

pub mod filter;

mod error;
mod foreign;
mod info;
mod input;
mod pcap;
mod pcapng;
mod reader;
#[cfg(test)]
mod sample;
mod step;
mod unpack;
mod window;

pub use error::OpenError;
pub use info::{
    App, CaptureInfo, Comment, Compression, Format, MAX_APPS, MAX_COMMENTS, MAX_HOLES,
    MAX_LINK_TYPES, MAX_NAMES, MAX_PROBLEMS, MAX_SECRETS, MAX_SECRETS_BLOCKS, MAX_TEXT, Secrets,
};
pub use step::{MAX_PACKET, MAX_RECORD};

use crate::types::{CaptureId, Frame, Timestamp};
use input::Input;
use reader::Reader;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

/// A stream of frames from one or more captures.
pub trait Source {
    /// Moves to the next frame; false when there are no more. Waits while a pipe has no whole packet.
    fn advance(&mut self) -> bool;

    /// The frame moved to: a slice of the read buffer. `None` before the first and after the last.
    fn frame(&self) -> Option<Frame<'_>>;

    /// [`Source::advance`] and [`Source::frame`] in one.
    fn next_frame(&mut self) -> Option<Frame<'_>> {
        if self.advance() { self.frame() } else { None }
    }

    /// What is known so far of each capture, in the order they were named: a [`CaptureId`] is an index into this.
    /// Final once [`Source::advance`] has returned false.
    fn captures(&self) -> Vec<CaptureInfo>;

    /// What is known so far of one capture, without a copy.
    fn capture(&self, id: CaptureId) -> Option<&CaptureInfo>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn advance(&mut self) -> bool {
        (**self).advance()
    }

    fn frame(&self) -> Option<Frame<'_>> {
        (**self).frame()
    }

    fn captures(&self) -> Vec<CaptureInfo> {
        (**self).captures()
    }

    fn capture(&self, id: CaptureId) -> Option<&CaptureInfo> {
        (**self).capture(id)
    }
}

/// Who does the reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reading {
    /// Ahead where that pays: see [the module](self).
    #[default]
    Auto,
    /// The thread that asks for frames.
    Direct,
    /// A second thread per input, which reads (and unpacks) ahead.
    Ahead,
}

/// Captures opened by [`open`].
pub struct Captures {
    readers: Vec<Reader>,
    /// The reader whose packet was handed out last.
    current: Option<usize>,
    /// Time and index of each other reader that has a packet; unused for a single capture.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    begun: bool,
}

/// Opens all of `paths`; `-` is standard input. Reads no more than their headers.
///
/// # Errors
/// If any of them can't be read or is no capture. What is wrong deeper inside one becomes a
/// [problem](CaptureInfo::problems) of that capture instead.
pub fn open(paths: &[PathBuf]) -> Result<Captures, OpenError> {
    open_with(paths, Reading::Auto)
}

/// [`open`], with a say in who reads.
///
/// # Errors
/// As for [`open`].
pub fn open_with(paths: &[PathBuf], reading: Reading) -> Result<Captures, OpenError> {
    let count = paths.len();
    if count == 0 {
        return Err(OpenError::Nothing);
    }
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(OpenError::StandardInputTwice);
    }
    // Many inputs share the memory and the threads that a few may have.
    let block = (window::BLOCK * 8 / count).clamp(window::BLOCK / 16, window::BLOCK);
    let reading = if count > 8 && reading == Reading::Auto {
        Reading::Direct
    } else {
        reading
    };
    let open_one = |path: &PathBuf| Input::open(Path::new(path), block);
    let readers = numbered(paths.iter().map(open_one), count, reading)?;
    Ok(Captures::new(readers))
}

/// Turns inputs into readers.
fn numbered(
    inputs: impl Iterator<Item = Result<Input, OpenError>>,
    count: usize,
    reading: Reading,
) -> Result<Vec<Reader>, OpenError> {
    let numbers = 0..=u16::MAX;
    if count > numbers.len() {
        return Err(OpenError::TooMany { count });
    }
    numbers
        .zip(inputs)
        .map(|(id, input)| Reader::new(input?, CaptureId(id), reading))
        .collect()
}

impl Captures {
    fn new(readers: Vec<Reader>) -> Self {
        Self {
            readers,
            current: None,
            queue: BinaryHeap::new(),
            begun: false,
        }
    }

    /// Moves the reader on and queues it under its next packet's time.
    fn queue_next(&mut self, index: usize) {
        if let Some(reader) = self.readers.get_mut(index)
            && reader.advance()
        {
            self.queue.push(Reverse((reader.time(), index)));
        }
    }
}

impl Source for Captures {
    #[inline]
    fn advance(&mut self) -> bool {
        if let [only] = &mut self.readers[..] {
            self.current = only.advance().then_some(0);
            return self.current.is_some();
        }
        if !std::mem::replace(&mut self.begun, true) {
            (0..self.readers.len()).for_each(|index| self.queue_next(index));
        } else if let Some(index) = self.current {
            self.queue_next(index);
        }
        self.current = self.queue.pop().map(|Reverse((_, index))| index);
        self.current.is_some()
    }

    #[inline]
    fn frame(&self) -> Option<Frame<'_>> {
        self.readers.get(self.current?)?.frame()
    }

    fn captures(&self) -> Vec<CaptureInfo> {
        self.readers
            .iter()
            .map(|reader| reader.info().clone())
            .collect()
    }

    fn capture(&self, id: CaptureId) -> Option<&CaptureInfo> {
        self.readers.get(usize::from(id.0)).map(Reader::info)
    }
}

#[cfg(test)]
mod tests {
    use super::sample::{BIG, LITTLE, MICROS, Writer, open_bytes, read, seen};
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn file(w: Writer, times: &[u32]) -> Vec<u8> {
        let mut out = w.pcap(MICROS, 65535, 1);
        times
            .iter()
            .for_each(|&t| out.extend(w.record((t, 0), &t.to_be_bytes(), 4)));
        out
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    fn open_in(dir: &Path, name: &str) -> Result<Captures, OpenError> {
        open(&[dir.join(name)])
    }

    #[test]
    fn test_inputs_are_merged_by_time_and_keep_their_own_order() {
        let files = [
            file(LITTLE, &[10, 30, 20, 50]),
            file(BIG, &[10, 20, 40]),
            file(LITTLE, &[]),
        ];
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        for reading in [Reading::Direct, Reading::Ahead] {
            let mut source = open_bytes(&files, reading).unwrap();
            let order: Vec<_> = seen(&mut source)
                .iter()
                .map(|s| (s.nanos / 1_000_000_000, s.capture, s.number))
                .collect();
            let expected = [
                (10, 0, 1),
                (10, 1, 1),
                (20, 1, 2),
                (30, 0, 2),
                (20, 0, 3),
                (40, 1, 3),
                (50, 0, 4),
            ];
            assert_eq!(order, expected);
            let packets: Vec<u64> = source.captures().iter().map(|info| info.packets).collect();
            assert_eq!(packets, [4, 3, 0]);
            assert_eq!(source.capture(CaptureId(1)).unwrap().source, "1");
            assert!(source.capture(CaptureId(3)).is_none());
        }
    }

    #[test]
    fn test_packed_captures_read_like_plain_ones() {
        let times: Vec<u32> = (0..3000).collect();
        let plain = file(LITTLE, &times);
        let (expected, _) = read(&plain);
        let (a, b) = plain.split_at(20_001);
        let members = [gzipped(a), gzipped(b)].concat();
        let frames = [a, b]
            .map(|part| compress_to_vec(part, CompressionLevel::Fastest))
            .concat();
        for (packed, compression) in [(members, Compression::Gzip), (frames, Compression::Zstd)] {
            let (seen, info) = read(&packed);
            assert_eq!(seen, expected);
            assert_eq!(
                (info.compression, info.format, info.complete),
                (compression, Format::Pcap, true)
            );
            let (seen, info) = read(&packed[..packed.len() - 30]);
            assert!(
                seen.len() > 900 && seen == expected[..seen.len()],
                "{}",
                seen.len()
            );
            assert!(!info.complete);
            assert!(
                info.problems[0].starts_with("the compressed file is cut short or damaged"),
                "{:?}",
                info.problems
            );
        }
    }

    #[test]
    fn test_a_pipe_hands_packets_on_before_it_is_closed() {
        let packets = file(LITTLE, &[1, 2, 3]);
        for reading in [Reading::Direct, Reading::Ahead] {
            let (receive, mut send) = std::io::pipe().unwrap();
            // The header, one packet, and all but one byte of the second.
            send.write_all(&packets[..24 + 20 + 19]).unwrap();
            let input = Input::new("-", Box::new(receive), false, 1 << 16);
            let mut source = Captures::new(numbered([input].into_iter(), 1, reading).unwrap());
            assert_eq!(source.next_frame().unwrap().data, 1u32.to_be_bytes());
            send.write_all(&packets[24 + 20 + 19..]).unwrap();
            assert_eq!(source.next_frame().unwrap().data, 2u32.to_be_bytes());
            assert_eq!(source.next_frame().unwrap().data, 3u32.to_be_bytes());
            assert!(!source.captures()[0].complete);
            drop(send);
            assert!(source.next_frame().is_none());
            assert!(source.captures()[0].complete);
        }
    }

    #[test]
    fn test_a_pipe_that_dribbles_gives_every_packet() {
        let times: Vec<u32> = (0..200).collect();
        let bytes = file(BIG, &times);
        let (receive, mut send) = std::io::pipe().unwrap();
        let writer = std::thread::spawn(move || {
            bytes
                .chunks(7)
                .for_each(|part| send.write_all(part).unwrap())
        });
        let input = Input::new("-", Box::new(receive), false, 1 << 16);
        let mut source = Captures::new(numbered([input].into_iter(), 1, Reading::Ahead).unwrap());
        assert_eq!(seen(&mut source).len(), 200);
        writer.join().unwrap();
    }

    #[test]
    fn test_what_is_no_capture_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        write("empty.pcap", b"");
        write("shot.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
        write("short.pcap", &file(LITTLE, &[])[..10]);
        write("short.pcapng", &LITTLE.section(b"")[..9]);
        write("two.gz", &gzipped(&gzipped(b"x")));
        write(
            "tar.gz",
            &gzipped(&[&[b'a'; 257][..], b"ustar\0", &[0; 99]].concat()),
        );
        write("nothing.gz", &gzipped(b""));
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        for (name, words) in [
            ("empty.pcap", "is empty"),
            ("shot.png", "is a PNG image, not a capture"),
            (
                "short.pcap",
                "ends inside the pcap file header: 10 of 24 bytes are there (at byte 10)",
            ),
            (
                "short.pcapng",
                "ends inside the pcapng section header: 9 of 28 bytes are there (at byte 9)",
            ),
            ("two.gz", "is gzip inside a compressed file"),
            ("tar.gz", "is a tar archive"),
            ("nothing.gz", "is empty"),
            ("folder", "is a directory: name the capture files in it"),
            ("missing\n.pcap", "no such file"),
        ] {
            let error = open_in(dir.path(), name).err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
            assert!(
                error.contains(&name.escape_default().to_string()) && !error.contains('\n'),
                "{error}"
            );
        }
        write("good.pcap", &file(LITTLE, &[1]));
        assert!(open_in(dir.path(), "good.pcap").is_ok());
        let both = [dir.path().join("good.pcap"), dir.path().join("shot.png")];
        assert!(open(&both).err().unwrap().to_string().contains("shot.png"));
        assert!(matches!(open(&[]), Err(OpenError::Nothing)));
        assert!(matches!(
            open(&["-".into(), "-".into()]),
            Err(OpenError::StandardInputTwice)
        ));
    }

    #[test]
    fn test_a_read_error_midway_is_a_problem_with_its_place() {
        struct Broken(std::io::Cursor<Vec<u8>>);
        impl std::io::Read for Broken {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                match self.0.read(buf)? {
                    0 => Err(std::io::Error::other("disk on fire")),
                    n => Ok(n),
                }
            }
        }
        let bytes = file(LITTLE, &[1, 2]);
        for (cut, count) in [(bytes.len(), 2), (bytes.len() - 1, 1)] {
            let broken = Broken(std::io::Cursor::new(bytes[..cut].to_vec()));
            let input = Input::new("x", Box::new(broken), true, 1 << 16);
            let mut source =
                Captures::new(numbered([input].into_iter(), 1, Reading::Ahead).unwrap());
            assert_eq!(seen(&mut source).len(), count);
            let info = &source.captures()[0];
            assert!(!info.complete);
            assert_eq!(
                info.problems[0],
                format!("reading failed at byte {cut}: disk on fire")
            );
            assert_eq!(info.problems.len(), 3 - count);
        }
    }
}
