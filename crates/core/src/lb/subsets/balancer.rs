//! The choice of a subset, and of a host in it, in one worker.

use std::cell::OnceCell;
use std::sync::Arc;

use super::{Subset, Subsets};
use crate::lb::criteria::{named, take_alternatives, Asked, Criteria, Criterion, NAMESPACE};
use crate::lb::{Asker, LbContext, LoadBalancer, Prepared};
use crate::proto::subsets::{selector, Fallback};
use crate::proto::ClusterStat;
use crate::upstream::Host;

/// The load balancers of the subsets, made when they are first used.
pub(in crate::lb) struct SubsetBalancer {
    subsets: Box<[OnceCell<LoadBalancer>]>,
    any: OnceCell<LoadBalancer>,
    default: OnceCell<LoadBalancer>,
}

/// One choice.
struct Choosing<'a> {
    subsets: &'a Subsets,
    balancer: &'a SubsetBalancer,
    context: &'a LbContext<'a>,
    asker: &'a Asker<'a>,
}

impl SubsetBalancer {
    pub fn new(subsets: &Subsets) -> Self {
        Self {
            subsets: subsets.subsets.iter().map(|_| OnceCell::new()).collect(),
            any: OnceCell::new(),
            default: OnceCell::new(),
        }
    }

    /// What dynamic metadata asks for counts before the criteria of the route.
    pub fn choose<'a>(
        &'a self,
        subsets: &'a Subsets,
        context: &'a LbContext<'a>,
        asker: &'a Asker<'a>,
    ) -> Option<&'a Arc<Host>> {
        let choosing = Choosing { subsets, balancer: self, context, asker };
        let asked: Asked<'_> = context.criteria.into_iter().flat_map(Criteria::iter).collect();
        let dynamic = context.metadata.and_then(|all| all.get(NAMESPACE)?.as_object());
        match dynamic.map(Criteria::of) {
            Some(dynamic) => choosing.choose(dynamic.over(&asked)),
            None => choosing.choose(asked),
        }
    }
}

impl<'a> Choosing<'a> {
    fn choose(&self, mut asked: Asked<'_>) -> Option<&'a Arc<Host>> {
        if self.subsets.settings.metadata_fallback_list {
            if let Some(alternatives) = take_alternatives(&mut asked).filter(|all| !all.is_empty())
            {
                return alternatives.iter().find_map(|one| self.choose_by(&one.over(&asked)));
            }
        }
        self.choose_by(&asked)
    }

    fn choose_by(&self, asked: &[&Criterion]) -> Option<&'a Arc<Host>> {
        let settings = &self.subsets.settings;
        let asked = match settings.allow_redundant_keys {
            true => self.without_redundant(asked),
            false => asked.into(),
        };
        if let Some(index) = self.subsets.find(&asked) {
            (self.asker.count)(ClusterStat::ClusterLbSubsetsSelected);
            return self.of_subset(index);
        }
        if let Some(selector) = settings.selector(&asked) {
            match selector.fallback {
                selector::Fallback::NotDefined => {}
                selector::Fallback::SelectorNoFallback => return None,
                selector::Fallback::SelectorAnyEndpoint => return self.any(),
                selector::Fallback::SelectorDefaultSubset => return self.default(),
                selector::Fallback::KeysSubset => {
                    return self.choose_by(&named(&asked, &selector.fallback_keys));
                }
            }
        }
        self.fall_back()
    }

    /// The part of `asked` that the first selector names, if it is there whole.
    fn without_redundant<'b>(&self, asked: &[&'b Criterion]) -> Asked<'b> {
        let whole = self.subsets.settings.selectors.iter().find_map(|selector| {
            let part = named(asked, &selector.keys);
            (!part.is_empty() && part.len() == selector.keys.len()).then_some(part)
        });
        whole.unwrap_or_else(|| asked.into())
    }

    /// What the cluster has for requests without a subset.
    fn fall_back(&self) -> Option<&'a Arc<Host>> {
        let host = match self.subsets.settings.fallback {
            Fallback::NoFallback => return None,
            Fallback::AnyEndpoint => self.any(),
            Fallback::DefaultSubset => self.default(),
        };
        let (host, stat) = match host {
            Some(host) => (Some(host), ClusterStat::ClusterLbSubsetsFallback),
            None if self.subsets.settings.panic_mode_any => {
                (self.any(), ClusterStat::ClusterLbSubsetsFallbackPanic)
            }
            None => return None,
        };
        if host.is_some() {
            (self.asker.count)(stat);
        }
        host
    }

    fn of_subset(&self, index: usize) -> Option<&'a Arc<Host>> {
        match self.subsets.subsets.get(index)? {
            Subset::One(host) => Some(host),
            Subset::Hosts(prepared) => self.of(prepared, self.balancer.subsets.get(index)?),
        }
    }

    fn any(&self) -> Option<&'a Arc<Host>> {
        self.of(self.subsets.any.as_ref()?, &self.balancer.any)
    }

    fn default(&self) -> Option<&'a Arc<Host>> {
        self.of(self.subsets.default.as_ref()?, &self.balancer.default)
    }

    fn of(
        &self,
        prepared: &Arc<Prepared>,
        place: &'a OnceCell<LoadBalancer>,
    ) -> Option<&'a Arc<Host>> {
        let make = || LoadBalancer::new(prepared.clone(), self.subsets.inner);
        place.get_or_init(make).choose(self.context, self.asker)
    }
}
