//! gzip and zstd streams as plain bytes, several members or frames one after the other.
//!
//! `flate2` does that for gzip. `ruzstd`'s reader stops after one frame, does not step over skippable frames and does
//! not compare checksums, so [`Zstd`] does these three around its frame decoder (RFC 8878 section 3.1).

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Largest zstd window accepted, hence the memory a hostile frame can claim: what `zstd -d` accepts by itself.
const MAX_WINDOW: u64 = 128 << 20;

/// The bytes of all members of a gzip file.
pub(super) fn gzip<R: BufRead>(packed: R) -> MultiGzDecoder<R> {
    MultiGzDecoder::new(packed)
}

/// The bytes of all frames of a zstd file.
pub(super) struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Zstd<R> {
    /// Unpacks `packed`, which starts with a frame or a skippable frame.
    pub(super) fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self {
            packed,
            decoder,
            inside: false,
        }
    }

    /// Enters the next frame; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    self.skip(length.into())?;
                }
                Err(error) => return Err(damaged(error)),
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.packed.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.inside = false;
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(damaged("the checksum of a frame does not match"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() && (self.inside || self.next_frame()?) {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(damaged)?;
            }
            let n = self.decoder.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            self.end_frame()?;
        }
        Ok(0)
    }
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unzstd(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Zstd::new(packed).read_to_end(&mut out)?;
        Ok(out)
    }

    fn sample(n: u32) -> Vec<u8> {
        (0..n).flat_map(|i| (i / 7).to_le_bytes()).collect()
    }

    #[test]
    fn test_several_frames_and_skippable_ones() {
        let (one, two) = (sample(100_000), sample(70_000));
        let mut packed = vec![0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
        packed.extend(compress_to_vec(&one[..], CompressionLevel::Fastest));
        packed.extend([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
        packed.extend(compress_to_vec(&two[..], CompressionLevel::Uncompressed));
        assert!(unzstd(&packed).unwrap() == [one, two].concat());
    }

    #[test]
    fn test_damage_is_an_error_and_never_a_panic() {
        let whole = sample(5000);
        let packed = compress_to_vec(&whole[..], CompressionLevel::Fastest);
        for cut in 1..packed.len() {
            assert!(unzstd(&packed[..cut]).is_err(), "cut at {cut}");
        }
        let mut changed = packed.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert!(unzstd(&changed).is_err(), "the checksum is compared");
        let mut seed = 0x9e37_79b9_u32;
        for _ in 0..3000 {
            let mut changed = packed.clone();
            for _ in 0..3 {
                seed ^= seed << 13;
                seed ^= seed >> 17;
                seed ^= seed << 5;
                let at = seed as usize % changed.len();
                changed[at] ^= (seed >> 24) as u8;
            }
            let _ = Zstd::new(&changed[..])
                .take(1 << 20)
                .read_to_end(&mut Vec::new());
        }
    }
}
