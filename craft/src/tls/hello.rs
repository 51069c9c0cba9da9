//! ClientHello messages made by hand, in the manner of a browser: for cases where nothing answers, and for what
//! rustls does not offer (ECH, GREASE, QUIC version 2).

use crate::net::Net;
use crate::tls::record;

/// A ClientHello in the making. Its random parts come from the network's generator.
#[derive(Clone, Debug)]
pub struct ClientHello {
    sni: Option<String>,
    alpn: Vec<String>,
    pq: bool,
    ech: Option<usize>,
    tls13: bool,
    quic: Option<Vec<u8>>,
    pad_to: usize,
    sni_last: bool,
}

impl ClientHello {
    /// TLS 1.2 and 1.3, h2 and http/1.1, GREASE values, 517 bytes with its record header as browsers pad it.
    pub fn new(sni: &str) -> Self {
        Self {
            sni: Some(sni.to_owned()),
            alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
            pq: false,
            ech: None,
            tls13: true,
            quic: None,
            pad_to: 512,
            sni_last: false,
        }
    }

    /// For QUIC: ALPN h3, transport parameters with this source connection id, no padding.
    pub fn quic(sni: &str, scid: &[u8]) -> Self {
        let mut p = Vec::new();
        let mut add = |id: u8, v: &[u8]| p.extend([&[id, v.len() as u8], v].concat());
        add(0x01, &[0x80, 0, 0x75, 0x30]); // max_idle_timeout 30 s
        add(0x03, &[0x45, 0xc0]); // max_udp_payload_size 1472
        add(0x04, &[0x80, 0xf0, 0, 0]); // initial_max_data
        add(0x08, &[0x40, 0x64]); // initial_max_streams_bidi
        add(0x0f, scid); // initial_source_connection_id
        Self {
            alpn: vec!["h3".to_owned()],
            quic: Some(p),
            pad_to: 0,
            ..Self::new(sni)
        }
    }

    /// No server name.
    #[must_use]
    pub fn no_sni(mut self) -> Self {
        self.sni = None;
        self
    }

    /// Protocols offered.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| (*p).to_owned()).collect();
        self
    }

    /// With an X25519MLKEM768 share: about 1500 bytes; 1750 with [`ClientHello::ech`], as browsers send it.
    #[must_use]
    pub fn pq(mut self) -> Self {
        self.pq = true;
        self
    }

    /// With an encrypted_client_hello extension of random content (GREASE or real, they look alike) and this
    /// payload length, usually 144 to 240.
    #[must_use]
    pub fn ech(mut self, payload: usize) -> Self {
        self.ech = Some(payload);
        self
    }

    /// TLS 1.2 only.
    #[must_use]
    pub fn tls12(mut self) -> Self {
        self.tls13 = false;
        self
    }

    /// Puts the server name behind the big extensions, so that it falls into the second segment.
    #[must_use]
    pub fn sni_last(mut self) -> Self {
        self.sni_last = true;
        self
    }

    /// The handshake message.
    pub fn message(&self, net: &Net) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(net.random(32));
        body.extend(if self.quic.is_some() {
            vec![0]
        } else {
            [vec![32], net.random(32)].concat()
        });
        let suites: &[u16] = if self.tls13 {
            &[
                0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
            ]
        } else {
            &[
                0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x002f,
            ]
        };
        let suites: Vec<u8> = suites.iter().flat_map(|s| s.to_be_bytes()).collect();
        body.extend(vec16(&suites));
        body.extend([1, 0]);
        let extensions = self.extensions(net, body.len() + 4 + 2);
        body.extend(vec16(&extensions));
        [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    }

    /// The message in one record (whose version is 3.1, as first records have it).
    pub fn record(&self, net: &Net) -> Vec<u8> {
        first(record::record(
            record::content::HANDSHAKE,
            &self.message(net),
        ))
    }

    /// The message split over records of these sizes and one for the rest.
    pub fn records(&self, net: &Net, sizes: &[usize]) -> Vec<u8> {
        first(record::split(&self.message(net), sizes))
    }

    fn extensions(&self, net: &Net, before: usize) -> Vec<u8> {
        let mut e = extension(0x2a2a, &[]);
        let sni = self.sni.as_ref().map(|name| {
            let entry = [&[0][..], &vec16(name.as_bytes())].concat();
            extension(0, &vec16(&entry))
        });
        if !self.sni_last {
            e.extend(sni.iter().flatten());
        }
        e.extend(extension(23, &[]));
        e.extend(extension(0xff01, &[0]));
        let groups: &[u8] = match self.pq {
            true => &[0x8a, 0x8a, 0x11, 0xec, 0, 29, 0, 23, 0, 24],
            false => &[0x8a, 0x8a, 0, 29, 0, 23, 0, 24],
        };
        e.extend(extension(10, &vec16(groups)));
        e.extend(extension(11, &[1, 0]));
        e.extend(extension(35, &[]));
        if !self.alpn.is_empty() {
            let list: Vec<u8> = self
                .alpn
                .iter()
                .flat_map(|p| [&[p.len() as u8], p.as_bytes()].concat())
                .collect();
            e.extend(extension(16, &vec16(&list)));
        }
        e.extend(extension(5, &[1, 0, 0, 0, 0]));
        e.extend(extension(
            13,
            &vec16(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1]),
        ));
        e.extend(extension(18, &[]));
        if self.tls13 {
            e.extend(self.tls13_extensions(net));
        }
        if let Some(p) = &self.quic {
            e.extend(extension(57, p));
        }
        if self.sni_last {
            e.extend(sni.iter().flatten());
        }
        let len = before + e.len();
        if len + 4 < self.pad_to {
            e.extend(extension(21, &vec![0; self.pad_to - len - 4]));
        }
        e
    }

    fn tls13_extensions(&self, net: &Net) -> Vec<u8> {
        let mut shares = vec![0x8a, 0x8a, 0, 1, 0];
        if self.pq {
            shares.extend([0x11, 0xec]);
            shares.extend(vec16(&net.random(1216)));
        }
        shares.extend([0, 29]);
        shares.extend(vec16(&net.random(32)));
        let mut e = extension(51, &vec16(&shares));
        e.extend(extension(45, &[1, 1]));
        e.extend(extension(43, &[6, 0xda, 0xda, 3, 4, 3, 3]));
        if let Some(payload) = self.ech {
            // outer, HKDF-SHA256 with AES-128-GCM, config id, enc, payload
            let mut v = vec![0, 0, 1, 0, 1, net.random(1)[0]];
            v.extend(vec16(&net.random(32)));
            v.extend(vec16(&net.random(payload)));
            e.extend(extension(0xfe0d, &v));
        }
        e
    }
}

fn first(mut records: Vec<u8>) -> Vec<u8> {
    records[2] = 1;
    records
}

fn vec16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vec16(body)].concat()
}
