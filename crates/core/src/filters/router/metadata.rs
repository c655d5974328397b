//! Metadata (Envoy's METADATA frames) between the client and the upstream.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto>, allow_metadata

use super::attempt::Upstream;
use super::wire::Wire;
use crate::http::downstream::Downstream;
use crate::http::stream::Stream;
use crate::proto::{ClusterStat, ProcessStat};

/// The head of the request was sent: what the client has to say goes after it.
pub fn pass_to_upstream(down: &dyn Downstream, up: &Upstream) {
    let Some(from) = down.metadata() else { return };
    match &up.wire {
        Wire::Http1(_) => {
            let stat = ClusterStat::ClusterHttp1MetadataNotSupportedError;
            from.refuse(up.cluster.block(), stat);
        }
        Wire::Http2(wire) => from.pass_to(wire.metadata()),
        Wire::Tcp(_) => from.pass_to(None),
    }
}

/// The same for the response.
pub fn pass_to_client(stream: &Stream, up: &mut Upstream, down: &dyn Downstream) {
    if std::mem::replace(&mut up.metadata_passed, true) {
        return;
    }
    let Wire::Http2(wire) = &up.wire else { return };
    let Some(from) = wire.metadata() else { return };
    match stream.is_http2() {
        true => from.pass_to(down.metadata()),
        false => {
            let stat = ProcessStat::ProcessHttp1MetadataNotSupportedError;
            from.refuse(&stream.worker.process, stat);
        }
    }
}
