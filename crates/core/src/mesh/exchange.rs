//! The exchange of metadata on connections: each side says who it is before its first byte, where ALPN has agreed
//! on that.
//! Source: `contrib/istio/filters/network/metadata_exchange` of Envoy.

use std::sync::Arc;

use prost::Message;

use super::{Found, Labels, Peer};
use crate::proto::service::{value::Kind, Struct};
use crate::proto::{self, MetadataExchangeStat as Stat};
use crate::stats::{Block, BlockKind};
use crate::worker::Worker;

/// Before the metadata: this number, and how long they are.
const MAGIC: u32 = 0x3D23_0467;
const FRONT: usize = 8;
/// Longer metadata are none: they are kept until they are whole.
const MOST: usize = 64 * 1024;
const KEY: &str = "x-envoy-peer-metadata";
const STRUCT_TYPE: &str = "google.protobuf.Struct";

/// Immutable, shared by all workers.
pub struct MetadataExchange {
    stats_block: u32,
    protocol: Box<[u8]>,
    greeting: Arc<[u8]>,
    labels: Labels,
}

impl MetadataExchange {
    pub fn compile(message: &proto::MetadataExchange) -> Self {
        Self {
            stats_block: message.stats_block,
            protocol: message.protocol.as_bytes().into(),
            greeting: message.greeting.as_slice().into(),
            labels: Labels::new(&message.additional_labels),
        }
    }

    /// Begins on a connection whose sides have agreed on `alpn`; none where that is something else.
    pub fn begin(self: &Arc<Self>, worker: &Worker, alpn: Option<&[u8]>) -> Option<Exchange> {
        if !self.is_agreed_on(worker, alpn) {
            return None;
        }
        let block = worker.kept_block(self.stats_block, BlockKind::Filter);
        block.inc(Stat::MetadataExchangeMetadataAdded);
        Some(Exchange { config: self.clone(), block, kept: Vec::new(), length: None })
    }

    /// Counts whether the sides of a connection have agreed on the exchange.
    pub fn is_agreed_on(&self, worker: &Worker, alpn: Option<&[u8]>) -> bool {
        let agreed = alpn == Some(&self.protocol);
        worker.kept_block(self.stats_block, BlockKind::Filter).inc(match agreed {
            true => Stat::MetadataExchangeAlpnProtocolFound,
            false => Stat::MetadataExchangeAlpnProtocolNotFound,
        });
        agreed
    }
}

/// What the other side says on one connection, as far as it has come.
pub struct Exchange {
    config: Arc<MetadataExchange>,
    block: Arc<Block>,
    kept: Vec<u8>,
    /// Of the metadata, once their front has come.
    length: Option<usize>,
}

