//! The tests of `shut_in`, and the roles that they start it in.

use shakedown::live::hook::{Failure, Hook};
use shakedown::live::interfaces::route::Routes;
use shakedown::live::privilege::{DropError, drop_root, forget, with_capture_right};
use shakedown::live::sandbox::{Allowed, Layer, enter};
use shakedown::live::save::{Plan, Save};
use shakedown::report::pcapng::Interface;
use shakedown::source::{self, Source};
use shakedown::types::{Direction, Frame, FrameNumber, LinkType, Mark, Timestamp};
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// A user that is not root, on every Linux.
const NOBODY: u32 = 65_534;
const CHILD: &str = "SHUT_IN_CHILD";
/// The child's last words, where nothing stopped it.
const DONE: &str = "all of it holds";

/// All tests, by name.
const TESTS: &[(&str, fn())] = &[
    (
        "a_sandboxed_process_reaches_only_what_it_may",
        a_sandboxed_process_reaches_only_what_it_may,
    ),
    (
        "sudo_becomes_the_user_who_called_it",
        sudo_becomes_the_user_who_called_it,
    ),
    (
        "a_setuid_program_becomes_its_caller",
        a_setuid_program_becomes_its_caller,
    ),
    (
        "root_itself_keeps_its_name_only",
        root_itself_keeps_its_name_only,
    ),
    (
        "a_user_with_capabilities_keeps_one",
        a_user_with_capabilities_keeps_one,
    ),
    (
        "the_command_on_failure_runs_as_the_user",
        the_command_on_failure_runs_as_the_user,
    ),
    (
        "a_disk_that_fills_up_keeps_whole_packets",
        a_disk_that_fills_up_keeps_whole_packets,
    ),
];

/// Runs the role that the environment names, or else the tests whose names contain the first argument.
pub(super) fn main() {
    if let Ok(role) = std::env::var(CHILD) {
        run(&role);
        println!("{DONE}");
        return;
    }
    let wanted = std::env::args()
        .skip(1)
        .find(|a| !a.starts_with('-'))
        .unwrap_or_default();
    let mut failed: Vec<&str> = Vec::new();
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(&wanted)) {
        let ended = std::panic::catch_unwind(test);
        println!(
            "test {name} ... {}",
            if ended.is_ok() { "ok" } else { "FAILED" }
        );
        failed.extend(ended.err().map(|_| *name));
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// What happens in the process of its own.
fn run(role: &str) {
    match role {
        "sandbox" => sandboxed(),
        "dropped" => dropped(),
        "plain-root" => plain_root(),
        "granted" => granted(),
        "hook" => hooked(),
        "full" => filled(),
        other => panic!("no such role: {other}"),
    }
}

/// This program again, told to be that child.
fn again(program: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env(CHILD, role)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID");
    command.env("RUST_BACKTRACE", "0");
    command
}

fn own() -> PathBuf {
    std::env::current_exe().expect("its own path")
}

fn passes(mut command: Command) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the child starts");
    let text = [stdout, stderr]
        .map(|t| String::from_utf8_lossy(&t).into_owned())
        .concat();
    print!("{text}");
    assert!(status.success() && text.contains(DONE), "{text}");
}

fn is_root() -> bool {
    let root = status("Uid:").split_whitespace().nth(1) == Some("0");
    if !root {
        println!("left out: this needs root");
    }
    root
}

/// A line of this process' status.
fn status(field: &str) -> String {
    let text = fs::read_to_string("/proc/self/status").expect("readable");
    let line = text.lines().find(|line| line.starts_with(field));
    line.expect("such a line")[field.len()..].trim().to_owned()
}

fn capture() -> Result<(), String> {
    let opened = pcap::Capture::from_device("lo").and_then(pcap::Capture::open);
    opened.map(drop).map_err(|e| e.to_string())
}

fn a_sandboxed_process_reaches_only_what_it_may() {
    let dir = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let inside = dir.path().join("inside");
    fs::create_dir(&inside).expect("made");
    fs::write(dir.path().join("outside"), "secret").expect("written");
    let mut command = again(&own(), "sandbox");
    command.env("DIR", dir.path()).env(
        "PORT",
        listener.local_addr().expect("bound").port().to_string(),
    );
    passes(command);
    assert_eq!(
        fs::read(inside.join("kept")).expect("the child wrote it"),
        b"kept"
    );
    listener.set_nonblocking(true).expect("set");
    let knocked = listener.accept().expect_err("nobody got through");
    assert_eq!(knocked.kind(), std::io::ErrorKind::WouldBlock);
}

