//! envoy.filters.network.set_filter_state: gives a connection filter state made of a format.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/set_filter_state>

use std::rc::Rc;

use crate::compile::{each, Result};
use crate::filter_state::FilterStateValue;
use crate::formatter::FormatContext;
use crate::http::stream_info::{ConnectionInfo, StreamInfo};
use crate::proto;

/// Immutable, shared by all workers.
pub struct SetFilterState {
    on_new_connection: Vec<FilterStateValue>,
    on_data: Vec<FilterStateValue>,
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

fn set(values: &[FilterStateValue], connection: &Rc<ConnectionInfo>) {
    for value in values {
        let info = StreamInfo::of_connection(connection.clone());
        if let Some(text) = value.make(&FormatContext::of_connection(&info)) {
            let mut state = connection.state.borrow_mut();
            state.set_hash(&value.key, value.hash(&text));
            state.set_filter_state(&value.key, text.into());
            state.share(&value.key, value.sharing);
        }
    }
}
