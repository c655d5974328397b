//! Headers of which there is at most one entry.
//!
//! Envoy holds some headers in a slot of their own (its O(1) headers, those that filters register included): a
//! repeated one is joined to the first by a comma, so matchers, format strings and the next hop see one. Which
//! ones differs between requests and responses. The lists were observed on Envoy 1.40.

use super::{HeaderId, Headers, Key};

/// Which of the two messages a header block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

impl Side {
    /// True when Envoy holds at most one entry of this header.
    pub fn single(self, id: HeaderId) -> bool {
        self.mask() & bit(id) != 0
    }

    const fn mask(self) -> u128 {
        match self {
            Self::Request => REQUEST,
            Self::Response => RESPONSE,
        }
    }
}

impl Headers {
    /// Adds a header at the end; a single one that is there already gets the value after a comma.
    pub fn add<'a>(&mut self, side: Side, key: impl Into<Key<'a>>, value: &[u8]) {
        let key = key.into();
        if let Key::Known(id) = key {
            if side.single(id) {
                if let Some(old) = self.get(id) {
                    let joined = [old, b",", value].concat();
                    return self.set(id, &joined);
                }
            }
        }
        self.append(key, value);
    }

    /// Overwrites a header as Envoy does: a single one in its place, any other at the end.
    pub fn overwrite<'a>(&mut self, side: Side, key: impl Into<Key<'a>>, value: &[u8]) {
        let key = key.into();
        match key {
            Key::Known(id) if side.single(id) || id.is_pseudo() => self.set(id, value),
            _ => {
                self.remove(key);
                self.append(key, value);
            }
        }
    }

    /// Joins what is single and repeated, as it came from the network.
    pub fn join_singles(&mut self, side: Side) {
        let (mut seen, mut repeated) = (0u128, 0u128);
        for entry in &self.entries {
            repeated |= seen & bit(entry.id);
            seen |= bit(entry.id);
        }
        repeated &= side.mask();
        while repeated != 0 {
            if let Some(id) = HeaderId::from_number(repeated.trailing_zeros() as usize) {
                if let Some(joined) = self.joined(id.into()).map(|value| value.into_owned()) {
                    self.set(id, &joined);
                }
            }
            repeated &= repeated - 1;
        }
    }
}

const fn bit(id: HeaderId) -> u128 {
    1 << id as u8
}

const fn mask(ids: &[HeaderId]) -> u128 {
    let (mut mask, mut index) = (0, 0);
    while index < ids.len() {
        mask |= bit(ids[index]);
        index += 1;
    }
    mask
}

const REQUEST: u128 = mask(&[
    HeaderId::Accept,
    HeaderId::AcceptEncoding,
    HeaderId::AccessControlRequestHeaders,
    HeaderId::AccessControlRequestMethod,
    HeaderId::Authorization,
    HeaderId::CacheControl,
    HeaderId::CdnLoop,
    HeaderId::Connection,
    HeaderId::ContentEncoding,
    HeaderId::ContentType,
    HeaderId::Expect,
    HeaderId::GrpcTimeout,
    HeaderId::Host,
    HeaderId::IfMatch,
    HeaderId::IfModifiedSince,
    HeaderId::IfNoneMatch,
    HeaderId::KeepAlive,
    HeaderId::Origin,
    HeaderId::Pragma,
    HeaderId::ProxyConnection,
    HeaderId::Referer,
    HeaderId::Te,
    HeaderId::Upgrade,
    HeaderId::UserAgent,
    HeaderId::Via,
    HeaderId::XClientTraceId,
    HeaderId::XEnvoyAttemptCount,
    HeaderId::XEnvoyDecoratorOperation,
    HeaderId::XEnvoyDownstreamServiceCluster,
    HeaderId::XEnvoyDownstreamServiceNode,
    HeaderId::XEnvoyExpectedRqTimeoutMs,
    HeaderId::XEnvoyExternalAddress,
    HeaderId::XEnvoyForceTrace,
    HeaderId::XEnvoyHedgeOnPerTryTimeout,
    HeaderId::XEnvoyInternal,
    HeaderId::XEnvoyIpTags,
    HeaderId::XEnvoyIsTimeoutRetry,
    HeaderId::XEnvoyMaxRetries,
    HeaderId::XEnvoyOriginalHost,
    HeaderId::XEnvoyOriginalPath,
    HeaderId::XEnvoyOriginalUrl,
    HeaderId::XEnvoyRetriableHeaderNames,
    HeaderId::XEnvoyRetriableStatusCodes,
    HeaderId::XEnvoyRetryGrpcOn,
    HeaderId::XEnvoyRetryOn,
    HeaderId::XEnvoyUpstreamAltStatName,
    HeaderId::XEnvoyUpstreamRqPerTryTimeoutMs,
    HeaderId::XEnvoyUpstreamRqTimeoutAltResponse,
    HeaderId::XEnvoyUpstreamRqTimeoutMs,
    HeaderId::XEnvoyUpstreamStreamDurationMs,
    HeaderId::XForwardedClientCert,
    HeaderId::XForwardedFor,
    HeaderId::XForwardedHost,
    HeaderId::XForwardedPort,
    HeaderId::XForwardedProto,
    HeaderId::XRequestId,
]);

