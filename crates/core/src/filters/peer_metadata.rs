//! The peer metadata filter: each side says in headers who it is.
//! Source: `contrib/istio/filters/http/peer_metadata` of Envoy.

use std::sync::Arc;

use serde_json::Value;

use crate::compile::{CompileError, Result};
use crate::headers::{Headers, Key};
use crate::http::stream::Stream;
use crate::http::stream_info::StreamInfo;
use crate::mesh::{Labels, Peer, PeerCache};
use crate::proto;
use crate::proto::peer_metadata_filter::Discovery;

const ID: Key<'static> = Key::Other(b"x-envoy-peer-metadata-id");
const METADATA: Key<'static> = Key::Other(b"x-envoy-peer-metadata");
const BAGGAGE: Key<'static> = Key::Other(b"baggage");

pub struct PeerMetadata {
    downstream_discovery: Vec<Discovery>,
    upstream_discovery: Vec<Discovery>,
    downstream_propagation: Vec<Propagation>,
    upstream_propagation: Vec<Propagation>,
    labels: Labels,
}

enum Propagation {
    Headers { id: String, metadata: String, skip_external: bool },
    Baggage(String),
}

/// Who is at the other end, and in which headers it said so.
#[derive(Default)]
struct Discovered {
    peer: Option<Arc<Peer>>,
    with_id: bool,
    with_metadata: bool,
}

impl PeerMetadata {
    /// # Errors
    /// A way to discover a peer that there is not.
    pub fn compile(message: &proto::PeerMetadataFilter) -> Result<Self> {
        let methods = |numbers: &[i32]| -> Result<Vec<_>> {
            let method = |&number| {
                Discovery::try_from(number)
                    .map_err(|_| CompileError::new(format!("there is no discovery {number}")))
            };
            numbers.iter().map(method).collect()
        };
        let propagation = |messages: &[_]| messages.iter().map(Propagation::compile).collect();
        Ok(Self {
            downstream_discovery: methods(&message.downstream_discovery)?,
            upstream_discovery: methods(&message.upstream_discovery)?,
            downstream_propagation: propagation(&message.downstream_propagation),
            upstream_propagation: propagation(&message.upstream_propagation),
            labels: Labels::new(&message.additional_labels),
        })
    }

    pub fn request(&self, stream: &mut Stream) {
        let known = &stream.worker.peers;
        let found = self.discover(&self.downstream_discovery, known, &mut stream.request);
        let peers = &mut stream.info.peers;
        peers.asked_by_id |= found.with_id;
        peers.asked_by_metadata |= found.with_metadata;
        if peers.downstream.is_none() {
            peers.downstream = found.peer;
        }
        for propagation in &self.upstream_propagation {
            propagation.inject(&stream.info, &mut stream.request, (true, true));
        }
    }

    pub fn response(&self, stream: &mut Stream) {
        let known = &stream.worker.peers;
        let found = self.discover(&self.upstream_discovery, known, &mut stream.response);
        let peers = &mut stream.info.peers;
        if peers.upstream.is_none() {
            peers.upstream = found.peer;
        }
        let asked = (peers.asked_by_id, peers.asked_by_metadata);
        for propagation in &self.downstream_propagation {
            propagation.inject(&stream.info, &mut stream.response, asked);
        }
    }

    /// The first method that finds somebody counts. What only proxies are to see does not go on.
    fn discover(&self, methods: &[Discovery], known: &PeerCache, from: &mut Headers) -> Discovered {
        let mut found = Discovered::default();
        for method in methods {
            match method {
                Discovery::IstioHeaders => {
                    found.with_id = from.contains(ID);
                    let metadata = from.get(METADATA);
                    found.with_metadata = metadata.is_some();
                    let metadata = metadata.filter(|value| !value.is_empty());
                    found.peer = metadata.and_then(|value| known.of_header(value, &self.labels));
                }
                Discovery::Baggage => {
                    found.peer = from.get_str(BAGGAGE).map(|text| Arc::new(Peer::of_baggage(text)));
                }
            }
            if found.peer.is_some() {
                break;
            }
        }
        if methods.contains(&Discovery::IstioHeaders) {
            from.remove(ID);
            from.remove(METADATA);
        }
        found
    }
}

impl Propagation {
    fn compile(message: &proto::peer_metadata_filter::Propagation) -> Self {
        match message.baggage.is_empty() {
            true => Self::Headers {
                id: message.id.clone(),
                metadata: message.metadata.clone(),
                skip_external: message.skip_external_clusters,
            },
            false => Self::Baggage(message.baggage.clone()),
        }
    }

    /// Says who this side is, in those of the headers (id, metadata) that are wanted.
    fn inject(&self, info: &StreamInfo, headers: &mut Headers, wanted: (bool, bool)) {
        match self {
            Self::Baggage(text) => headers.set(BAGGAGE, text.as_bytes()),
            Self::Headers { skip_external, .. } if is_outside(info, *skip_external) => {}
            Self::Headers { id, metadata, .. } => {
                if wanted.0 {
                    headers.set(ID, id.as_bytes());
                }
                if wanted.1 {
                    headers.set(METADATA, metadata.as_bytes());
                }
            }
        }
    }
}

/// Whether the cluster is not to be told.
fn is_outside(info: &StreamInfo, skip_external: bool) -> bool {
    if skip_external && info.cluster.as_deref() == Some("PassthroughCluster") {
        return true;
    }
    let metadata = info.cluster_metadata.as_ref().and_then(|metadata| metadata.get("istio"));
    let says = |name: &str| {
        metadata.and_then(|istio| istio.get(name)).and_then(Value::as_bool).unwrap_or_default()
    };
    skip_external && says("external") || says("disable_mx")
}
