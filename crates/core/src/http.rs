//! HTTP above the codecs.

pub mod flags;
pub mod local_reply;
pub mod mutation;
pub mod mutation_list;
pub mod path;
pub mod stream_info;
