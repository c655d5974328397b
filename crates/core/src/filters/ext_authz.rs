//! The external authorization filter: asks a service whether a request may pass.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter>

mod attributes;
mod changes;
mod conclusion;
mod grpc;
mod http;
mod query;
mod question;
mod service;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Context;

use super::bodies::{kept_request, Whole};
use super::levels_of;
use super::wait::{refuse_too_large, wait_beside_body, wait_for_body};
use super::Proceed;
use crate::clock;
use crate::compile::{At, Result};
use crate::headers::HeaderName;
use crate::http::downstream::Downstream;
use crate::http::permissions::Permissions;
use crate::http::stream::Stream;
use crate::http1::BodyLength;
use crate::matcher::{MetadataMatcher, Regexes};
use crate::proto::{self, ExtAuthzStat};
use crate::route::FilterConfig;
use crate::runtime::{Flag, Fraction};
use crate::stats::{Block, BlockKind};
use crate::timer::Timer;

use question::{Body, Question, Told};
use service::Service;
use verdict::LocalReply;

pub struct ExtAuthz {
    stats_block: u32,
    cluster_stats: String,
    /// None: every question fails.
    service: Service,
    told: Told,
    body: Option<BodyLimit>,
    status_on_error: u16,
    failure_mode_allow: bool,
    failure_mode_allow_header: bool,
    enabled: Option<Fraction>,
    enabled_metadata: Option<MetadataMatcher>,
    deny_at_disable: Option<Flag>,
    clear_route_cache: bool,
    /// Of these headers alone; none: of all.
    clear_route_cache_headers: Vec<HeaderName>,
    validate_query: bool,
    permissions: Option<Permissions>,
    ignores_dynamic_metadata: bool,
    charges_cluster: bool,
    longest_body: usize,
    unsampled: bool,
}

/// How much of a request's body the service is told.
#[derive(Clone, Copy)]
pub struct BodyLimit {
    bytes: usize,
    allow_partial: bool,
}

impl BodyLimit {
    fn compile(message: &proto::AuthzBody) -> Self {
        Self { bytes: message.max_bytes as usize, allow_partial: message.allow_partial }
    }
}

/// What a route says of the filter.
pub struct AuthzOfRoute {
    disabled: bool,
    context_extensions: BTreeMap<String, String>,
    without_body: bool,
    body: Option<BodyLimit>,
    service: Option<Service>,
    unsampled: Option<bool>,
}

impl AuthzOfRoute {
    /// # Errors
    /// A service that cannot be, with its path.
    pub fn compile(message: &proto::AuthzOfRoute, regexes: &Regexes) -> Result<Self> {
        let service = message.service.as_ref();
        Ok(Self {
            disabled: message.disabled,
            context_extensions: message.context_extensions.clone().into_iter().collect(),
            without_body: message.without_body,
            body: message.body.as_ref().map(BodyLimit::compile),
            service: service.map(|it| Service::compile(it, regexes)).transpose().at("service")?,
            unsampled: message.unsampled,
        })
    }
}

