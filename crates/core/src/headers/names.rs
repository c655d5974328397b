//! Header names the workers ask for, each with a number.

macro_rules! known_names {
    ($($variant:ident = $name:literal,)*) => {
        /// A known header name; `Other` stands for all the rest.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum HeaderId { Other, $($variant,)* }

        const NAMES: &[&str] = &["", $($name,)*];
        const IDS: &[HeaderId] = &[HeaderId::Other, $(HeaderId::$variant,)*];
    };
}

known_names! {
    Authority = ":authority",
    Method = ":method",
    Path = ":path",
    Scheme = ":scheme",
    Status = ":status",
    Protocol = ":protocol",
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    AcceptLanguage = "accept-language",
    AccessControlAllowCredentials = "access-control-allow-credentials",
    AccessControlAllowHeaders = "access-control-allow-headers",
    AccessControlAllowMethods = "access-control-allow-methods",
    AccessControlAllowOrigin = "access-control-allow-origin",
    AccessControlExposeHeaders = "access-control-expose-headers",
    AccessControlMaxAge = "access-control-max-age",
    AccessControlRequestHeaders = "access-control-request-headers",
    AccessControlRequestMethod = "access-control-request-method",
    Age = "age",
    Authorization = "authorization",
    CacheControl = "cache-control",
    CdnLoop = "cdn-loop",
    Connection = "connection",
    ContentEncoding = "content-encoding",
    ContentLength = "content-length",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    Etag = "etag",
    Expect = "expect",
    Expires = "expires",
    Forwarded = "forwarded",
    GrpcMessage = "grpc-message",
    GrpcStatus = "grpc-status",
    GrpcTimeout = "grpc-timeout",
    Host = "host",
    Http2Settings = "http2-settings",
    IfMatch = "if-match",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    KeepAlive = "keep-alive",
    LastModified = "last-modified",
    Location = "location",
    Origin = "origin",
    Pragma = "pragma",
    ProxyAuthenticate = "proxy-authenticate",
    ProxyConnection = "proxy-connection",
    Range = "range",
    Referer = "referer",
    Server = "server",
    SetCookie = "set-cookie",
    Te = "te",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    UserAgent = "user-agent",
    Vary = "vary",
    Via = "via",
    WwwAuthenticate = "www-authenticate",
    XClientTraceId = "x-client-trace-id",
    XEnvoyAttemptCount = "x-envoy-attempt-count",
    XEnvoyDecoratorOperation = "x-envoy-decorator-operation",
    XEnvoyDownstreamServiceCluster = "x-envoy-downstream-service-cluster",
    XEnvoyDownstreamServiceNode = "x-envoy-downstream-service-node",
    XEnvoyExpectedRqTimeoutMs = "x-envoy-expected-rq-timeout-ms",
    XEnvoyDropOverload = "x-envoy-drop-overload",
    XEnvoyExternalAddress = "x-envoy-external-address",
    XEnvoyForceTrace = "x-envoy-force-trace",
    XEnvoyHedgeOnPerTryTimeout = "x-envoy-hedge-on-per-try-timeout",
    XEnvoyImmediateHealthCheckFail = "x-envoy-immediate-health-check-fail",
    XEnvoyInternal = "x-envoy-internal",
    XEnvoyIpTags = "x-envoy-ip-tags",
    XEnvoyIsTimeoutRetry = "x-envoy-is-timeout-retry",
    XEnvoyLocalOverloaded = "x-envoy-local-overloaded",
    XEnvoyMaxRetries = "x-envoy-max-retries",
    XEnvoyOriginalHost = "x-envoy-original-host",
    XEnvoyOriginalPath = "x-envoy-original-path",
    XEnvoyOriginalUrl = "x-envoy-original-url",
    XEnvoyOverloaded = "x-envoy-overloaded",
    XEnvoyRatelimited = "x-envoy-ratelimited",
    XEnvoyRetriableHeaderNames = "x-envoy-retriable-header-names",
    XEnvoyRetriableStatusCodes = "x-envoy-retriable-status-codes",
    XEnvoyRetryGrpcOn = "x-envoy-retry-grpc-on",
    XEnvoyRetryOn = "x-envoy-retry-on",
    XEnvoyUnconditionalDropOverload = "x-envoy-unconditional-drop-overload",
    XEnvoyUpstreamAltStatName = "x-envoy-upstream-alt-stat-name",
    XEnvoyUpstreamCanary = "x-envoy-upstream-canary",
    XEnvoyUpstreamHealthCheckedCluster = "x-envoy-upstream-healthchecked-cluster",
    XEnvoyUpstreamRqPerTryTimeoutMs = "x-envoy-upstream-rq-per-try-timeout-ms",
    XEnvoyUpstreamRqTimeoutAltResponse = "x-envoy-upstream-rq-timeout-alt-response",
    XEnvoyUpstreamRqTimeoutMs = "x-envoy-upstream-rq-timeout-ms",
    XEnvoyUpstreamServiceTime = "x-envoy-upstream-service-time",
    XEnvoyUpstreamStreamDurationMs = "x-envoy-upstream-stream-duration-ms",
    XForwardedClientCert = "x-forwarded-client-cert",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedPort = "x-forwarded-port",
    XForwardedProto = "x-forwarded-proto",
    XOtSpanContext = "x-ot-span-context",
    XRequestId = "x-request-id",
}

