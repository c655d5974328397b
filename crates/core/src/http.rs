//! HTTP above the codecs.

pub mod body_format;
pub mod connection_manager;
pub mod date;
pub mod downstream;
pub mod exchange;
pub mod flags;
pub mod hop;
pub mod local_reply;
pub mod manager;
pub mod mutation;
pub mod mutation_list;
pub mod path;
pub mod permissions;
pub mod query_mutation;
pub mod redirects;
pub mod request_id;
pub mod scoped_routes;
pub mod server;
pub mod stream;
pub mod stream_info;
pub mod upgrade;
