//! What a file is when it is no capture: well-known first bytes, and what to do with such a file.

/// What the start of a file shows it to be.
pub(super) struct Foreign {
    /// The kind of file, with an article.
    pub(super) found: String,
    /// What to do with it.
    pub(super) advice: &'static str,
}

const NAME_CAPTURE: &str = "name a pcap or pcapng file";
const UNPACK: &str = "unpack it first and name the capture inside";
const CONVERT: &str = "convert it with `editcap -F pcapng IN OUT`";

/// First bytes, the kind of file, what to do. The first match wins.
const MAGICS: &[(&[u8], &str, &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "a PNG image", NAME_CAPTURE),
    (b"\xff\xd8\xff", "a JPEG image", NAME_CAPTURE),
    (b"GIF8", "a GIF image", NAME_CAPTURE),
    (b"%PDF-", "a PDF document", NAME_CAPTURE),
    (b"PK\x03\x04", "a ZIP archive", UNPACK),
    (b"PK\x05\x06", "an empty ZIP archive", NAME_CAPTURE),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\x7fELF", "an ELF program", NAME_CAPTURE),
    (b"MZ", "a Windows program", NAME_CAPTURE),
    (
        b"\xfd7zXZ\0",
        "an xz-compressed file",
        "unpack it first with `xz -d`",
    ),
    (
        b"BZh",
        "a bzip2-compressed file",
        "unpack it first with `bzip2 -d`",
    ),
    (
        b"\x04\x22\x4d\x18",
        "an lz4-compressed file",
        "unpack it first with `lz4 -d`",
    ),
    (
        b"\x1f\x8b",
        "gzip inside a compressed file",
        "unpack one layer first with `gzip -d`",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "zstd inside a compressed file",
        "unpack one layer first with `zstd -d`",
    ),
    (
        b"\x1f\x9d",
        "a file compressed with compress",
        "unpack it first with `gzip -d`",
    ),
    (b"snoop\0\0\0", "a Solaris snoop capture", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (b"XCP\0", "a NetXray or Windows Sniffer capture", CONVERT),
    (b"TRSNIFF data", "a DOS Sniffer capture", CONVERT),
    (b"btsnoop\0", "a Bluetooth HCI log", NAME_CAPTURE),
    (
        b"\xa1\xe2\xcb\x12",
        "a pcap variant of IXIA devices",
        CONVERT,
    ),
    (
        b"\x12\xcb\xe2\xa1",
        "a pcap variant of IXIA devices",
        CONVERT,
    ),
    (b"SQLite format 3\0", "an SQLite database", NAME_CAPTURE),
    (b"bplist00", "a property list", NAME_CAPTURE),
];

/// Judges the start of a file that is neither pcap nor pcapng; `start` is as much of it as was read, at least one byte.
pub(super) fn identify(start: &[u8]) -> Foreign {
    if let Some((_, found, advice)) = MAGICS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return foreign(found, advice);
    }
    if start.get(257..262) == Some(b"ustar") {
        return foreign("a tar archive", UNPACK);
    }
    if is_text(start) {
        return text(start);
    }
    let first: String = start.iter().take(4).map(|b| format!("{b:02x}")).collect();
    foreign(
        &format!("of an unknown kind (first bytes {first})"),
        NAME_CAPTURE,
    )
}

fn foreign(found: &str, advice: &'static str) -> Foreign {
    Foreign {
        found: found.to_owned(),
        advice,
    }
}

/// Tells kinds of text apart.
fn text(start: &[u8]) -> Foreign {
    const HEX: &str =
        "make a capture of a hex dump with `text2pcap`, or name a pcap or pcapng file";
    let lower: Vec<u8> = start.iter().take(512).map(u8::to_ascii_lowercase).collect();
    let trimmed = lower.trim_ascii_start();
    if [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|tag| trimmed.starts_with(tag))
    {
        let advice =
            "the download brought a web page, perhaps a login page; download the capture itself";
        return foreign("an HTML page", advice);
    }
    if trimmed.starts_with(b"<?xml") || trimmed.starts_with(b"<pdml") {
        return foreign("an XML file", NAME_CAPTURE);
    }
    if trimmed.starts_with(b"{") || trimmed.starts_with(b"[") {
        return foreign("a JSON file", NAME_CAPTURE);
    }
    if [
        &b"client_random "[..],
        b"client_handshake_traffic_secret ",
        b"# ssl/tls secrets",
    ]
    .iter()
    .any(|line| trimmed.starts_with(line))
    {
        return foreign(
            "a TLS key log",
            "give it with `--keylog`, and name the capture",
        );
    }
    foreign("text", HEX)
}

/// Whether the start reads as text: no control bytes but white space and escape.
fn is_text(start: &[u8]) -> bool {
    start
        .iter()
        .take(512)
        .all(|&b| b >= 0x20 && b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_known_files_are_named_with_what_to_do() {
        let cases: [(&[u8], &str, &str); 7] = [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image", "pcap"),
            (b"PK\x03\x04\x14\0", "a ZIP archive", "unpack"),
            (b"\xfd7zXZ\0\0\x04", "an xz-compressed file", "xz -d"),
            (
                b"snoop\0\0\0\0\0\0\x02",
                "a Solaris snoop capture",
                "editcap",
            ),
            (b"  <!DOCTYPE HTML>\n<html>", "an HTML page", "download"),
            (b"CLIENT_RANDOM 00 11\n", "a TLS key log", "--keylog"),
            (b"hello\n", "text", "text2pcap"),
        ];
        for (start, found, advice) in cases {
            let foreign = identify(start);
            assert_eq!(foreign.found, found);
            assert!(foreign.advice.contains(advice), "{}", foreign.advice);
        }
    }

    #[test]
    fn test_unknown_bytes_are_shown() {
        assert!(identify(b"\x00\x01\x02").found.contains("000102"));
    }
}
