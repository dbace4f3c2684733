//! What stands in a link to turn e-mails off: whose, for this purpose alone, so that nobody can read or make it who does not
//! know the database's secret. It does not end: an e-mail is kept for years.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::{Position, UserKey};

/// Bytes of a signature.
const SIGNED: usize = 32;
const PURPOSE: &[u8] = b"causerie/unsubscribe/1";

/// The keys for one purpose, out of the secret.
pub struct Seal {
    signing: hmac::Key,
    hiding: LessSafeKey,
}

impl Seal {
    pub fn of(secret: &[u8]) -> Result<Self, Unspecified> {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |what: &[u8]| hmac::sign(&secret, &[PURPOSE, what].concat());
        let hiding = UnboundKey::new(&AES_256_GCM, derived(b"/hide").as_ref())?;
        Ok(Self {
            signing: hmac::Key::new(hmac::HMAC_SHA256, derived(b"/sign").as_ref()),
            hiding: LessSafeKey::new(hiding),
        })
    }

    /// The token of a person: always the same one. `since` tells them from whoever had the id before and was erased.
    pub fn token(&self, user: &UserKey, since: Position) -> Result<String, Unspecified> {
        let mut named = written(user, since);
        let signature = hmac::sign(&self.signing, &named);
        // The nonce is the signature's begin: it repeats for the same person alone, and there says the same.
        let nonce = nonce(signature.as_ref())?;
        self.hiding
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut named)?;
        Ok(URL_SAFE_NO_PAD.encode([signature.as_ref(), &named].concat()))
    }

    /// Whose it is, if it is one of ours.
    pub fn open(&self, token: &str) -> Option<(UserKey, Position)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signature, hidden) = bytes.split_at_checked(SIGNED)?;
        let mut hidden = hidden.to_vec();
        let nonce = nonce(signature).ok()?;
        let opened = self.hiding.open_in_place(nonce, Aad::empty(), &mut hidden);
        let named = opened.ok()?;
        hmac::verify(&self.signing, named, signature).ok()?;
        let mut parts = std::str::from_utf8(named).ok()?.splitn(3, '\0');
        let user = UserKey::new(parts.next()?, parts.next()?);
        Some((user, parts.next()?.parse().ok()?))
    }
}

/// No id and no tenant holds a NUL.
fn written(user: &UserKey, since: Position) -> Vec<u8> {
    format!("{}\0{}\0{since}", user.tenant, user.id).into_bytes()
}

fn nonce(signature: &[u8]) -> Result<Nonce, Unspecified> {
    Nonce::try_assume_unique_for_key(signature.get(..NONCE_LEN).ok_or(Unspecified)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_person_to_nobody_else_and_cannot_be_made() {
        let seal = Seal::of(b"a secret of the tests").expect("keys");
        let alice = UserKey::new("salon", "alice");
        let token = seal.token(&alice, 7).expect("a token");
        assert_eq!(seal.open(&token), Some((alice.clone(), 7)));
        assert_eq!(seal.token(&alice, 7).expect("it"), token, "the same again");
        let other = UserKey::new("salon-a", "lice");
        assert_ne!(seal.token(&other, 7).expect("it"), token);
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("bytes");
        let plain = String::from_utf8_lossy(&bytes);
        assert!(
            !plain.contains("alice") && !plain.contains("salon"),
            "{plain}"
        );
        assert_eq!(Seal::of(b"another").expect("keys").open(&token), None);
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(forged)), None, "{at}");
        }
        for short in ["", "a", "AAAA", &token[..20], &token[..token.len() - 2]] {
            assert_eq!(seal.open(short), None, "{short}");
        }
    }
}
