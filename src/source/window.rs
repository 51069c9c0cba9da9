//! A sliding view of a byte stream: large blocks come in, whole records can be seen as one slice.
//!
//! Bytes come either from `read()` calls made here, or from a second thread that reads (and unpacks) into blocks which
//! are recycled through a pair of channels. A record that straddles two blocks is made whole by copying its first part,
//! never the block: each block has free room in front ([`ROOM`]) into which the rest of the block before it is put. A
//! block shorter than that rest (a pipe that delivers a few bytes) is appended to the rest instead, so that slow
//! writers don't make copying quadratic.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, Read};
use std::ops::Range;

/// Bytes asked of one `read()`: large enough that the call costs nothing per packet.
pub(super) const BLOCK: usize = 1 << 20;
/// Free room in front of a block for the first part of a straddling record.
const ROOM: usize = 64 << 10;
/// Blocks that circulate between the reading thread and the window, the window's own among them.
const BLOCKS: usize = 4;

/// Where bytes come from.
pub(super) type Bytes = Box<dyn Read + Send>;

/// The view. Bytes before [`Window::offset`] are gone; [`Window::fill`] makes more visible.
pub(super) struct Window {
    buf: Vec<u8>,
    at: usize,
    end: usize,
    offset: u64,
    block: usize,
    feed: Feed,
    failure: Option<io::Error>,
}

enum Feed {
    Direct(Bytes),
    Thread {
        full: Receiver<Full>,
        empty: Sender<Vec<u8>>,
    },
    Ended,
}

/// What the reading thread hands over. The bytes of a block start at [`ROOM`].
enum Full {
    Block(Vec<u8>, usize),
    Failed(io::Error),
    End,
}

impl Window {
    /// A view of `bytes`, read by the caller's thread in blocks of `block` bytes.
    pub(super) fn new(bytes: Bytes, block: usize) -> Self {
        Self {
            buf: vec![0; ROOM + block],
            at: 0,
            end: 0,
            offset: 0,
            block,
            feed: Feed::Direct(bytes),
            failure: None,
        }
    }

    /// Lets a second thread do the reading from here on. With `greedy` it fills each block before it hands it over;
    /// otherwise whatever one `read()` brought goes on at once. Stays as it is where no thread can be started.
    ///
    /// The thread ends with the stream or, at its next block, after the window is gone.
    pub(super) fn read_ahead(&mut self, greedy: bool) {
        if !matches!(self.feed, Feed::Direct(_)) {
            return;
        }
        let (full_in, full) = bounded(BLOCKS);
        let (empty, empty_out) = bounded::<Vec<u8>>(BLOCKS);
        let (hand, taken) = bounded::<Bytes>(1);
        let run = move || {
            if let Ok(bytes) = taken.recv() {
                pump(bytes, &empty_out, &full_in, greedy);
            }
        };
        let name = "capture reader".to_owned();
        if std::thread::Builder::new().name(name).spawn(run).is_err() {
            return;
        }
        for _ in 1..BLOCKS {
            let _ = empty.try_send(vec![0; ROOM + self.block]);
        }
        if let Feed::Direct(bytes) = std::mem::replace(&mut self.feed, Feed::Thread { full, empty })
        {
            let _ = hand.send(bytes);
        }
    }

    /// The bytes in view and the stream they came from, which goes on after them. Only before [`Window::read_ahead`].
    pub(super) fn into_parts(self) -> (Vec<u8>, Bytes) {
        let start = self.data().to_vec();
        match self.feed {
            Feed::Direct(bytes) => (start, bytes),
            _ => (start, Box::new(io::empty())),
        }
    }

    /// Whether less than a block has come: then a regular file has no more.
    pub(super) fn is_partly_filled(&self) -> bool {
        self.end < self.block
    }

