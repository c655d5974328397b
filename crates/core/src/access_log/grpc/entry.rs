//! Entries about requests and connections, as in `envoy/data/accesslog/v3/accesslog.proto`.

use std::collections::BTreeMap;

use super::common::common;
use super::{LoggedHeader, Told};
use crate::formatter::FormatContext;
use crate::headers::{HeaderId, Headers};
use crate::http::stream_info::Protocol;
use crate::proto::service;
use crate::service_values::{header, text};

pub fn tcp(context: &FormatContext<'_>, told: &Told) -> service::TcpLogEntry {
    service::TcpLogEntry {
        common_properties: Some(common(context, told)),
        connection_properties: Some(service::LoggedConnection {
            received_bytes: context.info.bytes_received,
            sent_bytes: context.info.bytes_sent,
        }),
    }
}

pub fn http(context: &FormatContext<'_>, told: &Told) -> service::HttpLogEntry {
    let version = match context.info.protocol {
        None => 0,
        Some(Protocol::Http10) => 1,
        Some(Protocol::Http11) => 2,
        Some(Protocol::Http2) => 3,
    };
    service::HttpLogEntry {
        common_properties: Some(common(context, told)),
        protocol_version: version,
        request: Some(request(context, told)),
        response: Some(response(context, told)),
    }
}

fn request(context: &FormatContext<'_>, told: &Told) -> service::LoggedRequest {
    let info = context.info;
    let without = service::LoggedRequest {
        request_body_bytes: info.bytes_received,
        downstream_header_bytes_received: info.header_bytes_received,
        upstream_header_bytes_sent: info.upstream.header_bytes_sent,
        ..Default::default()
    };
    let Some(headers) = context.request else { return without };
    let method = headers.get_str(HeaderId::Method).unwrap_or_default();
    let method = service::RequestMethod::from_str_name(method).unwrap_or_default();
    service::LoggedRequest {
        request_method: method.into(),
        scheme: header(headers, HeaderId::Scheme),
        authority: header(headers, HeaderId::Authority),
        path: header(headers, HeaderId::Path),
        user_agent: header(headers, HeaderId::UserAgent),
        referer: header(headers, HeaderId::Referer),
        forwarded_for: header(headers, HeaderId::XForwardedFor),
        request_id: header(headers, HeaderId::XRequestId),
        original_path: header(headers, HeaderId::XEnvoyOriginalPath),
        request_headers_bytes: headers.byte_size() as u64,
        request_headers: logged(Some(headers), &told.request_headers),
        ..without
    }
}

fn response(context: &FormatContext<'_>, told: &Told) -> service::LoggedResponse {
    let info = context.info;
    let code = u32::from(info.response_code);
    service::LoggedResponse {
        response_code: (code > 0).then_some(service::UInt32 { value: code }),
        response_headers_bytes: context.response.map_or(0, |headers| headers.byte_size() as u64),
        response_body_bytes: info.bytes_sent,
        response_headers: logged(context.response, &told.response_headers),
        response_trailers: logged(context.trailers, &told.response_trailers),
        response_code_details: info.details.to_string(),
        upstream_header_bytes_received: info.upstream.header_bytes_received,
        downstream_header_bytes_sent: info.header_bytes_sent,
    }
}

/// Headers that are asked for; several of a name are one with commas.
fn logged(headers: Option<&Headers>, names: &[LoggedHeader]) -> BTreeMap<String, String> {
    let find = |wanted: &LoggedHeader| {
        let value = headers?.joined((&wanted.key).into())?;
        Some((wanted.name.clone(), text(&value).into_owned()))
    };
    names.iter().filter_map(find).collect()
}
