//! The HTTP connection manager: what a listener's filter chain says of the requests it takes.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto>

mod client_cert;
pub mod request;
pub mod response;
pub mod trust;

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::access_log::{AccessLog, Sinks};
use crate::compile::{each, At, Result};
use crate::filters::Filter;
use crate::http::local_reply::LocalReplies;
use crate::http::scoped_routes::ScopedRoutes;
use crate::http::upgrade::Upgrades;
use crate::http1::encode::HeaderCase;
use crate::http1::request::RequestLimits;
use crate::http2::config::Http2Config;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::http_connection_manager::{
    CodecType, EscapedSlashes, ForwardClientCert, ServerHeader, StripPort, Underscores,
};
use crate::tracing::Tracing;
use crate::worker::Worker;

pub use trust::InternalAddresses;

/// Milliseconds of a message as a duration; 0 is none.
pub(crate) fn duration(milliseconds: u64) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

pub struct Timeouts {
    pub idle: Option<Duration>,
    pub max_connection: Option<Duration>,
    pub stream_idle: Option<Duration>,
    pub request: Option<Duration>,
    pub request_headers: Option<Duration>,
    pub drain: Duration,
    pub delayed_close: Duration,
    pub max_stream: Option<Duration>,
}

/// Immutable, shared by all workers.
pub struct ManagerConfig {
    pub stat_prefix: String,
    pub stats_block: u32,
    pub listener_stats_block: u32,
    pub route_table: Arc<str>,
    pub scoped_routes: Option<ScopedRoutes>,
    pub filters: Vec<Filter>,
    /// Some of them may tell of requests that are over.
    pub tells: bool,
    pub access_logs: Vec<AccessLog>,
    pub log_on_new_request: bool,
    pub timeouts: Timeouts,
    pub codec: CodecType,
    pub limits: RequestLimits,
    pub http2: Arc<Http2Config>,
    pub max_requests_per_connection: u64,
    /// How much of a request's body is kept for a retry, in bytes, where no route says.
    pub buffer_limit: usize,
    pub use_remote_address: bool,
    pub xff_trusted_hops: usize,
    pub skip_xff_append: bool,
    pub via: Option<Box<[u8]>>,
    /// This machine's address, which stands for clients on the machine itself in x-forwarded-for.
    pub local_address: IpAddr,
    pub server_name: Box<[u8]>,
    pub server_header: ServerHeader,
    /// Responses without a date get one.
    pub adds_date: bool,
    pub generate_request_id: bool,
    pub preserve_external_request_id: bool,
    pub request_id_in_response: bool,
    /// Request ids tell why their requests are traced.
    pub packs_trace_reason: bool,
    pub strip_port: StripPort,
    pub strip_trailing_host_dot: bool,
    pub normalize_path: bool,
    pub merge_slashes: bool,
    pub escaped_slashes: EscapedSlashes,
    pub underscores: Underscores,
    pub add_user_agent: bool,
    pub service_cluster: Box<[u8]>,
    pub service_node: Box<[u8]>,
    pub internal_addresses: InternalAddresses,
    pub forward_client_cert: ForwardClientCert,
    pub client_cert_details: proto::ClientCertDetails,
    pub proxy_100_continue: bool,
    pub local_replies: LocalReplies,
    pub header_case: HeaderCase,
    pub http1_trailers: bool,
    pub scheme_overwrite: Option<Box<[u8]>>,
    /// `:scheme` tells how the upstream is spoken to.
    pub scheme_match_upstream: bool,
    pub append_x_forwarded_port: bool,
    pub stream_error_on_invalid_message: bool,
    pub upgrades: Upgrades,
    pub log_on_tunnel: bool,
    pub bypass_overload: bool,
    /// Answers say that they are given because resources are short.
    pub append_local_overload: bool,
    /// None: nothing is traced.
    pub tracing: Option<Tracing>,
}

fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn some(text: &str) -> Option<Box<[u8]>> {
    (!text.is_empty()).then(|| bytes(text))
}

fn timeouts(message: &proto::HttpConnectionManager) -> Timeouts {
    Timeouts {
        idle: duration(message.idle_timeout_ms),
        max_connection: duration(message.max_connection_duration_ms),
        stream_idle: duration(message.stream_idle_timeout_ms),
        request: duration(message.request_timeout_ms),
        request_headers: duration(message.request_headers_timeout_ms),
        drain: Duration::from_millis(message.drain_timeout_ms),
        delayed_close: Duration::from_millis(message.delayed_close_timeout_ms),
        max_stream: duration(message.max_stream_duration_ms),
    }
}

fn limits(message: &proto::HttpConnectionManager) -> RequestLimits {
    let http1 = message.http1.clone().unwrap_or_default();
    RequestLimits {
        max_head_bytes: message.max_request_headers_bytes as usize,
        max_headers: message.max_headers_count as usize,
        accept_http_10: http1.accept_http_10,
        allow_absolute_url: http1.allow_absolute_url,
        allow_chunked_length: http1.allow_chunked_length,
        allow_custom_methods: http1.allow_custom_methods,
        default_host: some(&http1.default_host_for_http_10),
        https_needs_tls: message.use_remote_address && message.xff_num_trusted_hops == 0,
        preserve_case: header_case(Some(&http1)) == HeaderCase::Preserve,
    }
}

