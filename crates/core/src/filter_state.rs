//! Values of filter state that are made of a format.

use crate::compile::{At, CompileError, Result};
use crate::connection::Sharing;
use crate::formatter::{FormatContext, Formatter};
use crate::hash::xxhash64;
use crate::proto;

pub struct FilterStateValue {
    pub key: String,
    format: Formatter,
    skip_if_empty: bool,
    /// With connections to internal listeners.
    pub sharing: Sharing,
    /// Hash policies may name it.
    hashable: bool,
}

impl FilterStateValue {
    /// # Errors
    /// A format that cannot be.
    pub fn compile(message: &proto::FilterStateValue) -> Result<Self> {
        let format = message.value.as_ref();
        let format = format.ok_or_else(|| CompileError::new("a format is missing"))?;
        Ok(Self {
            key: message.key.clone(),
            format: Formatter::compile(format).at("value")?,
            skip_if_empty: message.skip_if_empty,
            sharing: match message.sharing() {
                proto::filter_state_value::Sharing::None => Sharing::None,
                proto::filter_state_value::Sharing::Once => Sharing::Once,
                proto::filter_state_value::Sharing::Transitive => Sharing::Transitive,
            },
            hashable: message.hashable,
        })
    }

    /// What `text` hashes to, if it is a value that can be hashed.
    pub fn hash(&self, text: &str) -> Option<u64> {
        self.hashable.then(|| xxhash64(text.as_bytes(), 0))
    }

    /// The text; none where an empty one is to be left out.
    pub fn make(&self, context: &FormatContext<'_>) -> Option<String> {
        let mut text = Vec::new();
        self.format.format(context, &mut text);
        let wanted = !text.is_empty() || !self.skip_if_empty;
        wanted.then(|| String::from_utf8_lossy(&text).into_owned())
    }
}
