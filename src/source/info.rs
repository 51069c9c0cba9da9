//! What is known of a capture besides its packets, filled in while it is read. All lists are capped.

use crate::types::{Addr, FrameNumber, LinkType, Timestamp};
use std::collections::BTreeMap;

/// Times without capturing that are remembered of a capture.
pub const MAX_HOLES: usize = 256;
/// Problems kept of one capture; one more says that there were others.
pub const MAX_PROBLEMS: usize = 100;
/// Comments kept of one capture.
pub const MAX_COMMENTS: usize = 1000;
/// Bytes kept of one comment or name.
pub const MAX_TEXT: usize = 2000;
/// Name records kept of one capture.
pub const MAX_NAMES: usize = 10_000;
/// Bytes of decryption secrets kept of one capture.
pub const MAX_SECRETS: usize = 16 << 20;
/// Decryption secrets blocks kept of one capture.
pub const MAX_SECRETS_BLOCKS: usize = 10_000;
/// Apps kept of one capture.
pub const MAX_APPS: usize = 10_000;
/// Link types kept of one capture.
pub const MAX_LINK_TYPES: usize = 100;

/// The file format, compression aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Classic pcap, any of its variants (draft-ietf-opsawg-pcap).
    Pcap,
    /// pcapng (draft-ietf-opsawg-pcapng).
    Pcapng,
    /// No file: an interface that was listened on.
    Live,
}

impl Format {
    /// `pcap`, `pcapng` or `live`, as the JSON report names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::Live => "live",
        }
    }
}

/// What the file was packed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Nothing.
    None,
    /// gzip, one or several members (RFC 1952).
    Gzip,
    /// Zstandard, one or several frames (RFC 8878).
    Zstd,
}

/// A comment that a person or program wrote into the capture. Untrusted text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// The frame it belongs to; `None` where it belongs to the file, an interface or another block.
    pub frame: Option<FrameNumber>,
    /// The text, at most [`MAX_TEXT`] bytes.
    pub text: String,
}

/// The contents of one decryption secrets block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secrets {
    /// What they are: [`Secrets::TLS_KEY_LOG`] or another registered number.
    pub kind: u32,
    /// The secrets as stored, for TLS an NSS key log file.
    pub data: Vec<u8>,
}

impl Secrets {
    /// An NSS key log file, `TLSK` (draft-ietf-opsawg-pcapng section 4.7).
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

/// An Android app as PCAPdroid names it. Untrusted text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct App {
    /// The package, such as `com.zhiliaoapp.musically`.
    pub package: String,
    /// The name that the phone shows.
    pub name: String,
}

/// One capture: what it is, what is in it so far, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct CaptureInfo {
    /// The input as the user named it (control characters escaped); `-` is standard input.
    pub source: String,
    /// The file format.
    pub format: Format,
    /// What it was packed with.
    pub compression: Compression,
    /// The link types it declares, in order of first appearance; at most [`MAX_LINK_TYPES`].
    pub link_types: Vec<LinkType>,
    /// Largest snap length declared, in bytes; 0 means not limited.
    pub snap_len: u32,
    /// Packets handed out so far.
    pub packets: u64,
    /// Packets of which only a part was captured.
    pub cut: u64,
    /// Sum of the packets' lengths on the wire.
    pub bytes: u64,
    /// Earliest packet time.
    pub first: Option<Timestamp>,
    /// Latest packet time.
    pub last: Option<Timestamp>,
    /// Packets that the capturing program says it lost; `None` where it says nothing about that.
    pub dropped: Option<u64>,
    /// Its end was reached and everything before it could be read. False while it is still being read.
    pub complete: bool,
    /// What is wrong with it, one line each, with byte offsets into the unpacked file; at most [`MAX_PROBLEMS`].
    pub problems: Vec<String>,
    /// Comments; at most [`MAX_COMMENTS`].
    pub comments: Vec<Comment>,
    /// Addresses and names from name resolution blocks; at most [`MAX_NAMES`]. Untrusted text.
    pub names: Vec<(Addr, String)>,
    /// Decryption secrets; at most [`MAX_SECRETS`] bytes in [`MAX_SECRETS_BLOCKS`] blocks.
    pub secrets: Vec<Secrets>,
    /// Apps by Android user id; at most [`MAX_APPS`].
    pub apps: BTreeMap<i32, App>,
    /// The program that wrote the capture, as it states itself. Untrusted text.
    pub application: Option<String>,
    /// When capturing ended, where the file states that; may be later than [`CaptureInfo::last`].
    pub stated_end: Option<Timestamp>,
    /// Times in which nothing was captured, though the capture went on, where the file states them; at most
    /// [`MAX_HOLES`].
    pub holes: Vec<(Timestamp, Timestamp)>,
    /// What a reader should know of how it was captured: sentences for the report's notes.
    pub remarks: Vec<String>,
    /// More packets may come: what waits for an answer is told as pending.
    pub goes_on: bool,
    secret_bytes: usize,
    lost_problems: bool,
    lossy: bool,
}

impl CaptureInfo {
    /// An interface that is listened on, by its name: nothing lost, nothing wrong, and more to come.
    #[must_use]
    pub fn live(interface: &str) -> Self {
        let name = super::error::printable(interface);
        let mut info = Self::new(&name, Format::Live, Compression::None);
        (info.complete, info.goes_on) = (true, true);
        info
    }

