//! A virtual host: its routes and what they share.

use std::sync::Arc;

use super::entry::{metadata, HostShared, Route};
use super::index::RouteIndex;
use super::levels::{HostLevel, TableLevel};
use super::mirror::Mirror;
use super::path_match::without_query;
use super::retry::RetryPolicy;
use super::virtual_cluster::VirtualClusters;
use super::{Resolution, RouteContext};
use crate::compile::{each, At, Result};
use crate::filters::cors::CorsPolicy;
use crate::headers::{HeaderId, Headers};
use crate::matcher::tree::Matcher;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::virtual_host::Tls;
use crate::ratelimit::RateLimits;

pub(super) struct VirtualHost {
    routes: Vec<Arc<Route>>,
    index: RouteIndex,
    /// In place of the routes: it says which ones are tried.
    tree: Option<Box<Matcher<Vec<Arc<Route>>>>>,
    require_tls: Tls,
    tls_redirect: Arc<Route>,
    ignore_path_parameters: bool,
}

impl VirtualHost {
    /// Fails with the path of the first part that does not compile.
    pub(super) fn compile(
        message: &proto::VirtualHost,
        table: &Arc<TableLevel>,
        ignore_path_parameters: bool,
        regexes: &Regexes,
    ) -> Result<Self> {
        let policy = message.retry_policy.as_ref();
        let retry = policy.map(|policy| RetryPolicy::compile(policy, regexes)).transpose();
        let shared = Arc::new(HostShared {
            name: message.name.as_str().into(),
            metadata: metadata(&message.metadata_json)?,
            level: HostLevel::compile(message, table, regexes)?,
            retry_policy: retry.at("retry_policy")?.map(Arc::new),
            hedge: message.hedge_on_per_try_timeout,
            virtual_clusters: VirtualClusters::compile(message, regexes)?,
            rate_limits: RateLimits::compile(&message.rate_limits, "rate_limits", regexes)?,
            cors: CorsPolicy::of_field(message.cors.as_ref(), regexes)?,
            mirrors: Mirror::compile_all(&message.mirrors, Some(&table.mirrors), regexes)?,
            include_request_attempt_count: message.include_request_attempt_count,
            include_attempt_count_in_response: message.include_attempt_count_in_response,
            include_is_timeout_retry_header: message.include_is_timeout_retry_header,
            request_body_buffer_limit: message.request_body_buffer_limit,
        });
        let compile = |routes: &[proto::Route]| {
            each(routes, "routes", |route| Route::compile(route, &shared, regexes).map(Arc::new))
        };
        let routes = compile(&message.routes)?;
        let tree = message.matcher.as_ref().map(|tree| {
            Matcher::compile(tree, regexes, &|action| compile(&action.routes)).map(Box::new)
        });
        Ok(Self {
            index: RouteIndex::new(routes.iter().map(|route| &route.path)),
            routes,
            tree: tree.transpose().at("matcher")?,
            require_tls: message.require_tls(),
            tls_redirect: Arc::new(Route::tls_redirect(&shared.name)),
            ignore_path_parameters,
        })
    }

    pub(super) fn resolve(&self, request: &Headers, context: &RouteContext<'_>) -> Resolution {
        let wants_tls = match self.require_tls {
            Tls::None => false,
            Tls::ExternalOnly => !context.internal,
            Tls::All => true,
        };
        if wants_tls && !context.tls {
            return Resolution::Route(self.tls_redirect.clone());
        }
        self.find(request, context).map_or(Resolution::NoRoute, Resolution::Route)
    }

    pub(super) fn find(&self, request: &Headers, context: &RouteContext<'_>) -> Option<Arc<Route>> {
        let target = request.get(HeaderId::Path);
        let path = target.map(without_query);
        let mut stripped = Vec::new();
        let plain = match path {
            Some(path) if self.ignore_path_parameters && path.contains(&b';') => {
                strip_parameters(path, &mut stripped);
                Some(&stripped[..])
            }
            path => path,
        };
        let target = target.unwrap_or_default();
        let matches = |route: &Route| route.matches(plain, path, request, target, context);
        if let Some(tree) = &self.tree {
            let mut routes = context.find(tree, request)?.iter();
            return routes.find(|route| matches(route)).cloned();
        }
        let number = self.index.first(plain, |number| matches(&self.routes[number as usize]))?;
        self.routes.get(number as usize).cloned()
    }

    /// The same by trying each route.
    #[cfg(test)]
    pub(super) fn find_linearly(
        &self,
        request: &Headers,
        context: &RouteContext<'_>,
    ) -> Option<Arc<Route>> {
        let target = request.get(HeaderId::Path);
        let path = target.map(without_query);
        let target = target.unwrap_or_default();
        self.routes
            .iter()
            .find(|route| route.matches(path, path, request, target, context))
            .cloned()
    }
}

/// Leaves out what follows a `;` in each segment.
fn strip_parameters(path: &[u8], out: &mut Vec<u8>) {
    let mut inside = false;
    for &byte in path {
        inside = (inside || byte == b';') && byte != b'/';
        if !inside {
            out.push(byte);
        }
    }
}
