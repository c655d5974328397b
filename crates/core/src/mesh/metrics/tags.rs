//! The tags of a metric: who asked whom, and what came of it.

use std::borrow::Cow;

use super::ends::{endpoint, namespace_of, Ends, Principals, Service};
use super::{Metrics, Reporter};
use crate::mesh::Peer;
use crate::proto::istio_stats_filter::{Metric as Change, Workload};

const UNKNOWN: &str = "unknown";
/// Stands for the revision of a peer that did not name one.
const LATEST: &str = "latest";
/// Longer values are cut: a client chooses some of them.
const LONGEST: usize = 512;
/// Before the name of a tag and before its value, in the name of a group.
const TAG: char = '\x1f';
const VALUE: char = '\x1e';

/// Names and values, in Istio's order.
pub struct Tags<'a> {
    tags: Vec<(&'static str, Cow<'a, str>)>,
    /// What the connection's end says of its security; none on the side of the source.
    mutual_tls: Option<bool>,
}

impl<'a> Tags<'a> {
    /// The tags of `ends`, as the reporter `reporter` sees them.
    pub fn of(metrics: &'a Metrics, reporter: Reporter, ends: &Ends<'a>) -> Self {
        let mut tags = Self { tags: Vec::with_capacity(25), mutual_tls: None };
        let service = Service::of(ends, metrics.host_fallback);
        let principals = Principals::of(reporter, ends);
        let here = &metrics.workload;
        match reporter {
            Reporter::Source => {
                let endpoint = ends.peer.is_none().then(|| endpoint(ends.info)).flatten();
                let peer = ends.peer.map(Cow::Borrowed).or(endpoint.map(Cow::Owned));
                tags.push("reporter", "source");
                tags.local(&SOURCE, here, or_unknown(principals.local));
                tags.remote(&DESTINATION, peer, &principals);
                tags.service_for_source(&service);
            }
            Reporter::Destination => {
                tags.mutual_tls = Some(principals.are_known());
                tags.push("reporter", "destination");
                tags.remote(&SOURCE, ends.peer.map(Cow::Borrowed), &principals);
                tags.local(&DESTINATION, here, or_unknown(principals.local));
                tags.service(&service, &here.canonical_name);
                tags.push("destination_service_namespace", here.namespace.as_str());
            }
            Reporter::Gateway => {
                tags.mutual_tls = Some(principals.are_known());
                tags.push("reporter", "waypoint");
                tags.remote(&SOURCE, ends.peer.map(Cow::Borrowed), &principals);
                tags.endpoint(ends.endpoint);
                tags.service(&service, UNKNOWN);
                tags.push("destination_service_namespace", or_unknown(service.namespace));
            }
        }
        tags
    }

    pub fn push(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        self.tags.push((name, value.into()));
    }

    /// What says how the request or connection ended.
    pub fn push_security(&mut self, flags: String) {
        self.push("response_flags", flags);
        let policy = match self.mutual_tls {
            Some(true) => "mutual_tls",
            Some(false) => "none",
            None => UNKNOWN,
        };
        self.push("connection_security_policy", policy);
    }

    /// The workload of this proxy.
    fn local(&mut self, names: &Names, here: &'a Workload, principal: &'a str) {
        self.push(names.workload, here.name.as_str());
        self.push(names.canonical_service, here.canonical_name.as_str());
        self.push(names.canonical_revision, here.canonical_revision.as_str());
        self.push(names.workload_namespace, here.namespace.as_str());
        self.push(names.principal, principal);
        self.push(names.app, here.app.as_str());
        self.push(names.version, here.version.as_str());
        self.push(names.cluster, here.cluster.as_str());
    }

    /// The other workload; its identity is surer of its namespace than what it says.
    fn remote(&mut self, names: &Names, peer: Option<Cow<'a, Peer>>, principals: &Principals<'a>) {
        let namespace = namespace_of(principals.peer);
        self.push(names.workload, field(&peer, |peer| &peer.workload));
        self.push(names.canonical_service, field(&peer, |peer| &peer.canonical_name));
        let revision = field_or(&peer, |peer| &peer.canonical_revision, LATEST);
        self.push(names.canonical_revision, revision);
        self.push(
            names.workload_namespace,
            match namespace {
                "" => field(&peer, |peer| &peer.namespace),
                namespace => namespace.into(),
            },
        );
        self.push(names.principal, or_unknown(principals.peer));
        self.push(names.app, field(&peer, |peer| &peer.app));
        self.push(names.version, field(&peer, |peer| &peer.version));
        self.push(names.cluster, field(&peer, |peer| &peer.cluster));
    }

    /// The workload behind a gateway.
    fn endpoint(&mut self, peer: Option<&'a Peer>) {
        let peer = peer.map(Cow::Borrowed);
        self.push(DESTINATION.workload, field(&peer, |peer| &peer.workload));
        self.push(DESTINATION.canonical_service, field(&peer, |peer| &peer.canonical_name));
        self.push(DESTINATION.canonical_revision, field(&peer, |peer| &peer.canonical_revision));
        self.push(DESTINATION.workload_namespace, field(&peer, |peer| &peer.namespace));
        self.push(DESTINATION.principal, field(&peer, |peer| &peer.identity));
        self.push(DESTINATION.app, field(&peer, |peer| &peer.app));
        self.push(DESTINATION.version, field(&peer, |peer| &peer.version));
        self.push(DESTINATION.cluster, field(&peer, |peer| &peer.cluster));
    }

