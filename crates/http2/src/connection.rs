//! A connection: its state, and what may be asked of it.

mod control;
mod data;
mod end;
mod headers;
mod metadata;
mod receive;
mod send;

use std::collections::VecDeque;
use std::sync::Arc;

pub use send::OpenError;

use crate::config::Config;
use crate::error::ConnectionError;
use crate::fields::FieldBlock;
use crate::floods::{Counters, Inbound};
use crate::flow::{ReceiveWindow, SendWindow};
use crate::frame::{write, MAX_31_BITS, PREFACE};
use crate::hpack::{Decoder, Encoder};
use crate::output::Output;
use crate::settings::{self, PeerSettings, INITIAL_WINDOW};
use crate::stream::{StreamKey, Streams};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Server,
    Client,
}

/// How far the start of a connection is (RFC 9113 section 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// A server waits for the client's preface; so many bytes of it came.
    Preface(usize),
    FirstSettings,
    Open,
}

/// A header block that CONTINUATION frames are to end.
#[derive(Clone, Copy)]
struct Continued {
    stream: u32,
    end_stream: bool,
    self_dependent: bool,
    frames: u32,
}

/// A DATA frame that did not come whole yet.
#[derive(Clone, Copy)]
struct PartialData {
    /// `None` when nobody is to have the bytes.
    stream: Option<StreamKey>,
    left: usize,
    padding: usize,
    end_stream: bool,
}

/// One end of one HTTP/2 connection.
///
/// After [`Connection::receive`] failed, what is in the output is to be written and the connection closed;
/// every other call is harmless and does nothing of use.
pub struct Connection {
    role: Role,
    config: Arc<Config>,
    phase: Phase,
    failed: Option<ConnectionError>,
    /// The malformed message was one that nobody was told of.
    failed_unseen: bool,
    decoder: Decoder,
    encoder: Encoder,
    fields: FieldBlock,
    /// The header block of `continued`.
    block: Vec<u8>,
    continued: Option<Continued>,
    partial: Option<PartialData>,
    metadata: metadata::Partial,
    streams: Streams,
    /// Streams that have something to send and wait for their turn.
    waiting: VecDeque<StreamKey>,
    output: Output,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    /// The connection's window after our first WINDOW_UPDATE.
    connection_window: u32,
    peer: PeerSettings,
    /// The initial window of streams: the larger one until the peer acknowledged ours.
    stream_window: u32,
    /// SETTINGS of ours that are not acknowledged.
    unacknowledged: u32,
    inbound: Inbound,
    counters: Counters,
    /// The highest stream that the peer started.
    last_peer_stream: u32,
    /// The next that we start.
    next_stream: u32,
    /// The last stream of the GOAWAY that we sent, and of the one that came.
    sent_goaway: Option<u32>,
    received_goaway: Option<u32>,
}

impl Connection {
    /// The server's end; its SETTINGS wait in the output.
    pub fn server(config: &Arc<Config>) -> Self {
        Self::new(config, Role::Server, Phase::Preface(0))
    }

    /// The client's end; the preface and SETTINGS wait in the output.
    pub fn client(config: &Arc<Config>) -> Self {
        Self::new(config, Role::Client, Phase::FirstSettings)
    }

    fn new(config: &Arc<Config>, role: Role, phase: Phase) -> Self {
        let mut output = Output::default();
        let client = role == Role::Client;
        if client {
            output.append_preface(PREFACE);
        }
        write::settings(output.append(1), settings::own(config, client));
        let connection_window = config.initial_connection_window_size.max(INITIAL_WINDOW);
        if connection_window > INITIAL_WINDOW {
            write::window_update(output.append(1), 0, connection_window - INITIAL_WINDOW);
        }
        let table = config.hpack_table_size as usize;
        Self {
            role,
            config: Arc::clone(config),
            phase,
            failed: None,
            failed_unseen: false,
            decoder: Decoder::new(table, config.classify),
            encoder: Encoder::new(table, config.huffman),
            fields: FieldBlock::default(),
            block: Vec::new(),
            continued: None,
            partial: None,
            metadata: metadata::Partial::default(),
            streams: Streams::default(),
            waiting: VecDeque::new(),
            output,
            send_window: SendWindow::new(INITIAL_WINDOW),
            receive_window: ReceiveWindow::new(connection_window),
            connection_window,
            peer: PeerSettings::default(),
            stream_window: config.initial_stream_window_size.clamp(INITIAL_WINDOW, MAX_31_BITS),
            unacknowledged: 1,
            inbound: Inbound::default(),
            counters: Counters::default(),
            last_peer_stream: 0,
            next_stream: 1,
            sent_goaway: None,
            received_goaway: None,
        }
    }

    /// The fields of the block that the last [`crate::Event::Headers`] told of.
    pub fn fields(&self) -> &FieldBlock {
        &self.fields
    }

    /// What waits to be written, oldest first.
    pub fn output(&self) -> &[u8] {
        self.output.pending()
    }

    /// The first `count` bytes of the output were written.
    pub fn consume_output(&mut self, count: usize) {
        self.output.consume(count);
    }

    /// Exchanges the output's storage with `other`, so that an idle connection need not own any. Does nothing,
    /// and returns false, while something waits to be written.
    pub fn swap_output_storage(&mut self, other: &mut Vec<u8>) -> bool {
        self.output.swap_storage(other)
    }

    /// After [`ConnectionError::InvalidMessage`]: no event told of the stream whose message it was.
    pub fn failed_unseen(&self) -> bool {
        self.failed_unseen
    }

    /// Frames that wait to be written (`outbound_frames_active`).
    pub fn outbound_frames(&self) -> u32 {
        self.output.frames()
    }

    /// Answers to PING and SETTINGS, and RST_STREAM, that wait (`outbound_control_frames_active`).
    pub fn outbound_control_frames(&self) -> u32 {
        self.output.control_frames()
    }

    /// Streams of which either side is open (`streams_active`).
    pub fn active_streams(&self) -> usize {
        self.streams.len()
    }

    /// True while the stream has an open side.
    pub fn is_open(&self, stream: StreamKey) -> bool {
        self.streams.get(stream).is_some()
    }

    /// Attaches a number of the caller's to a stream: events of the stream carry it.
    pub fn set_tag(&mut self, stream: StreamKey, tag: u32) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.tag = tag;
        }
    }

    /// The number attached to a stream, if it is open.
    pub fn tag(&self, stream: StreamKey) -> Option<u32> {
        self.streams.get(stream).map(|stream| stream.tag)
    }

    /// What the peer's SETTINGS said.
    pub fn peer_settings(&self) -> &PeerSettings {
        &self.peer
    }

    /// True once the peer's SETTINGS came.
    pub fn is_established(&self) -> bool {
        self.phase == Phase::Open
    }

    /// The highest stream that the peer started.
    pub fn last_peer_stream(&self) -> u32 {
        self.last_peer_stream
    }

    /// Events since the last call.
    pub fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// What ended the connection, or would if `receive` were called: floods that `send_*` brought about are
    /// noticed here.
    pub fn check(&mut self) -> Result<(), ConnectionError> {
        match self.failed.or_else(|| self.outbound_flood()) {
            Some(error) => Err(self.fail(error)),
            None => Ok(()),
        }
    }
}
