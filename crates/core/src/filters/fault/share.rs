//! Which share of the requests gets a fault, and what a request says about its own.

use std::str::FromStr;

use crate::compile::{CompileError, Result};
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::proto;
use crate::random::Random;
use crate::runtime::Runtime;

/// What decides about one request.
pub struct Asked<'a> {
    pub headers: &'a Headers,
    pub runtime: &'a Runtime,
    pub random: &'a Random,
}

/// A share of the requests. Where headers control faults, a client may ask for less.
pub struct Share {
    numerator: u64,
    denominator: u64,
    key: String,
    header: Option<HeaderName>,
}

impl Asked<'_> {
    /// The number in a header.
    pub fn number<T: FromStr>(&self, name: &HeaderName) -> Option<T> {
        self.headers.get_str(name)?.trim_ascii().parse().ok()
    }

    /// The runtime key that ends in `name` and is for the service alone that asks, by its own account.
    pub fn cluster_key(&self, name: &str) -> Option<String> {
        let cluster = self.headers.get_str(HeaderId::XEnvoyDownstreamServiceCluster)?;
        Some(format!("fault.http.{cluster}.{name}"))
    }

    /// A number that runtime may override: under the key that ends in `name` for the downstream cluster if
    /// there is one, otherwise under `key`.
    pub fn overridden(&self, key: &str, name: &str, default: u64) -> u64 {
        let own = self.cluster_key(name);
        self.runtime.number(own.as_deref().unwrap_or(key), default)
    }
}

impl Share {
    /// # Errors
    /// There is none.
    pub fn compile(message: Option<&proto::FaultShare>) -> Result<Self> {
        let share = message.ok_or_else(|| CompileError::new("a percentage is missing"))?;
        let header = Some(&share.header).filter(|name| !name.is_empty());
        Ok(Self {
            numerator: share.numerator.into(),
            denominator: share.denominator.max(1).into(),
            key: share.runtime_key.clone(),
            header: header.map(|name| HeaderName::new(name)),
        })
    }

    /// Whether this request is one of them; `name`: the end of the runtime key of its downstream cluster.
    pub fn hit(&self, asked: &Asked<'_>, name: Option<&str>) -> bool {
        let wanted = self.header.as_ref().and_then(|header| asked.number(header));
        let numerator = wanted.map_or(self.numerator, |wanted: u64| wanted.min(self.numerator));
        let own = name.and_then(|name| asked.cluster_key(name));
        let key = own.as_deref().unwrap_or(&self.key);
        let (numerator, denominator) = asked.runtime.share(key, (numerator, self.denominator));
        asked.random.next() % denominator < numerator
    }
}