    /// Nothing read yet.
    pub(super) fn new(source: &str, format: Format, compression: Compression) -> Self {
        Self {
            source: source.to_owned(),
            format,
            compression,
            link_types: Vec::new(),
            snap_len: 0,
            packets: 0,
            cut: 0,
            bytes: 0,
            first: None,
            last: None,
            dropped: None,
            complete: false,
            problems: Vec::new(),
            comments: Vec::new(),
            names: Vec::new(),
            secrets: Vec::new(),
            apps: BTreeMap::new(),
            application: None,
            stated_end: None,
            holes: Vec::new(),
            remarks: Vec::new(),
            goes_on: false,
            secret_bytes: 0,
            lost_problems: false,
            lossy: false,
        }
    }

    /// The end of the capture in time: the later of its last packet and the end it states.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.last.max(self.stated_end)
    }

    /// The same without what people and programs wrote into it: comments, names, secrets, the writing program, the file's
    /// own name. `number` counts captures from 1; of the apps those stay that `app` says.
    #[must_use]
    pub fn neutral(&self, number: usize, app: impl Fn(i32) -> bool) -> Self {
        let apps = self.apps.iter().filter(|(uid, _)| app(**uid));
        Self {
            source: format!("capture-{number}.{}", self.format.name()),
            comments: Vec::new(),
            names: Vec::new(),
            secrets: Vec::new(),
            secret_bytes: 0,
            application: None,
            apps: apps.map(|(uid, app)| (*uid, app.clone())).collect(),
            link_types: self.link_types.clone(),
            problems: self.problems.clone(),
            remarks: self.remarks.clone(),
            holes: self.holes.clone(),
            ..*self
        }
    }

    /// Takes over how far `other`, of which this is a [`neutral`](Self::neutral) copy, has been read since.
    pub fn keep_up(&mut self, other: &Self) {
        (self.packets, self.cut, self.bytes) = (other.packets, other.cut, other.bytes);
        (self.first, self.last) = (other.first, other.last);
    }

    /// Notes a problem that lost something of the capture.
    #[cold]
    pub(super) fn problem(&mut self, text: String) {
        self.lossy = true;
        self.remark(text);
    }

    /// Notes a problem that lost nothing.
    pub(crate) fn remark(&mut self, text: String) {
        match self.problems.len() {
            n if n < MAX_PROBLEMS - 1 => self.problems.push(text),
            _ if !self.lost_problems => {
                self.lost_problems = true;
                self.problems
                    .push("there are more problems than are listed here".to_owned());
            }
            _ => {}
        }
    }

    /// Notes that the end was reached.
    pub(super) fn finish(&mut self) {
        self.complete = !self.lossy;
    }

    /// Counts a packet. Time is `None` where the file states none.
    #[inline]
    pub(crate) fn count(&mut self, time: Option<Timestamp>, original: u32, captured: usize) {
        self.packets += 1;
        self.bytes += u64::from(original);
        self.cut += u64::from(captured < original as usize);
        if let Some(time) = time {
            self.last = self.last.max(Some(time));
            if self.first.is_none_or(|first| time < first) {
                self.first = Some(time);
            }
        }
    }

    /// Notes that nothing was captured from `from` to `to`, and says so.
    pub(super) fn hole(&mut self, from: Timestamp, to: Timestamp) {
        if self.holes.len() < MAX_HOLES && !self.holes.contains(&(from, to)) {
            self.holes.push((from, to));
            let begins = from.since(self.first.unwrap_or(from)).as_secs_f64();
            let lasts = to.since(from).as_secs_f64();
            self.remark(format!(
                "nothing was captured for {lasts:.1} s, from {begins:.1} s after the first packet on"
            ));
        }
    }

    /// Notes a link type that is declared.
    pub(crate) fn link(&mut self, link: LinkType) {
        if self.link_types.len() < MAX_LINK_TYPES && !self.link_types.contains(&link) {
            self.link_types.push(link);
        }
    }

    /// Adds lost packets; 0 notes that losses are counted.
    pub(super) fn lose(&mut self, packets: u64) {
        self.dropped = Some(self.dropped.unwrap_or(0).saturating_add(packets));
    }

    /// Notes a comment.
    pub(super) fn comment(&mut self, frame: Option<FrameNumber>, text: &[u8]) {
        if self.comments.len() < MAX_COMMENTS {
            let text = lossy(text);
            self.comments.push(Comment { frame, text });
        }
    }

    /// Notes a name of an address.
    pub(super) fn name(&mut self, addr: Addr, name: &[u8]) {
        if self.names.len() < MAX_NAMES && !name.is_empty() {
            self.names.push((addr, lossy(name)));
        }
    }

    /// Keeps secrets; false where they are too many.
    pub(super) fn secret(&mut self, kind: u32, data: &[u8]) -> bool {
        let fits = self.secret_bytes + data.len() <= MAX_SECRETS
            && self.secrets.len() < MAX_SECRETS_BLOCKS;
        if fits {
            self.secret_bytes += data.len();
            let data = data.to_vec();
            self.secrets.push(Secrets { kind, data });
        }
        fits
    }

    /// Notes which app a user id is.
    pub(super) fn app(&mut self, uid: i32, package: &[u8], name: &[u8]) {
        if self.apps.len() < MAX_APPS || self.apps.contains_key(&uid) {
            let app = App {
                package: lossy(package),
                name: lossy(name),
            };
            self.apps.insert(uid, app);
        }
    }
}

/// Text of at most [`MAX_TEXT`] bytes; what is not UTF-8 is replaced, a trailing NUL dropped.
pub(super) fn lossy(text: &[u8]) -> String {
    let text = &text[..text.len().min(MAX_TEXT)];
    String::from_utf8_lossy(text)
        .trim_end_matches('\0')
        .to_owned()
}
