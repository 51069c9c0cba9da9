//! The report for a person: the verdict first, then each attempt with a cell per stage, the break, its proof
//! and a display filter to copy.
//!
//! Every state has a word beside its colour; without colour nothing is lost.

use crate::snapshot::{
    Attempt, Capture, Finding, Outcome, Path, Report, Resolver, Server, Severity, StageCell,
    Status, Step, Unblock,
};
use std::io::{self, Write};

/// How to paint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// With ANSI colours (16 of them, so that light and dark terminals both serve).
    pub color: bool,
    /// The verdict with its steps, attempts that went well in one line, and no tables of servers and resolvers.
    pub quiet: bool,
    /// Every finding and path, also of attempts that went well.
    pub verbose: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Ink {
    Good,
    Warn,
    Bad,
    Dim,
    Bold,
}

impl Style {
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Warn => "33",
            Ink::Bad => "31",
            Ink::Dim => "2",
            Ink::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes the report.
///
/// # Errors
/// Whatever `out` answers.
pub fn write(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    verdict(report, style, out)?;
    for attempt in &report.attempts {
        write_attempt(report, attempt, style, out)?;
    }
    if !style.quiet {
        servers(&report.servers, style, out)?;
        resolvers(&report.resolvers, style, out)?;
    }
    captures(&report.captures, style, out)
}

/// Writes the verdict, and what was wrong with the captures, without the attempts.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_summary(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)?;
    verdict(report, style, out)?;
    lost(report, style, out)?;
    captures(&report.captures, style, out)
}

/// Packets that the captures lost: they stand beside the verdict, none as well as many.
fn lost(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let packets: u64 = report.captures.iter().map(|c| c.packets).sum();
    let known = report.captures.iter().filter_map(|c| c.dropped);
    let lost: u64 = known.sum();
    let ink = if lost > 0 { Ink::Bad } else { Ink::Dim };
    let text = format!(
        "        {packets} packets captured, {lost} dropped by the kernel or the interface"
    );
    writeln!(out, "{}", style.ink(ink, &text))
}

/// Writes an attempt of a running capture; `was` is what was told of it before.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_ended(
    report: &Report,
    attempt: &Attempt,
    was: Option<Outcome>,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    write_attempt(report, attempt, style, out)?;
    match was {
        Some(was) if was != attempt.outcome => {
            let text = format!(
                "changed: was {}, is {} now",
                was.as_str(),
                attempt.outcome.as_str()
            );
            writeln!(out, "   {}", style.ink(Ink::Warn, &text))
        }
        Some(_) => writeln!(out, "   {}", style.ink(Ink::Warn, "changed: another cause")),
        None => Ok(()),
    }
}

pub(super) fn outcome_ink(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Ok => Ink::Good,
        Outcome::Degraded => Ink::Warn,
        Outcome::Broken => Ink::Bad,
        Outcome::Unfinished | Outcome::Abandoned => Ink::Dim,
    }
}

fn verdict(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let v = &report.verdict;
    let word = style.ink(outcome_ink(v.outcome), &v.outcome.as_str().to_uppercase());
    let mut lines = folded(&v.headline, v.outcome.as_str().len() + 2, 8);
    let first = lines.remove(0);
    writeln!(out, "{word}  {}", style.ink(Ink::Bold, &first))?;
    for line in lines {
        writeln!(out, "        {}", style.ink(Ink::Bold, &line))?;
    }
    if let (Some(cause), Some(blame), Some(sure)) = (&v.cause, v.blame, v.confidence) {
        let sure = percent(sure);
        writeln!(
            out,
            "        cause {cause} · points at {} · {sure} sure of both · scope {}",
            blame.as_str(),
            v.scope
        )?;
    }
    let steps: Vec<String> = v.steps.iter().map(reasoned).collect();
    if style.quiet {
        numbered(out, &steps)?;
    } else {
        listed(out, "Why", &v.because)?;
        listed(out, "What else it could have been", &v.against)?;
        numbered(out, &steps)?;
        let left: Vec<String> = v.left_out.iter().map(reasoned).collect();
        listed(out, "No need for", &left)?;
    }
    let names: Vec<String> = v.unblock.iter().map(blocked).collect();
    listed(out, "Names to unblock, what stops most first", &names)?;
    v.coverage
        .lines()
        .try_for_each(|line| wrapped(out, "        ", line))
}

