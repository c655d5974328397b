//! envoy.filters.network.local_ratelimit: so many connections of a filter chain in a time.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/local_rate_limit_filter>

use std::sync::Arc;

use super::filters::{Closed, Opened};
use crate::compile::{At, Result};
use crate::http::flags::ResponseFlags;
use crate::proto::{self, LocalRateLimitStat};
use crate::ratelimit::TokenBucket;
use crate::runtime::Flag;
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

/// Immutable but for the bucket, shared by all workers.
pub struct LocalRateLimitConfig {
    stats_block: u32,
    bucket: Arc<TokenBucket>,
    enabled: Flag,
}

impl LocalRateLimitConfig {
    /// # Errors
    /// A bucket that cannot be.
    pub fn compile(message: &proto::LocalRateLimit) -> Result<Self> {
        let bucket = TokenBucket::shared(&message.share_key, message.bucket.as_ref());
        Ok(Self {
            stats_block: message.stats_block,
            bucket: bucket.at("bucket")?,
            enabled: Flag::compile(message.enabled.as_ref()),
        })
    }
}

/// The same in one worker.
pub struct LocalRateLimit {
    config: Arc<LocalRateLimitConfig>,
    block: Arc<Block>,
}

impl LocalRateLimit {
    pub fn new(worker: &Worker, config: Arc<LocalRateLimitConfig>) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::Filter), config }
    }

    pub fn open(&self, worker: &Worker) -> Opened {
        if !self.config.enabled.is_on(&worker.runtime()) || self.config.bucket.take(1) {
            return Opened::Continue;
        }
        self.block.inc(LocalRateLimitStat::LocalRateLimitRateLimited);
        Opened::Closed(Closed {
            flags: ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED,
            ..Closed::for_reason("local_ratelimit_close_over_limit")
        })
    }
}
