//! Configuration of HTTP filters below the connection manager: `typed_per_filter_config`.

use std::sync::Arc;

use crate::compile::{each, At, Result};
use crate::filters::buffer::BufferLimit;
use crate::filters::cors::CorsPolicy;
use crate::filters::csrf::CsrfPolicy;
use crate::filters::delegate::{compile_tree, DelegateTree};
use crate::filters::dynamic_forward_proxy::ForwardedHost;
use crate::filters::ext_authz::AuthzOfRoute;
use crate::filters::fault::FaultSettings;
use crate::filters::header_to_metadata::MetadataRules;
use crate::filters::jwt_authn::JwtOfRoute;
use crate::filters::local_ratelimit::LocalRateLimitConfig;
use crate::filters::on_demand::OnDemand;
use crate::filters::ratelimit::RateLimitOfRoute;
use crate::filters::rbac::RbacConfig;
use crate::filters::set_filter_state::FilterStateValues;
use crate::filters::set_metadata::MetadataEntries;
use crate::http::mutation_list::HeaderMutationRules;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::filter_override::Kind;

/// What one level says of each filter, by the filter's name in `http_filters`.
#[derive(Default)]
pub(super) struct Overrides {
    entries: Vec<Override>,
}

struct Override {
    filter: Box<str>,
    disabled: bool,
    config: Option<FilterConfig>,
}

/// The configuration of a filter at one level, compiled.
pub enum FilterConfig {
    Buffer(Arc<BufferLimit>),
    Composite(Arc<DelegateTree>),
    Cors(Arc<CorsPolicy>),
    Csrf(Arc<CsrfPolicy>),
    ExtAuthz(Arc<AuthzOfRoute>),
    RateLimit(Arc<RateLimitOfRoute>),
    Fault(Arc<FaultSettings>),
    ForwardedHost(Arc<ForwardedHost>),
    HeaderMutation(HeaderMutationRules),
    HeaderToMetadata(Arc<MetadataRules>),
    JwtAuthn(Arc<JwtOfRoute>),
    LocalRateLimit(Arc<LocalRateLimitConfig>),
    MatchDelegate(Arc<DelegateTree>),
    OnDemand(Arc<OnDemand>),
    Rbac(Arc<RbacConfig>),
    SetFilterState(Arc<FilterStateValues>),
    SetMetadata(Arc<MetadataEntries>),
}

impl Overrides {
    /// Fails when the configuration of a filter does not compile.
    pub(super) fn compile(messages: &[proto::FilterOverride], regexes: &Regexes) -> Result<Self> {
        Ok(Self { entries: each(messages, "overrides", |m| Override::compile(m, regexes))? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this level disables or enables the filter; `None` when it says nothing.
    pub(super) fn disabled(&self, filter: &str) -> Option<bool> {
        self.find(filter).map(|entry| entry.disabled)
    }

    pub(super) fn config(&self, filter: &str) -> Option<&FilterConfig> {
        self.find(filter).and_then(|entry| entry.config.as_ref())
    }

    fn find(&self, filter: &str) -> Option<&Override> {
        self.entries.iter().find(|entry| &*entry.filter == filter)
    }
}

impl Override {
    fn compile(message: &proto::FilterOverride, regexes: &Regexes) -> Result<Self> {
        let config = match &message.kind {
            Some(Kind::Buffer(limit)) => {
                Some(FilterConfig::Buffer(BufferLimit::compile(limit).into()))
            }
            Some(Kind::Composite(tree)) => {
                Some(FilterConfig::Composite(compile_tree(tree, regexes).at("composite")?.into()))
            }
            Some(Kind::HeaderToMetadata(rules)) => Some(FilterConfig::HeaderToMetadata(
                MetadataRules::compile(rules, regexes).at("header_to_metadata")?.into(),
            )),
            Some(Kind::Cors(policy)) => {
                Some(FilterConfig::Cors(CorsPolicy::compile(policy, regexes).at("cors")?.into()))
            }
            Some(Kind::Csrf(policy)) => {
                Some(FilterConfig::Csrf(CsrfPolicy::compile(policy, regexes).at("csrf")?.into()))
            }
            Some(Kind::DynamicForwardProxy(host)) => {
                Some(FilterConfig::ForwardedHost(ForwardedHost::compile(host).into()))
            }
            Some(Kind::Ratelimit(of_route)) => Some(FilterConfig::RateLimit(
                RateLimitOfRoute::compile(of_route, regexes).at("ratelimit")?.into(),
            )),
            Some(Kind::ExtAuthz(of_route)) => Some(FilterConfig::ExtAuthz(
                AuthzOfRoute::compile(of_route, regexes).at("ext_authz")?.into(),
            )),
            Some(Kind::Fault(settings)) => Some(FilterConfig::Fault(
                FaultSettings::compile(settings, regexes).at("fault")?.into(),
            )),
            Some(Kind::HeaderMutation(rules)) => Some(FilterConfig::HeaderMutation(
                HeaderMutationRules::compile(rules, regexes).at("header_mutation")?,
            )),
            Some(Kind::JwtAuthn(of_route)) => {
                Some(FilterConfig::JwtAuthn(JwtOfRoute::compile(of_route).into()))
            }
            Some(Kind::LocalRatelimit(config)) => Some(FilterConfig::LocalRateLimit(
                LocalRateLimitConfig::compile(config, regexes).at("local_ratelimit")?.into(),
            )),
            Some(Kind::MatchDelegate(tree)) => Some(FilterConfig::MatchDelegate(
                compile_tree(tree, regexes).at("match_delegate")?.into(),
            )),
            Some(Kind::OnDemand(config)) => {
                Some(FilterConfig::OnDemand(OnDemand::compile(config).into()))
            }
            Some(Kind::Rbac(config)) => {
                Some(FilterConfig::Rbac(RbacConfig::compile(config, regexes).at("rbac")?.into()))
            }
            Some(Kind::SetFilterState(values)) => Some(FilterConfig::SetFilterState(
                FilterStateValues::compile(values).at("set_filter_state")?.into(),
            )),
            Some(Kind::SetMetadata(entries)) => Some(FilterConfig::SetMetadata(
                MetadataEntries::compile(entries).at("set_metadata")?.into(),
            )),
            None => None,
        };
        Ok(Self { filter: message.filter.as_str().into(), disabled: message.disabled, config })
    }
}
