//! Counters: what Envoy counts under `http2.`, and the limits against peers that send much and cost more.

use crate::config::Config;
use crate::frame::kind;

/// What a peer sent too many of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flood {
    /// HEADERS, CONTINUATION or DATA without payload in a row.
    EmptyFrames,
    PriorityFrames,
    WindowUpdateFrames,
    /// Frames wait to be written that the peer does not read.
    Outbound,
    /// The same of answers to PING and SETTINGS, and of RST_STREAM.
    OutboundControl,
    /// A header block of too many CONTINUATION frames or bytes.
    Continuation,
}

impl Flood {
    /// `%RESPONSE_CODE_DETAILS%` of the streams that end with the connection.
    pub fn details(self) -> &'static str {
        match self {
            Self::EmptyFrames => "http2.inbound_empty_frames_flood",
            Self::PriorityFrames => "http2.inbound_priority_frames_flood",
            Self::WindowUpdateFrames => "http2.inbound_window_update_frames_flood",
            Self::Outbound | Self::OutboundControl => "http2.outbound_frames_flood",
            Self::Continuation => "http2.too_many_headers",
        }
    }
}

/// Events since they were last taken, named as Envoy's statistics under `http2.` where they have a name there.
/// What only the caller can see is not among them: `keepalive_timeout`, `tx_flush_timeout` and the
/// counters of `headers_with_underscores_action` ([`crate::Field::underscore`]).
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counters {
    /// RST_STREAM received.
    pub rx_reset: u32,
    /// RST_STREAM sent, for whatever reason.
    pub tx_reset: u32,
    /// Messages with too many fields.
    pub header_overflow: u32,
    /// Messages with fields that are too large.
    pub header_list_size_too_large: u32,
    /// HEADERS of streams that were reset before.
    pub headers_cb_no_stream: u32,
    /// Malformed messages.
    pub rx_messaging_error: u32,
    pub inbound_empty_frames_flood: u32,
    pub inbound_priority_frames_flood: u32,
    pub inbound_window_update_frames_flood: u32,
    pub outbound_flood: u32,
    pub outbound_control_flood: u32,
    /// Connections closed for a header block of too many frames or bytes; Envoy's library closes them too and
    /// counts nothing.
    pub continuation_flood: u32,
    /// Trailers received.
    pub trailers: u32,
    pub metadata_empty_frames: u32,
    /// Streams over the limit.
    pub stream_refused_errors: u32,
    /// GOAWAY sent that name the last stream, but for those that tell of an error.
    pub goaway_sent: u32,
    /// RST_STREAM that the peer caused by a frame that it must not send, so that a request starts and is reset
    /// at no cost to it ("MadeYouReset"); the caller bounds them as it bounds resets by the peer.
    pub provoked_resets: u32,
}

/// Bytes of a body that a peer may acknowledge by themselves.
const SHORT_MESSAGE: usize = 64;

/// Frames received, against frames that give reason for them.
#[derive(Default)]
pub struct Inbound {
    empty_in_a_row: u32,
    priority: u64,
    window_update: u64,
    streams: u64,
    data_sent: u64,
}

impl Inbound {
    pub fn stream_opened(&mut self) {
        self.streams += 1;
    }

    /// Notes a DATA frame. Many short messages in one are as good as many frames: peers that acknowledge message
    /// by message, as gRPC's do, answer each.
    pub fn data_sent(&mut self, bytes: usize) {
        self.data_sent += 1 + (bytes / SHORT_MESSAGE) as u64;
    }

    /// Counts a frame; `empty` when it is without payload beside padding and ends no stream.
    pub fn frame(&mut self, kind: u8, empty: bool, config: &Config) -> Result<(), Flood> {
        match kind {
            kind::DATA | kind::HEADERS | kind::CONTINUATION => {
                self.empty_in_a_row = if empty { self.empty_in_a_row + 1 } else { 0 };
                if self.empty_in_a_row > config.max_consecutive_inbound_frames_with_empty_payload {
                    return Err(Flood::EmptyFrames);
                }
            }
            kind::PRIORITY => {
                self.priority += 1;
                let each = u64::from(config.max_inbound_priority_frames_per_stream);
                if self.priority > each.saturating_mul(1 + self.streams) {
                    return Err(Flood::PriorityFrames);
                }
            }
            kind::WINDOW_UPDATE => {
                self.window_update += 1;
                let each = config.max_inbound_window_update_frames_per_data_frame_sent;
                let reason = self.streams + u64::from(each).saturating_mul(self.data_sent);
                if self.window_update > 5 + 2 * reason {
                    return Err(Flood::WindowUpdateFrames);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Counters {
    pub(crate) fn flood(&mut self, flood: Flood) {
        let counter = match flood {
            Flood::EmptyFrames => &mut self.inbound_empty_frames_flood,
            Flood::PriorityFrames => &mut self.inbound_priority_frames_flood,
            Flood::WindowUpdateFrames => &mut self.inbound_window_update_frames_flood,
            Flood::Outbound => &mut self.outbound_flood,
            Flood::OutboundControl => &mut self.outbound_control_flood,
            Flood::Continuation => &mut self.continuation_flood,
        };
        *counter += 1;
    }
}
