//! x-forwarded-client-cert: what a request tells of the client's certificate.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert>

use super::request::append_list;
use super::ManagerConfig;
use crate::headers::{HeaderId, Headers};
use crate::proto::http_connection_manager::ForwardClientCert;
use crate::proto::ClientCertDetails;
use crate::tls::{encoded_pem, TlsInfo};

/// Removes, keeps, replaces or extends the header, by `forward_client_cert_details`.
pub fn forward(config: &ManagerConfig, headers: &mut Headers, tls: Option<&TlsInfo>) {
    let mode = config.forward_client_cert;
    if mode == ForwardClientCert::AlwaysForwardOnly {
        return;
    }
    let mutual = tls.filter(|tls| tls.is_presented());
    let Some(tls) = mutual.filter(|_| mode != ForwardClientCert::Sanitize) else {
        headers.remove(HeaderId::XForwardedClientCert);
        return;
    };
    if mode == ForwardClientCert::ForwardOnly {
        return;
    }
    // A connection has one manager, so what it tells is the same each time.
    let element = tls.forwarded.get_or_init(|| element(tls, &config.client_cert_details).into());
    match mode {
        ForwardClientCert::AppendForward => {
            append_list(headers, HeaderId::XForwardedClientCert, element.as_bytes(), b",");
        }
        _ => headers.set(HeaderId::XForwardedClientCert, element.as_bytes()),
    }
}

fn element(tls: &TlsInfo, details: &ClientCertDetails) -> String {
    let mut parts: Vec<String> = Vec::new();
    let uris = tls.local().map(|local| local.facts.names.uri.as_slice()).unwrap_or_default();
    parts.extend(uris.iter().map(|uri| format!("By={uri}")));
    let Some(peer) = tls.peer() else { return parts.join(";") };
    parts.push(format!("Hash={}", peer.sha256()));
    if details.cert {
        let leaf = peer.chain.first().map(|leaf| encoded_pem(leaf)).unwrap_or_default();
        parts.push(format!("Cert=\"{leaf}\""));
    }
    if details.chain {
        let chain: String = peer.chain.iter().map(|certificate| encoded_pem(certificate)).collect();
        parts.push(format!("Chain=\"{chain}\""));
    }
    if details.subject {
        parts.push(format!("Subject=\"{}\"", quote(&peer.facts.subject)));
    }
    if details.uri {
        match peer.facts.names.uri.as_slice() {
            [] => parts.push("URI=".to_owned()),
            uris => parts.extend(uris.iter().map(|uri| format!("URI={uri}"))),
        }
    }
    if details.dns {
        parts.extend(peer.facts.names.dns.iter().map(|name| format!("DNS={name}")));
    }
    parts.join(";")
}

fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
