//! Addresses of listeners and endpoints.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::compile::{CompileError, Result};
use crate::proto;

/// Where a connection comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Ip(SocketAddr),
    /// A unix socket; a leading `@` names the abstract namespace.
    Pipe(Arc<PathBuf>),
    /// An internal listener of this process.
    Internal(Arc<InternalAddress>),
}

/// An internal listener by its name, with what tells its endpoints from each other.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct InternalAddress {
    pub listener: Arc<str>,
    pub endpoint_id: Box<str>,
}

impl Address {
    /// Takes an address whose host is an IP address.
    pub fn compile(message: &proto::Address) -> Result<Self> {
        match &message.kind {
            Some(proto::address::Kind::Socket(socket)) => {
                let host = socket.host.parse().map_err(|_| {
                    CompileError::new(format!("{:?} is not an IP address", socket.host))
                })?;
                let port = u16::try_from(socket.port)
                    .map_err(|_| CompileError::new(format!("{} is not a port", socket.port)))?;
                Ok(Self::Ip(SocketAddr::new(host, port)))
            }
            Some(proto::address::Kind::Pipe(path)) => Ok(Self::Pipe(Arc::new(path.into()))),
            Some(proto::address::Kind::Internal(internal)) => {
                Ok(Self::internal(&internal.listener, &internal.endpoint_id))
            }
            None => Err(CompileError::new("an address is missing")),
        }
    }

    pub fn internal(listener: &str, endpoint_id: &str) -> Self {
        let (listener, endpoint_id) = (listener.into(), endpoint_id.into());
        Self::Internal(Arc::new(InternalAddress { listener, endpoint_id }))
    }

    /// The address of one end of a connection: on an IPv6 socket, an IPv4 address is one again.
    pub fn of_connection(address: SocketAddr) -> Self {
        Self::Ip(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    pub fn to_message(&self) -> proto::Address {
        let kind = match self {
            Self::Ip(ip) => proto::address::Kind::Socket(proto::SocketAddress {
                host: ip.ip().to_string(),
                port: ip.port().into(),
                ..Default::default()
            }),
            Self::Pipe(path) => proto::address::Kind::Pipe(path.display().to_string()),
            Self::Internal(internal) => proto::address::Kind::Internal(proto::InternalAddress {
                listener: internal.listener.to_string(),
                endpoint_id: internal.endpoint_id.to_string(),
            }),
        };
        proto::Address { kind: Some(kind), ..Default::default() }
    }

    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Pipe(_) | Self::Internal(_) => None,
        }
    }

    /// What tells endpoints of one internal listener from each other; empty for any other address.
    pub fn endpoint_id(&self) -> &str {
        match self {
            Self::Internal(internal) => &internal.endpoint_id,
            Self::Ip(_) | Self::Pipe(_) => "",
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Pipe(path) => path.display().fmt(f),
            Self::Internal(internal) => {
                write!(f, "envoy://{}/{}", internal.listener, internal.endpoint_id)
            }
        }
    }
}
