//! Frames of several interfaces in one order of time, without waiting long for one that is silent.

use super::block::Block;
use crate::types::Timestamp;
use std::collections::VecDeque;

/// Blocks that wait, by interface.
#[derive(Debug, Default)]
pub struct Merge {
    lanes: Vec<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    blocks: VecDeque<Block>,
    /// Place in the first of them.
    at: usize,
}

impl Lane {
    fn time(&self) -> Option<Timestamp> {
        self.blocks.front()?.time(self.at)
    }
}

impl Merge {
    /// For so many interfaces.
    #[must_use]
    pub fn new(interfaces: usize) -> Self {
        let lanes = (0..interfaces).map(|_| Lane::default()).collect();
        Self { lanes }
    }

    /// Takes a block of an interface in.
    pub fn add(&mut self, interface: usize, block: Block) {
        if let Some(lane) = self.lanes.get_mut(interface)
            && !block.is_empty()
        {
            lane.blocks.push_back(block);
        }
    }

    /// The interface whose next frame comes first, if it is certain that none of another comes before it: each other
    /// one has a later frame here, has said (`seen`) that it has been read beyond that time, or has been waited for
    /// long enough (`hurry`: up to this time, or any where an interface has that many blocks here).
    #[must_use]
    pub fn next(
        &self,
        seen: impl Fn(usize) -> Timestamp,
        hurry: Timestamp,
        most: usize,
    ) -> Option<usize> {
        let times = self.lanes.iter().map(Lane::time);
        let first = times.enumerate().filter_map(|(i, t)| Some((t?, i))).min()?;
        let (time, interface) = first;
        let crowded = self.lanes.iter().any(|lane| lane.blocks.len() >= most);
        let sure = |(i, lane): (usize, &Lane)| !lane.blocks.is_empty() || seen(i) >= time;
        let due = crowded || time <= hurry || self.lanes.iter().enumerate().all(sure);
        due.then_some(interface)
    }

    /// The next frame of an interface: its block and the place in it.
    #[must_use]
    pub fn front(&self, interface: usize) -> Option<(&Block, usize)> {
        let lane = self.lanes.get(interface)?;
        Some((lane.blocks.front()?, lane.at))
    }

    /// That frame is done; the block where it was the last of it.
    pub fn pop(&mut self, interface: usize) -> Option<Block> {
        let lane = self.lanes.get_mut(interface)?;
        lane.at += 1;
        if lane.at < lane.blocks.front()?.len() {
            return None;
        }
        lane.at = 0;
        lane.blocks.pop_front()
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.blocks.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LinkType;

    fn block(times: &[i64]) -> Block {
        let mut block = Block::default();
        times
            .iter()
            .for_each(|t| block.push(Timestamp(*t), LinkType(1), 1, b"x"));
        block
    }

    fn drain(merge: &mut Merge, seen: [i64; 2], hurry: i64, most: usize) -> Vec<(usize, i64)> {
        let mut out = Vec::new();
        while let Some(i) = merge.next(|i| Timestamp(seen[i]), Timestamp(hurry), most) {
            let (block, at) = merge.front(i).unwrap();
            out.push((i, block.time(at).unwrap().0));
            merge.pop(i);
        }
        out
    }

    #[test]
    fn frames_wait_until_no_earlier_one_can_come() {
        let mut merge = Merge::new(2);
        merge.add(0, block(&[10, 30, 50]));
        merge.add(1, block(&[20, 40]));
        let some = drain(&mut merge, [0, 0], 0, 9);
        assert_eq!(some, [(0, 10), (1, 20), (0, 30), (1, 40)]);
        assert!(!merge.is_empty());
        // The other one has been read up to 50 now.
        assert_eq!(drain(&mut merge, [0, 50], 0, 9), [(0, 50)]);
        assert!(merge.is_empty());
    }

    #[test]
    fn a_silent_interface_is_not_waited_for_forever() {
        let mut merge = Merge::new(2);
        merge.add(0, block(&[10, 30]));
        assert_eq!(drain(&mut merge, [0, 0], 9, 9), []);
        assert_eq!(drain(&mut merge, [0, 0], 10, 9), [(0, 10)]);
        // Too much waits.
        assert_eq!(drain(&mut merge, [0, 0], 9, 1), [(0, 30)]);
    }
}
