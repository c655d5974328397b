//! Options of HTTP/2 as the engine takes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lateen_http2::Config;

use super::fields;
use crate::clock;
use crate::http::manager::duration;
use crate::proto;
use crate::random::Random;

/// Bytes that may wait to be written before a stream waits with more.
const PENDING: usize = 64 * 1024;

/// Immutable, shared by all workers.
pub struct Http2Config {
    pub engine: Arc<Config>,
    pub keepalive: Option<Keepalive>,
}

/// Pings that find out whether the peer is still there (`connection_keepalive`).
#[derive(Clone, Copy)]
pub struct Keepalive {
    pub interval: Option<Duration>,
    pub timeout: Duration,
    /// Share of the interval that is added at random.
    pub jitter: f64,
    /// A connection that was idle for so long is tried when it is used again.
    pub idle_interval: Option<Duration>,
}

impl Keepalive {
    /// When the next ping is due, if any is.
    pub fn next_ping(&self, random: &Random) -> Option<Instant> {
        let interval = self.interval?;
        let most = (interval.as_millis() as f64 * self.jitter) as u64;
        let jitter = if most > 0 { random.below(most) } else { 0 };
        Some(clock::now() + interval + Duration::from_millis(jitter))
    }
}

impl Http2Config {
    /// `max_head_bytes` and `max_headers` limit what the peer sends.
    pub fn compile(
        message: &proto::Http2Options,
        max_head_bytes: usize,
        max_headers: usize,
    ) -> Arc<Self> {
        let custom = message.custom_settings.iter();
        let engine = Config {
            hpack_table_size: message.hpack_table_size,
            max_concurrent_streams: message.max_concurrent_streams,
            initial_stream_window_size: message.initial_stream_window_size,
            initial_connection_window_size: message.initial_connection_window_size,
            allow_connect: message.allow_connect,
            allow_metadata: message.allow_metadata,
            max_metadata_size: message.max_metadata_size as usize,
            max_outbound_frames: message.max_outbound_frames,
            max_outbound_control_frames: message.max_outbound_control_frames,
            max_consecutive_inbound_frames_with_empty_payload: message
                .max_consecutive_inbound_frames_with_empty_payload,
            max_inbound_priority_frames_per_stream: message.max_inbound_priority_frames_per_stream,
            max_inbound_window_update_frames_per_data_frame_sent: message
                .max_inbound_window_update_frames_per_data_frame_sent,
            stream_error_on_invalid_http_message: message.stream_error_on_invalid_http_message,
            custom_settings: custom.map(|s| (s.identifier as u16, s.value)).collect(),
            max_header_bytes: max_head_bytes,
            max_header_count: max_headers,
            max_pending_output: PENDING,
            huffman: message.huffman,
            classify: fields::classify,
            ..Config::default()
        };
        let keepalive = message.keepalive.as_ref().map(|keepalive| Keepalive {
            interval: duration(keepalive.interval_ms),
            timeout: Duration::from_millis(keepalive.timeout_ms),
            jitter: keepalive.jitter_percent / 100.0,
            idle_interval: duration(keepalive.idle_interval_ms),
        });
        Arc::new(Self { engine: Arc::new(engine), keepalive })
    }
}
