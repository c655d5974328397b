//! What the connection manager does to a request before it is routed, in Envoy's order.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers>

use super::trust::forwarded_for;
use super::{client_cert, ManagerConfig};
use crate::address::Address;
use crate::headers::{HeaderId, Headers, Key};
use crate::http::hop;
use crate::http::path::{self, PathOptions, PathOutcome};
use crate::http::request_id;
use crate::http::stream_info::StreamInfo;
use crate::http1::request::RequestHead;
use crate::proto::http_connection_manager::{EscapedSlashes, StripPort, Underscores};
use crate::random::Random;
use crate::tracing::Reason;

/// A request that is answered here.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub details: &'static str,
    pub location: Option<Vec<u8>>,
    pub reason: RefusalKind,
}

/// Which counter tells of a refusal, and whether the client broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    Protocol,
    NonRelativePath,
    PathNormalization,
    PathRedirect,
    Underscore,
}

/// What is known of the client once the headers were judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prepared {
    pub internal: bool,
    pub dropped_underscores: u64,
}

fn refuse(status: u16, details: &'static str, reason: RefusalKind) -> Refusal {
    Refusal { status, details, location: None, reason }
}

/// Checks and changes the headers of a request. `info.remote` becomes the trusted client address.
pub fn prepare(
    config: &ManagerConfig,
    headers: &mut Headers,
    head: &RequestHead,
    info: &mut StreamInfo,
    random: &Random,
) -> Result<Prepared, Refusal> {
    if !head.upgrade {
        hop::strip_named(headers);
    }
    let dropped_underscores = underscores(config, headers)?;
    if !headers.contains(HeaderId::Authority) {
        return Err(refuse(400, "missing_host_header", RefusalKind::Protocol));
    }
    check_path(config, headers, head)?;
    if headers.get(HeaderId::Method) == Some(b"QUERY") && !headers.contains(HeaderId::ContentType) {
        return Err(refuse(400, "query_missing_content_type", RefusalKind::Protocol));
    }
    host(config, headers, info);
    hop::strip_request(headers, head.upgrade);
    let internal = client(config, headers, info);
    if config.add_user_agent {
        user_agent(config, headers);
    }
    if let Some(via) = &config.via {
        append_list(headers, HeaderId::Via, via, b", ");
    }
    request_ids(config, headers, internal, random);
    client_cert::forward(config, headers, info.connection.tls.as_deref());
    Ok(Prepared { internal, dropped_underscores })
}

/// Checks and changes the headers of a request that follows a redirect, and was prepared as the one before it.
pub fn prepare_again(
    config: &ManagerConfig,
    headers: &mut Headers,
    head: &RequestHead,
    info: &StreamInfo,
) -> Result<(), Refusal> {
    check_path(config, headers, head)?;
    host(config, headers, info);
    Ok(())
}

fn underscores(config: &ManagerConfig, headers: &mut Headers) -> Result<u64, Refusal> {
    if config.underscores == Underscores::Allow {
        return Ok(0);
    }
    let count = headers.iter().filter(|(_, name, _)| name.contains(&b'_')).count() as u64;
    if count == 0 {
        return Ok(0);
    }
    if config.underscores == Underscores::Reject {
        return Err(refuse(400, "http1.unexpected_underscore", RefusalKind::Underscore));
    }
    headers.retain(|_, name, _| !name.contains(&b'_'));
    Ok(count)
}

fn check_path(
    config: &ManagerConfig,
    headers: &mut Headers,
    head: &RequestHead,
) -> Result<(), Refusal> {
    let Some(current) = headers.get(HeaderId::Path) else {
        return match head.is_connect {
            true => Ok(()),
            false => Err(refuse(400, "missing_path_rejected", RefusalKind::Protocol)),
        };
    };
    if current.contains(&b'#') {
        return Err(refuse(400, "path_normalization_failed", RefusalKind::PathNormalization));
    }
    if current.first() != Some(&b'/') {
        return Err(refuse(404, "absolute_path_rejected", RefusalKind::NonRelativePath));
    }
    normalize(config, headers)
}

