//! What the certificate rules share: the chain as TLS 1.2 and below show it, and whether the client refused it.

use super::common::{Handshake, closed_unused, not_before};
use crate::fact::tls::{Alert, Certificate, CertificateChain, TlsFacts};
use crate::types::{Addr, Mark, Side, Timestamp};
use std::net::IpAddr;

/// Paths of the capture that are looked at for certificates to compare with.
const COMPARED: usize = 300;
/// Captures dated before 2005 have no real clock.
const REAL_TIME: i64 = 1_104_537_600;

/// A certificate that the client was shown.
pub(super) struct Shown<'c> {
    pub(super) h: Handshake<'c>,
    pub(super) chain: &'c CertificateChain,
    pub(super) leaf: &'c Certificate,
}

/// How the client refused it.
#[derive(Clone, Copy)]
pub(super) enum Refusal<'c> {
    /// By a fatal alert.
    Alert(&'c Alert),
    /// It left at once, in the middle of the handshake.
    Left(Mark),
    /// It left at once after the handshake, without having asked for anything.
    Unused(Mark),
}

impl<'c> Shown<'c> {
    pub(super) fn of(h: Handshake<'c>) -> Option<Self> {
        let chain = h.tls.certificate.as_deref()?;
        let leaf = chain.certificates.first()?;
        Some(Self { h, chain, leaf })
    }

    /// How the client refused it; `None` where it did not, or nobody can tell.
    pub(super) fn refusal(&self) -> Option<Refusal<'c>> {
        let tls = self.h.tls;
        if let Some(left) = left_unused(&self.h) {
            return Some(Refusal::Unused(left));
        }
        if tls.client_finished.is_some() || tls.fatal_alert(Side::Server).is_some() {
            return None;
        }
        match tls.fatal_alert(Side::Client) {
            Some(alert) if alert.description == 90 => None,
            Some(alert) if not_before(alert.mark, self.chain.mark) => Some(Refusal::Alert(alert)),
            Some(_) => None,
            None => left_at_certificate(&self.h).map(Refusal::Left),
        }
    }

    /// The refusal, then the certificate, then the hello.
    pub(super) fn marks(&self, refusal: Refusal<'_>) -> [Mark; 3] {
        [refusal.mark(), self.chain.mark, self.h.hello]
    }

    /// Does a name of the certificate cover the name asked for? `None` where either is not known.
    pub(super) fn covers(&self, asked: &str) -> Option<bool> {
        let names = &self.leaf.names;
        (!names.is_empty()).then(|| names.iter().any(|name| covers(name, asked)))
    }
}

impl Refusal<'_> {
    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Alert(alert) => alert.mark,
            Self::Left(mark) | Self::Unused(mark) => mark,
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::Alert(alert) => format!("the client refused it with the alert {}", alert.name()),
            Self::Left(_) => "the client left at once, without an alert".to_owned(),
            Self::Unused(_) => {
                "the client left at once after the handshake, without asking for anything"
                    .to_owned()
            }
        }
    }

    /// How sure a fault of the certificate is the reason; `alerts` are those that say just that.
    pub(super) fn sure(self, alerts: &[u8]) -> f64 {
        match self {
            Self::Alert(alert) if alerts.contains(&alert.description) => 0.97,
            Self::Alert(_) => 0.88,
            Self::Left(_) => 0.75,
            Self::Unused(_) => 0.65,
        }
    }
}

/// TLS 1.2 and below: the client's FIN or RST right behind the server's flight, instead of its own.
pub(super) fn left_at_certificate(h: &Handshake<'_>) -> Option<Mark> {
    let tls = h.tls;
    let flight = tls.server_hello_done?;
    let left = h.ended_by(Side::Client)?;
    let went_on = tls.client_key_exchange.is_some()
        || tls.client_finished.is_some()
        || tls.client_certificate.is_some();
    let at_once = not_before(left, flight) && left.time.since(flight.time) <= h.soon();
    let unclear = !h.followed(Side::Server) || !h.followed(Side::Client) || h.is_left_over(left);
    let other_reason =
        h.cancelled() || tls.fatal_alert(Side::Client).is_some() || h.sibling_worked();
    (!went_on && at_once && !unclear && !other_reason).then_some(left)
}

/// The handshake was over, and the client left at once without asking for anything. TLS 1.3, which shows less, has to
/// show it twice: once may be a probe.
pub(super) fn left_unused(h: &Handshake<'_>) -> Option<Mark> {
    let left = closed_unused(h.context.path)?;
    let unclear = !h.followed(Side::Server) || !h.followed(Side::Client);
    let alone = h.seen_from_start() && !h.sibling_worked();
    let again = || {
        h.context
            .siblings()
            .any(|path| closed_unused(path).is_some())
    };
    (!unclear && alone && (!h.tls.is_tls13() || again())).then_some(left)
}

