//! The filters: one line each in [`Step`], [`Filter::compile`] and [`Step::request`].

use std::rc::Rc;
use std::sync::Arc;

use super::buffer::Buffer;
use super::cors::Cors;
use super::csrf::Csrf;
use super::delegate::Delegate;
use super::dynamic_forward_proxy::DynamicForwardProxy;
use super::ext_authz::ExtAuthz;
use super::fault::Fault;
use super::grpc_http1_bridge::GrpcHttp1Bridge;
use super::grpc_http1_reverse_bridge::GrpcHttp1ReverseBridge;
use super::grpc_stats::GrpcStats;
use super::grpc_web;
use super::header_mutation::HeaderMutation;
use super::header_to_metadata::HeaderToMetadata;
use super::health_check::HealthCheck;
use super::istio_alpn::IstioAlpn;
use super::istio_stats::IstioStats;
use super::jwt_authn::JwtAuthn;
use super::local_ratelimit::LocalRateLimit;
use super::on_demand::OnDemand;
use super::peer_metadata::PeerMetadata;
use super::python::Python;
use super::ratelimit::RateLimit;
use super::rbac::Rbac;
use super::router::Router;
use super::set_filter_state::SetFilterState;
use super::set_metadata::SetMetadata;
use super::Proceed;
use crate::access_log::Sinks;
use crate::compile::{At, CompileError, Result};
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto::{self, http_filter::Kind};
use crate::timer::Timer;
use crate::worker::Worker;

/// One step of the program. A filter that does not wait costs no boxed future.
pub enum Step {
    Buffer(Buffer),
    Cors(Cors),
    Csrf(Csrf),
    /// Has others in its place.
    Delegate(Arc<Delegate>),
    DynamicForwardProxy(DynamicForwardProxy),
    ExtAuthz(Box<ExtAuthz>),
    Fault(Box<Fault>),
    GrpcHttp1Bridge(GrpcHttp1Bridge),
    GrpcHttp1ReverseBridge(GrpcHttp1ReverseBridge),
    GrpcStats(GrpcStats),
    GrpcWeb,
    HeaderMutation(HeaderMutation),
    HeaderToMetadata(HeaderToMetadata),
    HealthCheck(Box<HealthCheck>),
    IstioAlpn(IstioAlpn),
    IstioStats(IstioStats),
    JwtAuthn(Box<JwtAuthn>),
    LocalRateLimit(LocalRateLimit),
    OnDemand(OnDemand),
    PeerMetadata(Box<PeerMetadata>),
    Python(Python),
    RateLimit(Box<RateLimit>),
    Rbac(Box<Rbac>),
    Router(Router),
    SetFilterState(SetFilterState),
    SetMetadata(SetMetadata),
    /// What this filter is comes by itself (ECDS), under this name.
    Discovered(Arc<str>),
}

pub struct Filter {
    /// The name in `http_filters`, which overrides of routes use.
    pub name: String,
    pub disabled: bool,
    pub step: Step,
}

impl Filter {
    pub fn compile(message: &proto::HttpFilter, sinks: &Sinks, regexes: &Regexes) -> Result<Self> {
        let step = match &message.kind {
            Some(Kind::Router(router)) => Step::Router(Router::compile(router, sinks)?),
            _ => Step::compile(message, regexes)?,
        };
        Ok(Self { name: message.name.clone(), disabled: message.disabled, step })
    }

    /// A filter that stands for another.
    ///
    /// # Errors
    /// It can only stand by itself; a part of it cannot be, with its path.
    pub fn delegate(message: &proto::HttpFilter, regexes: &Regexes) -> Result<Self> {
        let step = Step::compile(message, regexes)?;
        if matches!(step, Step::Delegate(_)) {
            return Err(CompileError::new(format!("filter {:?} stands for others", message.name)));
        }
        Ok(Self { name: message.name.clone(), disabled: message.disabled, step })
    }

    /// What the filter is at present; `found` keeps what came by itself.
    ///
    /// # Errors
    /// It has not come, and there is no default: nothing passes.
    pub fn resolve<'a>(
        &'a self,
        stream: &Stream,
        found: &'a mut Option<Arc<Filter>>,
    ) -> std::result::Result<&'a Step, Answer> {
        let Step::Discovered(name) = &self.step else { return Ok(&self.step) };
        *found = stream.worker.discovered_filter(name);
        let found = found.as_ref().map(|filter| &filter.step);
        found.ok_or_else(|| {
            Answer::new(500, "", "filter_config_not_found")
                .flag(ResponseFlags::NO_FILTER_CONFIG_FOUND)
        })
    }
}

