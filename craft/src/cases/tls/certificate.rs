//! Certificates that the client refuses, and refusals of which only the outside can be seen.

use super::{HOST, connected, usual, usual12};
use crate::prelude::*;
use crate::tls::record::alert_code;

pub(super) fn cases() -> Vec<Case> {
    let mut all = from_client();
    all.extend(intercepted());
    all.extend(dates());
    all.extend(names());
    all.extend(untrusted());
    all.extend(rejected());
    all
}

/// TLS 1.2 up to the client's alert and its close.
fn refused(net: &Net, cert: Cert, why: Reject) {
    let mut c = connected(net);
    let client = Client::new(HOST).reject(why);
    let mut s = Session::new(net, client, Server::new(cert).tls12());
    c.tls(&mut s);
    c.close(Side::Client);
    net.ping_until(2000);
}

/// TLS 1.2 up to the server's certificate; then the client just closes.
fn left(net: &Net, cert: Cert) {
    let mut c = connected(net);
    let mut s = Session::new(net, Client::new(HOST), Server::new(cert).tls12());
    c.tls_flights(&mut s, 2);
    net.wait(12);
    c.close(Side::Client);
    net.ping_until(2000);
}

/// TLS 1.2 with a request and an orderly end.
fn accepted(net: &Net, cert: Cert) {
    let mut c = connected(net);
    let mut s = Session::new(net, Client::new(HOST), Server::new(cert).tls12());
    c.tls(&mut s);
    c.app(&mut s, 400, 6000);
    c.tls_close(&mut s, Side::Client);
}

fn from_client() -> Vec<Case> {
    let broken = |alert: &str| {
        let e = Expect::broken("tls", "tls.alert-from-client");
        e.blame("device").extra("alert", alert)
    };
    vec![
        Case::new("tls.alert-from-client", "plaintext-unknown-ca-tls13")
            .about("TLS 1.3: the client sends its refusal in the clear.")
            .expect(HOST, broken("unknown_ca"))
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 2);
                c.send(Side::Client, &record::fatal(alert_code::UNKNOWN_CA));
                c.close(Side::Client);
                net.ping_until(2000);
            }),
        Case::new("tls.alert-from-client", "pinned-tls12")
            .about("TLS 1.2 with a certificate of a public CA in order, which the app refuses with certificate_unknown.")
            .expect(HOST, broken("certificate_unknown"))
            .capture(|net| {
                refused(net, Cert::public(HOST), Reject::Pin);
                net.format(Format::PcapNg);
            }),
        Case::new("tls.alert-from-client", "expired-by-the-devices-clock")
            .about("TLS 1.2 with a certificate in date, which the client refuses with certificate_expired.")
            .expect(HOST, broken("certificate_expired"))
            .capture(|net| {
                refused(net, Cert::public(HOST), Reject::Expired);
                net.link(Link::Sll);
            }),
        Case::new("tls.alert-from-client", "near-miss-user-canceled")
            .about("The client cancels in the middle of the handshake: user_canceled, close_notify, FIN.")
            .expect(HOST, Expect::unfinished())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual12(net);
                c.tls_flights(&mut s, 2);
                let bye = [record::warning(90), record::warning(alert_code::CLOSE_NOTIFY)].concat();
                c.send(Side::Client, &bye);
                c.close(Side::Client);
                net.ping_until(2000);
            }),
        Case::new("tls.alert-from-client", "near-miss-after-the-servers")
            .about("The server refuses first; the client's alert only answers it.")
            .expect(HOST, Expect::broken("tls", "tls.alert-from-server").extra("alert", "internal_error"))
            .capture(|net| {
                let mut c = connected(net);
                c.client_data(&ClientHello::new(HOST).record(net));
                c.server_data(&record::fatal(alert_code::INTERNAL_ERROR));
                c.send(Side::Client, &record::fatal(alert_code::HANDSHAKE_FAILURE));
                c.close(Side::Client);
            }),
    ]
}

