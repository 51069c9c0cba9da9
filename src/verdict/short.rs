//! Causes in a few words, for the headline: the full title of a rule says more than one sentence can hold.

/// What the headline says instead of a title that is too long for it, or that would repeat what the headline says before.
pub(super) fn of_cause(cause: &str) -> Option<&'static str> {
    Some(match cause {
        "dns.encrypted-failed" => "the encrypted connection to the DNS resolver fails",
        "dns.injected" => "somebody on the way forged the answer to the lookup",
        "dns.sinkhole" => "the lookup gave an address that can't be the service's",
        "dns.truncated-stuck" => {
            "the DNS answer was too long for UDP, and asking again over TCP failed"
        }
        "dns.unanswered" => "no DNS resolver answered the lookup",
        "dns.unreachable" => "the lookup could not be delivered to the DNS resolver (ICMP)",
        "tcp.refused" => "the TCP connection was refused (RST)",
        "tcp.reset-after-connect" => "the TCP connection was reset right after it was accepted",
        "tcp.unreachable" => "a router or firewall says that there is no way to the server (ICMP)",
        "tls.alert-from-client" => "the device refused the TLS handshake with an alert",
        "tls.alert-from-server" => "the server refused the TLS handshake with an alert",
        "tls.certificate-name-mismatch" => "the server's certificate is for other names",
        "tls.certificate-untrusted" => "the device trusts nobody who signed the certificate",
        "tls.client-rejected" => "the device broke off the TLS handshake without saying why",
        "tls.client-silent" => "the device fell silent in the middle of the TLS handshake",
        "tls.closed-after-hello" => {
            "the server closed the connection right after the TLS greeting (ClientHello)"
        }
        "tls.hello-unanswered" => "the TLS greeting (ClientHello) got no answer",
        "tls.intercepted" => "the certificate is of a product that reads TLS traffic",
        "tls.large-hello-dropped" => {
            "the TLS greeting (ClientHello) takes several packets, and not all got through"
        }
        "tls.reset-after-hello" => {
            "the connection was reset right after the TLS greeting (ClientHello)"
        }
        "tls.server-rejected" => "the server turned the device away right after the TLS handshake",
        "tls.stalled" => "the server's part of the TLS handshake did not arrive in full",
        "quic.stateless-reset" => "the server no longer knew the QUIC connection",
        "quic.retry-unanswered" => {
            "the server asked for a proof of address (Retry), then fell silent"
        }
        "quic.unreachable" => "the QUIC connection request could not be delivered (ICMP)",
        "http.captive-portal" => "the network wants a login first (captive portal)",
        "media.receiver-full" => "the device stopped taking data",
        "media.throttled" => "the transfer sits on a flat ceiling, while others are faster",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::of_cause;
    use crate::diagnose::rules;

    #[test]
    fn test_short_forms_are_shorter_and_of_causes_that_exist() {
        let short = |rule: &&crate::diagnose::Rule| of_cause(rule.id).is_some();
        assert_eq!(rules::all().filter(|r| short(r)).count(), 28);
        for rule in rules::all() {
            let said = of_cause(rule.id).unwrap_or_else(|| rule.title());
            assert!(said.chars().count() <= 85, "{}: {said}", rule.id);
            assert!(!said.ends_with('.') || said == rule.title(), "{said}");
        }
    }
}
