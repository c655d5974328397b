//! Makes new TLS connections to a server as fast as it takes them, for the benchmark: a GET on each.
//!
//! Usage: `tls_load HOST:PORT SECONDS THREADS full|resumed`; prints connections made, and how many resumed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme,
    Stream,
};

/// Takes every server: what is measured is the server's work.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn config(resume: bool) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.resumption = match resume {
        true => Resumption::in_memory_sessions(64),
        false => Resumption::disabled(),
    };
    Ok(config)
}

/// One connection with one request; whether its session was resumed.
fn once(address: &str, config: &Arc<ClientConfig>) -> Result<bool, Box<dyn std::error::Error>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut tls = ClientConnection::new(config.clone(), ServerName::try_from("a.test")?)?;
    let mut stream = Stream::new(&mut tls, &mut socket);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 4096];
    let mut first = 0;
    while let Ok(count @ 1..) = stream.read(&mut answer) {
        first += count;
    }
    if first == 0 {
        return Err("no answer".into());
    }
    Ok(tls.handshake_kind() == Some(HandshakeKind::Resumed))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, seconds, threads, kind] = arguments.as_slice() else {
        return Err("usage: tls_load HOST:PORT SECONDS THREADS full|resumed".into());
    };
    let end = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
    let (made, resumed, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let resume = kind == "resumed";
    std::thread::scope(|scope| {
        for _ in 0..threads.parse().unwrap_or(1) {
            scope.spawn(|| {
                let Ok(config) = config(resume).map(Arc::new) else { return };
                while Instant::now() < end {
                    match once(address, &config) {
                        Ok(was_resumed) => {
                            made.fetch_add(1, Relaxed);
                            resumed.fetch_add(u64::from(was_resumed), Relaxed);
                        }
                        Err(_) => _ = failed.fetch_add(1, Relaxed),
                    }
                }
            });
        }
    });
    let (made, resumed, failed) = (made.into_inner(), resumed.into_inner(), failed.into_inner());
    println!("made {made} resumed {resumed} failed {failed}");
    Ok(())
}