/// What stands before the metadata.
enum Front {
    /// Not all of it has come.
    Missing,
    /// The connection begins with something else.
    Other,
    Length(usize),
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl Exchange {
    /// What this side says before its first byte.
    pub fn greeting(&self) -> &Arc<[u8]> {
        &self.config.greeting
    }

    /// Takes the next bytes of the connection; `end`: it has none. Once all has come: who is at the other side, and
    /// the bytes after that.
    pub fn take(&mut self, bytes: &[u8], end: bool) -> Option<(Found, Vec<u8>)> {
        self.kept.extend_from_slice(bytes);
        let length = match self.length {
            Some(length) => length,
            None => match self.read_front() {
                Front::Missing if !end => return None,
                Front::Missing | Front::Other => {
                    return Some((Found::Nothing, std::mem::take(&mut self.kept)));
                }
                Front::Length(length) => *self.length.insert(length),
            },
        };
        if length > MOST {
            return Some(self.nothing());
        }
        if self.kept.len() < length {
            return end.then(|| self.nothing());
        }
        let Some(found) = self.read(length) else { return Some(self.nothing()) };
        Some((found, self.kept.split_off(length)))
    }

    /// What came is no metadata: it goes on as it is.
    fn nothing(&mut self) -> (Found, Vec<u8>) {
        self.block.inc(Stat::MetadataExchangeHeaderNotFound);
        (Found::Nothing, std::mem::take(&mut self.kept))
    }

    /// Takes the front away, if it has come and is one.
    fn read_front(&mut self) -> Front {
        let front: Option<[u8; FRONT]> = self.kept.first_chunk().copied();
        let found = match front {
            None => Front::Missing,
            Some([a, b, c, d, length @ ..]) if u32::from_be_bytes([a, b, c, d]) == MAGIC => {
                self.kept.drain(..FRONT);
                return Front::Length(u32::from_be_bytes(length) as usize);
            }
            Some(_) => Front::Other,
        };
        self.block.inc(Stat::MetadataExchangeInitialHeaderNotFound);
        found
    }

    fn read(&self, length: usize) -> Option<Found> {
        let packed = Packed::decode(&self.kept[..length]).ok()?;
        if packed.type_url.rsplit('/').next() != Some(STRUCT_TYPE) {
            return None;
        }
        let mut said = Struct::decode(&*packed.value).ok()?;
        Some(match said.fields.remove(KEY).and_then(|value| value.kind) {
            Some(Kind::StructValue(metadata)) => {
                Found::Peer(Arc::new(Peer::of_struct(metadata, &self.config.labels)))
            }
            _ => Found::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prost::Message;
    use serde_json::json;

    use super::{Exchange, Found, MetadataExchange, Packed, MAGIC, MOST};
    use crate::metadata::values::to_struct;
    use crate::proto;
    use crate::proto::MetadataExchangeStat as Stat;
    use crate::stats::{Block, BlockKind};

    fn exchange() -> Exchange {
        let message = proto::MetadataExchange { protocol: "mx".into(), ..Default::default() };
        let config = Arc::new(MetadataExchange::compile(&message));
        let block = Arc::new(Block::new(BlockKind::Filter));
        Exchange { config, block, kept: Vec::new(), length: None }
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        [&MAGIC.to_be_bytes(), &(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn packed(json: &serde_json::Value, type_url: &str) -> Vec<u8> {
        let value = to_struct(json).unwrap().encode_to_vec();
        framed(&Packed { type_url: type_url.into(), value }.encode_to_vec())
    }

    fn metadata() -> Vec<u8> {
        let said = json!({"x-envoy-peer-metadata": {"WORKLOAD_NAME": "web"}});
        packed(&said, "type.googleapis.com/google.protobuf.Struct")
    }

    fn workload(found: &Found) -> Option<&str> {
        found.peer().map(|peer| &*peer.workload)
    }

    #[test]
    fn metadata_are_taken_however_they_are_cut() {
        let bytes = [metadata(), b"hello".to_vec()].concat();
        for size in [1, 3, 8, 9, 1000] {
            let mut exchange = exchange();
            let mut pieces = bytes.chunks(size);
            let (found, rest) = pieces.by_ref().find_map(|it| exchange.take(it, false)).unwrap();
            assert_eq!(workload(&found), Some("web"));
            assert_eq!([rest, pieces.flatten().copied().collect()].concat(), b"hello");
        }
    }

    #[test]
    fn bytes_without_metadata_go_on() {
        let (found, rest) = exchange().take(b"GET / HTTP/1.1", false).unwrap();
        assert_eq!((found, &*rest), (Found::Nothing, &b"GET / HTTP/1.1"[..]));
        let mut exchange = exchange();
        assert!(exchange.take(b"hi", false).is_none());
        assert_eq!(exchange.block.get(Stat::MetadataExchangeInitialHeaderNotFound), 1);
    }

    #[test]
    fn what_is_broken_names_nobody_and_goes_on() {
        let odd = packed(&json!({}), "type.googleapis.com/google.protobuf.Value");
        let long = [&MAGIC.to_be_bytes()[..], &(MOST as u32 + 1).to_be_bytes(), b"x"].concat();
        for bytes in [framed(b"\xff\xff"), odd, long] {
            let mut exchange = exchange();
            let (found, rest) = exchange.take(&bytes, false).unwrap();
            assert_eq!((found, &*rest), (Found::Nothing, &bytes[8..]));
            assert_eq!(exchange.block.get(Stat::MetadataExchangeHeaderNotFound), 1);
        }
    }

    #[test]
    fn a_connection_that_ends_before_keeps_its_bytes() {
        let mut exchange = exchange();
        let half = &metadata()[..20];
        assert!(exchange.take(half, false).is_none());
        assert_eq!(exchange.take(b"", true), Some((Found::Nothing, half[8..].to_vec())));
        let mut exchange = self::exchange();
        assert!(exchange.take(b"hi", false).is_none());
        assert_eq!(exchange.take(b"", true), Some((Found::Nothing, b"hi".to_vec())));
    }
}
