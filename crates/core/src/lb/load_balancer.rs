//! The load balancer of one cluster in one worker. It is made anew when the hosts change.

use std::sync::Arc;

use super::hashing::Order;
use super::{Asker, Balancer, LbContext, LbSettings, Prepared};
use crate::upstream::{Host, HostSets};

pub struct LoadBalancer {
    prepared: Arc<Prepared>,
    state: State,
}

/// What a worker keeps for itself.
enum State {
    /// The policies take turns.
    Policies(Balancer),
    /// The tables are all workers'.
    Hashing(Order),
}

impl LoadBalancer {
    pub fn new(prepared: Arc<Prepared>, settings: LbSettings) -> Self {
        let state = match &prepared.tables {
            Some(_) => State::Hashing(Order::default()),
            None => State::Policies(Balancer::new(prepared.sets.clone(), settings)),
        };
        Self { prepared, state }
    }

    pub fn sets(&self) -> &Arc<HostSets> {
        &self.prepared.sets
    }

    /// A host, or none if no host can be used.
    pub fn choose(&self, context: &LbContext<'_>, asker: &Asker<'_>) -> Option<&Arc<Host>> {
        match (&self.state, &self.prepared.tables) {
            (State::Policies(balancer), _) => balancer.choose(context, asker),
            (State::Hashing(order), Some(tables)) => tables.choose(context, asker, order),
            (State::Hashing(_), None) => None,
        }
    }
}
