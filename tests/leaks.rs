//! Nothing of what is planted into captures of many kinds comes out of the redaction: not in the packets, not in the
//! reports made of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in helpers too: a test stops at a surprise

#[path = "support/leaks.rs"]
mod leaks;

use leaks::{Marker, search};
use shakedown::bundle::{self, Privacy, Refused, Request, pack};
use shakedown::diagnose::Thresholds;
use shakedown::engine::{Engine, Limits};
use shakedown::redact::Plan;
use shakedown::report::pcapng::Writer;
use shakedown::report::text::Style;
use shakedown::report::ticket::Audience;
use shakedown::report::{json, markdown, text};
use shakedown::source::{self, Source};
use shakedown::target::Target;
use shakedown_craft::packet;
use shakedown_craft::prelude::*;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const CLIENT4: &str = "84.155.77.201";
const CLIENT6: &str = "2a02:8109:9a40:1b2c:3e22:fbff:fe0a:1723";
const LAN: &str = "192.168.113.77";
/// An off-target server.
const OTHER: &str = "45.83.221.14";
const MAC: [u8; 6] = [0x3c, 0x22, 0xfb, 0x0a, 0x17, 0x23];
const WWW: &str = "www.tiktok.com";
const SERVER: &str = "23.49.60.10";
const SECRET: &str = "zirkonlampe";
const HOST: &str = "geheim.zirkonlampe.com";
const COOKIE: &str = "Kek5-Wert_9x7";
const DEVICE: &str = "Annas-Telefon";
const AGENT: &str = "Unikat/77.12";

fn markers() -> Vec<Marker> {
    vec![
        Marker::V4(CLIENT4.parse().unwrap()),
        Marker::V4(LAN.parse().unwrap()),
        Marker::V4(OTHER.parse().unwrap()),
        Marker::V6(CLIENT6.parse().unwrap()),
        Marker::Mac(MAC),
        Marker::Text(SECRET),
        Marker::Text(COOKIE),
        Marker::Text(DEVICE),
        Marker::Text(AGENT),
    ]
}

/// The redacted capture and the reports made of it, as files.
fn outputs(path: &Path, target: &Target) -> Vec<(&'static str, Vec<u8>)> {
    let open = || source::open(&[path.to_owned()]).expect("the capture");
    let mut plan = Plan::new(target, [7; 32]);
    let mut captures = open();
    while let Some(frame) = captures.next_frame() {
        plan.frame(&frame);
    }
    let mut redacted = plan.finish().over(open());
    let mut engine = Engine::new(target.clone(), Limits::default());
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = redacted.next_frame() {
        engine.handle_frame(&frame);
        writer.packet(&frame, "").unwrap();
        frames.extend_from_slice(frame.data);
    }
    engine.finish();
    let infos = redacted.captures();
    let report = engine.snapshot(&infos, Thresholds::default());
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    json::write(&report, &mut a).unwrap();
    markdown::write(&report, &mut b).unwrap();
    let style = Style {
        color: false,
        quiet: false,
        verbose: true,
    };
    text::write(&report, style, &mut c).unwrap();
    let mut files = vec![
        ("report.json", a),
        ("report.md", b),
        ("report.txt", c),
        ("evidence.pcapng", writer_bytes(writer)),
        ("captures", format!("{infos:?}").into_bytes()),
    ];
    files.extend(bundled(path, target));
    files
}

