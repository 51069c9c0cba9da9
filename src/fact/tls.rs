//! What a TLS connection shows (RFC 5246, 8446, 6066, 7301, 9849) without keys.

pub mod ja4;
mod names;

pub use ja4::Ja4;
pub use names::{
    RecordLengths, alert_name, cipher_name, group_name, is_post_quantum, is_tls13, record_lengths,
    version_name,
};

use crate::data::{self, Interceptor};
use crate::types::{Both, Mark, Side};
use std::sync::{Arc, OnceLock};

/// A ClientHello, from a TLS record stream or from QUIC CRYPTO frames.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientHello {
    /// The packet that completed it.
    pub mark: Mark,
    /// The packet that carried its first byte.
    pub first: Mark,
    /// How many packets carried it (1 where it fitted in one).
    pub packets: u16,
    /// Length of the handshake message in bytes, its 4-byte header included.
    pub length: u32,
    /// server_name, lower case as on the wire otherwise; untrusted text.
    pub sni: Option<String>,
    /// ALPN protocol ids in order, GREASE left out; untrusted text (non-UTF-8 bytes escaped as `\xNN`).
    pub alpn: Vec<String>,
    /// legacy_version field.
    pub legacy_version: u16,
    /// supported_versions, GREASE left out; empty where the extension is absent.
    pub versions: Vec<u16>,
    /// Groups of the key shares offered, GREASE left out.
    pub key_shares: Vec<u16>,
    /// Groups offered, GREASE left out.
    pub groups: Vec<u16>,
    /// encrypted_client_hello (0xfe0d) is there. Not proof of ECH: it may be GREASE.
    pub ech: bool,
    /// The ECH extension looks like GREASE as far as can be told without keys (see the observer's doc); `None` when it can't be told.
    pub ech_grease: Option<bool>,
    /// What the ECH extension says in the clear, where it is of the outer form.
    pub ech_outer: Option<EchOuter>,
    /// application_settings (ALPS, 17513 or 17613) is there: the client may send a message before its Finished.
    pub alps: bool,
    /// pre_shared_key or a non-empty session ticket or session id offered for resumption.
    pub offers_resumption: bool,
    /// early_data offered (0-RTT).
    pub early_data: bool,
    /// A non-empty legacy session id was sent (TLS 1.3 compatibility mode or TLS 1.2 resumption).
    pub session_id_len: u8,
    /// JA4 fingerprint of the TLS client (BSD part of JA4+).
    pub ja4: Ja4,
    /// QUIC transport parameters extension is there.
    pub quic_parameters: bool,
}

/// The clear part of an outer encrypted_client_hello (RFC 9849 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EchOuter {
    /// HPKE KDF id.
    pub kdf: u16,
    /// HPKE AEAD id.
    pub aead: u16,
    /// Which of the server's configurations; random in GREASE.
    pub config_id: u8,
    /// Length of the encapsulated key in bytes; 0 in a second ClientHello.
    pub key_length: u16,
    /// Length of the encrypted inner ClientHello in bytes.
    pub payload_length: u16,
}

/// A ServerHello (or a HelloRetryRequest).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerHello {
    /// The packet that completed it.
    pub mark: Mark,
    /// Negotiated version: supported_versions where present, else legacy_version.
    pub version: u16,
    /// Cipher suite chosen.
    pub cipher: u16,
    /// Group of the server's key share, or the group a HelloRetryRequest asks for.
    pub group: Option<u16>,
    /// ALPN chosen, where it is in the clear (TLS 1.2 and below).
    pub alpn: Option<String>,
    /// The server took up a session: PSK selected (1.3), or the session id echoed (1.2).
    pub resumed: bool,
    /// It is a HelloRetryRequest.
    pub retry: bool,
}

/// A plaintext alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Who sent it.
    pub from: Side,
    /// The packet.
    pub mark: Mark,
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// AlertDescription (RFC 8446 section 6).
    pub description: u8,
}

/// An encrypted record: only its outer shape can be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The packet that completed it (or its header, where the body was not followed).
    pub mark: Mark,
    /// Outer content type (20 CCS, 21 alert, 22 handshake, 23 application data).
    pub kind: u8,
    /// Length field of the record header.
    pub length: u16,
    /// Bytes of that side's stream up to and including the record's last one: an acknowledgement that covers them
    /// shows that the other side had the record.
    pub end: u64,
}

