//! Tokens as attackers make them, each with its name.

mod claims;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD as URL};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::keys::Pair;

pub struct Forge<'a> {
    pub rsa: &'a Pair,
    pub ec: &'a Pair,
    /// Nobody trusts it.
    pub stranger: &'a Pair,
    pub claims: Value,
    pub secret: &'a str,
}

type Named = (String, String);

fn part(value: &Value) -> String {
    URL.encode(value.to_string())
}

fn text(token: &str) -> (&str, &str, &str) {
    let mut parts = token.splitn(3, '.');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

impl Forge<'_> {
    pub fn all(&self) -> Vec<Named> {
        let groups = [
            self.unsigned(),
            self.confused(),
            self.named(),
            self.extended(),
            self.timed(),
            self.out_of_bounds(),
            self.malformed(),
        ];
        groups.into_iter().flatten().collect()
    }

    /// The good claims with one of them changed.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        claims[name] = value;
        claims
    }

    fn without(&self, name: &str) -> Value {
        let mut claims = self.claims.clone();
        claims.as_object_mut().expect("claims").remove(name);
        claims
    }

    /// Signed with the RSA key below a header of one's own.
    fn headed(&self, name: &str, more: &Value) -> Named {
        let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.rsa.kid });
        for (key, value) in more.as_object().expect("a header") {
            header[key] = value.clone();
        }
        (name.to_owned(), self.signed(&header, &part(&self.claims)))
    }

    /// RS256 over any header and payload.
    fn signed(&self, header: &Value, payload: &str) -> String {
        let message = format!("{}.{payload}", part(header));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.rsa.signing, Algorithm::RS256);
        format!("{message}.{}", signature.expect("a signature"))
    }

    fn unsigned(&self) -> Vec<Named> {
        let good = self.rsa.sign(&self.claims);
        let (head, payload, signature) = text(&good);
        let mut made: Vec<Named> = ["none", "None", "nOnE", "NONE", ""]
            .iter()
            .flat_map(|alg| {
                let head = part(&json!({ "alg": alg, "typ": "JWT" }));
                [
                    (format!("alg {alg:?}"), format!("{head}.{payload}.")),
                    (
                        format!("alg {alg:?}, a signature"),
                        format!("{head}.{payload}.{signature}"),
                    ),
                ]
            })
            .collect();
        let headless = part(&json!({ "typ": "JWT" }));
        made.push(("no alg".into(), format!("{headless}.{payload}.{signature}")));
        made.push(("an empty signature".into(), format!("{head}.{payload}.")));
        made.push(("no signature".into(), format!("{head}.{payload}")));
        let mut other = signature.to_owned();
        other.replace_range(10..11, if &signature[10..11] == "A" { "B" } else { "A" });
        made.push((
            "another signature".into(),
            format!("{head}.{payload}.{other}"),
        ));
        let changed = part(&self.with("sub", json!("bob")));
        made.push((
            "another payload".into(),
            format!("{head}.{changed}.{signature}"),
        ));
        made
    }

    /// A key of one kind taken for one of another.
    fn confused(&self) -> Vec<Named> {
        let hs = |name: &str, secret: &[u8]| {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(self.rsa.kid.clone());
            let key = EncodingKey::from_secret(secret);
            (
                name.to_owned(),
                encode(&header, &self.claims, &key).expect("a token"),
            )
        };
        let mut made = vec![
            hs("HS256 by the RSA key's PEM", self.rsa.pem.as_bytes()),
            hs("the same, trimmed", self.rsa.pem.trim().as_bytes()),
            hs("by its DER", &self.rsa.der),
            hs("by its JWK", self.rsa.jwk.to_string().as_bytes()),
            hs(
                "by its modulus",
                self.rsa.jwk["n"].as_str().unwrap_or_default().as_bytes(),
            ),
            hs("by the EC key's PEM", self.ec.pem.as_bytes()),
            hs("by nothing", b""),
            hs("by another secret", b"another secret of thirty-two bytes"),
        ];
        let good = self.rsa.sign(&self.claims);
        let (_, payload, signature) = text(&good);
        for alg in ["PS256", "RS512", "ES256", "EdDSA", "HS256"] {
            let head = part(&json!({ "alg": alg, "typ": "JWT", "kid": self.rsa.kid }));
            made.push((
                format!("RS256 said to be {alg}"),
                format!("{head}.{payload}.{signature}"),
            ));
        }
        let head = part(&json!({ "alg": "ES256", "typ": "JWT", "kid": self.ec.kid }));
        for (name, signature) in [
            ("zeros", vec![0; 64]),
            ("a DER of zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
        ] {
            made.push((
                format!("ES256 by {name}"),
                format!("{head}.{payload}.{}", URL.encode(signature)),
            ));
        }
        made.push(("a stranger's key".into(), self.stranger.sign(&self.claims)));
        let mut header = self.stranger.header();
        header.kid = Some(self.rsa.kid.clone());
        made.push((
            "a stranger's key by a known name".into(),
            encode(&header, &self.claims, &self.stranger.signing).expect("a token"),
        ));
        let hs384 = encode(
            &Header::new(Algorithm::HS384),
            &self.claims,
            &EncodingKey::from_secret(self.secret.as_bytes()),
        );
        made.push((
            "an algorithm that is not allowed".into(),
            hs384.expect("a token"),
        ));
        made
    }

    /// Names of keys, and keys that the token brings along.
    fn named(&self) -> Vec<Named> {
        let kids = [
            "unknown",
            "../../dev/null",
            "' union select 'x",
            "k\0",
            "",
            "/etc/passwd",
        ]
        .map(|kid| json!(kid));
        let long = json!("k".repeat(4000));
        let odd = [json!(7), json!(["k"]), json!({})];
        let mut made: Vec<Named> = kids
            .into_iter()
            .chain([long])
            .chain(odd)
            .map(|kid| {
                self.headed(
                    &format!("kid {:.20}", kid.to_string()),
                    &json!({ "kid": kid }),
                )
            })
            .collect();
        let stranger = |name: &str, more: Value| {
            let mut header = json!({ "alg": "RS256", "typ": "JWT" });
            for (key, value) in more.as_object().expect("a header") {
                header[key] = value.clone();
            }
            let message = format!("{}.{}", part(&header), part(&self.claims));
            let signature = jsonwebtoken::crypto::sign(
                message.as_bytes(),
                &self.stranger.signing,
                Algorithm::RS256,
            );
            (
                name.to_owned(),
                format!("{message}.{}", signature.expect("a signature")),
            )
        };
        made.push(stranger(
            "a key of its own",
            json!({ "jwk": self.stranger.jwk }),
        ));
        made.push(stranger(
            "where its key is",
            json!({ "jku": "http://127.0.0.1:9/keys" }),
        ));
        made.push(stranger(
            "where its certificate is",
            json!({ "x5u": "http://127.0.0.1:9/c" }),
        ));
        made.push(stranger(
            "a certificate of its own",
            json!({ "x5c": [BASE64_STANDARD.encode(&self.stranger.der)] }),
        ));
        made
    }

    fn extended(&self) -> Vec<Named> {
        vec![
            self.headed("crit", &json!({ "crit": ["exp"] })),
            self.headed("crit b64", &json!({ "crit": ["b64"], "b64": false })),
            self.headed("b64", &json!({ "b64": false })),
            self.headed("a token in a token", &json!({ "cty": "JWT" })),
            self.headed("zipped", &json!({ "zip": "DEF" })),
            self.headed("encrypted", &json!({ "enc": "A128GCM" })),
            self.headed("an ID token", &json!({ "typ": "id_token" })),
            self.headed("a refresh token", &json!({ "typ": "rt+jwt" })),
            self.headed("a logout token", &json!({ "typ": "logout+jwt" })),
        ]
    }

    fn malformed(&self) -> Vec<Named> {
        let good = self.rsa.sign(&self.claims);
        let (head, payload, signature) = text(&good);
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.rsa.kid });
        let twice = format!(
            "{},\"sub\":\"bob\"}}",
            self.claims.to_string().trim_end_matches('}')
        );
        let raw = |claims: &[u8]| self.signed(&header, &URL.encode(claims));
        let standard = |part: &str| BASE64_STANDARD.encode(URL.decode(part).unwrap_or_default());
        let padded = |part: &str| BASE64_URL_SAFE.encode(URL.decode(part).unwrap_or_default());
        let json_serialisation =
            json!({ "protected": head, "payload": payload, "signature": signature }).to_string();
        [
            ("sub twice", raw(twice.as_bytes())),
            ("claims that are a list", raw(b"[1]")),
            ("claims that are no JSON", raw(b"sub=alice")),
            (
                "claims that are no UTF-8",
                raw(b"{\"sub\":\"\xff\",\"exp\":9999999999}"),
            ),
            (
                "standard base64",
                format!(
                    "{}.{}.{}",
                    standard(head),
                    standard(payload),
                    standard(signature)
                ),
            ),
            (
                "padded",
                format!("{}.{}.{}", padded(head), padded(payload), padded(signature)),
            ),
            (
                "a padded signature",
                format!("{head}.{payload}.{signature}=="),
            ),
            ("a space in it", format!("{head}. {payload}.{signature}")),
            ("something behind it", format!("{good}x")),
            ("a fourth part", format!("{good}.x")),
            ("five parts", format!("{head}..{payload}.{signature}.x")),
            ("two of them", format!("{good},{good}")),
            ("JSON", json_serialisation),
            ("dots", "..".to_owned()),
            ("a word", "alice".to_owned()),
            ("9 kB", format!("{head}.{}.{signature}", "A".repeat(9000))),
        ]
        .map(|(name, token)| (name.to_owned(), token))
        .into()
    }
}
