//! What is known of one request (or one TCP connection): the source of access logs, format strings and
//! log filters.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::flags::ResponseFlags;
use crate::address::Address;
use crate::clock;
use crate::connection::{ConnectionState, Inspected};
use crate::listener::{Traits, RAW_BUFFER};
use crate::mesh::{Found, Peers};
use crate::metadata::{merge, set, set_in};
use crate::tls::TlsInfo;
use crate::tracing::Trace;
use crate::upstream::{ConnectionFacts, Host};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http10,
    Http11,
    Http2,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseType {
    #[default]
    Normal,
    LocalReset,
    RemoteReset,
}

impl CloseType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::LocalReset => "LocalReset",
            Self::RemoteReset => "RemoteReset",
        }
    }
}

/// What happened on a downstream connection so far: what its listener's access logs tell at its end.
#[derive(Default)]
pub struct ConnectionTally {
    bytes_received: Cell<u64>,
    bytes_sent: Cell<u64>,
    protocol: Cell<Option<Protocol>>,
    flags: Cell<ResponseFlags>,
    close_type: Cell<CloseType>,
    local_close_reason: Cell<&'static str>,
}

impl ConnectionTally {
    pub fn received(&self, bytes: u64) {
        self.bytes_received.set(self.bytes_received.get() + bytes);
    }

    pub fn sent(&self, bytes: u64) {
        self.bytes_sent.set(self.bytes_sent.get() + bytes);
    }

    /// The protocol, which the first bytes without a fault have shown.
    pub fn speaks(&self, protocol: Protocol) {
        if self.protocol.get().is_none() {
            self.protocol.set(Some(protocol));
        }
    }

    pub fn flag(&self, flags: ResponseFlags) {
        self.flags.set(self.flags.get() | flags);
    }

    /// The client has reset the connection.
    pub fn was_reset(&self) {
        self.close_type.set(CloseType::RemoteReset);
    }

    /// This side closes the connection, and why.
    pub fn closes(&self, reason: &'static str) {
        self.local_close_reason.set(reason);
    }

    /// Puts it into what a log tells of the connection as a whole.
    pub fn tell(&self, info: &mut StreamInfo) {
        info.bytes_received = self.bytes_received.get();
        info.bytes_sent = self.bytes_sent.get();
        info.protocol = self.protocol.get();
        info.flags |= self.flags.get();
        info.close_type = self.close_type.get();
        info.local_close_reason = self.local_close_reason.get().into();
    }
}

/// What is known of a downstream connection; shared by its requests.
pub struct ConnectionInfo {
    /// Unique in the process.
    pub id: u64,
    pub remote: Address,
    pub local: Address,
    pub start: Instant,
    pub listener: Arc<str>,
    pub filter_chain: Arc<str>,
    pub listener_metadata: Option<Arc<serde_json::Value>>,
    pub filter_chain_metadata: Option<Arc<serde_json::Value>>,
    /// None: plain TCP.
    pub tls: Option<Rc<TlsInfo>>,
    /// `INBOUND`, `OUTBOUND` or `UNSPECIFIED`.
    pub traffic_direction: &'static str,
    pub tally: ConnectionTally,
    /// What listener filters found out, if there are any.
    pub inspected: Option<Box<Inspected>>,
    /// What filters say of it.
    pub state: RefCell<ConnectionState>,
}

impl ConnectionInfo {
    /// Of requests that the proxy makes by itself. `address` stands where a client's would.
    pub fn without_client(id: u64, address: Ipv4Addr) -> Self {
        let address = Address::Ip((address, 0).into());
        Self {
            id,
            remote: address.clone(),
            local: address,
            start: clock::now(),
            listener: "".into(),
            filter_chain: "".into(),
            listener_metadata: None,
            filter_chain_metadata: None,
            tls: None,
            traffic_direction: "unspecified",
            tally: ConnectionTally::default(),
            inspected: None,
            state: RefCell::default(),
        }
    }

    /// The peer of the socket, where `remote` may be who a proxy in front named.
    pub fn direct_remote(&self) -> &Address {
        self.inspected.as_ref().and_then(|it| it.direct_remote.as_ref()).unwrap_or(&self.remote)
    }

    /// The address of the socket, where `local` may be restored.
    pub fn direct_local(&self) -> &Address {
        self.inspected.as_ref().and_then(|it| it.direct_local.as_ref()).unwrap_or(&self.local)
    }

    /// What filter chains and policies are matched with; `state` is borrowed of this connection.
    pub fn traits<'a>(&'a self, state: &'a ConnectionState) -> Traits<'a> {
        let inspected = self.inspected.as_deref();
        let transport = inspected.map_or("", |it| it.transport_protocol);
        Traits {
            local: &self.local,
            remote: &self.remote,
            direct: self.direct_remote(),
            server_name: self.requested_server_name(),
            transport_protocol: if transport.is_empty() { RAW_BUFFER } else { transport },
            application_protocols: inspected.map_or(&[], |it| &it.application_protocols),
            state,
        }
    }

