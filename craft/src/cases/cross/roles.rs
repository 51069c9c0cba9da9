//! Hosts that an app can do without, and one that it waits for all the same.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    vec![telemetry(), waited_for(), needed_too()]
}

fn sinkhole() -> Expect {
    Expect::broken("dns", "dns.sinkhole").blame("resolver")
}

fn log_blocked(net: &Net) {
    net.set_resolver("192.168.1.2");
    net.resolve(LOG, &["0.0.0.0", "::"]);
}

fn telemetry() -> Case {
    Case::new("cross", "telemetry-blocked")
        .about("A blocklist answers 0.0.0.0 for a log host; all that the app needs works.")
        .expect(WWW, Expect::ok())
        .expect(V16, Expect::ok())
        .expect(LOG, sinkhole())
        .verdict(
            &[
                ("outcome", "degraded"),
                ("scope", "one-name"),
                ("blame", "resolver"),
            ]
            .map(|(k, v)| (k, v.to_owned())),
        )
        .capture(|net| {
            net.visit(WWW, EDGE1);
            log_blocked(net);
            net.wait(100);
            net.visit(V16, EDGE2);
            net.ping_until(4000);
        })
}

fn waited_for() -> Case {
    Case::new("cross", "log-host-that-login-waits-for")
        .about(
            "The app asks for a blocked log host again and again, and does nothing else meanwhile.",
        )
        .expect(API, Expect::ok())
        .expect(LOG, sinkhole())
        .expect(LOG, sinkhole())
        .expect(LOG, sinkhole())
        .verdict(&[("outcome", "degraded"), ("blame", "resolver")].map(|(k, v)| (k, v.to_owned())))
        .capture(|net| {
            net.set_resolver("192.168.1.2");
            net.visit(API, EDGE1);
            for _ in 0..3 {
                log_blocked(net);
                net.wait(12_000);
            }
            net.ping_until(40_000);
        })
}

fn needed_too() -> Case {
    Case::new("cross", "telemetry-and-api-blocked")
        .about("A blocklist answers 0.0.0.0 for a log host, twice, and for the API: it is the API that counts.")
        .expect(API, sinkhole())
        .expect(LOG, sinkhole())
        .expect(LOG, sinkhole())
        .expect(IMAGE, Expect::ok())
        .verdict(&broken("one-name", "resolver"))
        .capture(|net| {
            log_blocked(net);
            net.wait(1000);
            net.resolve(API, &["0.0.0.0", "::"]);
            net.wait(500);
            net.visit(IMAGE, EDGE2);
            net.wait(12_000);
            log_blocked(net);
            net.ping_until(17_000);
        })
}
