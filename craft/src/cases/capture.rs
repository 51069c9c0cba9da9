//! Captures that do not hold everything: shakedown must not claim more than they show.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const V4: &str = "23.49.60.10";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = one_sided();
    cases.extend(short());
    cases.extend(midstream());
    cases.extend(dropped());
    cases
}

fn one_sided() -> Vec<Case> {
    vec![
        Case::new("capture.one-sided", "client-only")
            .about("A healthy visit of which only the client's packets are in the file.")
            .expect(HOST, Expect::unfinished().finding("capture.one-sided"))
            .capture(|net| {
                net.visit(HOST, V4);
                net.only(Side::Client);
            }),
        Case::new("capture.one-sided", "server-only")
            .about("A healthy visit of which only the server's packets are in the file.")
            .expect(HOST, Expect::unfinished().finding("capture.one-sided"))
            .capture(|net| {
                net.link(Link::Raw);
                net.visit(HOST, V4);
                net.only(Side::Server);
            }),
        Case::new("capture.one-sided", "near-miss-one-silent-server")
            .about("One server never answers; a visit to another shows both directions.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered"))
            .expect("m.tiktok.com", Expect::ok())
            .capture(|net| {
                net.visit("m.tiktok.com", "23.49.60.40");
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000, 3000]);
                net.ping_until(9000);
            }),
    ]
}

fn short() -> Vec<Case> {
    vec![
        Case::new("capture.ended", "after-first-syn")
            .about("The capture ends 400 ms after the first SYN.")
            .expect(HOST, Expect::unfinished().finding("capture.ended"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                net.tcp(V4).syn();
                net.wait(400);
                net.query("www.example.com", rtype::A);
            }),
        Case::new("capture.ended", "after-client-hello")
            .about("The capture ends 100 ms after the ClientHello.")
            .expect(HOST, Expect::unfinished().finding("capture.ended"))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.connect();
                c.send(Side::Client, &ClientHello::new(HOST).record(net));
                net.wait(100);
                net.query("www.example.com", rtype::A);
            }),
        Case::new("capture.ended", "near-miss-statistics-show-the-end")
            .about("The last packet is a SYN resend, but the file says that the capture went on for 6 s.")
            .expect(HOST, Expect::broken("tcp", "tcp.syn-unanswered").extra("tries", 2))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000]);
                net.stats_end(7000);
            }),
        Case::new("capture.truncated", "snaplen-68")
            .about("68 bytes a frame: the headers and no payload. The server is known by its address only.")
            .args(&["--net", "23.49.60.0/24"])
            .expect_address(Expect::unfinished().finding("capture.truncated"))
            .capture(|net| {
                net.snaplen(68);
                let mut c = net.tcp(V4);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.connect();
                c.tls_flights(&mut s, 1);
                net.wait(3000);
                c.keep_alive(Side::Client);
            }),
        Case::new("capture.truncated", "file-ends-inside-a-packet")
            .about("The file was copied while it was being written; it ends inside the server's flight.")
            .exit(3)
            .expect(HOST, Expect::unfinished().finding("capture.truncated"))
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.connect();
                c.tls_flights(&mut s, 2);
                net.cut_file(700);
            }),
        Case::new("capture.truncated", "near-miss-snaplen-128")
            .about("128 bytes a frame: enough to see that it worked.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.visit(HOST, V4);
                net.snaplen(128);
            }),
        Case::new("healthy", "pcapng-sll2-snaplen")
            .about("A healthy visit captured with -i any and 128 bytes a frame, as pcapng.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.visit(HOST, V4);
                net.format(Format::PcapNg);
                net.link(Link::Sll2);
                net.snaplen(128);
            }),
    ]
}

fn midstream() -> Vec<Case> {
    vec![
        Case::new("capture.midstream", "download-under-way")
            .about("The capture begins in the middle of a download.")
            .expect(HOST, Expect::ok().finding("capture.midstream"))
            .expect(HOST, Expect::ok())
            .capture(|net| {
                let (mut c, mut s) = net.https(HOST, V4);
                c.app(&mut s, 400, 60_000);
                net.capture_from(net.now() - 40.0);
                net.wait(1500);
                c.app(&mut s, 500, 4000);
                net.wait(20_000);
                net.visit(HOST, V4);
                net.wait(3000);
            }),
        Case::new("capture.midstream", "near-miss-begins-with-syn-ack")
            .about("The capture begins between the SYN and the SYN-ACK.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.capture_from(1);
                net.visit_address(HOST, V4);
            }),
    ]
}

fn dropped() -> Vec<Case> {
    vec![
        Case::new("capture.dropped", "answer-missing")
            .about("The kernel dropped 37 packets; the SYN-ACK is not in the file, nor anything after it.")
            .expect(
                HOST,
                Expect::broken("tcp", "tcp.syn-unanswered").finding("capture.dropped"),
            )
            .capture(|net| {
                net.format(Format::PcapNg);
                net.kernel_drops(37);
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4);
                c.syn();
                c.syn_retransmits(&[1000, 3000]);
                net.ping_until(9000);
            }),
        Case::new("capture.dropped", "acknowledged-bytes-missing")
            .about("A visit of which the capture misses two packets of the response.")
            .expect(HOST, Expect::ok().finding("capture.dropped"))
            .capture(|net| {
                net.visit(HOST, V4);
                net.hide(|n, f| f.from == Side::Server && (n == 24 || n == 27));
            }),
        Case::new("capture.dropped", "near-miss-lost-on-the-way")
            .about("A download of which the network loses two segments, which are resent.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[V4]);
                let mut c = net.tcp(V4).lose_every(Side::Server, 40);
                let mut s = Session::new(net, Client::new(HOST), Server::new(Cert::public(HOST)));
                c.connect();
                c.tls(&mut s);
                c.app(&mut s, 400, 100_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}
