//! What entries tell of the TLS of a client.

use crate::http::stream_info::ConnectionInfo;
use crate::proto::service;
use crate::tls::{CertificateFacts, TlsInfo};

/// None for a connection without TLS whose first bytes tell none either.
pub fn tls_properties(connection: &ConnectionInfo) -> Option<service::TlsProperties> {
    let inspected = service::TlsProperties {
        tls_sni_hostname: connection.requested_server_name().to_owned(),
        ja3_fingerprint: connection.inspected.as_ref().map_or("", |it| &it.ja3).to_owned(),
        ..Default::default()
    };
    let Some(tls) = &connection.tls else {
        return (inspected != service::TlsProperties::default()).then_some(inspected);
    };
    let handshake = tls.handshake.get();
    let cipher = handshake.map_or(0, |handshake| u32::from(handshake.cipher_id));
    Some(service::TlsProperties {
        tls_version: version(tls),
        tls_cipher_suite: Some(service::UInt32 { value: cipher }),
        local_certificate_properties: Some(certificate(tls.local().map(|it| &it.facts))),
        peer_certificate_properties: Some(peer(tls)),
        ..inspected
    })
}

fn version(tls: &TlsInfo) -> u32 {
    match tls.handshake.get().map_or(tls.version.get(), |handshake| handshake.version) {
        "TLSv1.2" => 3,
        "TLSv1.3" => 4,
        _ => 0,
    }
}

fn peer(tls: &TlsInfo) -> service::CertificateProperties {
    let facts = tls.peer().map(|it| &it.facts);
    let issuer = facts.map_or(String::new(), |facts| facts.issuer.clone());
    service::CertificateProperties { issuer, ..certificate(facts) }
}

/// What entries tell of the certificate of either side: of names those that are URIs.
fn certificate(facts: Option<&CertificateFacts>) -> service::CertificateProperties {
    let Some(facts) = facts else { return service::CertificateProperties::default() };
    let named = |uri: &String| service::AlternativeName { uri: uri.clone() };
    service::CertificateProperties {
        subject_alt_name: facts.names.uri.iter().map(named).collect(),
        subject: facts.subject.clone(),
        issuer: String::new(),
    }
}
