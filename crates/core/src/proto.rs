//! The messages of the schemas in proto/.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/lateen.worker.v1.rs"));

/// What services are asked and answer: proto/services/.
pub mod service {
    include!(concat!(env!("OUT_DIR"), "/lateen.service.v1.rs"));
}
