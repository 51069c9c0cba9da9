//! What the service itself says: an outage for everybody, or this device turned away.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    [statuses(), held()].into_iter().flatten().collect()
}

/// A request in the clear, and the status it gets.
fn asked(net: &Net, host: &str, ip: &str, status: u16) {
    net.resolve(host, &[ip]);
    let mut c = net.tcp(&format!("{ip}:80"));
    c.connect();
    c.client_data(&http::request(host, "/passport/login", 300));
    net.wait(6);
    c.server_data(&http::response(status, 120));
    c.close(Side::Server);
    net.wait(200);
}

fn status(status: i64) -> Expect {
    Expect::broken("http", "http.error-status")
        .blame("service")
        .extra("status", status)
}

fn statuses() -> Vec<Case> {
    vec![
        Case::new("cross", "outage-said-by-all-names")
            .about("Three names of the service answer with status 503, other services work.")
            .expect(WWW, status(503))
            .expect(API, status(503))
            .expect(V16, status(503))
            .verdict(&broken("service", "service"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (API, "71.18.1.11"), (V16, EDGE2)] {
                    asked(net, host, ip, 503);
                }
                quick(net, OTHER);
                net.ping_until(5000);
            }),
        Case::new("cross", "outage-of-one-name")
            .about("One name answers with status 502, another name of the service works meanwhile.")
            .expect(API, status(502))
            .expect(WWW, Expect::ok())
            .verdict(&[("outcome", "broken"), ("blame", "service")].map(|(k, v)| (k, v.to_owned())))
            .capture(|net| {
                net.aside(|net| asked(net, API, "71.18.1.11", 502));
                quick(net, (WWW, EDGE1));
                net.ping_until(5000);
            }),
        Case::new("cross", "limited-not-down")
            .about("Two names answer this device with status 429: a limit, no outage.")
            .expect(WWW, status(429))
            .expect(API, status(429))
            .verdict(&broken("service", "service"))
            .capture(|net| {
                for (host, ip) in [(WWW, EDGE1), (API, "71.18.1.11")] {
                    asked(net, host, ip, 429);
                }
                quick(net, OTHER);
                net.ping_until(5000);
            }),
    ]
}

/// The hello is acknowledged, by whom is a matter of how soon, and then nothing comes.
fn acknowledged(net: &Net, host: &str, ip: &str, soon: bool) {
    net.aside(|net| {
        net.resolve(host, &[ip]);
        let mut c = net.tcp(ip);
        c.connect();
        let hello = ClientHello::new(host).record(net);
        if soon {
            c.send(Side::Client, &hello);
            net.wait(1);
            let mut ack = Seg::new(flag::ACK);
            ack.ack = Some(c.seq(Side::Client));
            c.raw_segment(Side::Server, ack);
        } else {
            c.client_data(&hello);
        }
    });
    net.wait(500);
}

fn held() -> Vec<Case> {
    let silent = || Expect::broken("tls", "tls.hello-unanswered").extra("acked", true);
    vec![
        Case::new("cross", "all-servers-take-the-hello-and-hang")
            .about("Two servers acknowledge the ClientHello a round trip later and say nothing, while other services work: an outage or a box in their place.")
            .expect(WWW, silent().blame("unknown"))
            .expect(V16, silent().blame("unknown"))
            .verdict(&broken("service", "unknown"))
            .capture(|net| {
                acknowledged(net, WWW, EDGE1, false);
                acknowledged(net, V16, EDGE2, false);
                quick(net, OTHER);
                net.ping_until(12_000);
            }),
        Case::new("cross", "something-near-takes-the-hello")
            .about("The ClientHello to two servers is acknowledged a millisecond later, long before they can have got it.")
            .expect(WWW, silent().blame("interceptor"))
            .expect(V16, silent().blame("interceptor"))
            .verdict(&broken("service", "interceptor"))
            .capture(|net| {
                acknowledged(net, WWW, EDGE1, true);
                acknowledged(net, V16, EDGE2, true);
                quick(net, OTHER);
                net.ping_until(12_000);
            }),
    ]
}
