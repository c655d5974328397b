//! One side of a TLS connection without its socket: records in, records and plain bytes out.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, Error, ServerConfig};

/// Room for the framing of a record: header, explicit nonce, content type, tag.
const FRAMING: usize = 5 + 8 + 1 + 16;
const LARGEST_RECORD: usize = 16 * 1024;

pub enum Session {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// How far `Session::process` came.
#[derive(Debug, PartialEq, Eq)]
pub enum Status {
    /// More records are needed for the handshake.
    Handshake,
    /// Bytes may be sent; all records were used.
    Open,
    /// The peer sends no more.
    PeerClosed,
}

enum Step {
    Again,
    Done(Status),
}

impl Session {
    /// # Errors
    /// The configuration cannot be used.
    pub fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        UnbufferedServerConnection::new(config).map(Self::Server)
    }

    /// # Errors
    /// The configuration cannot be used.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Error> {
        UnbufferedClientConnection::new(config, name).map(Self::Client)
    }

    pub fn state(&self) -> &CommonState {
        match self {
            Self::Server(connection) => connection,
            Self::Client(connection) => connection,
        }
    }

    /// Uses the whole records in `input`: how many of its bytes are used. Plain bytes are appended to
    /// `plain`, records to be sent to `output`, also when the connection has failed.
    pub fn process(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        output: &mut Vec<u8>,
    ) -> (usize, Result<Status, Error>) {
        let mut used = 0;
        let mut closed = false;
        loop {
            let rest = &mut input[used..];
            let (count, step) = match self {
                Self::Server(it) => step(it.process_tls_records(rest), plain, output),
                Self::Client(it) => step(it.process_tls_records(rest), plain, output),
            };
            used += count;
            match step {
                Ok(Step::Again) => {}
                Ok(Step::Done(Status::PeerClosed)) if !closed => closed = true,
                Ok(Step::Done(_)) if closed => return (used, Ok(Status::PeerClosed)),
                Ok(Step::Done(status)) => return (used, Ok(status)),
                Err(error) => {
                    self.drain_alerts(output);
                    return (used, Err(error));
                }
            }
        }
    }

    /// Appends the alerts that a failed connection has left to say.
    fn drain_alerts(&mut self, output: &mut Vec<u8>) {
        let mut none = Vec::new();
        for _ in 0..4 {
            let (_, result) = match self {
                Self::Server(it) => step(it.process_tls_records(&mut []), &mut none, output),
                Self::Client(it) => step(it.process_tls_records(&mut []), &mut none, output),
            };
            if !matches!(result, Ok(Step::Again)) {
                return;
            }
        }
    }

    /// Encrypts `bytes` into the front of `output`, which is made large enough: how many bytes it is.
    ///
    /// # Errors
    /// The connection is not open, or its keys are used up.
    pub fn encrypt(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> Result<usize, Error> {
        let records = bytes.len() / LARGEST_RECORD + 1;
        let room = bytes.len() + records * FRAMING;
        if output.len() < room {
            output.resize(room, 0);
        }
        let outcome = match self {
            Self::Server(it) => traffic(it.process_tls_records(&mut []), bytes, output),
            Self::Client(it) => traffic(it.process_tls_records(&mut []), bytes, output),
        };
        match outcome {
            Err(Traffic::Room(needed)) => {
                // A key update goes before the bytes.
                output.resize(needed, 0);
                let outcome = match self {
                    Self::Server(it) => traffic(it.process_tls_records(&mut []), bytes, output),
                    Self::Client(it) => traffic(it.process_tls_records(&mut []), bytes, output),
                };
                outcome.map_err(Traffic::into_error)
            }
            other => other.map_err(Traffic::into_error),
        }
    }

    /// Appends the alert that this side sends no more.
    pub fn close_notify(&mut self, output: &mut Vec<u8>) {
        let start = output.len();
        output.resize(start + FRAMING + 32, 0);
        let room = &mut output[start..];
        let written = match self {
            Self::Server(it) => closing(it.process_tls_records(&mut []), room),
            Self::Client(it) => closing(it.process_tls_records(&mut []), room),
        };
        output.truncate(start + written);
    }
}

fn step<D>(
    status: UnbufferedStatus<'_, '_, D>,
    plain: &mut Vec<u8>,
    output: &mut Vec<u8>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state, .. } = status;
    let step = match state {
        Err(error) => Err(error),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            while let Some(record) = traffic.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        plain.extend_from_slice(record.payload);
                    }
                    Err(error) => return (discard, Err(error)),
                }
            }
            Ok(Step::Again)
        }
        Ok(ConnectionState::EncodeTlsData(mut data)) => {
            let start = output.len();
            let mut outcome = data.encode(&mut []);
            if let Err(EncodeError::InsufficientSize(size)) = &outcome {
                output.resize(start + size.required_size, 0);
                outcome = data.encode(&mut output[start..]);
            }
            match outcome {
                Ok(written) => {
                    output.truncate(start + written);
                    Ok(Step::Again)
                }
                Err(error) => Err(Error::General(error.to_string())),
            }
        }
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Done(Status::Handshake)),
        Ok(ConnectionState::WriteTraffic(_)) => Ok(Step::Done(Status::Open)),
        Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
            Ok(Step::Done(Status::PeerClosed))
        }
        Ok(_) => Err(Error::General("early data is not accepted".to_owned())),
    };
    (discard, step)
}

/// Why bytes were not encrypted.
enum Traffic {
    Room(usize),
    Failed(Error),
}

impl Traffic {
    fn into_error(self) -> Error {
        match self {
            Self::Room(_) => Error::EncryptError,
            Self::Failed(error) => error,
        }
    }
}

fn traffic<D>(
    status: UnbufferedStatus<'_, '_, D>,
    bytes: &[u8],
    output: &mut [u8],
) -> Result<usize, Traffic> {
    match status.state.map_err(Traffic::Failed)? {
        ConnectionState::WriteTraffic(mut traffic) => match traffic.encrypt(bytes, output) {
            Ok(written) => Ok(written),
            Err(EncryptError::InsufficientSize(size)) => Err(Traffic::Room(size.required_size)),
            Err(EncryptError::EncryptExhausted) => Err(Traffic::Failed(Error::EncryptError)),
        },
        _ => Err(Traffic::Failed(Error::HandshakeNotComplete)),
    }
}

fn closing<D>(status: UnbufferedStatus<'_, '_, D>, output: &mut [u8]) -> usize {
    match status.state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => {
            traffic.queue_close_notify(output).unwrap_or(0)
        }
        _ => 0,
    }
}
