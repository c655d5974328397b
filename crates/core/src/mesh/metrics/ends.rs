//! Who is at the ends of a request or connection, as far as this proxy can know.

use std::borrow::Cow;

use serde_json::Value;

use super::Reporter;
use crate::http::stream_info::StreamInfo;
use crate::mesh::Peer;
use crate::tls::TlsInfo;

/// Clusters that stand for no service.
const SPECIAL: [&str; 5] = [
    "BlackHoleCluster",
    "PassthroughCluster",
    "InboundPassthroughCluster",
    "InboundPassthroughClusterIpv4",
    "InboundPassthroughClusterIpv6",
];

/// Who is at the ends of a request or connection.
pub struct Ends<'a> {
    pub info: &'a StreamInfo,
    /// What the client calls the service.
    pub host: Option<&'a [u8]>,
    /// At the end that this proxy is not at.
    pub peer: Option<&'a Peer>,
    /// Behind a gateway.
    pub endpoint: Option<&'a Peer>,
}

/// The service that is asked, as far as it is known.
#[derive(Default)]
pub struct Service<'a> {
    pub host: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub namespace: &'a str,
}

/// The identities at the ends; empty where they are unknown.
pub struct Principals<'a> {
    pub peer: &'a str,
    pub local: &'a str,
}

impl<'a> Service<'a> {
    pub fn of(ends: &Ends<'a>, host_fallback: bool) -> Self {
        let host = ends.host.filter(|_| host_fallback).map(String::from_utf8_lossy);
        let mut service = Self { name: host.clone().unwrap_or_default(), ..Self::default() };
        service.host = host.unwrap_or_default();
        let info = ends.info;
        let route = info.route.as_ref().map_or("", |route| &*route.route_name);
        let cluster = info.cluster.as_deref().unwrap_or_default();
        match route {
            "block_all" => service.name = SPECIAL[0].into(),
            "allow_any" => service.name = SPECIAL[1].into(),
            _ if SPECIAL.contains(&cluster) => service.name = cluster.into(),
            _ => service.take_metadata(info),
        }
        service
    }

    /// The first service that the cluster's metadata names.
    fn take_metadata(&mut self, info: &'a StreamInfo) {
        let services =
            info.cluster_metadata.as_ref().and_then(|it| it.pointer("/istio/services/0"));
        let Some(service) = services.and_then(Value::as_object) else { return };
        let field = |name: &str| service.get(name).and_then(Value::as_str);
        if let Some(host) = field("host") {
            self.host = host.into();
        }
        self.namespace = field("namespace").unwrap_or_default();
        self.name = match field("name") {
            Some(name) => name.into(),
            None => self.host.split('.').next().unwrap_or_default().to_owned().into(),
        };
    }
}

impl<'a> Principals<'a> {
    pub fn of(reporter: Reporter, ends: &Ends<'a>) -> Self {
        let info = ends.info;
        if reporter == Reporter::Source {
            let found = Self::of_tls(info.upstream.tls.as_deref());
            let said = ends.peer.map_or("", |peer| &peer.identity);
            return Self { peer: if found.peer.is_empty() { said } else { found.peer }, ..found };
        }
        let state = |key: &str| info.filter_state.as_ref()?.get(key)?.as_str();
        let stated = Self {
            peer: state("io.istio.peer_principal").unwrap_or_default(),
            local: state("io.istio.local_principal").unwrap_or_default(),
        };
        match stated.peer.is_empty() && stated.local.is_empty() {
            true => Self::of_tls(info.connection.tls.as_deref()),
            false => stated,
        }
    }

    fn of_tls(tls: Option<&'a TlsInfo>) -> Self {
        let first = |names: &'a [String]| names.first().map_or("", String::as_str);
        let peer = tls.and_then(TlsInfo::peer).map_or("", |it| first(&it.facts.names.uri));
        let local = tls.and_then(TlsInfo::local).map_or("", |it| first(&it.facts.names.uri));
        Self { peer, local }
    }

    pub fn are_known(&self) -> bool {
        !self.peer.is_empty() && !self.local.is_empty()
    }
}

/// What the metadata of the host says of its workload.
pub fn endpoint(info: &StreamInfo) -> Option<Peer> {
    let metadata = info.upstream.host.as_ref()?.metadata.as_ref()?;
    Peer::of_endpoint(metadata.pointer("/istio/workload")?.as_str()?)
}

/// The namespace in `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
pub fn namespace_of(principal: &str) -> &str {
    let rest = principal.split_once("/ns/").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::namespace_of;

    #[test]
    fn a_principal_has_a_namespace() {
        assert_eq!(namespace_of("spiffe://cluster.local/ns/shop/sa/web"), "shop");
        assert_eq!(namespace_of("spiffe://cluster.local/ns/shop"), "shop");
        assert_eq!(namespace_of("spiffe://cluster.local/web"), "");
    }
}
