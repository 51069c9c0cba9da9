//! From a refused capture to the one thing to do about it.

use super::{Facts, System};
use crate::snapshot::clean::clean;
use std::path::Path;

/// Why `interface` can't be opened, and what to do, in one line without anything that acts on a terminal.
#[must_use]
pub fn explain(interface: &str, error: &pcap::Error, facts: &Facts) -> String {
    let name = clean(interface);
    let said = error.to_string().to_lowercase();
    let said = |words: &[&str]| words.iter().any(|w| said.contains(w));
    let what = if said(&["permission", "not permitted", "access denied"]) {
        let (why, how) = refused(interface, facts);
        format!("no right to capture: {why}: {how}")
    } else if said(&[
        "no such device",
        "doesn't exist",
        "not found",
        "device not configured",
    ]) {
        "there is no such interface: `shakedown interfaces` lists those that there are".to_owned()
    } else if said(&["not up", "network is down"]) {
        let how = match facts.system {
            System::Linux => format!("sudo ip link set {} up", quoted(interface)),
            _ => format!("sudo ifconfig {} up", quoted(interface)),
        };
        format!("it is down: join a network, or bring it up: {how}")
    } else {
        let error = clean(&error.to_string().replace('\n', " "));
        format!("can't be opened: {error}")
    };
    format!("{name}: {what}")
}

/// What is missing, and the command that grants it.
fn refused(interface: &str, facts: &Facts) -> (String, String) {
    let sudo = "run it with sudo (root is dropped once the interface is open)";
    match facts.system {
        System::Linux => linux(interface, facts, sudo),
        System::MacOs => (
            "the BPF devices belong to root".to_owned(),
            format!(
                "sudo chown \"$USER\" /dev/bpf* (until the next restart), or install ChmodBPF of Wireshark (for good), or {sudo}"
            ),
        ),
        System::Bsd => (
            "the BPF devices belong to root".to_owned(),
            "let your group read /dev/bpf* (devfs rules), or run it with doas or sudo".to_owned(),
        ),
        System::Windows => (
            "Npcap lets only administrators capture here".to_owned(),
            "run it as administrator, or install Npcap without that restriction".to_owned(),
        ),
    }
}

fn linux(interface: &str, facts: &Facts, sudo: &str) -> (String, String) {
    let program = facts.program.as_deref().unwrap_or(Path::new("shakedown"));
    let path = quoted(&program.to_string_lossy());
    let grant = |path: &str| format!("sudo setcap cap_net_raw+ep {path}");
    if !facts.net_raw_can_be_had {
        let how = "start the container with --cap-add=NET_RAW (Kubernetes: securityContext.capabilities.add: [\"NET_RAW\"]), or capture outside of it with `tcpdump -w` and `shakedown read`";
        return (
            "CAP_NET_RAW is barred for all programs here, as in many containers".to_owned(),
            how.to_owned(),
        );
    }
    if facts.root || facts.net_raw {
        let why = if facts.user_namespace {
            "this is a user namespace, where root has rights over its own networks only"
        } else {
            "root, yet refused: a security module or a container's seccomp profile forbids it"
        };
        return (why.to_owned(), "capture outside of the container or sandbox, with `tcpdump -w`, and `shakedown read` here".to_owned());
    }
    if facts.no_new_privs {
        let why = if facts.file_has_capabilities {
            "the program has capabilities, but its parent forbids gaining any (no_new_privs)"
        } else {
            "CAP_NET_RAW is missing, and its parent forbids gaining any (no_new_privs)"
        };
        return (
            why.to_owned(),
            format!(
                "start it outside of that sandbox or service unit, and if it is refused there too: {}",
                grant(&path)
            ),
        );
    }
    if facts.nosuid {
        let to = "/usr/local/bin/shakedown";
        let how = format!(
            "sudo install {path} {to} && {}, and run that; or {sudo}",
            grant(to)
        );
        return ("CAP_NET_RAW is missing, and the program is on a file system mounted nosuid, where setcap has no effect".to_owned(), how);
    }
    if facts.file_has_capabilities {
        let how = format!("{}; or {sudo}", grant(&path));
        return (
            "the program has capabilities, but not CAP_NET_RAW, or they can't take effect"
                .to_owned(),
            how,
        );
    }
    let mut how = format!(
        "{} (once; again after each update), or {sudo}",
        grant(&path)
    );
    if facts.dumpcap {
        let name = quoted(interface);
        how += &format!(
            ", or without either: dumpcap -q -i {name} -w - | shakedown read - (the group wireshark gives the right to dumpcap alone)"
        );
    }
    ("CAP_NET_RAW is missing".to_owned(), how)
}

