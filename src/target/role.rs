//! What a host is for.

use std::fmt;
use std::str::FromStr;

/// What a host of the target is for, as far as its name tells. Roles drift with the service: a hint for the reader of
/// a report (a failing log host does not break an app), never evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Role {
    /// Account, captcha.
    Login,
    /// Calls of the app to the service.
    Api,
    /// The list of what to show next, where it has hosts of its own.
    Feed,
    /// Web site, static files, web views.
    Web,
    /// Video and other large files.
    MediaCdn,
    /// Pictures.
    ImageCdn,
    /// Live streams and live rooms.
    Live,
    /// Logging, monitoring, device attestation.
    Telemetry,
    /// Advertising.
    Ads,
    /// Seen as the target of a CNAME, not as a host that is asked for.
    DnsCname,
    /// Not known.
    #[default]
    Unknown,
}

impl Role {
    /// All roles, as a list in help and errors shows them.
    pub const ALL: [Self; 11] = [
        Self::Login,
        Self::Api,
        Self::Feed,
        Self::Web,
        Self::MediaCdn,
        Self::ImageCdn,
        Self::Live,
        Self::Telemetry,
        Self::Ads,
        Self::DnsCname,
        Self::Unknown,
    ];

    /// The name in profiles and reports, kebab-case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Api => "api",
            Self::Feed => "feed",
            Self::Web => "web",
            Self::MediaCdn => "media-cdn",
            Self::ImageCdn => "image-cdn",
            Self::Live => "live",
            Self::Telemetry => "telemetry",
            Self::Ads => "ads",
            Self::DnsCname => "dns-cname",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("roles are {}", Self::list())]
pub struct UnknownRole;

impl UnknownRole {
    fn list() -> String {
        Role::ALL.map(Role::name).join(", ")
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_names_are_distinct_and_read_back() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            let kebab = |b: u8| b.is_ascii_lowercase() || b == b'-';
            assert!(role.name().bytes().all(kebab), "{role}");
        }
        assert_eq!("Api".parse::<Role>(), Err(UnknownRole));
        assert_eq!(format!("{:<9}|", Role::Api), "api      |");
    }
}
