//! Which cluster takes a request.

use std::sync::Arc;

use super::overrides::Overrides;
use super::{HeaderLevel, RouteContext};
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderName, Headers};
use crate::lb::Criteria;
use crate::matcher::tree::Matcher;
use crate::matcher::Regexes;
use crate::proto;
use crate::proto::route_action::ClusterSpecifier as Specifier;
use crate::proto::weighted_cluster::Specifier as WeightedSpecifier;

/// The cluster of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterChoice {
    pub name: Arc<str>,
    /// Which weighted cluster it is, if the route has some.
    pub weighted: Option<usize>,
}

/// How a route names its cluster.
pub(super) enum ClusterSpecifier {
    One(Arc<str>),
    Header(HeaderName),
    Weighted(Weighted),
    /// A tree names it.
    Tree(Box<Matcher<Arc<str>>>),
}

/// Clusters that share the requests of a route by weight.
pub(super) struct Weighted {
    pub(super) clusters: Vec<WeightedCluster>,
    total: u64,
    header: Option<HeaderName>,
    has_runtime: bool,
}

pub(super) struct WeightedCluster {
    name: Name,
    weight: u32,
    runtime_key: String,
    pub(super) headers: HeaderLevel,
    pub(super) overrides: Overrides,
    pub(super) host_rewrite: Option<Box<[u8]>>,
    pub(super) metadata_match: Option<Criteria>,
}

enum Name {
    Fixed(Arc<str>),
    Header(HeaderName),
}

impl ClusterSpecifier {
    /// Fails when no kind is set and on what a weighted cluster fails on.
    pub(super) fn compile(message: &proto::RouteAction, regexes: &Regexes) -> Result<Self> {
        match &message.cluster_specifier {
            Some(Specifier::Cluster(name)) => Ok(Self::One(name.as_str().into())),
            Some(Specifier::ClusterHeader(name)) => Ok(Self::Header(HeaderName::new(name))),
            Some(Specifier::WeightedClusters(weighted)) => {
                Ok(Self::Weighted(Weighted::compile(weighted, regexes).at("weighted_clusters")?))
            }
            Some(Specifier::ClusterMatcher(tree)) => {
                let action = |action: &proto::MatchAction| Ok(action.name.as_str().into());
                let tree = Matcher::compile(tree, regexes, &action).at("cluster_matcher")?;
                Ok(Self::Tree(Box::new(tree)))
            }
            None => Err(CompileError::new("a route action needs a cluster")),
        }
    }

    /// `None` when the header that names the cluster is absent or empty, or a tree names none.
    pub(super) fn choose(
        &self,
        request: &Headers,
        context: &RouteContext<'_>,
    ) -> Option<ClusterChoice> {
        match self {
            Self::One(name) => Some(ClusterChoice { name: name.clone(), weighted: None }),
            Self::Header(header) => {
                Some(ClusterChoice { name: named_by(header, request)?, weighted: None })
            }
            Self::Weighted(weighted) => weighted.choose(request, context),
            Self::Tree(tree) => {
                let name = context.find(tree, request)?.clone();
                Some(ClusterChoice { name, weighted: None })
            }
        }
    }

    pub(super) fn weighted(&self, choice: &ClusterChoice) -> Option<&WeightedCluster> {
        match (self, choice.weighted) {
            (Self::Weighted(weighted), Some(index)) => weighted.clusters.get(index),
            _ => None,
        }
    }
}

/// The first value counts: the header comes from outside.
fn named_by(header: &HeaderName, request: &Headers) -> Option<Arc<str>> {
    request.get_str(header).filter(|name| !name.is_empty()).map(Arc::from)
}

impl Weighted {
    fn compile(message: &proto::WeightedClusters, regexes: &Regexes) -> Result<Self> {
        let clusters = each(&message.clusters, "clusters", |cluster| {
            WeightedCluster::compile(cluster, regexes)
        })?;
        if clusters.is_empty() {
            return Err(CompileError::new("weighted clusters need a cluster").at("clusters"));
        }
        Ok(Self {
            total: clusters.iter().map(|cluster| u64::from(cluster.weight)).sum(),
            has_runtime: clusters.iter().any(|cluster| !cluster.runtime_key.is_empty()),
            header: (!message.header_name.is_empty())
                .then(|| HeaderName::new(&message.header_name)),
            clusters,
        })
    }

    fn choose(&self, request: &Headers, context: &RouteContext<'_>) -> Option<ClusterChoice> {
        let weight = |cluster: &WeightedCluster| match self.has_runtime {
            true if !cluster.runtime_key.is_empty() => {
                context.runtime.number(&cluster.runtime_key, cluster.weight.into())
            }
            _ => cluster.weight.into(),
        };
        let total = match self.has_runtime {
            true => self.clusters.iter().map(weight).sum(),
            false => self.total,
        };
        if total == 0 {
            return None;
        }
        let random = self.random_of(request).unwrap_or(context.random) % total;
        let mut end = 0;
        let index = self.clusters.iter().position(|cluster| {
            end += weight(cluster);
            random < end
        })?;
        let name = match &self.clusters[index].name {
            Name::Fixed(name) => name.clone(),
            Name::Header(header) => named_by(header, request)?,
        };
        Some(ClusterChoice { name, weighted: Some(index) })
    }

    /// The random number that the request brings in one value of the configured header.
    fn random_of(&self, request: &Headers) -> Option<u64> {
        let header = self.header.as_ref()?;
        let mut values = request.get_all(header.key());
        let first = values.next()?;
        match values.next() {
            None => std::str::from_utf8(first).ok()?.trim_ascii().parse().ok(),
            Some(_) => None,
        }
    }
}

impl WeightedCluster {
    fn compile(message: &proto::WeightedCluster, regexes: &Regexes) -> Result<Self> {
        let name = match &message.specifier {
            Some(WeightedSpecifier::Name(name)) => Name::Fixed(name.as_str().into()),
            Some(WeightedSpecifier::ClusterHeader(header)) => Name::Header(HeaderName::new(header)),
            None => return Err(CompileError::new("a weighted cluster needs a name")),
        };
        let host = message.host_rewrite_literal.as_bytes();
        Ok(Self {
            name,
            weight: message.weight,
            runtime_key: message.runtime_key.clone(),
            headers: HeaderLevel::compile(message.mutations.as_ref())?,
            overrides: Overrides::compile(&message.overrides, regexes)?,
            host_rewrite: (!host.is_empty()).then(|| host.into()),
            metadata_match: Criteria::compile(&message.metadata_match_json)
                .at("metadata_match_json")?,
        })
    }
}
