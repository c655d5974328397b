//! HTTP above the codecs.

pub mod flags;
pub mod stream_info;
