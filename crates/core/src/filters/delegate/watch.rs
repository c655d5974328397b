//! Asks a tree again when trailers have come.

use std::sync::Arc;

use super::{Delegate, Trailers};
use crate::filters::bodies::{Piece, StreamFilter};
use crate::filters::Head;
use crate::http::stream::{Answer, Stream};

pub struct Watch {
    delegate: Arc<Delegate>,
    place: usize,
    name: String,
}

impl Watch {
    pub fn new(delegate: Arc<Delegate>, place: usize, name: &str) -> Self {
        Self { delegate, place, name: name.to_owned() }
    }

    fn ask(&self, stream: &mut Stream, trailers: Trailers<'_>) {
        // Where more has yet to come, it is asked again.
        _ = self.delegate.ask(self.place, &self.name, stream, trailers);
    }
}

impl StreamFilter for Watch {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if piece.end && !piece.trailers.is_empty() {
            self.ask(stream, Trailers { request: Some(piece.trailers), response: None });
        }
        Ok(())
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        if piece.end && !piece.trailers.is_empty() {
            self.ask(stream, Trailers { request: None, response: Some(piece.trailers) });
        }
        Ok(Head::Pass)
    }
}
