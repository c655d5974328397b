//! What is known of TLS: certificates of both sides, and what a handshake agreed on.

use std::ops::Range;

use super::facts::Fact;
use super::{FormatContext, Rendered};
use crate::tls::{self, AlternativeNames, CertificateFacts, Handshake, TlsInfo};

/// Every command without an argument that asks for a fact of TLS.
pub const SECURITY: &[(&str, Fact)] = &[
    ("DOWNSTREAM_HANDSHAKE_DURATION", handshake_duration),
    ("DOWNSTREAM_LOCAL_DNS_SAN", |c, out| names(down_local(c), |names| &names.dns, out)),
    ("DOWNSTREAM_LOCAL_EMAIL_SAN", |c, out| names(down_local(c), |names| &names.email, out)),
    ("DOWNSTREAM_LOCAL_IP_SAN", |c, out| names(down_local(c), |names| &names.ip, out)),
    ("DOWNSTREAM_LOCAL_OTHERNAME_SAN", |c, out| other_names(down_local(c), out)),
    ("DOWNSTREAM_LOCAL_SUBJECT", |c, out| subject(down_local(c), out)),
    ("DOWNSTREAM_LOCAL_URI_SAN", |c, out| names(down_local(c), |names| &names.uri, out)),
    ("DOWNSTREAM_PEER_CERT", |c, out| certificate(down(c), out)),
    ("DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", |c, out| {
        each(down(c), 0..usize::MAX, |der| Some(tls::sha1(der)), out)
    }),
    ("DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", |c, out| {
        each(down(c), 0..usize::MAX, |der| Some(tls::sha256(der)), out)
    }),
    ("DOWNSTREAM_PEER_CHAIN_SERIALS", |c, out| each(down(c), 0..usize::MAX, tls::serial_of, out)),
    ("DOWNSTREAM_PEER_DNS_SAN", |c, out| names(down_peer(c), |names| &names.dns, out)),
    ("DOWNSTREAM_PEER_EMAIL_SAN", |c, out| names(down_peer(c), |names| &names.email, out)),
    ("DOWNSTREAM_PEER_FINGERPRINT_1", |c, out| {
        each(down(c), 0..1, |der| Some(tls::sha1(der)), out)
    }),
    ("DOWNSTREAM_PEER_FINGERPRINT_256", |c, out| {
        each(down(c), 0..1, |der| Some(tls::sha256(der)), out)
    }),
    ("DOWNSTREAM_PEER_IP_SAN", |c, out| names(down_peer(c), |names| &names.ip, out)),
    ("DOWNSTREAM_PEER_ISSUER", |c, out| issuer(down_peer(c), out)),
    ("DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256", |c, out| {
        issuer_of(down(c), |der| Some(tls::sha256(der)), out)
    }),
    ("DOWNSTREAM_PEER_ISSUER_SERIAL", |c, out| issuer_of(down(c), tls::serial_of, out)),
    ("DOWNSTREAM_PEER_OTHERNAME_SAN", |c, out| other_names(down_peer(c), out)),
    ("DOWNSTREAM_PEER_SERIAL", |c, out| serial(down_peer(c), out)),
    ("DOWNSTREAM_PEER_SUBJECT", |c, out| subject(down_peer(c), out)),
    ("DOWNSTREAM_PEER_URI_SAN", |c, out| names(down_peer(c), |names| &names.uri, out)),
    ("DOWNSTREAM_TLS_CIPHER", |c, out| agreed(down(c), |it| it.cipher, out)),
    ("DOWNSTREAM_TLS_GROUP", |c, out| agreed(down(c), |it| it.group.unwrap_or_default(), out)),
    ("DOWNSTREAM_TLS_VERSION", |c, out| version(down(c), out)),
    ("DOWNSTREAM_TRANSPORT_FAILURE_REASON", failure),
    ("UPSTREAM_LOCAL_DNS_SAN", |c, out| names(up_local(c), |names| &names.dns, out)),
    ("UPSTREAM_LOCAL_IP_SAN", |c, out| names(up_local(c), |names| &names.ip, out)),
    ("UPSTREAM_LOCAL_URI_SAN", |c, out| names(up_local(c), |names| &names.uri, out)),
    ("UPSTREAM_PEER_CERT", |c, out| certificate(up(c), out)),
    ("UPSTREAM_PEER_DNS_SAN", |c, out| names(up_peer(c), |names| &names.dns, out)),
    ("UPSTREAM_PEER_IP_SAN", |c, out| names(up_peer(c), |names| &names.ip, out)),
    ("UPSTREAM_PEER_ISSUER", |c, out| issuer(up_peer(c), out)),
    ("UPSTREAM_PEER_SUBJECT", |c, out| subject(up_peer(c), out)),
    ("UPSTREAM_PEER_URI_SAN", |c, out| names(up_peer(c), |names| &names.uri, out)),
    ("UPSTREAM_SERVER_NAME", |c, out| {
        agreed(up(c), |it| it.server_name.as_deref().unwrap_or_default(), out)
    }),
    ("UPSTREAM_TLS_CIPHER", |c, out| agreed(up(c), |it| it.cipher, out)),
    ("UPSTREAM_TLS_GROUP", |c, out| agreed(up(c), |it| it.group.unwrap_or_default(), out)),
    ("UPSTREAM_TLS_VERSION", |c, out| version(up(c), out)),
];

