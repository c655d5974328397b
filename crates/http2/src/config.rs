//! How a connection behaves: the fields of `envoy.config.core.v3.Http2ProtocolOptions`, and limits on messages.

use crate::frame::MIN_MAX_FRAME_SIZE;

/// What connections of one listener or cluster have in common. The defaults are Envoy's.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes of the dynamic table, of either direction.
    pub hpack_table_size: u32,
    /// Streams that the peer may have open at a time: more are refused. Also those that a client opens.
    pub max_concurrent_streams: u32,
    /// Bytes of body that the peer may send on a stream before they are released.
    pub initial_stream_window_size: u32,
    /// The same of all streams together; below 65535 has no effect.
    pub initial_connection_window_size: u32,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL, and `:protocol` is taken (RFC 8441).
    pub allow_connect: bool,
    /// METADATA frames of Envoy are taken; otherwise they are skipped like any unknown frame.
    pub allow_metadata: bool,
    /// Bytes of names and values of one block of metadata.
    pub max_metadata_size: usize,
    /// Frames that may wait to be written.
    pub max_outbound_frames: u32,
    /// The same of answers to PING and SETTINGS, and of RST_STREAM.
    pub max_outbound_control_frames: u32,
    /// HEADERS, CONTINUATION and DATA in a row that carry nothing and end nothing.
    pub max_consecutive_inbound_frames_with_empty_payload: u32,
    /// PRIORITY frames for each stream that was opened, and as many before the first.
    pub max_inbound_priority_frames_per_stream: u32,
    /// WINDOW_UPDATE frames for each DATA frame sent.
    pub max_inbound_window_update_frames_per_data_frame_sent: u32,
    /// A malformed message resets its stream instead of ending the connection
    /// (`override_stream_error_on_invalid_http_message`, or the deprecated field).
    pub stream_error_on_invalid_http_message: bool,
    /// Settings that are sent before those of the fields above: identifier and value.
    pub custom_settings: Vec<(u16, u32)>,
    /// Bytes of names and values of one message's head or trailers (`max_request_headers_kb`).
    pub max_header_bytes: usize,
    /// Fields of one message's head or trailers (`max_headers_count`).
    pub max_header_count: usize,
    /// The longest frame taken: 16384 to 16777215.
    pub max_frame_size: u32,
    /// Bytes that may wait to be written before `send_data` takes no more.
    pub max_pending_output: usize,
    /// A value may start and end with white space, which RFC 9113 section 8.2.1 forbids and Envoy lets pass.
    pub allow_space_around_values: bool,
    /// Strings are sent in the Huffman code where that is shorter.
    pub huffman: bool,
    /// Number of a name that is not in the static table, as the caller counts names; asked for once for each
    /// entry of a dynamic table.
    pub classify: fn(&[u8]) -> u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hpack_table_size: 4096,
            max_concurrent_streams: 1024,
            initial_stream_window_size: 16 * 1024 * 1024,
            initial_connection_window_size: 24 * 1024 * 1024,
            allow_connect: false,
            allow_metadata: false,
            max_metadata_size: 1024 * 1024,
            max_outbound_frames: 10_000,
            max_outbound_control_frames: 1000,
            max_consecutive_inbound_frames_with_empty_payload: 1,
            max_inbound_priority_frames_per_stream: 100,
            max_inbound_window_update_frames_per_data_frame_sent: 10,
            stream_error_on_invalid_http_message: false,
            custom_settings: Vec::new(),
            max_header_bytes: 60 * 1024,
            max_header_count: 100,
            max_frame_size: MIN_MAX_FRAME_SIZE,
            max_pending_output: 256 * 1024,
            allow_space_around_values: true,
            huffman: true,
            classify: |_| 0,
        }
    }
}
