//! Transfers that stop, are cut or are slow.

use crate::prelude::*;

const HOST: &str = "www.tiktok.com";
const IP: &str = "23.49.60.10";
const VIDEO: &str = "v16-webapp.tiktok.com";
const VIDEO_IP: &str = "2.16.20.33";

pub(super) fn cases() -> Vec<Case> {
    [
        stalled(),
        stalled_near(),
        frozen_early(),
        reset(),
        receiver_full(),
        throttled(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Asks over HTTP/2 inside TLS, and lets `through` bytes of the answer of `size` come.
fn partly(net: &Net, host: &str, ip: &str, size: usize, through: usize) -> (Tcp, Session) {
    let (mut c, mut s) = net.https(host, ip);
    c.app_data(&mut s, Side::Client, &http::h2_request(host, "/video", 420));
    let answer = s.send(Side::Server, &http::h2_response(200, size));
    net.wait(5);
    c.data(Side::Server, &answer[..through.min(answer.len())]);
    (c, s)
}

fn stalled() -> Vec<Case> {
    let id = "media.stalled";
    vec![
        Case::new(id, "inside-a-record")
            .about("A video stops after 100 kB inside a TLS record; the player gives up after 12 s.")
            .expect(VIDEO, Expect::broken("media", id).blame("path"))
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = partly(net, VIDEO, VIDEO_IP, 180_000, 100_000);
                net.wait(12_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "short-of-its-length")
            .about("A file in the clear stops after 40 of 90 kB, and nothing follows until the capture ends.")
            .expect(HOST, Expect::broken("media", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let mut c = net.tcp("23.49.60.10:80");
                c.connect();
                c.client_data(&http::request(HOST, "/file", 200));
                c.server_data(&http::response(200, 90_000)[..40_000]);
                net.ping_until(14_000);
            }),
        Case::new(id, "gap-not-filled")
            .about("A segment of the download is lost and never sent again although the client reports it for 8 s.")
            .expect(VIDEO, Expect::broken("media", id))
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = net.https(VIDEO, VIDEO_IP);
                c.app_data(&mut s, Side::Client, &http::h2_request(VIDEO, "/video", 420));
                let answer = s.send(Side::Server, &http::h2_response(200, 60_000));
                c.lose_next(Side::Server, &[20]);
                c.data(Side::Server, &answer);
                net.ping_until(9000);
            }),
        Case::new(id, "upload-unanswered")
            .about("After a first answer the path dies: what the client sends is resent six times.")
            .expect(HOST, Expect::broken("media", id))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = net.https(HOST, IP);
                c.app(&mut s, 420, 9000);
                net.wait(800);
                let more = s.send(Side::Client, &[1; 900]);
                c.send_lost(Side::Client, &more);
                c.retransmit_backoff(Side::Client, 250, 6);
                net.ping_until(20_000);
            }),
    ]
}

