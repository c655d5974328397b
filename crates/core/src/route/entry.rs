//! One route.

use std::sync::Arc;

use super::clusters::{ClusterChoice, WeightedCluster};
use super::conditions::Conditions;
use super::forward::Forward;
use super::host_rewrite::set_authority;
use super::levels::{HeaderLevel, HostLevel, TableLevel};
use super::mirror::Mirrors;
use super::overrides::{FilterConfig, Overrides};
use super::path_match::PathMatch;
use super::redirect::{tls_location, DirectResponse, Redirect};
use super::retry::RetryPolicy;
use super::virtual_cluster::VirtualClusters;
use super::{Format, RouteContext};
use crate::compile::{At, CompileError, Result};
use crate::filters::cors::CorsPolicy;
use crate::headers::{HeaderId, Headers};
use crate::http::stream_info::{RouteInfo, StreamInfo};
use crate::http::upgrade::Upgrades;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::route::Action as Kind;
use crate::ratelimit::RateLimits;
use crate::tracing::{Decorator, RouteTracing};

/// What a route does with a request.
pub enum Action {
    Forward(Box<Forward>),
    Redirect(Box<Redirect>),
    Direct(Box<DirectResponse>),
    /// To the same place with https (301), as a virtual host may want for all requests.
    TlsRedirect,
    NonForwarding,
}

/// What the routes of a virtual host share.
pub(super) struct HostShared {
    pub(super) name: Arc<str>,
    pub(super) metadata: Option<Arc<serde_json::Value>>,
    pub(super) level: HostLevel,
    pub(super) retry_policy: Option<Arc<RetryPolicy>>,
    pub(super) hedge: bool,
    pub(super) virtual_clusters: VirtualClusters,
    pub(super) rate_limits: RateLimits,
    pub(super) cors: Option<Arc<CorsPolicy>>,
    pub(super) mirrors: Mirrors,
    pub(super) include_request_attempt_count: bool,
    pub(super) include_attempt_count_in_response: bool,
    pub(super) include_is_timeout_retry_header: bool,
    pub(super) request_body_buffer_limit: Option<u64>,
}

/// A route, immutable once compiled.
pub struct Route {
    pub info: Arc<RouteInfo>,
    pub action: Action,
    /// The route's own limit of a buffered body, or the virtual host's.
    pub request_body_buffer_limit: Option<u64>,
    /// VirtualClusterStat under the route's stat_prefix; 0: none.
    pub stats_block: u32,
    pub tracing: Option<Box<RouteTracing>>,
    pub decorator: Option<Decorator>,
    pub(super) path: PathMatch,
    conditions: Option<Box<Conditions>>,
    headers: HeaderLevel,
    overrides: Overrides,
    host: Arc<HostShared>,
}

impl HostShared {
    /// What is shared by no routes but the redirect to https, which no configuration changes.
    pub(super) fn bare(name: Arc<str>) -> Self {
        let table = TableLevel::default();
        let level = HostLevel { table: Arc::new(table), ..HostLevel::default() };
        Self {
            name,
            metadata: None,
            level,
            retry_policy: None,
            hedge: false,
            virtual_clusters: VirtualClusters::default(),
            rate_limits: RateLimits::default(),
            cors: None,
            mirrors: Mirrors::default(),
            include_request_attempt_count: false,
            include_attempt_count_in_response: false,
            include_is_timeout_retry_header: false,
            request_body_buffer_limit: None,
        }
    }
}

impl Route {
    /// The redirect to https of the virtual host called `name`.
    pub(super) fn tls_redirect(name: &Arc<str>) -> Self {
        Self {
            info: Arc::new(RouteInfo { virtual_host: name.clone(), ..RouteInfo::default() }),
            action: Action::TlsRedirect,
            request_body_buffer_limit: None,
            stats_block: 0,
            tracing: None,
            decorator: None,
            path: PathMatch::Prefix { text: Box::default(), ignore_case: false },
            conditions: None,
            headers: HeaderLevel::default(),
            overrides: Overrides::default(),
            host: Arc::new(HostShared::bare(name.clone())),
        }
    }

