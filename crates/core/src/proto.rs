//! The messages of the schemas in proto/.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/lateen.worker.v1.rs"));

/// What authorization services are asked and answer: proto/services/ext_authz.proto.
pub mod auth {
    include!(concat!(env!("OUT_DIR"), "/lateen.service.auth.v1.rs"));
}
