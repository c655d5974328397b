//! Which certificate a server shows.
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl#certificate-selection>

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::certificate::LocalCertificate;
use super::notes::{self, Staple};
use crate::proto::tls_server::StaplePolicy;

/// Certificates of a server by the names that clients ask for.
#[derive(Debug)]
pub struct ServerCertificates {
    all: Vec<Arc<LocalCertificate>>,
    /// Exact names, and wildcards without their `*`.
    by_name: HashMap<String, Vec<usize>>,
    full_scan: bool,
    policy: StaplePolicy,
}

impl ServerCertificates {
    pub fn new(all: Vec<Arc<LocalCertificate>>, full_scan: bool, policy: StaplePolicy) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, certificate) in all.iter().enumerate() {
            for name in &certificate.names {
                let key = name.strip_prefix('*').unwrap_or(name);
                by_name.entry(key.to_owned()).or_default().push(index);
            }
        }
        Self { all, by_name, full_scan, policy }
    }

    /// The candidates for a name: an exact match goes before a wildcard of one label.
    fn named(&self, name: &str) -> impl Iterator<Item = &Arc<LocalCertificate>> {
        let exact = self.by_name.get(name);
        let wildcard = name.find('.').and_then(|dot| self.by_name.get(&name[dot..]));
        exact.into_iter().chain(wildcard).flatten().filter_map(|&index| self.all.get(index))
    }

    fn choose(&self, client: &Client<'_>) -> Option<&Arc<LocalCertificate>> {
        if let Some(name) = client.hello.server_name() {
            let named: Vec<_> = self.named(name).collect();
            if let Some(found) = self.first_usable(&named, client) {
                return Some(found);
            }
            if let Some(found) = named.first().filter(|_| !self.full_scan) {
                return Some(found);
            }
        }
        let all: Vec<_> = self.all.iter().collect();
        self.first_usable(&all, client).or_else(|| self.all.first())
    }

    /// The first certificate whose key the client can check, ECDSA before others.
    fn first_usable<'a>(
        &self,
        certificates: &[&'a Arc<LocalCertificate>],
        client: &Client<'_>,
    ) -> Option<&'a Arc<LocalCertificate>> {
        let offered = client.hello.signature_schemes();
        let usable = |certificate: &&&Arc<LocalCertificate>| {
            usable(certificate, offered)
                && self.staple(certificate, client) != Some(Staple::Refused)
        };
        let usable = || certificates.iter().filter(usable);
        usable()
            .find(|certificate| certificate.algorithm == SignatureAlgorithm::ECDSA)
            .or_else(|| usable().next())
            .copied()
    }

    /// What the policy says of a certificate for a client; none for one that does not ask.
    fn staple(&self, certificate: &LocalCertificate, client: &Client<'_>) -> Option<Staple> {
        if !client.wants_staple {
            return None;
        }
        let stapled = certificate.stapled.as_ref();
        let policy = if certificate.must_staple { StaplePolicy::MustStaple } else { self.policy };
        Some(match policy {
            _ if stapled.is_some_and(|stapled| stapled.is_valid(client.now)) => Staple::Sent,
            StaplePolicy::LenientStapling => Staple::Omitted,
            StaplePolicy::StrictStapling if stapled.is_none() => Staple::Omitted,
            StaplePolicy::StrictStapling | StaplePolicy::MustStaple => Staple::Refused,
        })
    }
}

/// What a choice depends on.
struct Client<'a> {
    hello: &'a ClientHello<'a>,
    wants_staple: bool,
    now: UnixTime,
}

/// Certificates for the clients that want an OCSP response, or for those that do not.
#[derive(Debug)]
pub struct Selection {
    pub certificates: Arc<ServerCertificates>,
    pub wants_staple: bool,
}

fn usable(certificate: &LocalCertificate, offered: &[SignatureScheme]) -> bool {
    certificate.key.key.choose_scheme(offered).is_some()
}

impl ResolvesServerCert for Selection {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = UnixTime::now();
        let client = Client { hello: &hello, wants_staple: self.wants_staple, now };
        let chosen = self.certificates.choose(&client)?;
        let staple = self.certificates.staple(chosen, &client);
        notes::write(|notes| {
            notes.local = Some(chosen.clone());
            notes.staple = staple;
        });
        match staple {
            Some(Staple::Refused) => None,
            Some(Staple::Sent) => chosen.stapled.as_ref().map(|stapled| stapled.key.clone()),
            Some(Staple::Omitted) | None => Some(chosen.key.clone()),
        }
    }
}

/// The certificates of a client: the first that the server can check.
#[derive(Debug)]
pub struct ClientCertificates(pub Vec<Arc<LocalCertificate>>);

impl ResolvesClientCert for ClientCertificates {
    fn resolve(&self, _: &[&[u8]], offered: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let chosen = self.0.iter().find(|certificate| usable(certificate, offered))?;
        notes::write(|notes| notes.local = Some(chosen.clone()));
        Some(chosen.key.clone())
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}
