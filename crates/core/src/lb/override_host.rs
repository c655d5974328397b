//! Hosts that requests name themselves, before the policy of the cluster chooses any.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/override_host>

use std::collections::HashMap;
use std::sync::Arc;

use super::LbContext;
use crate::formatter::find_value;
use crate::headers::HeaderName;
use crate::proto;
use crate::upstream::{Host, HostSets};

/// `envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost`.
pub struct OverrideHost {
    sources: Box<[Source]>,
}

enum Source {
    Header(HeaderName),
    /// Of dynamic metadata.
    Metadata(Vec<String>),
}

/// The hosts of a cluster by their addresses, as requests write them.
pub type HostsByAddress = HashMap<Box<str>, Arc<Host>>;

/// The hosts of all priorities.
pub fn by_address(sets: &HostSets) -> HostsByAddress {
    sets.hosts().map(|host| (host.address.to_string().into(), host.clone())).collect()
}

impl OverrideHost {
    pub fn compile(message: &proto::OverrideHost) -> Self {
        let source = |message: &proto::override_host::Source| match message.header.is_empty() {
            true => Source::Metadata(message.metadata_path.clone()),
            false => Source::Header(HeaderName::new(&message.header)),
        };
        Self { sources: message.sources.iter().map(source).collect() }
    }

    /// The first host that the request names and the cluster has, without those that were chosen for it before.
    /// As in Envoy its health does not count.
    pub fn choose<'a>(
        &self,
        hosts: &'a HostsByAddress,
        context: &LbContext<'_>,
    ) -> Option<&'a Arc<Host>> {
        let tried = context.tried_named?;
        let lists = self.sources.iter().filter_map(|source| source.list(context));
        let named = lists.flat_map(|list| list.split(',')).map(str::trim);
        for name in named.filter(|name| !name.is_empty()).skip(tried.get()) {
            tried.set(tried.get() + 1);
            if let Some(host) = hosts.get(name) {
                return Some(host);
            }
        }
        None
    }
}

impl Source {
    fn list<'a>(&self, context: &LbContext<'a>) -> Option<&'a str> {
        match self {
            Self::Header(name) => context.headers?.get_str(name),
            Self::Metadata(path) => find_value(context.metadata?, path)?.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{by_address, OverrideHost};
    use crate::headers::Headers;
    use crate::lb::testing::host;
    use crate::lb::LbContext;
    use crate::proto;
    use crate::proto::override_host::Source;
    use crate::upstream::{Health, HostSets, LocalityHosts, PriorityHosts};

    fn sets() -> HostSets {
        let hosts = [1, 2, 3].map(|number| host(number, 1, Health::Unhealthy));
        let locality =
            LocalityHosts { locality: Default::default(), weight: 1, hosts: hosts.into() };
        let priorities = vec![PriorityHosts { localities: vec![locality] }];
        HostSets { priorities, ..HostSets::default() }
    }

    #[test]
    fn hosts_are_chosen_one_after_the_other() {
        let path = ["ns", "a"].map(str::to_owned).to_vec();
        let policy = OverrideHost::compile(&proto::OverrideHost {
            sources: vec![
                Source { header: "x-host".into(), ..Default::default() },
                Source { metadata_path: path, ..Default::default() },
            ],
        });
        let hosts = by_address(&sets());
        let mut headers = Headers::new();
        headers.append_raw(b"x-host", b"10.0.0.2:80, ,10.0.0.9:80 , 10.0.0.1:80");
        let metadata = serde_json::json!({"ns": {"a": "10.0.0.3:80"}});
        let tried = Cell::new(0);
        let context = LbContext {
            headers: Some(&headers),
            metadata: Some(&metadata),
            tried_named: Some(&tried),
            ..LbContext::default()
        };
        let next = || policy.choose(&hosts, &context).map(|host| host.address.to_string());
        for expected in ["10.0.0.2:80", "10.0.0.1:80", "10.0.0.3:80"] {
            assert_eq!(next().as_deref(), Some(expected));
        }
        assert_eq!(next(), None);
    }

    #[test]
    fn a_request_may_name_none() {
        let source = Source { header: "x-host".into(), ..Default::default() };
        let policy = OverrideHost::compile(&proto::OverrideHost { sources: vec![source] });
        let tried = Cell::new(0);
        let context = LbContext { tried_named: Some(&tried), ..LbContext::default() };
        assert!(policy.choose(&by_address(&sets()), &context).is_none());
    }
}
