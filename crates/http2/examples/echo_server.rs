//! Answers each HTTP/2 request (with prior knowledge, in clear text) with its own head, as text, and body:
//! `cargo run -p lateen-http2 --example echo_server -- 127.0.0.1:8080`.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use lateen_http2::{Config, Connection, Event, FieldRef, HeadersKind, StreamKey};

/// What is to be sent of one stream.
#[derive(Default)]
struct Exchange {
    body: Vec<u8>,
    sent: usize,
    answered: bool,
}

struct Server {
    connection: Connection,
    exchanges: HashMap<StreamKey, Exchange>,
}

impl Server {
    fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Headers { stream, kind, end_stream, .. } => {
                if kind == HeadersKind::Request {
                    self.exchanges
                        .insert(stream, Exchange { body: self.head(), ..Exchange::default() });
                }
                if end_stream {
                    self.answer(stream);
                }
            }
            Event::Data { stream, bytes, end_stream, .. } => {
                if let Some(exchange) = self.exchanges.get_mut(&stream) {
                    exchange.body.extend_from_slice(bytes);
                }
                self.connection.release(stream, bytes.len());
                if end_stream {
                    self.answer(stream);
                }
            }
            Event::Reset { stream, .. } | Event::Invalid { stream, .. } => {
                self.exchanges.remove(&stream);
            }
            _ => {}
        }
        while let Some((stream, _)) = self.connection.next_writable() {
            self.send(stream);
        }
    }

    fn head(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for field in self.connection.fields().iter() {
            text.extend([field.name, b": ", field.value, b"\n"].concat());
        }
        text
    }

    fn answer(&mut self, stream: StreamKey) {
        let Some(exchange) = self.exchanges.get_mut(&stream) else { return };
        exchange.answered = true;
        let length = exchange.body.len().to_string();
        let fields = [
            FieldRef::new(b":status", b"200"),
            FieldRef::new(b"content-type", b"text/plain"),
            FieldRef::new(b"content-length", length.as_bytes()),
        ];
        self.connection.send_headers(stream, fields.into_iter(), false);
        self.send(stream);
    }

    fn send(&mut self, stream: StreamKey) {
        let Some(exchange) = self.exchanges.get_mut(&stream) else { return };
        exchange.sent += self.connection.send_data(stream, &exchange.body[exchange.sent..], true);
        if exchange.sent == exchange.body.len() {
            self.exchanges.remove(&stream);
        }
    }

    fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while !self.connection.output().is_empty() {
            let count = socket.write(self.connection.output())?;
            self.connection.consume_output(count);
            while let Some((stream, _)) = self.connection.next_writable() {
                self.send(stream);
            }
        }
        Ok(())
    }
}

fn serve(mut socket: TcpStream, config: &Arc<Config>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut server = Server { connection: Connection::server(config), exchanges: HashMap::new() };
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        server.flush(&mut socket)?;
        let count = socket.read(&mut buffer[filled..])?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let mut used = 0;
        loop {
            match server.connection.receive(&buffer[used..filled]) {
                Ok((0, _)) => break,
                Ok((count, event)) => {
                    used += count;
                    event.into_iter().for_each(|event| server.handle(event));
                }
                Err(error) => {
                    eprintln!("{error}");
                    return server.flush(&mut socket);
                }
            }
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let config = Arc::new(Config::default());
    for socket in TcpListener::bind(address)?.incoming() {
        let (socket, config) = (socket?, Arc::clone(&config));
        std::thread::spawn(move || serve(socket, &config));
    }
    Ok(())
}