    /// What a request of the proxy's own is under: no limit but its own.
    ///
    /// # Errors
    /// The retry policy cannot be.
    pub fn of_own_requests(retry_policy: Option<&proto::RetryPolicy>) -> Result<Self> {
        let action = proto::RouteAction {
            cluster_specifier: Some(proto::route_action::ClusterSpecifier::Cluster(String::new())),
            retry_policy: retry_policy.cloned(),
            timeout_ms: Some(0),
            idle_timeout_ms: Some(0),
            max_stream_duration_ms: Some(0),
            ..Default::default()
        };
        let action = Some(proto::route::Action::Route(action));
        let path = Some(proto::route_match::Path::Prefix("/".into()));
        let r#match = Some(proto::RouteMatch { path, ..Default::default() });
        let message = proto::Route { r#match, action, ..Default::default() };
        Self::compile(&message, &Arc::new(HostShared::bare("".into())), &Regexes::default())
    }

    /// Fails with the path of the part that does not compile.
    pub(super) fn compile(
        message: &proto::Route,
        host: &Arc<HostShared>,
        regexes: &Regexes,
    ) -> Result<Self> {
        let default = proto::RouteMatch::default();
        let matcher = message.r#match.as_ref().unwrap_or(&default);
        let path = PathMatch::compile(matcher, regexes).at("match")?;
        let conditions = Conditions::compile(matcher, regexes).at("match")?;
        let tracing = message.tracing.as_ref().map(RouteTracing::compile);
        Ok(Self {
            info: Arc::new(RouteInfo {
                route_name: message.name.as_str().into(),
                virtual_host: host.name.clone(),
                metadata: metadata(&message.metadata_json)?,
                virtual_host_metadata: host.metadata.clone(),
            }),
            action: Action::compile(message, &path, host, regexes)?,
            request_body_buffer_limit: message
                .request_body_buffer_limit
                .or(host.request_body_buffer_limit),
            stats_block: message.stats_block,
            tracing: tracing.transpose().at("tracing")?.map(Box::new),
            decorator: message.decorator.as_ref().map(Decorator::compile),
            conditions: (!conditions.is_empty()).then(|| Box::new(conditions)),
            path,
            headers: HeaderLevel::compile(message.mutations.as_ref())?,
            overrides: Overrides::compile(&message.overrides, regexes)?,
            host: host.clone(),
        })
    }

    /// `plain` is the path without query and, where they are ignored, without parameters; templates see `path`.
    pub(super) fn matches(
        &self,
        plain: Option<&[u8]>,
        path: Option<&[u8]>,
        request: &Headers,
        target: &[u8],
        context: &RouteContext<'_>,
    ) -> bool {
        let path = if self.path.template().is_some() { path } else { plain };
        self.path.matches(path, request)
            && self.conditions.as_ref().is_none_or(|c| c.hold(request, target, context))
    }

    /// The upgrades that the route lets through or not, whatever the connection manager says.
    pub fn upgrades(&self) -> Option<&Upgrades> {
        match &self.action {
            Action::Forward(forward) => Some(&forward.upgrades),
            _ => None,
        }
    }

    pub fn include_request_attempt_count(&self) -> bool {
        self.host.include_request_attempt_count
    }

    pub fn include_attempt_count_in_response(&self) -> bool {
        self.host.include_attempt_count_in_response
    }

    pub fn include_is_timeout_retry_header(&self) -> bool {
        self.host.include_is_timeout_retry_header
    }

    pub fn virtual_host_rate_limits(&self) -> &RateLimits {
        &self.host.rate_limits
    }

    pub fn virtual_host_cors(&self) -> &Option<Arc<CorsPolicy>> {
        &self.host.cors
    }

    pub fn virtual_clusters(&self) -> &VirtualClusters {
        &self.host.virtual_clusters
    }

    /// Whether the most specific level that names an HTTP filter disables it; `None` when no level does.
    pub fn filter_disabled(&self, filter: &str, choice: Option<&ClusterChoice>) -> Option<bool> {
        self.overrides_of(choice).rev().find_map(|level| level.disabled(filter))
    }

    /// The configurations of an HTTP filter, the least specific first.
    pub fn filter_configs<'a>(
        &'a self,
        filter: &'a str,
        choice: Option<&ClusterChoice>,
    ) -> impl DoubleEndedIterator<Item = &'a FilterConfig> + 'a {
        self.overrides_of(choice).filter_map(move |level| level.config(filter))
    }

