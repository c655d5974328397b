//! Routing: from a request to a virtual host, a route and a cluster.
//!
//! A table is compiled once from its message and is immutable. Looking a route up allocates nothing in the common
//! case and costs a hash look-up for the host and some for the path, however many routes there are; see
//! [`index::RouteIndex`]. What decides: <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/route_matching>

mod clusters;
mod conditions;
mod domains;
mod entry;
mod format;
mod forward;
mod host_rewrite;
mod index;
mod internal_redirect;
mod levels;
mod mirror;
mod overrides;
mod path_match;
mod path_rewrite;
mod redirect;
mod regex_rewrite;
mod request_match;
mod retry;
mod scopes;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
mod uri_template;
mod virtual_cluster;
mod virtual_host;

use std::sync::Arc;

use crate::compile::{each, At, Result};
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::exchange::Exchange;
use crate::http::stream_info::StreamInfo;
use crate::matcher::tree::Matcher;
use crate::matcher::Regexes;
use crate::proto;
use crate::rbac::Subject;
use crate::runtime::Runtime;

pub use clusters::ClusterChoice;
pub use conditions::is_grpc;
pub use entry::{Action, Route};
pub use forward::{Forward, GrpcTimeout};
pub use internal_redirect::{Hop, InternalRedirect, VisitedRoutes};
pub use mirror::Mirror;
pub use overrides::FilterConfig;
pub use redirect::{DirectResponse, Redirect};
pub use regex_rewrite::RegexRewrite;
pub use request_match::RequestMatch;
pub use retry::{RateLimitedBackoff, ResetHeader, RetryOn, RetryPolicy};
pub use scopes::{RouteScopes, ScopeKeyBuilder};
pub use virtual_cluster::{VirtualClusterMatch, VirtualClusters};

use domains::Domains;
use format::Format;
use levels::{HeaderLevel, TableLevel};
use virtual_host::VirtualHost;

/// What routing asks of a request besides its headers.
pub struct RouteContext<'a> {
    pub runtime: &'a Runtime,
    /// The same for all questions about one request.
    pub random: u64,
    /// The request comes from inside (x-envoy-internal).
    pub internal: bool,
    /// x-forwarded-proto is https.
    pub tls: bool,
    /// The client presented a certificate.
    pub certificate_presented: bool,
    /// The client's certificate was validated.
    pub certificate_validated: bool,
    pub info: &'a StreamInfo,
}

impl RouteContext<'_> {
    /// What a tree says of the request.
    fn find<'m, A>(&self, tree: &'m Matcher<A>, request: &Headers) -> Option<&'m A> {
        let state = self.info.connection.state.borrow();
        let subject = Subject::of_request(self.info, &state, Some(request));
        tree.find(&Exchange::of_request(subject))
    }
}

/// Where a request goes.
pub enum Resolution {
    NoVirtualHost,
    NoRoute,
    Route(Arc<Route>),
}

/// A compiled RouteConfiguration.
pub struct RouteTable {
    /// Unique in the process.
    pub name: String,
    /// The name in the RouteConfiguration.
    pub config_name: String,
    /// Headers that only internal clients may send.
    pub internal_only_headers: Vec<HeaderName>,
    /// The main thread may be asked for what is not in it.
    pub on_demand: bool,
    hosts: Vec<VirtualHost>,
    domains: Domains,
    ignore_port: bool,
    host_header: Option<HeaderName>,
}

impl RouteTable {
    /// Fails with the path of the first part that does not compile, e.g. `virtual_hosts[0].routes[1].match.regex`.
    pub fn compile(message: &proto::RouteTable) -> Result<Self> {
        let regexes = Regexes::default();
        let level = Arc::new(TableLevel::compile(message, &regexes)?);
        let ignore_parameters = message.ignore_path_parameters_in_path_matching;
        let hosts = each(&message.virtual_hosts, "virtual_hosts", |host| {
            VirtualHost::compile(host, &level, ignore_parameters, &regexes)
        })?;
        let mut domains = Domains::default();
        for (number, host) in message.virtual_hosts.iter().enumerate() {
            for (index, domain) in host.domains.iter().enumerate() {
                domains
                    .add(domain, number as u32)
                    .at(format_args!("virtual_hosts[{number}].domains[{index}]"))?;
            }
        }
        let names = message.internal_only_headers.iter();
        let host_header = &message.vhost_header;
        Ok(Self {
            name: message.name.clone(),
            config_name: message.config_name.clone(),
            internal_only_headers: names.map(|name| HeaderName::new(name)).collect(),
            on_demand: message.on_demand,
            hosts,
            domains,
            ignore_port: message.ignore_port_in_host_matching,
            host_header: (!host_header.is_empty()).then(|| HeaderName::new(host_header)),
        })
    }

    /// The virtual host of `:authority` (or of vhost_header), then its first route that matches.
    pub fn resolve(&self, request: &Headers, context: &RouteContext<'_>) -> Resolution {
        match self.virtual_host(request) {
            Some(host) => host.resolve(request, context),
            None => Resolution::NoVirtualHost,
        }
    }

    fn virtual_host(&self, request: &Headers) -> Option<&VirtualHost> {
        let host = match &self.host_header {
            None => request.get(HeaderId::Authority),
            Some(name) => request.get(name),
        };
        let number = self.domains.find(host, self.ignore_port)?;
        self.hosts.get(number as usize)
    }
}
