//! The filter `istio.alpn`: what the connection to a cluster of the mesh offers by ALPN.
//! Source: `contrib/istio/filters/http/alpn` of Envoy.

use std::sync::Arc;

use serde_json::Value;

use crate::http::stream::Stream;
use crate::proto;
use crate::proto::cluster::UpstreamProtocol;
use crate::upstream::ClusterConfig;

pub struct IstioAlpn {
    http1: Option<Arc<[String]>>,
    http2: Option<Arc<[String]>>,
}

impl IstioAlpn {
    pub fn compile(message: &proto::IstioAlpnFilter) -> Self {
        let names = |names: &[String]| (!names.is_empty()).then(|| Arc::from(names));
        Self { http1: names(&message.http1), http2: names(&message.http2) }
    }

    pub fn request(&self, stream: &mut Stream) {
        let Some(cluster) = &stream.cluster else { return };
        let config = cluster.config();
        if !opts_out(config) {
            let names = match speaks_http2(config, stream.is_http2()) {
                true => &self.http2,
                false => &self.http1,
            };
            stream.alpn.clone_from(names);
        }
    }
}

/// The metadata of the cluster says that its connections offer what it says itself.
fn opts_out(config: &ClusterConfig) -> bool {
    let says = config.metadata.as_ref().and_then(|it| it.pointer("/istio/alpn_override"));
    says.and_then(Value::as_str) == Some("false")
}

/// HTTP/2 is the first that the cluster is spoken to in.
fn speaks_http2(config: &ClusterConfig, downstream: bool) -> bool {
    match config.protocol {
        UpstreamProtocol::Http1 => false,
        UpstreamProtocol::Http2 | UpstreamProtocol::Auto => true,
        UpstreamProtocol::Downstream => downstream,
    }
}