fn normalize(config: &ManagerConfig, headers: &mut Headers) -> Result<(), Refusal> {
    let keep = config.escaped_slashes == EscapedSlashes::KeepUnchanged;
    if !config.normalize_path && !config.merge_slashes && keep {
        return Ok(());
    }
    let Some(current) = headers.get(HeaderId::Path) else { return Ok(()) };
    let options = PathOptions {
        normalize: config.normalize_path,
        merge_slashes: config.merge_slashes,
        escaped_slashes: config.escaped_slashes,
    };
    match path::normalize(current, &options) {
        PathOutcome::Unchanged => Ok(()),
        PathOutcome::Changed(path) => {
            headers.set(HeaderId::Path, &path);
            Ok(())
        }
        PathOutcome::Reject(path) => {
            if let Some(path) = path {
                headers.set(HeaderId::Path, &path);
            }
            Err(refuse(400, "path_normalization_failed", RefusalKind::PathNormalization))
        }
        PathOutcome::Redirect(path) => {
            headers.set(HeaderId::Path, &path);
            Err(Refusal {
                status: 307,
                details: "path_normalization_failed",
                location: Some(path),
                reason: RefusalKind::PathRedirect,
            })
        }
    }
}

/// strip_matching_host_port, strip_any_host_port, strip_trailing_host_dot.
fn host(config: &ManagerConfig, headers: &mut Headers, info: &StreamInfo) {
    if config.strip_port == StripPort::KeepPort && !config.strip_trailing_host_dot {
        return;
    }
    let Some(authority) = headers.get(HeaderId::Authority) else { return };
    let (mut name, mut port) = split_port(authority);
    if config.strip_trailing_host_dot {
        name = name.strip_suffix(b".").unwrap_or(name);
    }
    let local = info.connection.local.ip().map(|address| address.port().to_string());
    match config.strip_port {
        StripPort::StripAny => port = None,
        StripPort::StripMatching if port == local.as_deref().map(str::as_bytes) => port = None,
        _ => {}
    }
    let mut changed = name.to_vec();
    if let Some(port) = port {
        changed.push(b':');
        changed.extend_from_slice(port);
    }
    if changed != authority {
        headers.set(HeaderId::Authority, &changed);
    }
}

/// Host and port of an authority; the colons of an IPv6 address are not a port's.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !authority[colon..].contains(&b']') => {
            let port = &authority[colon + 1..];
            match !port.is_empty() && port.iter().all(u8::is_ascii_digit) {
                true => (&authority[..colon], Some(port)),
                false => (authority, None),
            }
        }
        _ => (authority, None),
    }
}

/// The trusted client address, x-forwarded-*, and the headers that only an internal client may send.
/// True for an internal client.
fn client(config: &ManagerConfig, headers: &mut Headers, info: &mut StreamInfo) -> bool {
    headers.remove(HeaderId::XEnvoyInternal);
    let direct = info.connection.remote.clone();
    let single;
    if config.use_remote_address {
        single = !headers.contains(HeaderId::XForwardedFor);
        let trusted = match config.xff_trusted_hops {
            0 => None,
            hops => forwarded_for(headers, hops - 1),
        };
        info.remote = trusted.map_or(direct.clone(), |f| Address::Ip((f.address, 0).into()));
        if !config.skip_xff_append {
            if let Some(ip) = direct.ip().map(|direct| direct.ip()) {
                // Like Envoy: a client on the machine itself is told by the machine's own address.
                let told = if ip.is_loopback() { config.local_address } else { ip };
                append_list(headers, HeaderId::XForwardedFor, told.to_string().as_bytes(), b",");
            }
        }
        if config.xff_trusted_hops == 0 {
            headers.set(HeaderId::XForwardedProto, transport_scheme(info));
        }
    } else {
        let forwarded = forwarded_for(headers, config.xff_trusted_hops);
        single = forwarded.as_ref().is_some_and(|f| f.single);
        if let Some(forwarded) = &forwarded {
            info.remote = Address::Ip((forwarded.address, 0).into());
        }
    }
    scheme(config, headers, transport_scheme(info));
    forwarded_port(config, headers, info);
    let internal = single && config.internal_addresses.contains(&info.remote);
    if internal {
        headers.append(HeaderId::XEnvoyInternal, b"true");
        return true;
    }
    clean(headers, config.use_remote_address);
    if config.use_remote_address {
        if let Some(ip) = info.remote.ip() {
            headers.set(HeaderId::XEnvoyExternalAddress, ip.ip().to_string().as_bytes());
        }
    }
    false
}

fn forwarded_port(config: &ManagerConfig, headers: &mut Headers, info: &StreamInfo) {
    if !config.append_x_forwarded_port {
        return;
    }
    let edge = config.use_remote_address && config.xff_trusted_hops == 0;
    if edge || !headers.contains(HeaderId::XForwardedPort) {
        if let Some(local) = info.connection.local.ip() {
            headers.set(HeaderId::XForwardedPort, local.port().to_string().as_bytes());
        }
    }
}

/// https over TLS.
fn transport_scheme(info: &StreamInfo) -> &'static [u8] {
    match info.connection.tls {
        Some(_) => b"https",
        None => b"http",
    }
}