impl Step {
    /// Every filter but the router.
    fn compile(message: &proto::HttpFilter, regexes: &Regexes) -> Result<Self> {
        Ok(match &message.kind {
            Some(Kind::Buffer(filter)) => Step::Buffer(Buffer::compile(filter)),
            Some(Kind::Composite(filter)) => {
                Step::Delegate(Arc::new(Delegate::composite(filter, regexes).at("composite")?))
            }
            Some(Kind::Cors(filter)) => Step::Cors(Cors::compile(filter)),
            Some(Kind::Csrf(filter)) => Step::Csrf(Csrf::compile(filter, regexes).at("csrf")?),
            Some(Kind::DynamicForwardProxy(filter)) => Step::DynamicForwardProxy(
                DynamicForwardProxy::compile(filter).at("dynamic_forward_proxy")?,
            ),
            Some(Kind::ExtAuthz(filter)) => {
                Step::ExtAuthz(Box::new(ExtAuthz::compile(filter, regexes).at("ext_authz")?))
            }
            Some(Kind::Fault(filter)) => {
                Step::Fault(Box::new(Fault::compile(filter, regexes).at("fault")?))
            }
            Some(Kind::GrpcHttp1Bridge(filter)) => {
                Step::GrpcHttp1Bridge(GrpcHttp1Bridge::compile(filter))
            }
            Some(Kind::GrpcHttp1ReverseBridge(filter)) => {
                Step::GrpcHttp1ReverseBridge(GrpcHttp1ReverseBridge::compile(filter))
            }
            Some(Kind::GrpcStats(filter)) => Step::GrpcStats(GrpcStats::compile(filter)),
            Some(Kind::GrpcWeb(_)) => Step::GrpcWeb,
            Some(Kind::HeaderMutation(filter)) => {
                Step::HeaderMutation(HeaderMutation::compile(filter, regexes)?)
            }
            Some(Kind::HeaderToMetadata(filter)) => Step::HeaderToMetadata(
                HeaderToMetadata::compile(filter, regexes).at("header_to_metadata")?,
            ),
            Some(Kind::HealthCheck(filter)) => {
                let filter = HealthCheck::compile(filter, regexes).at("health_check")?;
                Step::HealthCheck(Box::new(filter))
            }
            Some(Kind::IstioAlpn(filter)) => Step::IstioAlpn(IstioAlpn::compile(filter)),
            Some(Kind::IstioStats(filter)) => {
                Step::IstioStats(IstioStats::compile(filter).at("istio_stats")?)
            }
            Some(Kind::JwtAuthn(filter)) => {
                Step::JwtAuthn(Box::new(JwtAuthn::compile(filter, regexes).at("jwt_authn")?))
            }
            Some(Kind::LocalRatelimit(filter)) => Step::LocalRateLimit(
                LocalRateLimit::compile(filter, regexes).at("local_ratelimit")?,
            ),
            Some(Kind::MatchDelegate(filter)) => {
                Step::Delegate(Arc::new(Delegate::matched(filter, regexes).at("match_delegate")?))
            }
            Some(Kind::OnDemand(filter)) => Step::OnDemand(OnDemand::compile(filter)),
            Some(Kind::PeerMetadata(filter)) => {
                Step::PeerMetadata(Box::new(PeerMetadata::compile(filter).at("peer_metadata")?))
            }
            Some(Kind::Python(filter)) => Step::Python(Python::compile(filter)),
            Some(Kind::Ratelimit(filter)) => {
                Step::RateLimit(Box::new(RateLimit::compile(filter, regexes).at("ratelimit")?))
            }
            Some(Kind::Rbac(filter)) => {
                Step::Rbac(Box::new(Rbac::compile(filter, regexes).at("rbac")?))
            }
            Some(Kind::SetFilterState(filter)) => {
                Step::SetFilterState(SetFilterState::compile(filter).at("set_filter_state")?)
            }
            Some(Kind::SetMetadata(filter)) => {
                Step::SetMetadata(SetMetadata::compile(filter).at("set_metadata")?)
            }
            Some(Kind::DiscoveredFilter(name)) => Step::Discovered(name.as_str().into()),
            Some(Kind::Router(_)) | None => {
                let reason = format!("filter {:?} cannot be here", message.name);
                return Err(CompileError::new(reason));
            }
        })
    }