    fn service(&mut self, service: &Service<'a>, otherwise: &'a str) {
        self.push("destination_service", or(&service.host, otherwise));
        self.push("destination_service_name", or(&service.name, otherwise));
    }

    /// Where the service does not name its namespace, it is that of the workload.
    fn service_for_source(&mut self, service: &Service<'a>) {
        self.service(service, UNKNOWN);
        let of_workload =
            self.tags.iter().find(|(name, _)| *name == DESTINATION.workload_namespace);
        let namespace = match (service.namespace, of_workload) {
            ("", Some((_, namespace))) => namespace.clone(),
            (namespace, _) => or_unknown(namespace).into(),
        };
        self.push("destination_service_namespace", namespace);
    }

    /// The name of the group of counters with these tags, and what `change` makes of them.
    pub fn name(&self, change: &Change) -> String {
        let mut name = String::with_capacity(1024);
        for (tag, value) in &self.tags {
            let instead = change.tags.iter().find(|other| other.name == *tag);
            let is_removed = || change.removed.iter().any(|removed| removed == tag);
            match instead {
                Some(other) => add(&mut name, tag, &other.value),
                None if is_removed() => {}
                None => add(&mut name, tag, value),
            }
        }
        let known = |name: &str| self.tags.iter().any(|(tag, _)| *tag == name);
        for added in change.tags.iter().filter(|added| !known(&added.name)) {
            add(&mut name, &added.name, &added.value);
        }
        name
    }
}

/// Control characters would be taken for marks.
fn add(name: &mut String, tag: &str, value: &str) {
    name.push(TAG);
    name.push_str(tag);
    name.push(VALUE);
    let mut end = value.len().min(LONGEST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    match value.as_bytes()[..end].iter().any(u8::is_ascii_control) {
        false => name.push_str(&value[..end]),
        true => {
            name.extend(value[..end].chars().map(|it| if it.is_ascii_control() { '_' } else { it }))
        }
    }
}

/// What the tags of one side are called.
struct Names {
    workload: &'static str,
    canonical_service: &'static str,
    canonical_revision: &'static str,
    workload_namespace: &'static str,
    principal: &'static str,
    app: &'static str,
    version: &'static str,
    cluster: &'static str,
}

const SOURCE: Names = Names {
    workload: "source_workload",
    canonical_service: "source_canonical_service",
    canonical_revision: "source_canonical_revision",
    workload_namespace: "source_workload_namespace",
    principal: "source_principal",
    app: "source_app",
    version: "source_version",
    cluster: "source_cluster",
};

const DESTINATION: Names = Names {
    workload: "destination_workload",
    canonical_service: "destination_canonical_service",
    canonical_revision: "destination_canonical_revision",
    workload_namespace: "destination_workload_namespace",
    principal: "destination_principal",
    app: "destination_app",
    version: "destination_version",
    cluster: "destination_cluster",
};

fn or_unknown(text: &str) -> &str {
    if text.is_empty() {
        UNKNOWN
    } else {
        text
    }
}

fn or<'a>(text: &Cow<'a, str>, otherwise: &'a str) -> Cow<'a, str> {
    if text.is_empty() {
        otherwise.into()
    } else {
        text.clone()
    }
}

fn field<'a>(peer: &Option<Cow<'a, Peer>>, of: impl Fn(&Peer) -> &String) -> Cow<'a, str> {
    field_or(peer, of, UNKNOWN)
}

fn field_or<'a>(
    peer: &Option<Cow<'a, Peer>>,
    of: impl Fn(&Peer) -> &String,
    otherwise: &'static str,
) -> Cow<'a, str> {
    match peer {
        Some(Cow::Borrowed(peer)) if !of(peer).is_empty() => of(peer).as_str().into(),
        Some(Cow::Owned(peer)) if !of(peer).is_empty() => of(peer).clone().into(),
        _ => otherwise.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{add, Change, Tags, LONGEST};
    use crate::proto::istio_stats_filter::Tag;

    #[test]
    fn changes_replace_remove_and_add() {
        let mut tags = Tags { tags: Vec::new(), mutual_tls: None };
        for (name, value) in [("reporter", "source"), ("source_app", "a"), ("source_version", "")] {
            tags.push(name, value);
        }
        let tag = |name: &str, value: &str| Tag { name: name.into(), value: value.into() };
        let change = Change {
            removed: vec!["reporter".into()],
            tags: vec![tag("source_app", "b"), tag("own", "c")],
            ..Change::default()
        };
        assert_eq!(tags.name(&change), "\x1fsource_app\x1eb\x1fsource_version\x1e\x1fown\x1ec");
    }

    #[test]
    fn values_are_cut_and_have_no_marks() {
        let mut name = String::new();
        add(&mut name, "t", "a\x1fb\n");
        assert_eq!(name, "\x1ft\x1ea_b_");
        name.clear();
        add(&mut name, "t", &"é".repeat(LONGEST));
        assert_eq!(name.len(), 3 + LONGEST);
    }
}
