//! Getting an upstream connection: a cluster, a host, and as many attempts as are allowed.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::CLUSTER_KEY;
use super::session::Session;
use super::upstream::Upstream;
use crate::clock;
use crate::hash_policy::HashSubject;
use crate::http::flags::ResponseFlags;
use crate::http::stream_info::Attempt;
use crate::lb::{Criteria, LbContext};
use crate::proto::{ClusterStat, TcpStat};
use crate::upstream::{Cluster, ConnectError, Host, Outcome, Target, TcpError, TcpPermit};

/// Why a client got no upstream connection; the number is in Envoy's reason of the close.
#[derive(Clone, Copy)]
enum Failure {
    ConnectFailed = 0,
    NoHealthyUpstream = 1,
    ResourceLimitExceeded = 2,
    NoRoute = 3,
}

impl Session {
    /// A connection or a tunnel. None when there is none to be had; then it is noted why.
    pub async fn connect(&mut self) -> Option<Upstream> {
        let proxy = self.proxy.clone();
        let config = &proxy.config;
        let named = self.info.connection.state.borrow().text(CLUSTER_KEY).map(Arc::from);
        let chosen = named.is_none().then(|| config.choose_cluster(&self.worker.random));
        let own = chosen.and_then(|chosen| chosen.metadata_match.as_ref());
        let criteria = own.or(config.metadata_match.as_ref());
        let name: Arc<str> = named.or_else(|| Some(chosen?.name.clone())).unwrap_or_default();
        let cluster = self.find_cluster(&name).await?;
        self.info.cluster = Some(cluster.config().observability_name.clone());
        self.info.cluster_metadata = cluster.config().metadata.clone();
        let begin = clock::now();
        self.info.upstream.pool_ready_after = Some(Duration::ZERO);
        let connected = self.attempts(&cluster, criteria).await;
        self.info.upstream.pool_ready_after = Some(clock::since(begin));
        connected
    }

    /// The cluster of this name. None when there is none; then it is noted why.
    async fn find_cluster(&mut self, name: &str) -> Option<Rc<Cluster>> {
        if let Some(cluster) = self.worker.clusters.get(name) {
            return Some(cluster);
        }
        let proxy = self.proxy.clone();
        let found = match &proxy.config.on_demand {
            Some(clusters) => self.ask_for_cluster(clusters, name).await?,
            None => None,
        };
        if found.is_none() {
            self.proxy.block.inc(TcpStat::TcpDownstreamCxNoRoute);
            return self.fail(Failure::NoRoute, ResponseFlags::NO_CLUSTER_FOUND);
        }
        found
    }

