//! The load balancer of one cluster in one worker. It is made anew when the hosts change.

use std::sync::Arc;

use super::hashing::Order;
use super::prepared::Kind;
use super::subsets::SubsetBalancer;
use super::{Asker, Balancer, LbContext, LbSettings, Prepared};
use crate::upstream::{Host, HostSets};

pub struct LoadBalancer {
    prepared: Arc<Prepared>,
    state: State,
}

/// What a worker keeps for itself.
enum State {
    Policies(Box<Balancer>),
    Hashing(Order),
    Subsets(Box<SubsetBalancer>),
    Provided,
}

impl LoadBalancer {
    pub fn new(prepared: Arc<Prepared>, settings: LbSettings) -> Self {
        let state = match &prepared.kind {
            Kind::Policies(zones) => {
                let sets = prepared.sets.clone();
                State::Policies(Box::new(Balancer::new(sets, settings, zones.clone())))
            }
            Kind::Hashing(_) => State::Hashing(Order::default()),
            Kind::Subsets(subsets) => State::Subsets(Box::new(SubsetBalancer::new(subsets))),
            Kind::Provided(_) => State::Provided,
        };
        Self { prepared, state }
    }

    pub fn sets(&self) -> &Arc<HostSets> {
        &self.prepared.sets
    }

    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// A host, or none if no host can be used.
    pub fn choose<'a>(
        &'a self,
        context: &'a LbContext<'a>,
        asker: &'a Asker<'a>,
    ) -> Option<&'a Arc<Host>> {
        match (&self.state, &self.prepared.kind) {
            (State::Policies(balancer), _) => balancer.choose(context, asker),
            (State::Hashing(order), Kind::Hashing(tables)) => tables.choose(context, asker, order),
            (State::Subsets(balancer), Kind::Subsets(subsets)) => {
                balancer.choose(subsets, context, asker)
            }
            (State::Hashing(_) | State::Subsets(_) | State::Provided, _) => None,
        }
    }
}
