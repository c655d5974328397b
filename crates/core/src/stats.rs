//! Counters, gauges and histograms: per-worker arrays by integer, summed when read.
//!
//! A block is written by one thread only, so an update is a load and a store; readers see it a moment
//! later. Indices are the enums of proto/worker_stats.proto.

mod buffered;
mod histogram;
mod named;
mod shared;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use buffered::Buffered;
pub use histogram::Histogram;
pub use named::{Family, Group, NamedCount, NamedHistogram, SINGLE};
pub use shared::SharedCounters;

use named::Groups;

/// Number of the block of the whole process (ProcessStat).
pub const PROCESS_BLOCK: u32 = 1;

/// The kinds of blocks, each with the sizes of its arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Process,
    Listener,
    Http,
    ListenerHttp,
    Cluster,
    VirtualCluster,
    Tcp,
    Ssl,
    ConnectionLimit,
    Outlier,
    HealthCheck,
    /// Of a filter that has a few counters.
    Filter,
}

impl BlockKind {
    /// (counters and gauges, histograms). Checked against the enums by a test.
    pub const fn sizes(self) -> (usize, usize) {
        match self {
            Self::Process => (56, 0),
            Self::Listener => (16, 2),
            Self::Http => (80, 2),
            Self::ListenerHttp => (8, 0),
            Self::Cluster => (152, 14),
            Self::VirtualCluster => (8, 1),
            Self::Tcp => (24, 0),
            Self::Ssl => (48, 0),
            Self::ConnectionLimit => (2, 0),
            Self::Outlier => (20, 0),
            Self::HealthCheck => (8, 0),
            Self::Filter => (16, 1),
        }
    }
}

/// Who sent a response, for counters by response code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    External = 0,
    Internal = 1,
    Canary = 2,
    /// An answer that was not passed on: the request is made again.
    Retry = 3,
    /// A response that counts as external or internal, but not among all.
    Apart = 4,
}

const CODES: usize = 900;

/// The stats of one resource in one thread.
pub struct Block {
    values: Box<[AtomicU64]>,
    /// Made when first recorded to: a block without traffic stays small.
    histograms: Box<[OnceLock<Box<Histogram>>]>,
    codes: [OnceLock<Box<[AtomicU64]>>; 5],
    groups: OnceLock<Box<Groups>>,
}

fn zeros(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn bump(value: &AtomicU64, by: u64) {
    value.store(value.load(Relaxed).wrapping_add(by), Relaxed);
}

impl Block {
    pub fn new(kind: BlockKind) -> Self {
        let (values, histograms) = kind.sizes();
        Self {
            values: zeros(values),
            histograms: (0..histograms).map(|_| OnceLock::new()).collect(),
            codes: [const { OnceLock::new() }; 5],
            groups: OnceLock::new(),
        }
    }

    /// Adds 1 to the counter or gauge `stat`, a value of a *Stat enum.
    #[inline]
    pub fn inc(&self, stat: impl Into<i32>) {
        self.add(stat, 1);
    }

    #[inline]
    pub fn add(&self, stat: impl Into<i32>, by: u64) {
        if let Some(value) = self.values.get(stat.into() as usize) {
            bump(value, by);
        }
    }

    /// Takes 1 from a gauge. The sum over the workers is right even where one worker's is negative.
    #[inline]
    pub fn dec(&self, stat: impl Into<i32>) {
        self.add(stat, u64::MAX);
    }

    pub fn set(&self, stat: impl Into<i32>, to: u64) {
        if let Some(value) = self.values.get(stat.into() as usize) {
            value.store(to, Relaxed);
        }
    }

    pub fn get(&self, stat: impl Into<i32>) -> u64 {
        self.values.get(stat.into() as usize).map_or(0, |value| value.load(Relaxed))
    }

    /// Records a value in the histogram `stat`, a value of a *Histogram enum.
    pub fn record(&self, stat: impl Into<i32>, value: u64) {
        if let Some(slot) = self.histograms.get(stat.into() as usize) {
            slot.get_or_init(Box::default).record(value);
        }
    }

    /// Counts a response by its status, 100 to 999.
    #[inline]
    pub fn response(&self, origin: Origin, status: u16) {
        let codes = self.codes[origin as usize].get_or_init(|| zeros(CODES));
        if let Some(code) = codes.get((status as usize).wrapping_sub(100)) {
            bump(code, 1);
        }
    }

    /// Little-endian bytes of the array of counters and gauges.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.load(Relaxed).to_le_bytes()).collect()
    }

    /// (histogram index, bins) of each histogram in use.
    pub fn histograms(&self) -> impl Iterator<Item = (usize, Vec<(u64, u64)>)> + '_ {
        self.histograms.iter().enumerate().filter_map(|(i, slot)| Some((i, slot.get()?.bins())))
    }

    /// (origin, status, count) of each response code seen.
    pub fn responses(&self) -> impl Iterator<Item = (usize, u16, u64)> + '_ {
        self.codes.iter().enumerate().flat_map(|(origin, codes)| {
            codes.get().into_iter().flat_map(move |codes| {
                codes.iter().enumerate().filter_map(move |(code, count)| {
                    let count = count.load(Relaxed);
                    (count > 0).then_some((origin, code as u16 + 100, count))
                })
            })
        })
    }

    /// The counters whose names begin with `name`; None when the block has too many already.
    pub fn group(&self, family: &'static Family, name: &str) -> Option<Arc<Group>> {
        self.groups.get_or_init(Box::default).group(family, name)
    }

    /// Counters that are not in the array, by name.
    pub fn named_counters(&self) -> Vec<NamedCount> {
        self.groups.get().map(|groups| groups.counters()).unwrap_or_default()
    }

    /// Histograms that have no index, by name.
    pub fn named_histograms(&self) -> Vec<NamedHistogram> {
        self.groups.get().map(|groups| groups.histograms()).unwrap_or_default()
    }

    /// Sets what `is_counter` names, the response codes and named counters to 0.
    pub fn reset(&self, is_counter: impl Fn(usize) -> bool) {
        for (_, value) in self.values.iter().enumerate().filter(|(i, _)| is_counter(*i)) {
            value.store(0, Relaxed);
        }
        for code in self.codes.iter().filter_map(OnceLock::get).flat_map(|codes| codes.iter()) {
            code.store(0, Relaxed);
        }
        if let Some(groups) = self.groups.get() {
            groups.reset();
        }
    }
}

