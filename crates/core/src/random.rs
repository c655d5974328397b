//! Random numbers of a worker: fast, seeded by the system, not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

/// xorshift64*; one a worker.
pub struct Random {
    state: Cell<u64>,
}

impl Random {
    /// Seeded by the operating system.
    pub fn new() -> Self {
        Self::seeded(std::hash::RandomState::new().build_hasher().finish())
    }

    pub fn seeded(seed: u64) -> Self {
        Self { state: Cell::new(seed | 1) }
    }

    pub fn next(&self) -> u64 {
        let mut state = self.state.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.state.set(state);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_stay_below_the_bound_and_spread() {
        let random = Random::seeded(7);
        let mut seen = [0u32; 4];
        for _ in 0..4000 {
            seen[random.below(4) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 800), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }
}
