//! A key of a set (RFC 7517 section 4), parsed once: what each algorithm of its type verifies with.

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, VerificationAlgorithm};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::token::decode;
use super::{Refusal, Token};

type Members = Map<String, Value>;
/// Why a key cannot be used.
pub type Fault = &'static str;

const ED25519_SIGNATURE: usize = 64;
const ED25519_KEY: usize = 32;
/// RFC 7518 section 3.3 asks for 2048 bits at least; AWS-LC takes no more than 8192.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

static RSA_ALGORITHMS: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// A curve: the one algorithm that it is for (RFC 7518 section 3.4), and how long a coordinate is.
struct Curve {
    name: &'static str,
    alg: &'static str,
    algorithm: Algorithm,
    coordinate: usize,
    verification: &'static dyn VerificationAlgorithm,
}

static CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        alg: "ES256",
        algorithm: Algorithm::Es256,
        coordinate: 32,
        verification: &signature::ECDSA_P256_SHA256_FIXED,
    },
    Curve {
        name: "P-384",
        alg: "ES384",
        algorithm: Algorithm::Es384,
        coordinate: 48,
        verification: &signature::ECDSA_P384_SHA384_FIXED,
    },
    Curve {
        name: "P-521",
        alg: "ES512",
        algorithm: Algorithm::Es512,
        coordinate: 66,
        verification: &signature::ECDSA_P521_SHA512_FIXED,
    },
];

