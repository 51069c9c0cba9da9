//! Connections that do not come about, or break before TLS.

use crate::prelude::*;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tcp.syn-unanswered", "linux-schedule")
            .about("The lookup works; SYNs are resent on the schedule of Linux before 6.5 and nothing comes back.")
            .expect("www.tiktok.com", Expect::broken("tcp", "tcp.syn-unanswered").extra("tries", 5))
            .capture(|net| {
                net.resolve("www.tiktok.com", &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                c.syn();
                c.syn_retransmits(&schedule::LINUX_OLD[..4]);
                net.ping_until(22_000);
            }),
        Case::new("tcp.refused", "closed-port")
            .about("The server answers the SYN with RST and ACK.")
            .expect("www.tiktok.com", Expect::broken("tcp", "tcp.refused").extra("injected", false))
            .capture(|net| {
                net.resolve("www.tiktok.com", &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                c.syn();
                c.refuse();
                net.ping_until(3000);
            }),
        Case::new("tcp.unreachable", "admin-prohibited")
            .about("The gateway answers the SYN with ICMP 3/13.")
            .expect("www.tiktok.com", Expect::broken("tcp", "tcp.unreachable").blame("local-network"))
            .capture(|net| {
                net.resolve("www.tiktok.com", &["23.49.60.10"]);
                let mut c = net.tcp("23.49.60.10");
                c.syn();
                net.wait(1.2);
                c.icmp("192.168.1.1", Icmp::Unreachable(13));
                net.ping_until(3000);
            }),
        Case::new("tcp.lossy", "downstream")
            .about("Every twelfth segment of a download is lost and resent; the client reports it with SACK.")
            .expect("v16-webapp.tiktok.com", Expect::degraded("tcp", "tcp.lossy"))
            .capture(|net| {
                let host = "v16-webapp.tiktok.com";
                net.resolve(host, &["2.16.20.33"]);
                let mut c = net.tcp("2.16.20.33").lose_every(Side::Server, 12);
                let mut s = Session::new(net, Client::new(host), Server::new(Cert::public(host)));
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 400, 200_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}
