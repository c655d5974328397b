//! Routes to a cluster.

use std::sync::Arc;
use std::time::Duration;

use super::clusters::{ClusterChoice, ClusterSpecifier};
use super::entry::HostShared;
use super::host_rewrite::{set_authority, HostRewrite};
use super::internal_redirect::InternalRedirect;
use super::mirror::{Mirror, Mirrors};
use super::path_match::PathMatch;
use super::path_rewrite::PathRewrite;
use super::retry::RetryPolicy;
use super::{Format, RouteContext};
use crate::compile::{At, Result};
use crate::filters::cors::CorsPolicy;
use crate::hash_policy::HashPolicies;
use crate::headers::{HeaderId, Headers};
use crate::http::upgrade::Upgrades;
use crate::lb::Criteria;
use crate::matcher::Regexes;
use crate::proto;
use crate::ratelimit::RateLimits;

/// The timeout of a route that sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// `envoy.config.route.v3.RouteAction`.
pub struct Forward {
    pub(super) clusters: ClusterSpecifier,
    /// The status of the answer when there is no such cluster.
    pub cluster_not_found_status: u16,
    /// From the end of the request to the end of the response; `None`: no limit.
    pub timeout: Option<Duration>,
    /// What gRPC requests have instead.
    pub grpc_timeout: Option<GrpcTimeout>,
    /// Instead of the connection manager's stream_idle_timeout; `Some(None)`: no limit.
    pub idle_timeout: Option<Option<Duration>>,
    /// Instead of the connection manager's; `Some(None)`: no limit.
    pub max_stream_duration: Option<Option<Duration>>,
    /// The longest grpc-timeout that is taken; `Some(None)`: any.
    pub grpc_timeout_max: Option<Option<Duration>>,
    /// What a grpc-timeout is shortened by.
    pub grpc_timeout_offset: Option<Duration>,
    /// The route's, or else the virtual host's.
    pub retry_policy: Option<Arc<RetryPolicy>>,
    /// An attempt that takes too long goes on beside the next one.
    pub hedge: bool,
    pub high_priority: bool,
    pub hash_policy: Option<HashPolicies>,
    metadata_match: Option<Criteria>,
    pub upgrades: Upgrades,
    /// CONNECT (and POST) is ended here, with TCP to the upstream: whether POST is.
    connect: Option<bool>,
    /// The upstream host's name becomes the host of the request: see `Route::set_host`.
    pub auto_host: bool,
    path_rewrite: Option<PathRewrite>,
    host_rewrite: Option<HostRewrite>,
    pub(super) append_x_forwarded_host: bool,
    pub rate_limits: RateLimits,
    pub include_virtual_host_rate_limits: bool,
    pub cors: Option<Arc<CorsPolicy>>,
    /// The route's, or else those of the levels above.
    pub mirrors: Mirrors,
    /// Boxed: few routes follow redirects.
    pub internal_redirect: Option<Box<InternalRedirect>>,
}

/// Where a gRPC request says itself how long its response may take (`max_grpc_timeout`).
pub struct GrpcTimeout {
    /// The longest that is taken, and what there is without grpc-timeout; `None`: any, and no limit.
    pub most: Option<Duration>,
    /// What a longer grpc-timeout is shortened by.
    pub offset: Duration,
}

/// A number of milliseconds, of which 0 is "no limit".
fn limit(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

impl Forward {
    pub(super) fn compile(
        message: &proto::RouteAction,
        matched: &PathMatch,
        host: &HostShared,
        regexes: &Regexes,
    ) -> Result<Self> {
        let retry_policy = match &message.retry_policy {
            Some(policy) => {
                Some(Arc::new(RetryPolicy::compile(policy, regexes).at("retry_policy")?))
            }
            None => host.retry_policy.clone(),
        };
        let host_rewrite = HostRewrite::compile(message, regexes)?;
        Ok(Self {
            clusters: ClusterSpecifier::compile(message, regexes)?,
            cluster_not_found_status: u16::try_from(message.cluster_not_found_status)
                .unwrap_or(503),
            timeout: message.timeout_ms.map_or(Some(DEFAULT_TIMEOUT), limit),
            grpc_timeout: message.max_grpc_timeout_ms.map(|most| GrpcTimeout {
                most: limit(most),
                offset: Duration::from_millis(message.grpc_timeout_offset_ms),
            }),
            idle_timeout: message.idle_timeout_ms.map(limit),
            max_stream_duration: message.max_stream_duration_ms.map(limit),
            grpc_timeout_max: message.grpc_timeout_header_max_ms.map(limit),
            grpc_timeout_offset: message.grpc_timeout_header_offset_ms.and_then(limit),
            retry_policy,
            hedge: message.hedge_on_per_try_timeout.unwrap_or(host.hedge),
            high_priority: message.high_priority,
            hash_policy: HashPolicies::compile(&message.hash_policy, regexes)?,
            metadata_match: Criteria::compile(&message.metadata_match_json)
                .at("metadata_match_json")?,
            upgrades: Upgrades::of_route(&message.upgrades),
            connect: message.connect.map(|connect| connect.allow_post),
            auto_host: matches!(host_rewrite, Some(HostRewrite::Auto)),
            path_rewrite: PathRewrite::compile(message, matched, regexes)?,
            host_rewrite,
            append_x_forwarded_host: message.append_x_forwarded_host,
            rate_limits: RateLimits::compile(&message.rate_limits, "rate_limits", regexes)?,
            include_virtual_host_rate_limits: message.include_virtual_host_rate_limits,
            cors: CorsPolicy::of_field(message.cors.as_ref(), regexes)?,
            mirrors: Mirror::compile_all(&message.mirrors, Some(&host.mirrors), regexes)?,
            internal_redirect: message
                .internal_redirect
                .as_ref()
                .map(|policy| Box::new(InternalRedirect::compile(policy))),
        })
    }

    /// Whether the upstream is given the bytes of the body alone, over TCP.
    pub fn ends_connect(&self, request: &Headers) -> bool {
        match (self.connect, request.get(HeaderId::Method)) {
            (Some(_), Some(b"CONNECT")) => true,
            (Some(allow_post), Some(b"POST")) => allow_post,
            _ => false,
        }
    }

    /// The cluster of a request; `None` when the header that names it is absent.
    pub fn cluster(&self, request: &Headers, context: &RouteContext<'_>) -> Option<ClusterChoice> {
        self.clusters.choose(request, context)
    }

    /// The metadata that the host of a request in the chosen cluster has to have.
    pub fn criteria(&self, choice: Option<&ClusterChoice>) -> Option<&Criteria> {
        let weighted = choice.and_then(|choice| self.clusters.weighted(choice));
        weighted
            .and_then(|cluster| cluster.metadata_match.as_ref())
            .or(self.metadata_match.as_ref())
    }

    /// Rewrites host and path.
    pub(super) fn rewrite(
        &self,
        request: &mut Headers,
        matched: &PathMatch,
        keep_original: bool,
        format: &Format<'_>,
    ) {
        let host = self.host_rewrite.as_ref().and_then(|rewrite| rewrite.new_host(request, format));
        if let Some(host) = host {
            set_authority(request, &host, self.append_x_forwarded_host, keep_original);
        }
        if let Some(rewrite) = &self.path_rewrite {
            rewrite.apply(request, matched, keep_original, format);
        }
    }
}
