//! JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, and the key sets (RFC 7517) that they are verified
//! with. Pure: bytes in, a verdict out. Signatures are AWS-LC's.
//!
//! What a token is, and what is said of one that is not valid, is Envoy's; where RFC 7515 is stricter, it decides.

mod algorithm;
mod audiences;
mod key;
mod key_set;
mod object;
mod refusal;
#[cfg(test)]
mod tests;
mod token;

pub use audiences::Audiences;
pub use key_set::KeySet;
pub use refusal::Refusal;
pub use token::Token;
