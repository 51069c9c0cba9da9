//! A capture taken at the router: what other devices of the network get meanwhile.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    vec![reached(), reached_elsewhere(), alike(), alone()]
}

const PHONE: &str = "192.168.1.42";
const OWN: &str = "192.168.1.23";

fn syn() -> Expect {
    Expect::broken("tcp", "tcp.syn-unanswered")
}

/// The other device visits a name; then the first one goes on.
fn phone(net: &Net, host: &str, ip: &str) {
    net.aside(|net| {
        net.set_client(PHONE);
        net.visit(host, ip);
        net.set_client(OWN);
    });
    net.wait(700);
}

fn reached() -> Case {
    Case::new("cross", "another-device-reaches-it")
        .about("Taken at the router: the tablet's SYNs to a server get no answer, the phone reaches the same name there meanwhile.")
        .expect(WWW, syn())
        .expect(WWW, Expect::ok())
        .verdict(&[("outcome", "broken"), ("blame", "device")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            dead(net, WWW, EDGE1);
            phone(net, WWW, EDGE1);
            net.ping_until(14_000);
        })
}

fn reached_elsewhere() -> Case {
    Case::new("cross", "another-device-reaches-it-elsewhere")
        .about("The same, but the phone reaches the name at another address: that says nothing about the tablet.")
        .expect(WWW, syn())
        .expect(WWW, Expect::ok())
        .verdict(&[("outcome", "broken"), ("blame", "path")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            dead(net, WWW, EDGE1);
            phone(net, WWW, EDGE2);
            net.ping_until(14_000);
        })
}

fn alike() -> Case {
    Case::new("cross", "two-devices-fail-alike")
        .about("Taken at the router: two devices get no answer from one server, and reach another one.")
        .expect(WWW, syn())
        .expect(V16, Expect::ok())
        .expect(WWW, syn())
        .expect(V16, Expect::ok())
        .verdict(&broken("one-server", "edge"))
        .capture(|net| {
            dead(net, WWW, EDGE1);
            net.set_client(PHONE);
            dead(net, WWW, EDGE1);
            net.set_client(OWN);
            beside(net, (V16, EDGE2));
            phone(net, V16, EDGE2);
            net.ping_until(14_000);
        })
}

fn alone() -> Case {
    Case::new("cross", "only-this-device-is-cut-off")
        .about("Taken at the router: nothing answers the tablet, whatever the service; the phone beside it works all the time.")
        .expect(WWW, syn())
        .expect(V16, syn())
        .expect(API, Expect::ok())
        .verdict(&broken("everything", "device"))
        .capture(|net| {
            net.resolve(WWW, &[EDGE1]);
            net.resolve(V16, &[EDGE2]);
            net.wait(300);
            for ip in [EDGE1, EDGE2, OTHER.1, NEWS.1] {
                net.aside(|net| no_answer(net, ip));
                net.wait(200);
            }
            phone(net, API, "71.18.1.11");
            net.wait(8000);
            net.query(NEWS.0, rtype::A);
        })
}