/// The files of the bundle, as `report` writes them.
fn bundled(path: &Path, target: &Target) -> Vec<(&'static str, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let names = [path.display().to_string()];
    let request = Request {
        open: &|| {
            let source = source::open(&[path.to_owned()]).map_err(|e| e.to_string())?;
            Ok(Box::new(source) as Box<dyn Source>)
        },
        privacy: Privacy::Redacted([7; 32]),
        target: target.clone(),
        limits: Limits::default(),
        thresholds: Thresholds::default(),
        drop: &[],
        only: &[],
        names: &names,
        stop: &stop,
        scratch: dir.path(),
        progress: &|_| (),
        audience: Some(Audience::Developer),
        max_chars: None,
        answers: Vec::new(),
        tried: Vec::new(),
        originals: Box::new(|| Ok(vec![pack::hash(path, names[0].clone(), &stop)?])),
    };
    let bundle = match bundle::make(request) {
        Ok(bundle) => bundle,
        Err(Refused::Unproven(why)) => return vec![("refusal", why.into_bytes())],
        Err(error) => panic!("{error}"),
    };
    let folder = path.parent().unwrap().display().to_string();
    let clean =
        |f: &bundle::BundleFile| f.data.windows(folder.len()).all(|w| w != folder.as_bytes());
    assert!(
        bundle.files.iter().all(clean),
        "where the capture lay is in a file"
    );
    let zip = dir.path().join("t.zip");
    pack::write(&zip, &bundle.files, false, &stop).unwrap();
    let mut files: Vec<_> = bundle.files.into_iter().map(|f| (f.name, f.data)).collect();
    files.push(("ticket.zip", std::fs::read(zip).unwrap()));
    files
}

fn writer_bytes(writer: Writer<Vec<u8>>) -> Vec<u8> {
    writer.finish().unwrap()
}

/// Plants, checks that the searcher finds the plants in the original, and that it finds none afterwards. Says what was
/// found in the original.
fn check(name: &str, plant: impl Fn(&Net)) -> Vec<String> {
    let net = Net::new(name);
    net.set_client(CLIENT4);
    net.set_client(CLIENT6);
    plant(&net);
    check_net(name, &net)
}

fn check_net(name: &str, net: &Net) -> Vec<String> {
    let (file, bytes) = net.file();
    check_file(name, file, &bytes)
}

fn check_file(name: &str, file: &str, bytes: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
    let planted = search("original", bytes, &markers());
    assert!(!planted.is_empty(), "{name}: nothing was planted");
    let mut target = Target::tiktok();
    for all in [false, true] {
        target.set_all(all);
        let mut markers = markers();
        if all {
            // Where everything is the target, names and servers are.
            markers.retain(|m| !matches!(m, Marker::Text(SECRET)));
            markers.retain(|m| !matches!(m, Marker::V4(ip) if ip.to_string() == OTHER));
        }
        for (output, bytes) in outputs(&path, &target) {
            let found = search(output, &bytes, &markers);
            assert!(found.is_empty(), "{name}, all {all}: {found:#?}");
        }
    }
    planted
}

#[test]
fn the_searcher_finds_what_is_there() {
    let client: std::net::Ipv4Addr = CLIENT4.parse().unwrap();
    let six: std::net::Ipv6Addr = CLIENT6.parse().unwrap();
    let wide: Vec<u8> = DEVICE.bytes().flat_map(|b| [b, 0]).collect();
    let cases: [Vec<u8>; 14] = [
        b"a ZIRKONLAMPE b".to_vec(),
        wide,
        b"7A69726b6f6e6c616d7065".to_vec(),
        b"%7a%69%72%6b%6f%6e%6c%61%6d%70%65".to_vec(),
        b"emlya29ubGFtcGU=".to_vec(),
        b"AHppcmtvbmxhbXBl".to_vec(),
        b"xx201.77.155.84.in-addr.arpa".to_vec(),
        b"\x03201\x0277\x03155\x0284".to_vec(),
        client.octets().to_vec(),
        u32::from(client).to_string().into_bytes(),
        six.octets().to_vec(),
        b"2A02:8109:9a40:1b2c:3e22:fbff:fe0a:1723".to_vec(),
        b"3c-22-FB-0a-17-23".to_vec(),
        vec![0x3e, 0x22, 0xfb, 0xff, 0xfe, 0x0a, 0x17, 0x23],
    ];
    for case in cases {
        assert!(!search("case", &case, &markers()).is_empty(), "{case:?}");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(&case).unwrap();
        let packed = gz.finish().unwrap();
        assert!(
            !search("case", &packed, &markers()).is_empty(),
            "{case:?} in gzip"
        );
    }
    assert!(search("case", b"nothing of all that 192.0.2.1", &markers()).is_empty());
}