fn intercepted() -> Vec<Case> {
    let zscaler = || Cert::issued_by(HOST, "Zscaler Intermediate Root CA", "Zscaler Inc.");
    vec![
        Case::new("tls.intercepted", "client-leaves")
            .about("A Zscaler certificate over TLS 1.2; the client closes without an alert.")
            .expect(
                HOST,
                Expect::broken("tls", "tls.intercepted")
                    .blame("interceptor")
                    .extra("product", "Zscaler"),
            )
            .capture(move |net| left(net, zscaler())),
        Case::new("tls.intercepted", "expired-too")
            .about("An expired certificate of a FortiGate is refused with certificate_expired.")
            .expect(HOST, Expect::broken("tls", "tls.intercepted"))
            .capture(|net| {
                let cert = Cert::issued_by(HOST, "FortiGate CA", "Fortinet").expired();
                refused(net, cert, Reject::Expired);
            }),
        Case::new("tls.intercepted", "accepted")
            .about("The client trusts the proxy and everything works.")
            .expect(
                HOST,
                Expect::ok()
                    .finding("tls.intercepted")
                    .extra("product", "Zscaler"),
            )
            .capture(move |net| accepted(net, zscaler())),
        Case::new("tls.intercepted", "near-miss-public-ca")
            .about("TLS 1.2 with a certificate of a public CA; everything works.")
            .expect(HOST, Expect::ok())
            .capture(|net| accepted(net, Cert::public(HOST))),
    ]
}

fn dates() -> Vec<Case> {
    let expired = || Expect::broken("tls", "tls.certificate-expired");
    let early = || Expect::broken("tls", "tls.certificate-not-yet-valid");
    vec![
        Case::new("tls.certificate-expired", "alert")
            .about("The leaf expired six weeks ago; the client sends certificate_expired.")
            .expect(
                HOST,
                expired()
                    .blame("edge")
                    .extra("not_after", "2026-02-01T00:00:00Z"),
            )
            .capture(|net| refused(net, Cert::public(HOST).expired(), Reject::Expired)),
        Case::new("tls.certificate-expired", "client-leaves")
            .about("The leaf expired six weeks ago; the client closes without an alert.")
            .expect(HOST, expired().extra("not_after", "2026-02-01T00:00:00Z"))
            .capture(|net| left(net, Cert::public(HOST).expired())),
        Case::new("tls.certificate-expired", "near-miss-accepted")
            .about("The leaf has expired, and the client does not mind.")
            .expect(HOST, Expect::ok())
            .capture(|net| accepted(net, Cert::public(HOST).expired())),
        Case::new("tls.certificate-not-yet-valid", "alert")
            .about("The leaf becomes valid in eleven weeks; the client sends certificate_expired.")
            .expect(
                HOST,
                early()
                    .blame("device")
                    .extra("not_before", "2026-06-01T00:00:00Z"),
            )
            .capture(|net| refused(net, Cert::public(HOST).not_yet_valid(), Reject::Expired)),
        Case::new("tls.certificate-not-yet-valid", "another-server-is-in-date")
            .about("One server's leaf is not valid yet, another's is: the clock is right.")
            .expect(HOST, early().blame("edge"))
            .expect("v16-webapp.tiktok.com", Expect::ok())
            .capture(|net| {
                let other = "v16-webapp.tiktok.com";
                net.resolve(other, &["2.16.20.33"]);
                let mut c = net.tcp("2.16.20.33");
                let server = Server::new(Cert::public(other)).tls12();
                let mut s = Session::new(net, Client::new(other), server);
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 400, 6000);
                c.tls_close(&mut s, Side::Client);
                refused(net, Cert::public(HOST).not_yet_valid(), Reject::Expired);
            }),
        Case::new("tls.certificate-not-yet-valid", "near-miss-first-day")
            .about("The leaf is valid since the day before; the client refuses it all the same.")
            .expect(
                HOST,
                Expect::broken("tls", "tls.alert-from-client")
                    .extra("alert", "certificate_expired"),
            )
            .capture(|net| {
                let cert = Cert::public(HOST).valid((2026, 3, 13), (2026, 9, 1));
                refused(net, cert, Reject::Expired);
            }),
    ]
}

