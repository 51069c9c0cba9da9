//! Two hosts on one wire, each in a network namespace: one listens and asks, one answers.
#![allow(dead_code)] // each program uses a part of it

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// The wire. Everything goes away with it.
pub struct Wire {
    /// Namespace of the host that listens, 10.77.0.1 on eth0.
    pub client: String,
    /// Namespace of the one that answers on 10.77.0.2:80. 10.77.0.3 leads to it as well, and is answered by nobody.
    pub server: String,
    web: Option<Child>,
}

fn run(program: &str, args: &[&str]) -> bool {
    let quiet = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

impl Wire {
    /// Makes it; `None`, with a message, where that is not possible.
    pub fn up(name: &str) -> Option<Self> {
        let id = std::process::id();
        let mut wire = Self {
            client: format!("shakedown-{name}c-{id}"),
            server: format!("shakedown-{name}s-{id}"),
            web: None,
        };
        let tools = run("curl", &["--version"]) && run("sysctl", &["--version"]);
        if !tools || !run("ip", &["netns", "add", &wire.client]) {
            eprintln!("skipped: needs root, `ip`, `sysctl` and `curl`");
            return None;
        }
        assert!(run("ip", &["netns", "add", &wire.server]));
        for space in [&wire.client, &wire.server] {
            assert!(run("ip", &["-n", space, "link", "set", "lo", "up"]));
            for scope in ["all", "default"] {
                let set = format!("net.ipv6.conf.{scope}.disable_ipv6=1");
                assert!(run("ip", &["netns", "exec", space, "sysctl", "-qw", &set]));
            }
        }
        wire.link();
        wire.web = Some(wire.serve());
        Some(wire)
    }

    /// Joins the two (again).
    pub fn link(&self) {
        let ends = [
            "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
        ];
        self.ip(&[&ends[..], &["netns", &self.server]].concat());
        for (space, addr) in [
            (&self.client, "10.77.0.1/24"),
            (&self.server, "10.77.0.2/24"),
        ] {
            assert!(run(
                "ip",
                &["-n", space, "addr", "add", addr, "dev", "eth0"]
            ));
            assert!(run("ip", &["-n", space, "link", "set", "eth0", "up"]));
        }
        let mac = [
            "netns",
            "exec",
            &self.server,
            "cat",
            "/sys/class/net/eth0/address",
        ];
        let mac = Command::new("ip").args(mac).output().unwrap().stdout;
        let mac = String::from_utf8(mac).unwrap();
        self.ip(&[
            "neigh",
            "add",
            "10.77.0.3",
            "lladdr",
            mac.trim(),
            "dev",
            "eth0",
        ]);
    }

    fn serve(&self) -> Child {
        let server = concat!(
            "import http.server as h\n",
            "class H(h.BaseHTTPRequestHandler):\n",
            " def do_GET(s):\n",
            "  s.send_response(200); s.send_header('Content-Length','2'); s.end_headers(); s.wfile.write(b'ok')\n",
            " def log_message(s, *a): pass\n",
            "print('up', flush=True)\n",
            "h.HTTPServer(('10.77.0.2', 80), H).serve_forever()\n",
        );
        let mut web = Command::new("ip")
            .args(["netns", "exec", &self.server, "python3", "-c", server])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut up = [0; 3];
        let out = web.stdout.as_mut().unwrap();
        out.read_exact(&mut up).expect("the server is up");
        web
    }

    /// `ip` in the client's namespace.
    pub fn ip(&self, args: &[&str]) {
        let args = [&["-n", &self.client], args].concat();
        assert!(run("ip", &args), "ip {args:?}");
    }

    /// A program in the client's namespace.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.client, program]);
        command.stdin(Stdio::null());
        command
    }

    /// Waits until the client has sent more packets than that.
    pub fn wait_until_sent(&self, before: u64) {
        let start = Instant::now();
        while self.sent() <= before {
            assert!(start.elapsed() < PATIENCE, "nothing is sent");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A request that is answered.
    pub fn get(&self) {
        let mut curl = self.inside("curl");
        let curl = curl.args([
            "-s",
            "-m",
            "20",
            "--retry",
            "5",
            "--retry-connrefused",
            "http://10.77.0.2/",
        ]);
        let output = curl.output().unwrap();
        assert_eq!(output.stdout, b"ok");
    }

    /// A request to the own address, where nothing listens.
    pub fn get_from_closed_port(&self) {
        self.refused("http://10.77.0.1/");
    }

    /// A request to the other host, where nothing listens on that port.
    pub fn get_from_closed_port_of_the_other(&self) {
        self.refused("http://10.77.0.2:81/");
    }

    fn refused(&self, url: &str) {
        let output = self.inside("curl").args(["-s", "-m", "20", url]).output();
        assert_eq!(output.unwrap().status.code(), Some(7), "refused");
    }

    /// A request that nobody answers; under way.
    pub fn get_from_nobody(&self) -> Child {
        let mut curl = self.inside("curl");
        curl.args(["-s", "-m", "50", "http://10.77.0.3/"]);
        curl.spawn().unwrap()
    }

    /// The client's host sends nothing of its own accord any more, and answers nothing.
    pub fn be_quiet(&self) {
        self.ip(&["addr", "flush", "dev", "eth0"]);
        self.ip(&["link", "set", "eth0", "arp", "off"]);
    }

    /// Packets that the client's interface has sent.
    pub fn sent(&self) -> u64 {
        let mut cat = self.inside("cat");
        let out = cat
            .arg("/sys/class/net/eth0/statistics/tx_packets")
            .output();
        String::from_utf8(out.unwrap().stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    /// Sends frames to the client from the other end.
    pub fn inject(&self, frames: &[Vec<u8>]) {
        let sender = concat!(
            "import socket,struct,sys\n",
            "s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); s.bind(('eth0',0))\n",
            "d=sys.stdin.buffer.read()\n",
            "while d:\n",
            " n=struct.unpack('>I',d[:4])[0]; s.send(d[4:4+n]); d=d[4+n:]\n",
        );
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.server, "python3", "-c", sender])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        for frame in frames {
            let length = u32::try_from(frame.len()).unwrap();
            input.write_all(&length.to_be_bytes()).unwrap();
            input.write_all(frame).unwrap();
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(web) = &mut self.web {
            drop(web.kill());
            drop(web.wait());
        }
        for space in [&self.client, &self.server] {
            run("ip", &["netns", "del", space]);
        }
    }
}

/// A visit, and a lookup with connection requests that nobody answers, as Ethernet frames.
pub fn scene() -> Vec<Vec<u8>> {
    frames(|net| {
        net.visit("www.tiktok.com", "23.49.60.10");
        silence(net, "v16-webapp.tiktok.com");
    })
}

/// A lookup of that name, with connection requests that nobody answers.
pub fn silence(net: &shakedown_craft::net::Net, name: &str) {
    net.resolve(name, &["2.16.20.33"]);
    let mut tcp = net.tcp("2.16.20.33");
    tcp.syn();
    tcp.syn_retransmits(&[1000, 2000]);
}

/// What happens, as Ethernet frames.
pub fn frames(happen: impl Fn(&shakedown_craft::net::Net)) -> Vec<Vec<u8>> {
    use shakedown::source::Source;
    let net = shakedown_craft::net::Net::new("wire");
    happen(&net);
    let (_, file) = net.file();
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), file).unwrap();
    let mut source = shakedown::source::open(&[path.path().to_owned()]).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame() {
        frames.push(frame.data.to_vec());
    }
    frames
}

/// Pings of somebody to somebody, as Ethernet frames.
pub fn noise() -> Vec<Vec<u8>> {
    vec![ping(b"noise"); 50]
}

/// One of them, with that inside.
pub fn ping(inside: &[u8]) -> Vec<u8> {
    use etherparse::PacketBuilder;
    let mut frame = Vec::new();
    let macs = ([2, 0, 0, 0, 0, 1], [0xff; 6]);
    PacketBuilder::ethernet2(macs.0, macs.1)
        .ipv4([198, 51, 100, 7], [10, 77, 0, 1], 64)
        .icmpv4_echo_request(7, 7)
        .write(&mut frame, inside)
        .unwrap();
    frame
}
