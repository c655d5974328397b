//! Following a redirect of the upstream in place of the client.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#internal-redirects>

use super::super::attempt::Upstream;
use super::Forwarding;
use crate::filters::routing::clear_route;
use crate::headers::{HeaderId, Headers, Key};
use crate::http::stream::Stream;
use crate::http1::target::{absolute, AbsoluteTarget};
use crate::http1::CodecError;
use crate::proto::{ClusterStat, HttpStat};
use crate::route::{Hop, InternalRedirect};

const SEE_OTHER: u16 = 303;

/// Why a redirect is not followed: what counts it.
type Refusal = HttpStat;

impl Forwarding<'_> {
    /// Whether the route follows this response, and it could be: the request is then what is to be made next.
    pub(super) fn redirect(&mut self, up: &Upstream, status: u16, response: &Headers) -> bool {
        let forward = self.forward;
        let policy = forward.internal_redirect.as_deref().filter(|policy| policy.concerns(status));
        let Some(policy) = policy else { return false };
        let repeatable = up.sent && !self.parties.replay.overflowed;
        let location = response.get(HeaderId::Location).filter(|_| repeatable);
        let followed = location.is_some_and(|location| {
            let followed = self.follow(policy, status, response, location);
            if let Err(refusal) = followed {
                self.parties.stream.manager.block.inc(refusal);
            }
            followed.is_ok()
        });
        self.cluster.block().inc(match followed {
            true => ClusterStat::ClusterUpstreamInternalRedirectSucceededTotal,
            false => ClusterStat::ClusterUpstreamInternalRedirectFailedTotal,
        });
        followed
    }

    fn follow(
        &mut self,
        policy: &InternalRedirect,
        status: u16,
        response: &Headers,
        location: &[u8],
    ) -> Result<(), Refusal> {
        let stream = &mut *self.parties.stream;
        let target = absolute(location).map_err(|error| match error {
            CodecError::InvalidScheme => HttpStat::HttpPassthroughInternalRedirectUnsafeScheme,
            _ => HttpStat::HttpPassthroughInternalRedirectBadLocation,
        })?;
        let https = is_https(stream);
        if target.https != https && !policy.allow_cross_scheme {
            return Err(HttpStat::HttpPassthroughInternalRedirectUnsafeScheme);
        }
        if stream.redirects().followed() >= policy.max_redirects {
            return Err(HttpStat::HttpPassthroughInternalRedirectTooManyRedirects);
        }
        let before = stream.request.clone();
        change(&mut stream.request, policy, response, &target);
        if let Err(refusal) = self.admit(policy, https, target.https) {
            self.parties.stream.request = before;
            return Err(refusal);
        }
        let body = match status == SEE_OTHER && self.parties.stream.become_get() {
            true => Vec::new(),
            false => std::mem::take(&mut self.parties.replay.bytes),
        };
        let stream = &mut *self.parties.stream;
        let part = |id| before.get(id).unwrap_or_default();
        let scheme: &[u8] = if https { b"https://" } else { b"http://" };
        let original = [scheme, part(HeaderId::Authority), part(HeaderId::Path)].concat();
        stream.request.set(HeaderId::XEnvoyOriginalUrl, &original);
        stream.info.response_code = status;
        stream.follow_redirect(body);
        Ok(())
    }

    /// Whether there is a route for the changed request that it may take. As in Envoy, logs name that route from
    /// then on, also when it may not.
    fn admit(
        &mut self,
        policy: &InternalRedirect,
        from_https: bool,
        to_https: bool,
    ) -> Result<(), Refusal> {
        let stream = &mut *self.parties.stream;
        let choice = stream.choice.take();
        clear_route(stream);
        let found = stream.route.replace(self.route.clone());
        stream.choice = choice;
        stream.cluster = None;
        let to = found.ok_or(HttpStat::HttpPassthroughInternalRedirectNoRoute)?;
        let (from, to) = (&self.route.info.route_name, &to.info.route_name);
        let hop = Hop { from, to, from_https, to_https };
        match policy.accepts(&hop, stream.redirects().visited()) {
            true => Ok(()),
            false => Err(HttpStat::HttpPassthroughInternalRedirectPredicate),
        }
    }
}

/// The client asked for https, over TLS.
fn is_https(stream: &Stream) -> bool {
    let plain = stream.request.get(HeaderId::Scheme) == Some(b"http");
    !plain && stream.info.connection.tls.is_some()
}

/// Makes a request the one that a redirect asks for.
fn change(
    request: &mut Headers,
    policy: &InternalRedirect,
    response: &Headers,
    target: &AbsoluteTarget<'_>,
) {
    for name in &policy.headers_to_copy {
        request.remove(name);
        for value in response.get_all(Key::from(name)) {
            request.append(name, value);
        }
    }
    request.set(HeaderId::Scheme, if target.https { b"https" } else { b"http" });
    request.set(HeaderId::Authority, target.authority);
    let end = memchr::memchr(b'#', target.path).unwrap_or(target.path.len());
    let path = if target.path.is_empty() { b"/" } else { &target.path[..end] };
    request.set(HeaderId::Path, path);
}
