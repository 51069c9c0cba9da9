//! Requests by which systems find captive portals (`data/probes.tsv`).

use std::sync::LazyLock;

use super::table;

const TEXT: &str = include_str!("../../data/probes.tsv");

static PROBES: LazyLock<Vec<Probe>> =
    LazyLock::new(|| table::rows(TEXT).filter_map(parse).collect());

/// What an open network answers to a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    host: Option<&'static str>,
    path: Option<&'static str>,
    /// The status code.
    pub status: u16,
    /// What the content begins with, where there is one.
    pub body: Option<&'static str>,
    /// Who asks so.
    pub who: &'static str,
}

impl Probe {
    /// The table lists this very path.
    #[must_use]
    pub fn is_path(&self, path: &str) -> bool {
        self.path == Some(path)
    }

    /// Is this what an open network answers? `body`: the beginning of the content, as far as it was seen.
    #[must_use]
    pub fn is_answer(&self, status: u16, body: &[u8]) -> bool {
        let text = self.body.unwrap_or_default().as_bytes();
        let seen = body.len().min(text.len());
        status == self.status && body[..seen].eq_ignore_ascii_case(&text[..seen])
    }
}

/// The probe that a request for `path` (a query may follow) at `host` is. An entry with the host's own name goes first.
#[must_use]
pub fn portal_probe(host: &str, path: &str) -> Option<&'static Probe> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let fits = |own: bool| {
        PROBES.iter().find(|probe| {
            let named = probe.host.map(|h| h.eq_ignore_ascii_case(host));
            let asked = probe.path.is_none_or(|p| p == path);
            asked
                && if own {
                    named == Some(true)
                } else {
                    named.is_none()
                }
        })
    };
    fits(true).or_else(|| fits(false))
}

/// Is this a host that such requests go to?
#[must_use]
pub fn is_probe_host(name: &str) -> bool {
    let listed = |probe: &Probe| probe.host.is_some_and(|h| h.eq_ignore_ascii_case(name));
    PROBES.iter().any(listed)
}

fn parse(row: [&'static str; 5]) -> Option<Probe> {
    let [host, path, status, body, who] = row;
    let any = |field: &'static str| (field != "*").then_some(field);
    Some(Probe {
        host: any(host),
        path: any(path),
        status: status.parse().ok()?,
        body: table::optional(body),
        who,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_table() {
        table::check::<5>(TEXT);
        assert_eq!(PROBES.len(), table::rows::<5>(TEXT).count());
        assert!(PROBES.iter().all(|p| p.host.is_some() || p.path.is_some()));
    }

    #[test]
    fn test_probes_and_their_answers() {
        let of = |host, path| portal_probe(host, path);
        let android = of("ANY.example", "/generate_204?x=1").unwrap();
        assert!(android.is_answer(204, b""));
        assert!(!android.is_answer(302, b"") && !android.is_answer(200, b"<html>"));
        let apple = of("captive.apple.com", "/hotspot-detect.html").unwrap();
        assert!(apple.is_answer(200, b"<HTML><HEAD><TITLE>Success</TITLE>"));
        assert!(apple.is_answer(200, b""), "nothing of it was seen");
        assert!(!apple.is_answer(200, b"<html><head><title>Login"));
        assert!(of("captive.apple.com", "/anything").is_some());
        assert_eq!(of("www.example.com", "/"), None);
        assert_eq!(of("www.msftconnecttest.com", "/redirect"), None);
    }
}
