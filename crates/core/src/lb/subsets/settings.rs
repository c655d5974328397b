//! How a cluster divides its hosts.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::compile::{At, Result};
use crate::lb::criteria::{text, Criteria, Criterion, NAMESPACE};
use crate::proto::{self, subsets::selector, subsets::Fallback};
use crate::upstream::Host;

/// `envoy.config.cluster.v3.Cluster.LbSubsetConfig`.
pub struct SubsetSettings {
    pub(super) fallback: Fallback,
    default_subset: Option<Criteria>,
    pub(super) selectors: Vec<Selector>,
    fallbacks: FallbackNode,
    pub(super) locality_weight_aware: bool,
    pub(super) scale_locality_weight: bool,
    pub(super) panic_mode_any: bool,
    pub(super) list_as_any: bool,
    pub(super) metadata_fallback_list: bool,
    pub(super) allow_redundant_keys: bool,
}

/// Names whose values make a subset.
pub(super) struct Selector {
    /// In their order, each once.
    pub keys: Box<[Box<str>]>,
    pub single_host: bool,
    pub fallback: selector::Fallback,
    pub fallback_keys: Box<[Box<str>]>,
}

/// The selector of the names on the way here.
#[derive(Default)]
struct FallbackNode {
    children: HashMap<Box<str>, FallbackNode>,
    selector: Option<usize>,
}

fn boxed(names: &[String]) -> Box<[Box<str>]> {
    names.iter().map(|name| name.as_str().into()).collect()
}

impl SubsetSettings {
    /// # Errors
    /// The default subset is no JSON object.
    pub fn compile(message: &proto::Subsets) -> Result<Arc<Self>> {
        let default_subset = Criteria::compile(&message.default_subset_json);
        let selectors = message.selectors.iter().map(|selector| Selector {
            keys: boxed(&selector.keys),
            single_host: selector.single_host,
            fallback: selector.fallback(),
            fallback_keys: boxed(&selector.fallback_keys),
        });
        let selectors: Vec<_> = selectors.collect();
        Ok(Arc::new(Self {
            fallback: message.fallback(),
            default_subset: default_subset.at("default_subset_json")?,
            fallbacks: FallbackNode::of(&selectors),
            selectors,
            locality_weight_aware: message.locality_weight_aware,
            scale_locality_weight: message.scale_locality_weight,
            panic_mode_any: message.panic_mode_any,
            list_as_any: message.list_as_any,
            metadata_fallback_list: message.metadata_fallback_list,
            allow_redundant_keys: message.allow_redundant_keys,
        }))
    }

    /// Whether some request may be given any host.
    pub(super) fn uses_any(&self) -> bool {
        let any =
            |selector: &Selector| selector.fallback == selector::Fallback::SelectorAnyEndpoint;
        self.panic_mode_any
            || self.fallback == Fallback::AnyEndpoint
            || self.selectors.iter().any(any)
    }

    pub(super) fn uses_default(&self) -> bool {
        let default =
            |selector: &Selector| selector.fallback == selector::Fallback::SelectorDefaultSubset;
        self.fallback == Fallback::DefaultSubset || self.selectors.iter().any(default)
    }

    /// The selector whose names `asked` has, and no others.
    pub(super) fn selector(&self, asked: &[&Criterion]) -> Option<&Selector> {
        let mut node = &self.fallbacks;
        for criterion in asked {
            node = node.children.get(&criterion.name)?;
        }
        self.selectors.get(node.selector?)
    }

    /// Whether a host is of the default subset.
    pub(super) fn is_default(&self, host: &Host) -> bool {
        self.default_subset.iter().flat_map(Criteria::iter).all(|criterion| {
            let Some(found) = value(host, &criterion.name) else { return false };
            let mut items = found.as_array().filter(|_| self.list_as_any).into_iter().flatten();
            text(found) == criterion.value || items.any(|item| text(item) == criterion.value)
        })
    }
}

impl FallbackNode {
    /// Of two selectors with the same names the first counts; one whose names begin those of an earlier
    /// selector has no fallback, as in Envoy.
    fn of(selectors: &[Selector]) -> Self {
        let mut root = Self::default();
        for (index, selector) in selectors.iter().enumerate() {
            let mut node = &mut root;
            let mut is_new = false;
            for key in &selector.keys {
                is_new = !node.children.contains_key(key);
                node = node.children.entry(key.clone()).or_default();
            }
            if is_new {
                node.selector = Some(index);
            }
        }
        root
    }
}

/// The value of `name` in the metadata of a host that load balancing reads.
pub(super) fn value<'a>(host: &'a Host, name: &str) -> Option<&'a Value> {
    host.metadata.as_deref()?.get(NAMESPACE)?.get(name)
}
