//! The load balancer of one cluster in one worker: a snapshot of the host sets with the state of its
//! policies. It is built anew when the host sets change.

use std::cell::OnceCell;
use std::sync::Arc;

use super::locality::{Localities, LocalityHealth};
use super::zones::{Zone, Zones};
use super::{build, Asker, LbContext, LbSettings, Loads, Policy, PriorityHealth};
use crate::proto::ClusterStat;
use crate::random::Random;
use crate::upstream::{Availability, Host, HostSets, LocalityHosts};

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

/// One priority, whose sources are made when they are first used.
#[derive(Default)]
struct Priority {
    all: OnceCell<Source>,
    available: [OnceCell<Source>; 2],
    /// By locality.
    sources: [OnceCell<Box<[Source]>>; 2],
    schedules: [OnceCell<Option<Localities>>; 2],
}

pub struct Balancer {
    sets: Arc<HostSets>,
    settings: LbSettings,
    loads: Loads,
    zones: Option<Arc<Zones>>,
    priorities: Vec<Priority>,
}

impl Balancer {
    pub fn new(sets: Arc<HostSets>, settings: LbSettings, zones: Option<Arc<Zones>>) -> Self {
        let loads = Loads::of(&sets, settings.panic_threshold);
        let priorities = sets.priorities.iter().map(|_| Priority::default()).collect();
        Self { sets, settings, loads, zones, priorities }
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
            if let Some(schedule) = self.schedule(index, choice, random) {
                let locality = schedule.pick()?;
                return self.sources(index, choice, random).get(locality)?.pick(context, random);
            }
        }
        if let Some(zones) = self.zones.as_ref().filter(|_| index == 0) {
            match zones.choose(self.settings.fail_traffic_on_panic, asker) {
                Zone::Any => {}
                Zone::None => return None,
                Zone::One(locality) => {
                    return self.sources(0, choice, random).get(locality)?.pick(context, random);
                }
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

    fn sources(&self, priority: usize, choice: Choice, random: &Random) -> &[Source] {
        self.priorities[priority].sources[choice as usize].get_or_init(|| {
            let localities = self.sets.priorities[priority].localities.iter();
            let source = |locality: &LocalityHosts| {
                let hosts = locality.hosts.iter().filter(|host| choice.takes(host));
                Source::new(hosts.cloned().collect(), &self.settings, random)
            };
            localities.map(source).collect()
        })
    }

    fn schedule(&self, priority: usize, choice: Choice, random: &Random) -> Option<&Localities> {
        let slot = &self.priorities[priority].schedules[choice as usize];
        slot.get_or_init(|| {
            let localities = self.sets.priorities[priority].localities.iter();
            let sources = self.sources(priority, choice, random);
            let health = |(locality, source): (&LocalityHosts, &Source)| LocalityHealth {
                weight: locality.weight,
                hosts: locality.hosts.iter().filter(|host| counts(host)).count(),
                available: source.hosts.len(),
            };
            let health: Vec<_> = localities.zip(sources).map(health).collect();
            Localities::new(&health, self.sets.overprovisioning_factor)
        })
        .as_ref()
    }
}

fn counts(host: &Host) -> bool {
    host.availability() != Availability::Excluded
}

#[cfg(test)]
mod tests;
