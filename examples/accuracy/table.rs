//! The counts as Markdown and as JSON.

use crate::fixture::case::Made;
use crate::tally::{BUCKETS, Calibration, FAMILIES, Row, Runs, Share, Tally};
use serde_json::{Value, json};
use std::fmt::Write;

/// Tables and lists for a person.
pub fn text(tally: &Tally, details: bool) -> String {
    let mut out = String::new();
    out += &families(tally);
    let (alarms, healthy) = (tally.calm.of - tally.calm.right, tally.healthy);
    let _ = writeln!(
        out,
        "\nFalse alarms: {} of {} attempts in healthy/, {alarms} of {} attempts for which nothing is expected to be wrong.",
        healthy.of - healthy.right,
        healthy.of,
        tally.calm.of,
    );
    if !tally.runs.is_empty() {
        out += "\n";
        out += &worse(tally);
    }
    out += "\n";
    out += &calibration(&tally.calibration, &tally.calibration_worse);
    list(
        &mut out,
        "Known to be wrong, as the cases state",
        &tally.misses,
    );
    if details {
        list(&mut out, "Wrong", &tally.wrong);
        list(
            &mut out,
            "False accusations on worse captures",
            &tally.accusations,
        );
    }
    out
}

fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    for line in lines {
        let _ = writeln!(out, "- {line}");
    }
}

fn families(tally: &Tally) -> String {
    let head = [
        "family",
        "packets",
        "cases",
        "attempts",
        "exact cause",
        "of faults",
        "stage",
        "outcome",
        "blame",
        "scope",
        "all stated",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for family in FAMILIES {
        for made in [Made::Crafted, Made::Lab] {
            if let Some(row) = tally.rows.get(&(family, made)) {
                rows.push(cells(family, made.as_str(), row));
            }
        }
    }
    for made in [Made::Crafted, Made::Lab] {
        let total = tally.total(Some(made));
        if total.cases > 0 {
            rows.push(cells("**all**", made.as_str(), &total));
        }
    }
    rows.push(cells("**all**", "both", &tally.total(None)));
    markdown(&rows)
}

fn cells(family: &str, made: &str, row: &Row) -> Vec<String> {
    let counts = [row.cases.to_string(), row.attempts.to_string()];
    let shares = [
        percent(row.cause),
        part(row.faults),
        percent(row.stage),
        percent(row.outcome),
    ];
    let stated = [part(row.blame), part(row.scope), percent(row.all)];
    let names = [family.to_owned(), made.to_owned()];
    names
        .into_iter()
        .chain(counts)
        .chain(shares)
        .chain(stated)
        .collect()
}

/// Rounded down, so that 100 % means all.
fn percent(share: Share) -> String {
    let floor = |p: f64| format!("{:.1} %", (p * 10.0).floor() / 10.0);
    share.percent().map_or("–".into(), floor)
}

/// With the number that it is a part of.
fn part(share: Share) -> String {
    match share.of {
        0 => "–".into(),
        of => format!("{} of {of}", percent(share)),
    }
}

fn worse(tally: &Tally) -> String {
    let head = [
        "worse captures",
        "runs",
        "verdict kept",
        "fell back",
        "coarser",
        "true so far",
        "false accusations",
        "other blame",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (kind, runs) in &tally.runs {
        rows.push(run_cells(kind.as_str(), runs));
    }
    rows.push(run_cells("**all**", &tally.all_runs()));
    markdown(&rows)
}

fn run_cells(name: &str, runs: &Runs) -> Vec<String> {
    let share = Share {
        right: runs.false_accusations,
        of: runs.runs,
    };
    let rate = share.percent().unwrap_or_default();
    let counts = [
        runs.runs,
        runs.kept,
        runs.fell_back,
        runs.coarser,
        runs.so_far,
    ];
    let mut cells = vec![name.to_owned()];
    cells.extend(counts.iter().map(usize::to_string));
    cells.push(format!("{} ({rate:.2} %)", runs.false_accusations));
    cells.push(runs.other_blame.to_string());
    cells
}

fn calibration(whole: &Calibration, worse: &Calibration) -> String {
    let head = [
        "stated confidence",
        "whole captures: right",
        "mean stated",
        "worse captures: right",
        "mean stated",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut least = 0.0;
    for (index, most) in BUCKETS.iter().enumerate() {
        let mut row = vec![format!("{least:.2} to {:.2}", most.min(1.0))];
        for bucket in [whole.buckets[index], worse.buckets[index]] {
            #[allow(clippy::cast_precision_loss)]
            let mean = bucket.stated / bucket.share.of as f64;
            let mean = if bucket.share.of == 0 {
                "–".into()
            } else {
                format!("{mean:.2}")
            };
            row.extend([part(bucket.share), mean]);
        }
        rows.push(row);
        least = *most;
    }
    let brier = |c: &Calibration| match c.brier() {
        Some(score) => format!("{score:.4} ({})", c.count()),
        None => "–".into(),
    };
    let last = [
        "Brier score".into(),
        brier(whole),
        String::new(),
        brier(worse),
        String::new(),
    ];
    rows.push(last.to_vec());
    markdown(&rows)
}

/// A Markdown table with aligned columns; all but the first two of a wide one, or the first, are numbers.
fn markdown(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|c| width(c).unwrap_or_default().max(3))
        .collect();
    let texts = if columns > 8 { 2 } else { 1 };
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column < texts {
                write!(out, "| {cell:<width$} ")
            } else {
                write!(out, "| {cell:>width$} ")
            };
        }
        out += "|\n";
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let end = if column < texts { '-' } else { ':' };
                let _ = write!(out, "| {}{end} ", "-".repeat(width - 1));
            }
            out += "|\n";
        }
    }
    out
}

/// Everything for a machine.
pub fn json(tally: &Tally, missed: &[String]) -> Value {
    let rows = tally.rows.iter().map(
        |((family, made), row)| json!({"family": family, "made": made.as_str(), "counts": row}),
    );
    let runs = tally
        .runs
        .iter()
        .map(|(kind, runs)| json!({"kind": kind.as_str(), "counts": runs}));
    let calibration =
        |c: &Calibration| json!({"brier": c.brier(), "bounds": BUCKETS, "buckets": c.buckets});
    json!({
        "families": rows.collect::<Vec<_>>(),
        "total": tally.total(None),
        "healthy_without_alarm": tally.healthy,
        "calm_without_alarm": tally.calm,
        "worse_captures": {"kinds": runs.collect::<Vec<_>>(), "total": tally.all_runs()},
        "calibration": {
            "whole": calibration(&tally.calibration),
            "worse": calibration(&tally.calibration_worse),
        },
        "misses": tally.misses,
        "wrong": tally.wrong,
        "false_accusations": tally.accusations,
        "missed_targets": missed,
    })
}
