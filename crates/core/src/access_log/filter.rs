//! Which streams are logged.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/accesslog/v3/accesslog.proto>

use std::time::Instant;

use serde_json::Value;

use crate::cel::Program;
use crate::compile::{each, At, CompileError, Result};
use crate::formatter::{find_value, grpc_status, FormatContext};
use crate::headers::{HeaderId, Headers};
use crate::http::flags::{ResponseFlags, NAMES};
use crate::matcher::{HeaderMatcher, Regexes, StringMatcher};
use crate::proto;
use crate::proto::access_log_filter::comparison::Op;
use crate::proto::access_log_filter::Kind;
use crate::random::Random;
use crate::runtime::{Fraction, Number, Runtime};
use crate::tracing::Reason;

/// A compiled filter.
pub struct LogFilter {
    rule: Rule,
}

enum Rule {
    StatusCode(Comparison),
    Duration(Comparison),
    NotHealthCheck,
    TraceForced,
    Share { fraction: Fraction, independent: bool },
    All(Vec<LogFilter>),
    Any(Vec<LogFilter>),
    Header(HeaderMatcher),
    Flags(ResponseFlags),
    GrpcStatus { statuses: Vec<i64>, exclude: bool },
    LogType { names: Vec<String>, exclude: bool },
    Metadata(MetadataRule),
    Expression(Program),
}

impl LogFilter {
    /// # Errors
    /// An unknown flag, or a matcher that cannot be compiled.
    pub fn compile(message: &proto::AccessLogFilter) -> Result<Self> {
        let rule = match &message.kind {
            None => return Err(CompileError::new("the filter is empty")),
            Some(Kind::StatusCode(it)) => Rule::StatusCode(Comparison::compile(it)),
            Some(Kind::DurationMs(it)) => Rule::Duration(Comparison::compile(it)),
            Some(Kind::NotHealthCheck(_)) => Rule::NotHealthCheck,
            Some(Kind::Traceable(_)) => Rule::TraceForced,
            Some(Kind::Runtime(it)) => Rule::Share {
                fraction: Fraction::compile(&it.fraction.clone().unwrap_or_default()),
                independent: it.independent_randomness,
            },
            Some(Kind::And(both)) => Rule::All(each(&both.filters, "and", Self::compile)?),
            Some(Kind::Or(both)) => Rule::Any(each(&both.filters, "or", Self::compile)?),
            Some(Kind::Header(it)) => {
                Rule::Header(HeaderMatcher::compile(it, &Regexes::default()).at("header")?)
            }
            Some(Kind::ResponseFlags(it)) => Rule::Flags(flags(&it.flags)?),
            Some(Kind::GrpcStatus(it)) => Rule::GrpcStatus {
                statuses: it.statuses.iter().map(|&status| status.into()).collect(),
                exclude: it.exclude,
            },
            Some(Kind::LogType(it)) => {
                Rule::LogType { names: it.types.clone(), exclude: it.exclude }
            }
            Some(Kind::Metadata(it)) => Rule::Metadata(MetadataRule::compile(it).at("metadata")?),
            Some(Kind::Expression(it)) => Rule::Expression(Program::compile(it).at("expression")?),
        };
        Ok(Self { rule })
    }