/// A certificate as TLS 1.2 and below show it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Certificate {
    /// subject, one line (`CN=…, O=…`); untrusted text.
    pub subject: String,
    /// issuer, one line; untrusted text.
    pub issuer: String,
    /// Issuer attributes by kind (`CN`, `O`, `OU`); untrusted text.
    pub issuer_attributes: Vec<(String, String)>,
    /// subjectAltName DNS names and IP addresses (as text), and the CN where there is no subjectAltName; untrusted text.
    pub names: Vec<String>,
    /// notBefore, seconds since the epoch.
    pub not_before: i64,
    /// notAfter, seconds since the epoch.
    pub not_after: i64,
    /// Subject and issuer are the same.
    pub self_signed: bool,
    /// basicConstraints CA is true.
    pub is_ca: bool,
    /// What the tables say of the issuer, once that was asked.
    pub listed: Listed,
}

/// What the tables of products and authorities say of an issuer: looked up once, and no part of what is compared.
#[derive(Clone, Debug, Default)]
pub struct Listed(OnceLock<(Option<&'static Interceptor>, bool)>);

impl PartialEq for Listed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Listed {}

impl Certificate {
    /// The listed product that intercepts TLS and is named as issuer; see [`data::interceptor`].
    #[must_use]
    pub fn product(&self) -> Option<&'static Interceptor> {
        self.listed().0
    }

    /// The issuer names itself as a listed public authority; see [`data::is_public_ca`].
    #[must_use]
    pub fn names_public_ca(&self) -> bool {
        self.listed().1
    }

    fn listed(&self) -> (Option<&'static Interceptor>, bool) {
        *self.listed.0.get_or_init(|| {
            let issuer = &self.issuer_attributes;
            (data::interceptor(issuer), data::is_public_ca(issuer))
        })
    }
}

/// The certificate message: the chain as sent, leaf first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CertificateChain {
    /// The packet that completed the message.
    pub mark: Mark,
    /// How many were sent.
    pub sent: u16,
    /// Those before the first that could not be parsed, at most 8; empty where the leaf itself could not be. Connections
    /// that were shown the same chain share it.
    pub certificates: Arc<[Certificate]>,
}

/// First bytes of a side whose stream is no TLS.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotTls {
    /// The packet.
    pub mark: Mark,
    /// At most 256 bytes; untrusted.
    pub bytes: Vec<u8>,
}

/// All that was seen of TLS on one TCP connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsFacts {
    /// First byte of something that looks like a ClientHello, complete or not.
    pub hello_begun: Option<Mark>,
    /// The first complete ClientHello.
    pub hello: Option<Box<ClientHello>>,
    /// A ClientHello that is whole but can't be parsed.
    pub hello_malformed: Option<Mark>,
    /// The client began with a hello in the SSL 2.0 form (RFC 5246 appendix E.2); its content is not read.
    pub sslv2_hello: Option<Mark>,
    /// Host and port of the HTTP CONNECT request (RFC 9110 section 9.3.6) that came before TLS; untrusted text.
    pub proxy_connect: Option<String>,
    /// The proxy's answer to it: status code and packet. `not_tls` of the server has its text where it refused.
    pub proxy_reply: Option<(u16, Mark)>,
    /// Bytes of the client's stream up to and including the first ClientHello's last byte.
    pub hello_end: u64,
    /// The second ClientHello, after a HelloRetryRequest.
    pub second_hello: Option<Mark>,
    /// HelloRetryRequest.
    pub retry_request: Option<Box<ServerHello>>,
    /// ServerHello.
    pub server_hello: Option<Box<ServerHello>>,
    /// TLS ≤ 1.2 certificate chain of the server.
    pub certificate: Option<Box<CertificateChain>>,
    /// TLS ≤ 1.2 ServerHelloDone.
    pub server_hello_done: Option<Mark>,
    /// CertificateRequest (TLS ≤ 1.2, in the clear).
    pub certificate_request: Option<Mark>,
    /// The client's Certificate message (TLS ≤ 1.2, in the clear; it may be empty).
    pub client_certificate: Option<Mark>,
    /// TLS ≤ 1.2 ClientKeyExchange.
    pub client_key_exchange: Option<Mark>,
    /// ChangeCipherSpec of each side.
    pub change_cipher_spec: Both<Option<Mark>>,
    /// Plaintext alerts, at most 4 a side.
    pub alerts: Vec<Alert>,
    /// The first encrypted records of each side after (1.3) the ServerHello, or (≤ 1.2) the side's ChangeCipherSpec; at most 12 each.
    pub records: Both<Vec<Record>>,
    /// Encrypted records of each side counted over the whole time they were followed.
    pub record_count: Both<u32>,
    /// Last record of alert size of each side that ended its records so far (1.3: outer type 23, length 19).
    pub last_record: Both<Option<Record>>,
    /// TLS 1.3: the first record of the client's answer to the server's flight, larger than an alert: the client
    /// took the certificate, whether or not its Finished could be told from what it sent.
    pub client_flight: Option<Record>,
    /// The client's Finished, as far as type, size and order prove it.
    pub client_finished: Option<Mark>,
    /// Bytes of the client's stream up to and including its Finished. What the server sent in packets that
    /// acknowledge them was sent after the handshake.
    pub client_finished_end: u64,
    /// The server's Finished (≤ 1.2: proven by CCS and an encrypted handshake record; 1.3: not visible, `None`).
    pub server_finished: Option<Mark>,
    /// First record of the client after its Finished that is larger than an alert: a request, most likely.
    pub client_data: Option<Mark>,
    /// First record of the server that can only come after the handshake (see the observer's doc).
    ///
    /// TLS 1.3: captured after the client's Finished; the server may have sent it before that arrived, which only
    /// its acknowledgement number tells (see `client_finished_end`).
    pub server_data: Option<Mark>,
    /// 0-RTT data: encrypted client records before the ServerHello.
    pub early_data: Option<Mark>,
    /// First bytes of a side that are no TLS.
    pub not_tls: Both<Option<Box<NotTls>>>,
    /// First TLS record of any kind of each side.
    pub first_record: Both<Option<Mark>>,
    /// A record of the side has begun and its rest never came (bytes missing of it).
    pub open_record: Both<u32>,
    /// Where the side's records end is not known, or was not known for a while: `open_record` and `farewell` prove
    /// nothing. They are followed longer than all else here: until bytes are missing where a record begins.
    pub unframed: Both<bool>,
    /// The side's last record has the size of an alert (close_notify, most likely), and nothing followed it.
    pub farewell: Both<Option<Mark>>,
    /// Records could not be followed further on that side (gap, nonsense length): what is absent there proves nothing.
    pub lost_track: Both<bool>,
}

