//! METADATA(TYPE:NAMESPACE:KEY...) and its older forms DYNAMIC_, CLUSTER_ and UPSTREAM_METADATA.

use serde_json::Value;

use super::{json, FormatContext, Rendered};
use crate::compile::{CompileError, Result};

/// Whose metadata is meant.
#[derive(Clone, Copy)]
pub enum MetadataOf {
    Dynamic,
    Cluster,
    Route,
    UpstreamHost,
    VirtualHost,
    Listener,
    FilterChain,
}

impl MetadataOf {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "DYNAMIC" => Self::Dynamic,
            "CLUSTER" => Self::Cluster,
            "ROUTE" => Self::Route,
            "UPSTREAM_HOST" => Self::UpstreamHost,
            "VIRTUAL_HOST" => Self::VirtualHost,
            "LISTENER" => Self::Listener,
            "LISTENER_FILTER_CHAIN" => Self::FilterChain,
            _ => return None,
        })
    }

    fn find<'a>(self, context: &FormatContext<'a>) -> Option<&'a Value> {
        let info = context.info;
        match self {
            Self::Dynamic => info.dynamic_metadata.as_deref(),
            Self::Cluster => info.cluster_metadata.as_deref(),
            Self::Route => info.route.as_ref()?.metadata.as_deref(),
            Self::VirtualHost => info.route.as_ref()?.virtual_host_metadata.as_deref(),
            Self::UpstreamHost => info.upstream.host.as_ref()?.metadata.as_deref(),
            Self::Listener => info.connection.listener_metadata.as_deref(),
            Self::FilterChain => info.connection.filter_chain_metadata.as_deref(),
        }
    }
}

pub struct MetadataPath {
    of: MetadataOf,
    /// The namespace, then the keys.
    path: Vec<String>,
}

impl MetadataPath {
    /// METADATA(TYPE:NAMESPACE:KEY...).
    pub fn compile(argument: &str) -> Result<Self> {
        let (kind, path) = argument.split_once(':').unwrap_or((argument, ""));
        let of = MetadataOf::named(kind)
            .ok_or_else(|| CompileError::new(format!("{kind:?} is not a type of metadata")))?;
        Ok(Self::of(of, path))
    }

    /// NAMESPACE:KEY...
    pub fn of(of: MetadataOf, path: &str) -> Self {
        Self { of, path: path.split(':').map(str::to_owned).collect() }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let value = self.of.find(context).and_then(|metadata| find(metadata, &self.path));
        json::render_value(value, out)
    }
}

/// The value at the end of a path of keys.
pub fn find<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.as_object()?.get(key))
}
