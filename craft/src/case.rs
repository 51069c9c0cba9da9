//! A fixture: how its capture is made, and what shakedown must say about it.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::net::Net;

/// A value in a finding's `extra`.
#[derive(Clone, Debug)]
pub enum Value {
    /// Whole number.
    Int(i64),
    /// Number.
    Float(f64),
    /// Truth.
    Bool(bool),
    /// Text.
    Text(String),
    /// List.
    List(Vec<Value>),
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<i32> for Value {
    fn from(v: i32) -> Self {
        Self::Int(v.into())
    }
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::Float(v)
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Value {
    fn from(v: &[T]) -> Self {
        Self::List(v.iter().cloned().map(Into::into).collect())
    }
}

/// What is expected of one attempt.
#[derive(Clone, Debug)]
pub struct Expect {
    outcome: &'static str,
    stage: Option<String>,
    cause: Option<String>,
    blame: Option<String>,
    findings: Vec<String>,
    extra: Vec<(String, Value)>,
}

impl Expect {
    fn of(outcome: &'static str, stage: Option<&str>, cause: Option<&str>) -> Self {
        Self {
            outcome,
            stage: stage.map(str::to_owned),
            cause: cause.map(str::to_owned),
            blame: None,
            findings: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// It broke at this stage for this cause.
    pub fn broken(stage: &str, cause: &str) -> Self {
        Self::of("broken", Some(stage), Some(cause))
    }

    /// It worked, worse than it should for this cause.
    pub fn degraded(stage: &str, cause: &str) -> Self {
        Self::of("degraded", Some(stage), Some(cause))
    }

    /// It worked.
    pub fn ok() -> Self {
        Self::of("ok", None, None)
    }

    /// The capture ends before anyone could know.
    pub fn unfinished() -> Self {
        Self::of("unfinished", None, None)
    }

    /// Names the stage where [`Expect::ok`] and [`Expect::unfinished`] name none.
    #[must_use]
    pub fn stage(mut self, stage: &str) -> Self {
        self.stage = Some(stage.to_owned());
        self
    }

    /// Names the cause where they name none.
    #[must_use]
    pub fn cause(mut self, cause: &str) -> Self {
        self.cause = Some(cause.to_owned());
        self
    }

    /// Who is blamed.
    #[must_use]
    pub fn blame(mut self, blame: &str) -> Self {
        self.blame = Some(blame.to_owned());
        self
    }

    /// A cause that must be among the findings (call it for each).
    #[must_use]
    pub fn finding(mut self, cause: &str) -> Self {
        self.findings.push(cause.to_owned());
        self
    }

    /// A field that the cause's finding must have in `extra`.
    #[must_use]
    pub fn extra(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.push((key.to_owned(), value.into()));
        self
    }
}

/// One fixture of the registry: the folder `fixtures/<cause>/<case>`.
pub struct Case {
    cause: String,
    name: String,
    about: String,
    args: Vec<String>,
    exit: Option<i32>,
    keys: bool,
    attempts: Vec<(Option<String>, Expect)>,
    verdict: Vec<(&'static str, String)>,
    build: Box<dyn Fn(&Net)>,
}

impl Case {
    /// A case of `cause` (or a heading such as `healthy`), with nothing captured and no attempt expected.
    pub fn new(cause: &str, name: &str) -> Self {
        Self {
            cause: cause.to_owned(),
            name: name.to_owned(),
            about: String::new(),
            args: Vec::new(),
            exit: None,
            keys: false,
            attempts: Vec::new(),
            verdict: Vec::new(),
            build: Box::new(|_| ()),
        }
    }

    /// One sentence: what was done.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.about = text.to_owned();
        self
    }

    /// Extra arguments of `shakedown read`. `{dir}` stands for the fixture's folder.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Exit status, where it is not 1 with a broken attempt and 0 without.
    #[must_use]
    pub fn exit(mut self, status: i32) -> Self {
        self.exit = Some(status);
        self
    }

    /// Writes the TLS key log as `keys.log` beside the capture and passes it with `--keylog {dir}/keys.log`.
    #[must_use]
    pub fn keylog(mut self) -> Self {
        self.keys = true;
        self.args(&["--keylog", "{dir}/keys.log"])
    }

    /// The attempt to reach `name`.
    #[must_use]
    pub fn expect(mut self, name: &str, e: Expect) -> Self {
        self.attempts.push((Some(name.to_owned()), e));
        self
    }

    /// An attempt of which only the address is known.
    #[must_use]
    pub fn expect_address(mut self, e: Expect) -> Self {
        self.attempts.push((None, e));
        self
    }

    /// What the verdict over all attempts must say: `outcome`, `scope`, `blame`, `cause` or `stage`.
    #[must_use]
    pub fn verdict(mut self, fields: &[(&'static str, String)]) -> Self {
        self.verdict.extend_from_slice(fields);
        self
    }

    /// No attempt is expected (the same as expecting nothing; says that it is meant).
    #[must_use]
    pub fn expect_none(self) -> Self {
        self
    }

    /// What happens on the wire.
    #[must_use]
    pub fn capture(mut self, build: impl Fn(&Net) + 'static) -> Self {
        self.build = Box::new(build);
        self
    }

    /// `cause/case`, its folder below `fixtures`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.cause, self.name)
    }

    /// What was done.
    pub fn about_text(&self) -> &str {
        &self.about
    }

    /// Makes the capture.
    pub fn run(&self) -> Net {
        let net = Net::new(&self.id());
        (self.build)(&net);
        net
    }

    /// Makes the capture and writes `capture.*`, `case.toml` and, if asked for, `keys.log` into `folder`.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let net = self.run();
        let (file, bytes) = net.packed_file();
        fs::create_dir_all(folder)?;
        // What stands there may have another ending.
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("capture.") {
                fs::remove_file(entry.path())?;
            }
        }
        fs::write(folder.join(file), bytes)?;
        if self.keys {
            fs::write(folder.join("keys.log"), net.key_log())?;
        }
        fs::write(folder.join("case.toml"), self.toml(file))
    }

    /// The text of case.toml for a capture of this name.
    pub fn toml(&self, file: &str) -> String {
        let args: Vec<_> = self.args.iter().map(|a| quote(a)).collect();
        let broken = self.attempts.iter().any(|(_, e)| e.outcome == "broken");
        let mut t = String::new();
        let _ = writeln!(t, "about = {}", quote(&self.about));
        let _ = writeln!(t, "made = \"crafted\"");
        let _ = writeln!(t, "capture = {}", quote(file));
        let _ = writeln!(t, "args = [{}]", args.join(", "));
        let _ = writeln!(t, "exit = {}", self.exit.unwrap_or(i32::from(broken)));
        for (name, e) in &self.attempts {
            attempt(&mut t, name.as_deref(), e);
        }
        if !self.verdict.is_empty() {
            let _ = writeln!(t, "\n[verdict]");
        }
        for (key, value) in &self.verdict {
            let _ = writeln!(t, "{key} = {}", quote(value));
        }
        t
    }
}

fn attempt(t: &mut String, name: Option<&str>, e: &Expect) {
    let text = |v: &Option<String>| v.as_deref().map(quote);
    let list: Vec<_> = e.findings.iter().map(|f| quote(f)).collect();
    let extra: Vec<_> = e
        .extra
        .iter()
        .map(|(k, v)| format!("{k} = {}", value(v)))
        .collect();
    let fields = [
        ("name", name.map(quote)),
        ("outcome", Some(quote(e.outcome))),
        ("stage", text(&e.stage)),
        ("cause", text(&e.cause)),
        ("blame", text(&e.blame)),
        (
            "findings",
            (!list.is_empty()).then(|| format!("[{}]", list.join(", "))),
        ),
        (
            "extra",
            (!extra.is_empty()).then(|| format!("{{ {} }}", extra.join(", "))),
        ),
    ];
    let _ = writeln!(t, "\n[[attempt]]");
    for (key, value) in fields {
        if let Some(v) = value {
            let _ = writeln!(t, "{key} = {v}");
        }
    }
}

fn value(v: &Value) -> String {
    match v {
        Value::Int(i) => i.to_string(),
        Value::Float(f) => format!("{f:?}"),
        Value::Bool(b) => b.to_string(),
        Value::Text(s) => quote(s),
        Value::List(l) => format!("[{}]", l.iter().map(value).collect::<Vec<_>>().join(", ")),
    }
}

/// A TOML basic string.
pub(crate) fn quote(text: &str) -> String {
    let mut o = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => o.push_str("\\\""),
            '\\' => o.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(o, "\\u{:04x}", c as u32);
            }
            c => o.push(c),
        }
    }
    o.push('"');
    o
}