fn stalled_near() -> Vec<Case> {
    let id = "media.stalled";
    vec![
        Case::new(id, "near-miss-paused-player")
            .about("The player's buffer is full: the server stops where a frame ends, and goes on 20 s later.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = net.https(VIDEO, VIDEO_IP);
                c.app(&mut s, 420, 70_000);
                net.wait(20_000);
                c.app_data(&mut s, Side::Client, &[8; 13]);
                c.app_data(&mut s, Side::Server, &[0; 60_000]);
                net.wait(9000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-window-closed")
            .about("The app reads slowly: the client's window shrinks to nearly nothing, and the server waits.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = partly(net, VIDEO, VIDEO_IP, 180_000, 100_000);
                c.window(Side::Client, 4);
                net.wait(12_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-cancelled")
            .about("The load is cancelled 1 s after the last data, in the middle of a record.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, _) = partly(net, VIDEO, VIDEO_IP, 180_000, 100_000);
                net.wait(1000);
                c.rst(Side::Client);
                net.ping_until(14_000);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The capture ends while the video is coming in.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let _ = partly(net, VIDEO, VIDEO_IP, 180_000, 100_000);
                net.ping_until(3000);
            }),
        Case::new(id, "near-miss-capture-loses")
            .about("The capture misses packets; the client acknowledged them.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                net.hide(|n, _| (60..70).contains(&n));
                let (mut c, mut s) = partly(net, VIDEO, VIDEO_IP, 100_000, 100_000);
                net.wait(12_000);
                c.tls_close(&mut s, Side::Client);
            }),
    ]
}

fn frozen_early() -> Vec<Case> {
    let id = "media.frozen-early";
    vec![
        Case::new(id, "three-connections")
            .about("Three connections freeze after 16 to 19 kB; each is given up after 10 s. Another service works.")
            .expect(HOST, Expect::broken("media", id).blame("interceptor").extra("flows", 3))
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                for (delay, through) in [(0, 13_000), (30, 14_500), (70, 15_200)] {
                    net.aside(|net| {
                        net.wait(delay);
                        let (mut c, _) = partly(net, HOST, IP, 80_000, through);
                        net.wait(10_000);
                        c.fin(Side::Client);
                    });
                }
                net.aside(|net| {
                    net.wait(3000);
                    net.visit("www.example.com", "192.0.2.80");
                });
                net.ping_until(16_000);
            }),
        Case::new(id, "one-connection")
            .about("One connection freezes after 18 kB and is still open when the capture ends.")
            .expect(HOST, Expect::broken("media", id).extra("flows", 1))
            .capture(|net| {
                net.format(Format::PcapNg);
                net.resolve(HOST, &[IP]);
                let _ = partly(net, HOST, IP, 80_000, 15_000);
                net.ping_until(20_000);
            }),
        Case::new(id, "two-over-quic")
            .about("Two QUIC connections to two names go dark after 18 kB.")
            .expect(HOST, Expect::broken("media", id).extra("flows", 2))
            .expect(VIDEO, Expect::broken("media", id).extra("flows", 2))
            .capture(|net| {
                for (host, ip) in [(HOST, IP), (VIDEO, VIDEO_IP)] {
                    net.resolve(host, &[ip]);
                    net.aside(|net| {
                        let server = quic::Server::new(Cert::public(host));
                        let mut q = net.quic(ip, quic::Client::new(host), server);
                        q.handshake();
                        q.request(400, 12_500);
                        q.go_dark();
                        q.send_request(400, 4000);
                        q.run_for(9000);
                    });
                }
                net.ping_until(12_000);
            }),
        Case::new(id, "near-miss-complete")
            .about("An answer of 15 kB comes whole; the connection then idles for a minute.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, mut s) = net.https(HOST, IP);
                c.app(&mut s, 420, 15_000);
                net.wait(60_000);
                c.tls_close(&mut s, Side::Client);
            }),
        Case::new(id, "near-miss-capture-ends")
            .about("The capture ends 2 s after the last data, at 18 kB.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let _ = partly(net, HOST, IP, 80_000, 15_000);
                net.ping_until(2500);
            }),
        Case::new(id, "near-miss-closed-by-server")
            .about("The server closes after 18 kB, in the middle of its answer.")
            .expect(HOST, Expect::ok())
            .capture(|net| {
                net.resolve(HOST, &[IP]);
                let (mut c, _) = partly(net, HOST, IP, 80_000, 15_000);
                c.close(Side::Server);
                net.ping_until(12_000);
            }),
    ]
}

fn reset() -> Vec<Case> {
    let id = "media.reset";
    vec![
        Case::new(id, "inside-a-record")
            .about("A reset in the server's name cuts a video after 60 kB.")
            .expect(VIDEO, Expect::broken("media", id).extra("injected", false))
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, _) = partly(net, VIDEO, VIDEO_IP, 180_000, 60_000);
                net.wait(8);
                c.rst(Side::Server);
                net.ping_until(4000);
            }),
        Case::new(id, "forged-and-ignored-by-the-server")
            .about("The reset has another TTL, and the server's data goes on arriving after it.")
            .expect(
                VIDEO,
                Expect::broken("media", id)
                    .blame("interceptor")
                    .extra("injected", true),
            )
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = net.https(VIDEO, VIDEO_IP);
                c.app_data(
                    &mut s,
                    Side::Client,
                    &http::h2_request(VIDEO, "/video", 420),
                );
                let answer = s.send(Side::Server, &http::h2_response(200, 90_000));
                c.data(Side::Server, &answer[..60_000]);
                c.raw_segment(Side::Server, Seg::forged_rst().ttl(110));
                net.wait(20);
                c.send(Side::Server, &answer[60_000..64_000]);
                c.rst(Side::Client);
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-cancelled")
            .about("The player closes in the middle; the server's reset comes in answer to that.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, _) = partly(net, VIDEO, VIDEO_IP, 180_000, 60_000);
                net.wait(8);
                c.fin(Side::Client);
                net.wait(24);
                c.rst(Side::Server);
                net.ping_until(4000);
            }),
        Case::new(id, "near-miss-between-answers")
            .about("The answer is whole; a reset ends the idle connection half a minute later.")
            .expect(VIDEO, Expect::ok())
            .capture(|net| {
                net.resolve(VIDEO, &[VIDEO_IP]);
                let (mut c, mut s) = net.https(VIDEO, VIDEO_IP);
                c.app(&mut s, 420, 60_000);
                net.wait(30_000);
                c.rst(Side::Server);
                net.ping_until(35_000);
            }),
    ]
}

