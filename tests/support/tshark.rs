//! What tshark sees in a capture, put into the same terms as ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// In the order in which they are asked for: see [`Row`].
const FIELDS: [&str; 24] = [
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tcp.stream",
    "tcp.completeness",
    "tcp.flags",
    "tcp.len",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.alert_message.level",
    "tls.alert_message.desc",
    "dns.flags.response",
    "dns.flags.opcode",
    "dns.qry.name",
    "dns.qry.type",
    "dns.flags.rcode",
];

/// One frame: the values of each field of [`FIELDS`].
pub struct Row(Vec<Vec<String>>);

impl Row {
    fn all(&self, field: &str) -> &[String] {
        let at = FIELDS.iter().position(|f| *f == field).expect("a field");
        self.0.get(at).map_or(&[], Vec::as_slice)
    }

    /// The innermost of several (tunnels).
    fn last(&self, field: &str) -> &str {
        self.all(field).last().map_or("", String::as_str)
    }

    fn number(&self, field: &str) -> Option<u64> {
        self.last(field).parse().ok()
    }

    fn hello(&self) -> Option<Hello> {
        let types = self.all("tls.handshake.type");
        // A frame with both hellos would mix their extensions: there is none on one stream.
        (types.iter().any(|t| t == "1") && !types.iter().any(|t| t == "2")).then(|| Hello {
            sni: self
                .all("tls.handshake.extensions_server_name")
                .first()
                .cloned()
                .unwrap_or_default(),
            alpn: self
                .all("tls.handshake.extensions_alpn_str")
                .iter()
                .filter(|a| !is_grease(a))
                .cloned()
                .collect(),
        })
    }

    fn addresses(&self) -> [&str; 2] {
        // The innermost IP layer is the one that stands last in the protocols.
        let protocols = self.last("frame.protocols");
        if protocols.rfind(":ipv6") > protocols.rfind(":ip:") {
            [self.last("ipv6.src"), self.last("ipv6.dst")]
        } else {
            [self.last("ip.src"), self.last("ip.dst")]
        }
    }
}

/// Reserved ids of RFC 8701: twice the same byte, whose low half is 0xa. tshark shows bytes above 0x7f as it can.
fn is_grease(alpn: &str) -> bool {
    let chars: Vec<char> = alpn.chars().collect();
    matches!(chars[..], [a, b] if a == b && (!a.is_ascii() || a as u32 & 0xf == 0xa))
}

