//! Why TLS failed, in the words that Envoy has from BoringSSL, and what an operator may do about it.

use std::io;

use rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved,
};

use super::notes::Refusal;
use crate::proto::SslStat;

/// Errors of BoringSSL's TLS library begin here.
const LIBRARY: u32 = 16 << 24;

/// A failed connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// %DOWNSTREAM_TRANSPORT_FAILURE_REASON% and its upstream twin.
    pub reason: String,
    /// The counter of its kind; none when nothing went wrong but the peer left.
    pub stat: Option<SslStat>,
    pub hint: &'static str,
}

/// The peer closed the connection before the handshake was done.
pub const CLOSED: &str =
    "the peer closed the connection before the handshake was done; its own log \
                          may say why";

impl Failure {
    /// An error of the record layer or the handshake; `refusal` is what the verifier noted.
    pub fn of(error: &Error, refusal: Option<Refusal>) -> Self {
        if let Some(refusal) = refusal {
            let data = format!("verify cert failed: {}", refusal.reason);
            return Self {
                reason: text(125, "CERTIFICATE_VERIFY_FAILED", Some(&data)),
                stat: Some(refusal.stat),
                hint: hint_of_refusal(&refusal),
            };
        }
        if matches!(error, Error::NoCertificatesPresented) {
            let data = "peer did not provide required client certificate";
            return Self {
                reason: text(192, "PEER_DID_NOT_RETURN_A_CERTIFICATE", Some(data)),
                stat: Some(SslStat::SslFailVerifyNoCert),
                hint: "the client is to show a certificate that the validation context trusts",
            };
        }
        if matches!(error, Error::InvalidCertificate(CertificateError::Other(_))) {
            return Self {
                reason: text(125, "CERTIFICATE_VERIFY_FAILED", None),
                stat: None,
                hint: "auto_san_validation wants a validation context: nobody vouches for the name",
            };
        }
        let (number, name, hint) = describe(error);
        Self { reason: text(number, name, None), stat: Some(SslStat::SslConnectionError), hint }
    }

    /// Bytes that begin no TLS record.
    pub fn of_first_bytes(bytes: &[u8]) -> Self {
        const METHODS: [&[u8]; 4] = [b"GET ", b"POST ", b"HEAD ", b"PUT "];
        let hint = "the peer does not speak TLS: look at its scheme and port";
        let (number, name) = if METHODS.iter().any(|method| bytes.starts_with(method)) {
            (156, "HTTP_REQUEST")
        } else if bytes.starts_with(b"CONNE") {
            (155, "HTTPS_PROXY_REQUEST")
        } else {
            (247, "WRONG_VERSION_NUMBER")
        };
        Self { reason: text(number, name, None), stat: Some(SslStat::SslConnectionError), hint }
    }

    /// A client that speaks neither TLS 1.2 nor 1.3.
    pub fn unsupported_version() -> Self {
        let error = Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered);
        Self::of(&error, None)
    }

    /// The socket failed.
    pub fn of_socket(error: &io::Error) -> Self {
        const SYSTEM: i32 = 2 << 24;
        let Some(number) = error.raw_os_error() else { return Self::closed() };
        let code = SYSTEM + number;
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let reason =
            format!("TLS_error:|{code}:system library:OPENSSL_internal:{text}:TLS_error_end");
        Self { reason, stat: None, hint: CLOSED }
    }

    /// A server has refused a client's first message: BoringSSL says so a second time.
    pub fn on_client_hello(mut self) -> Self {
        let refused = "SSLV3_ALERT_HANDSHAKE_FAILURE:TLS_error_end";
        if let Some(front) = self.reason.strip_suffix(refused) {
            let code = LIBRARY + 154;
            self.reason = format!(
                "{front}SSLV3_ALERT_HANDSHAKE_FAILURE|{code}:SSL routines:OPENSSL_internal:\
                 HANDSHAKE_FAILURE_ON_CLIENT_HELLO:TLS_error_end"
            );
        }
        self
    }

    /// The peer went away.
    pub fn closed() -> Self {
        Self { reason: String::new(), stat: None, hint: CLOSED }
    }

    pub fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self.reason)
    }
}

