//! envoy.filters.listener.tls_inspector: whether a connection is TLS, and whom it asks for.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/tls_inspector>

use std::sync::Arc;

use serde_json::Value;

use super::client_hello::{parse, ClientHello, Parsed};
use super::{fingerprint, OnAccept, OnData, Subject};
use crate::proto::{self, TlsInspectorHistogram, TlsInspectorStat as Stat};
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

const NAMESPACE: &str = "envoy.filters.listener.tls_inspector";
const REASON: &str = "failure_reason";
/// Bytes after which what is no TLS is known to be none.
const HEADER: usize = 5;

/// Of one worker.
pub struct TlsInspector {
    config: proto::TlsInspector,
    block: Arc<Block>,
}

impl TlsInspector {
    pub fn new(worker: &Worker, config: &proto::TlsInspector) -> Self {
        Self { block: worker.block(config.stats_block, BlockKind::Filter), config: *config }
    }

    fn limit(&self) -> usize {
        self.config.max_client_hello_bytes as usize
    }

    pub fn accept(&self) -> OnAccept {
        OnAccept::Peek(self.limit())
    }

    pub fn data(&self, subject: &mut Subject, bytes: &[u8]) -> OnData {
        match parse(bytes) {
            Parsed::Partial if bytes.len() < self.limit() => OnData::More(self.limit()),
            Parsed::Partial => {
                self.block.inc(Stat::TlsInspectorClientHelloTooLarge);
                set_reason(subject, "ClientHelloTooLarge");
                self.processed(bytes.len());
                OnData::Close
            }
            Parsed::Hello(hello) => self.found(subject, &hello),
            Parsed::NotTls => self.not_found(subject, bytes.len()),
        }
    }

    fn found(&self, subject: &mut Subject, hello: &ClientHello) -> OnData {
        let inspected = &mut subject.inspected;
        self.block.inc(Stat::TlsInspectorTlsFound);
        self.processed(hello.size);
        self.block.inc(match hello.application_protocols.is_empty() {
            true => Stat::TlsInspectorAlpnNotFound,
            false => Stat::TlsInspectorAlpnFound,
        });
        self.block.inc(match hello.server_name {
            Some(_) => Stat::TlsInspectorSniFound,
            None => Stat::TlsInspectorSniNotFound,
        });
        inspected.transport_protocol = "tls";
        if let Some(name) = &hello.server_name {
            inspected.server_name = name.as_str().into();
        }
        if !hello.application_protocols.is_empty() {
            inspected.application_protocols =
                hello.application_protocols.iter().map(|name| name.as_str().into()).collect();
        }
        if self.config.ja3 {
            inspected.ja3 = fingerprint::ja3(hello).into();
        }
        if self.config.ja4 {
            inspected.ja4 = fingerprint::ja4(hello).into();
        }
        OnData::Done
    }

    fn not_found(&self, subject: &mut Subject, seen: usize) -> OnData {
        self.processed(seen.min(HEADER));
        if self.config.close_on_error {
            if seen >= self.limit() {
                self.block.inc(Stat::TlsInspectorClientHelloTooLarge);
                set_reason(subject, "ClientHelloTooLarge");
            }
            return OnData::Close;
        }
        self.block.inc(Stat::TlsInspectorTlsNotFound);
        set_reason(subject, "ClientHelloNotDetected");
        OnData::Done
    }

    fn processed(&self, bytes: usize) {
        self.block.record(TlsInspectorHistogram::BytesProcessed, bytes as u64);
    }
}

fn set_reason(subject: &mut Subject, reason: &str) {
    subject.state.set_metadata(NAMESPACE, REASON, Value::from(reason));
}
