//! A workload as it describes itself, in the fields of a node's metadata.
//! Source: `contrib/istio/filters/common/source/metadata_object.h` of Envoy.

use prost::Message;
use serde_json::{json, Map, Value as Json};

use crate::base64;
use crate::proto::service::{value::Kind, Struct, Value};

/// The labels that are kept of a peer beside those that every peer is known by.
#[derive(Clone, Debug, Default)]
pub struct Labels(Box<[Box<str>]>);

impl Labels {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

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

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::json;

    use super::{Labels, Peer};
    use crate::base64;
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
        for value in [&b"%%"[..], b"AAAA", b"a"] {
            assert!(Peer::of_header(value, &Labels::default()).is_none(), "{value:?}");
        }
        let unpadded = header();
        let end = unpadded.iter().rposition(|&letter| letter != b'=').unwrap();
        assert!(Peer::of_header(&unpadded[..=end], &Labels::default()).is_some());
    }

    #[test]
    fn an_endpoint_names_a_workload() {
        let peer = Peer::of_endpoint("w;ns;svc;rev;c").unwrap();
        assert_eq!((peer.workload, peer.cluster), ("w".into(), "c".into()));
        assert!(Peer::of_endpoint("w;ns;svc;rev").is_none());
    }
}
