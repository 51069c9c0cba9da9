//! Target profiles as TOML: reading a user's, and writing any target in the same form.
//!
//! ```toml
//! name = "example"                     # required; letters, digits, - and _
//! description = "An example service"   # one line, for `shakedown targets`
//!
//! # Names of the service. A suffix covers itself and all names below it, over whole labels.
//! # `role` is optional; `shared = true` says that other services use the name too.
//! hosts = [
//!   { suffix = "example.com", role = "web" },
//!   { suffix = "api.example.com", role = "api" },
//!   { suffix = "example.edgesuite.net", role = "dns-cname", shared = true },
//! ]
//!
//! # Suffixes that are not the target, although a shorter one above is.
//! except = ["status.example.com"]
//!
//! # First labels that tell the role of a name below a suffix. The first that matches wins.
//! # * stands for anything, # for one or more digits.
//! labels = [{ label = "v#-*", role = "media-cdn" }]
//!
//! # Networks that are the service's own, for connections that show no name.
//! nets = ["192.0.2.0/24", "2001:db8::/32"]
//! ```
//!
//! The public name of Encrypted Client Hello (`cloudflare-ech.com` and the like) stands for a provider, not for a
//! service: it does not belong into a profile.

use std::fmt::Write as _;

use serde::Deserialize;
use toml::Spanned;

use super::label::LabelPattern;
use super::role::Role;
use super::{MAX_HOSTS, MAX_LABELS, MAX_NETS, MAX_PROFILE, Target};

/// Why a profile cannot be used: one line, with the place in the file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{origin}:{line}: {message}")]
pub struct ProfileError {
    /// The name of the file, as the caller gave it.
    pub origin: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong, without a line break.
    pub message: String,
}

/// A list that may be absent, with its place in the file.
type List<T> = Option<Spanned<Vec<T>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    hosts: List<HostEntry>,
    except: List<Spanned<String>>,
    labels: List<LabelEntry>,
    nets: List<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostEntry {
    suffix: Spanned<String>,
    role: Option<Spanned<String>>,
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelEntry {
    label: Spanned<String>,
    role: Spanned<String>,
}

/// A message and the byte it is about.
type Fault = (usize, String);

/// Reads a profile; see the module's doc for the form.
pub(super) fn read(text: &str, origin: &str) -> Result<Target, ProfileError> {
    let result = if text.len() > MAX_PROFILE {
        Err((0, format!("a profile may have {MAX_PROFILE} bytes at most")))
    } else {
        toml::from_str(text).map_err(syntax).and_then(build)
    };
    let mut target = result.map_err(|(at, message)| error(text, origin, at, &message))?;
    origin.clone_into(&mut target.origin);
    Ok(target)
}

fn syntax(error: toml::de::Error) -> Fault {
    let at = error.span().map_or(0, |span| span.start);
    (at, error.message().to_owned())
}

fn error(text: &str, origin: &str, at: usize, message: &str) -> ProfileError {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    ProfileError {
        origin: origin.to_owned(),
        line: 1 + before.iter().filter(|&&b| b == b'\n').count(),
        message: one_line(message),
    }
}

/// Words of `text` with single spaces and without control characters, which a terminal would obey.
fn one_line(text: &str) -> String {
    let plain = text.replace(|c: char| c.is_control(), " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn build(profile: Profile) -> Result<Target, Fault> {
    let mut target = Target::named(name(&profile.name)?);
    target.description = one_line(&profile.description);
    add_hosts(&mut target, &profile.hosts)?;
    for suffix in capped(&profile.except, MAX_HOSTS, "suffixes")? {
        let added = target.add_exception(suffix.as_ref());
        added.map_err(|e| fault(suffix, &e))?;
    }
    for entry in capped(&profile.labels, MAX_LABELS, "labels")? {
        let pattern = LabelPattern::new(entry.label.as_ref());
        let pattern = pattern.map_err(|e| fault(&entry.label, &e))?;
        target.labels.push((pattern, role(&entry.role)?));
    }
    for text in capped(&profile.nets, MAX_NETS, "nets")? {
        let prefix = text.as_ref().parse().map_err(|e| fault(text, &e))?;
        target.push_net(prefix).map_err(|e| fault(text, &e))?;
    }
    target.index_nets();
    if target.suffixes.is_empty() && target.nets.is_empty() {
        let at = profile.name.span().start;
        return Err((at, "a profile needs hosts or nets".to_owned()));
    }
    Ok(target)
}

fn add_hosts(target: &mut Target, hosts: &List<HostEntry>) -> Result<(), Fault> {
    for host in capped(hosts, MAX_HOSTS, "hosts")? {
        let role = host.role.as_ref().map_or(Ok(Role::Unknown), role)?;
        let added = target.add_suffix(host.suffix.as_ref(), role, host.shared);
        added.map_err(|e| fault(&host.suffix, &e))?;
    }
    Ok(())
}

fn name(text: &Spanned<String>) -> Result<&str, Fault> {
    let name = text.as_ref();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name)
    } else {
        let message = "a profile's name is 1 to 64 letters, digits, `-` and `_`";
        Err((text.span().start, message.to_owned()))
    }
}