/// A heading and a list below it; nothing for an empty list.
fn listed(out: &mut impl Write, heading: &str, lines: &[String]) -> io::Result<()> {
    if !lines.is_empty() {
        writeln!(out, "        {heading}:")?;
    }
    for line in lines {
        wrapped(out, "          - ", line)?;
    }
    Ok(())
}

fn numbered(out: &mut impl Write, steps: &[String]) -> io::Result<()> {
    if !steps.is_empty() {
        writeln!(out, "        What to do:")?;
    }
    for (i, step) in steps.iter().enumerate() {
        wrapped(out, &format!("          {}. ", i + 1), step)?;
    }
    Ok(())
}

/// A step with its reason.
pub(crate) fn reasoned(step: &Step) -> String {
    format!("{} [{}]", step.action, step.why)
}

/// A blocked name, what it is for and what its failure stops.
pub(crate) fn blocked(name: &Unblock) -> String {
    let waits = if name.waited_for {
        "; the app seems to wait for it"
    } else {
        ""
    };
    let times = if name.attempts == 1 {
        String::new()
    } else {
        format!(", {} attempts", name.attempts)
    };
    format!(
        "{} ({}{times}): {}{waits}",
        name.name, name.role, name.stops
    )
}

pub(super) fn percent(confidence: f64) -> String {
    format!("{:.0} %", confidence * 100.0)
}

/// Writes one attempt of the report.
///
/// # Errors
/// Whatever `out` answers.
pub fn write_attempt(
    report: &Report,
    attempt: &Attempt,
    style: Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = attempt
        .name
        .clone()
        .or_else(|| attempt.paths.first().map(|p| p.server.clone()))
        .unwrap_or_default();
    let word = style.ink(outcome_ink(attempt.outcome), attempt.outcome.as_str());
    let clock = attempt.started.get(11..23).unwrap_or(&attempt.started);
    let role = match attempt.role.as_deref() {
        None | Some("unknown") => String::new(),
        Some(role) => format!("  ({role})"),
    };
    let file = if report.captures.len() > 1 {
        format!("  [{}]", report.captures[attempt.capture].source)
    } else {
        String::new()
    };
    writeln!(
        out,
        "\n#{} {clock}  {}  {word}  {}{role}{}{file}",
        attempt.id,
        style.ink(Ink::Bold, &name),
        duration(attempt.duration),
        style.ink(Ink::Dim, &format!("  from {}", attempt.client)),
    )?;
    writeln!(out, "   {}", cells(&attempt.stages, style))?;
    let calm = matches!(attempt.outcome, Outcome::Ok | Outcome::Unfinished);
    if calm && style.quiet {
        return Ok(());
    }
    findings(attempt, style, out)?;
    if !calm || style.verbose {
        for path in &attempt.paths {
            self::path(path, style, out)?;
        }
        writeln!(
            out,
            "   {} {}",
            style.ink(Ink::Dim, "filter:"),
            attempt.filter
        )?;
    }
    Ok(())
}

pub(super) fn duration(ms: f64) -> String {
    if ms >= 10_000.0 {
        format!("{:.1} s", ms / 1000.0)
    } else if ms >= 1000.0 {
        format!("{:.2} s", ms / 1000.0)
    } else if ms >= 100.0 {
        format!("{ms:.0} ms")
    } else if ms < 0.05 {
        "< 0.1 ms".to_owned()
    } else {
        format!("{ms:.1} ms")
    }
}