#[test]
fn dns() {
    check("leaks dns", |net| {
        net.resolve(HOST, &[OTHER]);
        net.resolve(WWW, &[SERVER]);
        net.query("201.77.155.84.in-addr.arpa", 12).answer(9, |a| {
            a.rr(12, &shakedown_craft::dns::name(HOST));
        });
        net.query(WWW, rtype::A).answer(9, |a| {
            a.cname(HOST).a(SERVER);
            a.rr(16, &[&[11][..], SECRET.as_bytes()].concat());
            a.ede(15, "blocked for Annas-Telefon");
        });
        net.query(HOST, rtype::HTTPS).answer(8, |a| {
            a.https(&[svc::alpn(&["h2"]), svc::ipv4hint(&[OTHER])]);
            a.soa("zirkonlampe.com");
        });
        net.query("www.tiktok.com.zirkonlampe.com", rtype::A)
            .answer(8, |a| _ = a.rcode(rcode::NXDOMAIN).soa("zirkonlampe.com"));
        // A query with client subnet, cookie and padding in EDNS.
        let mut query = shakedown_craft::dns::query_message(77, HOST, 1);
        let client: std::net::Ipv4Addr = CLIENT4.parse().unwrap();
        let subnet = [&[0, 8, 0, 8, 0, 1, 32, 0][..], &client.octets()].concat();
        let cookie = [&[0, 10, 0, 8][..], &COOKIE.as_bytes()[..8]].concat();
        let options = [subnet, cookie].concat();
        let additional = u16::from_be_bytes([query[10], query[11]]) + 1;
        query[10..12].copy_from_slice(&additional.to_be_bytes());
        query.extend([0, 0, 41, 4, 0, 0, 0, 0, 0, 0, options.len() as u8]);
        query.extend(options);
        net.udp("1.1.1.1:53").send(Side::Client, &query);
    });
}

#[test]
fn dns_over_tcp_and_in_fragments() {
    check("leaks dns tcp", |net| {
        let query = net.query(HOST, rtype::A);
        let (ask, reply) = query.over_tcp(|a| _ = a.cname("x.zirkonlampe.com").a(OTHER));
        let mut tcp = net.tcp("1.1.1.1:53");
        tcp.connect();
        tcp.client_data(&ask[..7]);
        tcp.client_data(&ask[7..]);
        tcp.server_data(&reply);
        tcp.close(Side::Client);
        net.fragment_over(Some(400));
        net.query(HOST, 16).answer(9, |a| {
            for _ in 0..12 {
                a.rr(16, &[&[60][..], SECRET.repeat(6).as_bytes()].concat()[..61]);
            }
        });
        net.query(WWW, rtype::A).answer(9, |a| {
            for _ in 0..12 {
                a.rr(16, &[&[60][..], SECRET.repeat(6).as_bytes()].concat()[..61]);
            }
            a.a(SERVER);
        });
    });
}

#[test]
fn tls() {
    check("leaks tls", |net| {
        let (mut tcp, mut session) = net.https(HOST, OTHER);
        tcp.app(&mut session, 300, 900);
        tcp.tls_close(&mut session, Side::Client);
        let (mut tcp, mut session) = net.https(WWW, SERVER);
        tcp.app(&mut session, 300, 900);
        // A hello over several segments, out of order, and sent again.
        let mut tcp = net.tcp(OTHER).segment_size(Side::Client, 60);
        tcp.connect();
        let hello = ClientHello::new(HOST).pq().record(net);
        tcp.send_reversed(Side::Client, &hello);
        tcp.retransmit(Side::Client);
        // One in the middle of a capture.
        let mut tcp = net.tcp(SERVER);
        net.hidden(|_| tcp.connect());
        tcp.client_data(&ClientHello::new(HOST).record(net));
    });
}

