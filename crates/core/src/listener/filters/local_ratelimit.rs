//! envoy.filters.listener.local_ratelimit: so many connections of a listener in a time.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/local_rate_limit_filter>

use std::sync::Arc;

use super::OnAccept;
use crate::compile::{At, Result};
use crate::proto::{self, LocalRateLimitStat};
use crate::ratelimit::TokenBucket;
use crate::runtime::Flag;
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

/// Immutable but for the bucket, shared by all workers.
pub struct Config {
    stats_block: u32,
    bucket: Arc<TokenBucket>,
    enabled: Flag,
}

impl Config {
    /// # Errors
    /// A bucket that cannot be.
    pub fn compile(message: &proto::LocalRateLimit) -> Result<Self> {
        Ok(Self {
            stats_block: message.stats_block,
            bucket: TokenBucket::compile(message.bucket.as_ref()).at("bucket")?,
            enabled: Flag::compile(message.enabled.as_ref()),
        })
    }
}

/// The same in one worker.
pub struct LocalRateLimit {
    bucket: Arc<TokenBucket>,
    enabled: Flag,
    block: Arc<Block>,
}

impl LocalRateLimit {
    pub fn new(worker: &Worker, config: &Config) -> Self {
        Self {
            bucket: config.bucket.clone(),
            enabled: config.enabled.clone(),
            block: worker.block(config.stats_block, BlockKind::Filter),
        }
    }

    pub fn accept(&self, worker: &Worker) -> OnAccept {
        if !self.enabled.is_on(&worker.runtime()) || self.bucket.take(1) {
            return OnAccept::Continue;
        }
        self.block.inc(LocalRateLimitStat::LocalRateLimitRateLimited);
        OnAccept::Close
    }
}