fn cells(cells: &[StageCell], style: Style) -> String {
    let one = |c: &StageCell| {
        let (glyph, ink) = match c.status {
            Status::Passed => ("✓", Ink::Good),
            Status::Slow => ("~", Ink::Warn),
            Status::Broke => ("✗", Ink::Bad),
            Status::Unseen => ("?", Ink::Dim),
            Status::Skipped => ("-", Ink::Dim),
        };
        let took = c
            .took
            .map(|t| format!(" {}", duration(t)))
            .unwrap_or_default();
        style.ink(
            ink,
            &format!("{glyph} {} {}{took}", c.stage, c.status.as_str()),
        )
    };
    // Most attempts carry no large transfer: nothing is to be said then.
    let shown = |c: &&StageCell| c.stage != "media" || c.status != Status::Skipped;
    let all: Vec<String> = cells.iter().filter(shown).map(one).collect();
    all.join("   ")
}

fn findings(attempt: &Attempt, style: Style, out: &mut impl Write) -> io::Result<()> {
    let main = attempt.cause.as_deref();
    let mut shown: Vec<&Finding> = attempt.findings.iter().collect();
    shown.sort_by_key(|f| {
        (
            Some(f.cause.as_str()) != main,
            std::cmp::Reverse(f.severity),
        )
    });
    for finding in shown {
        if finding.severity == Severity::Note && !style.verbose && attempt.outcome == Outcome::Ok {
            continue;
        }
        let ink = match finding.severity {
            Severity::Broken => Ink::Bad,
            Severity::Degraded => Ink::Warn,
            Severity::Note => Ink::Dim,
        };
        let about = finding
            .path
            .map(|p| format!(" of the cause · path {}", p + 1))
            .unwrap_or_else(|| " of the cause".to_owned());
        writeln!(
            out,
            "   {} {} · points at {} · {} sure{about}",
            style.ink(ink, &format!("{}:", finding.severity.as_str())),
            finding.cause,
            attempt.whom(finding).as_str(),
            percent(finding.confidence),
        )?;
        wrapped(out, "      ", &finding.what)?;
        if !finding.frames.is_empty() {
            let list: Vec<String> = finding.frames.iter().map(u32::to_string).collect();
            let label = if list.len() == 1 { "frame" } else { "frames" };
            wrapped(out, &format!("      proof: {label} "), &list.join(", "))?;
        }
    }
    Ok(())
}

fn path(path: &Path, style: Style, out: &mut impl Write) -> io::Result<()> {
    let network = path
        .network
        .as_ref()
        .and_then(|n| n.cdn.clone().or_else(|| n.asn.map(|a| format!("AS{a}"))))
        .map(|n| format!(" ({n})"))
        .unwrap_or_default();
    let stream = path
        .tcp_stream
        .map(|s| format!("  tcp.stream {s}"))
        .unwrap_or_default();
    let version = path
        .version
        .as_ref()
        .map(|v| format!("  {v}"))
        .unwrap_or_default();
    let app = path
        .app
        .as_ref()
        .map(|a| format!("  app {a}"))
        .unwrap_or_default();
    let cause = path
        .cause
        .as_ref()
        .map(|c| format!("  {c}"))
        .unwrap_or_default();
    writeln!(
        out,
        "   path {} {} → {}{network}{stream}{version}{app}  {}{cause}",
        path.transport,
        path.client,
        path.server,
        style.ink(outcome_ink(path.outcome), path.outcome.as_str()),
    )
}

