//! Counters and histograms whose names are known only when something happens, such as those of a gRPC method.
//!
//! They belong to the block of a resource. What is counted together shares the front of its names and makes a
//! group; a thread looks a group up once and counts by number from then on. A name comes from a request, so there
//! is a limit to how many a block may have in one thread: what goes beyond is not counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ahash::AHashMap;

use super::{bump, zeros, Histogram};

/// Groups that one block may have in one thread.
const GROUPS_LIMIT: usize = 4096;

/// What the names in a group end in, each after a dot; "" stands for the front of the name alone.
pub struct Family {
    pub counters: &'static [&'static str],
    pub histograms: &'static [&'static str],
}

/// A counter with a name of its own.
pub static SINGLE: Family = Family { counters: &[""], histograms: &[] };

/// The counters of one name in one thread. A counter exists once it was counted.
pub struct Group {
    family: &'static Family,
    counters: Box<[AtomicU64]>,
    histograms: Box<[OnceLock<Box<Histogram>>]>,
}

impl Group {
    fn new(family: &'static Family) -> Self {
        Self {
            family,
            counters: zeros(family.counters.len()),
            histograms: family.histograms.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Adds to the counter at `index` of the family.
    pub fn add(&self, index: usize, by: u64) {
        if let Some(counter) = self.counters.get(index) {
            bump(counter, by);
        }
    }

    /// Records a value in the histogram at `index` of the family.
    pub fn record(&self, index: usize, value: u64) {
        if let Some(slot) = self.histograms.get(index) {
            slot.get_or_init(Box::default).record(value);
        }
    }
}

/// The groups of one block, by the front of their names.
#[derive(Default)]
pub(super) struct Groups {
    groups: Mutex<AHashMap<Box<str>, Arc<Group>>>,
}

/// (name, value) of a counter.
pub type NamedCount = (String, u64);
/// (name, bins) of a histogram.
pub type NamedHistogram = (String, Vec<(u64, u64)>);

impl Groups {
    pub(super) fn group(&self, family: &'static Family, name: &str) -> Option<Arc<Group>> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(name) {
            return Some(group.clone());
        }
        if groups.len() >= GROUPS_LIMIT {
            return None;
        }
        let group = Arc::new(Group::new(family));
        groups.insert(name.into(), group.clone());
        Some(group)
    }

    fn each<T>(&self, found: impl Fn(&str, &Group) -> Vec<T>) -> Vec<T> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.iter().flat_map(|(name, group)| found(name, group)).collect()
    }

    pub(super) fn counters(&self) -> Vec<NamedCount> {
        self.each(|name, group| {
            let values = group.family.counters.iter().zip(&group.counters);
            values
                .map(|(end, value)| (join(name, end), value.load(Relaxed)))
                .filter(|(_, value)| *value > 0)
                .collect()
        })
    }

    pub(super) fn histograms(&self) -> Vec<NamedHistogram> {
        self.each(|name, group| {
            let slots = group.family.histograms.iter().zip(&group.histograms);
            slots.filter_map(|(end, slot)| Some((join(name, end), slot.get()?.bins()))).collect()
        })
    }

    pub(super) fn reset(&self) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in groups.values().flat_map(|group| &group.counters) {
            counter.store(0, Relaxed);
        }
    }
}

fn join(name: &str, end: &str) -> String {
    match end {
        "" => name.to_owned(),
        _ => format!("{name}.{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Block, BlockKind};
    use super::{Family, GROUPS_LIMIT, SINGLE};

    static PAIR: Family = Family { counters: &["hit", "miss"], histograms: &["time"] };

    #[test]
    fn only_what_was_counted_exists() {
        let block = Block::new(BlockKind::Cluster);
        assert!(block.named_counters().is_empty());
        let group = block.group(&PAIR, "a.b").unwrap();
        group.add(1, 2);
        block.group(&PAIR, "a.b").unwrap().add(1, 1);
        block.group(&SINGLE, "a.c").unwrap().add(0, 5);
        group.record(0, 25);
        let mut counters = block.named_counters();
        counters.sort();
        assert_eq!(counters, [("a.b.miss".to_owned(), 3), ("a.c".to_owned(), 5)]);
        assert_eq!(block.named_histograms(), [("a.b.time".to_owned(), vec![(125, 1)])]);
        block.reset(|_| true);
        assert!(block.named_counters().is_empty());
    }

    #[test]
    fn names_beyond_the_limit_are_not_counted() {
        let block = Block::new(BlockKind::Cluster);
        for number in 0..GROUPS_LIMIT {
            assert!(block.group(&SINGLE, &number.to_string()).is_some());
        }
        assert!(block.group(&SINGLE, "one more").is_none());
        assert!(block.group(&SINGLE, "7").is_some());
    }
}