fn receiver_full() -> Vec<Case> {
    let id = "media.receiver-full";
    let closed_for = |host: &'static str, ip: &'static str, size: usize, wait: u64| {
        move |net: &Net| {
            if size > 150_000 {
                net.snaplen(128);
            }
            net.resolve(host, &[ip]);
            let (mut c, mut s) = net.https(host, ip);
            c.app(&mut s, 420, size);
            c.window(Side::Client, 0);
            let mut waited = 0;
            while waited < wait {
                net.wait(1500);
                waited += 1500;
                c.keep_alive(Side::Server);
                c.ack(Side::Client);
            }
            c.window(Side::Client, 500);
            c.app_data(&mut s, Side::Server, &[0; 9000]);
            c.tls_close(&mut s, Side::Client);
        }
    };
    vec![
        Case::new(id, "app-hangs")
            .about("After 40 kB the app stops reading for 9 s: the client's window is 0.")
            .expect(HOST, Expect::degraded("media", id).blame("device"))
            .capture(closed_for(HOST, IP, 40_000, 9000)),
        Case::new(id, "video-does-not-start")
            .about("A video's first 90 kB arrive, and the device takes no more for 12 s.")
            .expect(VIDEO, Expect::degraded("media", id))
            .capture(closed_for(VIDEO, VIDEO_IP, 90_000, 12_000)),
        Case::new(id, "near-miss-player-buffer-full")
            .about("A player's buffer is full after 400 kB; the window stays closed for half a minute. Snap length 128.")
            .expect(VIDEO, Expect::ok().finding(id))
            .capture(closed_for(VIDEO, VIDEO_IP, 400_000, 30_000)),
        Case::new(id, "near-miss-two-seconds")
            .about("The window is closed for 3 s.")
            .expect(HOST, Expect::ok())
            .capture(closed_for(HOST, IP, 40_000, 3000)),
    ]
}

/// Data at an even pace: so many bytes every 250 ms, for so many seconds. Every `lose`th segment is lost and resent.
fn paced(net: &Net, host: &str, ip: &str, each: usize, seconds: usize, lose: Option<usize>) {
    net.resolve(host, &[ip]);
    let mut c = net.tcp(ip);
    if let Some(n) = lose {
        c = c.lose_every(Side::Server, n);
    }
    let mut s = Session::new(net, Client::new(host), Server::new(Cert::public(host)));
    c.connect();
    c.tls(&mut s);
    c.app_data(&mut s, Side::Client, &http::h2_request(host, "/video", 420));
    let start = net.now();
    for i in 0..seconds * 4 {
        net.at((start + i as f64 * 250.0).max(net.now()));
        let bytes = s.send(Side::Server, &vec![0; each]);
        c.data(Side::Server, &bytes);
    }
    c.tls_close(&mut s, Side::Client);
}

fn throttled() -> Vec<Case> {
    let id = "media.throttled";
    let fast = |net: &Net| {
        net.snaplen(140);
        net.aside(|net| {
            net.wait(5000);
            net.resolve("cdn.example.com", &["192.0.2.80"]);
            let (mut c, mut s) = net.https("cdn.example.com", "192.0.2.80");
            c.app(&mut s, 420, 250_000);
            c.tls_close(&mut s, Side::Client);
        });
    };
    vec![
        Case::new(id, "policed-beside-a-fast-one")
            .about("A video gets 160 kbit/s for 14 s and loses every 9th segment; another service is far faster.")
            .args(&["--all"])
            .expect(VIDEO, Expect::degraded("media", id).blame("interceptor"))
            .expect("cdn.example.com", Expect::ok())
            .capture(move |net| {
                fast(net);
                paced(net, VIDEO, VIDEO_IP, 5000, 14, Some(9));
            }),
        Case::new(id, "two-videos")
            .about("Two videos sit on the same ceiling of 130 kbit/s, one after the other.")
            .args(&["--all"])
            .expect(VIDEO, Expect::degraded("media", id))
            .expect("v19-webapp.tiktok.com", Expect::degraded("media", id))
            .expect("cdn.example.com", Expect::ok())
            .capture(move |net| {
                fast(net);
                paced(net, VIDEO, VIDEO_IP, 4000, 15, Some(10));
                paced(net, "v19-webapp.tiktok.com", "2.16.20.44", 4000, 15, Some(10));
            }),
        Case::new(id, "near-miss-paced-by-the-server")
            .about("A live stream has the same flat rate and loses nothing; another service is far faster.")
            .args(&["--all"])
            .expect(VIDEO, Expect::ok())
            .expect("cdn.example.com", Expect::ok())
            .capture(move |net| {
                fast(net);
                paced(net, VIDEO, VIDEO_IP, 5000, 14, None);
            }),
        Case::new(id, "near-miss-narrow-line")
            .about("The line itself is narrow: flat, with losses, and nothing else is faster.")
            .expect(VIDEO, Expect::degraded("tcp", "tcp.lossy"))
            .capture(|net| {
                net.snaplen(140);
                paced(net, VIDEO, VIDEO_IP, 5000, 14, Some(9));
            }),
    ]
}