    /// True when the stream is to be logged.
    pub fn passes(&self, context: &FormatContext<'_>, runtime: &Runtime, random: &Random) -> bool {
        let info = context.info;
        match &self.rule {
            Rule::StatusCode(comparison) => comparison.holds(info.response_code.into(), runtime),
            Rule::Duration(comparison) => {
                let end = info.end.unwrap_or_else(Instant::now);
                let elapsed = end.saturating_duration_since(info.start);
                comparison.holds(elapsed.as_millis() as u64, runtime)
            }
            Rule::NotHealthCheck => !info.health_check,
            Rule::TraceForced => {
                // As in Envoy, no other reason counts.
                let trace = info.trace.as_ref().filter(|_| !info.health_check);
                trace.is_some_and(|trace| trace.reason == Reason::Forced)
            }
            Rule::Share { fraction, independent } => {
                let of_request = if *independent { None } else { request_number(context) };
                fraction.contains(runtime, of_request.unwrap_or_else(|| random.next()))
            }
            Rule::All(filters) => filters.iter().all(|it| it.passes(context, runtime, random)),
            Rule::Any(filters) => filters.iter().any(|it| it.passes(context, runtime, random)),
            Rule::Header(matcher) => match context.request {
                Some(headers) => matcher.matches(headers),
                None => matcher.matches(&Headers::new()),
            },
            Rule::Flags(wanted) => info.flags.intersects(*wanted),
            Rule::GrpcStatus { statuses, exclude } => {
                statuses.contains(&grpc_status(context)) != *exclude
            }
            Rule::LogType { names, exclude } => {
                names.iter().any(|name| name == context.log_type.name()) != *exclude
            }
            Rule::Metadata(rule) => rule.passes(info.dynamic_metadata.as_deref()),
            Rule::Expression(program) => program.holds(context),
        }
    }
}

struct Comparison {
    op: Op,
    value: Number,
}

impl Comparison {
    fn compile(message: &proto::access_log_filter::Comparison) -> Self {
        let value = message.value.clone().unwrap_or_default();
        let value = Number::new(value.runtime_key, value.default_value.into());
        Self { op: message.op(), value }
    }

    fn holds(&self, found: u64, runtime: &Runtime) -> bool {
        let wanted = self.value.of(runtime);
        match self.op {
            Op::Eq => found == wanted,
            Op::Ge => found >= wanted,
            Op::Le => found <= wanted,
            Op::Ne => found != wanted,
        }
    }
}

/// The first 32 bits of a request id, so that all proxies of a request choose alike.
fn request_number(context: &FormatContext<'_>) -> Option<u64> {
    let digits = context.request?.get_str(HeaderId::XRequestId)?.get(..8)?;
    u64::from_str_radix(digits, 16).ok()
}

/// All named flags; all that there are when none is named.
fn flags(names: &[String]) -> Result<ResponseFlags> {
    if names.is_empty() {
        return Ok(ResponseFlags::all());
    }
    names.iter().try_fold(ResponseFlags::empty(), |all, name| {
        NAMES
            .iter()
            .find(|(_, short, _)| short == name)
            .map(|(flag, _, _)| all | *flag)
            .ok_or_else(|| CompileError::new(format!("{name:?} is not a response flag")))
    })
}

/// A value of dynamic metadata at a path.
struct MetadataRule {
    /// The namespace, then the keys.
    path: Vec<String>,
    wanted: Option<Value>,
    text: Option<StringMatcher>,
    invert: bool,
    without_key: bool,
}

impl MetadataRule {
    fn compile(message: &proto::access_log_filter::Metadata) -> Result<Self> {
        let wanted = match message.value_json.as_str() {
            "" => None,
            json => Some(serde_json::from_str(json).map_err(|error| {
                CompileError::new(format!("the value {json:?} is not JSON: {error}"))
            })?),
        };
        let text =
            message.string.as_ref().map(|it| StringMatcher::compile(it, &Regexes::default()));
        let namespace = std::iter::once(message.filter.clone());
        Ok(Self {
            path: namespace.chain(message.path.iter().cloned()).collect(),
            wanted,
            text: text.transpose().at("string")?,
            invert: message.invert,
            without_key: message.match_if_key_not_found,
        })
    }

    fn passes(&self, metadata: Option<&Value>) -> bool {
        let found = metadata.and_then(|metadata| find_value(metadata, &self.path));
        let Some(value) = found else { return self.without_key };
        let matched = match (&self.text, value.as_str()) {
            (Some(matcher), Some(text)) => matcher.matches(text.as_bytes()),
            (Some(_), None) => false,
            (None, _) => self.wanted.as_ref().is_none_or(|wanted| same(wanted, value)),
        };
        matched != self.invert
    }
}

/// Numbers of metadata are doubles, however they are written.
fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => wanted == found,
    }
}
