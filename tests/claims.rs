//! Every sentence that the verdict and the comparison can say and that no fixture makes them say, each with the evidence for
//! it and, where one observation away lies another truth, with that beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/program.rs"]
mod program;

use program::{crafted, run};
use serde_json::Value;
use shakedown_craft::prelude::*;

const WWW: &str = "www.tiktok.com";
const EDGE: &str = "23.49.60.10";
const SECOND: &str = "23.49.60.11";
const V6: &str = "2600:1408:c400:5::10";
const V6_443: &str = "[2600:1408:c400:5::10]:443";
const HOUR: u64 = 3_600_000;

/// All that the verdict over this says, one sentence a line.
fn said(happen: impl Fn(&Net)) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("a.pcap"), crafted(happen)).expect("written");
    let report = run(dir.path(), &["read", "--format", "json", "a.pcap"]).json();
    let verdict = &report["verdict"];
    let mut lines = vec![
        format!("scope {}", verdict["scope"]),
        format!("blame {}", verdict["blame"]),
    ];
    lines.push(verdict["headline"].to_string());
    for key in ["because", "against", "steps", "left_out", "unblock"] {
        let list = verdict[key].as_array().expect("a list");
        lines.extend(list.iter().map(Value::to_string));
    }
    lines.join("\n")
}

/// All that the comparison says.
fn compared(a: impl Fn(&Net), b: impl Fn(&Net)) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("a.pcap"), crafted(a)).expect("written");
    std::fs::write(dir.path().join("b.pcap"), crafted(b)).expect("written");
    let got = run(
        dir.path(),
        &["compare", "--format", "json", "a.pcap", "b.pcap"],
    )
    .json();
    let mut lines = vec![got["headline"].to_string()];
    for key in ["proofs", "next", "limits"] {
        let list = got[key].as_array().expect("a list");
        lines.extend(list.iter().map(Value::to_string));
    }
    lines.join("\n")
}

#[track_caller]
fn holds(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.contains(sentence), "'{sentence}' is not in\n{text}");
    }
}

#[track_caller]
fn lacks(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(!text.contains(sentence), "'{sentence}' is in\n{text}");
    }
}

fn silent(net: &Net, server: &str) {
    let mut c = net.tcp(server);
    c.syn();
    c.syn_retransmits(&schedule::LINUX_OLD[..3]);
}

/// The ClientHello is dropped four times.
fn hello_lost(net: &Net, ip: &str) {
    let mut c = net.tcp(ip);
    c.connect();
    c.send_lost(Side::Client, &ClientHello::new(WWW).record(net));
    c.retransmit_backoff(Side::Client, 300, 3);
}

/// The ClientHello is acknowledged, and that is all.
fn hello_held(net: &Net, host: &str, ip: &str) {
    net.aside(|net| {
        let mut c = net.tcp(ip);
        c.connect();
        c.client_data(&ClientHello::new(host).record(net));
    });
    net.wait(400);
}

fn mobile(net: &Net) {
    net.at(HOUR);
    net.set_client("100.72.14.9");
    net.set_resolver("8.8.8.8");
}

fn denied(net: &Net) {
    for kind in [rtype::A, rtype::AAAA] {
        net.query(WWW, kind).answer(9, |b| {
            b.rcode(rcode::NXDOMAIN).soa("tiktok.com");
        });
    }
    net.ping_until(net.now() + 4000.0);
}

#[test]
fn another_address_of_the_name_clears_network_and_service() {
    let text = said(|net| {
        net.resolve(WWW, &[EDGE]);
        silent(net, EDGE);
        net.wait(8000);
        net.resolve(WWW, &[SECOND]);
        net.visit_address(WWW, SECOND);
        net.ping_until(30_000);
    });
    holds(
        &text,
        &[
            "scope \"one-server\"",
            "another address of the name worked at that time",
            "Ruled out: the service itself being down: the same name worked at another address",
        ],
    );
    let alone = said(|net| {
        net.resolve(WWW, &[EDGE]);
        silent(net, EDGE);
        net.ping_until(30_000);
    });
    lacks(
        &alone,
        &["one-server", "another address of the name worked"],
    );
}

