//! The runtime snapshot: values that may override numbers and fractions of the configuration.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::proto;
use crate::random::Random;

/// Values by key, replaced whole.
#[derive(Default)]
pub struct Runtime {
    values: HashMap<String, String>,
}

/// The snapshot for threads other than a worker, which keeps one of its own.
pub type SharedRuntime = Arc<ArcSwap<Runtime>>;

impl Runtime {
    pub fn compile(message: &proto::Runtime) -> Self {
        Self { values: message.values.clone() }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The number under `key`, or the default.
    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.get(key).and_then(|text| text.parse::<f64>().ok()).map_or(default, |n| n as u64)
    }

    /// The numerator and the denominator under `key`, or the default. A number is a percentage; a fraction is
    /// written `numerator/denominator` by the main thread.
    pub fn share(&self, key: &str, default: (u64, u64)) -> (u64, u64) {
        let text = if key.is_empty() { None } else { self.get(key) };
        let Some(text) = text else { return default };
        match text.split_once('/') {
            Some((n, d)) => match (n.parse(), d.parse()) {
                (Ok(n), Ok(d)) if d > 0 => (n, d),
                _ => default,
            },
            None => text.parse::<f64>().map_or(default, |percent| (percent as u64, 100)),
        }
    }
}

/// A number that runtime may override.
#[derive(Clone, Debug)]
pub struct Number {
    key: Cow<'static, str>,
    default: u64,
}

impl Number {
    pub fn new(key: impl Into<Cow<'static, str>>, default: u64) -> Self {
        Self { key: key.into(), default }
    }

    pub fn of(&self, runtime: &Runtime) -> u64 {
        runtime.number(&self.key, self.default)
    }
}

/// A switch that runtime may turn.
#[derive(Clone, Debug)]
pub struct Flag {
    key: String,
    default: bool,
}

impl Flag {
    /// On when there is none.
    pub fn compile(message: Option<&proto::RuntimeFlag>) -> Self {
        let flag = message.cloned();
        let (key, default) =
            flag.map_or_else(Default::default, |f| (f.runtime_key, f.default_value));
        Self { key, default: message.is_none() || default }
    }

    pub fn is_on(&self, runtime: &Runtime) -> bool {
        if self.key.is_empty() {
            return self.default;
        }
        match runtime.get(&self.key) {
            Some("true") => true,
            Some("false") => false,
            _ => runtime.number(&self.key, self.default.into()) != 0,
        }
    }
}

/// A share of all cases, which runtime may override with a percentage.
#[derive(Clone, Debug)]
pub struct Fraction {
    key: String,
    numerator: u64,
    denominator: u64,
}

impl Fraction {
    pub fn compile(message: &proto::RuntimeFraction) -> Self {
        Self {
            key: message.runtime_key.clone(),
            numerator: message.numerator.into(),
            denominator: u64::from(message.denominator.max(1)),
        }
    }

    /// True in the configured share of calls.
    pub fn hit(&self, runtime: &Runtime, random: &Random) -> bool {
        self.contains(runtime, random.next())
    }

    /// The same for a given random number.
    pub fn contains(&self, runtime: &Runtime, random: u64) -> bool {
        let (numerator, denominator) = self.effective(runtime);
        random % denominator < numerator
    }

    fn effective(&self, runtime: &Runtime) -> (u64, u64) {
        runtime.share(&self.key, (self.numerator, self.denominator))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fraction, Runtime};
    use crate::proto;

    fn fraction() -> Fraction {
        Fraction::compile(&proto::RuntimeFraction {
            runtime_key: "k".into(),
            numerator: 25,
            denominator: 100,
        })
    }

    fn runtime(value: &str) -> Runtime {
        Runtime::compile(&proto::Runtime { values: [("k".into(), value.into())].into() })
    }

    #[test]
    fn the_configured_share_holds_without_an_override() {
        let none = Runtime::default();
        assert!(fraction().contains(&none, 124));
        assert!(!fraction().contains(&none, 125));
    }

    #[test]
    fn runtime_overrides_with_a_percentage_or_a_fraction() {
        assert!(!fraction().contains(&runtime("0"), 0));
        assert!(fraction().contains(&runtime("100"), 99));
        assert!(fraction().contains(&runtime("5/10000"), 10_004));
        assert!(!fraction().contains(&runtime("5/10000"), 10_005));
    }
}