/// x-forwarded-proto where it is absent or overwritten, and the pseudo header that follows it.
fn scheme(config: &ManagerConfig, headers: &mut Headers, of_transport: &[u8]) {
    if let Some(scheme) = &config.scheme_overwrite {
        headers.set(HeaderId::XForwardedProto, scheme);
    } else if !headers.contains(HeaderId::XForwardedProto) {
        headers.set(HeaderId::XForwardedProto, of_transport);
    }
    if config.scheme_overwrite.is_none() && headers.contains(HeaderId::Scheme) {
        return;
    }
    let scheme: &[u8] = match headers.get(HeaderId::XForwardedProto) {
        Some(b"https") => b"https",
        _ => b"http",
    };
    headers.set(HeaderId::Scheme, scheme);
}

/// Removes what a client that is not internal must not tell; at the edge, a little more.
fn clean(headers: &mut Headers, edge: bool) {
    headers.retain(|id, _, _| match id {
        HeaderId::XEnvoyDecoratorOperation
        | HeaderId::XEnvoyOriginalPath
        | HeaderId::XEnvoyDownstreamServiceCluster
        | HeaderId::XEnvoyDownstreamServiceNode => !edge,
        HeaderId::XEnvoyRetriableStatusCodes
        | HeaderId::XEnvoyRetriableHeaderNames
        | HeaderId::XEnvoyRetryOn
        | HeaderId::XEnvoyRetryGrpcOn
        | HeaderId::XEnvoyMaxRetries
        | HeaderId::XEnvoyUpstreamAltStatName
        | HeaderId::XEnvoyUpstreamRqTimeoutMs
        | HeaderId::XEnvoyUpstreamRqPerTryTimeoutMs
        | HeaderId::XEnvoyUpstreamRqTimeoutAltResponse
        | HeaderId::XEnvoyExpectedRqTimeoutMs
        | HeaderId::XEnvoyForceTrace
        | HeaderId::XEnvoyIpTags
        | HeaderId::XEnvoyHedgeOnPerTryTimeout => false,
        _ => true,
    });
}

fn request_ids(config: &ManagerConfig, headers: &mut Headers, internal: bool, random: &Random) {
    if !config.generate_request_id {
        return;
    }
    let edge = config.use_remote_address && !internal;
    let replace = edge && !config.preserve_external_request_id;
    if replace || !headers.contains(HeaderId::XRequestId) {
        headers.set(HeaderId::XRequestId, &request_id::generate(random));
    } else if edge && config.packs_trace_reason {
        // A client from outside decides about no trace.
        Reason::NotTraceable.write(headers);
    }
}

fn user_agent(config: &ManagerConfig, headers: &mut Headers) {
    headers.set(HeaderId::XEnvoyDownstreamServiceCluster, &config.service_cluster);
    if !headers.contains(HeaderId::UserAgent) {
        headers.append(HeaderId::UserAgent, &config.service_cluster);
    }
    if !config.service_node.is_empty() {
        headers.set(HeaderId::XEnvoyDownstreamServiceNode, &config.service_node);
    }
}

/// Adds to a list header: one header with all values, the new one last.
pub fn append_list(headers: &mut Headers, id: HeaderId, value: &[u8], separator: &[u8]) {
    match headers.joined(Key::Known(id)) {
        None => headers.append(id, value),
        Some(joined) => {
            let list = [&joined, separator, value].concat();
            headers.set(id, &list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{append_list, split_port};
    use crate::headers::{HeaderId, Headers};

    #[test]
    fn ports_are_split_from_names_and_addresses() {
        assert_eq!(split_port(b"a:80"), (&b"a"[..], Some(&b"80"[..])));
        assert_eq!(split_port(b"[::1]:80"), (&b"[::1]"[..], Some(&b"80"[..])));
        assert_eq!(split_port(b"[::1]"), (&b"[::1]"[..], None));
        assert_eq!(split_port(b"a"), (&b"a"[..], None));
        assert_eq!(split_port(b"a:"), (&b"a:"[..], None));
    }

    #[test]
    fn lists_grow_in_one_header() {
        let mut headers = Headers::new();
        append_list(&mut headers, HeaderId::XForwardedFor, b"1.1.1.1", b",");
        append_list(&mut headers, HeaderId::XForwardedFor, b"2.2.2.2", b",");
        assert_eq!(headers.get(HeaderId::XForwardedFor), Some(&b"1.1.1.1,2.2.2.2"[..]));
        assert_eq!(headers.len(), 1);
    }
}
