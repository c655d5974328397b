//! The set metadata filter: gives requests dynamic metadata.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/set_metadata_filter>

use serde_json::{Map, Value};

use crate::compile::{each, CompileError, Result};
use crate::http::stream::Stream;
use crate::metadata::update;
use crate::proto::{self, SetMetadataStat};
use crate::stats::BlockKind;

pub struct SetMetadata {
    stats_block: u32,
    entries: Vec<Entry>,
}

struct Entry {
    namespace: String,
    values: Map<String, Value>,
    /// Values are set where the namespace has some already.
    allow_overwrite: bool,
}

impl SetMetadata {
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

    pub fn request(&self, stream: &mut Stream) {
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