/// A block, what it counts, and the thread that writes it.
type Entry = (usize, BlockKind, Arc<Block>);

/// All blocks in use, by block number.
///
/// A block is made when a thread first uses a resource, so a cluster without traffic costs none.
#[derive(Default)]
pub struct Registry {
    blocks: Mutex<HashMap<u32, Vec<Entry>>>,
}

impl Registry {
    /// The block of `number` for `thread`, made on first use.
    pub fn block(&self, thread: usize, number: u32, kind: BlockKind) -> Arc<Block> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = blocks.entry(number).or_default();
        if let Some((_, _, block)) = entries.iter().find(|entry| entry.0 == thread) {
            return block.clone();
        }
        let block = Arc::new(Block::new(kind));
        entries.push((thread, kind, block.clone()));
        block
    }

    /// Forgets the blocks of a removed resource.
    pub fn remove(&self, number: u32) {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// (thread, block number, kind, block) of every block.
    pub fn all(&self) -> Vec<(usize, u32, BlockKind, Arc<Block>)> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = blocks.iter().flat_map(|(n, entries)| entries.iter().map(move |e| (*n, e)));
        entries.map(|(n, (thread, kind, block))| (*thread, n, *kind, block.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, BlockKind, Origin, Registry};
    use crate::proto::*;

    #[test]
    fn arrays_hold_every_value_of_their_enums() {
        fn fits(kind: BlockKind, stats: bool, probe: impl Fn(i32) -> bool) {
            let (values, histograms) = kind.sizes();
            let size = if stats { values } else { histograms } as i32;
            assert!((size..size + 50).all(|i| !probe(i)), "{kind:?} is too small");
        }
        fits(BlockKind::Process, true, |i| ProcessStat::try_from(i).is_ok());
        fits(BlockKind::Listener, true, |i| ListenerStat::try_from(i).is_ok());
        fits(BlockKind::Listener, false, |i| ListenerHistogram::try_from(i).is_ok());
        fits(BlockKind::ListenerHttp, true, |i| ListenerHttpStat::try_from(i).is_ok());
        fits(BlockKind::Http, true, |i| HttpStat::try_from(i).is_ok());
        fits(BlockKind::Http, false, |i| HttpHistogram::try_from(i).is_ok());
        fits(BlockKind::Cluster, true, |i| ClusterStat::try_from(i).is_ok());
        fits(BlockKind::Cluster, false, |i| ClusterHistogram::try_from(i).is_ok());
        fits(BlockKind::VirtualCluster, true, |i| VirtualClusterStat::try_from(i).is_ok());
        fits(BlockKind::Tcp, true, |i| TcpStat::try_from(i).is_ok());
        fits(BlockKind::Ssl, true, |i| SslStat::try_from(i).is_ok());
        fits(BlockKind::ConnectionLimit, true, |i| ConnectionLimitStat::try_from(i).is_ok());
        fits(BlockKind::Outlier, true, |i| OutlierStat::try_from(i).is_ok());
        fits(BlockKind::HealthCheck, true, |i| HealthCheckStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| HealthCheckFilterStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| TlsInspectorStat::try_from(i).is_ok());
        fits(BlockKind::Filter, false, |i| TlsInspectorHistogram::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| HttpInspectorStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| ProxyProtocolStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| LocalRateLimitStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| RbacStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| RbacShadowStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| FaultStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| CorsStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| CompositeStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| CsrfStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| SetMetadataStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| HeaderToMetadataStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| HttpLocalRateLimitStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| ExtAuthzStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| JwtAuthnStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| DnsCacheStat::try_from(i).is_ok());
        fits(BlockKind::Filter, true, |i| LogServiceStat::try_from(i).is_ok());
    }

    #[test]
    fn gauges_of_two_workers_sum_and_codes_are_counted() {
        let registry = Registry::default();
        let one = registry.block(0, 7, BlockKind::Http);
        let two = registry.block(1, 7, BlockKind::Http);
        one.inc(HttpStat::HttpDownstreamCxActive);
        two.dec(HttpStat::HttpDownstreamCxActive);
        let sum = registry.all().iter().fold(0u64, |sum, (_, _, _, b)| {
            sum.wrapping_add(b.get(HttpStat::HttpDownstreamCxActive))
        });
        assert_eq!(sum, 0);
        one.response(Origin::Internal, 503);
        one.response(Origin::Internal, 7);
        assert_eq!(one.responses().collect::<Vec<_>>(), [(1, 503, 1)]);
        registry.remove(7);
        assert!(registry.all().is_empty());
    }

    #[test]
    fn reset_leaves_gauges() {
        let block = Block::new(BlockKind::Tcp);
        block.inc(TcpStat::TcpDownstreamCxTotal);
        block.inc(TcpStat::TcpIdleTimeout);
        block.reset(|i| i == TcpStat::TcpIdleTimeout as usize);
        assert_eq!(block.get(TcpStat::TcpIdleTimeout), 0);
        assert_eq!(block.get(TcpStat::TcpDownstreamCxTotal), 1);
    }
}
