//! Key pairs that are drawn for a test, and an issuer that publishes some of them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

pub struct Pair {
    pub algorithm: Algorithm,
    pub kid: String,
    pub signing: EncodingKey,
    /// The public key: as a PEM, as DER, as a JWK.
    pub pem: String,
    pub der: Vec<u8>,
    pub jwk: Value,
}

impl Pair {
    pub fn draw(algorithm: Algorithm, kid: &str) -> Self {
        match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => {
                let curve = match algorithm {
                    Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
                    _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
                };
                let pair = EcdsaKeyPair::generate(curve).expect("a key");
                let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("DER");
                let private = pair.to_pkcs8v1().expect("DER");
                let make = EncodingKey::from_ec_pem;
                Self::of(algorithm, kid, private.as_ref(), der.as_ref(), make)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().expect("a key");
                let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("DER");
                let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("DER");
                let make = EncodingKey::from_ed_pem;
                Self::of(algorithm, kid, private.as_ref(), der.as_ref(), make)
            }
            _ => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
                let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("DER");
                let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("DER");
                let make = EncodingKey::from_rsa_pem;
                Self::of(algorithm, kid, private.as_ref(), der.as_ref(), make)
            }
        }
    }

    fn of(
        algorithm: Algorithm,
        kid: &str,
        private: &[u8],
        public: &[u8],
        make: fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>,
    ) -> Self {
        let signing = make(pem("PRIVATE KEY", private).as_bytes()).expect("a key");
        let mut jwk = Jwk::from_encoding_key(&signing, algorithm).expect("a JWK");
        jwk.common.key_id = Some(kid.to_owned());
        Self {
            algorithm,
            kid: kid.to_owned(),
            signing,
            pem: pem("PUBLIC KEY", public),
            der: public.to_vec(),
            jwk: serde_json::to_value(jwk).expect("JSON"),
        }
    }

    pub fn header(&self) -> Header {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone());
        header
    }

    pub fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.signing).expect("a token")
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {what}-----\n{}\n-----END {what}-----\n",
        lines.join("\n")
    )
}

/// What an issuer publishes.
pub fn set(pairs: &[&Pair]) -> Value {
    json!({ "keys": pairs.iter().map(|pair| &pair.jwk).collect::<Vec<_>>() })
}
