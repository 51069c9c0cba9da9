//! A pair of captures of the same service, and what `shakedown compare` must say about them.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::case::quote;
use crate::net::Net;

/// What happens on the wire in one of the captures.
type Build = Box<dyn Fn(&Net)>;

/// What is expected of one name.
struct Name {
    name: String,
    relation: String,
    a: String,
    b: String,
    first: Option<String>,
}

/// The folder `fixtures/compare/<name>`: `a.pcap`, `b.pcap` and `pair.toml`.
pub struct Pair {
    name: String,
    about: String,
    relation: String,
    exit: i32,
    names: Vec<Name>,
    proofs: Vec<(String, Option<String>)>,
    differs: Vec<String>,
    only: [Vec<String>; 2],
    build: [Build; 2],
}

impl Pair {
    /// A pair with nothing in it: `relation` is `same`, `different` or `undecided`.
    pub fn new(name: &str, relation: &str) -> Self {
        Self {
            name: name.to_owned(),
            about: String::new(),
            relation: relation.to_owned(),
            exit: match relation {
                "same" => 0,
                "different" => 1,
                _ => 3,
            },
            names: Vec::new(),
            proofs: Vec::new(),
            differs: Vec::new(),
            only: [Vec::new(), Vec::new()],
            build: [Box::new(|_| ()), Box::new(|_| ())],
        }
    }

    /// One sentence: what was done.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.about = text.to_owned();
        self
    }

    /// Exit status, where the relation does not say it.
    #[must_use]
    pub fn exit(mut self, status: i32) -> Self {
        self.exit = status;
        self
    }

    /// A row: the name, how its outcomes `a` and `b` stand to each other, and the first stage that differs.
    #[must_use]
    pub fn row(
        mut self,
        name: &str,
        relation: &str,
        a: &str,
        b: &str,
        first: Option<&str>,
    ) -> Self {
        self.names.push(Name {
            name: name.to_owned(),
            relation: relation.to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
            first: first.map(str::to_owned),
        });
        self
    }

    /// A proof: what it is about, and in which capture (`a`, `b`, or neither). They are all that may come.
    #[must_use]
    pub fn proof(mut self, about: &str, side: Option<&str>) -> Self {
        self.proofs
            .push((about.to_owned(), side.map(str::to_owned)));
        self
    }

    /// Kinds of differences that must be listed.
    #[must_use]
    pub fn differs(mut self, kinds: &[&str]) -> Self {
        self.differs.extend(kinds.iter().map(|k| (*k).to_owned()));
        self
    }

    /// Names of one capture alone: `which` is 0 for the first.
    #[must_use]
    pub fn only(mut self, which: usize, name: &str) -> Self {
        self.only[which].push(name.to_owned());
        self
    }

    /// What happens in the first capture.
    #[must_use]
    pub fn a(mut self, build: impl Fn(&Net) + 'static) -> Self {
        self.build[0] = Box::new(build);
        self
    }

    /// What happens in the second capture.
    #[must_use]
    pub fn b(mut self, build: impl Fn(&Net) + 'static) -> Self {
        self.build[1] = Box::new(build);
        self
    }

    /// `compare/name`, its folder below `fixtures`.
    pub fn id(&self) -> String {
        format!("compare/{}", self.name)
    }

    /// Makes both captures and writes everything into `folder`.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (build, file) in self.build.iter().zip(["a.pcap", "b.pcap"]) {
            let net = Net::new(&format!("{}/{file}", self.id()));
            build(&net);
            fs::write(folder.join(file), net.file().1)?;
        }
        fs::write(folder.join("pair.toml"), self.toml())
    }

    /// The text of pair.toml.
    pub fn toml(&self) -> String {
        let list = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|n| quote(n)).collect();
            format!("[{}]", names.join(", "))
        };
        let mut t = String::new();
        let _ = writeln!(t, "about = {}", quote(&self.about));
        let _ = writeln!(t, "made = \"crafted\"");
        let _ = writeln!(t, "relation = {}", quote(&self.relation));
        let _ = writeln!(t, "exit = {}", self.exit);
        let _ = writeln!(t, "differs = {}", list(&self.differs));
        let _ = writeln!(t, "only_a = {}", list(&self.only[0]));
        let _ = writeln!(t, "only_b = {}", list(&self.only[1]));
        for n in &self.names {
            let _ = writeln!(t, "\n[[name]]");
            let _ = writeln!(t, "name = {}", quote(&n.name));
            let _ = writeln!(t, "relation = {}", quote(&n.relation));
            let _ = writeln!(t, "a = {}", quote(&n.a));
            let _ = writeln!(t, "b = {}", quote(&n.b));
            if let Some(first) = &n.first {
                let _ = writeln!(t, "first_difference = {}", quote(first));
            }
        }
        for (about, side) in &self.proofs {
            let _ = writeln!(t, "\n[[proof]]\nabout = {}", quote(about));
            if let Some(side) = side {
                let _ = writeln!(t, "side = {}", quote(side));
            }
        }
        t
    }
}
