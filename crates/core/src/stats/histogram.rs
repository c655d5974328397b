//! A log-linear histogram: two significant decimal digits a bin, as Envoy's (circllhist) has.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::OnceLock;

/// Values up to 10^19: exponents 0 to 18, 90 bins each, made when first used; bin 0 is for the value 0.
pub struct Histogram {
    zero: AtomicU64,
    decades: [OnceLock<Box<[AtomicU64; 90]>>; 20],
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    pub fn new() -> Self {
        Self { zero: AtomicU64::new(0), decades: std::array::from_fn(|_| OnceLock::new()) }
    }

    /// Counts `value`. One writer at a time.
    pub fn record(&self, value: u64) {
        let (exponent, digits) = bin_of(value);
        let counter = match digits {
            0 => &self.zero,
            _ => {
                let decade = self.decades[exponent]
                    .get_or_init(|| Box::new(std::array::from_fn(|_| AtomicU64::new(0))));
                &decade[digits - 10]
            }
        };
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }

    /// (bin, count) of each bin in use, lowest first. A bin is exponent * 100 + two digits, so 25 is 125,
    /// 7 is 70 (7.0 * 10^0) and 0 is 0.
    pub fn bins(&self) -> Vec<(u64, u64)> {
        let zero = self.zero.load(Relaxed);
        let mut bins: Vec<_> = (zero > 0).then_some((0, zero)).into_iter().collect();
        for (exponent, decade) in self.decades.iter().enumerate() {
            for (offset, count) in decade.get().into_iter().flat_map(|d| d.iter()).enumerate() {
                let count = count.load(Relaxed);
                if count > 0 {
                    bins.push((exponent as u64 * 100 + offset as u64 + 10, count));
                }
            }
        }
        bins
    }
}

/// (exponent, two digits): the value is between digits/10 * 10^exponent and the next bin.
fn bin_of(value: u64) -> (usize, usize) {
    if value == 0 {
        return (0, 0);
    }
    let mut exponent = 0;
    let mut rest = value;
    while rest >= 100 {
        rest /= 10;
        exponent += 1;
    }
    match rest < 10 {
        true => (0, rest as usize * 10),
        false => (exponent + 1, rest as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn values_fall_into_bins_of_two_digits() {
        let histogram = Histogram::new();
        for value in [0, 7, 25, 25, 2549, u64::MAX] {
            histogram.record(value);
        }
        assert_eq!(histogram.bins(), [(0, 1), (70, 1), (125, 2), (325, 1), (1918, 1)]);
    }
}
