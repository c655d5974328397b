//! Earliest deadline first: each entry is due again 1/weight after it was picked, so picks follow the
//! weights and are spread evenly.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::BinaryHeap;

use crate::random::Random;

/// A schedule starts at one of so many points at most: the picks up to there are made.
const MAX_START: u64 = 1024;

struct Entry {
    deadline: f64,
    /// Among equal deadlines the entry that was queued first is first.
    order: u64,
    index: usize,
}

impl Ord for Entry {
    /// Reversed, for the heap gives its greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

/// A schedule of the indices 0 to n.
pub struct Edf {
    heap: BinaryHeap<Entry>,
    order: u64,
}

impl Edf {
    /// Entries with a weight of 0 are never picked. The schedule starts at a random point of its first
    /// round, so that workers and successive schedules do not all begin with the same host.
    pub fn new(weights: &[f64], random: &Random) -> Self {
        let weighty = || weights.iter().copied().filter(|weight| *weight > 0.0);
        // A host that starts slowly may weigh less than 1, which makes the round longer.
        let round = weighty().sum::<f64>() / weighty().fold(1.0, f64::min);
        Self::started(weights, random.below((round.ceil() as u64).min(MAX_START)))
    }

    /// The schedule after `picks` picks.
    pub fn started(weights: &[f64], picks: u64) -> Self {
        let mut this = Self { heap: BinaryHeap::with_capacity(weights.len()), order: 0 };
        for (index, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            this.heap.push(Entry { deadline: 1.0 / weight, order: this.order, index });
            this.order += 1;
        }
        for _ in 0..picks {
            this.pick(|index| weights[index]);
        }
        this
    }

    /// The next index; it comes back after 1/weight, with the weight it has now.
    pub fn pick(&mut self, weight: impl Fn(usize) -> f64) -> Option<usize> {
        let mut entry = self.heap.peek_mut()?;
        let index = entry.index;
        entry.deadline += 1.0 / weight(index).max(f64::MIN_POSITIVE);
        entry.order = self.order;
        self.order += 1;
        drop::<PeekMut<'_, Entry>>(entry);
        Some(index)
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Edf;
    use crate::lb::testing::count;

    #[test]
    fn a_round_gives_each_entry_its_weight() {
        let weights = [1.0, 2.0, 5.0, 0.0];
        for start in [0, 3, 8, 1003] {
            let mut edf = Edf::started(&weights, start);
            let counts = count(80, 4, || edf.pick(|i| weights[i]).unwrap_or(3));
            for (count, expected) in counts.iter().zip([10, 20, 50, 0]) {
                assert!(count.abs_diff(expected) <= 1, "{counts:?} from {start}");
            }
        }
    }

    #[test]
    fn picks_of_a_heavy_entry_are_spread() {
        let weights = [1.0, 3.0];
        let mut edf = Edf::started(&weights, 0);
        let picks: Vec<_> = (0..8).filter_map(|_| edf.pick(|i| weights[i])).collect();
        assert_eq!(picks.iter().filter(|&&pick| pick == 0).count(), 2);
        assert!(!picks.windows(2).any(|pair| pair == [0, 0]), "{picks:?}");
    }

    #[test]
    fn nothing_to_pick() {
        assert_eq!(Edf::started(&[0.0], 5).pick(|_| 1.0), None);
        assert!(Edf::started(&[], 5).is_empty());
    }
}