fn sandboxed() {
    let dir = PathBuf::from(std::env::var_os("DIR").expect("set"));
    let port: u16 = std::env::var("PORT").expect("set").parse().expect("a port");
    let (inside, outside) = (dir.join("inside"), dir.join("outside"));
    let root = status("Uid:").starts_with('0');
    let bound = UdpSocket::bind("127.0.0.1:0").expect("still possible");
    let mut routes = Routes::open();
    let before = routes.read();
    let open_already = fs::File::open(&outside).expect("still open to us");
    let allowed = Allowed {
        write: vec![inside.clone(), dir.join("no such folder")],
        read: vec![],
    };
    let enforced = enter(&allowed);
    println!("{}", enforced.describe());
    assert!(
        enforced.no_new_privs && !enforced.threads_outside,
        "{enforced:?}"
    );
    let about_folder = |p: &String| p.contains("no such folder: can't be kept open");
    assert!(enforced.problems.iter().any(about_folder), "{enforced:?}");
    writes_inside(&inside);
    assert!(open_already.metadata().is_ok());
    assert_eq!(routes.read(), before, "tables that are open are read again");
    if enforced.landlock == Layer::Absent {
        println!("left out: this kernel has no Landlock");
    } else {
        files_are_closed(&outside, &inside);
        let other = std::thread::spawn(move || files_are_closed(&outside, &inside));
        other.join().expect("the same in a thread started later");
    }
    if enforced.seccomp {
        calls_are_closed(port);
        still_captures(root);
        let sent = bound
            .send_to(b"x", ("127.0.0.1", port))
            .expect_err("nothing is sent");
        assert_eq!(sent.raw_os_error(), Some(1));
    } else {
        println!("left out: no seccomp here: {:?}", enforced.problems);
    }
}

fn writes_inside(inside: &Path) {
    let part = inside.join(".kept.part");
    let mut file = fs::File::create(&part).expect("made");
    file.write_all(b"kept, and more").expect("written");
    file.set_len(4).expect("cut");
    fs::rename(&part, inside.join("kept")).expect("renamed");
    fs::write(inside.join("old"), "").expect("written");
    fs::remove_file(inside.join("old")).expect("removed");
    assert_eq!(fs::read_dir(inside).expect("listed").count(), 1);
}

fn files_are_closed(outside: &Path, inside: &Path) {
    assert!(fs::read("/etc/passwd").is_err());
    assert!(fs::read(outside).is_err());
    assert!(fs::write(outside, "x").is_err());
    assert!(fs::remove_file(outside).is_err());
    assert!(fs::rename(inside.join("kept"), outside.with_file_name("moved")).is_err());
    assert!(fs::read_dir("/proc").is_err());
    assert!(std::os::unix::net::UnixListener::bind(inside.join("socket")).is_err());
}

fn calls_are_closed(port: u16) {
    let (denied, no_such_family) = (1, 97);
    let code = |error: std::io::Error| error.raw_os_error();
    let tcp = TcpStream::connect(("127.0.0.1", port)).expect_err("no way out");
    assert_eq!(code(tcp), Some(no_such_family));
    let tcp = TcpListener::bind("127.0.0.1:0").expect_err("no way in");
    assert_eq!(code(tcp), Some(no_such_family));
    let udp = UdpSocket::bind("[::]:0").expect_err("no IPv6");
    assert_eq!(code(udp), Some(no_such_family));
    let udp = UdpSocket::bind("0.0.0.0:0").expect_err("no way out by UDP");
    assert_eq!(code(udp), Some(denied));
    let program = Command::new("/bin/true").status().expect_err("no programs");
    assert_eq!(code(program), Some(denied));
}

/// Interfaces can be listed, and with the right also opened, read and asked for their drops, as after a loss.
fn still_captures(root: bool) {
    let devices = pcap::Device::list().expect("listed");
    assert!(devices.iter().any(|d| d.name == "lo"), "{devices:?}");
    if root {
        let opened = pcap::Capture::from_device("lo")
            .expect("named")
            .promisc(true)
            .immediate_mode(true);
        let mut opened = opened
            .open()
            .expect("opened again")
            .setnonblock()
            .expect("set");
        opened.filter("udp or tcp", true).expect("filtered");
        assert!(matches!(
            opened.next_packet(),
            Ok(_) | Err(pcap::Error::TimeoutExpired)
        ));
        opened.stats().expect("counted");
    } else {
        println!("left out: opening needs root");
    }
}