fn text(number: u32, name: &str, data: Option<&str>) -> String {
    let code = LIBRARY + number;
    let data = data.map(|data| format!(":{data}")).unwrap_or_default();
    format!("TLS_error:|{code}:SSL routines:OPENSSL_internal:{name}{data}:TLS_error_end")
}

fn hint_of_refusal(refusal: &Refusal) -> &'static str {
    match refusal.stat {
        SslStat::SslFailVerifySan => {
            "no name in the peer's certificate is one of match_typed_subject_alt_names"
        }
        SslStat::SslFailVerifyCertHash => {
            "the peer's certificate is none of verify_certificate_hash and verify_certificate_spki"
        }
        _ if refusal.reason.contains("expired") => "renew the certificate, or look at the clocks",
        _ if refusal.reason.contains("not yet valid") => "look at the clocks of both sides",
        _ if refusal.reason.contains("revoked") => "the certificate is in the CRL",
        _ => "no certificate in trusted_ca vouches for the peer's; it may have to send its issuer too",
    }
}

type Described = (u32, &'static str, &'static str);

fn describe(error: &Error) -> Described {
    const VERSION: &str = "the two sides have no TLS version in common: look at \
                           tls_minimum_protocol_version and tls_maximum_protocol_version";
    const CIPHER: &str =
        "the two sides have no cipher suite in common; TLS 1.2 is spoken with AEAD \
                          suites over ECDHE alone";
    const BROKEN: &str = "the peer broke the protocol";
    match error {
        Error::AlertReceived(alert) => describe_alert(*alert),
        Error::PeerIncompatible(reason) => match reason {
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
                (240, "UNSUPPORTED_PROTOCOL", VERSION)
            }
            PeerIncompatible::NoKxGroupsInCommon => {
                (243, "WRONG_CURVE", "the two sides have no curve in common: look at ecdh_curves")
            }
            PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => (
                253,
                "NO_COMMON_SIGNATURE_ALGORITHMS",
                "no key of this side can sign as the peer wants it",
            ),
            _ => (184, "NO_SHARED_CIPHER", CIPHER),
        },
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite) => {
            (242, "WRONG_CIPHER_RETURNED", BROKEN)
        }
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            (259, "INVALID_ALPN_PROTOCOL", BROKEN)
        }
        Error::NoApplicationProtocol => (
            1120,
            "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
            "the two sides have no protocol in common: look at alpn_protocols",
        ),
        Error::DecryptError => (139, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC", BROKEN),
        Error::PeerSentOversizedRecord => (136, "DATA_LENGTH_TOO_LONG", BROKEN),
        Error::InvalidMessage(
            InvalidMessage::UnknownProtocolVersion | InvalidMessage::InvalidContentType,
        ) => (
            247,
            "WRONG_VERSION_NUMBER",
            "the peer does not speak TLS: look at its scheme and port",
        ),
        Error::InvalidCertificate(_) => {
            (114, "BAD_SIGNATURE", "the peer does not have the key of its certificate")
        }
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (223, "UNEXPECTED_MESSAGE", BROKEN)
        }
        _ => (137, "DECODE_ERROR", BROKEN),
    }
}

