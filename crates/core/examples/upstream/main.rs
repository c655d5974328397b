//! The upstream of `make bench`: fixed answers by path, at little cost, the same for every proxy.
//!
//! `upstream ADDRESS:PORT`. `/128`, `/16k` and `/1m` answer 200 with a body of that size;
//! `/connections` answers with the number of connections accepted so far (so that the bench can
//! see whether a proxy kept its upstream connections alive); anything else is a 404. Requests
//! are taken to have no body, and every connection is kept alive. A connection that begins with
//! the preface of HTTP/2 is served in HTTP/2.

mod http2;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{spawn_local, LocalSet};

/// The most bytes of request headers one connection may have waiting.
const REQUEST_LIMIT: usize = 64 * 1024;

/// What the server can answer, rendered once.
struct Answers {
    fixed: Vec<(&'static [u8], Vec<u8>)>,
    bodies: http2::Bodies,
    not_found: Vec<u8>,
    accepted: Cell<u64>,
}

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upstream: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> io::Result<()> {
    let listen: SocketAddr = std::env::args()
        .nth(1)
        .ok_or_else(|| io::Error::other("usage: upstream ADDRESS:PORT"))?
        .parse()
        .map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(listen))
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

impl Answers {
    fn new() -> Self {
        let sizes: [(&[u8], usize); 3] =
            [(b"/128", 128), (b"/16k", 16 * 1024), (b"/1m", 1024 * 1024)];
        let bodies: http2::Bodies =
            sizes.into_iter().map(|(path, size)| (path, vec![b'x'; size])).collect();
        Self {
            fixed: bodies.iter().map(|(path, body)| (*path, answer("200 OK", body))).collect(),
            bodies,
            not_found: answer("404 Not Found", b""),
            accepted: Cell::new(0),
        }
    }

    /// Appends the answer for a request whose first line starts with `METHOD PATH `.
    fn append(&self, request: &[u8], out: &mut Vec<u8>) {
        let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or(b"");
        if path == b"/connections" {
            let count = self.accepted.get().to_string();
            out.extend_from_slice(&answer("200 OK", count.as_bytes()));
            return;
        }
        let found = self.fixed.iter().find(|(known, _)| *known == path);
        out.extend_from_slice(found.map_or(&self.not_found, |(_, bytes)| bytes));
    }
}

async fn serve(listen: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let answers = Rc::new(Answers::new());
    loop {
        let (stream, _) = listener.accept().await?;
        answers.accepted.set(answers.accepted.get() + 1);
        let answers = Rc::clone(&answers);
        spawn_local(async move {
            // A connection that fails is the proxy's to report; the server goes on.
            let _ = connection(stream, &answers).await;
        });
    }
}

async fn connection(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(4096);
    let mut output = Vec::new();
    while stream.read_buf(&mut input).await? > 0 {
        if input.starts_with(http2::PREFACE) {
            return http2::serve(stream, input, &answers.bodies).await;
        }
        output.clear();
        let mut start = 0;
        while let Some(length) = head_length(&input[start..]) {
            answers.append(&input[start..start + length], &mut output);
            start += length;
        }
        input.drain(..start);
        if input.len() > REQUEST_LIMIT {
            return Err(io::Error::other("request headers too large"));
        }
        stream.write_all(&output).await?;
    }
    Ok(())
}

/// The length of the first complete request head, its empty line included.
fn head_length(input: &[u8]) -> Option<usize> {
    let end = input.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}
