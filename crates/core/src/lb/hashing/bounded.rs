//! Bounded loads: a host that has too many of the active requests is passed over.
//! <https://arxiv.org/abs/1608.01350>, with the random jumps of <https://arxiv.org/abs/1908.08762>

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

use super::placement::Placement;

/// Room for an order of the hosts, which choices use again.
pub type Order = RefCell<Vec<u32>>;

pub(super) struct Bounds<'a> {
    hosts: &'a [Placement],
    /// How many requests all hosts together may have.
    slots: u64,
}

impl<'a> Bounds<'a> {
    /// `active` requests of the cluster, and `factor` percent.
    pub fn new(hosts: &'a [Placement], active: u64, factor: u32) -> Self {
        Self { hosts, slots: ((active + 1) * u64::from(factor)).div_ceil(100) }
    }

    /// The requests of a host by those that it may have.
    fn load(&self, index: usize) -> f64 {
        let Placement { host, share } = &self.hosts[index];
        let slots = (self.slots as f64 * share).ceil().max(1.0);
        host.stats.rq_active.load(Relaxed) as f64 / slots
    }

    /// `found`, or if it has too many requests the first that has not, in an order that the hash decides;
    /// the least busy if all have.
    pub fn find(&self, found: usize, hash: u64, order: &Order) -> usize {
        let mut best = found;
        let mut least = self.load(found);
        if least <= 1.0 {
            return found;
        }
        let mut order = order.borrow_mut();
        order.clear();
        order.extend(0..self.hosts.len() as u32);
        let mut random = MersenneTwister::new(hash as u32);
        for next in 0..order.len() {
            let left = (order.len() - next) as u32;
            order.swap(next, next + random.below(left) as usize);
            let other = order[next] as usize;
            if other == found {
                continue;
            }
            let load = self.load(other);
            if load <= 1.0 {
                return other;
            }
            if load < least {
                (best, least) = (other, load);
            }
        }
        best
    }
}

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// MT19937, so that the order is the one that Envoy has.
struct MersenneTwister {
    state: [u32; SIZE],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [seed; SIZE];
        for index in 1..SIZE {
            let last = state[index - 1];
            let mixed = (last ^ (last >> 30)).wrapping_mul(1_812_433_253);
            state[index] = mixed.wrapping_add(index as u32);
        }
        Self { state, next: SIZE }
    }

    fn twist(&mut self) {
        for index in 0..SIZE {
            let following = self.state[(index + 1) % SIZE];
            let joined = (self.state[index] & 0x8000_0000) | (following & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + SHIFT) % SIZE] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }

    fn next(&mut self) -> u32 {
        if self.next == SIZE {
            self.twist();
        }
        let mut value = self.state[self.next];
        self.next += 1;
        value ^= value >> 11;
        value ^= (value << 7) & 0x9d2c_5680;
        value ^= (value << 15) & 0xefc6_0000;
        value ^ (value >> 18)
    }

    /// A number below `bound`, each with the same chance.
    fn below(&mut self, bound: u32) -> u32 {
        let part = (1_u64 << 32) / u64::from(bound);
        loop {
            let value = (u64::from(self.next()) / part) as u32;
            if value < bound {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MersenneTwister;

    /// The standard tells the 10,000th number of the default seed ([rand.predef]).
    #[test]
    fn the_generator_is_the_standard_one() {
        let mut random = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| random.next()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
