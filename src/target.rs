//! What the user asks about: the names and networks of one service.
//!
//! A target is the built-in one ([`Target::tiktok`]), a profile ([`Target::from_toml`], form in [`profile`]), or
//! everything ([`Target::everything`]); `--host` and `--net` add to it. It opens no file: the program reads profiles
//! and passes their text.
//!
//! Names decide. A name matches the longest suffix over whole labels, and that suffix is either the target's or an
//! exception. Networks are for flows that show no name, and only those that the service itself operates count: most
//! of a large service is reached at addresses of CDNs and ISP caches.
//!
//! The built-in target holds the suffixes that belong to TikTok, and as *shared* those that several ByteDance apps use
//! and at least one TikTok list names: they count, and whoever judges can see that they are weak evidence. Names of
//! sibling apps (CapCut, Douyin, Lark ...) never count, nor does the public name of Encrypted Client Hello
//! (`cloudflare-ech.com`), which stands for a provider.

mod label;
pub mod profile;
mod role;
mod suffix;

use std::fmt;

pub use label::{LabelError, LabelPattern};
pub use profile::ProfileError;
pub use role::{Role, UnknownRole};
pub use suffix::SuffixError;

use crate::data::prefix::{Prefix, PrefixError, PrefixTable};
use crate::data::suffix::{MAX_NAME, SuffixMap, lower};
use crate::data::{self, Weight};
use crate::types::Addr;
use suffix::clean_suffix;

/// Most bytes of a profile.
pub const MAX_PROFILE: usize = 1 << 20;
/// Most suffixes of a target, exceptions included.
pub const MAX_HOSTS: usize = 10_000;
/// Most patterns of first labels.
pub const MAX_LABELS: usize = 256;
/// Most networks of a target.
pub const MAX_NETS: usize = 10_000;

/// The names and networks of a service.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its name, as `--target` takes it and reports show it.
    pub name: String,
    /// One line that says what it is.
    pub description: String,
    /// Where it comes from: `built-in`, or the file as its reader called it.
    pub origin: String,
    suffixes: SuffixMap<Box<str>, Suffix>,
    labels: Vec<(LabelPattern, Role)>,
    nets: Vec<Prefix>,
    index: PrefixTable<()>,
    all: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Suffix {
    Target { role: Role, shared: bool },
    Exception,
}

/// A name that belongs to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostMatch<'t> {
    /// What the host is for.
    pub role: Role,
    /// The suffix that matched; empty if the name matched only because everything does.
    pub suffix: &'t str,
    /// Other services use the name too: weak evidence for this one.
    pub shared: bool,
}

