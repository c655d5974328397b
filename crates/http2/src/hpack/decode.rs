//! Header blocks to fields.

use super::name::{value_flags, Flags, NameKind};
use super::static_table;
use super::table::{Meta, Table};
use super::{huffman, integer};
use crate::fields::FieldBlock;

/// The size of a dynamic table until the peers agree on another (RFC 9113 section 6.5.2).
const INITIAL_SIZE: usize = 4096;

/// What bounds a decoded block. What is past it is decoded, since the dynamic table must follow, and dropped.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all names and values.
    pub max_bytes: usize,
    pub max_fields: usize,
}

/// The block is not HPACK, which ends the connection: the two dynamic tables may differ from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HpackError {
    /// The block ends within a field, or a number is too large.
    Truncated,
    InvalidIndex,
    InvalidHuffman,
    /// A change of the table's size past what was allowed, not at the start of the block, or missing there.
    InvalidTableSize,
}

/// One direction's decoder.
pub struct Decoder {
    table: Table,
    /// The largest size that the peer may choose.
    allowed: usize,
    /// The next block must lower the size of the table first.
    must_shrink: bool,
    classify: fn(&[u8]) -> u16,
}

impl Decoder {
    /// `size` is what our SETTINGS will say; a smaller one counts once it is acknowledged.
    pub fn new(size: usize, classify: fn(&[u8]) -> u16) -> Self {
        let allowed = size.max(INITIAL_SIZE);
        Self { table: Table::new(INITIAL_SIZE), allowed, must_shrink: false, classify }
    }

    /// The peer acknowledged our SETTINGS, which had this size.
    pub fn acknowledged(&mut self, size: usize) {
        self.allowed = size;
        self.must_shrink = self.table.max() > size;
    }

    /// Decodes one whole block into `out`, which is cleared first.
    pub fn decode(
        &mut self,
        block: &[u8],
        out: &mut FieldBlock,
        limits: &Limits,
    ) -> Result<(), HpackError> {
        out.clear();
        let mut rest = self.sizes(block)?;
        while let Some(&first) = rest.first() {
            rest = match first {
                0x80.. => self.indexed(rest, out, limits)?,
                0x40..=0x7f => self.literal(rest, 6, out, limits)?,
                0x20..=0x3f => return Err(HpackError::InvalidTableSize),
                _ => self.literal(rest, 4, out, limits)?,
            };
        }
        Ok(())
    }

    /// Takes the changes of size at the start of a block.
    fn sizes<'b>(&mut self, mut block: &'b [u8]) -> Result<&'b [u8], HpackError> {
        while let Some(0x20..=0x3f) = block.first() {
            let (size, used) = integer::read(block, 5).ok_or(HpackError::Truncated)?;
            if size > self.allowed {
                return Err(HpackError::InvalidTableSize);
            }
            self.must_shrink = false;
            self.table.set_max(size);
            block = &block[used..];
        }
        if self.must_shrink {
            return Err(HpackError::InvalidTableSize);
        }
        Ok(block)
    }

    /// A field that is in a table whole (RFC 7541 section 6.1).
    fn indexed<'b>(
        &self,
        block: &'b [u8],
        out: &mut FieldBlock,
        limits: &Limits,
    ) -> Result<&'b [u8], HpackError> {
        let (index, used) = integer::read(block, 7).ok_or(HpackError::Truncated)?;
        if out.overflowed() {
            // A block may name a large entry in each of its bytes: not one of them is copied for nothing.
            out.leave_out(self.size_at(index)?);
            return Ok(&block[used..]);
        }
        let start = out.scratch().len();
        let (meta, name) = match index {
            0 => return Err(HpackError::InvalidIndex),
            1..=static_table::LENGTH => {
                out.scratch().extend_from_slice(static_table::value(index as u8));
                (static_meta(index as u8), 0)
            }
            index => {
                let (meta, name, value) = self.entry(index)?;
                let scratch = out.scratch();
                scratch.extend_from_slice(name);
                scratch.extend_from_slice(value);
                (meta, name.len())
            }
        };
        out.finish(start, name, meta, limits);
        Ok(&block[used..])
    }

    /// A field with a value of its own (RFC 7541 section 6.2): indexed when `prefix` is 6.
    fn literal<'b>(
        &mut self,
        block: &'b [u8],
        prefix: u32,
        out: &mut FieldBlock,
        limits: &Limits,
    ) -> Result<&'b [u8], HpackError> {
        let never = prefix == 4 && block.first().is_some_and(|first| first & 0x10 != 0);
        let (index, used) = integer::read(block, prefix).ok_or(HpackError::Truncated)?;
        let mut rest = &block[used..];
        let start = out.scratch().len();
        let mut meta = match index {
            0 => {
                rest = string(rest, out.scratch())?;
                let name = out.tail(start);
                let (kind, flags) = NameKind::of(name);
                Meta { static_index: 0, kind, flags, class: (self.classify)(name) }
            }
            1..=static_table::LENGTH => static_meta(index as u8),
            index => {
                let (meta, name, _) = self.entry(index)?;
                out.scratch().extend_from_slice(name);
                meta
            }
        };
        let name = out.scratch().len() - start;
        let rest = string(rest, out.scratch())?;
        let (stored, value) = out.tail(start).split_at(name);
        // Of an entry's flags only those of its name hold for another value.
        let of_name =
            if meta.flags.has(Flags::UNDERSCORE) { Flags::UNDERSCORE } else { Flags::NONE };
        meta.flags = of_name.with(value_flags(value));
        if prefix == 6 {
            self.table.insert(meta, stored, value);
        }
        if never {
            meta.flags = meta.flags.with(Flags::NEVER_INDEX);
        }
        out.finish(start, name, meta, limits);
        Ok(rest)
    }

    /// Bytes of the name and the value at an index.
    fn size_at(&self, index: usize) -> Result<usize, HpackError> {
        if index > static_table::LENGTH {
            let (meta, name, value) = self.entry(index)?;
            return Ok(static_table::name(meta.static_index).len() + name.len() + value.len());
        }
        match index as u8 {
            0 => Err(HpackError::InvalidIndex),
            index => Ok(static_table::name(index).len() + static_table::value(index).len()),
        }
    }

    fn entry(&self, index: usize) -> Result<(Meta, &[u8], &[u8]), HpackError> {
        self.table.get(index - static_table::LENGTH - 1).ok_or(HpackError::InvalidIndex)
    }
}

fn static_meta(index: u8) -> Meta {
    Meta {
        static_index: static_table::canonical(index),
        kind: static_table::kind(index),
        flags: Flags::NONE,
        class: 0,
    }
}

/// Appends a string (RFC 7541 section 5.2); returns what follows it.
fn string<'b>(block: &'b [u8], out: &mut Vec<u8>) -> Result<&'b [u8], HpackError> {
    let (length, used) = integer::read(block, 7).ok_or(HpackError::Truncated)?;
    let (text, rest) = block[used..].split_at_checked(length).ok_or(HpackError::Truncated)?;
    if block[0] & 0x80 == 0 {
        out.extend_from_slice(text);
    } else {
        huffman::decode(text, out).map_err(|_| HpackError::InvalidHuffman)?;
    }
    Ok(rest)
}

#[cfg(test)]
impl Decoder {
    /// Sets the size of the table as an agreement outside the block would.
    pub fn table_for_test(&mut self, size: usize) {
        self.table.set_max(size);
    }
}
