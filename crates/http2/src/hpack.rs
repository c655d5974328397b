//! HPACK (RFC 7541): what names and values are on the wire.

mod decode;
mod encode;
mod huffman;
mod integer;
pub(crate) mod name;
pub mod static_table;
mod table;
#[cfg(test)]
mod vectors;

pub use decode::{Decoder, HpackError, Limits};
pub use encode::{Encoder, FieldRef};
pub(crate) use table::Meta;
