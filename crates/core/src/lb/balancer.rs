//! The load balancer of one cluster in one worker: a snapshot of the host sets with the state of its
//! policies. It is built anew when the host sets change.

use std::cell::OnceCell;
use std::sync::Arc;

use super::locality::{Localities, LocalityHealth};
use super::{build, Asker, LbContext, LbSettings, Loads, Policy, PriorityHealth};
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::upstream::{Availability, Host, HostSets};

/// Which hosts of a priority are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Healthy,
    Degraded,
}

impl Choice {
    fn takes(self, host: &Host) -> bool {
        match self {
            Self::Healthy => host.availability() == Availability::Healthy,
            Self::Degraded => host.availability() == Availability::Degraded,
        }
    }
}

/// Hosts and the policy that chooses among them.
struct Source {
    hosts: Box<[Arc<Host>]>,
    policy: Box<dyn Policy>,
}

impl Source {
    fn new(hosts: Vec<Arc<Host>>, settings: &LbSettings, random: &Random) -> Self {
        let policy = build(&hosts, settings, random);
        Self { hosts: hosts.into(), policy }
    }

    fn pick(&self, context: &LbContext<'_>, random: &Random) -> Option<&Arc<Host>> {
        match self.hosts.len() {
            0 => None,
            1 => self.hosts.first(),
            _ => self.hosts.get(self.policy.pick(&self.hosts, context, random)),
        }
    }
}

/// The localities of a priority whose healthy (or degraded) hosts are meant.
struct ByLocality {
    schedule: Localities,
    sources: Vec<Source>,
}

/// One priority, whose sources are made when they are first used.
#[derive(Default)]
struct Priority {
    all: OnceCell<Source>,
    available: [OnceCell<Source>; 2],
    by_locality: [OnceCell<Option<ByLocality>>; 2],
}

pub struct Balancer {
    sets: Arc<HostSets>,
    settings: LbSettings,
    loads: Loads,
    priorities: Vec<Priority>,
}

impl Balancer {
    pub fn new(sets: Arc<HostSets>, settings: LbSettings) -> Self {
        let loads = Loads::of(&sets, settings.panic_threshold);
        let priorities = sets.priorities.iter().map(|_| Priority::default()).collect();
        Self { sets, settings, loads, priorities }
    }

    /// A host, or none if no host can be used.
    pub fn choose(&self, context: &LbContext<'_>, asker: &Asker<'_>) -> Option<&Arc<Host>> {
        let mut host = self.choose_once(context, asker)?;
        for _ in 0..context.max_attempts {
            if !context.refuses(host) {
                break;
            }
            host = self.choose_once(context, asker)?;
        }
        Some(host)
    }

    fn choose_once(&self, context: &LbContext<'_>, asker: &Asker<'_>) -> Option<&Arc<Host>> {
        let random = asker.random;
        let (index, choice) = match self.priorities.len() {
            0 => return None,
            count if context.at.is_some_and(|(priority, _)| priority < count) => context.at?,
            1 if self.loads.degraded[0] == 0 => (0, Choice::Healthy),
            _ => match context.retry_priority {
                None => self.loads.choose(random.next() >> 8),
                Some(retry) => {
                    let health = || PriorityHealth::of_all(&self.sets);
                    retry.choose(&self.loads, health, random.next() >> 8)
                }
            },
        };
        if self.loads.panic[index] {
            (asker.count)(ClusterStat::ClusterLbHealthyPanic);
            if self.settings.fail_traffic_on_panic {
                return None;
            }
            return self.all(index, random).pick(context, random);
        }
        if self.settings.locality_weighted {
            if let Some(localities) = self.by_locality(index, choice, random) {
                let locality = localities.schedule.pick()?;
                return localities.sources.get(locality)?.pick(context, random);
            }
        }
        self.available(index, choice, random).pick(context, random)
    }

    fn all(&self, priority: usize, random: &Random) -> &Source {
        self.priorities[priority].all.get_or_init(|| {
            let hosts = self.sets.priorities[priority].hosts().cloned().collect();
            Source::new(hosts, &self.settings, random)
        })
    }

    fn available(&self, priority: usize, choice: Choice, random: &Random) -> &Source {
        self.priorities[priority].available[choice as usize].get_or_init(|| {
            let hosts = self.sets.priorities[priority].hosts();
            let hosts = hosts.filter(|host| choice.takes(host)).cloned().collect();
            Source::new(hosts, &self.settings, random)
        })
    }

    fn by_locality(&self, priority: usize, choice: Choice, random: &Random) -> Option<&ByLocality> {
        let slot = &self.priorities[priority].by_locality[choice as usize];
        slot.get_or_init(|| self.build_localities(priority, choice, random)).as_ref()
    }

    fn build_localities(
        &self,
        priority: usize,
        choice: Choice,
        random: &Random,
    ) -> Option<ByLocality> {
        let localities = &self.sets.priorities[priority].localities;
        let sources: Vec<_> = localities
            .iter()
            .map(|locality| {
                let hosts = locality.hosts.iter().filter(|host| choice.takes(host));
                Source::new(hosts.cloned().collect(), &self.settings, random)
            })
            .collect();
        let health: Vec<_> = localities
            .iter()
            .zip(&sources)
            .map(|(locality, source)| LocalityHealth {
                weight: locality.weight,
                hosts: locality.hosts.iter().filter(|host| counts(host)).count(),
                available: source.hosts.len(),
            })
            .collect();
        let schedule = Localities::new(&health, self.sets.overprovisioning_factor)?;
        Some(ByLocality { schedule, sources })
    }
}

fn counts(host: &Host) -> bool {
    host.availability() != Availability::Excluded
}

#[cfg(test)]
mod tests;
