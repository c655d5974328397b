//! The dynamic forward proxy filter: a request waits until the name of the host to which it goes is resolved.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter>

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::wait::wait;
use super::{of_route, Proceed};
use crate::compile::Result;
use crate::headers::{HeaderId, HeaderName, Key};
use crate::http::downstream::Downstream;
use crate::http::flags::ResponseFlags;
use crate::http::stream::{Answer, Stream};
use crate::proto;
use crate::route::FilterConfig;
use crate::timer::Timer;
use crate::upstream::dns_cache::{CacheFull, CacheHandle, Found, HostName, Lookup};
use crate::upstream::forward_proxy::{host_of, port_of};
use crate::worker::Worker;

pub struct DynamicForwardProxy {
    cache: CacheHandle,
    use_filter_state: bool,
}

/// What a route puts in place of the host of a request.
pub struct ForwardedHost {
    literal: Box<[u8]>,
    header: Option<HeaderName>,
}

impl ForwardedHost {
    pub fn compile(message: &proto::ForwardedHost) -> Self {
        Self {
            literal: message.literal.as_bytes().into(),
            header: (!message.header.is_empty()).then(|| HeaderName::new(&message.header)),
        }
    }

    fn rewrite(&self, stream: &mut Stream) {
        let header = self.header.as_ref().map(Key::from);
        let value = header.and_then(|key| stream.request.get(key)).map(<[u8]>::to_vec);
        let literal = (!self.literal.is_empty()).then_some(&*self.literal);
        if let Some(host) = value.as_deref().or(literal) {
            stream.request.set(HeaderId::Authority, host);
        }
    }
}

impl DynamicForwardProxy {
    /// # Errors
    /// A range of addresses that is none.
    pub fn compile(message: &proto::DynamicForwardProxyFilter) -> Result<Self> {
        Ok(Self {
            cache: CacheHandle::compile(message.cache.as_ref())?,
            use_filter_state: message.use_filter_state,
        })
    }

    /// Begins to resolve what is known ahead.
    pub fn start(&self, worker: &Worker) {
        self.cache.of(&worker.shared.dns_caches).begin();
    }

    /// Waits for the name of the host, if the request goes to a cluster of such hosts.
    pub async fn run(
        &self,
        name: &str,
        stream: &mut Stream,
        down: &mut dyn Downstream,
        timer: &Timer,
    ) -> Proceed {
        let cluster = stream.cluster.clone();
        let forward = cluster.as_ref().and_then(|cluster| cluster.shared().forward());
        let Some(forward) = forward else { return Ok(()) };
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::ForwardedHost(config) => Some(config),
            _ => None,
        });
        of_route.inspect(|host| host.rewrite(stream));
        let Some(host) = self.host(stream, forward.default_port) else {
            return Err(Some(Answer::new(400, "Empty host header", "empty_host_header")));
        };
        let found = match self.cache.of(&stream.worker.shared.dns_caches).look_up(&host) {
            Lookup::Usable => return Ok(()),
            Lookup::Failed(found) => found,
            Lookup::TooManyHosts => return Err(Some(full())),
            Lookup::TooManyPending => {
                return Err(Some(refuse(
                    "Dynamic forward proxy pending request overflow",
                    "dynamic_forward_proxy_pending_request_overflow",
                )));
            }
            Lookup::Loading(mut loading) => {
                let found =
                    wait(stream, down, timer, None, |cx, _, _| Pin::new(&mut loading).poll(cx));
                match found.await? {
                    Some(Err(CacheFull)) => return Err(Some(full())),
                    Some(Ok(found)) => found,
                    None => Arc::default(),
                }
            }
        };
        match found.is_usable() {
            true => Ok(()),
            false => Err(Some(unresolved(&found))),
        }
    }

    fn host(&self, stream: &Stream, default_port: u16) -> Option<HostName> {
        let state = stream.info.filter_state.as_deref().filter(|_| self.use_filter_state);
        let port = state.and_then(port_of).unwrap_or(default_port);
        let authority = stream.request.get(HeaderId::Authority).unwrap_or_default();
        let host = state.and_then(host_of).or_else(|| std::str::from_utf8(authority).ok())?;
        HostName::new(host, port)
    }
}

fn unresolved(found: &Found) -> Answer {
    let mut answer = refuse("DNS resolution failure", "");
    answer.details = Cow::Owned(found.details.to_string());
    answer.flag(ResponseFlags::DNS_RESOLUTION_FAILED)
}

fn full() -> Answer {
    refuse("DNS cache overflow", CacheFull::DETAILS)
}

fn refuse(body: &'static str, details: &'static str) -> Answer {
    Answer::new(503, body, details)
}
