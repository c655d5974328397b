//! Locality-weighted balancing: localities by their weight, less what they lack in available hosts.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/locality_weight>

use std::cell::RefCell;

use super::edf::Edf;

/// Hosts of one locality.
#[derive(Clone, Copy, Debug)]
pub struct LocalityHealth {
    pub weight: u32,
    /// Without excluded hosts.
    pub hosts: usize,
    /// Healthy (or degraded) ones.
    pub available: usize,
}

impl LocalityHealth {
    fn effective_weight(&self, overprovisioning: u32) -> f64 {
        if self.hosts == 0 {
            return 0.0;
        }
        let factor = f64::from(overprovisioning) / 100.0;
        let available = (factor * self.available as f64 / self.hosts as f64).min(1.0);
        f64::from(self.weight) * available
    }
}

/// A schedule of the localities of one priority.
pub struct Localities {
    weights: Vec<f64>,
    edf: RefCell<Edf>,
}

impl Localities {
    /// None when no locality can take traffic: then locality plays no part. Every schedule begins with
    /// the heaviest locality, as Envoy's does.
    pub fn new(localities: &[LocalityHealth], overprovisioning: u32) -> Option<Self> {
        let weights: Vec<_> =
            localities.iter().map(|locality| locality.effective_weight(overprovisioning)).collect();
        let edf = Edf::started(&weights, 0);
        (!edf.is_empty()).then(|| Self { weights, edf: RefCell::new(edf) })
    }

    /// Index of the next locality.
    pub fn pick(&self) -> Option<usize> {
        self.edf.borrow_mut().pick(|index| self.weights[index])
    }
}

#[cfg(test)]
mod tests {
    use super::{Localities, LocalityHealth};
    use crate::lb::testing::count;

    fn shares(localities: &[LocalityHealth]) -> Vec<usize> {
        let localities = localities.to_vec();
        let schedule = Localities::new(&localities, 140);
        let schedule = schedule.unwrap_or_else(|| unreachable!("a locality has hosts"));
        count(300, localities.len(), || schedule.pick().unwrap_or(0))
    }

    /// The table of Envoy's page: Y has weight 2 and X weight 1; the health of Y falls.
    #[test]
    fn weight_falls_with_health_below_what_is_overprovisioned() {
        let x = LocalityHealth { weight: 1, hosts: 100, available: 100 };
        for (available, y_percent) in [(100, 67), (70, 66), (69, 66), (50, 58), (25, 41), (0, 0)] {
            let y = LocalityHealth { weight: 2, hosts: 100, available };
            let counts = shares(&[x, y]);
            assert!(counts[1].abs_diff(y_percent * 3) <= 3, "{available}%: {counts:?}");
        }
    }

    #[test]
    fn no_locality_without_weight_or_hosts() {
        let none = [
            LocalityHealth { weight: 0, hosts: 3, available: 3 },
            LocalityHealth { weight: 5, hosts: 0, available: 0 },
            LocalityHealth { weight: 5, hosts: 4, available: 0 },
        ];
        assert!(Localities::new(&none, 140).is_none());
    }
}