/// Asks tshark, twice over the file so that what is known at its end counts.
pub fn rows(file: &Path) -> Vec<Row> {
    let mut command = Command::new("tshark");
    command.args(["-2", "-o", "tcp.desegment_tcp_streams:TRUE", "-T", "fields"]);
    command.args([
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=|",
        "-Y",
        "tcp || quic || dns",
    ]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.arg("-r").arg(file).output().expect("tshark starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let cells = |cell: &str| {
        if cell.is_empty() {
            Vec::new()
        } else {
            cell.split('|').map(str::to_owned).collect()
        }
    };
    let row = |line: &str| Row(line.split('\t').map(cells).collect());
    text.lines().map(row).collect()
}

#[derive(Clone, Default)]
pub struct Hello {
    pub sni: String,
    pub alpn: Vec<String>,
}

#[derive(Default)]
pub struct Stream {
    pub first: u64,
    /// As Wireshark adds them up: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32.
    pub completeness: u64,
    pub hello: Option<Hello>,
    pub alerts: Vec<(u8, u8)>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub ends: String,
    pub name: String,
    pub qtype: u16,
}

/// All of one capture.
#[derive(Default)]
pub struct File {
    pub tcp: BTreeMap<u64, Stream>,
    /// By both ends.
    pub quic: BTreeMap<String, Hello>,
    pub dns: BTreeMap<Question, Option<u16>>,
    /// First frames of connections whose TLS begins inside another protocol.
    pub in_band: BTreeSet<u64>,
}

impl File {
    pub fn of(rows: &[Row]) -> Self {
        let mut file = Self::default();
        for row in rows {
            let protocols = row.last("frame.protocols").to_owned();
            // A header quoted by an ICMP error is no packet of the connection.
            if protocols.contains(":icmp") {
                continue;
            }
            if let Some(stream) = row.number("tcp.stream") {
                file.segment(stream, row, &protocols);
            } else if protocols.contains(":quic") {
                file.datagram(row);
            }
            let ports = ["tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"];
            if protocols.contains(":dns") && ports.iter().any(|p| row.last(p) == "53") {
                file.message(row);
            }
        }
        file
    }

    fn segment(&mut self, number: u64, row: &Row, protocols: &str) {
        let frame = row.number("frame.number").unwrap_or(0);
        let stream = self.tcp.entry(number).or_insert_with(|| Stream {
            first: frame,
            ..Stream::default()
        });
        stream.completeness |= row.number("tcp.completeness").unwrap_or(0) | bits_of(row);
        let inner = protocols.rsplit_once(":tcp").map_or("", |(_, inner)| inner);
        let carrier = inner.split(':').nth(1).unwrap_or_default();
        if inner.contains(":tls") && !["tls", "http", ""].contains(&carrier) {
            self.in_band.insert(stream.first);
        }
        if let (None, Some(hello)) = (&stream.hello, row.hello()) {
            stream.hello = Some(hello);
        }
        let levels = row.all("tls.alert_message.level").iter();
        let what = row.all("tls.alert_message.desc").iter();
        for (level, what) in levels.zip(what) {
            if let (Ok(level), Ok(what)) = (level.parse(), what.parse()) {
                stream.alerts.push((level, what));
            }
        }
    }

    fn datagram(&mut self, row: &Row) {
        if let Some(hello) = row.hello() {
            let [src, dst] = row.addresses();
            let end = |ip: &str, port: &str| endpoint(ip, row.last(port));
            let ends = ends(&end(src, "udp.srcport"), &end(dst, "udp.dstport"));
            self.quic.entry(ends).or_insert(hello);
        }
    }

    fn message(&mut self, row: &Row) {
        // NOTIFY, UPDATE and the like are no lookups.
        if row.number("dns.flags.opcode") != Some(0) {
            return;
        }
        let [src, dst] = row.addresses();
        let names = row.all("dns.qry.name").iter().zip(row.all("dns.qry.type"));
        for (i, (name, qtype)) in names.enumerate() {
            let name = name.to_lowercase();
            let question = Question {
                ends: ends(&bracketed(src), &bracketed(dst)),
                name: if name == "<root>" {
                    ".".to_owned()
                } else {
                    name
                },
                qtype: qtype.parse().unwrap_or(0),
            };
            let answers = row
                .all("dns.flags.response")
                .get(i)
                .is_some_and(|r| r == "1" || r == "True");
            let rcode = row
                .all("dns.flags.rcode")
                .last()
                .and_then(|r| r.parse().ok());
            let known = self.dns.entry(question).or_default();
            if answers && known.is_none() {
                *known = rcode;
            }
        }
    }
}

/// What the segment itself shows. `tcp.completeness` leaves out the first segment of a stream where that is no SYN, and
/// SYNs of streams that tshark expected (FTP data).
fn bits_of(row: &Row) -> u64 {
    let flags = row.last("tcp.flags").trim_start_matches("0x");
    let flags = u64::from_str_radix(flags, 16).unwrap_or(0);
    let has = |bit: u64| u64::from(flags & bit == bit);
    let data = u64::from(row.number("tcp.len").unwrap_or(0) > 0);
    let syn = flags & 0x02 != 0;
    let ack = flags & 0x10 != 0;
    u64::from(syn && !ack)
        | u64::from(syn && ack) << 1
        | data << 3
        | has(0x01) << 4
        | has(0x04) << 5
}

fn bracketed(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    }
}

fn endpoint(ip: &str, port: &str) -> String {
    format!("{}:{port}", bracketed(ip))
}

/// Both ends of a conversation, whoever began it.
pub fn ends(a: &str, b: &str) -> String {
    if a < b {
        format!("{a} {b}")
    } else {
        format!("{b} {a}")
    }
}
