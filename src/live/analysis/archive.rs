//! Attempts of a long run: a number for each that stays, and rows that outlive the engine's memory of them.

use crate::snapshot::{Attempt, Outcome, Report};
use crate::types::Timestamp;
use crate::ui::feed::{Data, key};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// From so many flows and lookups on, the engine forgets the older half of the attempts.
pub const HELD: usize = 5_000;
/// Attempts that are still shown after the engine has forgotten them; older ones go.
pub const ARCHIVED: usize = 20_000;
/// What is newer than that is never forgotten.
const FRESH: Duration = Duration::from_secs(60);

/// What was forgotten, and the numbers.
#[derive(Debug, Default)]
pub(super) struct Archive {
    parts: VecDeque<Arc<Vec<Attempt>>>,
    numbers: HashMap<u64, usize>,
    last: usize,
    /// An attempt that was forgotten had broken.
    pub(super) broken: bool,
}

impl Archive {
    /// Gives each attempt the number that it had in earlier snapshots, new ones the next.
    pub(super) fn number(&mut self, report: &mut Report) {
        let keys: Vec<u64> = report.attempts.iter().map(key).collect();
        let mut new = HashMap::with_capacity(keys.len());
        let mut renamed = HashMap::with_capacity(keys.len());
        for (attempt, key) in report.attempts.iter_mut().zip(keys) {
            let number = *self.numbers.get(&key).unwrap_or_else(|| {
                self.last += 1;
                &self.last
            });
            new.insert(key, number);
            renamed.insert(attempt.id, number);
            attempt.id = number;
        }
        self.numbers = new;
        for experiment in &mut report.verdict.experiments {
            for id in &mut experiment.attempts {
                *id = renamed.get(id).copied().unwrap_or(*id);
            }
        }
    }

    /// What is shown before the report's own attempts.
    pub(super) fn parts(&self) -> Vec<Arc<Vec<Attempt>>> {
        self.parts.iter().cloned().collect()
    }

    /// Keeps of `before` what is no longer in `after`.
    pub(super) fn keep(&mut self, before: &Data, after: &Report) {
        let left: HashSet<u64> = after.attempts.iter().map(key).collect();
        let old = before.report.attempts.iter();
        let gone: Vec<Attempt> = old.filter(|a| !left.contains(&key(a))).cloned().collect();
        self.broken |= gone.iter().any(|a| a.outcome == Outcome::Broken);
        if gone.is_empty() {
            return;
        }
        self.parts.push_back(Arc::new(gone));
        let mut count: usize = self.parts.iter().map(|part| part.len()).sum();
        while count > ARCHIVED && self.parts.len() > 1 {
            count -= self.parts.pop_front().map_or(0, |part| part.len());
        }
    }
}

/// The time before which to forget: that of the attempt in the middle, but nothing fresh.
pub(super) fn middle(report: &Report, now: Timestamp) -> Option<Timestamp> {
    let mut starts: Vec<&str> = report.attempts.iter().map(|a| a.started.as_str()).collect();
    starts.sort_unstable();
    let parsed = starts
        .get(starts.len() / 2)?
        .parse::<jiff::Timestamp>()
        .ok();
    let nanos = i64::try_from(parsed?.as_nanosecond()).ok()?;
    Some(Timestamp(nanos).min(now.minus(FRESH)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Thresholds;
    use crate::engine::{Engine, Limits};
    use crate::source::{self, Source};
    use crate::target::Target;
    use shakedown_craft::net::Net;

    /// Lookups a minute apart, the first without an answer to its connection.
    fn engine(count: u64) -> Engine {
        let net = Net::new("archive");
        net.resolve("m.tiktok.com", &["2.16.20.33"]);
        let mut tcp = net.tcp("2.16.20.33");
        tcp.syn();
        tcp.syn_retransmits(&[1000, 3000]);
        for n in 1..count {
            net.at(n * 60_000);
            net.resolve(&format!("n{n}.tiktok.com"), &["2.16.20.33"]);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), net.file().1).unwrap();
        let mut source = source::open(&[file.path().to_owned()]).unwrap();
        let mut engine = Engine::new(Target::built_in("tiktok").unwrap(), Limits::default());
        while let Some(frame) = source.next_frame() {
            engine.handle_frame(&frame);
        }
        engine
    }

    fn report(engine: &Engine) -> Report {
        engine.snapshot(&[], Thresholds::default())
    }

    fn shown(data: &Data) -> Vec<(usize, String)> {
        let one = |a: &Attempt| (a.id, a.name.clone().unwrap());
        data.attempts().map(one).collect()
    }

    #[test]
    fn rows_outlive_what_the_engine_forgets() {
        let (mut archive, mut engine) = (Archive::default(), engine(10));
        let mut before = report(&engine);
        archive.number(&mut before);
        let before = Data::with_archive(before, false, archive.parts());
        let all = shown(&before);
        assert_eq!(all.len(), 10);
        let time = |n: usize| {
            let begun = before.report.attempts[n].started.parse::<jiff::Timestamp>();
            Timestamp(begun.unwrap().as_nanosecond().try_into().unwrap())
        };
        assert_eq!(middle(&before.report, time(9)), Some(time(5)));
        let fresh = Some(time(2).minus(FRESH));
        assert_eq!(middle(&before.report, time(2)), fresh, "nothing fresh goes");
        assert!(!archive.broken);
        assert_eq!(engine.forget_before(time(5)), 5);
        archive.keep(&before, &report(&engine));
        assert!(archive.broken, "what was forgotten had broken");
        let mut after = report(&engine);
        archive.number(&mut after);
        let after = Data::with_archive(after, false, archive.parts());
        assert_eq!(after.archived_count(), 5);
        assert_eq!(shown(&after), all, "the same rows with the same numbers");
        assert_eq!(after.keys, before.keys);
        // Nothing more to forget, nothing more is kept.
        archive.keep(&after, &report(&engine));
        assert_eq!(archive.parts().len(), 1);
    }

    #[test]
    fn the_archive_is_bounded() {
        let (mut archive, engine) = (Archive::default(), engine(4));
        let mut empty = report(&engine);
        empty.attempts.clear();
        let part = 3_000;
        let rounds = ARCHIVED / part + 3;
        for round in 0..rounds {
            let mut before = report(&engine);
            let one = before.attempts[0].clone();
            before.attempts = vec![one; part];
            before.attempts[0].id = round;
            archive.keep(&Data::with_archive(before, false, Vec::new()), &empty);
        }
        let parts = archive.parts();
        let count: usize = parts.iter().map(|p| p.len()).sum();
        assert!(count <= ARCHIVED && count > ARCHIVED - part, "{count}");
        assert_eq!(parts.last().unwrap()[0].id, rounds - 1, "the newest stay");
    }

    #[test]
    fn numbers_go_on_and_experiments_follow_them() {
        let mut archive = Archive {
            last: 41,
            ..Archive::default()
        };
        let mut first = report(&engine(3));
        archive.number(&mut first);
        let ids = |r: &Report| r.attempts.iter().map(|a| a.id).collect::<Vec<_>>();
        assert_eq!(ids(&first), [42, 43, 44]);
        let mut second = report(&engine(5));
        archive.number(&mut second);
        assert_eq!(ids(&second), [42, 43, 44, 45, 46]);
    }
}
