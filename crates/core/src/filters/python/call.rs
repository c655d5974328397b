//! What a filter in Python sees of a request after its head.

use std::sync::Arc;
use std::time::Instant;

use super::Settings;
use crate::filters::bodies::{Piece, StreamFilter};
use crate::filters::Head;
use crate::headers::HeaderId;
use crate::http::stream::{Answer, Stream};
use crate::scripts::{Ran, ScriptCall, Wants};

/// The object of one request.
pub struct Call {
    settings: Arc<Settings>,
    wants: Wants,
    call: Box<dyn ScriptCall>,
    /// It failed, and may: the rest passes without it.
    over: bool,
}

impl Call {
    pub fn new(settings: Arc<Settings>, wants: Wants, call: Box<dyn ScriptCall>) -> Self {
        Self { settings, wants, call, over: false }
    }

    fn judge(&mut self, stream: &mut Stream, begun: Instant, ran: Ran) -> Result<(), Box<Answer>> {
        self.over |= self.settings.judge(stream, begun, ran)?.is_none();
        Ok(())
    }

    /// Shows it the head of the response, with the body that is wanted with it.
    fn response(
        &mut self,
        stream: &mut Stream,
        body: Option<&mut Vec<u8>>,
    ) -> Result<(), Box<Answer>> {
        let begun = Instant::now();
        let mut head = std::mem::take(&mut stream.response);
        let ran = self.call.response(&mut head, body);
        stream.response = head;
        self.judge(stream, begun, ran)
    }
}

/// Whether a response that has no body could have one (RFC 9110, section 6.4.1).
fn may_have_body(stream: &Stream) -> bool {
    !stream.head.is_head && !matches!(stream.info.response_code, 204 | 304)
}

impl StreamFilter for Call {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if self.over || !self.wants.request_chunks {
            return Ok(());
        }
        let begun = Instant::now();
        let ran = self.call.request_chunk(piece.bytes, piece.end);
        self.judge(stream, begun, ran)
    }

    fn response_head(&mut self, stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        if self.over {
            return Ok(Head::Pass);
        }
        if self.wants.response_body && (!end || may_have_body(stream)) {
            return Ok(Head::Hold);
        }
        if self.wants.response_chunks && !end {
            stream.response.remove(HeaderId::ContentLength);
        }
        if self.wants.response {
            let mut none = Vec::new();
            self.response(stream, self.wants.response_body.then_some(&mut none))?;
            if !none.is_empty() {
                self.settings.failed(stream, "this response cannot have a body")?;
            }
        }
        Ok(Head::Pass)
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        if self.over {
            return Ok(Head::Pass);
        }
        if self.wants.response_body {
            if !piece.end {
                return Ok(Head::Hold);
            }
            self.response(stream, Some(&mut *piece.bytes))?;
            if piece.trailers.is_empty() {
                let length = piece.bytes.len().to_string();
                stream.response.set(HeaderId::ContentLength, length.as_bytes());
            }
        } else if self.wants.response_chunks {
            let begun = Instant::now();
            let ran = self.call.response_chunk(piece.bytes, piece.end);
            self.judge(stream, begun, ran)?;
        }
        Ok(Head::Pass)
    }
}