fn down<'a>(context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
    context.info.connection.tls.as_deref()
}

fn up<'a>(context: &FormatContext<'a>) -> Option<&'a TlsInfo> {
    context.info.upstream.tls.as_deref()
}

fn down_peer<'a>(context: &FormatContext<'a>) -> Option<&'a CertificateFacts> {
    Some(&down(context)?.peer()?.facts)
}

fn down_local<'a>(context: &FormatContext<'a>) -> Option<&'a CertificateFacts> {
    Some(&down(context)?.local()?.facts)
}

fn up_peer<'a>(context: &FormatContext<'a>) -> Option<&'a CertificateFacts> {
    Some(&up(context)?.peer()?.facts)
}

fn up_local<'a>(context: &FormatContext<'a>) -> Option<&'a CertificateFacts> {
    Some(&up(context)?.local()?.facts)
}

fn names(
    facts: Option<&CertificateFacts>,
    of: fn(&AlternativeNames) -> &Vec<String>,
    out: &mut Vec<u8>,
) -> Rendered {
    let names = facts.map(|facts| of(&facts.names).join(",")).unwrap_or_default();
    Rendered::filled(&names, out)
}

fn other_names(facts: Option<&CertificateFacts>, out: &mut Vec<u8>) -> Rendered {
    let list = facts.map(|facts| facts.names.other.as_slice()).unwrap_or_default();
    let values: Vec<&str> = list.iter().map(|(_, value)| value.as_str()).collect();
    Rendered::filled(&values.join(","), out)
}

fn subject(facts: Option<&CertificateFacts>, out: &mut Vec<u8>) -> Rendered {
    Rendered::filled(facts.map_or("", |facts| &facts.subject), out)
}

fn issuer(facts: Option<&CertificateFacts>, out: &mut Vec<u8>) -> Rendered {
    Rendered::filled(facts.map_or("", |facts| &facts.issuer), out)
}

fn serial(facts: Option<&CertificateFacts>, out: &mut Vec<u8>) -> Rendered {
    Rendered::filled(facts.map_or("", |facts| &facts.serial), out)
}

/// The peer's certificate in PEM, percent-encoded.
fn certificate(tls: Option<&TlsInfo>, out: &mut Vec<u8>) -> Rendered {
    let leaf = tls.and_then(TlsInfo::peer).and_then(|peer| peer.chain.first());
    let text = leaf.map(|leaf| tls::encoded_pem(leaf)).unwrap_or_default();
    Rendered::filled(&text, out)
}

/// A text of each certificate in a part of the peer's chain.
fn each(
    tls: Option<&TlsInfo>,
    range: Range<usize>,
    of: fn(&[u8]) -> Option<String>,
    out: &mut Vec<u8>,
) -> Rendered {
    let chain = tls.and_then(TlsInfo::peer).map(|peer| peer.chain.as_slice()).unwrap_or_default();
    let part = chain.iter().skip(range.start).take(range.end - range.start);
    let texts: Vec<String> = part.filter_map(|certificate| of(certificate)).collect();
    Rendered::filled(&texts.join(","), out)
}

/// A text of the peer's issuer.
fn issuer_of(
    tls: Option<&TlsInfo>,
    of: fn(&[u8]) -> Option<String>,
    out: &mut Vec<u8>,
) -> Rendered {
    let issuer = tls.and_then(TlsInfo::peer).and_then(|peer| peer.issuer.as_ref());
    Rendered::filled(&issuer.and_then(|issuer| of(issuer)).unwrap_or_default(), out)
}

fn agreed(
    tls: Option<&TlsInfo>,
    of: for<'a> fn(&'a Handshake) -> &'a str,
    out: &mut Vec<u8>,
) -> Rendered {
    Rendered::filled(tls.and_then(|tls| tls.handshake.get()).map_or("", of), out)
}

/// An unfinished handshake has a version, too.
fn version(tls: Option<&TlsInfo>, out: &mut Vec<u8>) -> Rendered {
    let done = tls.and_then(|tls| tls.handshake.get()).map(|handshake| handshake.version);
    Rendered::filled(done.or(tls.map(|tls| tls.version.get())).unwrap_or_default(), out)
}

fn handshake_duration(context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
    match down(context).and_then(|tls| tls.handshake.get()) {
        Some(handshake) => {
            let start = context.info.connection.start;
            let spent = handshake.done.saturating_duration_since(start);
            Rendered::number(spent.as_millis() as u64, out)
        }
        None => Rendered::Absent,
    }
}

fn failure(context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
    let start = out.len();
    let reason = down(context).map(|tls| tls.failure.borrow().clone()).unwrap_or_default();
    let rendered = Rendered::filled(&reason, out);
    out[start..].iter_mut().filter(|byte| **byte == b' ').for_each(|byte| *byte = b'_');
    rendered
}
