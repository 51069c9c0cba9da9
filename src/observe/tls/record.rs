//! The record layer (RFC 8446 section 5.1) of one direction: headers and pieces of bodies, however the stream is cut.
//!
//! tls-parser's record functions want whole records and whole messages within them, which a stream does not give;
//! hence the 5-byte header is read here.

/// Content types.
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// Bytes of a record header.
pub(crate) const HEADER: usize = 5;
/// The longest body that any version allows: 2^14 + 2048 (RFC 5246 section 6.2.3).
const MAX_BODY: u16 = 16384 + 2048;

/// A record header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    pub(crate) length: u16,
}

impl Header {
    /// `None` where it is not one that any version of TLS sends.
    pub(crate) fn parse(bytes: [u8; HEADER]) -> Option<Self> {
        let [kind, major, minor, high, low] = bytes;
        let length = u16::from_be_bytes([high, low]);
        let plausible = kind_is_known(kind) && version_is_known(major, minor) && length <= MAX_BODY;
        plausible.then_some(Self { kind, length })
    }

    /// The header at the start of `bytes`.
    pub(crate) fn at_start(bytes: &[u8]) -> Option<Self> {
        Self::parse(*bytes.first_chunk()?)
    }
}

/// Could `bytes`, the start of a stream, grow into a record header?
pub(crate) fn may_be_header(bytes: &[u8]) -> bool {
    match *bytes {
        [] => true,
        [kind] => kind_is_known(kind),
        [kind, major] => kind_is_known(kind) && major == 3,
        [kind, major, minor, _] | [kind, major, minor] => {
            kind_is_known(kind) && version_is_known(major, minor)
        }
        _ => Header::at_start(bytes).is_some(),
    }
}

const fn kind_is_known(kind: u8) -> bool {
    matches!(kind, CHANGE_CIPHER_SPEC..=HEARTBEAT)
}

const fn version_is_known(major: u8, minor: u8) -> bool {
    major == 3 && minor <= 4
}

/// What the next bytes of the stream are.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Event<'a> {
    /// A record begins.
    Begin(Header),
    /// A piece of its body; `ends` with the last one. An empty body gives one empty piece.
    Body {
        header: Header,
        piece: &'a [u8],
        ends: bool,
    },
    /// Where a header should be is something else.
    Nonsense,
}

/// What a hole in the stream hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hole {
    /// Only the body of the current record, which is (`ends`) over with it.
    Body { header: Header, ends: bool },
    /// A header: where the next record begins is not known.
    Framing,
}

/// Position in the records of one direction.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct RecordReader {
    partial: [u8; HEADER],
    have: u8,
    current: Option<Header>,
    left: u16,
}

impl RecordReader {
    /// Takes the next event off the front of `bytes`; `None` when they are used up.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Event<'a>> {
        match self.current {
            Some(header) => self.body(header, bytes),
            None => self.header(bytes),
        }
    }

    fn header<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Event<'a>> {
        while usize::from(self.have) < HEADER {
            let (byte, rest) = bytes.split_first()?;
            self.partial[usize::from(self.have)] = *byte;
            self.have += 1;
            *bytes = rest;
        }
        self.have = 0;
        let Some(header) = Header::parse(self.partial) else {
            return Some(Event::Nonsense);
        };
        self.current = Some(header);
        self.left = header.length;
        Some(Event::Begin(header))
    }

    fn body<'a>(&mut self, header: Header, bytes: &mut &'a [u8]) -> Option<Event<'a>> {
        if bytes.is_empty() && self.left > 0 {
            return None;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(usize::from(self.left)));
        *bytes = rest;
        // No more than `left`, hence it fits.
        self.left -= piece.len() as u16;
        let ends = self.left == 0;
        if ends {
            self.current = None;
        }
        Some(Event::Body {
            header,
            piece,
            ends,
        })
    }

    /// Steps over `missing` bytes that were not captured.
    pub(crate) fn skip(&mut self, missing: u64) -> Hole {
        match (self.current, u16::try_from(missing)) {
            (Some(header), Ok(missing)) if missing <= self.left => {
                self.left -= missing;
                let ends = self.left == 0;
                if ends {
                    self.current = None;
                }
                Hole::Body { header, ends }
            }
            _ => {
                *self = Self::default();
                Hole::Framing
            }
        }
    }

    /// Bytes that the record begun still lacks; of a header begun, the header's.
    pub(crate) fn lacks(&self) -> u32 {
        match self.have {
            0 => u32::from(self.left),
            have => HEADER as u32 - u32::from(have),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(cuts: &[&[u8]]) -> Vec<String> {
        let mut reader = RecordReader::default();
        let mut seen = Vec::new();
        for mut bytes in cuts.iter().copied() {
            while let Some(event) = reader.next(&mut bytes) {
                seen.push(match event {
                    Event::Begin(header) => format!("{}:{}", header.kind, header.length),
                    Event::Body { piece, ends, .. } => format!("{piece:?}{ends}"),
                    Event::Nonsense => "nonsense".to_owned(),
                });
            }
        }
        seen
    }

    #[test]
    fn cuts_change_only_the_pieces() {
        let whole: &[u8] = &[22, 3, 1, 0, 2, 7, 8, 23, 3, 3, 0, 0];
        let expected = ["22:2", "[7, 8]true", "23:0", "[]true"];
        assert_eq!(events(&[whole]), expected);
        assert_eq!(events(&[&whole[..3], &whole[3..]]), expected);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(
            events(&bytes),
            ["22:2", "[7]false", "[8]true", "23:0", "[]true"]
        );
    }

    #[test]
    fn nonsense_is_told() {
        assert_eq!(events(&[b"HTTP/1.1"]), ["nonsense"]);
        assert_eq!(events(&[&[23, 3, 3, 0xff, 0xff]]), ["nonsense"]);
    }

    #[test]
    fn holes() {
        let mut reader = RecordReader::default();
        assert_eq!(reader.skip(1), Hole::Framing);
        let mut bytes: &[u8] = &[23, 3, 3, 0, 9];
        assert!(reader.next(&mut bytes).is_some());
        let header = Header {
            kind: 23,
            length: 9,
        };
        let ends = |ends| Hole::Body { header, ends };
        assert_eq!(reader.skip(4), ends(false));
        assert_eq!(reader.lacks(), 5);
        assert_eq!(reader.skip(5), ends(true));
        assert_eq!(reader.skip(1), Hole::Framing);
    }

    #[test]
    fn start_of_a_stream() {
        assert!(may_be_header(&[22]));
        assert!(!may_be_header(b"G"));
        assert!(!may_be_header(&[22, 4]));
        assert!(may_be_header(&[22, 3, 1, 0x40, 0]));
        assert!(!may_be_header(&[22, 3, 1, 0x4f, 0]));
    }
}
