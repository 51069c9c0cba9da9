//! Walks the frames of an Initial packet (RFC 9000 section 19).
//!
//! `quinn_proto` keeps its frame reader private, so these are the five kinds that an Initial may hold, over its
//! public `VarInt`.

use quinn_proto::VarInt;
use quinn_proto::coding::Codec;

/// One frame, as far as it is of use here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame<'a> {
    /// One or more PADDING frames in a row.
    Padding,
    /// PING.
    Ping,
    /// ACK, with or without ECN counts.
    Ack,
    /// CRYPTO.
    Crypto {
        /// Where in the stream of handshake messages `data` begins.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
    /// CONNECTION_CLOSE.
    Close {
        /// The variant of applications (0x1d).
        application: bool,
        /// Error code.
        code: u64,
        /// Reason phrase.
        reason: &'a [u8],
    },
}

/// Iterator over frames. It ends at the payload's end, and at a frame that may not be in an Initial or is cut.
pub struct Frames<'a>(pub &'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = self.read();
        if frame.is_none() {
            self.0 = &[];
        }
        frame
    }
}

impl<'a> Frames<'a> {
    fn read(&mut self) -> Option<Frame<'a>> {
        match self.varint()? {
            0 => {
                let padding = self.0.iter().take_while(|byte| **byte == 0).count();
                self.bytes(padding as u64)?;
                Some(Frame::Padding)
            }
            1 => Some(Frame::Ping),
            kind @ (2 | 3) => self.ack(kind == 3),
            6 => {
                let (offset, length) = (self.varint()?, self.varint()?);
                let data = self.bytes(length)?;
                Some(Frame::Crypto { offset, data })
            }
            kind @ (0x1c | 0x1d) => self.close(kind == 0x1d),
            _ => None,
        }
    }

    fn ack(&mut self, ecn: bool) -> Option<Frame<'a>> {
        let (_largest, _delay) = (self.varint()?, self.varint()?);
        let ranges = self.varint()?;
        self.varint()?;
        for _ in 0..ranges {
            self.varint()?;
            self.varint()?;
        }
        for _ in 0..if ecn { 3 } else { 0 } {
            self.varint()?;
        }
        Some(Frame::Ack)
    }

    fn close(&mut self, application: bool) -> Option<Frame<'a>> {
        let code = self.varint()?;
        if !application {
            self.varint()?;
        }
        let length = self.varint()?;
        let reason = self.bytes(length)?;
        Some(Frame::Close {
            application,
            code,
            reason,
        })
    }

    fn varint(&mut self) -> Option<u64> {
        VarInt::decode(&mut self.0).ok().map(VarInt::into_inner)
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_five_kinds() {
        let payload = [
            &[2, 9, 0, 1, 0, 0, 0][..],
            &[3, 9, 0, 0, 0, 1, 2, 3],
            &[0, 0, 0, 1],
            &[6, 0x40, 0x40, 2, 0xaa, 0xbb],
            &[0x1c, 0x41, 0x28, 6, 2, b'n', b'o'],
            &[0x1d, 7, 0],
        ]
        .concat();
        let frames: Vec<_> = Frames(&payload).collect();
        let expected = [
            Frame::Ack,
            Frame::Ack,
            Frame::Padding,
            Frame::Ping,
            Frame::Crypto {
                offset: 64,
                data: &[0xaa, 0xbb],
            },
            Frame::Close {
                application: false,
                code: 0x128,
                reason: b"no",
            },
            Frame::Close {
                application: true,
                code: 7,
                reason: b"",
            },
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn ends_at_what_is_foreign_or_cut() {
        assert_eq!(Frames(&[1, 8, 1, 1]).collect::<Vec<_>>(), [Frame::Ping]);
        assert_eq!(Frames(&[1, 6, 0, 5, 1]).collect::<Vec<_>>(), [Frame::Ping]);
        let endless = [&[2, 0, 0][..], &[0xff; 8]].concat();
        assert_eq!(Frames(&endless).next(), None);
    }
}