/// What the other side said it refuses.
fn describe_alert(alert: AlertDescription) -> Described {
    const PEER: &str = "the peer refused: its log says why";
    const CERTIFICATE: &str = "the peer does not trust the certificate of this side";
    const NEEDED: &str = "the peer wants a certificate: give this side tls_certificates";
    match alert {
        AlertDescription::UnexpectedMessage => (1010, "SSLV3_ALERT_UNEXPECTED_MESSAGE", PEER),
        AlertDescription::BadRecordMac => (1020, "SSLV3_ALERT_BAD_RECORD_MAC", PEER),
        AlertDescription::RecordOverflow => (1022, "TLSV1_ALERT_RECORD_OVERFLOW", PEER),
        AlertDescription::BadCertificate => (1042, "SSLV3_ALERT_BAD_CERTIFICATE", CERTIFICATE),
        AlertDescription::UnsupportedCertificate => {
            (1043, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", CERTIFICATE)
        }
        AlertDescription::CertificateRevoked => {
            (1044, "SSLV3_ALERT_CERTIFICATE_REVOKED", CERTIFICATE)
        }
        AlertDescription::CertificateExpired => {
            (1045, "SSLV3_ALERT_CERTIFICATE_EXPIRED", CERTIFICATE)
        }
        AlertDescription::CertificateUnknown => {
            (1046, "SSLV3_ALERT_CERTIFICATE_UNKNOWN", CERTIFICATE)
        }
        AlertDescription::IllegalParameter => (1047, "SSLV3_ALERT_ILLEGAL_PARAMETER", PEER),
        AlertDescription::UnknownCA => (1048, "TLSV1_ALERT_UNKNOWN_CA", CERTIFICATE),
        AlertDescription::AccessDenied => (1049, "TLSV1_ALERT_ACCESS_DENIED", PEER),
        AlertDescription::DecodeError => (1050, "TLSV1_ALERT_DECODE_ERROR", PEER),
        AlertDescription::DecryptError => (1051, "TLSV1_ALERT_DECRYPT_ERROR", PEER),
        AlertDescription::ProtocolVersion => (
            1070,
            "TLSV1_ALERT_PROTOCOL_VERSION",
            "the peer wants another TLS version: look at tls_minimum_protocol_version and \
             tls_maximum_protocol_version",
        ),
        AlertDescription::InsufficientSecurity => (1071, "TLSV1_ALERT_INSUFFICIENT_SECURITY", PEER),
        AlertDescription::InternalError => (1080, "TLSV1_ALERT_INTERNAL_ERROR", PEER),
        AlertDescription::UserCanceled => (1090, "TLSV1_ALERT_USER_CANCELLED", PEER),
        AlertDescription::NoRenegotiation => (1100, "TLSV1_ALERT_NO_RENEGOTIATION", PEER),
        AlertDescription::UnrecognisedName => (
            1112,
            "TLSV1_ALERT_UNRECOGNIZED_NAME",
            "the peer does not serve the name asked for: look at sni",
        ),
        AlertDescription::CertificateRequired => (1116, "TLSV1_ALERT_CERTIFICATE_REQUIRED", NEEDED),
        AlertDescription::NoApplicationProtocol => (
            1120,
            "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
            "the two sides have no protocol in common: look at alpn_protocols",
        ),
        _ => (
            1040,
            "SSLV3_ALERT_HANDSHAKE_FAILURE",
            "the peer found nothing in common, or wants a certificate of this side",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, Error, PeerIncompatible};

    use super::Failure;
    use crate::proto::SslStat;
    use crate::tls::notes::Refusal;

    #[test]
    fn failures_have_the_words_of_boringssl() {
        let of = |error| Failure::of(&error, None).reason;
        assert_eq!(
            of(Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon)),
            "TLS_error:|268435640:SSL routines:OPENSSL_internal:NO_SHARED_CIPHER:TLS_error_end"
        );
        assert_eq!(
            of(Error::AlertReceived(AlertDescription::UnknownCA)),
            "TLS_error:|268436504:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA:TLS_error_end"
        );
        let refusal = Refusal { stat: SslStat::SslFailVerifySan, reason: "SAN matcher".to_owned() };
        let failure = Failure::of(&Error::DecryptError, Some(refusal));
        assert_eq!(
            failure.reason,
            "TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify \
             cert failed: SAN matcher:TLS_error_end"
        );
        assert_eq!(failure.stat, Some(SslStat::SslFailVerifySan));
        assert!(Failure::of_first_bytes(b"GET / HT").reason.contains(":HTTP_REQUEST:"));
        assert!(Failure::of_first_bytes(b"SSH-2").reason.contains(":WRONG_VERSION_NUMBER:"));
    }
}