#[test]
fn certificates() {
    check("leaks certificates", |net| {
        for cert in [
            Cert::self_signed(HOST),
            Cert::issued_by(HOST, "Zirkonlampe Root 77", "Zirkonlampe GmbH"),
            Cert::public(HOST),
        ] {
            let mut tcp = net.tcp(SERVER);
            tcp.connect();
            let client = Client::new(WWW).tls12();
            let mut session = Session::new(net, client, Server::new(cert).tls12());
            tcp.tls(&mut session);
        }
        net.resolve(HOST, &[OTHER]);
    });
}

#[test]
fn http_in_the_clear() {
    check("leaks http", |net| {
        let agent = format!("User-Agent: {AGENT}\r\nCookie: id={COOKIE}\r\nX-{DEVICE}: 1\r\n");
        for (host, server) in [(WWW, SERVER), (HOST, OTHER)] {
            let mut tcp = net.tcp(&format!("{server}:80"));
            tcp.connect();
            let path = format!("http://{HOST}/{COOKIE}?d={DEVICE}");
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{agent}\r\n");
            tcp.client_data(request.as_bytes());
            let to = format!("http://portal.{SECRET}.com/login?mac=3c:22:fb:0a:17:23&ip={CLIENT4}");
            let set = format!("id={COOKIE}");
            let fields = [
                ("Location", to.as_str()),
                ("Set-Cookie", &set),
                ("Server", DEVICE),
            ];
            let page = format!("<html>{DEVICE} {CLIENT4}</html>");
            let reply = shakedown_craft::http::response_with(302, &fields, page.as_bytes());
            tcp.server_data(&reply);
        }
        // A head that never ends, one after it, and a proxy.
        let mut tcp = net.tcp(&format!("{SERVER}:80"));
        tcp.connect();
        tcp.client_data(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{agent}").as_bytes());
        let mut tcp = net.tcp("192.168.113.77:3128");
        tcp.connect();
        let connect =
            format!("CONNECT {HOST}:443 HTTP/1.1\r\nProxy-Authorization: {COOKIE}\r\n\r\n");
        tcp.client_data(connect.as_bytes());
        tcp.server_data(format!("HTTP/1.1 407 {DEVICE}\r\nX: {COOKIE}\r\n\r\n{COOKIE}").as_bytes());
        // Something else on the same port.
        let mut tcp = net.tcp(SERVER);
        tcp.connect();
        tcp.client_data(&ClientHello::new(WWW).record(net));
        tcp.server_data(format!("220 {DEVICE} {CLIENT4}").as_bytes());
    });
}

#[test]
fn quic() {
    let planted = check("leaks quic", |net| {
        for version in [Version::V1, Version::V2] {
            let mut udp = net.udp(OTHER);
            let (dcid, scid) = (net.random(8), net.random(5));
            let hello = ClientHello::quic(HOST, &scid).pq().message(net);
            let (first, second) = hello.split_at(700);
            let token = COOKIE.as_bytes();
            let one = Initial::client(version, &dcid, &scid)
                .token(token)
                .crypto(700, second);
            let two = Initial::client(version, &dcid, &scid)
                .number(1)
                .crypto(0, first);
            udp.send(Side::Client, &one.seal());
            udp.send(Side::Client, &two.seal());
            let close = Initial::server(version, &scid, &dcid, &dcid).close(0x128, DEVICE);
            udp.send(Side::Server, &close.seal());
            let noise = [&[0x41][..], &scid, COOKIE.as_bytes(), &[7; 40]].concat();
            udp.send(Side::Server, &noise);
            // A hello that never becomes whole.
            let mut udp = net.udp(SERVER);
            let dcid = net.random(8);
            let half = Initial::client(version, &dcid, &scid).crypto(0, &hello[..hello.len() - 9]);
            udp.send(Side::Client, &half.seal());
        }
    });
    let inside = |form: &String| form.contains("QUIC Initial: zirkonlampe");
    assert!(planted.iter().any(inside), "{planted:#?}");
    check("leaks quic whole", |net| {
        net.visit_quic(HOST, OTHER);
        net.visit_quic(WWW, SERVER);
    });
}

#[test]
fn icmp_and_other_protocols() {
    check("leaks icmp", |net| {
        let mut tcp = net.tcp(SERVER);
        tcp.syn();
        tcp.icmp(LAN, Icmp::Unreachable(1));
        let mut query = net.query(HOST, rtype::A);
        query.icmp(4, LAN, Icmp::Unreachable(3));
        for (port, text) in [
            (67, DEVICE),
            (5353, SECRET),
            (137, DEVICE),
            (1900, AGENT),
            (5355, SECRET),
        ] {
            net.udp(&format!("{LAN}:{port}"))
                .send(Side::Client, text.as_bytes());
        }
        for v6 in [false, true] {
            let (from, to): (SocketAddr, SocketAddr) = if v6 {
                (
                    format!("[{CLIENT6}]:9").parse().unwrap(),
                    "[ff02::1:ff0a:1723]:9".parse().unwrap(),
                )
            } else {
                (
                    format!("{CLIENT4}:9").parse().unwrap(),
                    format!("{LAN}:9").parse().unwrap(),
                )
            };
            let payload = format!("{DEVICE} {COOKIE}");
            let datagram = packet::udp(from, to, payload.as_bytes());
            for protocol in [2, 47, 50, 89, 132] {
                let meta = packet::IpMeta {
                    ttl: 64,
                    id: 7,
                    df: true,
                    flow_label: 0,
                };
                net.send_ip(
                    Side::Client,
                    packet::ip(from.ip(), to.ip(), protocol, meta, &datagram),
                );
            }
        }
        let mut tcp = net.tcp(&format!("{OTHER}:22"));
        tcp.connect();
        tcp.server_data(format!("SSH-2.0-{DEVICE}\r\n").as_bytes());
        tcp.client_data(&[5, 1, 0, 3, 11]);
        tcp.client_data(SECRET.as_bytes());
    });
}

#[test]
fn links_and_tunnels() {
    let plant = |net: &Net| {
        net.set_client(CLIENT4);
        net.set_client(CLIENT6);
        net.resolve(HOST, &[OTHER]);
        net.visit(WWW, SERVER);
        net.visit_address(HOST, OTHER);
        net.query(HOST, rtype::A).icmp(3, LAN, Icmp::Unreachable(3));
    };
    for link in [
        Link::Ethernet,
        Link::Raw,
        Link::Sll,
        Link::Sll2,
        Link::Null,
        Link::Loop,
        Link::Radiotap,
    ] {
        let net = Net::new("leaks link");
        net.link(link);
        plant(&net);
        check_net(&format!("{link:?}"), &net);
    }
    for wrap in [
        Wrap::Vlan(7),
        Wrap::Pppoe,
        Wrap::Mpls(9),
        Wrap::Gre,
        Wrap::IpIp,
        Wrap::Vxlan(5),
    ] {
        let net = Net::new("leaks wrap");
        net.wrap(wrap);
        plant(&net);
        check_net(&format!("{wrap:?}"), &net);
    }
    for snaplen in [60, 70, 90, 128, 200, 300] {
        let net = Net::new("leaks cut");
        net.snaplen(snaplen);
        plant(&net);
        check_net(&format!("snap length {snaplen}"), &net);
    }
}

#[test]
fn what_is_written_around_packets() {
    check("leaks pcapng", |net| {
        net.format(Format::PcapNg);
        net.comment(&format!("{DEVICE} at {CLIENT4}"));
        net.name_record(CLIENT4, HOST);
        net.embed_secrets();
        net.resolve(HOST, &[OTHER]);
        net.visit(WWW, SERVER);
        net.comment(SECRET);
    });
}
