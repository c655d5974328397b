//! Which host an attempt goes to.

use std::rc::Rc;
use std::sync::Arc;

use super::super::hash::hash;
use super::Forwarding;
use crate::lb::LbContext;
use crate::upstream::{Cluster, Host, Target};

impl Forwarding<'_> {
    /// A host, and the cluster that it is of: in place of an aggregate one of its members.
    pub(super) fn choose_host(&mut self) -> Option<(Rc<Cluster>, Arc<Host>)> {
        let policy = self.retries.policy();
        let stream = &*self.parties.stream;
        let Target { cluster, at } = self.cluster.target(&stream.worker.clusters)?;
        let (request, info) = (&stream.request, &stream.info);
        if at.is_some() {
            self.names = cluster.config().auto_names.as_ref().map(|auto| auto.of(request));
        }
        let hash = hash(&cluster, self.forward, request, info, &mut self.cookies);
        let context = LbContext {
            hash,
            at,
            tried_named: Some(&self.tried_named),
            criteria: self.forward.criteria(stream.choice.as_ref()),
            avoid: &self.retries.tried,
            max_attempts: policy.map_or(1, |policy| policy.host_selection_max_attempts),
            avoid_canary: policy.is_some_and(|policy| policy.omit_canary_hosts)
                && self.retries.made() > 0,
            connection: Some(&stream.info.connection),
            headers: Some(&stream.request),
            metadata: stream.info.dynamic_metadata.as_deref(),
            names: self.names.as_ref(),
            ..LbContext::default()
        };
        let host = cluster.choose_host(&context)?;
        Some((cluster, host))
    }
}
