//! The header to metadata filter: values of headers and cookies become dynamic metadata.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_to_metadata_filter>

use std::sync::Arc;

use serde_json::Value;

use super::of_route;
use crate::base64;
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderName, Headers};
use crate::http::stream::Stream;
use crate::matcher::{cookie_value, Regexes};
use crate::proto::metadata_rule::From;
use crate::proto::{self, HeaderToMetadataStat};
use crate::route::{FilterConfig, RegexRewrite};
use crate::stats::{Block, BlockKind};

/// Longer values are left out.
const MAX_VALUE: usize = 8 * 1024;

pub struct HeaderToMetadata(Arc<MetadataRules>);

/// Of the filter or of a route.
pub struct MetadataRules {
    /// 0: nothing is counted.
    stats_block: u32,
    request: Vec<Rule>,
    response: Vec<Rule>,
}

struct Rule {
    from: Source,
    present: Option<Target>,
    missing: Option<Target>,
}

enum Source {
    Header { name: HeaderName, remove: bool },
    Cookie(Vec<u8>),
}

/// What becomes of a value.
struct Target {
    namespace: String,
    key: String,
    /// In place of what was found; empty: that.
    value: String,
    rewrite: Option<RegexRewrite>,
    number: bool,
    base64: bool,
}

/// What is counted of one direction.
struct Counts<'a> {
    block: Option<Arc<Block>>,
    processed: HeaderToMetadataStat,
    added: HeaderToMetadataStat,
    not_found: HeaderToMetadataStat,
    rules: &'a [Rule],
}

impl MetadataRules {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::HeaderToMetadataFilter, regexes: &Regexes) -> Result<Self> {
        let rules = |rules: &[_], field: &str| each(rules, field, |r| Rule::compile(r, regexes));
        Ok(Self {
            stats_block: message.stats_block,
            request: rules(&message.request, "request")?,
            response: rules(&message.response, "response")?,
        })
    }

    fn block(&self, stream: &Stream) -> Option<Arc<Block>> {
        let number = self.stats_block;
        (number != 0).then(|| stream.worker.kept_block(number, BlockKind::Filter))
    }
}

impl Rule {
    fn compile(message: &proto::MetadataRule, regexes: &Regexes) -> Result<Self> {
        let from = match &message.from {
            Some(From::Header(name)) => {
                Source::Header { name: HeaderName::new(name), remove: message.remove }
            }
            Some(From::Cookie(name)) => Source::Cookie(name.clone().into_bytes()),
            None => return Err(CompileError::new("a header or a cookie is missing")),
        };
        let target = |target: &Option<proto::MetadataTarget>| {
            target.as_ref().map(|target| Target::compile(target, regexes)).transpose()
        };
        Ok(Self {
            from,
            present: target(&message.present).at("present")?,
            missing: target(&message.missing).at("missing")?,
        })
    }
}

impl Source {
    fn take(&self, headers: &mut Headers) -> Option<Vec<u8>> {
        match self {
            Self::Header { name, remove } => {
                let value = headers.joined(name.key())?.into_owned();
                if *remove {
                    headers.remove(name);
                }
                Some(value)
            }
            Self::Cookie(name) => {
                cookie_value(headers, name).filter(|value| !value.is_empty()).map(<[u8]>::to_vec)
            }
        }
    }
}

impl Target {
    fn compile(message: &proto::MetadataTarget, regexes: &Regexes) -> Result<Self> {
        let rewrite = message.rewrite.as_ref().map(|r| RegexRewrite::compile(r, regexes));
        Ok(Self {
            namespace: message.namespace.clone(),
            key: message.key.clone(),
            value: message.value.clone(),
            rewrite: rewrite.transpose().at("rewrite")?,
            number: message.number,
            base64: message.base64,
        })
    }

