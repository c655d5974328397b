//! REQ, RESP, TRAILER and their long names: `X?Y` is header X, or Y where there is no X.

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};
use crate::headers::{HeaderName, Headers};

/// Which header block is meant.
#[derive(Clone, Copy)]
pub enum Block {
    Request,
    Response,
    Trailers,
}

impl Block {
    fn of<'a>(self, context: &FormatContext<'a>) -> Option<&'a Headers> {
        match self {
            Self::Request => context.request,
            Self::Response => context.response,
            Self::Trailers => context.trailers,
        }
    }
}

pub struct HeaderValue {
    block: Block,
    main: HeaderName,
    alternative: Option<HeaderName>,
    with_query: bool,
}

impl HeaderValue {
    pub fn compile(block: Block, argument: &str) -> Result<Self> {
        let (main, alternative) = match argument.split_once('?') {
            Some((main, alternative)) => (main, Some(alternative)),
            None => (argument, None),
        };
        if alternative.is_some_and(|name| name.contains('?')) {
            return Err(CompileError::new(format!(
                "more than one alternative header in {argument:?}"
            )));
        }
        if main.is_empty() && alternative.is_none_or(str::is_empty) {
            return Err(CompileError::new("a header name is missing"));
        }
        let alternative = alternative.filter(|name| !name.is_empty()).map(HeaderName::new);
        Ok(Self { block, main: HeaderName::new(main), alternative, with_query: true })
    }

    /// REQ_WITHOUT_QUERY: the value up to its question mark.
    pub fn compile_without_query(argument: &str) -> Result<Self> {
        Ok(Self { with_query: false, ..Self::compile(Block::Request, argument)? })
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let Some(headers) = self.block.of(context) else { return Rendered::Absent };
        let value = headers
            .get(&self.main)
            .or_else(|| self.alternative.as_ref().and_then(|name| headers.get(name)));
        let value = match self.with_query {
            true => value,
            false => value.map(super::path::without_query),
        };
        Rendered::text(value, out)
    }
}
