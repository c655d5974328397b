//! Session tickets made with configured keys, so that any worker and any proxy with the same keys resumes
//! them (`session_ticket_keys`).

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM, NONCE_LEN};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

use crate::compile::{CompileError, Result};

/// A key name, 32 bytes that Envoy authenticates with, and an AES-256 key.
const KEY_LENGTH: usize = 80;
const NAME_LENGTH: usize = 16;

#[derive(Debug)]
struct Key {
    name: [u8; NAME_LENGTH],
    key: LessSafeKey,
}

/// The first key makes tickets, all of them open tickets.
#[derive(Debug)]
pub struct Tickets {
    keys: Vec<Key>,
    lifetime_s: u32,
    /// Names the trust and the certificates: a ticket of other ones opens nothing.
    context: Vec<u8>,
}

impl Tickets {
    /// # Errors
    /// A key that is not of 80 bytes.
    pub fn new(keys: &[Vec<u8>], lifetime_s: u32, context: Vec<u8>) -> Result<Self> {
        let key = |bytes: &Vec<u8>| {
            let whole = <&[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).map_err(|_| {
                let length = bytes.len();
                CompileError::new(format!(
                    "Incorrect TLS session ticket key length. Length {length}, expected length 80."
                ))
            })?;
            let mut name = [0; NAME_LENGTH];
            name.copy_from_slice(&whole[..NAME_LENGTH]);
            let unbound = UnboundKey::new(&AES_256_GCM, &whole[KEY_LENGTH - 32..])
                .map_err(|_| CompileError::new("a session ticket key cannot be used"))?;
            Ok(Key { name, key: LessSafeKey::new(unbound) })
        };
        Ok(Self { keys: keys.iter().map(key).collect::<Result<_>>()?, lifetime_s, context })
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        !self.keys.is_empty()
    }

    fn lifetime(&self) -> u32 {
        self.lifetime_s
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        key.key.seal_in_place_append_tag(nonce_of, Aad::from(&self.context), &mut sealed).ok()?;
        Some([&key.name[..], &nonce, &sealed].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = cipher.split_at_checked(NAME_LENGTH)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let key = self.keys.iter().find(|key| key.name == name)?;
        let mut opened = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = key.key.open_in_place(nonce, Aad::from(&self.context), &mut opened).ok()?;
        let length = plain.len();
        opened.truncate(length);
        Some(opened)
    }
}

#[cfg(test)]
mod tests {
    use rustls::server::ProducesTickets as _;

    use super::Tickets;

    fn tickets(keys: &[u8], context: &str) -> Tickets {
        let keys: Vec<_> = keys.iter().map(|&byte| vec![byte; 80]).collect();
        Tickets::new(&keys, 60, context.into()).unwrap()
    }

    #[test]
    fn older_keys_open_tickets_and_other_contexts_do_not() {
        let ticket = tickets(&[1], "a").encrypt(b"state").unwrap();
        assert_eq!(tickets(&[2, 1], "a").decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(tickets(&[2], "a").decrypt(&ticket), None);
        assert_eq!(tickets(&[1], "b").decrypt(&ticket), None);
        assert_eq!(tickets(&[1], "a").decrypt(&ticket[..20]), None);
    }

    #[test]
    fn a_key_of_another_length_is_an_error() {
        let error = Tickets::new(&[vec![0; 48]], 60, Vec::new()).unwrap_err();
        assert!(error.reason.contains("Length 48"), "{error}");
    }
}
