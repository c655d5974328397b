//! The set filter state filter: gives requests filter state made of formats.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/set_filter_state>

use std::sync::Arc;

use super::{clear_route, levels_of};
use crate::compile::{each, Result};
use crate::filter_state::FilterStateValue;
use crate::formatter::LogType;
use crate::http::stream::Stream;
use crate::proto;
use crate::route::FilterConfig;

pub struct SetFilterState(Arc<FilterStateValues>);

/// Of the filter or of a route.
pub struct FilterStateValues {
    values: Vec<FilterStateValue>,
    /// The route may depend on them: it is chosen again.
    clear_route: bool,
}

impl FilterStateValues {
    /// # Errors
    /// A format that cannot be, with its path.
    pub fn compile(message: &proto::HttpSetFilterState) -> Result<Self> {
        let values = &message.on_request_headers;
        Ok(Self {
            values: each(values, "on_request_headers", FilterStateValue::compile)?,
            clear_route: message.clear_route_cache,
        })
    }

    fn set(&self, stream: &mut Stream) {
        for value in &self.values {
            if let Some(text) = value.make(&stream.context(LogType::NotSet)) {
                stream.info.set_hash(&value.key, value.hash(&text));
                stream.info.set_filter_state(&value.key, text.into());
            }
        }
    }
}

impl SetFilterState {
    /// # Errors
    /// A format that cannot be, with its path.
    pub fn compile(message: &proto::HttpSetFilterState) -> Result<Self> {
        FilterStateValues::compile(message).map(|values| Self(Arc::new(values)))
    }

    /// The filter's own values, then those of route table, virtual host, route and weighted cluster.
    pub fn request(&self, name: &str, stream: &mut Stream) {
        let levels = levels_of(name, stream, |config| match config {
            FilterConfig::SetFilterState(values) => Some(values),
            _ => None,
        });
        self.0.set(stream);
        for level in &levels {
            level.set(stream);
        }
        if self.0.clear_route || levels.iter().any(|level| level.clear_route) {
            clear_route(stream);
        }
    }
}
