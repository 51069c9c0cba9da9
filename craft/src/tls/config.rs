//! What the two TLS ends are set to do.

use std::sync::Arc;

use rustls::crypto::ring::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::ServerName;
use rustls::server::ResolvesServerCert;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};

use super::pq::LooksHybrid;
use super::trust::{Reject, ServerTrust, WantsClientCert};
use super::{Cert, KeyStore};

/// A client: TLS 1.2 and 1.3, ALPN h2 and http/1.1, trusting everything, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Client {
    host: String,
    sni: bool,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    pq: bool,
    reject: Option<Reject>,
    early_data: bool,
}

impl Client {
    /// A client that asks for `host`.
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            sni: true,
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            versions: vec![&TLS13, &TLS12],
            pq: false,
            reject: None,
            early_data: false,
        }
    }

    /// Sends no server name.
    #[must_use]
    pub fn no_sni(mut self) -> Self {
        self.sni = false;
        self
    }

    /// Protocols offered; none means no ALPN extension.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    /// Only TLS 1.2.
    #[must_use]
    pub fn tls12(mut self) -> Self {
        self.versions = vec![&TLS12];
        self
    }

    /// Only TLS 1.3.
    #[must_use]
    pub fn tls13(mut self) -> Self {
        self.versions = vec![&TLS13];
        self
    }

    /// Offers X25519MLKEM768 (as far as sizes go): the ClientHello takes two segments.
    #[must_use]
    pub fn pq(mut self) -> Self {
        self.pq = true;
        self
    }

    /// Refuses the server's certificate: over TLS 1.2 with a readable alert, over TLS 1.3 with change cipher spec and
    /// an encrypted alert (a record of 19 bytes). The case closes the connection.
    #[must_use]
    pub fn reject(mut self, why: Reject) -> Self {
        self.reject = Some(why);
        self
    }

    /// Sends early data when resuming.
    #[must_use]
    pub fn early_data(mut self) -> Self {
        self.early_data = true;
        self
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.host.clone()).expect("a host name or an address")
    }

    pub(crate) fn build(self, keys: Arc<KeyStore>) -> ClientConfig {
        let mut groups: Vec<&'static dyn SupportedKxGroup> =
            vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
        if self.pq {
            groups.insert(0, &LooksHybrid);
        }
        let mut c = ClientConfig::builder_with_provider(provider(groups))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerTrust(self.reject)))
            .with_no_client_auth();
        c.alpn_protocols = self.alpn;
        c.enable_sni = self.sni;
        c.enable_early_data = self.early_data;
        c.key_log = keys;
        c
    }
}

fn provider(kx_groups: Vec<&'static dyn SupportedKxGroup>) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups,
        ..default_provider()
    })
}

/// A server: TLS 1.2 and 1.3, ALPN h2 and http/1.1, no wish for client certificates, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Server {
    cert: Option<Cert>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    groups: Groups,
    client_cert: bool,
}

#[derive(Clone, Copy, Debug)]
enum Groups {
    Usual,
    /// Also takes the post-quantum share.
    Hybrid,
    /// Only one the client offers no share for.
    Retry,
}

impl Server {
    /// A server with this certificate.
    pub fn new(cert: Cert) -> Self {
        Self {
            cert: Some(cert),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            versions: vec![&TLS13, &TLS12],
            groups: Groups::Usual,
            client_cert: false,
        }
    }

    /// A server that has no certificate for any name: it answers with an alert.
    pub fn without_cert() -> Self {
        Self {
            cert: None,
            ..Self::new(Cert::public("none.invalid"))
        }
    }

    /// Protocols accepted; an empty list ignores ALPN. With none in common a server of TLS 1.2 sends
    /// no_application_protocol in the clear; over TLS 1.3 rustls sends it after its ServerHello, encrypted. For the
    /// plaintext alert that other TLS 1.3 servers send, use [`super::record::fatal`] as the answer.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    /// Only TLS 1.2. With a client of TLS 1.3 only it sends protocol_version.
    #[must_use]
    pub fn tls12(mut self) -> Self {
        self.versions = vec![&TLS12];
        self
    }

    /// Only TLS 1.3.
    #[must_use]
    pub fn tls13(mut self) -> Self {
        self.versions = vec![&TLS13];
        self
    }

    /// Takes the post-quantum share of [`Client::pq`].
    #[must_use]
    pub fn pq(mut self) -> Self {
        self.groups = Groups::Hybrid;
        self
    }

    /// Sends HelloRetryRequest (it wants secp384r1).
    #[must_use]
    pub fn hello_retry(mut self) -> Self {
        self.groups = Groups::Retry;
        self
    }

    /// Insists on a client certificate, which no client here has.
    #[must_use]
    pub fn require_client_cert(mut self) -> Self {
        self.client_cert = true;
        self
    }

    pub(crate) fn build(self) -> ServerConfig {
        let groups: Vec<&'static dyn SupportedKxGroup> = match self.groups {
            Groups::Usual => vec![kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
            Groups::Hybrid => vec![&LooksHybrid, kx_group::X25519],
            Groups::Retry => vec![kx_group::SECP384R1],
        };
        let b = ServerConfig::builder_with_provider(provider(groups))
            .with_protocol_versions(&self.versions)
            .unwrap();
        let b = if self.client_cert {
            b.with_client_cert_verifier(Arc::new(WantsClientCert))
        } else {
            b.with_no_client_auth()
        };
        let mut s = match self.cert {
            Some(cert) => {
                let (chain, key) = cert.build();
                b.with_single_cert(chain, key).unwrap()
            }
            None => b.with_cert_resolver(Arc::new(NoCert)),
        };
        s.alpn_protocols = self.alpn;
        s.max_early_data_size = u32::MAX;
        s
    }
}

#[derive(Debug)]
struct NoCert;

impl ResolvesServerCert for NoCert {
    fn resolve(
        &self,
        _: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
}
