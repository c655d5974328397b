//! envoy.filters.network.connection_limit: so many connections at a time.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/connection_limit_filter>

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

use super::filters::{Closed, Opened};
use crate::http::manager::duration;
use crate::proto::{self, ConnectionLimitStat as Stat};
use crate::runtime::Flag;
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

/// Immutable but for the count, shared by all workers.
pub struct ConnectionLimitConfig {
    stats_block: u32,
    most: u64,
    delay: Option<Duration>,
    enabled: Flag,
    connections: AtomicU64,
}

impl ConnectionLimitConfig {
    pub fn compile(message: &proto::ConnectionLimit) -> Self {
        Self {
            stats_block: message.stats_block,
            most: message.max_connections,
            delay: duration(message.delay_ms),
            enabled: Flag::compile(message.enabled.as_ref()),
            connections: AtomicU64::new(0),
        }
    }
}

/// The same in one worker.
pub struct ConnectionLimit {
    config: Arc<ConnectionLimitConfig>,
    block: Arc<Block>,
}

/// A connection that counts.
pub struct Permit {
    config: Arc<ConnectionLimitConfig>,
    block: Arc<Block>,
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permit")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.config.connections.fetch_sub(1, Relaxed);
        self.block.dec(Stat::ConnectionLimitActiveConnections);
    }
}

impl ConnectionLimit {
    pub fn new(worker: &Worker, config: Arc<ConnectionLimitConfig>) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::ConnectionLimit), config }
    }

    pub fn open(&self, worker: &Worker) -> Opened {
        if !self.config.enabled.is_on(&worker.runtime()) {
            return Opened::Continue;
        }
        self.block.inc(Stat::ConnectionLimitActiveConnections);
        let before = self.config.connections.fetch_add(1, Relaxed);
        let permit = Permit { config: self.config.clone(), block: self.block.clone() };
        if before < self.config.most {
            return Opened::Held(permit);
        }
        self.block.inc(Stat::ConnectionLimitLimitedConnections);
        Opened::Closed(Closed {
            after: self.config.delay,
            permit: Some(Rc::new(permit)),
            ..Closed::for_reason("over_connection_limit")
        })
    }
}
