//! A workload as the header `baggage` has it.
//! Source: `convertBaggageToWorkloadMetadata` of Envoy's contrib/istio.

use super::peer::{known_kind, Peer};

impl Peer {
    /// The workload that a baggage names; parts of it that are not known are left out.
    pub fn of_baggage(text: &str) -> Self {
        let mut peer = Self::default();
        for part in text.split(',') {
            let mut halves = part.splitn(3, '=');
            if let (Some(key), Some(value)) = (halves.next(), halves.next()) {
                peer.take(key, value);
            }
        }
        peer
    }

    /// A service is also the application, unless that has a name of its own, and the other way round.
    fn take(&mut self, key: &str, value: &str) {
        let fill = |first: &mut String, second: &mut String| {
            *first = value.to_owned();
            if second.is_empty() {
                *second = value.to_owned();
            }
        };
        match key {
            "k8s.namespace.name" => self.namespace = value.to_owned(),
            "k8s.cluster.name" => self.cluster = value.to_owned(),
            "k8s.instance.name" => self.instance = value.to_owned(),
            "cloud.region" => self.region = value.to_owned(),
            "cloud.availability_zone" => self.zone = value.to_owned(),
            "service.name" => fill(&mut self.canonical_name, &mut self.app),
            "service.version" => fill(&mut self.canonical_revision, &mut self.version),
            "app.name" => fill(&mut self.app, &mut self.canonical_name),
            "app.version" => fill(&mut self.version, &mut self.canonical_revision),
            _ => {
                let kind = key.strip_prefix("k8s.").and_then(|rest| rest.strip_suffix(".name"));
                if let Some(kind) = kind.map(known_kind).filter(|kind| !kind.is_empty()) {
                    self.kind = kind;
                    self.workload = value.to_owned();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn baggage_names_a_workload() {
        let peer = Peer::of_baggage(
            "k8s.deployment.name=web,service.name=svc,app.version=v2,k8s.namespace.name=shop,x=y,z",
        );
        assert_eq!((&*peer.workload, peer.kind), ("web", "deployment"));
        assert_eq!((&*peer.canonical_name, &*peer.app), ("svc", "svc"));
        assert_eq!((&*peer.canonical_revision, &*peer.version), ("v2", "v2"));
        assert_eq!(peer.namespace, "shop");
        assert_eq!(Peer::of_baggage(""), Peer::default());
    }
}
