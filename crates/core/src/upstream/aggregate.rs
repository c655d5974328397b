//! Aggregate clusters: the priorities of other clusters one after the other.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster>

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Cluster, Clusters};
use crate::lb::{Choice, Loads, PriorityHealth, RetryPriority};
use crate::random::Random;

/// Where a request goes.
pub struct Target {
    /// The cluster that was asked, or one of its members.
    pub cluster: Rc<Cluster>,
    /// The priority and the hosts of it that an aggregate has chosen.
    pub at: Option<(usize, Choice)>,
}

/// The members of an aggregate cluster, as one worker knows them.
pub struct Aggregate {
    names: Box<[Arc<str>]>,
    /// In percent, over the priorities of all members.
    panic_threshold: u32,
    view: RefCell<View>,
}

type Members = SmallVec<[Option<Rc<Cluster>>; 4]>;

/// How the load spreads over the members that were found last.
#[derive(Default)]
struct View {
    /// Each with the generation of its hosts; None: there was no such cluster.
    members: Vec<Option<(Weak<Cluster>, u64)>>,
    loads: Loads,
    priorities: Vec<PriorityHealth>,
    /// For each priority its member, and its number there.
    places: Vec<(usize, usize)>,
}

impl Aggregate {
    pub fn new(names: &[Arc<str>], panic_threshold: u32) -> Self {
        Self { names: names.into(), panic_threshold, view: RefCell::default() }
    }

    /// A member by its priorities' share of the load, or what `retry` leaves of it; none when no member has hosts.
    pub fn choose(
        &self,
        clusters: &Clusters,
        random: &Random,
        retry: Option<&RetryPriority>,
    ) -> Option<Target> {
        // As in Envoy, an aggregate within another has no hosts of its own.
        let find = |name: &Arc<str>| clusters.get(name).filter(|found| !found.is_aggregate());
        let members: Members = self.names.iter().map(find).collect();
        if !self.view.borrow().is_of(&members) {
            *self.view.borrow_mut() = View::new(&members, self.panic_threshold);
        }
        let view = self.view.borrow();
        let hash = random.next() >> 8;
        let (index, choice) = match retry {
            None => view.loads.choose(hash),
            Some(retry) => {
                let chosen = retry.choose(&view.loads, || view.priorities.clone(), hash);
                retry.note(chosen.0);
                chosen
            }
        };
        let &(member, priority) = view.places.get(index)?;
        let cluster = members.get(member)?.clone()?;
        Some(Target { cluster, at: Some((priority, choice)) })
    }
}

impl View {
    fn new(members: &Members, panic_threshold: u32) -> Self {
        let mut view = Self::default();
        for (place, member) in members.iter().enumerate() {
            let Some(cluster) = member else {
                view.members.push(None);
                continue;
            };
            view.members.push(Some((Rc::downgrade(cluster), cluster.shared().generation())));
            let sets = cluster.shared().host_sets();
            for (number, priority) in sets.priorities.iter().enumerate() {
                if priority.hosts().next().is_some() {
                    view.places.push((place, number));
                    view.priorities.push(PriorityHealth::of(priority, &sets));
                }
            }
        }
        view.loads = Loads::new(&view.priorities, panic_threshold);
        view
    }

    /// Whether it is of these members, and their hosts have not changed.
    fn is_of(&self, members: &Members) -> bool {
        let same = |known: &Option<(Weak<Cluster>, u64)>, member: &Option<Rc<Cluster>>| match (
            known, member,
        ) {
            (None, None) => true,
            (Some((known, generation)), Some(member)) => {
                std::ptr::eq(known.as_ptr(), Rc::as_ptr(member))
                    && *generation == member.shared().generation()
            }
            _ => false,
        };
        let mut pairs = self.members.iter().zip(members);
        self.members.len() == members.len() && pairs.all(|(known, member)| same(known, member))
    }
}

#[cfg(test)]
mod tests;
