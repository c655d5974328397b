//! How long to leave a receiver alone that fails.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::clock;
use crate::random::Random;

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after a failure: a random part of a time that grows with each.
#[derive(Default)]
pub struct Pause {
    until: Cell<Option<Instant>>,
    longest: Cell<Duration>,
}

impl Pause {
    pub fn is_over(&self) -> bool {
        self.until.get().is_none_or(|until| clock::now() >= until)
    }

    pub fn failed(&self, random: &Random) {
        let longest = (self.longest.get() * 2).clamp(SHORTEST, LONGEST);
        self.longest.set(longest);
        let pause = Duration::from_millis(random.below(longest.as_millis() as u64));
        self.until.set(Some(clock::now() + pause));
    }

    pub fn did_well(&self) {
        self.longest.set(Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::{Pause, LONGEST, SHORTEST};
    use crate::random::Random;

    #[test]
    fn pauses_grow_until_something_goes_well() {
        let (pause, random) = (Pause::default(), Random::seeded(1));
        assert!(pause.is_over());
        pause.failed(&random);
        assert_eq!(pause.longest.get(), SHORTEST);
        (0..9).for_each(|_| pause.failed(&random));
        assert_eq!(pause.longest.get(), LONGEST);
        pause.did_well();
        pause.failed(&random);
        assert_eq!(pause.longest.get(), SHORTEST);
    }
}