fn resolvers(resolvers: &[Resolver], style: Style, out: &mut impl Write) -> io::Result<()> {
    if resolvers.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.ink(Ink::Bold, "Resolvers"))?;
    for r in resolvers {
        let typical = r.typical.map(|t| format!(" (published: {t} ms)"));
        let typical = typical.unwrap_or_default();
        let time = match (r.median, r.p95) {
            (Some(median), Some(p95)) => {
                format!("median {median:.1} ms{typical}, 95 % within {p95:.1} ms")
            }
            _ if r.encrypted => format!("what is inside can't be seen{typical}"),
            _ => format!("no answer{typical}"),
        };
        let name = r.name.as_ref().map(|n| format!(" {n}")).unwrap_or_default();
        let (how, what) = if r.encrypted {
            ("encrypted", ["connection", "connections"])
        } else {
            ("plain", ["query", "queries"])
        };
        let what = what[usize::from(r.queries != 1)];
        let ink = if r.failed > 0 && r.failed >= r.answered {
            Ink::Bad
        } else if r.failed > 0 {
            Ink::Warn
        } else {
            Ink::Good
        };
        let failed = style.ink(ink, &format!("{} failed", r.failed));
        writeln!(
            out,
            "   {}{name}, {how}: {} {what}, {} answered, {failed}, {time}",
            r.address, r.queries, r.answered
        )?;
    }
    Ok(())
}

/// Every address that was tried, the worst first, so that one dead edge among many stands out.
fn servers(servers: &[Server], style: Style, out: &mut impl Write) -> io::Result<()> {
    const SHOWN: usize = 24;
    if servers.is_empty() {
        return Ok(());
    }
    let rank = |s: &Server| match (s.worked, s.tried) {
        (0, _) => 0,
        (w, t) if w < t => 1,
        _ => 2,
    };
    let mut list: Vec<&Server> = servers.iter().collect();
    list.sort_by_key(|s| (rank(s), std::cmp::Reverse(s.tried)));
    writeln!(out, "\n{}", style.ink(Ink::Bold, "Servers"))?;
    let width = list.iter().take(SHOWN).map(|s| s.address.len()).max();
    for s in list.iter().take(SHOWN) {
        let (word, ink) = match rank(s) {
            0 if s.failed > 0 => ("none worked", Ink::Bad),
            0 => ("no outcome", Ink::Dim),
            1 if s.failed > 0 => ("some failed", Ink::Warn),
            _ => ("worked", Ink::Good),
        };
        let rtt = s.rtt.map(|r| format!("  {r:.1} ms")).unwrap_or_default();
        let cdn = s.cdn.as_ref().map(|c| format!("  {c}")).unwrap_or_default();
        let names: Vec<&str> = s.names.iter().take(3).map(String::as_str).collect();
        let more = match s.names.len() {
            n if n > 3 => format!(" and {} more", n - 3),
            _ => String::new(),
        };
        writeln!(
            out,
            "   {:width$}  {}  {} of {}{rtt}{cdn}  {}{more}",
            s.address,
            style.ink(ink, &format!("{word:11}")),
            s.worked,
            s.tried,
            names.join(", "),
            width = width.unwrap_or(0),
        )?;
    }
    if list.len() > SHOWN {
        writeln!(out, "   and {} more", list.len() - SHOWN)?;
    }
    Ok(())
}

fn captures(captures: &[Capture], style: Style, out: &mut impl Write) -> io::Result<()> {
    for capture in captures {
        for problem in &capture.problems {
            let label = style.ink(Ink::Warn, "problem:");
            writeln!(out, "\n{label} {}: {problem}", capture.source)?;
        }
    }
    Ok(())
}

/// What fits a terminal of the usual width.
const WIDTH: usize = 80;

/// Text wrapped at 80 columns behind a prefix; further lines are indented as far as the prefix.
///
/// # Errors
/// Whatever `out` answers.
pub fn wrapped(out: &mut impl Write, prefix: &str, text: &str) -> io::Result<()> {
    let room = prefix.chars().count();
    let indent = " ".repeat(room);
    let mut lead = prefix;
    for line in folded(text, room, room) {
        writeln!(out, "{lead}{line}")?;
        lead = &indent;
    }
    Ok(())
}

/// Text in lines that end before column 80, if the first begins in column `first` and the others in column `rest`. At
/// least one line; a word that is too long stays whole.
fn folded(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = first;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
            used += long;
        } else if used + 1 + long <= WIDTH {
            lines[last].push(' ');
            lines[last].push_str(word);
            used += 1 + long;
        } else {
            lines.push(word.to_owned());
            used = rest + long;
        }
    }
    lines
}