    fn overrides_of(
        &self,
        choice: Option<&ClusterChoice>,
    ) -> impl DoubleEndedIterator<Item = &Overrides> {
        let host = &self.host.level;
        let weighted = choice.and_then(|choice| self.weighted(choice)).map(|w| &w.overrides);
        [Some(&host.table.overrides), Some(&host.overrides), Some(&self.overrides), weighted]
            .into_iter()
            .flatten()
            .filter(|level| !level.is_empty())
    }

    fn weighted(&self, choice: &ClusterChoice) -> Option<&WeightedCluster> {
        match &self.action {
            Action::Forward(forward) => forward.clusters.weighted(choice),
            _ => None,
        }
    }

    /// Makes the request what the upstream is to see: header changes, then host and path. The host and path
    /// before go to x-envoy-original-host and x-envoy-original-path when `keep_original` (unless the router
    /// suppresses Envoy's headers).
    pub fn mutate_request(
        &self,
        request: &mut Headers,
        choice: &ClusterChoice,
        info: &StreamInfo,
        keep_original: bool,
    ) {
        let format = Format { info };
        if let Some(weighted) = self.weighted(choice) {
            weighted.headers.request(request, &format);
            if let Some(host) = &weighted.host_rewrite {
                request.set(HeaderId::Authority, host);
            }
        }
        self.each_level(|level| level.request(request, &format));
        if let Action::Forward(forward) = &self.action {
            forward.rewrite(request, &self.path, keep_original, &format);
        }
    }

    /// Makes the response what the client is to see.
    pub fn mutate_response(
        &self,
        response: &mut Headers,
        request: &Headers,
        choice: Option<&ClusterChoice>,
        info: &StreamInfo,
    ) {
        let format = Format { info };
        if let Some(weighted) = choice.and_then(|choice| self.weighted(choice)) {
            weighted.headers.response(response, request, &format);
        }
        self.each_level(|level| level.response(response, request, &format));
    }

    /// The last one wins.
    fn each_level(&self, apply: impl FnMut(&HeaderLevel)) {
        let host = &self.host.level;
        let ascending = [&host.table.headers, &host.headers, &self.headers];
        match host.table.most_specific_wins {
            true => ascending.into_iter().for_each(apply),
            false => ascending.into_iter().rev().for_each(apply),
        }
    }

    /// Makes the name of the chosen upstream host the host of the request (`auto_host_rewrite`).
    pub fn set_host(&self, request: &mut Headers, host: &[u8], keep_original: bool) {
        if let Action::Forward(forward) = &self.action {
            set_authority(request, host, forward.append_x_forwarded_host, keep_original);
        }
    }

    /// The `location` of the route's own answer, if it has one. A redirect that rewrites the path does so in
    /// `request`, as logs show it.
    pub fn location(
        &self,
        request: &mut Headers,
        info: &StreamInfo,
        keep_original: bool,
    ) -> Option<Vec<u8>> {
        match &self.action {
            Action::Redirect(redirect) => {
                Some(redirect.location(request, &self.path, &Format { info }, keep_original))
            }
            Action::Direct(direct) => direct.location(request),
            Action::TlsRedirect => Some(tls_location(request)),
            Action::Forward(_) | Action::NonForwarding => None,
        }
    }
}

impl Action {
    fn compile(
        message: &proto::Route,
        path: &PathMatch,
        host: &HostShared,
        regexes: &Regexes,
    ) -> Result<Self> {
        Ok(match &message.action {
            Some(Kind::Route(action)) => {
                let forward = Forward::compile(action, path, host, regexes);
                Self::Forward(Box::new(forward.at("route")?))
            }
            Some(Kind::Redirect(redirect)) => {
                Self::Redirect(Box::new(Redirect::compile(redirect, regexes).at("redirect")?))
            }
            Some(Kind::DirectResponse(direct)) => {
                Self::Direct(Box::new(DirectResponse::compile(direct).at("direct_response")?))
            }
            Some(Kind::NonForwarding(_)) => Self::NonForwarding,
            None => return Err(CompileError::new("a route needs an action")),
        })
    }
}

/// Metadata as formatters read it; `None` for an empty text.
pub(super) fn metadata(json: &str) -> Result<Option<Arc<serde_json::Value>>> {
    if json.is_empty() {
        return Ok(None);
    }
    let value = serde_json::from_str(json);
    value
        .map(|value| Some(Arc::new(value)))
        .map_err(|error| CompileError::new(error.to_string()).at("metadata_json"))
}
