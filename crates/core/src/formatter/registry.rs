//! Which commands exist: one line each.

use super::address::{AddressOf, AddressPart};
use super::coalesce::Coalesce;
use super::common_duration::CommonDuration;
use super::facts::FACTS;
use super::grpc::GrpcStatus;
use super::header::{Block, HeaderValue};
use super::metadata::{MetadataOf, MetadataPath};
use super::operator::Operator;
use super::path::{Path, QueryParam, QueryParams};
use super::security::SECURITY;
use super::server_name::ServerName;
use super::state::FilterState;
use super::time::{Bound, Peer, TimeOf};
use super::xfcc::XfccValue;
use crate::compile::{CompileError, Result};

/// What protocols before HTTP/3 never have, and session ids, which rustls does not tell.
const ABSENT: &[&str] = &[
    "DOWNSTREAM_TLS_SESSION_ID",
    "ROUNDTRIP_DURATION",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_LOCAL_CLOSE_REASON",
    "UPSTREAM_TLS_SESSION_ID",
];

/// (prefix of the commands, whose address): PREFIX_ADDRESS, PREFIX_ADDRESS_WITHOUT_PORT,
/// PREFIX_ADDRESS_ENDPOINT_ID and PREFIX_PORT.
const ADDRESSES: &[(&str, AddressOf)] = &[
    ("DOWNSTREAM_REMOTE", AddressOf::DownstreamRemote),
    ("DOWNSTREAM_DIRECT_REMOTE", AddressOf::DownstreamDirectRemote),
    ("DOWNSTREAM_LOCAL", AddressOf::DownstreamLocal),
    ("DOWNSTREAM_DIRECT_LOCAL", AddressOf::DownstreamDirectLocal),
    ("UPSTREAM_REMOTE", AddressOf::UpstreamRemote),
    ("UPSTREAM_LOCAL", AddressOf::UpstreamLocal),
];

type Compile = fn(&str) -> Result<Operator>;

/// Commands that must have an argument.
const WITH_ARGUMENT: &[(&str, Compile)] = &[
    ("CLUSTER_METADATA", |a| Ok(metadata(MetadataOf::Cluster, a))),
    ("COALESCE", |a| Coalesce::compile(a).map(Operator::Coalesce)),
    ("COMMON_DURATION", |a| CommonDuration::compile(a).map(Operator::CommonDuration)),
    ("DYNAMIC_METADATA", |a| Ok(metadata(MetadataOf::Dynamic, a))),
    ("ENVIRONMENT", |a| Ok(fixed(std::env::var(a).unwrap_or_else(|_| "-".to_owned())))),
    ("FILTER_STATE", |a| FilterState::compile(a).map(Operator::FilterState)),
    ("METADATA", |a| MetadataPath::compile(a).map(Operator::Metadata)),
    ("QUERY_PARAM", |a| Ok(Operator::QueryParam(QueryParam::compile(a)))),
    ("REQ", |a| header(Block::Request, a)),
    ("REQUEST_HEADER", |a| header(Block::Request, a)),
    ("REQ_WITHOUT_QUERY", |a| HeaderValue::compile_without_query(a).map(Operator::Header)),
    ("RESP", |a| header(Block::Response, a)),
    ("RESPONSE_HEADER", |a| header(Block::Response, a)),
    ("RESPONSE_TRAILER", |a| header(Block::Trailers, a)),
    ("STREAM_INFO_REQ", |a| header(Block::Request, a)),
    ("TRAILER", |a| header(Block::Trailers, a)),
    ("UPSTREAM_METADATA", |a| Ok(metadata(MetadataOf::UpstreamHost, a))),
    ("XFCC_VALUE", |a| XfccValue::compile(a).map(Operator::XfccValue)),
];

