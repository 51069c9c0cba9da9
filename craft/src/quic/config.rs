//! What the two QUIC ends are set to do.

use std::sync::Arc;
use std::time::Duration;

use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ConnectionId, Endpoint, EndpointConfig, RandomConnectionIdGenerator, TransportConfig,
};

use crate::time::Ms;
use crate::tls::{self, Cert, KeyStore, Reject};

/// A client: QUIC version 1, ALPN h3, first probe after 1 s, trusting everything, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Client {
    tls: tls::Client,
    version: u32,
    initial_rtt: Duration,
    idle: Duration,
    mtu: u16,
    dcid_len: usize,
    scid_len: usize,
}

impl Client {
    /// A client that asks for `host`.
    pub fn new(host: &str) -> Self {
        Self {
            tls: tls::Client::new(host).tls13().alpn(&["h3"]),
            version: 1,
            initial_rtt: Duration::from_millis(333),
            idle: Duration::from_secs(30),
            mtu: 1200,
            dcid_len: 8,
            scid_len: 8,
        }
    }

    /// Protocols offered.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.tls = self.tls.alpn(protocols);
        self
    }

    /// Offers X25519MLKEM768 (as far as sizes go): the ClientHello takes two datagrams.
    #[must_use]
    pub fn pq(mut self) -> Self {
        self.tls = self.tls.pq();
        self
    }

    /// Refuses the server's certificate.
    #[must_use]
    pub fn reject(mut self, why: Reject) -> Self {
        self.tls = self.tls.reject(why);
        self
    }

    /// Version spoken: 1, or a draft from `0xff00_001d` (29) to `0xff00_0022` (34).
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Time to the first probe (PTO); the following gaps double. 1 s by RFC 9002, Chrome about 300 ms.
    #[must_use]
    pub fn first_probe(mut self, ms: impl Ms) -> Self {
        self.initial_rtt = Duration::from_nanos(ms.ns() / 3);
        self
    }

    /// Idle timeout (30 s); a client without an answer gives up then, silently.
    #[must_use]
    pub fn idle(mut self, ms: impl Ms) -> Self {
        self.idle = Duration::from_nanos(ms.ns());
        self
    }

    /// UDP payload size (1200).
    #[must_use]
    pub fn mtu(mut self, bytes: u16) -> Self {
        self.mtu = bytes;
        self
    }

    /// Lengths of the first destination id (8 to 20) and of the client's own id (0 to 20); 8 both. Chrome: 8 and 0.
    #[must_use]
    pub fn id_lengths(mut self, dcid: usize, scid: usize) -> Self {
        (self.dcid_len, self.scid_len) = (dcid, scid);
        self
    }

    pub(super) fn host(&self) -> &str {
        self.tls.host()
    }

    pub(super) fn build(
        self,
        keys: Arc<KeyStore>,
        seed: [u8; 32],
    ) -> (Endpoint, quinn_proto::ClientConfig) {
        let crypto = QuicClientConfig::try_from(self.tls.build(keys)).unwrap();
        let mut config = quinn_proto::ClientConfig::new(Arc::new(crypto));
        let mut t = transport(self.mtu);
        t.initial_rtt(self.initial_rtt);
        t.max_idle_timeout(Some(self.idle.try_into().unwrap()));
        config.transport_config(Arc::new(t));
        config.version(self.version);
        let dcid = seed[..self.dcid_len].to_vec();
        config.initial_dst_cid_provider(Arc::new(move || ConnectionId::new(&dcid)));
        let mut endpoint = EndpointConfig::default();
        endpoint.supported_versions(vec![self.version]);
        let scid_len = self.scid_len;
        endpoint.cid_generator(move || Box::new(RandomConnectionIdGenerator::new(scid_len)));
        (
            Endpoint::new(Arc::new(endpoint), None, false, Some(seed)),
            config,
        )
    }
}

fn transport(mtu: u16) -> TransportConfig {
    let mut t = TransportConfig::default();
    t.mtu_discovery_config(None);
    t.initial_mtu(mtu);
    t
}

/// A server: QUIC version 1 and drafts, ALPN h3, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Server {
    tls: Option<tls::Server>,
    pub(super) retry: bool,
    pub(super) refuse: bool,
    versions: Vec<u32>,
    mtu: u16,
}

impl Server {
    /// A server with this certificate.
    pub fn new(cert: Cert) -> Self {
        Self {
            tls: Some(tls::Server::new(cert).tls13().alpn(&["h3"])),
            retry: false,
            refuse: false,
            versions: quinn_proto::DEFAULT_SUPPORTED_VERSIONS.to_vec(),
            mtu: 1200,
        }
    }

    /// Nobody listens, and nothing says so.
    pub fn silent() -> Self {
        Self {
            tls: None,
            ..Self::new(Cert::public("none.invalid"))
        }
    }

    /// Protocols accepted; with none in common it closes with CRYPTO_ERROR 0x178.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.tls = self.tls.map(|t| t.alpn(protocols));
        self
    }

    /// Changes anything else about its TLS.
    #[must_use]
    pub fn tls(mut self, change: impl FnOnce(tls::Server) -> tls::Server) -> Self {
        self.tls = self.tls.map(change);
        self
    }

    /// Has no certificate for any name: closes with CRYPTO_ERROR.
    #[must_use]
    pub fn without_cert(mut self) -> Self {
        self.tls = Some(tls::Server::without_cert().tls13().alpn(&["h3"]));
        self
    }

    /// Answers the first Initial with Retry.
    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retry = true;
        self
    }

    /// Closes with CONNECTION_REFUSED.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.refuse = true;
        self
    }

    /// Versions spoken. Without the client's it answers with Version Negotiation listing these and a GREASE one.
    #[must_use]
    pub fn versions(mut self, versions: &[u32]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// UDP payload size (1200).
    #[must_use]
    pub fn mtu(mut self, bytes: u16) -> Self {
        self.mtu = bytes;
        self
    }

    pub(super) fn build(self, seed: [u8; 32]) -> Option<Endpoint> {
        let crypto = QuicServerConfig::try_from(self.tls?.build()).unwrap();
        let mut config = quinn_proto::ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(Arc::new(transport(self.mtu)));
        let mut endpoint = EndpointConfig::default();
        endpoint.supported_versions(self.versions);
        let seed = seed.map(|b| b ^ 0x5a);
        Some(Endpoint::new(
            Arc::new(endpoint),
            Some(Arc::new(config)),
            false,
            Some(seed),
        ))
    }
}
