use std::process::Command;
use std::slice::from_ref;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::{Rules, Trust, Usage};

/// Certificates made with openssl, in a directory of their own.
struct Made(std::path::PathBuf);

impl Made {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("lateen-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn certificate(
        &self,
        name: &str,
        issuer: Option<&str>,
        extension: &str,
    ) -> CertificateDer<'static> {
        let file = |name: &str| self.0.join(name).display().to_string();
        let mut command = Command::new("openssl");
        command
            .args("req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(' '));
        command.args(["-days", "10", "-outform", "DER", "-subj", &format!("/CN={name}")]);
        command.args(["-addext", extension]);
        command.args(["-keyout", &file(&format!("{name}.key")), "-out", &file(name)]);
        if let Some(issuer) = issuer {
            command.args(["-CA", &file(issuer), "-CAkey", &file(&format!("{issuer}.key"))]);
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        CertificateDer::from(std::fs::read(file(name)).unwrap())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE";
const LEAF: &str = "basicConstraints=CA:FALSE";

fn verify(
    trusted: &CertificateDer<'_>,
    chain: &[CertificateDer<'_>],
    rules: Rules,
    days: u64,
) -> String {
    let trust = Trust::compile(&[trusted.to_vec()], "ca.pem", &[], "", rules).unwrap();
    let now =
        UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() + days * 86_400));
    let algorithms = default_provider().signature_verification_algorithms;
    match trust.verify(chain, &algorithms, Usage::Server, now) {
        Ok(()) => "good".to_owned(),
        Err(refused) => refused.reason.rsplit(": ").next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn chains_are_judged_as_boringssl_does() {
    let made = Made::new("chain");
    let ca = made.certificate("ca", None, AUTHORITY);
    let other = made.certificate("other", None, AUTHORITY);
    let middle = made.certificate("middle", Some("ca"), AUTHORITY);
    let leaf = made.certificate("leaf", Some("ca"), LEAF);
    let deep = made.certificate("deep", Some("middle"), LEAF);
    let rules = Rules::default;
    assert_eq!(verify(&ca, from_ref(&leaf), rules(), 0), "good");
    assert_eq!(verify(&ca, &[deep.clone(), middle.clone()], rules(), 0), "good");
    assert_eq!(verify(&middle, from_ref(&deep), rules(), 0), "good");
    let nobody = "unable to get local issuer certificate";
    assert_eq!(verify(&other, from_ref(&leaf), rules(), 0), nobody);
    assert_eq!(verify(&ca, from_ref(&deep), rules(), 0), nobody);
    assert_eq!(verify(&ca, from_ref(&other), rules(), 0), "self signed certificate");
    assert_eq!(verify(&other, from_ref(&other), rules(), 0), "good");
    assert_eq!(verify(&leaf, from_ref(&leaf), rules(), 0), "good");
    assert_eq!(verify(&ca, from_ref(&leaf), rules(), 20), "certificate has expired");
    let lenient = Rules { allow_expired: true, ..rules() };
    assert_eq!(verify(&ca, &[leaf], lenient, 20), "good");
    let shallow = Rules { max_depth: Some(0), ..rules() };
    assert_eq!(verify(&ca, &[deep, middle], shallow, 0), nobody);
}