    /// The bytes in view.
    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        &self.buf[self.at..self.end]
    }

    /// Position of the first byte in view, counted from the start of the stream.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that [`Window::take`] gave, until the next [`Window::fill`].
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.buf.get(range).unwrap_or_default()
    }

    /// Moves the view on by `n` bytes (at most those in view); returns where they start, for [`Window::slice`].
    #[inline]
    pub(super) fn take(&mut self, n: usize) -> usize {
        let start = self.at;
        let n = n.min(self.end - self.at);
        self.at += n;
        self.offset += n as u64;
        start
    }

    /// The read error that ended the stream, where one did.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Waits until `want` bytes are in view; false where the stream ends before. Invalidates ranges for [`Window::slice`].
    pub(super) fn fill(&mut self, want: usize) -> bool {
        while self.end - self.at < want {
            let more = match &self.feed {
                Feed::Direct(_) => self.read_here(want),
                Feed::Thread { .. } => self.next_block(want),
                Feed::Ended => false,
            };
            if !more {
                self.feed = Feed::Ended;
                return false;
            }
        }
        true
    }

    /// One `read()` into the free end of the buffer.
    fn read_here(&mut self, want: usize) -> bool {
        // The rest is moved to the front only where that costs no more than the bytes gone before it, or must be.
        if self.end - self.at <= self.at || self.buf.len() - self.at < want {
            self.compact();
        }
        if self.buf.len() < want {
            self.buf.resize(want + self.block, 0);
        }
        let Feed::Direct(bytes) = &mut self.feed else {
            return false;
        };
        let space = &mut self.buf[self.end..];
        let limit = space.len().min(self.block);
        match read_some(bytes, &mut space[..limit]) {
            Ok(n) => {
                self.end += n;
                n > 0
            }
            Err(error) => {
                self.failure = Some(error);
                false
            }
        }
    }

    fn compact(&mut self) {
        self.buf.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        // A buffer that grew for one giant record goes back to its usual size.
        let usual = ROOM + self.block;
        if self.buf.len() > usual && self.end <= ROOM {
            self.buf.truncate(usual);
            self.buf.shrink_to_fit();
        }
    }

    /// Takes the next block from the reading thread and joins the rest of the current one to it.
    fn next_block(&mut self, want: usize) -> bool {
        let Feed::Thread { full, .. } = &self.feed else {
            return false;
        };
        match full.recv() {
            Ok(Full::Block(block, len)) => {
                self.join(block, len, want);
                true
            }
            Ok(Full::End) => false,
            Ok(Full::Failed(error)) => {
                self.failure = Some(error);
                false
            }
            Err(_) => {
                self.failure = Some(io::Error::other("the reading thread stopped unexpectedly"));
                false
            }
        }
    }

    fn join(&mut self, mut block: Vec<u8>, len: usize, want: usize) {
        let rest = self.end - self.at;
        if rest <= ROOM && (rest <= len || self.buf.len() - self.end < len) {
            let start = ROOM - rest;
            block[start..ROOM].copy_from_slice(&self.buf[self.at..self.end]);
            std::mem::swap(&mut self.buf, &mut block);
            (self.at, self.end) = (start, ROOM + len);
        } else {
            self.append(&block[ROOM..ROOM + len], want);
        }
        self.recycle(block);
    }

    /// Appends `bytes` to the rest, making room for a record of `want` bytes.
    fn append(&mut self, bytes: &[u8], want: usize) {
        if self.buf.len() - self.end < bytes.len() {
            self.buf.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
            let need = want.max(self.end + bytes.len()) + self.block;
            if self.buf.len() < self.end + bytes.len() {
                self.buf.resize(need, 0);
            }
        }
        self.buf[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn recycle(&self, mut block: Vec<u8>) {
        let usual = ROOM + self.block;
        if block.len() > usual {
            block.truncate(usual);
            block.shrink_to_fit();
        }
        if let Feed::Thread { empty, .. } = &self.feed {
            let _ = empty.try_send(block);
        }
    }
}

/// The reading thread: empty blocks in, full blocks out, until the stream ends or nobody wants more.
fn pump(mut bytes: Bytes, empty: &Receiver<Vec<u8>>, full: &Sender<Full>, greedy: bool) {
    while let Ok(mut block) = empty.recv() {
        let mut len = 0;
        let outcome = loop {
            match read_some(&mut bytes, &mut block[ROOM + len..]) {
                Ok(0) => break Some(Full::End),
                Ok(n) => len += n,
                Err(error) => break Some(Full::Failed(error)),
            }
            if !greedy || block.len() == ROOM + len {
                break None;
            }
        };
        if len > 0 && full.send(Full::Block(block, len)).is_err() {
            return;
        }
        if let Some(last) = outcome {
            let _ = full.send(last);
            return;
        }
    }
}

/// One `read()`, again where a signal interrupted it.
fn read_some(bytes: &mut Bytes, space: &mut [u8]) -> io::Result<usize> {
    loop {
        match bytes.read(space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of the stated sizes, over and over.
    struct Dribble {
        bytes: Vec<u8>,
        at: usize,
        sizes: Vec<usize>,
        turn: usize,
    }

    impl Read for Dribble {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes[self.turn % self.sizes.len()];
            self.turn += 1;
            let n = size.min(buf.len()).min(self.bytes.len() - self.at);
            buf[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
            self.at += n;
            Ok(n)
        }
    }

    fn pattern(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 31 + i / 251) as u8).collect()
    }

    /// Reads records of the given sizes through a window and compares every byte.
    fn check(block: usize, sizes: &[usize], records: &[usize], threaded: bool, greedy: bool) {
        let total = 3_000_000;
        let bytes = pattern(total);
        let read = Dribble {
            bytes: bytes.clone(),
            at: 0,
            sizes: sizes.to_vec(),
            turn: 0,
        };
        let mut window = Window::new(Box::new(read), block);
        if threaded {
            window.read_ahead(greedy);
        }
        let mut at = 0;
        for (turn, _) in std::iter::repeat_n((), total).enumerate() {
            let n = records[turn % records.len()];
            if !window.fill(n) {
                break;
            }
            assert_eq!(window.offset(), at as u64);
            assert!(window.data()[..n] == bytes[at..at + n], "record at {at}");
            let start = window.take(n);
            assert!(window.slice(start..start + n) == &bytes[at..at + n]);
            at += n;
        }
        assert!(window.data() == &bytes[at..], "the rest stays in view");
        assert!(window.failure().is_none());
    }

    #[test]
    fn test_records_are_whole_however_the_bytes_arrive() {
        let big = 700_000;
        for threaded in [false, true] {
            for greedy in [false, true] {
                check(1 << 16, &[usize::MAX], &[60, 1500, 9000], threaded, greedy);
                check(
                    1 << 16,
                    &[1, 70_000, 3],
                    &[1, 100_000, 17],
                    threaded,
                    greedy,
                );
                check(1 << 12, &[4096, 5], &[big, 64, 64, 64], threaded, greedy);
                check(1 << 20, &[1000], &[999, 65_600], threaded, greedy);
            }
        }
    }

    #[test]
    fn test_a_large_record_leaves_no_large_buffer() {
        for threaded in [false, true] {
            let read = Dribble {
                bytes: pattern(9_000_000),
                at: 0,
                sizes: vec![usize::MAX],
                turn: 0,
            };
            let mut window = Window::new(Box::new(read), 1 << 16);
            if threaded {
                window.read_ahead(true);
            }
            assert!(window.fill(5_000_000));
            window.take(5_000_000);
            while window.fill(1000) {
                window.take(1000);
            }
            assert_eq!(window.buf.len(), ROOM + (1 << 16));
        }
    }

    #[test]
    fn test_a_read_error_is_kept_and_earlier_bytes_stay() {
        struct Broken(bool);
        impl Read for Broken {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("disk on fire"));
                }
                buf[..3].copy_from_slice(b"abc");
                Ok(3)
            }
        }
        for threaded in [false, true] {
            let mut window = Window::new(Box::new(Broken(false)), 1 << 16);
            if threaded {
                window.read_ahead(true);
            }
            assert!(!window.fill(4));
            assert_eq!(window.data(), b"abc");
            assert!(!window.fill(4));
            assert_eq!(window.failure().unwrap().to_string(), "disk on fire");
        }
    }
}