    /// The name that the client asks for (SNI); empty when it does not.
    pub fn requested_server_name(&self) -> &str {
        self.inspected.as_ref().map_or("", |it| &it.server_name)
    }
}

/// An attempt that was followed by another.
#[derive(Clone)]
pub struct Attempt {
    pub host: Arc<Host>,
    /// None when no connection was made.
    pub connection_id: Option<u64>,
}

/// What is known of the upstream side of the latest attempt.
#[derive(Clone, Default)]
pub struct UpstreamInfo {
    /// Of a TCP connection that was tried to several hosts: oldest first, without the latest.
    pub earlier_attempts: Vec<Attempt>,
    pub host: Option<Arc<Host>>,
    pub local: Option<Address>,
    pub connection_id: Option<u64>,
    /// None: plain TCP, or no connection.
    pub tls: Option<Rc<TlsInfo>>,
    pub protocol: Option<Protocol>,
    /// None: as it follows from the host.
    pub close_type: Option<CloseType>,
    /// What went wrong with the attempt before it ended: it took too long.
    pub flags: ResponseFlags,
    /// Why the transport failed, e.g. `delayed connect error: Connection refused`.
    pub transport_failure_reason: Cow<'static, str>,
    pub connect_start: Option<Instant>,
    pub connect_end: Option<Instant>,
    /// When the attempt began.
    pub begun: Option<Instant>,
    /// From the attempt's start until it had a connection, or knew that it would get none.
    pub pool_ready_after: Option<Duration>,
    pub first_tx: Option<Instant>,
    pub last_tx: Option<Instant>,
    pub first_rx: Option<Instant>,
    pub first_body_rx: Option<Instant>,
    pub last_rx: Option<Instant>,
    /// Requests that the connection had carried when it took this one, itself included.
    pub connection_requests: u64,
    pub header_bytes_sent: u64,
    pub header_bytes_received: u64,
    pub wire_bytes_sent: u64,
    pub wire_bytes_received: u64,
    /// Of bodies, without their framing.
    pub body_bytes_sent: u64,
    pub body_bytes_received: u64,
    /// Bytes and fields of the response's head as it came, where the cluster counts them.
    pub response_head: Option<(u64, u64)>,
    /// Who is at the other end of the connection, as it says itself.
    pub said: Found,
}

impl UpstreamInfo {
    /// Notes which connection serves.
    #[inline]
    pub fn note_connection(&mut self, connection: impl Into<ConnectionFacts>) {
        let facts = connection.into();
        self.local = facts.local;
        self.connection_id = Some(facts.id);
        self.tls = facts.tls;
        self.connect_start = Some(facts.connect_start);
        self.connect_end = Some(facts.connect_end);
    }
}

/// The route of a request, as logs name it. A route is immutable, so this is shared.
#[derive(Default)]
pub struct RouteInfo {
    pub route_name: Arc<str>,
    pub virtual_host: Arc<str>,
    pub metadata: Option<Arc<serde_json::Value>>,
    pub virtual_host_metadata: Option<Arc<serde_json::Value>>,
}

/// Objects in the filter state whose text is not their JSON, by name.
#[derive(Default)]
pub struct FilterObjects {
    objects: Vec<FilterObject>,
}

pub struct FilterObject {
    name: &'static str,
    /// What `%FILTER_STATE(NAME:TYPED)%` writes.
    pub typed: serde_json::Value,
    /// What `%FILTER_STATE(NAME:PLAIN)%` writes.
    pub plain: String,
}

impl FilterObjects {
    /// Sets the object called `name`.
    pub fn set(&mut self, name: &'static str, typed: serde_json::Value, plain: String) {
        self.objects.retain(|object| object.name != name);
        self.objects.push(FilterObject { name, typed, plain });
    }

    pub fn get(&self, name: &str) -> Option<&FilterObject> {
        self.objects.iter().find(|object| object.name == name)
    }
}

/// By the key of the value.
type OwnHashes = Box<Vec<(Box<str>, Option<u64>)>>;

