//! What one connection holds in its buffers, as gauges.

use std::sync::Arc;

use super::Block;
use crate::proto::{ClusterStat, HttpStat};

/// A connection's part of two gauges: bytes that were there after the latest read, and bytes that wait to be
/// written. Its part goes with it.
pub struct Buffered {
    block: Arc<Block>,
    stats: [i32; 2],
    values: [u64; 2],
}

impl Buffered {
    /// Of a client's connection.
    pub fn of_client(block: Arc<Block>) -> Self {
        let (read, unsent) =
            (HttpStat::HttpDownstreamCxRxBytesBuffered, HttpStat::HttpDownstreamCxTxBytesBuffered);
        Self { block, stats: [read.into(), unsent.into()], values: [0; 2] }
    }

    /// Of a connection to a host.
    pub fn of_upstream(block: Arc<Block>) -> Self {
        let (read, unsent) = (
            ClusterStat::ClusterUpstreamCxRxBytesBuffered,
            ClusterStat::ClusterUpstreamCxTxBytesBuffered,
        );
        Self { block, stats: [read.into(), unsent.into()], values: [0; 2] }
    }

    /// Tells what is in the buffers now.
    #[inline]
    pub fn set(&mut self, read: usize, unsent: usize) {
        let now = [read as u64, unsent as u64];
        if now != self.values {
            self.change(now);
        }
    }

    fn change(&mut self, now: [u64; 2]) {
        for (stat, (before, now)) in self.stats.into_iter().zip(self.values.into_iter().zip(now)) {
            self.block.add(stat, now.wrapping_sub(before));
        }
        self.values = now;
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Buffered;
    use crate::proto::HttpStat;
    use crate::stats::{Block, BlockKind};

    #[test]
    fn the_gauges_sum_connections_and_lose_those_that_end() {
        let block = Arc::new(Block::new(BlockKind::Http));
        let gauges = || {
            [HttpStat::HttpDownstreamCxRxBytesBuffered, HttpStat::HttpDownstreamCxTxBytesBuffered]
                .map(|stat| block.get(stat))
        };
        let mut one = Buffered::of_client(block.clone());
        let mut two = Buffered::of_client(block.clone());
        one.set(100, 7);
        two.set(30, 0);
        assert_eq!(gauges(), [130, 7]);
        one.set(20, 0);
        assert_eq!(gauges(), [50, 0]);
        drop(one);
        assert_eq!(gauges(), [30, 0]);
        drop(two);
        assert_eq!(gauges(), [0, 0]);
    }
}
