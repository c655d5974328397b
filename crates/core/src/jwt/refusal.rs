//! Why a request is refused.

/// The numbers are those that Envoy shows in dynamic metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Missing = 1,
    NotYetValid = 2,
    Expired = 3,
    BadFormat = 4,
    HeaderNotBase64 = 5,
    HeaderNotJson = 6,
    AlgMissing = 7,
    AlgUnknown = 8,
    KidNotString = 9,
    PayloadNotBase64 = 10,
    PayloadNotJson = 11,
    IssNotString = 12,
    SubNotString = 13,
    IatNotInteger = 14,
    IatOutOfRange = 15,
    NbfNotInteger = 16,
    NbfOutOfRange = 17,
    ExpNotInteger = 18,
    ExpOutOfRange = 19,
    JtiNotString = 20,
    AudNotStrings = 21,
    SignatureNotBase64 = 22,
    Ed25519WrongLength = 23,
    UnknownIssuer = 24,
    AudienceNotAllowed = 25,
    NotVerified = 26,
    NoKeys = 31,
    NoMatchingKey = 32,
    FetchFailed = 40,
}

impl Refusal {
    pub fn code(self) -> u32 {
        self as u32
    }

    /// What the client is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "Jwt is missing",
            Self::NotYetValid => "Jwt not yet valid",
            Self::Expired => "Jwt is expired",
            Self::BadFormat => {
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
            }
            Self::HeaderNotBase64 => "Jwt header is an invalid Base64url encoded",
            Self::HeaderNotJson => "Jwt header is an invalid JSON",
            Self::AlgMissing => "Jwt header [alg] field is required and must be a string",
            Self::AlgUnknown => "Jwt header [alg] is not supported",
            Self::KidNotString => "Jwt header [kid] field is not a string",
            Self::PayloadNotBase64 => "Jwt payload is an invalid Base64url encoded",
            Self::PayloadNotJson => "Jwt payload is an invalid JSON",
            Self::IssNotString => "Jwt payload [iss] field is not a string",
            Self::SubNotString => "Jwt payload [sub] field is not a string",
            Self::IatNotInteger => "Jwt payload [iat] field is not an integer",
            Self::IatOutOfRange => "Jwt payload [iat] field is not a positive 64 bit integer",
            Self::NbfNotInteger => "Jwt payload [nbf] field is not an integer",
            Self::NbfOutOfRange => "Jwt payload [nbf] field is not a positive 64 bit integer",
            Self::ExpNotInteger => "Jwt payload [exp] field is not an integer",
            Self::ExpOutOfRange => "Jwt payload [exp] field is not a positive 64 bit integer",
            Self::JtiNotString => "Jwt payload [jti] field is not a string",
            Self::AudNotStrings => "Jwt payload [aud] field is not a string or string list",
            Self::SignatureNotBase64 => "Jwt signature is an invalid Base64url encoded",
            Self::Ed25519WrongLength => "Jwt ED25519 signature is wrong length",
            Self::UnknownIssuer => "Jwt issuer is not configured",
            Self::AudienceNotAllowed => "Audiences in Jwt are not allowed",
            Self::NotVerified => "Jwt verification fails",
            Self::NoKeys => "Jwks doesn't have any valid public key",
            Self::NoMatchingKey => "Jwks doesn't have key to match kid or alg from Jwt",
            Self::FetchFailed => "Jwks remote fetch is failed",
        }
    }
}