fn sudo_becomes_the_user_who_called_it() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("root's"), "x").expect("written");
    fs::set_permissions(dir.path().join("root's"), fs::Permissions::from_mode(0o600)).expect("set");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let mut command = again(&own(), "dropped");
    command.env("DIR", dir.path());
    command
        .env("SUDO_UID", NOBODY.to_string())
        .env("SUDO_GID", NOBODY.to_string());
    passes(command);
}

/// The same through the set-user-id bit: no environment says who called, the real user does.
fn a_setuid_program_becomes_its_caller() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let program = dir.path().join("setuid");
    fs::copy(own(), &program).expect("copied");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("set");
    fs::write(dir.path().join("root's"), "x").expect("written");
    fs::set_permissions(dir.path().join("root's"), fs::Permissions::from_mode(0o600)).expect("set");
    let inner = again(&program, "dropped");
    let Some(mut command) = as_nobody(&[]) else {
        return;
    };
    command.arg(inner.get_program()).args(inner.get_args());
    command
        .env(CHILD, "dropped")
        .env("DIR", dir.path())
        .env("RUST_BACKTRACE", "0");
    passes(command);
}

/// `setpriv` to nobody, with more options.
fn as_nobody(options: &[&str]) -> Option<Command> {
    let mut command = Command::new("setpriv");
    if command.arg("--version").output().is_err() {
        println!("left out: setpriv is missing");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={NOBODY}"),
        format!("--regid={NOBODY}"),
        "--clear-groups".to_owned(),
    ]);
    command.args(options);
    Some(command)
}

fn dropped() {
    let dir = PathBuf::from(std::env::var_os("DIR").expect("set"));
    let done = drop_root().expect("dropped");
    println!("{}", done.text);
    assert_eq!(
        (done.user, done.left_root, done.may_reopen),
        (Some(NOBODY), true, true)
    );
    assert_eq!(done.text, format!("root dropped to user {NOBODY}"));
    let all = [NOBODY.to_string().as_str(); 4].join("\t");
    assert_eq!(status("Uid:"), all, "real, effective, saved, file system");
    assert_eq!(status("Gid:"), all);
    assert!(
        matches!(status("Groups:").as_str(), "65534" | ""),
        "{}",
        status("Groups:")
    );
    assert!(
        fs::read(dir.join("root's")).is_err(),
        "root's files are closed"
    );
    only_the_capture_right_is_left();
    println!("{}", enter(&Allowed::default()).describe());
    with_capture_right(capture).expect("opened again in the sandbox as well");
    assert!(capture().is_err());
}

/// And it works only where it is asked for.
fn only_the_capture_right_is_left() {
    const NET_RAW: u64 = 1 << 13;
    let set = |field| u64::from_str_radix(&status(field), 16).expect("hex");
    assert_eq!(set("CapPrm:"), NET_RAW);
    assert_eq!((set("CapEff:"), set("CapInh:"), set("CapAmb:")), (0, 0, 0));
    assert!(capture().is_err(), "not in effect by itself");
    with_capture_right(|| assert_eq!(set("CapEff:"), NET_RAW));
    with_capture_right(capture).expect("opened again");
    assert_eq!(set("CapEff:"), 0);
    let other = std::thread::spawn(move || {
        forget().expect("forgotten");
        assert!(
            with_capture_right(capture).is_err(),
            "a thread that forgot it can't get it back"
        );
    });
    other.join().expect("no surprise");
    with_capture_right(capture).expect("this thread still may");
    assert!(matches!(
        drop_root().map(|d| d.left_root),
        Ok(false) | Err(DropError::Threads(_))
    ));
}

fn root_itself_keeps_its_name_only() {
    if is_root() {
        passes(again(&own(), "plain-root"));
    }
}

fn plain_root() {
    let done = drop_root().expect("done");
    println!("{}", done.text);
    assert_eq!((done.user, done.left_root), (Some(0), false));
    assert!(done.text.starts_with("still user root"), "{}", done.text);
    only_the_capture_right_is_left();
}

fn a_user_with_capabilities_keeps_one() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let program = dir.path().join("granted");
    fs::copy(own(), &program).expect("copied");
    let inner = again(&program, "granted");
    let more = [
        "--inh-caps=-all,+net_raw,+net_admin",
        "--ambient-caps=-all,+net_raw,+net_admin",
    ];
    let Some(mut command) = as_nobody(&more) else {
        return;
    };
    command.arg(inner.get_program()).args(inner.get_args());
    command.env(CHILD, "granted").env("RUST_BACKTRACE", "0");
    passes(command);
}

