//! The words of a judgement: outcome, stage, severity, blame. Their spelling in reports is fixed.

use schemars::JsonSchema;
use serde::Serialize;

/// How something ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It got through.
    Ok,
    /// It got through, worse than it should.
    Degraded,
    /// It failed.
    Broken,
    /// The capture ends before anyone could know.
    Unfinished,
    /// The client gave it up without a failure (a lost race, an unused connection). Paths only.
    Abandoned,
}

impl Outcome {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Broken => "broken",
            Self::Unfinished => "unfinished",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The steps of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Name lookup.
    Dns,
    /// TCP handshake and transport.
    Tcp,
    /// TLS handshake.
    Tls,
    /// QUIC handshake and transport.
    Quic,
    /// Request and response.
    Http,
    /// Bulk transfer.
    Media,
    /// The capture itself.
    Capture,
}

impl Stage {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Media => "media",
            Self::Capture => "capture",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth telling, no fault.
    Note,
    /// It worked, worse than it should.
    Degraded,
    /// The path failed here.
    Broken,
}

impl Severity {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Degraded => "degraded",
            Self::Broken => "broken",
        }
    }
}

/// Whom a finding points at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The device that asks.
    Device,
    /// Its Wi-Fi or LAN.
    LocalNetwork,
    /// The resolver.
    Resolver,
    /// Something in between that reads or forges traffic: VPN, proxy, firewall, filter.
    Interceptor,
    /// The way between.
    Path,
    /// One server or CDN edge.
    Edge,
    /// The service behind it.
    Service,
    /// The capture.
    Capture,
    /// Nobody in particular.
    Unknown,
}

impl Blame {
    /// As it stands in the JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::LocalNetwork => "local-network",
            Self::Resolver => "resolver",
            Self::Interceptor => "interceptor",
            Self::Path => "path",
            Self::Edge => "edge",
            Self::Service => "service",
            Self::Capture => "capture",
            Self::Unknown => "unknown",
        }
    }
}