fn names() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.certificate-name-mismatch");
    let names = ["*.portal.example", "portal.example"];
    vec![
        Case::new("tls.certificate-name-mismatch", "alert")
            .about("The certificate is for other names; the client sends bad_certificate.")
            .expect(HOST, broken().blame("unknown").extra("names", &names[..]))
            .capture(move |net| refused(net, Cert::public(HOST).names(&names), Reject::Name)),
        Case::new("tls.certificate-name-mismatch", "wildcard-too-high")
            .about("*.com does not cover the name, nor does a wildcard two levels up; the client leaves.")
            .expect("a.b.tiktok.com", broken().blame("edge"))
            .capture(|net| {
                let host = "a.b.tiktok.com";
                net.resolve(host, &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                let cert = Cert::public(host).names(&["*.com", "*.tiktok.com"]);
                let mut s = Session::new(net, Client::new(host), Server::new(cert).tls12());
                c.connect();
                c.tls_flights(&mut s, 2);
                c.close(Side::Client);
                net.ping_until(2000);
            }),
        Case::new("tls.certificate-name-mismatch", "near-miss-wildcard")
            .about("A wildcard covers the name; the client refuses for a reason of its own.")
            .expect(HOST, Expect::broken("tls", "tls.alert-from-client").extra("alert", "certificate_unknown"))
            .capture(|net| {
                refused(net, Cert::public(HOST).names(&["*.tiktok.com"]), Reject::Pin);
            }),
    ]
}

fn untrusted() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.certificate-untrusted").blame("interceptor");
    vec![
        Case::new("tls.certificate-untrusted", "self-signed")
            .about("A self-signed certificate is refused with unknown_ca.")
            .expect(HOST, broken())
            .capture(|net| refused(net, Cert::self_signed(HOST), Reject::UnknownCa)),
        Case::new("tls.certificate-untrusted", "unknown-issuer-client-leaves")
            .about("A certificate of a CA that nobody knows; the client closes without an alert.")
            .expect(HOST, broken())
            .capture(|net| {
                left(
                    net,
                    Cert::issued_by(HOST, "Gateway Root", "Example Networks Ltd"),
                );
                net.format(Format::PcapZst);
            }),
        Case::new("tls.certificate-untrusted", "near-miss-accepted")
            .about("A self-signed certificate that the client accepts.")
            .expect(HOST, Expect::ok())
            .capture(|net| accepted(net, Cert::self_signed(HOST))),
    ]
}

fn rejected() -> Vec<Case> {
    let broken = || Expect::broken("tls", "tls.client-rejected").blame("device");
    vec![
        Case::new("tls.client-rejected", "tls13-reset-at-flight")
            .about("TLS 1.3: the client resets 6 ms after the server's flight.")
            .expect(HOST, broken())
            .capture(|net| {
                let mut c = connected(net);
                let mut s = usual(net);
                c.tls_flights(&mut s, 2);
                net.wait(6);
                c.rst(Side::Client);
                net.ping_until(2000);
            }),
        Case::new("tls.client-rejected", "tls12-fin-at-certificate")
            .about("TLS 1.2: the client closes right after a certificate that is in order.")
            .expect(HOST, broken())
            .capture(|net| left(net, Cert::public(HOST))),
        Case::new("tls.client-rejected", "tls12-left-unused")
            .about("TLS 1.2: the client finishes the handshake and closes at once, twice.")
            .expect(HOST, broken())
            .capture(|net| {
                for _ in 0..2 {
                    let mut c = connected(net);
                    let mut s = usual12(net);
                    c.tls(&mut s);
                    net.wait(4);
                    c.tls_close(&mut s, Side::Client);
                    net.wait(300);
                }
                net.ping_until(4000);
            }),
        Case::new("tls.client-rejected", "near-miss-unused-beside-a-sibling")
            .about("Two connections are opened for one page; the second is not needed and closed.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let (mut a, mut first) = {
                    let mut a = connected(net);
                    let mut s = usual12(net);
                    a.tls(&mut s);
                    (a, s)
                };
                let mut b = net.tcp("23.49.60.10");
                let mut second = usual12(net);
                b.connect();
                b.tls(&mut second);
                b.tls_close(&mut second, Side::Client);
                a.app(&mut first, 400, 9000);
                a.tls_close(&mut first, Side::Client);
            }),
        Case::new("tls.client-rejected", "near-miss-close-after-response")
            .about("TLS 1.3: the alert-sized record is the close_notify after a response.")
            .expect(HOST, Expect::ok())
            .capture(|net| net.visit(HOST, "23.49.60.10")),
    ]
}