#[test]
fn a_name_that_passes_elsewhere_is_not_filtered() {
    let text = said(|net| {
        net.resolve(WWW, &[EDGE]);
        hello_lost(net, EDGE);
        net.wait(6000);
        net.resolve(WWW, &[SECOND]);
        net.visit_address(WWW, SECOND);
        net.ping_until(30_000);
    });
    holds(
        &text,
        &["Ruled out: a filter that reads names: the same name worked at another address"],
    );
}

#[test]
fn the_other_family_clears_network_and_service() {
    let text = said(|net| {
        net.resolve(WWW, &[V6]);
        silent(net, V6_443);
        net.wait(8000);
        net.resolve(WWW, &[EDGE]);
        net.visit_address(WWW, EDGE);
        net.ping_until(30_000);
    });
    holds(
        &text,
        &[
            "scope \"one-family\"",
            "over IPv6, while the other address family works",
            "the other address family worked at that time",
            "the same name worked over the other address family",
        ],
    );
}

#[test]
fn the_other_transport_clears_network_and_service() {
    let quic = said(|net| {
        net.resolve(WWW, &[EDGE]);
        net.aside(|net| {
            net.quic(EDGE, quic::Client::new(WWW), quic::Server::silent())
                .run_for(8000);
        });
        net.wait(16_000);
        net.resolve(WWW, &[EDGE]);
        net.visit_address(WWW, EDGE);
        net.ping_until(30_000);
    });
    holds(
        &quic,
        &[
            "over QUIC (UDP), while TCP works",
            "the name was reached over the other transport",
            "the same name worked over the other transport",
        ],
    );
    let tcp = said(|net| {
        net.resolve(WWW, &[EDGE]);
        silent(net, EDGE);
        net.wait(9000);
        net.visit_quic(WWW, EDGE);
        net.ping_until(30_000);
    });
    holds(&tcp, &["over TCP, while QUIC works"]);
}

#[test]
fn a_server_that_holds_every_hello_filters_no_name() {
    let text = said(|net| {
        net.resolve(WWW, &[EDGE]);
        hello_held(net, WWW, EDGE);
        hello_held(net, "shop.example.net", EDGE);
        net.ping_until(14_000);
    });
    holds(
        &text,
        &[
            "blame \"unknown\"",
            "Ruled out: a filter that reads names: other names at the same address fail as well",
        ],
    );
    let alone = said(|net| {
        net.resolve(WWW, &[EDGE]);
        hello_held(net, WWW, EDGE);
        net.ping_until(14_000);
    });
    holds(
        &alone,
        &[
            "Not ruled out: a filter that reads names: no other name was tried",
            "Not ruled out: the server itself: it acknowledged the hello and may simply hang",
        ],
    );
}

#[test]
fn two_resolvers_that_agree_gave_no_wrong_address() {
    let asked = |net: &Net, resolvers: &[&str]| {
        for resolver in resolvers {
            net.query_to(resolver, WWW, rtype::A).answer(12, |b| {
                b.ip(EDGE);
            });
        }
        silent(net, EDGE);
        net.ping_until(24_000);
    };
    let text = said(|net| asked(net, &["1.1.1.1", "8.8.8.8"]));
    holds(
        &text,
        &["Ruled out: a wrong address from the resolver: 2 resolvers gave it"],
    );
    let one = said(|net| asked(net, &["1.1.1.1"]));
    holds(
        &one,
        &["Not ruled out: a wrong address from the resolver: only one resolver was asked"],
    );
}

#[test]
fn a_resolver_that_others_reach_shows_that_queries_get_through() {
    let text = said(|net| {
        net.set_resolver("9.9.9.9");
        let mut a = net.query(WWW, rtype::A);
        net.aside(|net| {
            net.wait(2000);
            a.retry();
            net.wait(3000);
            a.retry();
        });
        net.wait(2500);
        net.aside(|net| {
            net.set_client("192.168.1.40");
            net.query_to("8.8.8.8", WWW, rtype::A).answer(12, |b| {
                b.ip(EDGE);
            });
            net.set_client("192.168.1.23");
        });
        net.ping_until(12_000);
    });
    holds(
        &text,
        &[
            "packets lost on the way to the resolver: another resolver was reached for the same name",
        ],
    );
}

