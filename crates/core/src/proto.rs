//! The messages of proto/worker.proto and proto/worker_stats.proto.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/lateen.worker.v1.rs"));
