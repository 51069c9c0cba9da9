//! A rustls client and a rustls server that talk to each other in memory; what they say is written down.

use crate::types::Side;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName,
    Error, ServerConfig, ServerConnection, SignatureScheme, SupportedProtocolVersion, version,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// Bytes that one side sent before the other went on.
pub(super) type Flight = (Side, Vec<u8>);

static CERTIFICATE: &[u8] = include_bytes!("../testdata/server.cert.der");
/// Made for these tests, used nowhere else.
static KEY: &[u8] = include_bytes!("../testdata/server.key.der");

/// Whom the client trusts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trust {
    Everybody,
    Nobody,
}

/// Client and server as they are to be set up.
pub(super) struct Peers {
    client_version: &'static SupportedProtocolVersion,
    server_version: &'static SupportedProtocolVersion,
    trust: Trust,
    suite: Option<u16>,
    retry: bool,
    client_auth: bool,
}

/// A handshake that was made.
pub(super) struct Run {
    pub(super) flights: Vec<Flight>,
    client: ClientConfig,
    server: Arc<ServerConfig>,
}

impl Peers {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        Self {
            client_version: version,
            server_version: version,
            trust: Trust::Everybody,
            suite: None,
            retry: false,
            client_auth: false,
        }
    }

    pub(super) fn tls13() -> Self {
        Self::new(&version::TLS13)
    }

    pub(super) fn tls12() -> Self {
        Self::new(&version::TLS12)
    }

    /// The server knows TLS 1.2 only.
    pub(super) fn against_tls12(mut self) -> Self {
        self.server_version = &version::TLS12;
        self
    }

    pub(super) fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    pub(super) fn suite(mut self, suite: u16) -> Self {
        self.suite = Some(suite);
        self
    }

    /// The server wants a group that the client sends no share of.
    pub(super) fn retry(mut self) -> Self {
        self.retry = true;
        self
    }

    /// The server asks for a certificate; the client has none.
    pub(super) fn client_auth(mut self) -> Self {
        self.client_auth = true;
        self
    }

    pub(super) fn run(&self) -> Run {
        let client = self.client();
        let server = Arc::new(self.server());
        let flights = talk(client.clone(), Arc::clone(&server), false);
        Run {
            flights,
            client,
            server,
        }
    }

    fn provider(&self, groups_from: usize) -> Arc<CryptoProvider> {
        let mut provider = ring::default_provider();
        if let Some(suite) = self.suite {
            provider
                .cipher_suites
                .retain(|known| u16::from(known.suite()) == suite);
        }
        provider.kx_groups.drain(..groups_from);
        Arc::new(provider)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(self.provider(0))
            .with_protocol_versions(&[self.client_version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier(self.trust)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    fn server(&self) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(self.provider(usize::from(self.retry)))
            .with_protocol_versions(&[self.server_version])
            .unwrap();
        let builder = if self.client_auth {
            builder.with_client_cert_verifier(Arc::new(Verifier(self.trust)))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
        let mut config = builder
            .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.max_early_data_size = 4096;
        config
    }
}

impl Run {
    /// The same two once more, the session still known.
    pub(super) fn again(&self, early_data: bool) -> Vec<Flight> {
        let mut client = self.client.clone();
        client.enable_early_data = early_data;
        talk(client, Arc::clone(&self.server), early_data)
    }
}

/// Handshake, then a request and an answer; ends early where a side refuses.
fn talk(client: ClientConfig, server: Arc<ServerConfig>, early_data: bool) -> Vec<Flight> {
    let name = ServerName::try_from("server.example").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let mut flights = Vec::new();
    if early_data {
        let mut early = client.early_data().expect("a ticket that allows it");
        early.write_all(b"early").unwrap();
    }
    while exchange(&mut client, &mut server, &mut flights) {}
    if !client.is_handshaking() && !server.is_handshaking() {
        client.writer().write_all(b"a request").unwrap();
        exchange(&mut client, &mut server, &mut flights);
        server.writer().write_all(b"an answer").unwrap();
        exchange(&mut client, &mut server, &mut flights);
    }
    flights
}

/// One flight each way; false when neither had anything to say.
fn exchange(
    client: &mut ClientConnection,
    server: &mut ServerConnection,
    flights: &mut Vec<Flight>,
) -> bool {
    let mut sent = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut sent).unwrap();
    }
    let mut answer = Vec::new();
    let mut rest = sent.as_slice();
    while !rest.is_empty() && server.read_tls(&mut rest).is_ok() {
        if server.process_new_packets().is_err() {
            break;
        }
    }
    let mut plain = Vec::new();
    if let Some(mut early) = server.early_data() {
        early.read_to_end(&mut plain).unwrap();
    }
    while server.wants_write() {
        server.write_tls(&mut answer).unwrap();
    }
    let mut rest = answer.as_slice();
    while !rest.is_empty() && client.read_tls(&mut rest).is_ok() {
        if client.process_new_packets().is_err() {
            break;
        }
    }
    let more = !sent.is_empty() || !answer.is_empty();
    for (side, bytes) in [(Side::Client, sent), (Side::Server, answer)] {
        if !bytes.is_empty() {
            flights.push((side, bytes));
        }
    }
    more
}

/// Believes everybody or nobody, and looks at nothing else.
#[derive(Debug)]
struct Verifier(Trust);

impl Verifier {
    fn verdict<T>(&self, yes: T) -> Result<T, Error> {
        match self.0 {
            Trust::Everybody => Ok(yes),
            Trust::Nobody => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }
}

fn schemes() -> Vec<SignatureScheme> {
    ring::default_provider()
        .signature_verification_algorithms
        .supported_schemes()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verdict(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verdict(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        schemes()
    }
}
