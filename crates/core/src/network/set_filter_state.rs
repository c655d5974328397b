//! envoy.filters.network.set_filter_state: gives a connection filter state made of a format.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/set_filter_state>

use std::rc::Rc;

use crate::compile::{each, At, CompileError, Result};
use crate::connection::Sharing;
use crate::formatter::{FormatContext, Formatter, LogType};
use crate::hash::xxhash64;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::proto;

/// Immutable, shared by all workers.
pub struct SetFilterState {
    on_new_connection: Vec<FilterStateValue>,
    on_data: Vec<FilterStateValue>,
}

struct FilterStateValue {
    key: String,
    format: Formatter,
    skip_if_empty: bool,
    sharing: Sharing,
    hashable: bool,
}

impl SetFilterState {
    /// # Errors
    /// A format that cannot be.
    pub fn compile(message: &proto::SetFilterState) -> Result<Self> {
        Ok(Self {
            on_new_connection: each(
                &message.on_new_connection,
                "on_new_connection",
                FilterStateValue::compile,
            )?,
            on_data: each(
                &message.on_downstream_data,
                "on_downstream_data",
                FilterStateValue::compile,
            )?,
        })
    }

    pub fn wants_data(&self) -> bool {
        !self.on_data.is_empty()
    }

    pub fn open(&self, connection: &Rc<ConnectionInfo>) {
        set(&self.on_new_connection, connection);
    }

    pub fn data(&self, connection: &Rc<ConnectionInfo>) {
        set(&self.on_data, connection);
    }
}

impl FilterStateValue {
    fn compile(message: &proto::FilterStateValue) -> Result<Self> {
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
}

fn set(values: &[FilterStateValue], connection: &Rc<ConnectionInfo>) {
    for value in values {
        let info = StreamInfo::of_connection(connection.clone());
        let context = FormatContext {
            info: &info,
            request: None,
            response: None,
            trailers: None,
            local_reply_body: b"",
            log_type: LogType::NotSet,
        };
        let mut text = Vec::new();
        value.format.format(&context, &mut text);
        if !text.is_empty() || !value.skip_if_empty {
            let text = String::from_utf8_lossy(&text).into_owned();
            let mut state = connection.state.borrow_mut();
            state.set_hash(&value.key, value.hashable.then(|| xxhash64(text.as_bytes(), 0)));
            state.set_filter_state(&value.key, text.into());
            state.share(&value.key, value.sharing);
        }
    }
}