impl TlsFacts {
    /// server_name of the ClientHello; the outer one under ECH. Untrusted text.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.hello.as_ref()?.sni.as_deref()
    }

    /// ALPN ids that the client offered; untrusted text.
    #[must_use]
    pub fn alpn_offered(&self) -> &[String] {
        self.hello.as_ref().map_or(&[], |hello| &hello.alpn)
    }

    /// ALPN id that the server chose, where it is in the clear (TLS 1.2 and below); untrusted text.
    #[must_use]
    pub fn alpn(&self) -> Option<&str> {
        self.server_hello.as_ref()?.alpn.as_deref()
    }

    /// JA4 fingerprint of the client.
    #[must_use]
    pub fn ja4(&self) -> Option<String> {
        self.hello.as_ref().map(|hello| hello.ja4.to_string())
    }

    /// Negotiated version, from the ServerHello or a HelloRetryRequest.
    #[must_use]
    pub fn version(&self) -> Option<u16> {
        let answer = self.server_hello.as_ref().or(self.retry_request.as_ref())?;
        Some(answer.version)
    }

    /// The same in words (`TLS 1.3`).
    #[must_use]
    pub fn version_name(&self) -> Option<&'static str> {
        version_name(self.version()?)
    }

    /// TLS 1.3 (or a draft of it) was negotiated.
    #[must_use]
    pub fn is_tls13(&self) -> bool {
        self.version().is_some_and(is_tls13)
    }

    /// Anything of TLS was seen: a record of either side, or a hello in the SSL 2.0 form.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.sslv2_hello.is_some() || self.first_record.0.iter().any(Option::is_some)
    }

    /// The client did its part: it accepted what the server sent and finished the handshake on its side.
    #[must_use]
    pub fn client_done(&self) -> bool {
        self.client_finished.is_some()
    }

    /// The client's Finished was seen and the server went on. TLS 1.2 and below: by its own Finished, after an
    /// abbreviated handshake by data. TLS 1.3: by a record captured later (see `server_data` for what that proves).
    #[must_use]
    pub fn handshake_complete(&self) -> bool {
        let resumed = self
            .server_hello
            .as_ref()
            .is_some_and(|hello| hello.resumed);
        let went_on = if self.is_tls13() || resumed {
            self.server_data.is_some()
        } else {
            self.server_finished.is_some()
        };
        self.client_done() && went_on
    }

    /// The first fatal alert of a side that could be read.
    #[must_use]
    pub fn fatal_alert(&self, from: Side) -> Option<&Alert> {
        let fatal = |alert: &&Alert| alert.from == from && alert.is_fatal();
        self.alerts.iter().find(fatal)
    }
}

impl Alert {
    /// Name of the description (`unknown_ca`).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        alert_name(self.description)
    }

    /// It ends the connection as a failure: level fatal, and not close_notify.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        self.level == 2 && self.description != 0
    }
}
