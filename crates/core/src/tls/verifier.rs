//! What rustls asks about the peer of a connection, of either side.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::chain::Usage;
use super::notes;
use super::verify::{unspecified, Asked, Validation};

/// A verifier for rustls, of either side.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub validation: Option<Arc<Validation>>,
    pub algorithms: WebPkiSupportedAlgorithms,
    pub schemes: Vec<SignatureScheme>,
    subjects: Vec<DistinguishedName>,
    /// Of a server: a client without a certificate is refused.
    mandatory: bool,
    /// Of a client: the certificate is to be of the name asked for.
    match_server_name: bool,
    /// Of a client: the certificate is to be of this name.
    expected: Option<Arc<str>>,
}

impl Verifier {
    pub fn server(
        validation: Option<Validation>,
        algorithms: WebPkiSupportedAlgorithms,
        schemes: Vec<SignatureScheme>,
        require: bool,
    ) -> Self {
        let subjects = validation.as_ref().map(Validation::subjects).unwrap_or_default();
        let needed = validation.as_ref().is_some_and(Validation::needs_certificate);
        let mandatory = require || needed;
        Self { subjects, mandatory, ..Self::client(validation, algorithms, schemes, false) }
    }

    pub fn client(
        validation: Option<Validation>,
        algorithms: WebPkiSupportedAlgorithms,
        schemes: Vec<SignatureScheme>,
        match_server_name: bool,
    ) -> Self {
        Self {
            validation: validation.map(Arc::new),
            algorithms,
            schemes,
            subjects: Vec::new(),
            mandatory: false,
            match_server_name,
            expected: None,
        }
    }

    /// The same for a connection whose host's certificate is to be of this name.
    pub fn expecting(&self, name: Arc<str>) -> Self {
        Self { expected: Some(name), ..self.clone() }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        asked: Asked<'_>,
        usage: Usage,
        now: UnixTime,
    ) -> std::result::Result<(), Error> {
        let Some(validation) = &self.validation else {
            return match asked.expected {
                None => Ok(()),
                // Nobody vouches for the name.
                Some(_) => Err(Error::InvalidCertificate(unspecified())),
            };
        };
        let mut chain = vec![leaf.clone()];
        chain.extend(intermediates.iter().cloned());
        validation.verify(&chain, asked, &self.algorithms, usage, now)
    }

    fn offered(&self) -> Vec<SignatureScheme> {
        match self.schemes.is_empty() {
            true => self.algorithms.supported_schemes(),
            false => self.schemes.clone(),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        let name = server_name.to_str();
        let asked = Asked {
            name: self.match_server_name.then_some(&*name),
            expected: self.expected.as_deref(),
        };
        self.verify(end_entity, intermediates, asked, Usage::Server, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        notes::write(|notes| notes.scheme = Some(dss.scheme));
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        notes::write(|notes| notes.scheme = Some(dss.scheme));
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.offered()
    }
}

impl ClientCertVerifier for Verifier {
    fn offer_client_auth(&self) -> bool {
        self.mandatory || self.validation.as_ref().is_some_and(|it| it.asks())
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, Error> {
        self.verify(end_entity, intermediates, Asked::default(), Usage::Client, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.offered()
    }
}