enum Verifier {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl Verifier {
    fn verifies(&self, token: &Token) -> bool {
        let (signed, signature) = (token.signed(), &token.signature);
        match self {
            Self::Public(key) => key.verify_sig(signed, signature).is_ok(),
            Self::Shared(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

pub struct Key {
    /// Empty: tokens of any `kid`.
    kid: String,
    /// Empty: any algorithm of its type.
    alg: String,
    /// An algorithm of another type of key is never tried: it is not here.
    verifiers: Vec<(Algorithm, Verifier)>,
}

impl Key {
    /// # Errors
    /// Why the key cannot be used.
    pub fn read(jwk: &Members) -> Result<Self, Fault> {
        let alg = optional(jwk, "alg", "[alg] is not a string")?;
        let verifiers = match text(jwk, "kty", "[kty] is missing or not a string")? {
            "RSA" => read_rsa(jwk, alg)?,
            "EC" => read_ec(jwk, alg)?,
            "oct" => read_oct(jwk, alg)?,
            "OKP" => read_okp(jwk, alg)?,
            _ => return Err("[kty] is not RSA, EC, oct or OKP"),
        };
        Ok(Self {
            kid: jwk.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned(),
            alg: alg.to_owned(),
            verifiers,
        })
    }

    /// The public key of a certificate.
    ///
    /// # Errors
    /// It is no RSA key that can be used.
    pub fn of_rsa(kid: &str, modulus: &[u8], exponent: &[u8]) -> Result<Self, Fault> {
        let verifiers = rsa(modulus, exponent)?;
        Ok(Self { kid: kid.to_owned(), alg: String::new(), verifiers })
    }

    /// Whether the token may be signed with it. `kid` and `alg` decide, as far as both of them say something.
    pub fn is_for(&self, token: &Token) -> bool {
        let kid = token.kid();
        let same_kid = kid.is_empty() || self.kid.is_empty() || self.kid == kid;
        same_kid
            && (self.alg.is_empty() || Algorithm::from_name(&self.alg) == Some(token.algorithm))
    }

    /// Whether the token is signed with it.
    ///
    /// # Errors
    /// The signature can be none by this algorithm.
    pub fn verifies(&self, token: &Token) -> Result<bool, Refusal> {
        let of_algorithm = self.verifiers.iter().find(|(known, _)| *known == token.algorithm);
        let Some((algorithm, verifier)) = of_algorithm else { return Ok(false) };
        if *algorithm == Algorithm::EdDsa && token.signature.len() != ED25519_SIGNATURE {
            return Err(Refusal::Ed25519WrongLength);
        }
        Ok(verifier.verifies(token))
    }
}

fn text<'a>(jwk: &'a Members, name: &str, fault: Fault) -> Result<&'a str, Fault> {
    jwk.get(name).and_then(Value::as_str).ok_or(fault)
}

/// Empty where there is none.
fn optional<'a>(jwk: &'a Members, name: &str, fault: Fault) -> Result<&'a str, Fault> {
    jwk.get(name).map_or(Ok(""), |value| value.as_str().ok_or(fault))
}

fn bytes(jwk: &Members, name: &str, fault: Fault) -> Result<Vec<u8>, Fault> {
    decode(text(jwk, name, fault)?).ok_or(fault)
}

/// A number without the zeros in front of it.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

fn read_rsa(jwk: &Members, alg: &str) -> Result<Vec<(Algorithm, Verifier)>, Fault> {
    if !(alg.is_empty() || alg.starts_with("RS") || alg.starts_with("PS")) {
        return Err("[alg] does not start with RS or PS for an RSA key");
    }
    let n = bytes(jwk, "n", "[n] is missing or not base64url for an RSA key")?;
    let e = bytes(jwk, "e", "[e] is missing or not base64url for an RSA key")?;
    rsa(&n, &e)
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Vec<(Algorithm, Verifier)>, Fault> {
    let (n, e) = (significant(modulus), significant(exponent));
    if !matches!(e, [3] | [1, 0, 1]) {
        return Err("the exponent of an RSA key is neither 3 nor 65537");
    }
    let unused = n.first().map_or(0, |first| first.leading_zeros() as usize);
    let odd = n.last().is_some_and(|last| last & 1 == 1);
    if !odd || !RSA_BITS.contains(&(n.len() * 8 - unused)) {
        return Err("the modulus of an RSA key is even, or has not 2048 to 8192 bits");
    }
    let components = PublicKeyComponents { n, e };
    let verifier = |&(algorithm, parameters): &(Algorithm, &'static RsaParameters)| {
        let key = components.to_parsed_public_key(parameters).ok()?;
        Some((algorithm, Verifier::Public(key)))
    };
    let all: Option<Vec<_>> = RSA_ALGORITHMS.iter().map(verifier).collect();
    all.ok_or("not an RSA key")
}

fn read_ec(jwk: &Members, alg: &str) -> Result<Vec<(Algorithm, Verifier)>, Fault> {
    let crv = optional(jwk, "crv", "[crv] is not a string for an EC key")?;
    let curve = match (alg, crv) {
        ("", "") => CURVES.first(),
        _ => CURVES.iter().find(|curve| {
            (alg.is_empty() || alg == curve.alg) && (crv.is_empty() || crv == curve.name)
        }),
    };
    let curve = curve.ok_or("[crv] and [alg] name no curve for an EC key")?;
    let mut point = vec![4];
    for name in ["x", "y"] {
        let given = bytes(jwk, name, "[x] or [y] is missing or not base64url for an EC key")?;
        let number = significant(&given);
        let room = curve.coordinate.checked_sub(number.len());
        let room = room.ok_or("[x] or [y] is too long for the curve of an EC key")?;
        point.resize(point.len() + room, 0);
        point.extend_from_slice(number);
    }
    let key = ParsedPublicKey::new(curve.verification, &point);
    let key = key.map_err(|_| "[x] and [y] are no point of the curve of an EC key")?;
    Ok(vec![(curve.algorithm, Verifier::Public(key))])
}

fn read_oct(jwk: &Members, alg: &str) -> Result<Vec<(Algorithm, Verifier)>, Fault> {
    if !matches!(alg, "" | "HS256" | "HS384" | "HS512") {
        return Err("[alg] is not HS256, HS384 or HS512 for an oct key");
    }
    let secret = bytes(jwk, "k", "[k] is missing or not base64url for an oct key")?;
    if secret.is_empty() {
        return Err("[k] is empty for an oct key");
    }
    let with =
        |algorithm, hash| (algorithm, Verifier::Shared(Box::new(hmac::Key::new(hash, &secret))));
    Ok(vec![
        with(Algorithm::Hs256, hmac::HMAC_SHA256),
        with(Algorithm::Hs384, hmac::HMAC_SHA384),
        with(Algorithm::Hs512, hmac::HMAC_SHA512),
    ])
}

fn read_okp(jwk: &Members, alg: &str) -> Result<Vec<(Algorithm, Verifier)>, Fault> {
    if !matches!(alg, "" | "EdDSA") {
        return Err("[alg] is not EdDSA for an OKP key");
    }
    if text(jwk, "crv", "[crv] is missing or not a string for an OKP key")? != "Ed25519" {
        return Err("[crv] is not Ed25519 for an OKP key");
    }
    let key = bytes(jwk, "x", "[x] is missing or not base64url for an OKP key")?;
    if key.len() != ED25519_KEY {
        return Err("[x] has not 32 bytes for an OKP key");
    }
    let key = ParsedPublicKey::new(&signature::ED25519, &key).map_err(|_| "not an OKP key")?;
    Ok(vec![(Algorithm::EdDsa, Verifier::Public(key))])
}
