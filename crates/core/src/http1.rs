//! The HTTP/1 codec: message heads, bodies and their framing. No policy.

pub mod body;
pub mod connection;
pub mod encode;
pub mod error;
pub mod reader;
pub mod request;
pub mod response;
pub mod target;
pub mod writer;

pub use body::{BodyDecoder, BodyLength};
pub use error::CodecError;
pub use reader::Reader;
pub use writer::{Encoding, Writer};