impl ExtAuthz {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::ExtAuthzFilter, regexes: &Regexes) -> Result<Self> {
        let service = message.service.clone().unwrap_or_default();
        let metadata = message.enabled_metadata.as_ref();
        let metadata = metadata.map(|matcher| MetadataMatcher::compile(matcher, regexes));
        let permissions = message.permissions.as_ref();
        let permissions = permissions.map(|rules| Permissions::compile(rules, regexes));
        let headers = &message.clear_route_cache_headers;
        let deny_at_disable = message.deny_at_disable.as_ref();
        Ok(Self {
            stats_block: message.stats_block,
            cluster_stats: message.cluster_stats.clone(),
            service: Service::compile(&service, regexes).at("service")?,
            told: Told::compile(message, regexes)?,
            body: message.body.as_ref().map(BodyLimit::compile),
            status_on_error: u16::try_from(message.status_on_error).unwrap_or(403),
            failure_mode_allow: message.failure_mode_allow,
            failure_mode_allow_header: message.failure_mode_allow_header,
            enabled: message.enabled.as_ref().map(Fraction::compile),
            enabled_metadata: metadata.transpose().at("enabled_metadata")?,
            deny_at_disable: deny_at_disable.map(|flag| Flag::compile(Some(flag))),
            clear_route_cache: message.clear_route_cache,
            clear_route_cache_headers: headers.iter().map(|name| HeaderName::new(name)).collect(),
            validate_query: message.validate_query,
            permissions: permissions.transpose().at("permissions")?,
            ignores_dynamic_metadata: message.ignores_dynamic_metadata,
            charges_cluster: message.charges_cluster,
            unsampled: message.unsampled,
            longest_body: match message.max_body_bytes {
                0 => usize::MAX,
                most => most as usize,
            },
        })
    }

    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn run(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let levels = levels_of(name, stream, |config| match config {
            FilterConfig::ExtAuthz(of_route) => Some(of_route),
            _ => None,
        });
        let of_route = levels.last().map(|level| &**level);
        if stream.route.is_none() || of_route.is_some_and(|it| it.disabled) {
            return Ok(());
        }
        if !self.is_enabled(stream) {
            self.block(stream).inc(ExtAuthzStat::ExtAuthzDisabled);
            let runtime = stream.worker.current_runtime();
            return match self.deny_at_disable.as_ref().is_some_and(|flag| flag.is_on(&runtime)) {
                true => Err(Some(self.answer_error(LocalReply::default()))),
                false => Ok(()),
            };
        }
        let limit = self.body_limit(of_route, stream);
        if let Some(limit) = limit {
            keep_body(limit, stream, down, timer).await?;
        }
        let body = limit.map(|limit| Body::of(kept_request(stream), limit.bytes));
        let extensions = levels.iter().flat_map(|level| level.context_extensions.clone()).collect();
        let service = of_route.and_then(|it| it.service.as_ref()).unwrap_or(&self.service);
        let unsampled = of_route.and_then(|it| it.unsampled).unwrap_or(self.unsampled);
        let question = Question { stream, told: &self.told, extensions, body, unsampled };
        let mut asking = service.ask(&question);
        let cluster = stream.cluster.clone();
        let start = clock::now();
        let poll = |cx: &mut Context<'_>| asking.as_mut().poll(cx);
        let mut decision = wait_beside_body(stream, down, timer, poll).await?.unwrap_or_default();
        self.note_metadata(stream, &mut decision, start);
        self.conclude(place, stream, decision.verdict, cluster.as_ref()).map_err(Some)
    }

    fn is_enabled(&self, stream: &Stream) -> bool {
        let runtime = stream.worker.current_runtime();
        let metadata = stream.info.dynamic_metadata.as_deref();
        self.enabled.as_ref().is_none_or(|share| share.hit(&runtime, &stream.worker.random))
            && self.enabled_metadata.as_ref().is_none_or(|matcher| matcher.matches(metadata))
    }

    fn body_limit(&self, of_route: Option<&AuthzOfRoute>, stream: &Stream) -> Option<BodyLimit> {
        let without = of_route.is_some_and(|it| it.without_body);
        if without || stream.head.body == BodyLength::Empty || stream.head.is_tunnel() {
            return None;
        }
        of_route.and_then(|it| it.body).or(self.body)
    }

    fn block(&self, stream: &Stream) -> Arc<Block> {
        stream.worker.kept_block(self.stats_block, BlockKind::Filter)
    }
}

/// Waits for as much of the body as the service is told.
async fn keep_body(
    limit: BodyLimit,
    stream: &mut Stream,
    down: &mut dyn Downstream,
    timer: &Timer,
) -> Proceed {
    let most = limit.bytes.saturating_sub(usize::from(limit.allow_partial));
    match wait_for_body(stream, down, timer, most).await? {
        Whole::No if !limit.allow_partial => Err(Some(refuse_too_large(stream))),
        _ => Ok(()),
    }
}
