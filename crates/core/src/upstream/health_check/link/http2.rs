//! Checks over HTTP/2: one stream at a time.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{ready, Context, Poll};

use lateen_http2::{Config, Connection};

use super::{NoResponse, Response};
use crate::body::{BodyEvent, BodySource};
use crate::buffer::Buffer;
use crate::headers::Headers;
use crate::http2::{Driver, Http2Stream, Notice, Observer, Reset, Session};
use crate::transport::Transport;

pub struct Http2Link {
    driver: Driver,
    peer: Peer,
}

/// What the other side of a connection says of it.
#[derive(Default)]
struct Peer {
    /// It takes no more requests.
    leaves: bool,
}

impl Observer for Peer {
    fn notice(&mut self, _: &Rc<Session>, notice: Notice) {
        self.leaves |= matches!(notice, Notice::GoAway { .. });
    }
}

impl Http2Link {
    pub fn new(transport: Transport, config: &Arc<Config>) -> Self {
        let session = Session::new(Connection::client(config));
        Self { driver: Driver::new(session, transport, Buffer::new()), peer: Peer::default() }
    }

    /// True when the connection may carry another request.
    ///
    /// # Errors
    /// There is no whole response.
    pub async fn exchange(
        &mut self,
        (request, body, response): (&Headers, &[u8], &mut Response),
    ) -> Result<bool, NoResponse> {
        let mut stream = Http2Stream::new(self.driver.session.clone(), None);
        let pseudo = request.iter().filter(|(id, ..)| id.is_pseudo());
        let pseudo: Vec<_> = pseudo.map(|(_, name, value)| (name, value)).collect();
        stream.send_head(&pseudo, request, body.is_empty()).map_err(|_| NoResponse::Connection)?;
        let mut rest = body;
        poll_fn(|cx| {
            let over = self.driver.poll(cx, &mut self.peer).is_ready();
            match poll_response(cx, &mut stream, &mut rest, response) {
                Poll::Pending if over => Poll::Ready(Err(NoResponse::Connection)),
                polled => polled,
            }
        })
        .await?;
        Ok(!self.peer.leaves && !self.driver.session.is_over())
    }

    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.driver.session.is_over();
        if over || self.driver.poll(cx, &mut self.peer).is_ready() || self.peer.leaves {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Sends the rest of the request's body, and takes what has come of the response.
fn poll_response(
    cx: &mut Context<'_>,
    stream: &mut Http2Stream,
    body: &mut &[u8],
    response: &mut Response,
) -> Poll<Result<(), NoResponse>> {
    while !body.is_empty() {
        match stream.poll_send(cx, body, true) {
            Poll::Ready(Ok(count)) => *body = &body[count..],
            Poll::Ready(Err(_)) => return Poll::Ready(Err(failure(stream))),
            Poll::Pending => break,
        }
    }
    while response.is_interim() {
        match ready!(stream.poll_head(cx)) {
            Ok(head) => response.set_head(head.headers),
            Err(_) => return Poll::Ready(Err(failure(stream))),
        }
    }
    loop {
        match ready!(stream.poll_read_body(cx)) {
            Ok(BodyEvent::Data(count)) => {
                response.keep(&stream.body_bytes()[..count]);
                stream.took(count);
            }
            Ok(BodyEvent::End) => {
                response.trailers = stream.take_trailers();
                return Poll::Ready(Ok(()));
            }
            Err(_) => return Poll::Ready(Err(failure(stream))),
        }
    }
}

/// Why a stream has no response.
fn failure(stream: &Http2Stream) -> NoResponse {
    match stream.reset() {
        Some(Reset::Malformed(_) | Reset::ConnectionProtocol(_)) => NoResponse::Protocol,
        _ => NoResponse::Connection,
    }
}