pub struct StreamInfo {
    pub connection: Rc<ConnectionInfo>,
    /// The client's address after x-forwarded-for was considered.
    pub remote: Address,
    pub protocol: Option<Protocol>,
    pub start: Instant,
    pub start_wall: SystemTime,
    pub last_rx: Option<Instant>,
    pub first_tx: Option<Instant>,
    pub last_tx: Option<Instant>,
    pub end: Option<Instant>,
    /// Body bytes.
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub header_bytes_received: u64,
    pub header_bytes_sent: u64,
    pub wire_bytes_received: u64,
    pub wire_bytes_sent: u64,
    /// 0 until there is one.
    pub response_code: u16,
    pub details: Cow<'static, str>,
    pub termination_details: Cow<'static, str>,
    pub flags: ResponseFlags,
    /// Why this side closed the downstream connection; empty when it did not.
    pub local_close_reason: Cow<'static, str>,
    /// How the downstream connection ended.
    pub close_type: CloseType,
    pub route: Option<Arc<RouteInfo>>,
    pub virtual_cluster: Option<Arc<str>>,
    pub cluster: Option<Arc<str>>,
    pub cluster_metadata: Option<Arc<serde_json::Value>>,
    pub upstream: UpstreamInfo,
    pub attempts: u32,
    pub health_check: bool,
    /// {"filter": {...}}
    pub dynamic_metadata: Option<Box<serde_json::Value>>,
    pub filter_state: Option<Box<serde_json::Value>>,
    /// What values that filters set for this stream alone hash to; None: not to be hashed.
    own_hashes: Option<OwnHashes>,
    /// Filter state that has another form as text than as an object.
    pub filter_objects: FilterObjects,
    /// The workloads at the ends, which are filter state, too.
    pub peers: Peers,
    /// Unique in the process.
    pub stream_id: u64,
    /// None: its connection manager traces nothing.
    pub trace: Option<Box<Trace>>,
}

impl StreamInfo {
    /// What is known of a connection that is not made of requests.
    pub fn of_connection(connection: Rc<ConnectionInfo>) -> Self {
        let dynamic_metadata = connection.state.borrow().dynamic_metadata.clone();
        let start = connection.start;
        Self { dynamic_metadata, ..Self::new(connection, start, clock::wall()) }
    }

    /// Sets one value in the dynamic metadata of `namespace`.
    pub fn set_metadata(&mut self, namespace: &str, key: &str, value: serde_json::Value) {
        set_in(&mut self.dynamic_metadata, namespace, key, value);
    }

    pub fn set_filter_state(&mut self, key: &str, value: serde_json::Value) {
        set(&mut self.filter_state, key, value);
    }

    /// Sets one value in the object of the filter state under `key`.
    pub fn set_in_filter_state(&mut self, key: &str, name: &str, value: serde_json::Value) {
        set_in(&mut self.filter_state, key, name, value);
    }

    /// Says what the value under `key` hashes to, if it is one that can be hashed.
    pub fn set_hash(&mut self, key: &str, hash: Option<u64>) {
        let own = self.own_hashes.get_or_insert_default();
        own.retain(|(known, _)| &**known != key);
        own.push((key.into(), hash));
    }

    /// What the value of filter state under `key` hashes to.
    pub fn hash(&self, key: &str) -> Option<u64> {
        let own = self.own_hashes.as_ref().and_then(|own| own.iter().find(|(it, _)| &**it == key));
        own.map_or_else(|| self.connection.state.borrow().hash(key), |(_, hash)| *hash)
    }

    /// Sets every one of `values` in the dynamic metadata of `namespace`.
    pub fn merge_metadata(
        &mut self,
        namespace: &str,
        values: &serde_json::Map<String, serde_json::Value>,
    ) {
        merge(&mut self.dynamic_metadata, namespace, values);
    }

    // In place of a copy: it is large.
    #[inline(always)]
    pub fn new(connection: Rc<ConnectionInfo>, start: Instant, start_wall: SystemTime) -> Self {
        let state = connection.state.borrow();
        let filter_state = state.filter_state.clone();
        let peers = Peers { downstream: state.said.peer().cloned(), ..Peers::default() };
        drop(state);
        Self {
            remote: connection.remote.clone(),
            filter_state,
            connection,
            protocol: None,
            start,
            start_wall,
            last_rx: None,
            first_tx: None,
            last_tx: None,
            end: None,
            bytes_received: 0,
            bytes_sent: 0,
            header_bytes_received: 0,
            header_bytes_sent: 0,
            wire_bytes_received: 0,
            wire_bytes_sent: 0,
            response_code: 0,
            details: Cow::Borrowed(""),
            termination_details: Cow::Borrowed(""),
            flags: ResponseFlags::empty(),
            local_close_reason: Cow::Borrowed(""),
            close_type: CloseType::Normal,
            route: None,
            virtual_cluster: None,
            cluster: None,
            cluster_metadata: None,
            upstream: UpstreamInfo::default(),
            attempts: 0,
            health_check: false,
            dynamic_metadata: None,
            own_hashes: None,
            filter_objects: FilterObjects::default(),
            peers,
            stream_id: 0,
            trace: None,
        }
    }
}
