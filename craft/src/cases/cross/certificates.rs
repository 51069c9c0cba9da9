//! Somebody who opens connections on the way, against a server with a bad certificate of its own.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    [opened(), of_one_server(), dates(), names()]
        .into_iter()
        .flatten()
        .collect()
}

/// TLS 1.2 up to the client's alert over this certificate.
fn refused(net: &Net, host: &str, ip: &str, cert: Cert, why: Reject) {
    net.resolve(host, &[ip]);
    let mut c = net.tcp(ip);
    let mut s = Session::new(
        net,
        Client::new(host).reject(why),
        Server::new(cert).tls12(),
    );
    c.connect();
    c.tls(&mut s);
    c.close(Side::Client);
    net.wait(300);
}

fn untrusted() -> Expect {
    Expect::broken("tls", "tls.certificate-untrusted")
}

fn filter(host: &str) -> Cert {
    Cert::issued_by(host, "Gateway Authority", "Example School")
}

fn opened() -> Vec<Case> {
    vec![
        Case::new("cross", "intercepted-whatever-the-service")
            .about("Every server shows a certificate of one authority that the device does not trust: something opens all connections.")
            .args(&["--all"])
            .expect(WWW, untrusted().blame("interceptor"))
            .expect(V16, untrusted().blame("interceptor"))
            .expect(OTHER.0, untrusted().blame("interceptor"))
            .verdict(&broken("everything", "interceptor"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2), OTHER] {
                    refused(net, host, ip, filter(host), Reject::UnknownCa);
                }
                net.ping_until(4000);
            }),
        Case::new("cross", "intercepted-the-service-alone")
            .about("The names of the service show certificates of one untrusted authority; other services work.")
            .expect(WWW, untrusted().blame("interceptor"))
            .expect(V16, untrusted().blame("interceptor"))
            .verdict(&broken("service", "interceptor"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2)] {
                    refused(net, host, ip, filter(host), Reject::UnknownCa);
                }
                quick(net, OTHER);
                net.ping_until(4000);
            }),
        Case::new("cross", "one-name-of-an-untrusted-authority")
            .about("One name shows a certificate of an untrusted authority, another works elsewhere: a filter that opens that name, or the server's own.")
            .expect(WWW, untrusted().blame("interceptor"))
            .expect(V16, Expect::ok())
            .verdict(&broken("unknown", "interceptor"))
            .capture(|net| {
                refused(net, WWW, EDGE1, filter(WWW), Reject::UnknownCa);
                quick(net, (V16, EDGE2));
                net.ping_until(4000);
            }),
    ]
}

fn of_one_server() -> Vec<Case> {
    vec![
        Case::new("cross", "one-server-signed-by-itself")
            .about("One server shows a certificate for the right name that it signed itself; other names work at other addresses.")
            .expect(WWW, untrusted().blame("edge"))
            .expect(V16, Expect::ok())
            .verdict(&broken("unknown", "edge"))
            .capture(|net| {
                refused(net, WWW, EDGE1, Cert::self_signed(WWW), Reject::UnknownCa);
                quick(net, (V16, EDGE2));
                net.ping_until(4000);
            }),
        Case::new("cross", "one-server-signed-by-itself-for-two-names")
            .about("One server shows certificates for two names that it signed itself; a third name works at another.")
            .expect(WWW, untrusted().blame("edge"))
            .expect(MOBILE, untrusted().blame("edge"))
            .expect(V16, Expect::ok())
            .verdict(&broken("one-server", "edge"))
            .capture(|net| {
                for host in [WWW, MOBILE] {
                    refused(net, host, EDGE1, Cert::self_signed(host), Reject::UnknownCa);
                }
                quick(net, (V16, EDGE2));
                net.ping_until(4000);
            }),
    ]
}

fn dates() -> Vec<Case> {
    let expired = || Expect::broken("tls", "tls.certificate-expired");
    vec![
        Case::new("cross", "all-servers-out-of-date")
            .about("The device's clock is a year ahead: the certificates of three servers are out of date.")
            .expect(WWW, expired().blame("device"))
            .expect(V16, expired().blame("device"))
            .expect(API, expired().blame("device"))
            .verdict(&[("outcome", "broken"), ("blame", "device")].map(|(k, v)| (k, v.to_owned())))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (V16, EDGE2), (API, "71.18.1.11")] {
                    refused(net, host, ip, Cert::public(host).expired(), Reject::Expired);
                }
                net.ping_until(4000);
            }),
    ]
}

fn names() -> Vec<Case> {
    let other = || Expect::broken("tls", "tls.certificate-name-mismatch");
    vec![
        Case::new("cross", "certificate-of-a-sister-name")
            .about("A public authority issued the certificate for other names of the same site: the service's own server, set up wrong.")
            .expect(WWW, other().blame("edge"))
            .expect(V16, Expect::ok())
            .verdict(&broken("unknown", "edge"))
            .capture(|net| {
                let cert = Cert::public(WWW).names(&["ads.tiktok.com", "seller.tiktok.com"]);
                refused(net, WWW, EDGE1, cert, Reject::Name);
                quick(net, (V16, EDGE2));
                net.ping_until(4000);
            }),
        Case::new("cross", "certificate-of-a-stranger")
            .about("A public authority issued the certificate for a stranger, while another name works: no login page, but who it is stays open.")
            .expect(WWW, other().blame("unknown"))
            .expect(V16, Expect::ok())
            .verdict(&broken("unknown", "unknown"))
            .capture(|net| {
                let cert = Cert::public(WWW).names(&["hosting.example", "*.hosting.example"]);
                refused(net, WWW, EDGE1, cert, Reject::Name);
                quick(net, (V16, EDGE2));
                net.ping_until(4000);
            }),
    ]
}