#[test]
fn a_resolver_that_turns_encryption_down_did_answer() {
    let text = said(|net| {
        for _ in 0..2 {
            let mut c = net.tcp("1.1.1.1:853");
            c.connect();
            c.client_data(&ClientHello::new("one.one.one.one").record(net));
            c.server_data(&record::fatal(80));
            c.close(Side::Server);
            net.wait(1000);
        }
        net.ping_until(12_000);
    });
    holds(
        &text,
        &["something with its address answered; whether it was the resolver is not shown"],
    );
}

#[test]
fn unlike_failures_on_both_sides_prove_nothing() {
    let text = compared(
        |net| {
            net.resolve(WWW, &[EDGE]);
            silent(net, EDGE);
            net.ping_until(20_000);
        },
        |net| {
            mobile(net);
            net.resolve(WWW, &[EDGE]);
            let mut c = net.tcp(EDGE);
            c.syn();
            c.refuse();
            net.ping_until(HOUR + 5000);
        },
    );
    holds(&text, &["It fails in both captures, but in different ways"]);
}

#[test]
fn two_resolvers_that_deny_alike_agree() {
    let text = compared(denied, |net| {
        mobile(net);
        denied(net);
    });
    holds(
        &text,
        &[
            "in the same way in both captures",
            "Two different resolvers say the same.",
        ],
    );
    let same = compared(denied, |net| {
        net.at(HOUR);
        denied(net);
    });
    holds(
        &same,
        &["that the captures are of two networks: the device has the address 192.168.1.23 in both"],
    );
    lacks(&same, &["Two different resolvers"]);
}

#[test]
fn the_same_public_resolver_tells_the_way_to_it() {
    let unanswered = |net: &Net| {
        let mut a = net.query(WWW, rtype::A);
        net.wait(2000);
        a.retry();
        net.wait(3000);
        a.retry();
        net.ping_until(14_000);
    };
    let text = compared(unanswered, |net| {
        net.at(HOUR);
        net.set_client("100.72.14.9");
        net.visit(WWW, EDGE);
    });
    holds(
        &text,
        &[
            "The resolver 1.1.1.1 answers in B and not in A",
            "that the resolver was up at both times",
        ],
    );
    let other = compared(unanswered, |net| {
        mobile(net);
        net.visit(WWW, EDGE);
    });
    holds(&other, &["in A its resolver does not answer"]);
}

#[test]
fn a_name_that_works_without_a_lookup_exists() {
    let text = compared(denied, |net| {
        mobile(net);
        net.visit_address(WWW, EDGE);
    });
    holds(
        &text,
        &["B gets through without a visible lookup (cached or encrypted), so the name exists"],
    );
}

#[test]
fn slow_lookups_are_the_resolvers_or_the_networks() {
    let slow = |net: &Net| {
        for kind in [rtype::A, rtype::AAAA] {
            net.query(WWW, kind).answer(1800, |b| {
                if kind == rtype::A {
                    b.ip(EDGE);
                }
            });
        }
        net.visit_address(WWW, EDGE);
    };
    let other = compared(slow, |net| {
        mobile(net);
        net.visit(WWW, EDGE);
    });
    holds(
        &other,
        &["Lookups cost more time in A, which asks another resolver than B."],
    );
    let same = compared(slow, |net| {
        net.at(HOUR);
        net.set_client("100.72.14.9");
        net.visit(WWW, EDGE);
    });
    holds(
        &same,
        &[
            "which asks the same resolver as B",
            "that it was not a passing disturbance, or an empty cache",
        ],
    );
}

#[test]
fn a_server_that_turns_one_side_away_is_not_down() {
    let text = compared(
        |net| {
            net.resolve(WWW, &[EDGE]);
            let mut c = net.tcp(EDGE);
            c.syn();
            c.refuse();
            net.ping_until(5000);
        },
        |net| {
            mobile(net);
            net.visit(WWW, EDGE);
        },
    );
    holds(
        &text,
        &["The same server address serves B and turns A away, so it is not down"],
    );
}