/// As a shell takes it for one word, with nothing that acts on a terminal.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    let text = clean(text);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap::Error::PcapError;

    fn ordinary() -> Facts {
        Facts::ordinary(System::Linux, Some("/usr/bin/shakedown".into()))
    }

    fn told(facts: &Facts) -> String {
        // As libpcap 1.10 says it.
        let error = PcapError("socket: Operation not permitted".to_owned());
        let text = explain("eth0", &error, facts);
        assert!(text.starts_with("eth0: no right to capture: "), "{text}");
        assert!(!text.contains('\n'));
        text
    }

    #[test]
    fn test_the_ordinary_user_is_given_the_command() {
        let text = told(&ordinary());
        assert!(
            text.contains("sudo setcap cap_net_raw+ep /usr/bin/shakedown"),
            "{text}"
        );
        assert!(text.contains("sudo") && !text.contains("dumpcap"), "{text}");
        let text = told(&Facts {
            dumpcap: true,
            ..ordinary()
        });
        assert!(
            text.contains("dumpcap -q -i eth0 -w - | shakedown read -"),
            "{text}"
        );
    }

    #[test]
    fn test_a_path_is_one_word_of_the_command() {
        let text = told(&Facts {
            program: Some("/home/me/it's mine/shakedown".into()),
            ..ordinary()
        });
        assert!(
            text.contains(r"setcap cap_net_raw+ep '/home/me/it'\''s mine/shakedown'"),
            "{text}"
        );
    }

    #[test]
    fn test_where_setcap_would_not_help_something_else_is_said() {
        let nosuid = Facts {
            nosuid: true,
            ..ordinary()
        };
        let text = told(&nosuid);
        assert!(text.contains("mounted nosuid"), "{text}");
        assert!(
            text.contains("setcap cap_net_raw+ep /usr/local/bin/shakedown"),
            "{text}"
        );
        let barred = Facts {
            net_raw_can_be_had: false,
            root: true,
            ..ordinary()
        };
        let text = told(&barred);
        assert!(
            text.contains("--cap-add=NET_RAW") && !text.contains("setcap"),
            "{text}"
        );
        let inside = Facts {
            root: true,
            user_namespace: true,
            ..ordinary()
        };
        assert!(told(&inside).contains("user namespace"));
        let locked = Facts {
            no_new_privs: true,
            file_has_capabilities: true,
            ..ordinary()
        };
        assert!(told(&locked).contains("no_new_privs"));
    }

    #[test]
    fn test_other_systems_have_their_own_grants() {
        let on = |system| {
            told(&Facts {
                system,
                ..ordinary()
            })
        };
        assert!(on(System::MacOs).contains("ChmodBPF"));
        assert!(on(System::MacOs).contains("sudo chown \"$USER\" /dev/bpf*"));
        assert!(on(System::Bsd).contains("/dev/bpf*"));
        assert!(on(System::Windows).contains("administrator"));
    }

    #[test]
    fn test_other_failures_are_not_taken_for_a_missing_right() {
        let say = |error: &str| explain("e\x1bth0", &PcapError(error.to_owned()), &ordinary());
        let text = say("No such device exists\n(No such device exists)");
        assert!(
            text.starts_with("e\\u{1b}th0: there is no such interface"),
            "{text}"
        );
        assert!(say("That device is not up").contains("ip link set 'e\\u{1b}th0' up"));
        let text = say("can't mmap\nrx ring\x07");
        assert!(text.ends_with("can't mmap rx ring\\u{7}"), "{text}");
        assert!(!text.contains("setcap"));
    }
}