    /// The value that is set; none when there is none, or why not is counted.
    fn make(&self, found: Vec<u8>, counts: &Counts<'_>) -> Option<Value> {
        let mut value = found;
        if !self.value.is_empty() {
            value = self.value.clone().into_bytes();
        } else if let Some(rewrite) = &self.rewrite {
            let rewritten = rewrite.replace_all(&value);
            if rewritten.is_empty() && !value.is_empty() {
                counts.inc(HeaderToMetadataStat::HeaderToMetadataRegexSubstitutionFailed);
            }
            value = rewritten;
        }
        if value.is_empty() {
            return None;
        }
        if value.len() >= MAX_VALUE {
            counts.inc(HeaderToMetadataStat::HeaderToMetadataHeaderValueTooLong);
            return None;
        }
        if self.base64 {
            let mut decoded = Vec::new();
            if base64::decode(&value, &mut decoded).is_none() || decoded.is_empty() {
                counts.inc(HeaderToMetadataStat::HeaderToMetadataBase64DecodeFailed);
                return None;
            }
            value = decoded;
        }
        let text = String::from_utf8_lossy(&value);
        match self.number {
            false => Some(Value::from(text.into_owned())),
            true => number(text.trim().parse().ok()?),
        }
    }
}

/// A whole number is written as one.
fn number(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.fract() == 0.0 && number.abs() < EXACT {
        true => Some(Value::from(number as i64)),
        false => serde_json::Number::from_f64(number).map(Value::Number),
    }
}

impl Counts<'_> {
    fn inc(&self, stat: HeaderToMetadataStat) {
        if let Some(block) = &self.block {
            block.inc(stat);
        }
    }

    /// Applies the rules to the headers of one direction.
    fn apply(&self, headers: &mut Headers, stream: &mut Stream) {
        for rule in self.rules {
            let found = rule.from.take(headers);
            self.inc(self.processed);
            let target = match found {
                Some(_) => rule.present.as_ref(),
                None => rule.missing.as_ref(),
            };
            let Some(target) = target else { continue };
            if found.is_none() {
                self.inc(self.not_found);
            }
            if let Some(value) = target.make(found.unwrap_or_default(), self) {
                stream.info.set_metadata(&target.namespace, &target.key, value);
                self.inc(self.added);
            }
        }
    }
}

impl HeaderToMetadata {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::HeaderToMetadataFilter, regexes: &Regexes) -> Result<Self> {
        MetadataRules::compile(message, regexes).map(|rules| Self(Arc::new(rules)))
    }

    fn rules(&self, name: &str, stream: &Stream) -> Arc<MetadataRules> {
        let of_route = of_route(name, stream, |config| match config {
            FilterConfig::HeaderToMetadata(rules) => Some(rules),
            _ => None,
        });
        of_route.unwrap_or_else(|| self.0.clone())
    }

    pub fn request(&self, name: &str, stream: &mut Stream) {
        let rules = self.rules(name, stream);
        let counts = Counts {
            block: rules.block(stream),
            processed: HeaderToMetadataStat::HeaderToMetadataRequestRulesProcessed,
            added: HeaderToMetadataStat::HeaderToMetadataRequestMetadataAdded,
            not_found: HeaderToMetadataStat::HeaderToMetadataRequestHeaderNotFound,
            rules: &rules.request,
        };
        let mut headers = std::mem::take(&mut stream.request);
        counts.apply(&mut headers, stream);
        stream.request = headers;
    }

    pub fn response(&self, name: &str, stream: &mut Stream) {
        let rules = self.rules(name, stream);
        let counts = Counts {
            block: rules.block(stream),
            processed: HeaderToMetadataStat::HeaderToMetadataResponseRulesProcessed,
            added: HeaderToMetadataStat::HeaderToMetadataResponseMetadataAdded,
            not_found: HeaderToMetadataStat::HeaderToMetadataResponseHeaderNotFound,
            rules: &rules.response,
        };
        let mut headers = std::mem::take(&mut stream.response);
        counts.apply(&mut headers, stream);
        stream.response = headers;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::number;

    #[test]
    fn numbers_are_whole_where_they_are() {
        assert_eq!(number(1000.0), Some(json!(1000)));
        assert_eq!(number(-1.5), Some(json!(-1.5)));
        assert_eq!(number(1e300), Some(json!(1e300)));
        assert_eq!(number(f64::NAN), None);
    }
}