fn role(text: &Spanned<String>) -> Result<Role, Fault> {
    text.as_ref().parse().map_err(|e| fault(text, &e))
}

fn capped<'a, T>(list: &'a List<T>, most: usize, what: &str) -> Result<&'a [T], Fault> {
    let Some(list) = list else {
        return Ok(&[]);
    };
    if list.as_ref().len() > most {
        let message = format!("more than {most} {what}");
        return Err((list.span().start, message));
    }
    Ok(list.as_ref())
}

fn fault<T>(at: &Spanned<T>, error: &dyn std::error::Error) -> Fault {
    (at.span().start, error.to_string())
}

/// The target as a profile that [`read`] takes back: sorted, so that equal targets give equal text.
pub(super) fn write(target: &Target) -> String {
    let mut text = format!("name = {}\n", quoted(&target.name));
    if !target.description.is_empty() {
        // Writing to a string cannot fail; here and below.
        let _ = writeln!(text, "description = {}", quoted(&target.description));
    }
    let hosts = target.hosts().map(|host| {
        let shared = if host.shared { ", shared = true" } else { "" };
        let suffix = quoted(host.suffix);
        format!("{{ suffix = {suffix}, role = \"{}\"{shared} }}", host.role)
    });
    list(&mut text, "hosts", hosts);
    list(&mut text, "except", target.exceptions().map(quoted));
    let labels = target.labels.iter().map(|(pattern, role)| {
        let label = quoted(pattern.as_str());
        format!("{{ label = {label}, role = \"{role}\" }}")
    });
    list(&mut text, "labels", labels);
    list(
        &mut text,
        "nets",
        target.nets().map(|net| format!("\"{net}\"")),
    );
    text
}