const SLOTS: usize = 256;

const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let mixed = length * 131
        + name[0] as usize * 7
        + name[length - 1] as usize * 31
        + name[length / 2] as usize * 17
        + name[(length * 3) / 4] as usize * 3;
    mixed % SLOTS
}

/// Open addressing: the number of a name stands at the first free slot from its hash on.
const fn build() -> [u8; SLOTS] {
    let mut table = [0u8; SLOTS];
    let mut number = 1;
    while number < NAMES.len() {
        let mut slot = hash(NAMES[number].as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = number as u8;
        number += 1;
    }
    table
}

static TABLE: [u8; SLOTS] = build();

// Sets of ids are 128 bits.
const _: () = assert!(NAMES.len() <= 128);

impl HeaderId {
    /// The number of a lower-case name.
    pub fn classify(name: &[u8]) -> Self {
        let mut slot = hash(name);
        loop {
            let number = TABLE[slot] as usize;
            if number == 0 {
                return Self::Other;
            }
            if NAMES[number].as_bytes() == name {
                return IDS[number];
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The number of a name in any case.
    pub fn classify_any_case(name: &[u8]) -> Self {
        const LONGEST: usize = 48;
        let mut lower = [0u8; LONGEST];
        let Some(target) = lower.get_mut(..name.len()) else { return Self::Other };
        target.copy_from_slice(name);
        target.make_ascii_lowercase();
        Self::classify(target)
    }

    /// The lower-case name; empty for `Other`.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The id of a position in the enumeration.
    pub fn from_number(number: usize) -> Option<Self> {
        IDS.get(number).copied()
    }

    /// True for the pseudo headers, which HTTP/1 does not write as headers.
    pub fn is_pseudo(self) -> bool {
        (Self::Authority as u8..=Self::Protocol as u8).contains(&(self as u8))
    }
}

/// A header name that configuration gave, lowered and classified once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName {
    id: HeaderId,
    text: Box<[u8]>,
}

impl HeaderName {
    /// `host` means `:authority`, as everywhere in Envoy's configuration.
    pub fn new(name: &str) -> Self {
        let text: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
        let id = match HeaderId::classify(&text) {
            HeaderId::Host => HeaderId::Authority,
            id => id,
        };
        Self { id, text }
    }

    pub fn id(&self) -> HeaderId {
        self.id
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    pub fn key(&self) -> super::Key<'_> {
        match self.id {
            HeaderId::Other => super::Key::Other(&self.text),
            known => super::Key::Known(known),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderId, HeaderName, IDS, NAMES};

    #[test]
    fn every_known_name_is_classified_as_itself() {
        for (number, name) in NAMES.iter().enumerate().skip(1) {
            assert_eq!(HeaderId::classify(name.as_bytes()), IDS[number], "{name}");
            assert_eq!(IDS[number].name(), *name);
            assert_eq!(HeaderId::classify_any_case(name.to_uppercase().as_bytes()), IDS[number]);
        }
        assert_eq!(HeaderId::classify(b"x-nothing"), HeaderId::Other);
        assert_eq!(HeaderId::classify(b""), HeaderId::Other);
    }

    #[test]
    fn host_in_configuration_is_authority() {
        assert_eq!(HeaderName::new("Host").id(), HeaderId::Authority);
        assert!(HeaderId::Authority.is_pseudo() && HeaderId::Protocol.is_pseudo());
        assert!(!HeaderId::Accept.is_pseudo());
    }
}