pub(crate) fn header_case(http1: Option<&proto::Http1Options>) -> HeaderCase {
    match http1.map(proto::Http1Options::header_case) {
        Some(proto::http1_options::HeaderCase::Proper) => HeaderCase::Proper,
        Some(proto::http1_options::HeaderCase::Preserve) => HeaderCase::Preserve,
        _ => HeaderCase::Lower,
    }
}

impl ManagerConfig {
    /// Begins what its filters do beside requests. Once they have, it changes nothing.
    pub fn start(&self, worker: &Rc<Worker>) {
        let filters = self.filters.iter().chain(self.upgrades.all_filters());
        filters.for_each(|filter| filter.step.start(worker));
    }

    /// A client's first bytes tell which protocol it speaks.
    pub fn detects_http2(&self) -> bool {
        self.codec == CodecType::Auto
    }

    pub fn compile(
        message: &proto::HttpConnectionManager,
        sinks: &Sinks,
        regexes: &Regexes,
    ) -> Result<Self> {
        let filters = each(&message.http_filters, "http_filters", |filter| {
            Filter::compile(filter, sinks, regexes)
        })?;
        let upgrades = Upgrades::compile(&message.upgrades, sinks, regexes)?;
        let tells = filters.iter().chain(upgrades.all_filters()).any(|it| it.step.tells());
        Ok(Self {
            tells,
            filters,
            access_logs: each(&message.access_logs, "access_logs", |log| {
                AccessLog::compile(log, sinks)
            })?,
            upgrades,
            tracing: message
                .tracing
                .as_ref()
                .map(|it| Tracing::compile(it, message.pack_trace_reason))
                .transpose()
                .at("tracing")?,
            ..Self::bare(message)?
        })
    }

    /// What requests of the proxy's own are under: they change nothing in responses, trailers included, and have
    /// no timeout but their own. `kept`: how many bytes of a body are kept for a retry.
    pub fn of_own_requests(kept: u32) -> Result<Self> {
        let bare = Self::bare(&proto::HttpConnectionManager {
            server_header_transformation: ServerHeader::PassThrough.into(),
            http1: Some(proto::Http1Options { enable_trailers: true, ..Default::default() }),
            per_connection_buffer_limit_bytes: kept,
            ..Default::default()
        })?;
        Ok(Self { adds_date: false, ..bare })
    }

    /// All but the filters and logs.
    fn bare(message: &proto::HttpConnectionManager) -> Result<Self> {
        let http1 = message.http1.clone().unwrap_or_default();
        Ok(Self {
            stat_prefix: message.stat_prefix.clone(),
            stats_block: message.stats_block,
            listener_stats_block: message.listener_stats_block,
            route_table: message.route_table.as_str().into(),
            scoped_routes: message.scoped_routes.as_ref().map(ScopedRoutes::compile),
            filters: Vec::new(),
            tells: false,
            access_logs: Vec::new(),
            log_on_new_request: message.flush_access_log_on_new_request,
            log_on_tunnel: message.flush_access_log_on_tunnel,
            bypass_overload: message.bypass_overload_manager,
            append_local_overload: message.append_local_overload,
            upgrades: Upgrades::default(),
            tracing: None,
            timeouts: timeouts(message),
            codec: message.codec_type(),
            limits: limits(message),
            http2: Http2Config::compile(
                &message.http2.clone().unwrap_or_default(),
                message.max_request_headers_bytes as usize,
                message.max_headers_count as usize,
            ),
            buffer_limit: message.per_connection_buffer_limit_bytes as usize,
            max_requests_per_connection: message.max_requests_per_connection.into(),
            use_remote_address: message.use_remote_address,
            xff_trusted_hops: message.xff_num_trusted_hops as usize,
            skip_xff_append: message.skip_xff_append,
            via: some(&message.via),
            local_address: crate::sys::local_ipv4().unwrap_or(Ipv4Addr::LOCALHOST).into(),
            server_name: bytes(&message.server_name),
            server_header: message.server_header_transformation(),
            adds_date: true,
            generate_request_id: message.generate_request_id,
            preserve_external_request_id: message.preserve_external_request_id,
            request_id_in_response: message.always_set_request_id_in_response,
            packs_trace_reason: message.pack_trace_reason,
            strip_port: message.strip_port(),
            strip_trailing_host_dot: message.strip_trailing_host_dot,
            normalize_path: message.normalize_path,
            merge_slashes: message.merge_slashes,
            escaped_slashes: message.escaped_slashes(),
            underscores: message.headers_with_underscores(),
            add_user_agent: message.add_user_agent,
            service_cluster: bytes(&message.service_cluster),
            service_node: bytes(&message.service_node),
            internal_addresses: InternalAddresses::compile(message).at("internal_addresses")?,
            forward_client_cert: message.forward_client_cert(),
            client_cert_details: message.client_cert_details.unwrap_or_default(),
            proxy_100_continue: message.proxy_100_continue,
            local_replies: LocalReplies::compile(&message.local_reply.clone().unwrap_or_default())
                .at("local_reply")?,
            header_case: header_case(Some(&http1)),
            http1_trailers: http1.enable_trailers,
            scheme_overwrite: some(&message.scheme_overwrite),
            scheme_match_upstream: message.scheme_match_upstream,
            append_x_forwarded_port: message.append_x_forwarded_port,
            stream_error_on_invalid_message: message.stream_error_on_invalid_http_message
                || http1.stream_error_on_invalid_http_message,
        })
    }
}
