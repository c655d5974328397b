//! SETTINGS (RFC 9113 section 6.5).

use crate::config::Config;
use crate::error::ConnectionError;
use crate::frame::{MAX_31_BITS, MAX_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE};

/// Identifiers of settings.
pub mod id {
    pub const HEADER_TABLE_SIZE: u16 = 1;
    pub const ENABLE_PUSH: u16 = 2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    pub const MAX_FRAME_SIZE: u16 = 5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
    /// RFC 8441.
    pub const ENABLE_CONNECT_PROTOCOL: u16 = 8;
}

/// A window until SETTINGS say otherwise.
pub const INITIAL_WINDOW: u32 = 65_535;

/// What the peer's SETTINGS say; the defaults of the RFC until they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    pub header_table_size: u32,
    pub enable_push: bool,
    pub max_concurrent_streams: u32,
    pub initial_window_size: u32,
    pub max_frame_size: u32,
    /// Advice only.
    pub max_header_list_size: u32,
    pub enable_connect_protocol: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            header_table_size: 4096,
            enable_push: true,
            max_concurrent_streams: u32::MAX,
            initial_window_size: INITIAL_WINDOW,
            max_frame_size: MIN_MAX_FRAME_SIZE,
            max_header_list_size: u32::MAX,
            enable_connect_protocol: false,
        }
    }
}

impl PeerSettings {
    /// Takes one setting. `of_server` says who sent it. Unknown ones are ignored.
    pub fn set(
        &mut self,
        identifier: u16,
        value: u32,
        of_server: bool,
    ) -> Result<(), ConnectionError> {
        let flag = |value| match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ConnectionError::InvalidSetting),
        };
        match identifier {
            id::HEADER_TABLE_SIZE => self.header_table_size = value,
            id::ENABLE_PUSH => {
                self.enable_push = flag(value)?;
                if of_server && self.enable_push {
                    return Err(ConnectionError::InvalidSetting);
                }
            }
            id::MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = value,
            id::INITIAL_WINDOW_SIZE if value > MAX_31_BITS => {
                return Err(ConnectionError::FlowControl)
            }
            id::INITIAL_WINDOW_SIZE => self.initial_window_size = value,
            id::MAX_FRAME_SIZE if (MIN_MAX_FRAME_SIZE..=MAX_MAX_FRAME_SIZE).contains(&value) => {
                self.max_frame_size = value;
            }
            id::MAX_FRAME_SIZE => return Err(ConnectionError::InvalidSetting),
            id::MAX_HEADER_LIST_SIZE => self.max_header_list_size = value,
            id::ENABLE_CONNECT_PROTOCOL => {
                let enable = flag(value)?;
                if self.enable_connect_protocol && !enable {
                    return Err(ConnectionError::InvalidSetting);
                }
                self.enable_connect_protocol = enable;
            }
            _ => {}
        }
        Ok(())
    }
}

/// What is sent: the settings that Envoy sends, in its order.
pub fn own(config: &Config, client: bool) -> impl Iterator<Item = (u16, u32)> + '_ {
    let frame_size = config.max_frame_size;
    client
        .then_some((id::ENABLE_PUSH, 0))
        .into_iter()
        .chain(config.custom_settings.iter().copied())
        .chain([
            (id::HEADER_TABLE_SIZE, config.hpack_table_size),
            (id::ENABLE_CONNECT_PROTOCOL, u32::from(config.allow_connect)),
            (id::MAX_CONCURRENT_STREAMS, config.max_concurrent_streams),
            (id::INITIAL_WINDOW_SIZE, config.initial_stream_window_size),
        ])
        .chain((frame_size != MIN_MAX_FRAME_SIZE).then_some((id::MAX_FRAME_SIZE, frame_size)))
}
