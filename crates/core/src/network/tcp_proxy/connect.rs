//! Getting an upstream connection: a cluster, a host, and as many attempts as are allowed.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use crate::clock;
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::Attempt;
use crate::lb::LbContext;
use crate::proto::{ClusterStat, TcpStat};
use crate::upstream::{Cluster, ConnectError, Host, TcpConnection, TcpError};

/// Why a client got no upstream connection; the number is in Envoy's reason of the close.
#[derive(Clone, Copy)]
enum Failure {
    ConnectFailed = 0,
    NoHealthyUpstream = 1,
    ResourceLimitExceeded = 2,
    NoRoute = 3,
}

impl Session {
    /// None when there is no connection to be had; then it is noted why.
    pub async fn connect(&mut self) -> Option<TcpConnection> {
        let name = self.proxy.config.choose_cluster(&self.worker.random);
        let Some(cluster) = self.worker.clusters.get(name) else {
            self.proxy.block.inc(TcpStat::TcpDownstreamCxNoRoute);
            return self.fail(Failure::NoRoute, ResponseFlags::NO_CLUSTER_FOUND);
        };
        self.info.cluster = Some(cluster.config().observability_name.clone());
        self.info.cluster_metadata = cluster.config().metadata.clone();
        let begin = clock::now();
        self.info.upstream.pool_ready_after = Some(Duration::ZERO);
        let connected = self.attempts(&cluster).await;
        self.info.upstream.pool_ready_after = Some(clock::since(begin));
        connected
    }

    async fn attempts(&mut self, cluster: &Rc<Cluster>) -> Option<TcpConnection> {
        loop {
            let Some(permit) = cluster.tcp_permit() else {
                let flag = ResponseFlags::UPSTREAM_OVERFLOW;
                return self.fail(Failure::ResourceLimitExceeded, flag);
            };
            if self.info.attempts >= self.proxy.config.max_connect_attempts {
                cluster.block().inc(ClusterStat::ClusterUpstreamCxConnectAttemptsExceeded);
                let flag = ResponseFlags::UPSTREAM_RETRY_LIMIT_EXCEEDED;
                return self.fail(Failure::ConnectFailed, flag);
            }
            let Some(host) = cluster.choose_host(&LbContext::default()) else {
                let flag = ResponseFlags::NO_HEALTHY_UPSTREAM;
                return self.fail(Failure::NoHealthyUpstream, flag);
            };
            self.info.attempts += 1;
            self.forget_host();
            match self.in_time(cluster.connect_tcp(&host, permit)).await? {
                Ok(connection) => {
                    self.info.upstream.host = Some(host);
                    return Some(connection);
                }
                Err(error) => self.attempt_failed(host, error),
            }
        }
    }

    /// The host of the former attempt becomes one of the earlier ones.
    fn forget_host(&mut self) {
        if let Some(host) = self.info.upstream.host.take() {
            self.note_earlier(host);
        }
    }

    fn note_earlier(&mut self, host: Arc<Host>) {
        self.info.upstream.earlier_attempts.push(Attempt { host, connection_id: None });
    }

    fn attempt_failed(&mut self, host: Arc<Host>, error: TcpError) {
        match error {
            TcpError::PendingOverflow => self.note_earlier(host),
            TcpError::Connect(error) => {
                self.info.flags |= ResponseFlags::UPSTREAM_CONNECTION_FAILURE;
                self.info.upstream.transport_failure_reason = reason(&error).into();
                self.info.upstream.host = Some(host);
            }
        }
    }

    fn fail(&mut self, failure: Failure, flag: ResponseFlags) -> Option<TcpConnection> {
        self.info.flags |= flag;
        // The spelling is Envoy's.
        self.info.local_close_reason = format!("tcp_initializion_failure:{}", failure as u8).into();
        None
    }
}

fn reason(error: &ConnectError) -> String {
    error.transport_failure().to_owned()
}