const RESPONSE: u128 = mask(&[
    HeaderId::AccessControlAllowCredentials,
    HeaderId::AccessControlAllowHeaders,
    HeaderId::AccessControlAllowMethods,
    HeaderId::AccessControlAllowOrigin,
    HeaderId::AccessControlExposeHeaders,
    HeaderId::AccessControlMaxAge,
    HeaderId::Age,
    HeaderId::CacheControl,
    HeaderId::Connection,
    HeaderId::ContentEncoding,
    HeaderId::ContentType,
    HeaderId::Date,
    HeaderId::Etag,
    HeaderId::Expires,
    HeaderId::GrpcMessage,
    HeaderId::GrpcStatus,
    HeaderId::KeepAlive,
    HeaderId::LastModified,
    HeaderId::Location,
    HeaderId::ProxyConnection,
    HeaderId::Server,
    HeaderId::Upgrade,
    HeaderId::Vary,
    HeaderId::Via,
    HeaderId::XEnvoyAttemptCount,
    HeaderId::XEnvoyDecoratorOperation,
    HeaderId::XEnvoyImmediateHealthCheckFail,
    HeaderId::XEnvoyRatelimited,
    HeaderId::XEnvoyUpstreamCanary,
    HeaderId::XEnvoyUpstreamHealthCheckedCluster,
    HeaderId::XEnvoyUpstreamServiceTime,
    HeaderId::XRequestId,
]);

#[cfg(test)]
mod tests {
    use super::{HeaderId, Headers, Side};

    fn lines(headers: &Headers) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.iter().map(|(_, name, value)| format!("{}: {}", text(name), text(value))).collect()
    }

    fn headers() -> Headers {
        let mut headers = Headers::new();
        for (name, value) in
            [("accept", "a"), ("x", "1"), ("etag", "e"), ("accept", "b"), ("x", "2"), ("etag", "f")]
        {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        headers
    }

    #[test]
    fn repeated_single_headers_are_joined_where_the_first_stood() {
        let mut request = headers();
        request.join_singles(Side::Request);
        assert_eq!(lines(&request), ["accept: a,b", "x: 1", "etag: e", "x: 2", "etag: f"]);
        let mut response = headers();
        response.join_singles(Side::Response);
        assert_eq!(lines(&response), ["accept: a", "x: 1", "etag: e,f", "accept: b", "x: 2"]);
    }

    #[test]
    fn adding_joins_and_overwriting_moves_what_is_not_single() {
        let mut headers = Headers::new();
        for (name, value) in [("accept", "a"), ("etag", "e")] {
            headers.append_raw(name.as_bytes(), value.as_bytes());
        }
        headers.add(Side::Request, HeaderId::Accept, b"b");
        headers.add(Side::Request, HeaderId::Etag, b"f");
        assert_eq!(lines(&headers), ["accept: a,b", "etag: e", "etag: f"]);
        headers.overwrite(Side::Request, HeaderId::Etag, b"g");
        headers.append_raw(b"last", b"1");
        headers.overwrite(Side::Request, HeaderId::Accept, b"c");
        headers.overwrite(Side::Request, HeaderId::Etag, b"h");
        assert_eq!(lines(&headers), ["accept: c", "last: 1", "etag: h"]);
    }
}
