//! `upstream_http_protocol_options`: SNI, and the name that the host's certificate is to be of, by the request.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto#config-core-v3-upstreamhttpprotocoloptions>

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::manager::request::split_port;
use crate::proto;
use crate::tls::TlsNames;

/// Which names requests decide; immutable.
pub struct AutoNames {
    sni: bool,
    certificate: bool,
    /// Has the name in place of the request's host.
    header: Option<HeaderName>,
}

impl AutoNames {
    pub fn compile(message: &proto::AutoNames) -> Self {
        Self {
            sni: message.sni,
            certificate: message.certificate,
            header: (!message.header.is_empty()).then(|| HeaderName::new(&message.header)),
        }
    }

    /// The names for a request. An IP address is no name for SNI (RFC 6066 section 3).
    pub fn of(&self, request: &Headers) -> TlsNames {
        let header = self.header.as_ref().and_then(|header| request.joined(header.key()));
        let header = header.filter(|value| !value.is_empty());
        let host = header.or_else(|| request.get(HeaderId::Authority).map(Cow::Borrowed));
        let host = host.unwrap_or_default();
        let (host, _) = split_port(&host);
        let host = host.strip_prefix(b"[").and_then(|it| it.strip_suffix(b"]")).unwrap_or(host);
        let Ok(host) = std::str::from_utf8(host) else { return TlsNames::default() };
        let is_name = host.parse::<IpAddr>().is_err();
        let name: Arc<str> = host.into();
        TlsNames {
            sni: (self.sni && is_name).then(|| name.clone()),
            certificate: self.certificate.then_some(name),
            alpn: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AutoNames;
    use crate::headers::{HeaderId, Headers, Key};
    use crate::proto;

    fn names(host: &str, header: Option<&str>) -> (Option<String>, Option<String>) {
        let names = AutoNames::compile(&proto::AutoNames {
            sni: true,
            certificate: true,
            header: "X-Server".into(),
        });
        let mut request = Headers::new();
        request.set(HeaderId::Authority, host.as_bytes());
        if let Some(value) = header {
            request.append(Key::Other(b"x-server"), value.as_bytes());
        }
        let names = names.of(&request);
        (names.sni.map(|it| it.to_string()), names.certificate.map(|it| it.to_string()))
    }

    fn both(name: &str) -> (Option<String>, Option<String>) {
        (Some(name.into()), Some(name.into()))
    }

    #[test]
    fn the_host_without_its_port_is_the_name() {
        assert_eq!(names("a.test", None), both("a.test"));
        assert_eq!(names("A.test:8443", None), both("A.test"));
    }

    #[test]
    fn an_address_is_asked_for_by_no_name() {
        assert_eq!(names("10.0.0.1:80", None), (None, Some("10.0.0.1".into())));
        assert_eq!(names("[::1]:80", None), (None, Some("::1".into())));
    }

    #[test]
    fn a_header_goes_before_the_host_unless_it_is_empty() {
        assert_eq!(names("a.test", Some("b.test:1")), both("b.test"));
        assert_eq!(names("a.test", Some("")), both("a.test"));
    }
}
