//! A workload as it describes itself, in the fields of a node's metadata.
//! Source: `contrib/istio/filters/common/source/metadata_object.h` of Envoy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;
use serde_json::{json, Map, Value as Json};

use crate::filters::grpc::base64;
use crate::proto::service::{value::Kind, Struct, Value};

/// The filter state of a peer, as an object and by its fields.
const DOWNSTREAM: [&str; 2] = ["downstream_peer", "downstream_peer_obj"];
const UPSTREAM: [&str; 2] = ["upstream_peer", "upstream_peer_obj"];

/// What is known of the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// It may still say who it is.
    #[default]
    NotYet,
    /// It does not.
    Nothing,
    Peer(Arc<Peer>),
}

impl Found {
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        match self {
            Self::Peer(peer) => Some(peer),
            _ => None,
        }
    }
}

/// The labels that are kept of a peer beside those that every peer is known by.
#[derive(Clone, Debug, Default)]
pub struct Labels(Box<[Box<str>]>);

impl Labels {
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.as_str().into()).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| **known == *name)
    }
}

/// A workload. What it did not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    pub instance: String,
    pub cluster: String,
    pub namespace: String,
    pub workload: String,
    pub canonical_name: String,
    pub canonical_revision: String,
    pub app: String,
    pub version: String,
    /// `deployment` and the like; empty when it is unknown.
    pub kind: &'static str,
    pub identity: String,
    pub region: String,
    pub zone: String,
    /// Those that a filter wants to have.
    pub labels: Vec<(String, String)>,
}

impl Peer {
    /// The workload of a header: base64, perhaps without its padding, of a `google.protobuf.Struct`.
    pub fn of_header(value: &[u8], labels: &Labels) -> Option<Self> {
        let mut bytes = Vec::new();
        base64::decode(value, &mut bytes)?;
        Some(Self::of_struct(Struct::decode(&*bytes).ok()?, labels))
    }

    /// The workload of the metadata of a node.
    pub fn of_struct(metadata: Struct, labels: &Labels) -> Self {
        let mut peer = Self::default();
        let mut owner = String::new();
        for (key, value) in metadata.fields {
            match key.as_str() {
                "NAME" => peer.instance = text(value),
                "NAMESPACE" => peer.namespace = text(value),
                "OWNER" => owner = text(value),
                "WORKLOAD_NAME" => peer.workload = text(value),
                "CLUSTER_ID" => peer.cluster = text(value),
                "IDENTITY" => peer.identity = text(value),
                "REGION" => peer.region = text(value),
                "AVAILABILITY_ZONE" => peer.zone = text(value),
                "LABELS" => peer.take_labels(value, labels),
                _ => {}
            }
        }
        peer.kind = kind_of(&owner, &peer.workload);
        peer
    }

    /// `app.kubernetes.io/name` and `.../version` count before `app` and `version`.
    fn take_labels(&mut self, value: Value, wanted: &Labels) {
        let Some(Kind::StructValue(labels)) = value.kind else { return };
        let (mut app, mut version) = (None, None);
        for (key, value) in labels.fields {
            match key.as_str() {
                "service.istio.io/canonical-name" => self.canonical_name = text(value),
                "service.istio.io/canonical-revision" => self.canonical_revision = text(value),
                "app.kubernetes.io/name" => app = Some(text(value)),
                "app" => self.app = text(value),
                "app.kubernetes.io/version" => version = Some(text(value)),
                "version" => self.version = text(value),
                _ if wanted.has(&key) => self.labels.push((key, text(value))),
                _ => {}
            }
        }
        self.app = app.unwrap_or(std::mem::take(&mut self.app));
        self.version = version.unwrap_or(std::mem::take(&mut self.version));
    }

    /// The workload of an endpoint as its metadata `istio`, `workload` has it:
    /// `workload;namespace;canonical name;canonical revision;cluster`.
    pub fn of_endpoint(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::to_owned);
        Some(Self {
            workload: parts.next()?,
            namespace: parts.next()?,
            canonical_name: parts.next()?,
            canonical_revision: parts.next()?,
            cluster: parts.next()?,
            ..Self::default()
        })
    }

    /// What is known of it, by the names that expressions and logs use; without what is empty.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("type", self.kind),
            ("workload", &self.workload),
            ("name", &self.instance),
            ("cluster", &self.cluster),
            ("namespace", &self.namespace),
            ("service", &self.canonical_name),
            ("revision", &self.canonical_revision),
            ("app", &self.app),
            ("version", &self.version),
            ("identity", &self.identity),
            ("region", &self.region),
            ("availability_zone", &self.zone),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    }

    /// One of the fields.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All fields, with the labels below `labels`.
    pub fn to_json(&self) -> Json {
        let text = |(name, value): (&str, &str)| (name.to_owned(), Json::from(value));
        let mut fields: Map<_, _> = self.fields().map(text).collect();
        if !self.labels.is_empty() {
            let labels = self.labels.iter().map(|(name, value)| text((name, value)));
            fields.insert("labels".to_owned(), Json::Object(labels.collect()));
        }
        Json::Object(fields)
    }

    /// What `%FILTER_STATE(downstream_peer)%` is: a message in a message.
    pub fn to_typed_json(&self) -> Json {
        json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": self.to_json()})
    }

    /// All fields as one text.
    pub fn to_text(&self) -> String {
        let fields = self.fields().filter(|(name, _)| *name != "identity");
        let fields = fields.map(|(name, value)| format!("{name}={value}"));
        let labels = self.labels.iter().map(|(name, value)| format!("labels[]{name}={value}"));
        fields.chain(labels).collect::<Vec<_>>().join(",")
    }
}