fn list(text: &mut String, key: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{key} = [");
    for item in items {
        let _ = writeln!(text, "  {item},");
    }
    text.push_str("]\n");
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../examples/profiles/example.toml");

    fn message(text: &str) -> String {
        read(text, "p.toml").unwrap_err().to_string()
    }

    #[test]
    fn test_example_profile() {
        let target = read(EXAMPLE, "example.toml").unwrap();
        assert_eq!(target.name, "example");
        let role = |name| target.matches_name(name).map(|m| (m.role, m.shared));
        assert_eq!(role("www.example.com"), Some((Role::Web, false)));
        assert_eq!(role("v2-a.example.com"), Some((Role::MediaCdn, false)));
        assert_eq!(role("status.example.com"), None);
        assert_eq!(
            role("www.example.edgesuite.net"),
            Some((Role::DnsCname, true))
        );
        let addr = std::net::IpAddr::from([192, 0, 2, 77]);
        assert!(target.matches_addr(addr.into()));
    }

    #[test]
    fn test_written_profile_reads_back() {
        for target in [read(EXAMPLE, "x").unwrap(), Target::tiktok()] {
            let text = write(&target);
            let again = read(&text, "again").unwrap();
            assert_eq!(write(&again), text);
            assert!(again.hosts().eq(target.hosts()));
            assert!(again.nets().eq(target.nets()));
        }
    }

    #[test]
    fn test_errors_are_one_line_with_its_number() {
        let head = "name = \"x\"\nhosts = [{ suffix = \"a.b\" }]\n";
        for (text, want) in [
            ("", "p.toml:1: missing field `name`"),
            ("name = \"x\"\n", "p.toml:1: a profile needs hosts or nets"),
            (
                "\nname = \"a b\"",
                "p.toml:2: a profile's name is 1 to 64 letters, digits, `-` and `_`",
            ),
            (
                &format!("{head}nets = [\n \"10.0.0.0/8\",\n \"10.0.0.1/8\",\n]"),
                "p.toml:5: `10.0.0.1/8` has bits set after its length; the prefix is 10.0.0.0/8",
            ),
            (
                "name = \"x\"\nhosts = [\n  { suffix = \"a.b\" },\n  { suffix = \"A.b.\" },\n]",
                "p.toml:4: `a.b` is listed twice",
            ),
            (
                &format!("{head}except = [\"a.b\"]"),
                "p.toml:3: `a.b` is listed twice",
            ),
            (
                &format!("{head}labels = [{{ label = \"a.b\", role = \"api\" }}]"),
                "p.toml:3: `a.b` is no label pattern: 1 to 63 letters, digits, `-`, `_`, \
                 `*` (anything) and `#` (digits), no dot",
            ),
            (
                "name = \"x\"\nhosts = [{ suffix = \"a.b\", role = \"video\" }]",
                "p.toml:2: roles are login, api, feed, web, media-cdn, image-cdn, live, telemetry, \
                 ads, dns-cname, unknown",
            ),
        ] {
            assert_eq!(message(text), want);
        }
    }

    #[test]
    fn test_unknown_fields_are_refused() {
        for text in [
            "name = \"x\"\nhost = []",
            "name = \"x\"\nhosts = [{ suffix = \"a.b\", rule = \"api\" }]",
            "name = \"x\"\nlabels = [{ label = \"a\", role = \"api\", x = 1 }]",
        ] {
            let message = message(text);
            assert!(message.starts_with("p.toml:2: unknown field"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn test_control_characters_are_taken_out() {
        let escape = "name = \"x\"\nhosts = [{ suffix = \"\\u001b[31m\\na b\" }]";
        let want = "p.toml:2: ` [31m a b` is no host suffix";
        assert!(message(escape).starts_with(want), "{}", message(escape));
        let text = "name = \"x\"\ndescription = \"\"\"a\n b\\u0007c\"\"\"\nnets = [\"::1\"]";
        assert_eq!(read(text, "p").unwrap().description, "a b c");
    }

    #[test]
    fn test_limits() {
        let long = format!("# {}\nname = \"x\"", "a".repeat(MAX_PROFILE));
        assert!(message(&long).ends_with("bytes at most"));
        let labels = "{ label = \"a\", role = \"api\" },".repeat(MAX_LABELS + 1);
        let many = format!("name = \"x\"\nlabels = [{labels}]");
        assert_eq!(
            message(&many),
            format!("p.toml:2: more than {MAX_LABELS} labels")
        );
    }

    /// Random damage to a valid profile: an error or another profile, never a panic.
    #[test]
    fn test_mutations_do_not_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 16).unwrap() % below
        };
        for _ in 0..3000 {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = b"\"'[]{}=,.#*\n\\ \xc3\xa99x"[random(18)],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Err(error) = read(&text, "x") {
                assert!(error.line <= 1 + text.matches('\n').count());
            }
        }
    }
}