/// Commands whose argument may be left out, which means the empty text.
const WITH_OPTIONAL_ARGUMENT: &[(&str, Compile)] = &[
    ("DOWNSTREAM_PEER_CERT_V_END", |a| certificate_time(Peer::Downstream, Bound::End, a)),
    ("DOWNSTREAM_PEER_CERT_V_START", |a| certificate_time(Peer::Downstream, Bound::Start, a)),
    ("EMIT_TIME", |a| TimeOf::emit(a, false).map(Operator::Time)),
    ("EMIT_TIME_LOCAL", |a| TimeOf::emit(a, true).map(Operator::Time)),
    ("GRPC_STATUS", |a| GrpcStatus::compile(a).map(Operator::GrpcStatus)),
    ("GRPC_STATUS_NUMBER", |_| Ok(Operator::GrpcStatus(GrpcStatus::Number))),
    ("HOSTNAME", |_| Ok(fixed(crate::sys::hostname()))),
    ("PATH", |a| Path::compile(a).map(Operator::Path)),
    ("QUERY_PARAMS", |a| QueryParams::compile(a).map(Operator::QueryParams)),
    ("REQUESTED_SERVER_NAME", |a| ServerName::compile(a).map(Operator::ServerName)),
    ("RESPONSE_CODE_DETAILS", |a| {
        Ok(Operator::Details { allow_whitespaces: a == "ALLOW_WHITESPACES" })
    }),
    ("START_TIME", |a| TimeOf::start(a, false).map(Operator::Time)),
    ("START_TIME_LOCAL", |a| TimeOf::start(a, true).map(Operator::Time)),
    ("UPSTREAM_PEER_CERT_V_END", |a| certificate_time(Peer::Upstream, Bound::End, a)),
    ("UPSTREAM_PEER_CERT_V_START", |a| certificate_time(Peer::Upstream, Bound::Start, a)),
];

fn header(block: Block, argument: &str) -> Result<Operator> {
    HeaderValue::compile(block, argument).map(Operator::Header)
}

fn metadata(of: MetadataOf, argument: &str) -> Operator {
    Operator::Metadata(MetadataPath::of(of, argument))
}

fn certificate_time(peer: Peer, bound: Bound, argument: &str) -> Result<Operator> {
    TimeOf::certificate(peer, bound, argument).map(Operator::Time)
}

fn fixed(text: String) -> Operator {
    Operator::Fixed(text.into_bytes().into())
}

/// The operator of a command.
pub fn operator(name: &str, argument: Option<&str>) -> Result<Operator> {
    if let Some((_, fact)) = FACTS.iter().chain(SECURITY).find(|entry| entry.0 == name) {
        return match argument {
            None => Ok(Operator::Fact(*fact)),
            Some(_) => Err(CompileError::new(format!("{name} does not take any parameters"))),
        };
    }
    if let Some((_, compile)) = WITH_OPTIONAL_ARGUMENT.iter().find(|entry| entry.0 == name) {
        return compile(argument.unwrap_or(""));
    }
    if let Some((_, compile)) = WITH_ARGUMENT.iter().find(|entry| entry.0 == name) {
        return match argument {
            Some(argument) if !argument.is_empty() => compile(argument),
            _ => Err(CompileError::new(format!("{name} requires parameters"))),
        };
    }
    if ABSENT.contains(&name) {
        return Ok(Operator::Fact(|_, _| super::Rendered::Absent));
    }
    address(name, argument)
        .ok_or_else(|| CompileError::new(format!("the command {name} is not supported")))
}

fn address(name: &str, argument: Option<&str>) -> Option<Operator> {
    ADDRESSES.iter().find_map(|(prefix, of)| {
        let part = match name.strip_prefix(prefix)? {
            "_ADDRESS" => AddressPart::Whole,
            "_ADDRESS_ENDPOINT_ID" => AddressPart::EndpointId,
            "_ADDRESS_WITHOUT_PORT" => AddressPart::host(argument),
            "_PORT" => AddressPart::Port,
            _ => return None,
        };
        Some(Operator::Address(*of, part))
    })
}