fn text(value: Value) -> String {
    match value.kind {
        Some(Kind::StringValue(text)) => text,
        _ => String::new(),
    }
}

/// The kinds of workloads that are told apart.
pub(super) fn known_kind(name: &str) -> &'static str {
    ["pod", "deployment", "job", "cronjob"].into_iter().find(|kind| *kind == name).unwrap_or("")
}

/// `deployment`, of an owner `kubernetes://apis/apps/v1/namespaces/ns/deployments/workload`.
fn kind_of(owner: &str, workload: &str) -> &'static str {
    let front = owner.len().checked_sub(workload.len() + 2).filter(|&length| length > 0);
    let Some(front) = front.and_then(|length| owner.get(..length)) else { return "" };
    front.rsplit_once('/').map_or("", |(_, kind)| known_kind(kind))
}

/// By the value of the header; none for one that names nobody.
type KnownPeers = HashMap<Box<[u8]>, Option<Arc<Peer>>>;

/// Peers that headers named lately.
#[derive(Default)]
pub struct PeerCache(RefCell<KnownPeers>);

impl PeerCache {
    /// More are not kept: then all are forgotten.
    const MOST: usize = 500;

    /// The peer that a header names; none when it is none.
    pub fn of_header(&self, value: &[u8], labels: &Labels) -> Option<Arc<Peer>> {
        // What is kept of a peer has no labels.
        if !labels.0.is_empty() {
            return Peer::of_header(value, labels).map(Arc::new);
        }
        let mut known = self.0.borrow_mut();
        if let Some(peer) = known.get(value) {
            return peer.clone();
        }
        if known.len() >= Self::MOST {
            known.clear();
        }
        let peer = Peer::of_header(value, labels).map(Arc::new);
        known.insert(value.into(), peer.clone());
        peer
    }
}

/// The peers of a request or a connection, as its filter state has them.
#[derive(Clone, Default)]
pub struct Peers {
    pub downstream: Option<Arc<Peer>>,
    pub upstream: Option<Arc<Peer>>,
    /// The client has said who it is in these headers, and wants to know the same.
    pub asked_by_id: bool,
    pub asked_by_metadata: bool,
}

impl Peers {
    /// The peer under a key of the filter state, and whether that is the one whose fields have names.
    pub fn get(&self, key: &str) -> Option<(&Peer, bool)> {
        let of = |keys: [&str; 2], peer| {
            let place = keys.iter().position(|known| *known == key)?;
            Some((Option::as_deref(peer)?, place == 1))
        };
        of(DOWNSTREAM, &self.downstream).or_else(|| of(UPSTREAM, &self.upstream))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::json;

    use super::{Labels, Peer, PeerCache, Peers};
    use crate::filters::grpc::base64;
    use crate::metadata::values::to_struct;

    fn header() -> Vec<u8> {
        let metadata = to_struct(&json!({
            "NAME": "web-1",
            "NAMESPACE": "shop",
            "WORKLOAD_NAME": "web",
            "CLUSTER_ID": "c1",
            "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/web",
            "LABELS": {
                "app": "old",
                "app.kubernetes.io/name": "web",
                "version": "v1",
                "service.istio.io/canonical-name": "web-svc",
                "service.istio.io/canonical-revision": "r1",
                "role": "front",
            },
            "OTHER": 3,
        }));
        let mut text = Vec::new();
        base64::encode(&metadata.unwrap().encode_to_vec(), &mut text);
        text
    }

    #[test]
    fn a_header_names_a_workload() {
        let peer = Peer::of_header(&header(), &Labels::default()).unwrap();
        let expected = json!({
            "type": "deployment", "workload": "web", "name": "web-1", "cluster": "c1",
            "namespace": "shop", "service": "web-svc", "revision": "r1", "app": "web",
            "version": "v1",
        });
        assert_eq!(peer.to_json(), expected);
        assert_eq!(peer.field("revision"), Some("r1"));
        assert_eq!(peer.field("region"), None);
        assert_eq!(
            peer.to_text(),
            "type=deployment,workload=web,name=web-1,cluster=c1,namespace=shop,service=web-svc,\
             revision=r1,app=web,version=v1"
        );
        let with = Peer::of_header(&header(), &Labels::new(&["role".into()])).unwrap();
        assert_eq!(with.to_json()["labels"], json!({"role": "front"}));
    }

    #[test]
    fn what_is_broken_names_nobody() {
        let cache = PeerCache::default();
        for value in [&b"%%"[..], b"AAAA", b"a"] {
            assert!(cache.of_header(value, &Labels::default()).is_none(), "{value:?}");
            assert!(cache.of_header(value, &Labels::default()).is_none());
        }
        let unpadded = header();
        let end = unpadded.iter().rposition(|&letter| letter != b'=').unwrap();
        assert!(cache.of_header(&unpadded[..=end], &Labels::default()).is_some());
    }

    #[test]
    fn an_endpoint_names_a_workload() {
        let peer = Peer::of_endpoint("w;ns;svc;rev;c").unwrap();
        assert_eq!((peer.workload, peer.cluster), ("w".into(), "c".into()));
        assert!(Peer::of_endpoint("w;ns;svc;rev").is_none());
    }

    #[test]
    fn filter_state_has_a_peer_in_two_forms() {
        let peers = Peers {
            upstream: Some(Peer::of_endpoint("w;;;;").unwrap().into()),
            ..Peers::default()
        };
        assert!(peers.get("upstream_peer").is_some_and(|(_, named)| !named));
        assert!(peers.get("upstream_peer_obj").is_some_and(|(_, named)| named));
        assert!(peers.get("downstream_peer").is_none());
    }
}
