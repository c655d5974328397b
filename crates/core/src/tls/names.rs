//! What Envoy calls suites, groups, versions and signature schemes.

use rustls::crypto::aws_lc_rs::{cipher_suite, kx_group};
use rustls::crypto::SupportedKxGroup;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SupportedCipherSuite};

use crate::proto::SslStat;

/// A suite, its name, and the counter of handshakes with it.
type Suite = (&'static str, SupportedCipherSuite, SslStat);

/// Suites of TLS 1.3, which are not configured: the client's order decides.
pub const TLS13: &[Suite] = &[
    (
        "TLS_AES_128_GCM_SHA256",
        cipher_suite::TLS13_AES_128_GCM_SHA256,
        SslStat::SslCiphersTlsAes128GcmSha256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        cipher_suite::TLS13_AES_256_GCM_SHA384,
        SslStat::SslCiphersTlsAes256GcmSha384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        SslStat::SslCiphersTlsChacha20Poly1305Sha256,
    ),
];

/// Suites of TLS 1.2.
pub const TLS12: &[Suite] = &[
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        SslStat::SslCiphersEcdheEcdsaAes128GcmSha256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        SslStat::SslCiphersEcdheEcdsaChacha20Poly1305,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        SslStat::SslCiphersEcdheRsaAes128GcmSha256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        SslStat::SslCiphersEcdheRsaChacha20Poly1305,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        SslStat::SslCiphersEcdheEcdsaAes256GcmSha384,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        SslStat::SslCiphersEcdheRsaAes256GcmSha384,
    ),
];

/// A group, its name, and the counter of handshakes with it.
pub type Group = (&'static str, &'static dyn SupportedKxGroup, SslStat);

pub const GROUPS: &[Group] = &[
    ("X25519", kx_group::X25519, SslStat::SslCurvesX25519),
    ("P-256", kx_group::SECP256R1, SslStat::SslCurvesP256),
    ("P-384", kx_group::SECP384R1, SslStat::SslCurvesP384),
    ("X25519MLKEM768", kx_group::X25519MLKEM768, SslStat::SslCurvesX25519mlkem768),
];

const SCHEMES: &[(&str, SignatureScheme, SslStat)] = &[
    ("rsa_pkcs1_sha256", SignatureScheme::RSA_PKCS1_SHA256, SslStat::SslSigalgsRsaPkcs1Sha256),
    ("rsa_pkcs1_sha384", SignatureScheme::RSA_PKCS1_SHA384, SslStat::SslSigalgsRsaPkcs1Sha384),
    ("rsa_pkcs1_sha512", SignatureScheme::RSA_PKCS1_SHA512, SslStat::SslSigalgsRsaPkcs1Sha512),
    (
        "ecdsa_secp256r1_sha256",
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SslStat::SslSigalgsEcdsaSecp256r1Sha256,
    ),
    (
        "ecdsa_secp384r1_sha384",
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SslStat::SslSigalgsEcdsaSecp384r1Sha384,
    ),
    (
        "ecdsa_secp521r1_sha512",
        SignatureScheme::ECDSA_NISTP521_SHA512,
        SslStat::SslSigalgsEcdsaSecp521r1Sha512,
    ),
    ("rsa_pss_rsae_sha256", SignatureScheme::RSA_PSS_SHA256, SslStat::SslSigalgsRsaPssRsaeSha256),
    ("rsa_pss_rsae_sha384", SignatureScheme::RSA_PSS_SHA384, SslStat::SslSigalgsRsaPssRsaeSha384),
    ("rsa_pss_rsae_sha512", SignatureScheme::RSA_PSS_SHA512, SslStat::SslSigalgsRsaPssRsaeSha512),
    ("ed25519", SignatureScheme::ED25519, SslStat::SslSigalgsEd25519),
];

/// The suite of TLS 1.2 that `name` means, in Envoy's or the IANA's words.
pub fn suite(name: &str) -> Option<SupportedCipherSuite> {
    let is = |suite: &&Suite| suite.0 == name || format!("{:?}", suite.1.suite()) == name;
    TLS12.iter().find(is).map(|suite| suite.1)
}

pub fn describe_suite(suite: CipherSuite) -> Option<(&'static str, SslStat)> {
    TLS12.iter().chain(TLS13).find(|s| s.1.suite() == suite).map(|s| (s.0, s.2))
}

pub fn group(name: &str) -> Option<&'static dyn SupportedKxGroup> {
    GROUPS.iter().find(|group| group.0 == name).map(|group| group.1)
}

pub fn describe_group(group: NamedGroup) -> Option<(&'static str, SslStat)> {
    GROUPS.iter().find(|g| g.1.name() == group).map(|g| (g.0, g.2))
}

pub fn scheme(name: &str) -> Option<SignatureScheme> {
    SCHEMES.iter().find(|scheme| scheme.0 == name).map(|scheme| scheme.1)
}

pub fn scheme_stat(scheme: SignatureScheme) -> Option<SslStat> {
    SCHEMES.iter().find(|s| s.1 == scheme).map(|s| s.2)
}

pub fn describe_version(version: ProtocolVersion) -> Option<(&'static str, SslStat)> {
    match version {
        ProtocolVersion::TLSv1_2 => Some(("TLSv1.2", SslStat::SslVersionsTlsv12)),
        ProtocolVersion::TLSv1_3 => Some(("TLSv1.3", SslStat::SslVersionsTlsv13)),
        _ => None,
    }
}
