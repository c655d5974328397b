//! The set metadata filter: gives requests dynamic metadata.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/set_metadata_filter>

use std::sync::Arc;

use serde_json::{Map, Value};

use super::levels_of;
use crate::compile::{each, CompileError, Result};
use crate::http::stream::Stream;
use crate::metadata::update;
use crate::proto::{self, SetMetadataStat};
use crate::route::FilterConfig;
use crate::stats::BlockKind;

pub struct SetMetadata(Arc<MetadataEntries>);

/// Of the filter or of a route.
pub struct MetadataEntries {
    stats_block: u32,
    entries: Vec<Entry>,
}

struct Entry {
    namespace: String,
    values: Map<String, Value>,
    /// Values are set where the namespace has some already.
    allow_overwrite: bool,
}

impl MetadataEntries {
    /// # Errors
    /// Values that are no JSON object.
    pub fn compile(message: &proto::SetMetadataFilter) -> Result<Self> {
        let entry = |entry: &proto::set_metadata_filter::Entry| {
            let values = serde_json::from_str(&entry.values_json);
            Ok(Entry {
                namespace: entry.namespace.clone(),
                values: values.map_err(|error| CompileError::new(error.to_string()))?,
                allow_overwrite: entry.allow_overwrite,
            })
        };
        let entries = each(&message.entries, "entries", entry)?;
        Ok(Self { stats_block: message.stats_block, entries })
    }

    fn set(&self, stream: &mut Stream) {
        for entry in &self.entries {
            let all = &mut stream.info.dynamic_metadata;
            let taken = all.as_ref().is_some_and(|all| all.get(&entry.namespace).is_some());
            if taken && !entry.allow_overwrite {
                let block = stream.worker.kept_block(self.stats_block, BlockKind::Filter);
                block.inc(SetMetadataStat::SetMetadataOverwriteDenied);
                continue;
            }
            update(all, &entry.namespace, &entry.values);
        }
    }
}

impl SetMetadata {
    /// # Errors
    /// Values that are no JSON object.
    pub fn compile(message: &proto::SetMetadataFilter) -> Result<Self> {
        MetadataEntries::compile(message).map(|entries| Self(Arc::new(entries)))
    }

    /// The filter's own entries, then those of route table, virtual host, route and weighted cluster.
    pub fn request(&self, name: &str, stream: &mut Stream) {
        let levels = levels_of(name, stream, |config| match config {
            FilterConfig::SetMetadata(entries) => Some(entries),
            _ => None,
        });
        self.0.set(stream);
        for level in &levels {
            level.set(stream);
        }
    }
}