    /// Lets the filter called `name`, at `place` in the program, have its way with the head of a request.
    ///
    /// # Errors
    /// The request is over: with an answer, if there is still somebody to tell.
    pub async fn request(
        &self,
        place: usize,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        match self {
            Self::Buffer(buffer) => return buffer.run(name, stream, down, timer).await,
            Self::Cors(cors) => return cors.request(place, name, stream).map_err(Some),
            Self::Csrf(csrf) => return csrf.request(name, stream).map_err(Some),
            Self::Delegate(delegate) => {
                return Box::pin(delegate.run(place, name, stream, down, timer)).await;
            }
            Self::DynamicForwardProxy(proxy) => return proxy.run(name, stream, down, timer).await,
            Self::ExtAuthz(authz) => {
                return Box::pin(authz.run(place, name, stream, down, timer)).await;
            }
            Self::Fault(fault) => return fault.run(place, name, stream, down, timer).await,
            Self::GrpcHttp1Bridge(bridge) => bridge.request(place, stream),
            Self::GrpcHttp1ReverseBridge(bridge) => bridge.request(place, stream),
            Self::GrpcStats(stats) => stats.request(place, stream),
            Self::GrpcWeb => grpc_web::request(place, stream),
            Self::HeaderMutation(mutation) => mutation.request(place, name, stream),
            Self::HeaderToMetadata(rules) => rules.request(name, stream),
            Self::HealthCheck(check) => return check.request(place, stream).map_err(Some),
            Self::IstioAlpn(alpn) => alpn.request(stream),
            Self::IstioStats(stats) => stats.request(place, stream),
            Self::JwtAuthn(jwt) => return jwt.run(name, stream, down, timer).await,
            Self::LocalRateLimit(limit) => {
                return limit.request(place, name, stream).map_err(Some);
            }
            Self::OnDemand(on_demand) => return on_demand.run(name, stream, down, timer).await,
            Self::PeerMetadata(peers) => peers.request(stream),
            Self::Python(python) => return python.run(place, stream, down, timer).await,
            Self::RateLimit(limit) => {
                return Box::pin(limit.run(place, name, stream, down, timer)).await;
            }
            Self::Rbac(rbac) => return rbac.request(name, stream).map_err(Some),
            Self::SetFilterState(state) => state.request(name, stream),
            Self::SetMetadata(metadata) => metadata.request(name, stream),
            // They are what `run` itself looks at.
            Self::Router(_) | Self::Discovered(_) => {}
        }
        Ok(())
    }

    /// Begins what goes on beside requests, once its configuration is in use.
    pub fn start(&self, worker: &Rc<Worker>) {
        match self {
            Self::Delegate(delegate) => {
                delegate.each_filter(&mut |filter| filter.step.start(worker));
            }
            Self::JwtAuthn(jwt) => jwt.start(worker),
            Self::DynamicForwardProxy(proxy) => proxy.start(worker),
            _ => {}
        }
    }

    /// It has something to do with the heads of responses, without having attached itself.
    pub fn changes_responses(&self) -> bool {
        matches!(
            self,
            Self::HeaderMutation(_)
                | Self::HeaderToMetadata(_)
                | Self::HealthCheck(_)
                | Self::PeerMetadata(_)
        )
    }

    /// It may tell of requests that are over.
    pub fn tells(&self) -> bool {
        matches!(self, Self::IstioStats(_) | Self::Discovered(_))
    }

    /// The same for the head of a response.
    pub fn response(&self, name: &str, stream: &mut Stream) {
        match self {
            Self::HeaderMutation(mutation) => mutation.response(name, stream),
            Self::HeaderToMetadata(rules) => rules.response(name, stream),
            Self::HealthCheck(_) => HealthCheck::response(stream),
            Self::PeerMetadata(peers) => peers.response(stream),
            _ => {}
        }
    }
}
