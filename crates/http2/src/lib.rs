//! HTTP/2 (RFC 9113) without I/O: bytes in, events out; calls in, bytes out. For servers and clients.
//!
//! [`Connection::receive`] takes one frame at a time from what was read and says what came of it; what is to be
//! written gathers in [`Connection::output`]. Nothing is allocated for a frame or a header once the buffers
//! have grown to what a connection needs.
//!
//! ```
//! use std::sync::Arc;
//! use lateen_http2::{Config, Connection, Event, FieldRef};
//!
//! let config = Arc::new(Config::default());
//! let mut client = Connection::client(&config);
//! let mut server = Connection::server(&config);
//! let request = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
//! let fields = request.iter().map(|(n, v)| FieldRef::new(n.as_bytes(), v.as_bytes()));
//! client.open_stream(fields, true)?;
//! let input = client.output().to_vec();
//! client.consume_output(input.len());
//! let mut rest = &input[..];
//! let mut heads = 0;
//! while !rest.is_empty() {
//!     let (used, event) = server.receive(rest)?;
//!     rest = &rest[used..];
//!     if let Some(Event::Headers { stream, .. }) = event {
//!         heads += 1;
//!         assert_eq!(server.fields().get(b":path"), Some(&b"/"[..]));
//!         server.send_headers(stream, [FieldRef::new(b":status", b"200")].into_iter(), true);
//!     }
//! }
//! assert_eq!(heads, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod connection;
mod error;
mod event;
mod fields;
mod floods;
mod flow;
mod frame;
mod hpack;
mod message;
mod output;
mod settings;
mod stream;

pub use config::Config;
pub use connection::{Connection, OpenError};
pub use error::{ConnectionError, ErrorCode, StreamFault};
pub use event::{Event, HeadersKind};
pub use fields::{Field, FieldBlock};
pub use floods::{Counters, Flood};
pub use frame::PREFACE;
pub use hpack::{static_table, FieldRef, HpackError};
pub use settings::PeerSettings;
pub use stream::{StreamKey, NO_TAG};