/// The time of the packet that showed the certificate, in seconds; `None` where the capture has no real clock.
fn seconds(time: Timestamp) -> Option<i64> {
    let seconds = time.0.div_euclid(1_000_000_000);
    (seconds >= REAL_TIME).then_some(seconds)
}

/// Where a certificate stands to the time at which it was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Date {
    Expired,
    NotYetValid,
    Valid,
}

/// That of a leaf certificate.
pub(super) fn date(chain: &CertificateChain) -> Option<Date> {
    let (leaf, now) = (chain.certificates.first()?, seconds(chain.mark.time)?);
    Some(if leaf.not_after < now {
        Date::Expired
    } else if leaf.not_before > now {
        Date::NotYetValid
    } else {
        Date::Valid
    })
}

/// The certificate that the client was shown is in date; `None` where it can't be read.
pub(super) fn is_in_date(h: &Handshake<'_>) -> Option<bool> {
    let chain = h.tls.certificate.as_deref()?;
    Some(date(chain)? == Date::Valid)
}

/// What the certificates of other servers in this capture say about the clock.
pub(super) struct Others {
    /// Servers whose certificate is out of date in the same way.
    pub(super) same: usize,
    /// Servers whose certificate is in date.
    pub(super) in_date: usize,
}

/// Compares with other servers; looks at the first 300 paths of the capture.
pub(super) fn others(h: &Handshake<'_>, as_this: Date) -> Others {
    let own = h.context.path.flow.server.addr;
    let attempts = h.context.world.attempts.iter();
    let paths = attempts.flat_map(|attempt| &attempt.paths).take(COMPARED);
    let shown = |tls: &TlsFacts| date(tls.certificate.as_deref()?);
    let mut dates: Vec<(Addr, Date)> = paths
        .filter(|path| path.flow.server.addr != own)
        .filter_map(|path| Some((path.flow.server.addr, shown(path.flow.tls?)?)))
        .collect();
    dates.sort_by_key(|(addr, _)| *addr);
    dates.dedup_by_key(|(addr, _)| *addr);
    let count = |wanted| dates.iter().filter(|(_, date)| *date == wanted).count();
    Others {
        same: count(as_this),
        in_date: count(Date::Valid),
    }
}

/// Seconds since the epoch as RFC 3339; the plain number where it is outside the calendar.
pub(super) fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

/// A name of a certificate against the name asked for (RFC 9525 section 6.3): a wildcard stands for just the whole
/// left-most label; addresses are compared as addresses.
fn covers(pattern: &str, asked: &str) -> bool {
    if let Ok(asked) = asked.parse::<IpAddr>() {
        return pattern.parse::<IpAddr>().is_ok_and(|ip| ip == asked);
    }
    let (pattern, asked) = (bare(pattern), bare(asked));
    match pattern.strip_prefix("*.") {
        Some(parent) => asked.split_once('.').is_some_and(|(label, rest)| {
            !label.is_empty() && parent.contains('.') && rest.eq_ignore_ascii_case(parent)
        }),
        None => pattern.eq_ignore_ascii_case(asked),
    }
}

fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_as_rfc_9525_says() {
        for (pattern, asked, fits) in [
            ("www.tiktok.com", "www.tiktok.com", true),
            ("WWW.TikTok.com", "www.tiktok.com.", true),
            ("*.tiktok.com", "www.tiktok.com", true),
            ("*.tiktok.com", "tiktok.com", false),
            ("*.tiktok.com", "a.b.tiktok.com", false),
            ("*.tiktok.com", ".tiktok.com", false),
            ("*.com", "tiktok.com", false),
            ("*", "tiktok.com", false),
            ("w*.tiktok.com", "www.tiktok.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.2", "10.0.0.1", false),
            ("*.0.0.1", "10.0.0.1", false),
            ("2001:db8::1", "2001:db8:0::1", true),
            ("", "", true),
        ] {
            assert_eq!(covers(pattern, asked), fits, "{pattern} {asked}");
        }
    }

    #[test]
    fn dates_are_rfc_3339_or_numbers() {
        assert_eq!(rfc3339(1_769_904_000), "2026-02-01T00:00:00Z");
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_capture_without_a_clock_tells_no_date() {
        assert_eq!(seconds(Timestamp(0)), None);
        assert_eq!(seconds(Timestamp(-5)), None);
        assert_eq!(
            seconds(Timestamp(1_773_000_000_000_000_000)),
            Some(1_773_000_000)
        );
    }
}