fn granted() {
    capture().expect("allowed before");
    let done = drop_root().expect("done");
    assert_eq!((done.user, done.left_root), (Some(NOBODY), false));
    only_the_capture_right_is_left();
}

/// The helper is outside of the sandbox, but has neither root nor the right to capture, nor any socket.
fn the_command_on_failure_runs_as_the_user() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("set");
    let mut command = again(&own(), "hook");
    command.env("DIR", dir.path());
    command
        .env("SUDO_UID", NOBODY.to_string())
        .env("SUDO_GID", NOBODY.to_string());
    passes(command);
    let told = fs::read_to_string(dir.path().join("told")).expect("the command ran");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], NOBODY.to_string(), "{told}");
    assert_eq!(lines[1], "/some/report.json", "{told}");
    assert_eq!(lines[2], "CapPrm: 0000000000000000", "{told}");
    assert!(!told.contains("socket:"), "{told}");
}

fn hooked() {
    let dir = PathBuf::from(std::env::var_os("DIR").expect("set"));
    let script = format!(
        "cd '{}'; tell() {{ id -u; echo \"$1\"; grep CapPrm /proc/self/status | tr '\\t' ' '; ls -l /proc/self/fd; }}; report() {{ tell \"$@\" > told; }}; report",
        dir.display()
    );
    let program = Path::new(env!("CARGO_BIN_EXE_shakedown"));
    let mut hook = Hook::start_as(program, &script).expect("started");
    // libpcap does not close its sockets in programs that are started.
    let held = pcap::Capture::from_device("lo")
        .and_then(pcap::Capture::open)
        .expect("opened");
    drop_root().expect("dropped");
    let enforced = enter(&Allowed::default());
    assert!(Command::new("/bin/true").status().is_err() || !enforced.seccomp);
    let failure = Failure {
        report: "/some/report.json".to_owned(),
        capture: String::new(),
        cause: "dns.nxdomain".to_owned(),
        name: "a.example".to_owned(),
        stage: "dns".to_owned(),
    };
    hook.run(&failure).expect("sent");
    let said = hook.finish(Duration::from_secs(60));
    assert_eq!(said, Vec::<String>::new());
    drop(held);
}

/// A file system of 64 KiB, in a mount namespace of its own.
fn a_disk_that_fills_up_keeps_whole_packets() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("unshare");
    if command.arg("--version").output().is_err() {
        println!("left out: unshare is missing");
        return;
    }
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=64k tmpfs \"$DIR\" && exec \"$0\"";
    command.args(["-m", "sh", "-c", script]).arg(own());
    command.env(CHILD, "full").env("DIR", dir.path());
    passes(command);
}

fn filled() {
    let dir = PathBuf::from(std::env::var_os("DIR").expect("set"));
    let path = dir.join("all.pcapng");
    let plan = Plan {
        path: path.clone(),
        rotate_size: None,
        rotate_time: None,
        keep: 1,
    };
    let ethernet = Interface {
        name: "eth0".to_owned(),
        link: LinkType(1),
        snap_len: 0,
    };
    let mut save = Save::open(plan, &[ethernet], Timestamp(0)).expect("there is room");
    let mut sent = 0_u32;
    while save.problem().is_none() {
        sent += 1;
        assert!(sent < 1_000, "the disk never fills");
        save.frame(0, &numbered(sent));
        // Three frames at a time, so that one write does not fit as a whole.
        if sent.is_multiple_of(3) {
            save.tick(Timestamp(i64::from(sent)));
        }
    }
    let problem = save.problem().expect("the disk is full").to_owned();
    assert!(problem.contains("No space left"), "{problem}");
    let (saved, unsaved) = save.totals();
    assert_eq!(saved + unsaved, u64::from(sent));
    assert!(saved > 0 && unsaved == 3, "{saved} saved, {unsaved} not");
    assert_eq!(save.finish(Timestamp(i64::from(sent))), Some(problem));
    let mut read = source::open(&[path]).expect("a capture");
    let mut count = 0;
    while let Some(frame) = read.next_frame() {
        count += 1;
        assert_eq!(frame.mark.time, Timestamp(count));
    }
    assert_eq!(u64::try_from(count).expect("few"), saved);
    assert_eq!(read.captures()[0].problems, Vec::<String>::new());
}

fn numbered(number: u32) -> Frame<'static> {
    Frame {
        mark: Mark {
            time: Timestamp(i64::from(number)),
            frame: FrameNumber(number),
            ..Mark::default()
        },
        link: LinkType(1),
        original_len: 700,
        direction: Direction::Unknown,
        uid: None,
        data: &[0; 700],
    }
}