#[test]
fn a_policy_is_told_from_an_outage() {
    let answered = |net: &Net, status| {
        net.resolve(WWW, &[EDGE]);
        let mut c = net.tcp(&format!("{EDGE}:80"));
        c.connect();
        c.client_data(&http::request(WWW, "/", 200));
        net.wait(4);
        c.server_data(&http::response(status, 300));
        c.close(Side::Server);
        net.ping_until(net.now() + 4000.0);
    };
    let text = |status| {
        compared(
            move |net| answered(net, status),
            move |net| {
                mobile(net);
                answered(net, 200);
            },
        )
    };
    holds(&text(403), &["turns A away by a policy. It is up"]);
    holds(
        &text(502),
        &["the server itself answers A with an error and serves B"],
    );
}

#[test]
fn trouble_that_comes_and_goes_is_said_to() {
    let text = compared(
        |net| {
            net.resolve(WWW, &[EDGE]);
            silent(net, EDGE);
            net.at(30_000);
            net.visit("m.tiktok.com", EDGE);
            net.ping_until(34_000);
        },
        |net| {
            mobile(net);
            net.visit(WWW, EDGE);
            net.visit("m.tiktok.com", EDGE);
        },
    );
    holds(&text, &["some connections to it fail and others work"]);
}

#[test]
fn a_slow_way_to_the_same_server_is_more_likely_the_networks() {
    let text = compared(
        |net| {
            net.resolve(WWW, &[EDGE]);
            let mut c = net.tcp(EDGE);
            c.syn();
            c.syn_retransmits(&[1000]);
            net.wait(24);
            c.syn_ack();
            c.ack(Side::Client);
            let mut s = Session::new(net, Client::new(WWW), Server::new(Cert::public(WWW)));
            c.tls(&mut s);
            c.app(&mut s, 400, 2000);
            c.tls_close(&mut s, Side::Client);
        },
        |net| {
            mobile(net);
            net.visit(WWW, EDGE);
        },
    );
    holds(
        &text,
        &[
            "The same server serves B well and A badly",
            "or a busy hour of the server: repeat it",
        ],
    );
}

#[test]
fn each_side_may_be_the_worse_one() {
    let text = compared(
        |net| {
            net.visit(WWW, EDGE);
            net.resolve("m.tiktok.com", &[SECOND]);
            silent(net, SECOND);
            net.ping_until(24_000);
        },
        |net| {
            mobile(net);
            net.visit("m.tiktok.com", SECOND);
            net.resolve(WWW, &[EDGE]);
            silent(net, EDGE);
            net.ping_until(HOUR + 24_000);
        },
    );
    holds(&text, &["1 name is worse in A and 1 is worse in B."]);
}

#[test]
fn captures_of_the_same_time_and_of_nothing_are_told() {
    let empty = |net: &Net| net.visit("www.example.com", "93.184.215.14");
    let text = compared(empty, empty);
    holds(
        &text,
        &[
            "neither capture shows an attempt to reach a name of the target",
            "The captures overlap in time",
        ],
    );
    let b_empty = compared(|net| net.visit(WWW, EDGE), empty);
    holds(
        &b_empty,
        &["B shows no attempt to reach a name of the target"],
    );
}

#[test]
fn families_that_one_side_did_not_use_stay_open() {
    let broken = |net: &Net| {
        net.resolve(WWW, &[EDGE, V6]);
        let mut v6 = net.tcp(V6_443);
        v6.syn();
        v6.syn_retransmits(&[1000, 3000]);
        net.visit_address(WWW, EDGE);
        net.ping_until(12_000);
    };
    let unused = compared(broken, |net| {
        mobile(net);
        net.visit(WWW, EDGE);
    });
    holds(
        &unused,
        &["B did not use IPv6, so whether it is A's IPv6 or the server's can't be told"],
    );
    let other = compared(broken, |net| {
        mobile(net);
        net.resolve(WWW, &["2600:1408:c400:5::11"]);
        net.visit_address(WWW, "[2600:1408:c400:5::11]:443");
    });
    holds(
        &other,
        &["that it is not one server: A and B used different IPv6 addresses"],
    );
}
