//! What client and server think of each other's certificates: whatever the case says, never the chain itself.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

/// Why the client refuses the certificate; the alert it sends follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// unknown_ca (48).
    UnknownCa,
    /// certificate_expired (45), also for one not yet valid.
    Expired,
    /// bad_certificate (42), what rustls sends for a wrong name.
    Name,
    /// certificate_unknown (46), as pinning and Android send it.
    Pin,
    /// certificate_revoked (44).
    Revoked,
}

impl Reject {
    fn error(self) -> CertificateError {
        match self {
            Reject::UnknownCa => CertificateError::UnknownIssuer,
            Reject::Expired => CertificateError::Expired,
            Reject::Name => CertificateError::NotValidForName,
            Reject::Pin => {
                CertificateError::Other(OtherError(std::sync::Arc::new(std::fmt::Error)))
            }
            Reject::Revoked => CertificateError::Revoked,
        }
    }
}

fn schemes() -> Vec<SignatureScheme> {
    rustls::crypto::ring::default_provider()
        .signature_verification_algorithms
        .supported_schemes()
}

#[derive(Debug)]
pub(super) struct ServerTrust(pub(super) Option<Reject>);

impl ServerCertVerifier for ServerTrust {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0 {
            None => Ok(ServerCertVerified::assertion()),
            Some(why) => Err(Error::InvalidCertificate(why.error())),
        }
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

/// Wants a client certificate and takes any.
#[derive(Debug)]
pub(super) struct WantsClientCert;

impl ClientCertVerifier for WantsClientCert {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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