    async fn attempts(
        &mut self,
        cluster: &Rc<Cluster>,
        criteria: Option<&Criteria>,
    ) -> Option<Upstream> {
        let tried_named = Cell::new(0);
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
            let chosen = match self.choose_host(cluster, criteria, &tried_named) {
                None if self.resolve(cluster).await? => {
                    self.choose_host(cluster, criteria, &tried_named)
                }
                chosen => chosen,
            };
            let Some((member, host)) = chosen else {
                let flag = ResponseFlags::NO_HEALTHY_UPSTREAM;
                return self.fail(Failure::NoHealthyUpstream, flag);
            };
            let Some(permit) = of_member(permit, cluster, &member) else {
                let flag = ResponseFlags::UPSTREAM_OVERFLOW;
                return self.fail(Failure::ResourceLimitExceeded, flag);
            };
            if self.info.attempts > 0 {
                self.back_off().await?;
            }
            self.info.attempts += 1;
            self.forget_host();
            match self.attempt(&member, &host, permit).await? {
                Ok(upstream) => {
                    member.report(&host, Outcome::Served);
                    self.info.upstream.host = Some(host);
                    return Some(upstream);
                }
                Err(error) => self.attempt_failed(&member, host, error),
            }
        }
    }

    /// A host, and the cluster that it is of: in place of an aggregate one of its members.
    fn choose_host(
        &self,
        cluster: &Rc<Cluster>,
        criteria: Option<&Criteria>,
        tried_named: &Cell<usize>,
    ) -> Option<(Rc<Cluster>, Arc<Host>)> {
        let Target { cluster, at } = cluster.target(&self.worker.clusters, None)?;
        let context = LbContext {
            hash: self.hash(&cluster),
            at,
            tried_named: Some(tried_named),
            criteria,
            metadata: self.info.dynamic_metadata.as_deref(),
            connection: Some(&self.info.connection),
            tlvs: &self.proxy.config.tlvs,
            ..LbContext::default()
        };
        let host = cluster.choose_host(&context)?;
        Some((cluster, host))
    }

    /// Waits until the name of the host is resolved, where clients name the hosts of the cluster. Whether there
    /// may be a host now; none when the connection ends meanwhile.
    async fn resolve(&mut self, cluster: &Cluster) -> Option<bool> {
        let connection = Some(&*self.info.connection);
        let context = LbContext { connection, ..LbContext::default() };
        let resolved = match cluster.resolve(&context) {
            Ok(loading) => self.in_time(loading).await?.is_ok(),
            Err(_) => false,
        };
        if !resolved {
            cluster.count_no_host();
        }
        Some(resolved)
    }

    /// What decides the host where the cluster hashes.
    fn hash(&self, cluster: &Cluster) -> Option<u64> {
        let of_cluster = cluster.config().hash_policies.as_ref()?;
        let own = self.proxy.config.hash_policy.as_ref();
        let connection = &self.info.connection;
        let subject = HashSubject {
            headers: None,
            remote: &connection.remote,
            cookie_remote: &connection.remote,
            info: &self.info,
        };
        // There is no response to carry a cookie.
        of_cluster.of_balancer.as_ref().or(own)?.hash(&subject, &mut Vec::new())
    }

    /// One attempt at a connection or a tunnel. None when the client's connection ends before.
    async fn attempt(
        &mut self,
        cluster: &Rc<Cluster>,
        host: &Arc<Host>,
        permit: TcpPermit,
    ) -> Option<Result<Upstream, TcpError>> {
        let proxy = self.proxy.clone();
        match &proxy.config.tunnel {
            None => {
                let connected = self.in_time(cluster.connect_tcp(host, permit)).await?;
                Some(connected.map(Upstream::Tcp))
            }
            Some(tunnel) => {
                // The pool takes one of its own, where it opens a connection.
                drop(permit);
                let opened = self.open_tunnel(tunnel, cluster, host).await?;
                Some(opened.map(Upstream::Tunnel))
            }
        }
    }

    /// Waits before the next attempt, each time up to twice as long. None when the connection ends meanwhile.
    async fn back_off(&mut self) -> Option<()> {
        let Some((base, most)) = self.proxy.config.backoff else { return Some(()) };
        let doubled = base.saturating_mul(1 << (self.info.attempts - 1).min(20));
        let window = doubled.min(most).as_millis() as u64;
        let pause = Duration::from_millis(self.worker.random.below(window.max(1)));
        let timer = self.worker.timers.timer();
        self.in_time(timer.until(Some(clock::now() + pause))).await
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

    fn attempt_failed(&mut self, cluster: &Cluster, host: Arc<Host>, error: TcpError) {
        match error {
            TcpError::PendingOverflow => self.note_earlier(host),
            TcpError::Connect(ConnectError::Overflow) => self.info.upstream.host = Some(host),
            TcpError::Connect(error) => {
                cluster.report(&host, Outcome::Failed);
                self.info.flags |= ResponseFlags::UPSTREAM_CONNECTION_FAILURE;
                self.info.upstream.transport_failure_reason = reason(&error).into();
                self.info.upstream.host = Some(host);
            }
        }
    }

    fn fail<T>(&mut self, failure: Failure, flag: ResponseFlags) -> Option<T> {
        self.info.flags |= flag;
        // The spelling is Envoy's.
        self.info.local_close_reason = format!("tcp_initializion_failure:{}", failure as u8).into();
        None
    }
}

/// The permit that counts: that of the cluster of the host.
fn of_member(permit: TcpPermit, cluster: &Rc<Cluster>, member: &Rc<Cluster>) -> Option<TcpPermit> {
    match Rc::ptr_eq(cluster, member) {
        true => Some(permit),
        false => member.tcp_permit(),
    }
}

fn reason(error: &ConnectError) -> String {
    error.transport_failure().to_owned()
}
