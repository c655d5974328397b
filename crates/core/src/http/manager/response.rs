//! What the connection manager does to a response before it is written.

use std::time::SystemTime;

use super::request::append_list;
use super::ManagerConfig;
use crate::headers::{HeaderId, Headers};
use crate::http::date::DateCache;
use crate::http::hop;
use crate::proto::http_connection_manager::ServerHeader;

/// Changes the headers of a response, from upstream or local, in Envoy's order.
pub fn finish(
    config: &ManagerConfig,
    headers: &mut Headers,
    request: &Headers,
    upgrade: bool,
    date: &DateCache,
    now: SystemTime,
) {
    hop::strip_response(headers, upgrade);
    if config.adds_date && !headers.contains(HeaderId::Date) {
        date.with(now, |text| headers.append(HeaderId::Date, text.as_bytes()));
    }
    match config.server_header {
        ServerHeader::Overwrite => headers.set(HeaderId::Server, &config.server_name),
        ServerHeader::AppendIfAbsent if !headers.contains(HeaderId::Server) => {
            headers.append(HeaderId::Server, &config.server_name);
        }
        _ => {}
    }
    if config.request_id_in_response || request.contains(HeaderId::XEnvoyForceTrace) {
        if let Some(id) = request.get(HeaderId::XRequestId) {
            headers.set(HeaderId::XRequestId, id);
        }
    }
    if let Some(via) = &config.via {
        append_list(headers, HeaderId::Via, via, b", ");
    }
}
