//! From when on something is slow: documented defaults, each of them changeable with `--limit NAME=DURATION`.

use std::time::Duration;

/// Limits by cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// `dns.slow`: a name took longer than this to resolve.
    pub dns_slow: Duration,
    /// `tcp.slow-connect`: SYN to SYN-ACK took longer than this.
    pub tcp_slow_connect: Duration,
    /// `tls.slow`: ClientHello to the client's Finished took longer than this.
    pub tls_slow: Duration,
    /// `quic.slow`: first Initial to the server's first 1-RTT packet took longer than this.
    pub quic_slow: Duration,
    /// `http.slow-response`: the first byte of a response came later than this after the request.
    pub http_slow_response: Duration,
    /// `media.stalled`: a transfer stood still in the middle for longer than this.
    pub media_stalled: Duration,
    /// `media.receiver-full`: the client's window stayed closed for longer than this.
    pub media_receiver_full: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            dns_slow: Duration::from_millis(500),
            tcp_slow_connect: Duration::from_secs(1),
            tls_slow: Duration::from_secs(1),
            quic_slow: Duration::from_secs(1),
            http_slow_response: Duration::from_secs(2),
            media_stalled: Duration::from_secs(5),
            media_receiver_full: Duration::from_secs(5),
        }
    }
}

impl Thresholds {
    /// Names that [`Self::set`] takes.
    pub const NAMES: [&'static str; 7] = [
        "dns.slow",
        "tcp.slow-connect",
        "tls.slow",
        "quic.slow",
        "http.slow-response",
        "media.stalled",
        "media.receiver-full",
    ];

    /// Sets one limit from `NAME=DURATION` (`dns.slow=300ms`, `tls.slow=2s`).
    ///
    /// # Errors
    /// One line that says what is wrong and what is taken.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            format!("'{text}' is no limit: write NAME=DURATION, as in dns.slow=300ms")
        })?;
        let value = parse_duration(value).ok_or_else(|| {
            format!("'{value}' is no duration: write a number and ms or s, as in 300ms")
        })?;
        let slot = match name {
            "dns.slow" => &mut self.dns_slow,
            "tcp.slow-connect" => &mut self.tcp_slow_connect,
            "tls.slow" => &mut self.tls_slow,
            "quic.slow" => &mut self.quic_slow,
            "http.slow-response" => &mut self.http_slow_response,
            "media.stalled" => &mut self.media_stalled,
            "media.receiver-full" => &mut self.media_receiver_full,
            _ => {
                return Err(format!(
                    "there is no limit named '{name}'; there are {}",
                    Self::NAMES.join(", ")
                ));
            }
        };
        *slot = value;
        Ok(())
    }
}

/// `300ms`, `2s`, `1.5s`, `1m`.
fn parse_duration(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_name() {
        let mut limits = Thresholds::default();
        limits.set("dns.slow=300ms").unwrap();
        limits.set("tls.slow=1.5s").unwrap();
        assert_eq!(limits.dns_slow, Duration::from_millis(300));
        assert_eq!(limits.tls_slow, Duration::from_millis(1500));
    }

    #[test]
    fn wrong_limits_say_what_is_right() {
        let mut limits = Thresholds::default();
        assert!(
            limits
                .set("dns.slow")
                .unwrap_err()
                .contains("NAME=DURATION")
        );
        assert!(limits.set("dns.slow=fast").unwrap_err().contains("300ms"));
        assert!(limits.set("dns.slow=-1s").is_err());
        assert!(
            limits
                .set("dns.quick=1s")
                .unwrap_err()
                .contains("quic.slow")
        );
    }
}