/// Why a host, net or profile cannot be added.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// No host suffix.
    #[error(transparent)]
    Suffix(#[from] SuffixError),
    /// No prefix.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The suffix is there already.
    #[error("`{0}` is listed twice")]
    Twice(String),
    /// A limit is reached.
    #[error("more than {0} {1}")]
    TooMany(usize, &'static str),
}

impl Target {
    /// Names of the built-in targets.
    pub const BUILT_IN: [&'static str; 1] = ["tiktok"];

    /// The built-in target of that name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        (name == "tiktok").then(Self::tiktok)
    }

    /// TikTok, from the tables of [`data`].
    #[must_use]
    pub fn tiktok() -> Self {
        let mut target = Self::named("tiktok");
        "TikTok: app, web site, media and live streams".clone_into(&mut target.description);
        "built-in".clone_into(&mut target.origin);
        for host in data::tiktok_hosts() {
            let suffix = match host.group {
                "sibling" => Suffix::Exception,
                group => Suffix::Target {
                    role: host.role.parse().unwrap_or_default(),
                    shared: group != "tiktok",
                },
            };
            target.suffixes.insert(host.suffix.into(), suffix);
        }
        target.labels = data::tiktok_labels()
            .filter_map(|(label, role)| Some((LabelPattern::new(label).ok()?, role.parse().ok()?)))
            .collect();
        let strong = data::networks().filter(|net| net.weight == Weight::Strong);
        target.nets = strong.map(|net| net.prefix).collect();
        target.index_nets();
        target
    }

    /// Every service: all names and addresses match, with no role.
    #[must_use]
    pub fn everything() -> Self {
        let mut target = Self::named("all");
        "every service in the capture".clone_into(&mut target.description);
        "built-in".clone_into(&mut target.origin);
        target.all = true;
        target
    }

    /// Reads a profile. `origin` is what errors call the file.
    ///
    /// # Errors
    /// [`ProfileError`]: one line with the place, for text that is no TOML, has a field that no profile has, or names a
    /// host, net, label or role that cannot be.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, ProfileError> {
        profile::read(text, origin)
    }

    /// The target in the form of a profile, sorted; [`from_toml`](Self::from_toml) reads it back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        profile::write(self)
    }

    /// Makes everything match, or only what belongs to the target again.
    pub fn set_all(&mut self, all: bool) {
        self.all = all;
    }

    /// True if everything matches.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Adds a host suffix (`example.com`, `*.example.com`) that belongs to the target, also where it was an exception
    /// or shared. A suffix that is there already keeps its role.
    ///
    /// # Errors
    /// If it is no suffix, or there are [`MAX_HOSTS`] already.
    pub fn add_host(&mut self, text: &str) -> Result<(), TargetError> {
        let clean = clean_suffix(text)?;
        let role = match self.suffixes.longest(&clean) {
            Some((known, &Suffix::Target { role, .. })) if known == clean => role,
            _ => Role::Unknown,
        };
        let suffix = Suffix::Target {
            role,
            shared: false,
        };
        self.suffixes.insert(clean.into(), suffix);
        self.within_hosts()
    }

    /// Adds a network (`192.0.2.0/24`, `2001:db8::/32`, or one address) that belongs to the target.
    ///
    /// # Errors
    /// If it is no prefix, or there are [`MAX_NETS`] already.
    pub fn add_net(&mut self, text: &str) -> Result<(), TargetError> {
        self.push_net(text.trim().parse()?)?;
        self.index_nets();
        Ok(())
    }

    /// The role and suffix of a host name that belongs to the target; `None` for any other name. A final dot and case
    /// do not matter. One hash for each label that can begin a known suffix; no allocation.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> Option<HostMatch<'_>> {
        let anything = self.all.then_some(HostMatch {
            role: Role::Unknown,
            suffix: "",
            shared: false,
        });
        match self.suffixes.longest(name) {
            Some((suffix, &Suffix::Target { role, shared })) => Some(HostMatch {
                role: self.refine(role, name, suffix),
                suffix,
                shared,
            }),
            _ => anything,
        }
    }

    /// True if the address lies in a network that the service itself operates (or one that the user added).
    #[must_use]
    pub fn matches_addr(&self, addr: Addr) -> bool {
        self.all || self.index.longest(addr).is_some()
    }

    /// The suffixes of the target, sorted.
    pub fn hosts(&self) -> impl Iterator<Item = HostMatch<'_>> {
        let found = self
            .suffixes
            .iter()
            .filter_map(|(suffix, &kind)| match kind {
                Suffix::Target { role, shared } => Some(HostMatch {
                    role,
                    suffix,
                    shared,
                }),
                Suffix::Exception => None,
            });
        sorted(found, |host| host.suffix)
    }

    /// The suffixes that are not the target, sorted.
    pub fn exceptions(&self) -> impl Iterator<Item = &str> {
        let found = self.suffixes.iter();
        let found =
            found.filter_map(|(suffix, &kind)| (kind == Suffix::Exception).then_some(suffix));
        sorted(found, |suffix| *suffix)
    }

    /// The networks, in the order of their addresses.
    pub fn nets(&self) -> impl Iterator<Item = Prefix> {
        self.index.iter().map(|&(prefix, ())| prefix)
    }

    /// The target at length, for `shakedown targets`: every suffix with its role, the networks, and where the data
    /// comes from.
    #[must_use]
    pub fn describe(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| {
            writeln!(f, "{} ({}): {}", self.name, self.origin, self.description)?;
            if self.all {
                writeln!(f, "everything matches")?;
            }
            for host in self.hosts() {
                let shared = if host.shared { " (shared)" } else { "" };
                writeln!(f, "  {:<9}  {}{shared}", host.role, host.suffix)?;
            }
            for suffix in self.exceptions() {
                writeln!(f, "  {:<9}  {suffix}", "not")?;
            }
            for net in self.nets() {
                writeln!(f, "  {:<9}  {net}", "net")?;
            }
            self.sources().try_for_each(|line| writeln!(f, "# {line}"))
        })
    }

    /// Sources, dates and remarks of the data behind a built-in target, one line each; nothing for a profile.
    pub fn sources(&self) -> impl Iterator<Item = &'static str> {
        let from_tables = self.origin == "built-in" && self.name == "tiktok";
        data::tiktok_sources().filter(move |_| from_tables)
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The first label of a name below its suffix may tell more than the suffix. A CNAME target stays one.
    fn refine(&self, role: Role, name: &str, suffix: &str) -> Role {
        if role == Role::DnsCname || self.labels.is_empty() {
            return role;
        }
        let mut buffer = [0; MAX_NAME];
        let Some(name) = lower(name, &mut buffer).filter(|name| name.len() > suffix.len()) else {
            return role;
        };
        let first = name.split('.').next().unwrap_or_default();
        let found = self.labels.iter().find(|(label, _)| label.matches(first));
        found.map_or(role, |&(_, role)| role)
    }

    fn add_suffix(&mut self, text: &str, role: Role, shared: bool) -> Result<(), TargetError> {
        self.insert_new(text, Suffix::Target { role, shared })
    }

    fn add_exception(&mut self, text: &str) -> Result<(), TargetError> {
        self.insert_new(text, Suffix::Exception)
    }

    fn insert_new(&mut self, text: &str, kind: Suffix) -> Result<(), TargetError> {
        let clean = clean_suffix(text)?;
        if self.suffixes.insert(clean.as_str().into(), kind).is_some() {
            return Err(TargetError::Twice(clean));
        }
        self.within_hosts()
    }

    fn within_hosts(&self) -> Result<(), TargetError> {
        if self.suffixes.len() > MAX_HOSTS {
            return Err(TargetError::TooMany(MAX_HOSTS, "hosts"));
        }
        Ok(())
    }

    fn push_net(&mut self, prefix: Prefix) -> Result<(), TargetError> {
        if self.nets.len() >= MAX_NETS {
            return Err(TargetError::TooMany(MAX_NETS, "nets"));
        }
        self.nets.push(prefix);
        Ok(())
    }

    fn index_nets(&mut self) {
        self.index = self.nets.iter().map(|&prefix| (prefix, ())).collect();
    }
}

fn sorted<'a, T>(
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> &'a str,
) -> impl Iterator<Item = T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable_by(|a, b| key(a).cmp(key(b)));
    items.into_iter()
}

#[cfg(test)]
mod tests;
