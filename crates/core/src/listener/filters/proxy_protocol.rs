//! envoy.filters.listener.proxy_protocol: whom a proxy in front speaks for.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol>

use std::sync::Arc;

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::original_dst::restore;
use super::proxy_header::{self, Header, HeaderError, Version};
use super::{OnData, Subject};
use crate::address::Address;
use crate::compile::{each, CompileError, Result};
use crate::connection::Tlv;
use crate::proto::{self, ProcessStat, ProxyProtocolStat as Stat};
use crate::service_values::text;
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

const NAMESPACE: &str = "envoy.filters.listener.proxy_protocol";
const FILTER_STATE: &str = "envoy.network.proxy_protocol.tlv";

/// Immutable, shared by all workers.
pub struct ProxyProtocolConfig {
    stats_block: u32,
    allow_without: bool,
    refuse_v1: bool,
    refuse_v2: bool,
    rules: Vec<Rule>,
    pass_all: bool,
    pass: Vec<u8>,
    in_filter_state: bool,
}

struct Rule {
    kind: u8,
    namespace: String,
    key: String,
    base64: bool,
}

impl ProxyProtocolConfig {
    /// # Errors
    /// A type that is none.
    pub fn compile(message: &proto::ProxyProtocol) -> Result<Self> {
        let pass = message.pass_through.clone().unwrap_or_default();
        Ok(Self {
            stats_block: message.stats_block,
            allow_without: message.allow_without,
            refuse_v1: message.refuse_v1,
            refuse_v2: message.refuse_v2,
            rules: each(&message.rules, "rules", |rule| {
                let namespace = rule.namespace.as_str();
                Ok(Rule {
                    kind: kind(rule.r#type)?,
                    namespace: if namespace.is_empty() { NAMESPACE } else { namespace }.to_owned(),
                    key: rule.key.clone(),
                    base64: rule.base64,
                })
            })?,
            pass_all: pass.all,
            pass: each(&pass.types, "pass_through.types", |number| kind(*number))?,
            in_filter_state: message.tlvs_in_filter_state,
        })
    }

    fn refuses(&self, version: Version) -> bool {
        match version {
            Version::V1 => self.refuse_v1,
            Version::V2 => self.refuse_v2,
        }
    }
}

fn kind(number: u32) -> Result<u8> {
    u8::try_from(number).map_err(|_| CompileError::new(format!("{number} is no type of a TLV")))
}

/// Of one worker.
pub struct ProxyProtocol {
    config: Arc<ProxyProtocolConfig>,
    block: Arc<Block>,
}

impl ProxyProtocol {
    pub fn new(worker: &Worker, config: Arc<ProxyProtocolConfig>) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::Filter), config }
    }

    pub fn data(&self, worker: &Worker, subject: &mut Subject, bytes: &[u8]) -> OnData {
        let found = match proxy_header::version(bytes) {
            Ok(found) => found,
            Err(_) => return self.absent(worker),
        };
        if self.config.allow_without && found.is_some_and(|version| self.config.refuses(version)) {
            return self.absent(worker);
        }
        match proxy_header::parse(bytes) {
            Ok(None) => OnData::More(proxy_header::size_hint(bytes)),
            Ok(Some(header)) => self.take(worker, subject, &header),
            Err(error) => self.failed(worker, error),
        }
    }

    fn absent(&self, worker: &Worker) -> OnData {
        if self.config.allow_without {
            self.block.inc(Stat::ProxyProtocolNotFoundAllowed);
            return OnData::Done;
        }
        self.failed(worker, HeaderError::Absent)
    }

    fn failed(&self, worker: &Worker, error: HeaderError) -> OnData {
        worker.process.inc(ProcessStat::ProcessDownstreamCxProxyProtoError);
        self.block.inc(match error {
            HeaderError::Absent => Stat::ProxyProtocolNotFoundDisallowed,
            HeaderError::Invalid(Version::V1) => Stat::ProxyProtocolVersionsV1Error,
            HeaderError::Invalid(Version::V2) => Stat::ProxyProtocolVersionsV2Error,
        });
        OnData::Close
    }

    fn take(&self, worker: &Worker, subject: &mut Subject, header: &Header<'_>) -> OnData {
        let tlvs = match proxy_header::tlvs(header.tlvs) {
            Ok(tlvs) => tlvs,
            Err(error) => return self.failed(worker, error),
        };
        let (found, refused) = match header.version {
            Version::V1 => {
                (Stat::ProxyProtocolVersionsV1Found, Stat::ProxyProtocolVersionsV1Disallowed)
            }
            Version::V2 => {
                (Stat::ProxyProtocolVersionsV2Found, Stat::ProxyProtocolVersionsV2Disallowed)
            }
        };
        self.block.inc(found);
        if self.config.refuses(header.version) {
            self.block.inc(refused);
            return OnData::Close;
        }
        tlvs.iter().for_each(|(kind, value)| self.take_tlv(subject, *kind, value));
        if let Some((source, destination)) = header.addresses {
            restore(subject, Address::of_connection(destination));
            let before = std::mem::replace(&mut subject.remote, Address::of_connection(source));
            subject.inspected.direct_remote.get_or_insert(before);
        }
        OnData::Take(header.size)
    }

    fn take_tlv(&self, subject: &mut Subject, kind: u8, value: &[u8]) {
        let config = &self.config;
        if config.pass_all || config.pass.contains(&kind) {
            subject.inspected.tlvs.push(Tlv { kind, value: value.into() });
        }
        // Of several rules for a type the last one counts, as in Envoy.
        let Some(rule) = config.rules.iter().rev().find(|rule| rule.kind == kind) else { return };
        let text = Value::from(match rule.base64 {
            true => BASE64.encode(value),
            false => text(value).into_owned(),
        });
        if !config.in_filter_state {
            return subject.state.set_metadata(&rule.namespace, &rule.key, text);
        }
        let state = subject.state.filter_state.as_ref();
        let known = state.and_then(|state| state.get(FILTER_STATE)?.as_object());
        let mut fields = known.cloned().unwrap_or_else(Map::new);
        fields.insert(rule.key.clone(), text);
        subject.state.set_filter_state(FILTER_STATE, Value::Object(fields));
    }
}
