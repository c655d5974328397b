//! A TLS context as connections use it.

use std::sync::Arc;

use aws_lc_rs::digest::{digest, SHA256};
use prost::Message as _;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::crypto::{aws_lc_rs as provider, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};
use rustls::{
    ClientConfig, ServerConfig, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};

use super::certificate::LocalCertificate;
use super::hello::Hello;
use super::names;
use super::select::{ClientCertificates, Selection, ServerCertificates};
use super::server_name::TlsNames;
use super::tickets::Tickets;
use super::verifier::Verifier;
use super::verify::Validation;
use crate::compile::{each, At, CompileError, Result};
use crate::proto::{self, tls_context::Side};

/// Sessions of TLS 1.2 that a server remembers, for clients without tickets.
const REMEMBERED_SESSIONS: usize = 20_480;
const SESSION_TIMEOUT_S: u32 = 2 * 60 * 60;
/// The cache of a client keeps tickets by eights, and with room for one server it keeps none.
const LEAST_CLIENT_SESSIONS: usize = 16;
/// Tickets for a client of TLS 1.3, as BoringSSL sends.
const TICKETS: usize = 2;

/// One of both sides, or neither yet.
pub enum Context {
    /// Its secrets have not come.
    NotReady,
    Server(Arc<ServerContext>),
    Client(ClientContext),
}

/// What serves clients. rustls decides by its configuration what depends on the client here: a client that
/// offers none of the protocols goes on without ALPN, and the server's order of suites counts up to TLS 1.2.
pub struct ServerContext {
    alpn: Vec<Vec<u8>>,
    offers_tls13: bool,
    /// By (the client wants an OCSP response, ALPN is used, the client's order counts).
    configs: [[[Arc<ServerConfig>; 2]; 2]; 2],
}

/// What connects to servers.
pub struct ClientContext {
    pub config: Arc<ClientConfig>,
    sni: Option<ServerName<'static>>,
    auto_host_sni: bool,
    verifier: Verifier,
    /// The same without SNI, for hosts without a name.
    nameless: Arc<ClientConfig>,
}

impl Context {
    /// # Errors
    /// A part that cannot be used, with its path.
    pub fn compile(message: &proto::TlsContext) -> Result<Self> {
        if message.not_ready {
            return Ok(Self::NotReady);
        }
        let parts = Parts::compile(message)?;
        match &message.side {
            Some(Side::Server(server)) => {
                ServerContext::compile(server, parts).map(|it| Self::Server(Arc::new(it)))
            }
            Some(Side::Client(client)) => ClientContext::compile(client, parts).map(Self::Client),
            None => Err(CompileError::new("a TLS context is of a server or a client")),
        }
    }
}

/// What both sides have.
struct Parts {
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificates: Vec<Arc<LocalCertificate>>,
    validation: Option<Validation>,
    schemes: Vec<SignatureScheme>,
    alpn: Vec<Vec<u8>>,
    /// Names certificates and trust.
    digest: Vec<u8>,
}

impl Parts {
    fn compile(message: &proto::TlsContext) -> Result<Self> {
        let schemes = each(&message.signature_algorithms, "signature_algorithms", |name| {
            names::scheme(name).ok_or_else(|| unknown("signature algorithm", name))
        })?;
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites(message)?,
            kx_groups: each(&message.curves, "curves", |name| {
                names::group(name).ok_or_else(|| unknown("curve", name))
            })?,
            ..provider::default_provider()
        });
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12]
            .into_iter()
            .filter(|version| {
                let number = u32::from(u16::from(version.version));
                (message.min_version..=message.max_version).contains(&number)
            })
            .collect();
        let certificate = |certificate: &proto::TlsCertificate| {
            LocalCertificate::compile(certificate, &provider, &schemes).map(Arc::new)
        };
        let certificates = each(&message.certificates, "certificates", certificate)?;
        let validation = message.validation.as_ref().map(Validation::compile).transpose();
        Ok(Self {
            certificates,
            validation: validation.at("validation")?,
            schemes,
            versions,
            alpn: message.alpn_protocols.iter().map(|name| name.clone().into_bytes()).collect(),
            digest: trust_digest(message),
            provider,
        })
    }

    fn algorithms(&self) -> WebPkiSupportedAlgorithms {
        self.provider.signature_verification_algorithms
    }
}

fn unknown(what: &str, name: &str) -> CompileError {
    CompileError::new(format!("unknown {what} {name}"))
}

fn suites(message: &proto::TlsContext) -> Result<Vec<SupportedCipherSuite>> {
    let mut suites: Vec<_> = names::TLS13.iter().map(|suite| suite.1).collect();
    suites.extend(each(&message.cipher_suites, "cipher_suites", |name| {
        names::suite(name).ok_or_else(|| unknown("cipher suite", name))
    })?);
    Ok(suites)
}

fn trust_digest(message: &proto::TlsContext) -> Vec<u8> {
    let mut bytes = Vec::new();
    for certificate in &message.certificates {
        certificate.chain.iter().for_each(|der| bytes.extend_from_slice(der));
    }
    if let Some(validation) = &message.validation {
        bytes.extend(validation.encode_to_vec());
    }
    digest(&SHA256, &bytes).as_ref().to_vec()
}

fn broken(error: &rustls::Error) -> CompileError {
    CompileError::new(error.to_string())
}

