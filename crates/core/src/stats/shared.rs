//! Counters that any thread adds to.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Block;

/// By the values of a *Stat enum.
pub struct SharedCounters<const N: usize>([AtomicU64; N]);

impl<const N: usize> Default for SharedCounters<N> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }
}

impl<const N: usize> SharedCounters<N> {
    pub fn inc(&self, stat: impl Into<i32>) {
        if let Some(counter) = self.0.get(stat.into() as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Counts on from those of a resource that this one's replaces.
    pub fn count_on(&self, old: &Self) {
        for (new, old) in self.0.iter().zip(&old.0) {
            new.fetch_add(old.load(Relaxed), Relaxed);
        }
    }

    /// Writes them to a block that nobody else writes.
    pub fn write(&self, block: &Block) {
        for (index, counter) in self.0.iter().enumerate() {
            block.set(index as i32, counter.load(Relaxed));
        }
    }

    pub fn reset(&self) {
        self.0.iter().for_each(|counter| counter.store(0, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::SharedCounters;
    use crate::proto::OutlierStat;
    use crate::stats::{Block, BlockKind};

    #[test]
    fn a_replacement_counts_on() {
        let stat = OutlierStat::OutlierEjectionsTotal;
        let (old, new) = (SharedCounters::<20>::default(), SharedCounters::default());
        old.inc(stat);
        new.inc(stat);
        new.count_on(&old);
        let block = Block::new(BlockKind::Outlier);
        new.write(&block);
        assert_eq!(block.get(stat), 2);
        new.reset();
        new.write(&block);
        assert_eq!(block.get(stat), 0);
    }
}
