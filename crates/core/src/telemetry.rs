//! What a worker tells others of requests and connections, beside files.

pub mod batch;
pub mod custom_tag;
pub mod deliveries;
pub mod pause;