impl ServerContext {
    fn compile(message: &proto::TlsServer, parts: Parts) -> Result<Self> {
        let require = message.require_client_certificate;
        let alpn = parts.alpn.clone();
        let algorithms = parts.algorithms();
        let offers_tls13 = parts.versions.contains(&&rustls::version::TLS13);
        let digest = parts.digest;
        let schemes = parts.schemes;
        let verifier = Verifier::server(parts.validation, algorithms, schemes, require);
        let full_scan = message.full_scan_certs_on_sni_mismatch;
        let policy = message.ocsp_staple_policy();
        let certificates = Arc::new(ServerCertificates::new(parts.certificates, full_scan, policy));
        let select =
            |wants_staple| Arc::new(Selection { certificates: certificates.clone(), wants_staple });
        let mut config = ServerConfig::builder_with_provider(parts.provider)
            .with_protocol_versions(&parts.versions)
            .map_err(|error| broken(&error))?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(select(false));
        config.session_storage = match message.disable_stateful_resumption {
            true => Arc::new(NoServerSessionStorage {}),
            false => ServerSessionMemoryCache::new(REMEMBERED_SESSIONS),
        };
        config.send_tls13_tickets = 0;
        if !message.disable_stateless_resumption {
            config.ticketer = ticketer(message, digest)?;
            config.send_tls13_tickets = TICKETS;
        }
        let without_staple = variants(&config, &alpn);
        config.cert_resolver = select(true);
        Ok(Self { configs: [without_staple, variants(&config, &alpn)], alpn, offers_tls13 })
    }

    pub fn offers_tls13(&self) -> bool {
        self.offers_tls13
    }

    /// The configuration for a client.
    pub fn config(&self, hello: &Hello) -> &Arc<ServerConfig> {
        let shared = hello.alpn.iter().any(|name| self.alpn.contains(name));
        let client_order = hello.offers_tls13 && self.offers_tls13;
        let configs = &self.configs[usize::from(hello.wants_staple)];
        &configs[usize::from(shared)][usize::from(client_order)]
    }
}

fn variants(config: &ServerConfig, alpn: &[Vec<u8>]) -> [[Arc<ServerConfig>; 2]; 2] {
    [false, true].map(|with_alpn| {
        [false, true].map(|client_order| {
            let mut config = config.clone();
            config.ignore_client_order = !client_order;
            if with_alpn {
                config.alpn_protocols = alpn.to_vec();
            }
            Arc::new(config)
        })
    })
}

fn ticketer(message: &proto::TlsServer, digest: Vec<u8>) -> Result<Arc<dyn ProducesTickets>> {
    let lifetime = match message.session_timeout_s {
        0 => SESSION_TIMEOUT_S,
        seconds => seconds,
    };
    if message.session_ticket_keys.is_empty() {
        return provider::Ticketer::new().map_err(|error| broken(&error));
    }
    Ok(Arc::new(Tickets::new(&message.session_ticket_keys, lifetime, digest)?))
}

impl ClientContext {
    fn compile(message: &proto::TlsClient, parts: Parts) -> Result<Self> {
        let algorithms = parts.algorithms();
        let by_name = message.auto_sni_san_validation;
        let verifier = Verifier::client(parts.validation, algorithms, parts.schemes, by_name);
        let mut config = ClientConfig::builder_with_provider(parts.provider)
            .with_protocol_versions(&parts.versions)
            .map_err(|error| broken(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.clone()))
            .with_client_cert_resolver(Arc::new(ClientCertificates(parts.certificates)));
        config.alpn_protocols = parts.alpn;
        config.resumption = match message.max_session_keys {
            0 => Resumption::disabled(),
            most => {
                let most = (most as usize).max(LEAST_CLIENT_SESSIONS);
                Resumption::store(Arc::new(ClientSessionMemoryCache::new(most)))
            }
        };
        let sni = match message.sni.is_empty() {
            true => None,
            false => Some(server_name(&message.sni).ok_or_else(|| {
                CompileError::new(format!("{} is not a name that SNI can carry", message.sni))
            })?),
        };
        let mut nameless = config.clone();
        nameless.enable_sni = false;
        Ok(Self {
            config: Arc::new(config),
            nameless: Arc::new(nameless),
            sni,
            verifier,
            auto_host_sni: message.auto_host_sni,
        })
    }

    /// The configuration and the name for a host, and whether the name is sent. `names` are a request's.
    pub fn target(
        &self,
        hostname: &str,
        names: &TlsNames,
    ) -> (Arc<ClientConfig>, ServerName<'static>, bool) {
        let host = self.auto_host_sni.then_some(hostname).filter(|name| !name.is_empty());
        let name = names.sni.as_deref().or(host).and_then(server_name).or_else(|| self.sni.clone());
        let config = if name.is_some() { &self.config } else { &self.nameless };
        let mut config = config.clone();
        if let Some(expected) = &names.certificate {
            let verifier = self.verifier.expecting(expected.clone());
            let changed = Arc::make_mut(&mut config);
            changed.dangerous().set_certificate_verifier(Arc::new(verifier));
        }
        if let Some(alpn) = &names.alpn {
            let names = alpn.iter().map(|name| name.clone().into_bytes());
            Arc::make_mut(&mut config).alpn_protocols = names.collect();
        }
        let is_sent = name.is_some();
        (config, name.unwrap_or_else(unnamed), is_sent)
    }
}

fn server_name(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

/// What stands where rustls wants a name and none is sent.
fn unnamed() -> ServerName<'static> {
    ServerName::IpAddress(std::net::IpAddr::from([0, 0, 0, 0]).into())
}
